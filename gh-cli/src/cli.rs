//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    api, cache, completions, config, daemon, doctor, env, explain, id, peers, repo, run, runner,
    serve, setup, stats,
};
use crate::error::EXIT_CODES_HELP;

/// Ask GitHub once per fleet
///
/// A cache for the GitHub API that machines share: one upstream request per question, free revalidation, and answers
/// when GitHub has none.
#[derive(Debug, Parser)]
#[command(name = "gh-mesh", version, after_help = EXIT_CODES_HELP, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Clone, Debug, Default, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "this is the help, where variables and keys stand plain"
)]
pub(crate) struct Globals {
    /// Read settings from this file [env: CACHE_CONFIG] [default: ~/.config/gh-mesh/config.toml]
    #[arg(long, global = true, display_order = 900, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    /// Log more; twice, most (can be repeated) [env: CACHE_LOG]
    #[arg(short, long, global = true, display_order = 901, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// What to do.
#[derive(Debug, Subcommand)]
#[expect(
    clippy::doc_markdown,
    reason = "this is the help, where variables and keys stand plain"
)]
pub(crate) enum Command {
    Serve(serve::Args),
    Api(Box<api::Args>),
    Repo(repo::Args),
    Run(run::Args),
    Runner(runner::Args),
    Stats(stats::Args),
    Cache(cache::Args),
    Explain(explain::Args),
    Peers(peers::Args),
    Id(id::Args),
    Daemon(daemon::Args),
    Setup(setup::SetupArgs),
    Unset(setup::UnsetArgs),
    Env(env::Args),
    Doctor(doctor::Args),
    /// Make a secret for a fleet
    ///
    /// Prints it. Every machine of the fleet gets the same one, as CACHE_P2P_SHARED_SECRET or in the file that
    /// CACHE_P2P_SHARED_SECRET_FILE names.
    Keygen,
    Config(config::Args),
    Completions(completions::Args),
    /// Print the manual page
    Man,
}
