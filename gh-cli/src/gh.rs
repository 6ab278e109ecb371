//! GitHub's own `gh`, `git` and `systemctl`: asked for what the environment does not say, and told what `setup` does.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use gh_client::settings::Secret;

/// Neither is waited for longer: a keyring may want to ask a person who is not there.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// Longer output is none of what is asked for here.
const MAX_OUTPUT_BYTES: u64 = 64 << 10;

/// Returns the token that `gh` holds for `host`, if `gh` is there and holds one.
pub(crate) fn auth_token(host: Option<&str>) -> Option<Secret> {
    let mut command = Command::new("gh");
    command.args(["auth", "token"]);
    if let Some(host) = host {
        command.args(["--hostname", host]);
    }
    let token = Secret::new(&output(&mut command)?);
    (!token.expose().is_empty()).then_some(token)
}

/// Returns the socket that `gh` is set to use, empty for none; `None` when there is no `gh`.
pub(crate) fn unix_socket() -> Option<String> {
    let said = output(Command::new("gh").args(["config", "get", "http_unix_socket"]))?;
    Some(said.trim_end_matches('\n').to_owned())
}

/// Sets the socket that `gh` uses; an empty one unsets it.
pub(crate) fn set_unix_socket(path: &str) -> Option<()> {
    output(Command::new("gh").args(["config", "set", "http_unix_socket", path])).map(drop)
}

/// Runs `systemctl --user`, and tells whether it did what it was asked.
pub(crate) fn systemctl(arguments: &[&str]) -> bool {
    output(Command::new("systemctl").arg("--user").args(arguments)).is_some()
}

/// Returns what `git` with these arguments prints, if it succeeds.
pub(crate) fn git(arguments: &[&str]) -> Option<String> {
    output(Command::new("git").args(arguments))
}

/// Runs a command and returns its output if it succeeds in time.
fn output(command: &mut Command) -> Option<String> {
    let command = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let stdout = child.stdout.take()?;
    let (tx, rx) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.take(MAX_OUTPUT_BYTES).read_to_string(&mut text);
        // Nobody listens any more when the time is up.
        let _ = tx.send(read.is_ok().then_some(text));
    });
    let text = rx.recv_timeout(TIME_LIMIT).ok().flatten();
    if text.is_none() {
        // It may have ended by itself meanwhile.
        let _ = child.kill();
    }
    let status = child.wait().ok()?;
    text.filter(|_| status.success())
}
