//! `gh-mesh daemon`.

use cache_core::port::Runtime as _;
use gh_client::TokioRuntime;

use crate::cli::Globals;
use crate::context::{self, TokenFrom};
use crate::daemon::{self, Server, StartedBy, start};
use crate::error::{CommandError, Ending, Outcome, OutcomeExt as _};
use crate::flags::PlaceFlags;
use crate::output::{self, Output, Table};

/// Look after the daemon that commands start
///
/// A command that finds no daemon on the socket starts one. It opens the socket and nothing else, serves nothing older
/// than 5 seconds without asking GitHub whether it still holds, and ends after 30 minutes without a request.
/// CACHE_START_DAEMON=false keeps commands from it, `serve` runs one that stays.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::doc_markdown,
    reason = "this is the help, where variables and keys stand plain"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
#[expect(
    clippy::doc_markdown,
    reason = "this is the help, where variables and keys stand plain"
)]
enum Command {
    /// Show the daemon that listens on the socket
    Status {
        /// Print JSON: {version, pid, started_by, since, socket, http, state_dir, idle_limit_s}
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        places: PlaceFlags,
    },
    /// End it, when it has answered what it was asked
    Stop {
        #[command(flatten)]
        places: PlaceFlags,
    },
    /// Print what daemons that commands started have logged
    Logs {
        #[command(flatten)]
        places: PlaceFlags,
    },
}

/// Runs the command.
pub(crate) async fn run(globals: &Globals, args: &Args) -> Outcome {
    let (Command::Status { places, .. } | Command::Stop { places } | Command::Logs { places }) =
        &args.command;
    let settings = context::settings(globals, places.given(), TokenFrom::Environment, None)?;
    let mut out = Output::stdout();
    match &args.command {
        Command::Status { json, .. } => {
            let server = daemon::server(&settings).await?;
            let server = server.ok_or_else(|| daemon::not_running(&settings))?;
            if *json {
                out.json(&server)?;
            } else {
                out.bytes(table(&server).render(None).as_bytes())?;
            }
        }
        Command::Stop { .. } => {
            let aim = || "could not end the daemon".to_owned();
            let Some(server) = daemon::server(&settings).await.aim(aim)? else {
                output::say(&format!(
                    "no daemon listens on {}",
                    settings.socket.display()
                ));
                return Ok(Ending::Done);
            };
            daemon::act(&settings, "stop").await.aim(aim)?;
            if !start::has_ended(&server.state_dir, start::END_LIMIT)
                .await
                .aim(aim)?
            {
                let message = format!("process {} still runs", server.pid);
                return Err(CommandError::message(Ending::Failed, message).aim(aim()));
            }
        }
        Command::Logs { .. } => {
            let path = start::log_path(&settings.state_dir);
            let log = std::fs::read(&path).map_err(|error| {
                CommandError::from(error)
                    .aim(format!("could not read {}", path.display()))
                    .hint("a daemon that was not started by a command logs to its own stderr")
            })?;
            out.bytes(&log)?;
        }
    }
    out.flush()?;
    Ok(Ending::Done)
}

fn table(server: &Server) -> Table {
    let now = TokioRuntime.now().as_millis() / 1000;
    let mut table = Table::default();
    let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
    row("version", server.version.clone());
    row("process", server.pid.to_string());
    let by = match server.started_by {
        StartedBy::Person => "`serve`",
        StartedBy::Command => "a command",
        StartedBy::Systemd => "systemd",
    };
    let age = output::human_age(now.saturating_sub(server.since));
    row("started", format!("by {by}, {age}"));
    row("socket", server.socket.display().to_string());
    for address in &server.http {
        row("http", format!("http://{address}"));
    }
    if let Some(limit) = server.idle_limit_s {
        row("ends", format!("after {limit} s without a request"));
    }
    table
}
