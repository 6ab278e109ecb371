//! A node as a process: `gh-mesh serve`, and what it says of itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use serde_json::Value;
use tokio::process::Command;

use super::clients::{Run, run_to_end};
use super::http::{Address, Ask};
use super::process::{Process, bare};
use super::standin::Standin;
use super::{until, within};

/// The secret of the fleets on a stage, unless another is set.
const FLEET_SECRET: &str = "a fleet of the rig, no secret at all 0123456789";

/// A node before its start.
#[derive(Clone, Debug)]
pub(crate) struct NodeBuilder {
    binary: PathBuf,
    home: PathBuf,
    log: PathBuf,
    /// Its settings, as variables.
    environment: BTreeMap<String, String>,
}

impl NodeBuilder {
    pub(super) fn new(binary: &Path, home: &Path, log: &Path, standin: &Standin) -> Self {
        let builder = Self {
            binary: binary.to_owned(),
            home: home.to_owned(),
            log: log.to_owned(),
            environment: BTreeMap::new(),
        };
        builder
            .set("CACHE_DIR", &home.join("c").display().to_string())
            .set("CACHE_STATE_DIR", &home.join("s").display().to_string())
            .set("CACHE_HTTP_LISTEN", "127.0.0.1:0")
            .set("CACHE_P2P_LISTEN", "/ip4/127.0.0.1/tcp/0")
            .set("CACHE_MDNS", "false")
            .set("CACHE_API_URL", standin.http_url())
            .set("CACHE_P2P_SHARED_SECRET", FLEET_SECRET)
            // A daemon that a command starts is nobody's child. Scenarios that want one see to its end.
            .set("CACHE_START_DAEMON", "false")
            .set("GH_TOKEN", standin.token("octocat"))
    }

    /// Sets a variable.
    #[must_use]
    pub(crate) fn set(mut self, variable: &str, value: &str) -> Self {
        self.environment
            .insert(variable.to_owned(), value.to_owned());
        self
    }

    /// Takes a variable away.
    #[must_use]
    pub(crate) fn unset(mut self, variable: &str) -> Self {
        self.environment.remove(variable);
        self
    }

    /// Leaves the fleet out.
    #[must_use]
    pub(crate) fn alone(self) -> Self {
        self.set("CACHE_ENABLE_P2P", "false")
    }

    /// Begins with the fleet of `node`.
    #[must_use]
    pub(crate) fn joins(self, node: &Node) -> Self {
        self.set("CACHE_BOOTSTRAP_PEERS", &node.p2p.join(","))
    }

    /// Returns `gh-mesh` with `arguments`, as this node would see it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Result<Command> {
        std::fs::create_dir_all(&self.home)
            .with_context(|| format!("could not make {}", self.home.display()))?;
        let mut command = bare(&self.binary, &self.home);
        command.envs(&self.environment).args(arguments);
        Ok(command)
    }

    /// Runs `gh-mesh` with `arguments` to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<Run> {
        run_to_end(self.command(arguments)?).await
    }

    /// Starts the node and waits until it is ready.
    pub(crate) async fn start(self) -> Result<Node> {
        let name = self.home.file_name().unwrap_or_default();
        let name = format!("node {}", name.to_string_lossy());
        let mut process = Process::start(&name, self.command(&["serve"])?, &self.log)?;
        let lines = within(&format!("{name} is ready"), async {
            let mut lines = Vec::new();
            while let Some(line) = process.line().await? {
                if line == "ready" {
                    return Ok(Some(lines));
                }
                lines.push(line);
            }
            Ok(None)
        })
        .await?
        .with_context(|| format!("{name} did not start: {}", process.log()))?;
        let all = |kind: &str| -> Vec<String> {
            lines
                .iter()
                .filter_map(|line| line.strip_prefix(kind)?.strip_prefix(' '))
                .map(str::to_owned)
                .collect()
        };
        let http = match all("http").first() {
            Some(url) => Some(Address::Tcp(
                url.strip_prefix("http://").unwrap_or(url).parse()?,
            )),
            None => None,
        };
        let unix = all("unix");
        Ok(Node {
            process,
            unix: unix.first().context("it prints its socket")?.into(),
            http,
            p2p: all("p2p"),
            builder: self,
        })
    }
}

/// A node that is ready.
#[derive(Debug)]
pub(crate) struct Node {
    process: Process,
    unix: PathBuf,
    http: Option<Address>,
    p2p: Vec<String>,
    builder: NodeBuilder,
}

impl Node {
    /// Returns its unix door.
    pub(crate) fn unix(&self) -> Address {
        Address::Unix(self.unix.clone())
    }

    /// Returns the path of its unix door.
    pub(crate) fn socket(&self) -> &Path {
        &self.unix
    }

    /// Returns its HTTP door. Asking for it where it is off is a mistake in the caller.
    pub(crate) fn http(&self) -> Address {
        self.http.clone().expect("the HTTP door is open")
    }

    /// Returns the root of its HTTP door, `http://127.0.0.1:PORT`.
    pub(crate) fn http_url(&self) -> String {
        format!("http://{}", self.http())
    }

    /// Returns where the fleet finds it: multiaddrs, none without a fleet.
    pub(crate) fn p2p(&self) -> &[String] {
        &self.p2p
    }

    /// Returns how it was started, to run commands beside it.
    pub(crate) fn builder(&self) -> &NodeBuilder {
        &self.builder
    }

    /// Returns its process.
    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// Returns what it counted.
    pub(crate) async fn stats(&self) -> Result<Value> {
        let answer = Ask::get("/.gh-mesh/stats").at(&self.http()).await?;
        ensure!(answer.status == 200, "no stats: {answer:?}");
        answer.json()
    }

    /// Returns one of its counts.
    pub(crate) async fn count(&self, field: &str) -> Result<u64> {
        let stats = self.stats().await?;
        stats[field]
            .as_u64()
            .with_context(|| format!("stats have no count {field}: {stats}"))
    }

    /// Waits until it has exactly `n_peers` peers.
    pub(crate) async fn wait_for_peers(&self, n_peers: u64) -> Result<()> {
        until(&format!("{n_peers} peers are connected"), || async {
            Ok((self.count("connected_peers").await? == n_peers).then_some(()))
        })
        .await
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// Ends it as a service manager does, and returns its exit code.
    pub(crate) async fn terminate(self) -> Result<Option<i32>> {
        self.process.signal(Signal::TERM)?;
        self.ended().await
    }

    /// Waits until it ended, and returns its exit code.
    pub(crate) async fn ended(mut self) -> Result<Option<i32>> {
        Ok(self.process.ended().await?.code())
    }
}
