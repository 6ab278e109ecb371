//! `cargo xtask`: what developers and CI run.
//!
//! It builds and starts things and looks at what they do from outside; it links none of the crates it tests.

mod check;
mod command;
mod demo;
mod integration;
mod rig;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Run the project's tests, suites, demo, benches and checks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every test: unit, property, integration and the suites over real processes
    Test,
    /// Start a stand-in for GitHub and two nodes, drive real clients through them, and print what was saved
    Demo(demo::Args),
    /// Format, lints, docs, and the checks of the tree
    Lint,
    /// Run what CI runs: format, lints, docs, every test, the checks of the tree
    Ci,
    /// Run scenarios over real processes: nodes, a stand-in for GitHub, `gh` and `curl`
    Integration(integration::Args),
    /// Check the tree: crate arrows, manifests, file lengths, dependency licenses
    Tidy,
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            command::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Test => check::test(),
        Task::Demo(args) => demo::demo(&args),
        Task::Lint => check::lint(),
        Task::Ci => check::ci(),
        Task::Integration(args) => integration::integration(&args),
        Task::Tidy => tidy::tidy(),
    }
}
