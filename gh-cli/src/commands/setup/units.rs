//! The units by which systemd opens the socket and starts the daemon.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gh_client::settings::Settings;

use crate::error::{CommandError, Ending, Outcome};
use crate::gh;

/// The first line of what is written here; no other file is replaced or removed.
const MARK: &str = "# Written by `gh-mesh setup`; `gh-mesh unset` removes it.";

const SOCKET: &str = "gh-mesh.socket";
const SERVICE: &str = "gh-mesh.service";

/// Where the units are.
#[derive(Debug)]
pub(super) struct Units {
    directory: PathBuf,
}

impl Units {
    /// Returns the place of this user's units, if there is a home.
    pub(super) fn find() -> Option<Self> {
        Some(Self {
            directory: super::config_home()?.join("systemd/user"),
        })
    }

    /// Makes sure that no unit of somebody else is in the way.
    pub(super) fn check(&self) -> Outcome<()> {
        for name in [SOCKET, SERVICE] {
            let path = self.directory.join(name);
            if path.symlink_metadata().is_ok() && !is_ours(&path) {
                return Err(CommandError::message(
                    Ending::Failed,
                    format!("{} is there, and not from here", path.display()),
                )
                .hint("move it away"));
            }
        }
        Ok(())
    }

    /// Writes the units and has systemd listen.
    pub(super) fn install(
        &self,
        settings: &Settings,
        config: Option<&Path>,
        socket: &str,
    ) -> Outcome<()> {
        fs::create_dir_all(&self.directory)?;
        fs::write(self.directory.join(SOCKET), socket_unit(socket))?;
        let command = command(settings, config)?;
        fs::write(self.directory.join(SERVICE), service_unit(&command))?;
        // The service is started by the socket, with the units as they are now.
        let _ = gh::systemctl(&["stop", SERVICE]);
        if gh::systemctl(&["daemon-reload"])
            && gh::systemctl(&["enable", SOCKET])
            && gh::systemctl(&["restart", SOCKET])
        {
            return Ok(());
        }
        Err(
            CommandError::message(Ending::Failed, "systemd did not take the units")
                .hint(format!("`systemctl --user status {SOCKET}` says why")),
        )
    }

    /// Has systemd no longer listen, and removes the units.
    pub(super) fn remove(&self) -> Outcome<()> {
        // Where they are gone already, systemd has nothing to disable.
        let _ = gh::systemctl(&["disable", "--now", SOCKET]);
        let _ = gh::systemctl(&["stop", SERVICE]);
        for name in [SOCKET, SERVICE] {
            let path = self.directory.join(name);
            if is_ours(&path) {
                fs::remove_file(path)?;
            }
        }
        let _ = gh::systemctl(&["daemon-reload"]);
        Ok(())
    }
}

fn is_ours(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.starts_with(MARK))
}

fn command(settings: &Settings, config: Option<&Path>) -> io::Result<Vec<String>> {
    let mut command = vec![
        std::env::current_exe()?.display().to_string(),
        "serve".to_owned(),
        "--started-by".to_owned(),
        "systemd".to_owned(),
    ];
    for (flag, path) in [
        ("--cache-dir", Some(&*settings.cache_dir)),
        ("--state-dir", Some(&*settings.state_dir)),
        ("--config", config),
    ] {
        if let Some(path) = path {
            let path = std::path::absolute(path)?.display().to_string();
            command.extend([flag.to_owned(), path]);
        }
    }
    let shown = settings.shown().iter();
    let api_url = shown
        .filter(|shown| shown.name == "API_URL" && !shown.value.is_empty())
        .map(|shown| shown.value.clone());
    for value in api_url {
        command.extend(["--api-url".to_owned(), value]);
    }
    Ok(command)
}

fn socket_unit(socket: &str) -> String {
    let socket = socket.replace('%', "%%");
    format!(
        "{MARK}\n[Unit]\nDescription=Socket of gh-mesh, a cache for the GitHub API\n\n\
         [Socket]\nListenStream={socket}\nSocketMode=0600\nDirectoryMode=0700\n\n\
         [Install]\nWantedBy=sockets.target\n"
    )
}

fn service_unit(command: &[String]) -> String {
    let words: Vec<_> = command.iter().map(|word| quoted(word)).collect();
    format!(
        "{MARK}\n[Unit]\nDescription=gh-mesh, a cache for the GitHub API\nRequires={SOCKET}\nAfter={SOCKET}\n\n\
         [Service]\nExecStart={}\nRestart=on-failure\n",
        words.join(" ")
    )
}

/// Returns a word of a command line as systemd reads it.
fn quoted(word: &str) -> String {
    let mut out = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '%' | '$' => out.extend([c, c]),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_say_what_systemd_is_to_do() {
        insta::assert_snapshot!(socket_unit("/home/me/100%/s.sock"), @r"
        # Written by `gh-mesh setup`; `gh-mesh unset` removes it.
        [Unit]
        Description=Socket of gh-mesh, a cache for the GitHub API

        [Socket]
        ListenStream=/home/me/100%%/s.sock
        SocketMode=0600
        DirectoryMode=0700

        [Install]
        WantedBy=sockets.target
        ");
        let command = ["/usr/bin/gh-mesh", "serve", r#"a "b" $HOME \ %h"#].map(str::to_owned);
        insta::assert_snapshot!(service_unit(&command), @r#"
        # Written by `gh-mesh setup`; `gh-mesh unset` removes it.
        [Unit]
        Description=gh-mesh, a cache for the GitHub API
        Requires=gh-mesh.socket
        After=gh-mesh.socket

        [Service]
        ExecStart="/usr/bin/gh-mesh" "serve" "a \"b\" $$HOME \\ %%h"
        Restart=on-failure
        "#);
    }
}
