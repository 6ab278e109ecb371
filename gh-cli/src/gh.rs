//! GitHub's own `gh`, and `git`: asked for what the environment does not say.

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
