//! The binaries under test, built by cargo.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use serde::Deserialize;

use crate::command::{cargo, output, say};

/// How binaries are built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Quick to build.
    #[default]
    Debug,
    /// As shipped.
    Release,
}

/// Paths of the binaries that a stage starts.
#[derive(Clone, Debug)]
pub(crate) struct Binaries {
    /// The node and its commands.
    pub(crate) gh_mesh: PathBuf,
    /// The stand-in for GitHub.
    pub(crate) standin: PathBuf,
}

impl Binaries {
    /// Builds both, and finds them wherever cargo puts them (`CARGO_TARGET_DIR` is followed).
    pub(crate) fn build(profile: Profile) -> Result<Self> {
        let mut arguments = vec![
            "build", "--locked", "--bins", "-p", "gh-cli", "-p", "standin",
        ];
        if profile == Profile::Release {
            arguments.push("--release");
        }
        say(&format!("$ cargo {}", arguments.join(" ")));
        arguments.push("--message-format=json-render-diagnostics");
        let messages = output(cargo(&arguments).stderr(Stdio::inherit()))?;
        let mut built = executables(&messages);
        let mut take = |name: &str| {
            built
                .remove(name)
                .with_context(|| format!("cargo did not say where it put {name}"))
        };
        Ok(Self {
            gh_mesh: take("gh-mesh")?,
            standin: take("standin")?,
        })
    }

    /// Takes both from a directory.
    pub(crate) fn within(directory: &Path) -> Result<Self> {
        let take = |name: &str| {
            directory
                .join(name)
                .canonicalize()
                .with_context(|| format!("no {name} in {}", directory.display()))
        };
        Ok(Self {
            gh_mesh: take("gh-mesh")?,
            standin: take("standin")?,
        })
    }

    /// Builds the example `name` of gh-client, or returns `None` where there is no such example.
    pub(crate) fn example(name: &str) -> Result<Option<PathBuf>> {
        if !crate::command::root()
            .join(format!("gh-client/examples/{name}.rs"))
            .exists()
        {
            return Ok(None);
        }
        let arguments = [
            "build",
            "--locked",
            "-p",
            "gh-client",
            "--example",
            name,
            "--message-format=json-render-diagnostics",
        ];
        say(&format!("$ cargo build -p gh-client --example {name}"));
        let messages = output(cargo(&arguments).stderr(Stdio::inherit()))?;
        Ok(executables(&messages).remove(name))
    }
}

/// The part of cargo's messages that is looked at.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Returns the executables that cargo built, by name.
fn executables(messages: &str) -> BTreeMap<String, PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .filter_map(|message| Some((message.target?.name, message.executable?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_found_among_cargos_messages() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"serde"},"executable":null}
            no JSON
            {"reason":"compiler-artifact","target":{"name":"standin"},"executable":"/t/debug/standin"}
            {"reason":"build-finished","success":true}"#;
        let found: Vec<_> = executables(messages).into_iter().collect();
        assert_eq!(
            found,
            [("standin".to_owned(), PathBuf::from("/t/debug/standin"))]
        );
    }
}
