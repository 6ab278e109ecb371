//! The stand-in for GitHub as a process, and its admin API.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Address, Ask};
use super::process::{Process, bare};
use super::within;

/// A stand-in that listens on loopback and on a unix socket.
#[derive(Debug)]
pub(crate) struct Standin {
    http: Address,
    unix: Address,
    http_url: String,
    tokens: BTreeMap<String, String>,
    _process: Process,
}

/// What the stand-in counted; the fields of its own `Counters`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Counters {
    /// Requests received.
    pub(crate) requests: u64,
    /// Requests charged to a primary limit.
    pub(crate) charged: u64,
    /// Requests that carried a validator.
    pub(crate) conditional: u64,
    /// Requests being answered at this moment.
    pub(crate) in_flight: u64,
    /// The same requests by kind.
    kinds: Vec<Count>,
}

#[derive(Clone, Debug, Deserialize)]
struct Count {
    method: String,
    route: String,
    token: String,
    status: u16,
    #[serde(rename = "count")]
    times: u64,
}

impl Counters {
    /// Returns one line with every kind of request, for reports.
    pub(crate) fn kinds(&self) -> String {
        let kinds: Vec<String> = self
            .kinds
            .iter()
            .map(|kind| {
                format!(
                    "{}× {} {} as {} → {}",
                    kind.times, kind.method, kind.route, kind.token, kind.status
                )
            })
            .collect();
        kinds.join(", ")
    }
}

#[derive(Deserialize)]
struct Ready {
    http: String,
    unix: std::path::PathBuf,
    tokens: Vec<Token>,
}

#[derive(Deserialize)]
struct Token {
    label: String,
    token: String,
}

impl Standin {
    pub(super) async fn start(
        binary: &Path,
        home: &Path,
        log: &Path,
        arguments: &[&str],
    ) -> Result<Self> {
        let mut command = bare(binary, home);
        command
            .args(["--tcp", "127.0.0.1:0", "--until-stdin-closes", "--unix"])
            .arg(home.join("github.sock"))
            .args(arguments);
        let mut process = Process::start("standin", command, log)?;
        let line = within("the stand-in is ready", async {
            process.line().await?.context("it ended")
        })
        .await
        .with_context(|| process.log())?;
        let ready: Ready =
            serde_json::from_str(&line).with_context(|| format!("it said {line:?}"))?;
        let authority = ready
            .http
            .strip_prefix("http://")
            .context("its address is HTTP")?;
        Ok(Self {
            http: Address::Tcp(authority.parse()?),
            unix: Address::Unix(ready.unix),
            http_url: ready.http,
            tokens: ready
                .tokens
                .into_iter()
                .map(|token| (token.label, token.token))
                .collect(),
            _process: process,
        })
    }

    /// Returns its address on loopback.
    pub(crate) fn http(&self) -> Address {
        self.http.clone()
    }

    /// Returns its unix socket.
    pub(crate) fn unix(&self) -> Address {
        self.unix.clone()
    }

    /// Returns its root, `http://127.0.0.1:PORT`.
    pub(crate) fn http_url(&self) -> &str {
        &self.http_url
    }

    /// Returns the token labelled `label`. The labels are fixed: a wrong one is a mistake in the caller.
    pub(crate) fn token(&self, label: &str) -> &str {
        self.tokens
            .get(label)
            .unwrap_or_else(|| panic!("the stand-in knows no token {label}"))
    }

    /// Returns what it counted since its start or the last reset.
    pub(crate) async fn counters(&self) -> Result<Counters> {
        let answer = Ask::get("/_standin/counters").at(&self.http).await?;
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// Forgets counters, faults and spent budgets. The data stays as it is.
    pub(crate) async fn reset(&self) -> Result<()> {
        self.admin("reset", &json!({})).await
    }

    /// Changes an object: `{"repo":"o/r"}`, with `"issue":7` or `"run":1` another one of it.
    pub(crate) async fn touch(&self, object: &Value) -> Result<()> {
        self.admin("touch", object).await
    }

    /// Adds a fault, such as `{"kind":"delay","ms":500,"route":"/users/{username}"}`.
    pub(crate) async fn fault(&self, fault: &Value) -> Result<()> {
        self.admin("faults", fault).await
    }

    /// Sets what is left of the core budget of the token labelled `label`.
    pub(crate) async fn core_budget(&self, label: &str, remaining: u64) -> Result<()> {
        let budget = json!({"token": label, "resource": "core", "remaining": remaining});
        self.admin("budget", &budget).await
    }

    /// Refuses connections for so many milliseconds.
    pub(crate) async fn down(&self, for_ms: u64) -> Result<()> {
        self.admin("down", &json!({"for_ms": for_ms})).await
    }

    async fn admin(&self, page: &str, body: &Value) -> Result<()> {
        let answer = Ask::post(&format!("/_standin/{page}"), body.to_string())
            .at(&self.http)
            .await?;
        ensure!(
            answer.status == 200,
            "the stand-in answered {page} with {answer:?}"
        );
        Ok(())
    }
}
