//! What the clients of the demo ask.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::rig::{Address, Ask, Client, Clients, Rig, run_to_end, timed};

/// What people and jobs ask with `gh` all day.
const GH_COMMANDS: &[&[&str]] = &[
    &["api", "repos/octo-org/public-1"],
    &["api", "--paginate", "users/octo-many/repos?per_page=100"],
    &["repo", "list", "octo-org"],
    &["pr", "list", "--repo", "octo-org/public-1"],
    &["issue", "list", "--repo", "octo-org/public-1"],
    &["run", "list", "--repo", "octo-org/public-1"],
];

/// What scripts poll.
const REST: &[&str] = &[
    "/repos/octo-org/public-1",
    "/repos/octo-org/private-1/actions/runs?status=queued",
    "/repos/octo-org/private-1/actions/runners",
    "/repos/octo-org/public-1/pulls",
    "/orgs/octo-org/repos",
];

/// How often a script polls each of them in a round.
const POLLS: usize = 4;

/// What everybody asks at the same moment.
const BURST: &str = "/repos/octo-org/public-1/commits";

/// One machine's clients: where their doors are, and who they are.
#[derive(Debug)]
pub(crate) struct Machine {
    home: PathBuf,
    unix: Address,
    http: Address,
    token: String,
}

/// What one request of our own client took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample(pub(crate) Duration);

impl Machine {
    pub(crate) fn new(
        rig: &Rig,
        name: &str,
        unix: Address,
        http: Address,
        token: &str,
    ) -> Result<Self> {
        Ok(Self {
            home: rig.home(name)?,
            unix,
            http,
            token: token.to_owned(),
        })
    }
}

/// Names the clients that take part.
pub(crate) fn describe(clients: &Clients) -> String {
    let real = clients
        .gh
        .iter()
        .chain(&clients.curl)
        .map(|client| client.name.clone());
    real.chain(["the demo's own HTTP client".to_owned()])
        .collect::<Vec<_>>()
        .join(", ")
}

/// Every client asks everything once, on both machines in turn.
pub(crate) async fn round(clients: &Clients, machines: &[Machine; 2]) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    for machine in machines {
        for gh in &clients.gh {
            for arguments in GH_COMMANDS {
                run_gh(gh, machine, arguments).await?;
            }
        }
        if let Some(curl) = &clients.curl {
            for path in REST {
                run_curl(curl, machine, path).await?;
            }
        }
        for path in [REST; POLLS].into_iter().flatten() {
            let ask = Ask::get(path).token(&machine.token);
            let (took, answer) = timed(ask.at(&machine.http)).await;
            ensure!(answer?.status == 200, "{path} was not answered with 200");
            samples.push(Sample(took));
        }
    }
    Ok(samples)
}

/// Many clients ask one question at the same moment, on both machines.
pub(crate) async fn burst(machines: &[Machine; 2], n: usize) -> Result<()> {
    let doors = machines.each_ref().map(|machine| machine.http.clone());
    let answers = Ask::get(BURST)
        .token(&machines[0].token)
        .all_at_once(&doors, n)
        .await?;
    let body = &answers.first().context("nobody was answered")?.body;
    ensure!(
        answers
            .iter()
            .all(|answer| answer.status == 200 && answer.body.len() == body.len()),
        "answers differ"
    );
    Ok(())
}

async fn run_gh(gh: &Client, machine: &Machine, arguments: &[&str]) -> Result<()> {
    let Address::Unix(socket) = &machine.unix else {
        unreachable!("the unix door is a socket")
    };
    let config = machine.home.join("gh");
    std::fs::create_dir_all(&config)?;
    std::fs::write(
        config.join("config.yml"),
        format!("http_unix_socket: {}\n", socket.display()),
    )?;
    let mut command = gh.command(&machine.home);
    command
        .args(arguments)
        .env("GH_CONFIG_DIR", config)
        .env("GH_TOKEN", &machine.token)
        .env("GH_PROMPT_DISABLED", "1");
    let run = run_to_end(command).await?;
    ensure!(
        run.code == Some(0),
        "{} {}: {}",
        gh.name,
        arguments.join(" "),
        run.stderr
    );
    Ok(())
}

async fn run_curl(curl: &Client, machine: &Machine, path: &str) -> Result<()> {
    // From a file, so that the token is in no process list.
    let config = machine.home.join("curlrc");
    std::fs::write(
        &config,
        format!("header = \"Authorization: Bearer {}\"\n", machine.token),
    )?;
    let mut command = curl.command(&machine.home);
    command
        .args(["--silent", "--show-error", "--fail", "--config"])
        .arg(config)
        .arg(format!("{}{path}", super::url(&machine.http)));
    let run = run_to_end(command).await?;
    ensure!(run.code == Some(0), "{} {path}: {}", curl.name, run.stderr);
    Ok(())
}
