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

/// The example of gh-client: octocrab as a client.
const EXAMPLE: &str = "list_repos";

/// Paths of the binaries that a stage starts.
#[derive(Clone, Debug)]
pub(crate) struct Binaries {
    /// The node and its commands.
    pub(crate) gh_mesh: PathBuf,
    /// The stand-in for GitHub.
    pub(crate) standin: PathBuf,
    /// gh-client's example, where it was asked for.
    pub(crate) list_repos: Option<PathBuf>,
}

impl Binaries {
    /// Builds node and stand-in, and finds them wherever cargo puts them (`CARGO_TARGET_DIR` is followed).
    pub(crate) fn build(profile: Profile) -> Result<Self> {
        Self::built(profile, &[])
    }

    /// As [`Self::build`], with gh-client's example.
    pub(crate) fn build_with_example(profile: Profile) -> Result<Self> {
        Self::built(profile, &["-p", "gh-client", "--example", EXAMPLE])
    }

    fn built(profile: Profile, further: &[&str]) -> Result<Self> {
        let mut arguments = vec![
            "build", "--locked", "--bins", "-p", "gh-cli", "-p", "standin",
        ];
        arguments.extend(further);
        if profile == Profile::Release {
            arguments.push("--release");
        }
        say(&format!("$ cargo {}", arguments.join(" ")));
        arguments.push("--message-format=json-render-diagnostics");
        let messages = output(cargo(&arguments).stderr(Stdio::inherit()))?;
        let mut built = executables(&messages);
        let list_repos = built.remove(EXAMPLE);
        let mut take = |name: &str| {
            built
                .remove(name)
                .with_context(|| format!("cargo did not say where it put {name}"))
        };
        Ok(Self {
            gh_mesh: take("gh-mesh")?,
            standin: take("standin")?,
            list_repos,
        })
    }

    /// Takes them from a directory.
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
            list_repos: take(EXAMPLE).ok(),
        })
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
