//! A process of a stage: started with nothing of our environment, killed when dropped.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::{read_log, within};

/// A running process. Its stderr goes to a file.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    log: PathBuf,
    /// Open as long as we live: the stand-in ends when it closes, even if we are killed.
    _stdin: Option<ChildStdin>,
}

/// Returns a command that sees of our environment only `PATH`.
pub(crate) fn bare(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", home).current_dir(home);
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    for (variable, under) in [
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_CACHE_HOME", "cache"),
        ("XDG_STATE_HOME", "state"),
        ("XDG_DATA_HOME", "data"),
    ] {
        command.env(variable, home.join(under));
    }
    command
}

impl Process {
    /// Starts `command`.
    pub(super) fn start(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("could not open {}", log.display()))?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("could not start {name}"))?;
        let stdout = child.stdout.take().context("stdout is a pipe")?;
        Ok(Self {
            name: name.to_owned(),
            lines: BufReader::new(stdout).lines(),
            _stdin: child.stdin.take(),
            child,
            log: log.to_owned(),
        })
    }

    /// Returns the next line of stdout, or `None` at its end.
    pub(super) async fn line(&mut self) -> Result<Option<String>> {
        Ok(self.lines.next_line().await?)
    }

    /// Returns what it wrote to stderr so far.
    pub(crate) fn log(&self) -> String {
        read_log(&self.log)
    }

    /// Sends a signal, to this process only.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(self.pid()?, signal)
            .with_context(|| format!("could not send {signal:?} to {}", self.name))
    }

    /// Waits until it ended.
    pub(crate) async fn ended(&mut self) -> Result<ExitStatus> {
        let what = format!("the end of {}", self.name);
        within(&what, async { Ok(self.child.wait().await?) }).await
    }

    /// Forgets the most memory that it had resident, so that [`Self::peak_bytes`] counts from now.
    pub(crate) fn reset_peak(&self) -> Result<()> {
        let path = format!("/proc/{}/clear_refs", self.pid()?.as_raw_nonzero());
        std::fs::write(&path, "5").with_context(|| format!("could not write {path}"))
    }

    /// Returns the most memory that it had resident (`VmHWM`).
    pub(crate) fn peak_bytes(&self) -> Result<u64> {
        let path = format!("/proc/{}/status", self.pid()?.as_raw_nonzero());
        let status =
            std::fs::read_to_string(&path).with_context(|| format!("could not read {path}"))?;
        status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"))
            .and_then(|kilobytes| kilobytes.trim().parse::<u64>().ok())
            .map(|kilobytes| kilobytes * 1024)
            .with_context(|| format!("{path} has no VmHWM"))
    }

    fn pid(&self) -> Result<Pid> {
        self.child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw)
            .with_context(|| format!("{} has ended", self.name))
    }
}
