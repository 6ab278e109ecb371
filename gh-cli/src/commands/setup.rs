//! `gh-mesh setup` and `gh-mesh unset`.
//!
//! What `setup` changed is noted in a file of the state directory before it is changed, so that `unset` can undo just
//! that. While the file is there, a daemon that a command started does not end for want of requests.

mod units;

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cli::Globals;
use crate::context::{self, TokenFrom};
use crate::daemon::{self, StartedBy, setup_record, start};
use crate::error::{CommandError, Ending, Outcome, OutcomeExt as _};
use crate::flags::PlaceFlags;
use crate::gh;
use crate::output::Output;
use units::Units;

/// Have `gh` ask through the cache, from now on
///
/// Sets gh's `http_unix_socket`. Where systemd runs for this user, it gets a unit for the socket and starts the daemon
/// with the first request; elsewhere a daemon is started now, which stays. Prints what it did; may be run again.
/// `gh-mesh unset` undoes it.
#[derive(Debug, clap::Args)]
pub(crate) struct SetupArgs {
    /// Print what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    places: PlaceFlags,
}

/// Undo what `setup` did
///
/// `gh` gets the value back that it had. What somebody else changed since is left alone, and said.
#[derive(Debug, clap::Args)]
pub(crate) struct UnsetArgs {
    /// Print what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    places: PlaceFlags,
}

/// What `setup` did, as it is kept in a file.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    version: u32,
    socket: String,
    /// What gh's setting was before; `None` where there is no `gh`.
    gh_before: Option<String>,
    /// Whether units were written.
    has_units: bool,
}

const RECORD_VERSION: u32 = 1;

/// Runs `setup`.
pub(crate) async fn setup(globals: &Globals, args: &SetupArgs) -> Outcome {
    let aim = || "could not set up".to_owned();
    let settings = context::settings(globals, args.places.given(), TokenFrom::Environment, None)?;
    let socket = std::path::absolute(&settings.socket)?;
    let socket = socket.to_str().map(str::to_owned).ok_or_else(|| {
        CommandError::message(Ending::Failed, "the socket's path is no Unicode").aim(aim())
    })?;
    let known = read(&settings.state_dir).aim(aim)?;
    if let Some(record) = known.as_ref().filter(|record| record.socket != socket) {
        let message = format!("it is set up for {} already", record.socket);
        return Err(CommandError::message(Ending::Failed, message)
            .aim(aim())
            .hint("`gh-mesh unset` undoes that"));
    }
    let gh_now = gh::unix_socket();
    let server = daemon::server(&settings).await.aim(aim)?;
    let by_hand = server
        .as_ref()
        .is_some_and(|server| server.started_by == StartedBy::Person);
    let units = Units::find().filter(|_| !by_hand && gh::systemctl(&["show-environment"]));
    let mut report = Report::new(args.dry_run);
    let record = Record {
        version: RECORD_VERSION,
        gh_before: known
            .as_ref()
            .and_then(|record| record.gh_before.clone())
            .or_else(|| gh_now.clone()),
        has_units: units.is_some() || known.as_ref().is_some_and(|record| record.has_units),
        socket: socket.clone(),
    };
    if let Some(units) = &units {
        units.check().aim(aim)?;
    }
    if !args.dry_run {
        write(&settings.state_dir, &record).aim(aim)?;
    }
    match &units {
        Some(units) => {
            if !args.dry_run {
                if server.is_some_and(|server| server.started_by == StartedBy::Command) {
                    // systemd takes its place on the same path.
                    daemon::act(&settings, "stop").await.aim(aim)?;
                    start::has_ended(&settings.state_dir, start::END_LIMIT)
                        .await
                        .aim(aim)?;
                }
                units
                    .install(&settings, globals.config.as_deref(), &socket)
                    .aim(aim)?;
            }
            report.line(
                "systemd listens on the socket and starts the daemon with the first request",
                "have systemd listen on the socket and start the daemon with the first request",
            );
        }
        None if by_hand => report.line(
            "the daemon that `gh-mesh serve` runs was left as it is; gh fails while none runs",
            "leave the daemon that `gh-mesh serve` runs as it is; gh fails while none runs",
        ),
        None => {
            if !args.dry_run {
                start::ensure(&settings, globals.config.as_deref())
                    .await
                    .aim(aim)?;
            }
            report.line(
                "systemd does not run for this user: a daemon was started and stays; after a restart of the machine, \
                 gh fails until `gh-mesh setup` or any other command starts it again",
                "start a daemon that stays, since systemd does not run for this user; after a restart of the machine, \
                 gh fails until `gh-mesh setup` or any other command starts it again",
            );
        }
    }
    match gh_now.as_deref() {
        None => report.line(
            &format!(
                "gh is not installed; later, run `gh-mesh setup` again, or `gh config set http_unix_socket {socket}`"
            ),
            "do nothing about gh, which is not installed",
        ),
        Some(now) if now == socket => report.line(
            &format!("gh uses {socket} already"),
            &format!("leave gh's setting, which is {socket} already"),
        ),
        Some(now) => {
            if !args.dry_run {
                set_gh(&socket).aim(aim)?;
            }
            let was = if now.is_empty() {
                "none".to_owned()
            } else {
                now.to_owned()
            };
            report.line(
                &format!("gh uses {socket} now; before, {was}"),
                &format!("set gh's http_unix_socket to {socket}; now it is {was}"),
            );
        }
    }
    report.print()
}

/// Runs `unset`.
pub(crate) async fn unset(globals: &Globals, args: &UnsetArgs) -> Outcome {
    let aim = || "could not undo the setup".to_owned();
    let settings = context::settings(globals, args.places.given(), TokenFrom::Environment, None)?;
    let mut report = Report::new(args.dry_run);
    let Some(record) = read(&settings.state_dir).aim(aim)? else {
        report.line(
            "there is nothing to undo",
            "do nothing, since there is nothing to undo",
        );
        return report.print();
    };
    // First of all, so that no request of gh meets a socket that is gone.
    match (gh::unix_socket(), &record.gh_before) {
        (Some(now), Some(before)) if now == record.socket && now != *before => {
            if !args.dry_run {
                set_gh(before).aim(aim)?;
            }
            let shown = if before.is_empty() { "none" } else { before };
            report.line(
                &format!("gh uses the socket again that it used before: {shown}"),
                &format!("set gh's http_unix_socket back: {shown}"),
            );
        }
        (Some(now), Some(before)) if now != *before => report.line(
            &format!("gh's http_unix_socket was changed since, to {now:?}, and left so"),
            &format!("leave gh's http_unix_socket, which was changed since, to {now:?}"),
        ),
        _ => {}
    }
    if record.has_units
        && let Some(units) = Units::find()
    {
        if !args.dry_run {
            units.remove().aim(aim)?;
        }
        report.line("systemd no longer listens", "have systemd no longer listen");
    }
    let server = daemon::server(&settings).await.aim(aim)?;
    if server.is_some_and(|server| server.started_by == StartedBy::Command) {
        report.line(
            "the daemon ends when it was not asked anything for a while",
            "let the daemon end when it was not asked anything for a while",
        );
    }
    if !args.dry_run {
        std::fs::remove_file(setup_record(&settings.state_dir))?;
    }
    report.print()
}

/// What was or would be done, line by line.
struct Report {
    is_dry: bool,
    lines: Vec<String>,
}

impl Report {
    fn new(is_dry: bool) -> Self {
        Self {
            is_dry,
            lines: Vec::new(),
        }
    }

    fn line(&mut self, done: &str, planned: &str) {
        self.lines.push(if self.is_dry {
            format!("would {planned}")
        } else {
            done.to_owned()
        });
    }

    fn print(self) -> Outcome {
        let mut out = Output::stdout();
        for line in &self.lines {
            out.line(line)?;
        }
        out.flush()?;
        Ok(Ending::Done)
    }
}

fn set_gh(path: &str) -> Outcome<()> {
    gh::set_unix_socket(path).ok_or_else(|| {
        CommandError::message(
            Ending::Failed,
            "gh did not take the new value of http_unix_socket",
        )
        .hint(format!(
            "`gh config set http_unix_socket {path:?}` says why"
        ))
    })
}

fn read(state_dir: &Path) -> Outcome<Option<Record>> {
    let path = setup_record(state_dir);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let record: Result<Record, _> = serde_json::from_slice(&text);
    match record {
        Ok(record) if record.version == RECORD_VERSION => Ok(Some(record)),
        _ => Err(CommandError::message(
            Ending::Failed,
            format!("{} was not written by this version", path.display()),
        )),
    }
}

/// Writes the record whole or not at all.
fn write(state_dir: &Path, record: &Record) -> Outcome<()> {
    start::make_private_directory(state_dir)?;
    let path = setup_record(state_dir);
    let draft = path.with_extension("draft");
    let text = serde_json::to_vec(record).map_err(io::Error::from)?;
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(&text)?;
    file.sync_all()?;
    std::fs::rename(draft, path)?;
    Ok(())
}

/// Returns the base of the user's own settings.
fn config_home() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let given = variable("XDG_CONFIG_HOME").map(PathBuf::from);
    given
        .filter(|path| path.is_absolute())
        .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".config")))
}
