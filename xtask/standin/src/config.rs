//! What a stand-in is started with.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Everything that can be set before start. The default listens nowhere and knows [`Token::defaults`].
#[derive(Clone, Debug)]
pub struct Config {
    /// Loopback address for plain HTTP/1.1 and HTTP/2 with prior knowledge. Port 0 takes any.
    pub tcp: Option<SocketAddr>,
    /// Path of a unix socket for plain HTTP, as `gh config set http_unix_socket` expects. A stale socket there is replaced.
    pub unix: Option<PathBuf>,
    /// Loopback address for TLS, with a certificate for GitHub's names from a CA made at start.
    pub tls: Option<SocketAddr>,
    /// Where to write that CA's certificate, in PEM.
    pub ca_out: Option<PathBuf>,
    /// Time added to each request, for benches that want a realistic distance.
    pub latency: Duration,
    /// How entity tags are made.
    pub tags: TagFormula,
    /// Which root the URLs in answers have.
    pub links: Links,
    /// Who may ask.
    pub tokens: Vec<Token>,
    /// Requests per hour without a token, per source address.
    pub anonymous_per_hour: u64,
    /// Requests per hour of a token that names no limit of its own.
    pub per_hour: u64,
    /// What there is to ask for.
    pub data: DataSet,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            tcp: None,
            unix: None,
            tls: None,
            ca_out: None,
            latency: Duration::ZERO,
            tags: TagFormula::Observed,
            links: Links::GitHub,
            tokens: Token::defaults(),
            anonymous_per_hour: 60,
            per_hour: 5_000,
            data: DataSet::default(),
        }
    }
}

/// How entity tags are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TagFormula {
    /// As GitHub was seen to make them: SHA-256 over the values of `Accept`, `Authorization` and `Cookie`, and the body.
    Observed,
    /// SHA-256 over the same and a salt, so that nobody can compute one.
    Salted,
    /// New for each answer, so that nothing ever validates.
    Random,
    /// None.
    Absent,
}

/// Which root the URLs in answers have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Links {
    /// `https://api.github.com`, whatever name the client used.
    GitHub,
    /// The name the client used: for clients that follow links straight to the stand-in.
    Listener,
}

/// A token the stand-in accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What counters and reports call it. Never the token itself.
    pub label: String,
    /// The token.
    pub secret: String,
    /// Whose it is. Tokens of one user share one budget, unless the token is an installation's (`ghs_…`).
    pub login: String,
    /// What `x-oauth-scopes` says. Installation tokens have none.
    pub scopes: Vec<String>,
    /// Full names of the private repositories that it may see.
    pub private_repos: Vec<String>,
    /// Requests per hour, if not [`Config::per_hour`].
    pub per_hour: Option<u64>,
}

impl Token {
    /// The token of [`Token::defaults`] labelled `octocat`: sees both private repositories of `octo-org`.
    pub const OCTOCAT: &'static str = "ghp_StandinOctocat00000NotARealSecret000";
    /// The one labelled `octocat-narrow`: the same user, public repositories only.
    pub const OCTOCAT_NARROW: &'static str = "ghp_StandinOctocatNarrowNotARealSecret00";
    /// The one labelled `hubot`: another user, sees `octo-org/private-1` but not `octo-org/private-2`.
    pub const HUBOT: &'static str = "ghp_StandinHubot0000000NotARealSecret000";
    /// The one labelled `installation`: an installation token of `octo-org`.
    pub const INSTALLATION: &'static str = "ghs_StandinInstallation0NotARealSecret00";

    /// Returns the tokens known unless others are given.
    pub fn defaults() -> Vec<Self> {
        let token =
            |label: &str, secret: &str, login: &str, scopes: &[&str], private_repos: &[&str]| {
                let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect();
                Self {
                    label: label.into(),
                    secret: secret.into(),
                    login: login.into(),
                    scopes: owned(scopes),
                    private_repos: owned(private_repos),
                    per_hour: None,
                }
            };
        let all = ["gist", "read:org", "repo", "workflow"];
        vec![
            token(
                "octocat",
                Self::OCTOCAT,
                "octocat",
                &all,
                &[
                    "octo-org/private-1",
                    "octo-org/private-2",
                    "octocat/private-notes",
                ],
            ),
            token(
                "octocat-narrow",
                Self::OCTOCAT_NARROW,
                "octocat",
                &["public_repo", "read:org"],
                &[],
            ),
            token(
                "hubot",
                Self::HUBOT,
                "hubot",
                &all,
                &["octo-org/private-1", "hubot/private-lab"],
            ),
            token(
                "installation",
                Self::INSTALLATION,
                "standin-app[bot]",
                &[],
                &["octo-org/private-1", "octo-org/private-2"],
            ),
        ]
    }

    /// Whether this is an installation's token, which has a budget of its own and no scopes.
    pub(crate) fn is_installation(&self) -> bool {
        self.secret.starts_with("ghs_")
    }
}

/// Sizes of the generated data. The same values give the same data.
#[derive(Clone, Debug)]
pub struct DataSet {
    /// Changes every id, hash and name that is drawn.
    pub seed: u64,
    /// Repositories of the account `octo-many`.
    pub many_repos: usize,
    /// Issues of each full repository.
    pub issues: usize,
    /// Pull requests of each full repository.
    pub pulls: usize,
    /// Workflow runs of each full repository.
    pub runs: usize,
}

impl Default for DataSet {
    fn default() -> Self {
        Self {
            seed: 1,
            many_repos: 260,
            issues: 120,
            pulls: 40,
            runs: 60,
        }
    }
}
