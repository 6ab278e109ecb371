//! The `gh-mesh` command: the daemon, its doors, and the commands that ask through it.
//!
//! - [`cli`] and [`flags`] are what can be typed, [`context`] turns it into settings.
//! - [`commands`] holds one module for each command; those that ask GitHub go through [`ask`], which finds the daemon
//!   or stands in for it ([`asker`]).
//! - [`doors`] are how requests come into the daemon; [`commands::serve`] wires them to a [`gh_client::Node`].
//! - [`error`] is the one place where errors get their exit codes and hints, [`output`] the one that prints.
//!
//! **Invariant:** stdout is data, stderr is everything else, and no secret is printed to either.

mod ask;
mod asker;
mod cli;
mod commands;
mod context;
mod daemon;
mod doors;
mod error;
mod flags;
mod gh;
mod idle;
mod jq;
mod listing;
mod logging;
mod output;
mod own_pages;
mod settings_file;

use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory as _, FromArgMatches as _};

use cli::{Cli, Command};
use error::{Ending, Outcome};

fn main() -> ExitCode {
    let cli = match parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Where nobody can be told, nobody is.
            let _ = error.print();
            return if error.use_stderr() {
                Ending::Usage
            } else {
                Ending::Done
            }
            .into();
        }
    };
    let ending = match run(cli) {
        Ok(ending) => ending,
        Err(error) if error.is_broken_pipe() => Ending::Done,
        Err(error) => {
            output::say(&error.to_string());
            error.ending()
        }
    };
    ending.into()
}

fn parse() -> Result<Cli, clap::Error> {
    let matches = Cli::command().try_get_matches()?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    if let (Command::Api(args), Some(matches)) =
        (&mut cli.command, matches.subcommand_matches("api"))
    {
        args.note_order(matches);
    }
    Ok(cli)
}

fn run(cli: Cli) -> Outcome {
    let Cli { globals, command } = cli;
    let globals = &globals;
    match command {
        Command::Keygen => commands::keygen::run(),
        Command::Man => commands::man::run(),
        Command::Completions(args) => commands::completions::run(&args),
        Command::Config(args) => commands::config::run(globals, &args),
        Command::Serve(args) => {
            // Before any part of the process can ask for another. It is there already only if this ran twice.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            block_on(&mut runtime, commands::serve::run(globals, &args))
        }
        Command::Api(args) => on_one_thread(commands::api::run(globals, &args)),
        Command::Repo(args) => on_one_thread(commands::repo::run(globals, &args)),
        Command::Stats(args) => on_one_thread(commands::stats::run(globals, &args)),
        Command::Peers(args) => on_one_thread(commands::peers::run(globals, &args)),
        Command::Id(args) => on_one_thread(commands::id::run(globals, &args)),
        Command::Setup(args) => on_one_thread(commands::setup::setup(globals, &args)),
        Command::Unset(args) => on_one_thread(commands::setup::unset(globals, &args)),
        Command::Cache(args) => on_one_thread(commands::cache::run(globals, &args)),
        Command::Explain(args) => commands::explain::run(globals, &args),
        Command::Env(args) => on_one_thread(commands::env::run(globals, &args)),
        Command::Doctor(args) => on_one_thread(commands::doctor::run(globals, &args)),
        Command::Run(args) => on_one_thread(commands::run::run(globals, &args)),
        Command::Runner(args) => on_one_thread(commands::runner::run(globals, &args)),
        Command::Daemon(args) => on_one_thread(commands::daemon::run(globals, &args)),
    }
}

/// Commands are short: threads would take longer to start than they last.
fn on_one_thread(command: impl Future<Output = Outcome>) -> Outcome {
    block_on(&mut tokio::runtime::Builder::new_current_thread(), command)
}

fn block_on(
    runtime: &mut tokio::runtime::Builder,
    command: impl Future<Output = Outcome>,
) -> Outcome {
    let runtime = runtime.enable_all().build()?;
    let ended = runtime.block_on(command);
    // What still blocks, such as a name that is being resolved, is not waited for.
    runtime.shutdown_timeout(Duration::ZERO);
    ended
}
