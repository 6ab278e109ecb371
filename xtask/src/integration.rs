//! `cargo xtask integration`: scenarios over real processes and the clients that people use.
//!
//! Each scenario has a stage of its own ([`crate::rig`]), asserts what the contract says, and prints a line for each
//! thing it counted. One that fails is reported with what its processes said, and the others still run.
//!
//! Lifetimes are compressed by public settings only: with `CACHE_MAX_AGE` of [`COMPRESSED_S`] seconds an answer that
//! GitHub calls fresh for 60 seconds is revalidated [`FACTOR`] times as often.

mod concurrency;
mod credentials;
mod curl;
mod failures;
mod fleet;
mod gh;
mod gone;
mod outage;
mod secret;
mod stopping;
mod streams;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::command::say;
use crate::rig::{Binaries, Clients, Profile, Rig, block_on, timed};

/// The compressed lifetime, for `CACHE_MAX_AGE`.
const COMPRESSED_S: u64 = 3;
/// By how much that is shorter than the 60 seconds that GitHub states.
const FACTOR: u64 = 60 / COMPRESSED_S;

/// What can be chosen.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Run the binaries of this profile
    #[arg(long, value_enum, default_value = "debug")]
    profile: Profile,
    /// Run the binaries in this directory, in place of building them
    #[arg(long, value_name = "DIR", conflicts_with = "profile")]
    binaries: Option<std::path::PathBuf>,
    /// Run this scenario only (can be repeated)
    #[arg(long, value_name = "SCENARIO", value_parser = SCENARIOS.map(|(name, _)| name))]
    only: Vec<String>,
}

/// What a scenario has.
struct Stage {
    name: &'static str,
    rig: Rig,
    clients: Clients,
}

impl Stage {
    /// Prints one line of results.
    #[expect(clippy::print_stdout, reason = "results of the task")]
    fn report(&self, line: &str) {
        println!("{:<12} {line}", self.name);
    }
}

type Outcome<'a> = Pin<Box<dyn Future<Output = Result<()>> + 'a>>;
type Scenario = for<'a> fn(&'a Stage) -> Outcome<'a>;

const SCENARIOS: [(&str, Scenario); 11] = [
    ("gh", |stage| Box::pin(gh::run(stage))),
    ("curl", |stage| Box::pin(curl::run(stage))),
    ("concurrency", |stage| Box::pin(concurrency::run(stage))),
    ("fleet", |stage| Box::pin(fleet::run(stage))),
    ("gone", |stage| Box::pin(gone::run(stage))),
    ("credentials", |stage| Box::pin(credentials::run(stage))),
    ("secret", |stage| Box::pin(secret::run(stage))),
    ("streams", |stage| Box::pin(streams::run(stage))),
    ("failures", |stage| Box::pin(failures::run(stage))),
    ("stopping", |stage| Box::pin(stopping::run(stage))),
    ("outage", |stage| Box::pin(outage::run(stage))),
];

/// Runs the scenarios.
pub(crate) fn integration(args: &Args) -> Result<()> {
    block_on(run(args))
}

async fn run(args: &Args) -> Result<()> {
    let binaries = match &args.binaries {
        Some(directory) => Binaries::within(directory)?,
        None => Binaries::build_with_example(args.profile)?,
    };
    let clients = Clients::find().await?;
    let mut failed = Vec::new();
    let mut total = Duration::ZERO;
    for (name, scenario) in SCENARIOS {
        if !args.only.is_empty() && !args.only.iter().any(|only| only == name) {
            continue;
        }
        let stage = Stage {
            name,
            rig: Rig::new(&binaries)?,
            clients: clients.clone(),
        };
        let (took, outcome) = timed(scenario(&stage)).await;
        total += took;
        match outcome {
            Ok(()) => stage.report(&format!("ok, {:.1} s", took.as_secs_f64())),
            Err(error) => {
                stage.report(&format!("FAILED, {:.1} s", took.as_secs_f64()));
                let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
                say(&format!(
                    "{name}: {}\n{}",
                    causes.join("\n  "),
                    stage.rig.logs()
                ));
                failed.push(name);
            }
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    say(&format!(
        "integration: all as it should be, {:.0} s",
        total.as_secs_f64()
    ));
    Ok(())
}

/// Fails unless `actual` is `expected`, and says what was counted.
#[track_caller]
#[expect(
    clippy::needless_pass_by_value,
    reason = "literals and counts read better without `&`"
)]
fn expect<T: PartialEq + std::fmt::Debug>(what: &str, actual: T, expected: T) -> Result<()> {
    if actual == expected {
        return Ok(());
    }
    let (actual, expected) = differing(&format!("{actual:?}"), &format!("{expected:?}"));
    let place = std::panic::Location::caller();
    Err(anyhow::anyhow!("{actual}\n  instead of {expected}"))
        .with_context(|| format!("{what} ({}:{})", place.file(), place.line()))
}

/// Fails unless `text` contains `part`.
#[track_caller]
fn expect_contains(what: &str, text: &str, part: &str) -> Result<()> {
    if text.contains(part) {
        return Ok(());
    }
    let place = std::panic::Location::caller();
    Err(anyhow::anyhow!("no {part:?} in {text:?}"))
        .with_context(|| format!("{what} ({}:{})", place.file(), place.line()))
}

/// Returns of two long texts the parts where they begin to differ.
fn differing(a: &str, b: &str) -> (String, String) {
    const BEFORE: usize = 60;
    const SHOWN: usize = 400;
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let part = |text: &str| -> String {
        let skipped = if text.chars().count() > SHOWN {
            same.saturating_sub(BEFORE)
        } else {
            0
        };
        text.chars().skip(skipped).take(SHOWN).collect()
    };
    (part(a), part(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_shown_from_where_they_differ() {
        let same = "x".repeat(1_000);
        let (a, b) = differing(&format!("{same}a"), &format!("{same}b"));
        assert_eq!(a, format!("{}a", "x".repeat(60)));
        assert_eq!(b, format!("{}b", "x".repeat(60)));
        assert_eq!(
            differing("short", "shirt"),
            ("short".to_owned(), "shirt".to_owned())
        );
    }
}
