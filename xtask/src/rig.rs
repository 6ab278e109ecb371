//! A stage of real processes: the stand-in for GitHub, nodes, and the clients that people use, each in a directory of
//! its own and with nothing of this machine's settings.
//!
//! ```text
//! let binaries = Binaries::build(Profile::Debug)?;
//! let rig = Rig::new(&binaries)?;
//! let standin = rig.standin(&[]).await?;                        // its HTTP address, unix socket, counters, faults
//! let a = rig.node("a", &standin).start().await?;               // doors open, prints `ready`
//! let b = rig.node("b", &standin).joins(&a).start().await?;
//! b.wait_for_peers(1).await?;
//! let answer = Ask::get("/users/octocat").token(standin.token("octocat")).at(&b.http()).await?;
//! ```
//!
//! Everything waits for events with a limit ([`within`], [`until`]). Every process that was started is killed when its
//! value is dropped, by its own id; so a failure, a panic included, leaves nothing behind.

mod binaries;
mod clients;
mod http;
mod node;
mod process;
mod standin;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

pub(crate) use binaries::{Binaries, Profile};
pub(crate) use clients::{Client, Clients, Run, run_to_end};
pub(crate) use http::{Address, Answer, Ask};
pub(crate) use node::{Node, NodeBuilder};
pub(crate) use process::bare;
pub(crate) use standin::{Counters, Standin};

/// Nothing on a stage takes longer; what would hang fails.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(30);

/// How often a state is looked at that nothing announces.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A stage: a directory, and the binaries that are started in it.
#[derive(Debug)]
pub(crate) struct Rig {
    dir: TempDir,
    binaries: Binaries,
    n_standins: AtomicU32,
}

impl Rig {
    /// Returns an empty stage.
    pub(crate) fn new(binaries: &Binaries) -> Result<Self> {
        // Short, because the paths of unix sockets are.
        let dir = tempfile::Builder::new()
            .prefix("rig")
            .tempdir()
            .context("could not make a directory for the processes")?;
        Ok(Self {
            dir,
            binaries: binaries.clone(),
            n_standins: AtomicU32::new(0),
        })
    }

    /// Returns the binaries that are started on it.
    pub(crate) fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// Returns the path `name` on the stage.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts a stand-in for GitHub with further arguments.
    pub(crate) async fn standin(&self, arguments: &[&str]) -> Result<Standin> {
        let n = self.n_standins.fetch_add(1, Ordering::Relaxed);
        let name = format!("standin-{n}");
        let log = self.path(&format!("{name}.log"));
        Standin::start(&self.binaries.standin, &self.home(&name)?, &log, arguments).await
    }

    /// Returns a node that asks `standin` with the token of `octocat`, ready to be changed and started.
    ///
    /// Its directories are named after it: a node started again under the same name finds what the first left.
    pub(crate) fn node(&self, name: &str, standin: &Standin) -> NodeBuilder {
        NodeBuilder::new(
            &self.binaries.gh_mesh,
            &self.path(name),
            &self.path(&format!("{name}.log")),
            standin,
        )
    }

    /// Returns a fresh home directory for a client.
    pub(crate) fn home(&self, name: &str) -> Result<PathBuf> {
        let home = self.path(name);
        std::fs::create_dir_all(&home)
            .with_context(|| format!("could not make {}", home.display()))?;
        Ok(home)
    }

    /// Returns the last lines of what each process said, for the report of a failure.
    pub(crate) fn logs(&self) -> String {
        const LINES: usize = 30;
        let mut logs = Vec::new();
        let mut paths: Vec<PathBuf> = std::fs::read_dir(self.dir.path())
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|ext| ext == "log"))
            .collect();
        paths.sort();
        for path in paths {
            let text = read_log(&path);
            let lines: Vec<&str> = text.lines().collect();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let last = &lines[lines.len().saturating_sub(LINES)..];
            logs.extend(last.iter().map(|line| format!("    {name}: {line}")));
        }
        logs.join("\n")
    }
}

/// Runs `suite` to its end, or until SIGINT or SIGTERM: then its stages are cleared as after a failure.
pub(crate) fn block_on(suite: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut terminated = signal(SignalKind::terminate())?;
        tokio::select! {
            ended = suite => ended,
            _ = terminated.recv() => bail!("terminated"),
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        }
    })
}

/// Waits for `future`, and fails when it takes longer than [`TIME_LIMIT`].
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(TIME_LIMIT, future)
        .await
        .with_context(|| format!("{what}: not within {TIME_LIMIT:?}"))?
        .with_context(|| what.to_owned())
}

/// Looks until `look` returns something, and fails after [`TIME_LIMIT`].
pub(crate) async fn until<T, F>(what: &str, mut look: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    within(what, async {
        loop {
            if let Some(seen) = look().await? {
                return Ok(seen);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    })
    .await
}

/// Returns how long `future` took beside what it gave.
pub(crate) async fn timed<T>(future: impl Future<Output = T>) -> (Duration, T) {
    let start = Instant::now();
    let given = future.await;
    (start.elapsed(), given)
}

/// Returns what is in a log by now; nothing, where there is none.
fn read_log(path: &Path) -> String {
    std::fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}
