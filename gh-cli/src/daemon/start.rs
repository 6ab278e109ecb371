//! Starting a daemon for a command that finds none.
//!
//! One lock makes commands that start at once end with one daemon: whoever has it starts the daemon and waits for its
//! word that it is ready, the others wait for the lock and then find the daemon there.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use gh_client::settings::Settings;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::{Server, StartedBy, act, server};
use crate::error::{CommandError, Ending, Outcome, OutcomeExt as _};

/// A daemon that is not ready by then is given up.
const START_LIMIT: Duration = Duration::from_secs(10);

/// One that is ending finishes what it was asked in this time.
pub(crate) const END_LIMIT: Duration = Duration::from_secs(30);

/// A log that is longer is put aside before the next daemon writes.
const MAX_LOG_BYTES: u64 = 1 << 20;

/// What a daemon says last is looked for in this much of its log.
const MAX_LAST_WORDS_BYTES: u64 = 64 << 10;

/// Variables with secrets, none of which a daemon without doors to the network needs.
const SECRETS: [&str; 8] = [
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "GH_ENTERPRISE_TOKEN",
    "GITHUB_ENTERPRISE_TOKEN",
    "CACHE_P2P_SHARED_SECRET",
    "CACHE_P2P_SHARED_SECRET_FILE",
    "GH_MESH_P2P_SHARED_SECRET",
    "GH_MESH_P2P_SHARED_SECRET_FILE",
];

/// Makes sure that a daemon listens on the socket: finds it, replaces one of an older version that a command started,
/// or starts one. `config` is the settings file that was given.
pub(crate) async fn ensure(settings: &Settings, config: Option<&Path>) -> Outcome<()> {
    if is_there(settings).await? {
        return Ok(());
    }
    let aim = || "could not start a daemon".to_owned();
    make_private_directory(&settings.state_dir)
        .map_err(|error| {
            CommandError::from(error).aim(format!("cannot use {}", settings.state_dir.display()))
        })
        .aim(aim)?;
    let lock = lock(settings.state_dir.join("start.lock"), START_LIMIT);
    let Some(_lock) = lock.await.aim(aim)? else {
        let message = "another command has been starting one for too long";
        return Err(CommandError::message(Ending::Failed, message).aim(aim()));
    };
    // Whoever had the lock before may have done it.
    match find(settings).await? {
        Found::Usable => return Ok(()),
        Found::Outdated => drop(act(settings, "stop").await?),
        Found::None => {}
    }
    if !has_ended(&settings.state_dir, START_LIMIT).await.aim(aim)? {
        let message = format!(
            "another gh-mesh process holds {} and does not listen on {}",
            settings.state_dir.display(),
            settings.socket.display()
        );
        return Err(CommandError::message(Ending::Failed, message).aim(aim()));
    }
    start(settings, config).await.aim(aim)
}

/// Waits until no daemon holds `state_dir`. `false` when the time is up.
pub(crate) async fn has_ended(state_dir: &Path, limit: Duration) -> Outcome<bool> {
    Ok(lock(state_dir.join("lock"), limit).await?.is_some())
}

/// Returns where a daemon that a command started logs.
pub(crate) fn log_path(state_dir: &Path) -> PathBuf {
    state_dir.join("daemon.log")
}

/// Makes a directory for its owner alone, unless there is one.
pub(crate) fn make_private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

enum Found {
    Usable,
    /// To be replaced.
    Outdated,
    None,
}

async fn is_there(settings: &Settings) -> Outcome<bool> {
    Ok(matches!(find(settings).await?, Found::Usable))
}

async fn find(settings: &Settings) -> Outcome<Found> {
    Ok(match server(settings).await? {
        None => Found::None,
        Some(server) if is_outdated(&server) => Found::Outdated,
        Some(_) => Found::Usable,
    })
}

/// Tells whether this command may and should put a daemon of its own version in the place of `server`.
fn is_outdated(server: &Server) -> bool {
    server.started_by == StartedBy::Command
        && numbers(&server.version) < numbers(env!("CARGO_PKG_VERSION"))
}

fn numbers(version: &str) -> Vec<u64> {
    let release = version.split(['-', '+']).next().unwrap_or_default();
    release
        .split('.')
        .map(|number| number.parse().unwrap_or_default())
        .collect()
}

async fn start(settings: &Settings, config: Option<&Path>) -> Outcome<()> {
    let log_path = log_path(&settings.state_dir);
    let mut log = open_log(&log_path).aim(|| format!("cannot write to {}", log_path.display()))?;
    let written_before = log.seek(SeekFrom::End(0))?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["serve", "--started-by", "command"]);
    for (flag, path) in [
        ("--cache-dir", Some(&*settings.cache_dir)),
        ("--state-dir", Some(&*settings.state_dir)),
        ("--socket", Some(&*settings.socket)),
        ("--config", config),
    ] {
        if let Some(path) = path {
            command.arg(flag).arg(std::path::absolute(path)?);
        }
    }
    let api_url = settings
        .shown()
        .iter()
        .find(|shown| shown.name == "API_URL");
    if let Some(shown) = api_url {
        command.env("GH_MESH_API_URL", &shown.value);
    }
    for name in SECRETS {
        command.env_remove(name);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log);
    let mut child = command.spawn()?;
    let stdout = child.stdout.take().expect("stdout is piped");
    let is_ready = tokio::time::timeout(START_LIMIT, async {
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if line == "ready" {
                return true;
            }
        }
        false
    });
    match is_ready.await {
        Ok(true) => Ok(()),
        Ok(false) => {
            let said = last_words(&log_path, written_before);
            let said = said.unwrap_or_else(|| "it ended without a word".to_owned());
            Err(CommandError::message(Ending::Failed, said))
        }
        Err(_) => {
            // It may have ended by itself meanwhile.
            let _ = child.start_kill();
            Err(CommandError::message(
                Ending::Failed,
                format!("it was not ready within {START_LIMIT:?}"),
            ))
        }
    }
}

/// Returns what a daemon that did not start gave as its reason, on one line.
fn last_words(log: &Path, written_before: u64) -> Option<String> {
    let mut file = File::open(log).ok()?;
    file.seek(SeekFrom::Start(written_before)).ok()?;
    let mut said = String::new();
    file.take(MAX_LAST_WORDS_BYTES)
        .read_to_string(&mut said)
        .ok()?;
    let reason = &said[said.find("error: ")? + "error: ".len()..];
    let reason = reason.split("\n\n").next().unwrap_or_default();
    let lines: Vec<_> = reason
        .lines()
        .map(|line| line.trim().trim_start_matches("caused by: "))
        .filter(|line| *line != "could not start")
        .collect();
    Some(lines.join(": "))
}

fn open_log(path: &Path) -> io::Result<File> {
    let is_long = path
        .metadata()
        .is_ok_and(|metadata| metadata.len() > MAX_LOG_BYTES);
    if is_long {
        std::fs::rename(path, path.with_extension("log.1"))?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

/// Takes the lock of a file, and waits for it until `limit` has passed.
async fn lock(path: PathBuf, limit: Duration) -> Outcome<Option<File>> {
    let taken = tokio::task::spawn_blocking(move || {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        // Waits in the kernel. When the time is up the command goes on without, and the thread ends with the process.
        file.lock()?;
        Ok::<_, io::Error>(file)
    });
    match tokio::time::timeout(limit, taken).await {
        Ok(taken) => Ok(Some(taken.map_err(anyhow::Error::from)??)),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(numbers("0.9.0") < numbers("0.10.0"));
        assert!(numbers("1.0.0-rc.1") == numbers("1.0.0"));
        assert!(numbers("2") > numbers("1.9.9"));
    }
}
