//! GitHub's own `gh`, old and current, over `http_unix_socket`: the same output and exit codes as at GitHub itself,
//! and no upstream request the second time. What one client fetched answers the next.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::{Stage, expect};
use crate::command::say;
use crate::rig::{Address, Binaries, Client, Node, Run, Standin, run_to_end};

const REPO: &str = "octocat/Hello-World";

/// How many upstream requests the second pass makes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    /// None: all was stored.
    Nothing,
    /// Whatever the first did: some of it is about the caller, or was refused.
    Asks,
}

/// What people type, and whether the answers are stored.
const COMMANDS: [(&[&str], Again); 13] = [
    (&["api", "user"], Again::Nothing),
    (&["api", "repos/octocat/Hello-World"], Again::Nothing),
    (
        &["api", "--paginate", "users/octo-many/repos?per_page=100"],
        Again::Nothing,
    ),
    (
        &[
            "api",
            "--paginate",
            "repos/octocat/Hello-World/issues?per_page=30",
        ],
        Again::Nothing,
    ),
    (
        &["api", "graphql", "-f", "query={viewer{login}}"],
        Again::Nothing,
    ),
    (
        &["repo", "list", "octo-many", "--limit", "50"],
        Again::Nothing,
    ),
    (&["repo", "view", REPO], Again::Nothing),
    (&["pr", "list", "-R", REPO], Again::Nothing),
    (&["issue", "list", "-R", REPO], Again::Nothing),
    (
        &[
            "run",
            "list",
            "-R",
            REPO,
            "--json",
            "databaseId,status,conclusion,workflowName",
        ],
        Again::Nothing,
    ),
    (&["release", "list", "-R", REPO], Again::Nothing),
    (&["workflow", "list", "-R", REPO], Again::Nothing),
    (&["auth", "status"], Again::Asks),
];

/// What goes wrong, with whose token.
const FAILING: [(&[&str], &str); 6] = [
    (&["api", "repos/octo-org/private-1"], "octocat-narrow"),
    (&["repo", "view", "octo-org/private-1"], "octocat-narrow"),
    (&["api", "repos/octocat/there-is-none"], "octocat"),
    (&["api", "there/is/no/such/path"], "octocat"),
    (&["api", "user"], "a bad token"),
    (&["auth", "status"], "a bad token"),
];

pub(super) async fn run(stage: &Stage) -> Result<()> {
    let standin = stage.rig.standin(&[]).await?;
    for gh in &stage.clients.gh {
        let node = stage.rig.node(&gh.name, &standin).alone().start().await?;
        let direct = Gh::new(stage, &standin, gh, &standin.unix())?;
        let through = Gh::new(stage, &standin, gh, &node.unix())?;
        good(stage, &standin, &direct, &through).await?;
        failing(stage, &direct, &through).await?;
    }
    one_for_all(stage, &standin).await
}

/// Runs what people type at GitHub itself, and twice through the node.
async fn good(stage: &Stage, standin: &Standin, direct: &Gh<'_>, through: &Gh<'_>) -> Result<()> {
    let (mut asked, mut asked_again) = (0, 0);
    for (arguments, again) in COMMANDS {
        let what = format!("{} {}", through.client.name, arguments.join(" "));
        let (wanted, needed) = counted(standin, direct.run(arguments, "octocat")).await?;
        expect(&format!("{what}: {wanted:?}"), wanted.code, Some(0))?;
        let (first, made) = counted(standin, through.run(arguments, "octocat")).await?;
        expect(&what, &first, &wanted)?;
        if made > needed {
            say(&format!(
                "{what}: {made} upstream requests, {needed} without us"
            ));
        }
        expect(
            &format!("{what}: no more than without us"),
            made.min(needed),
            made,
        )?;
        let (second, made_again) = counted(standin, through.run(arguments, "octocat")).await?;
        expect(&format!("{what}, again"), &second, &wanted)?;
        let expected = if again == Again::Nothing { 0 } else { made };
        expect(&format!("{what}, again"), made_again, expected)?;
        asked += made;
        asked_again += made_again;
    }
    stage.report(&format!(
        "{}: {} commands, the same stdout, stderr and exit code; {asked} upstream requests, {asked_again} the second time",
        through.client.name,
        COMMANDS.len()
    ));
    Ok(())
}

/// Runs what goes wrong at GitHub itself and through the node.
async fn failing(stage: &Stage, direct: &Gh<'_>, through: &Gh<'_>) -> Result<()> {
    let mut codes = Vec::new();
    for (arguments, label) in FAILING {
        let what = format!("{} {} as {label}", through.client.name, arguments.join(" "));
        let wanted = direct.run(arguments, label).await?;
        let given = through.run(arguments, label).await?;
        expect(&what, &given, &wanted)?;
        codes.push(given.code.context("a signal ended it")?.to_string());
    }
    stage.report(&format!(
        "{}: {} failures, the same stdout, stderr and exit codes ({})",
        through.client.name,
        FAILING.len(),
        codes.join(" ")
    ));
    Ok(())
}

/// Asks one question with every client in turn: the first is the only one that costs a request.
async fn one_for_all(stage: &Stage, standin: &Standin) -> Result<()> {
    let node = stage.rig.node("for-all", standin).alone().start().await?;
    standin.reset().await?;
    let path = "users/octo-many/repos?per_page=100&page=1";
    let mut clients = Vec::new();
    let mut bodies = Vec::new();
    for gh in &stage.clients.gh {
        let run = Gh::new(stage, standin, gh, &node.unix())?
            .run(&["api", path], "octocat")
            .await?;
        expect(&gh.name, run.code, Some(0))?;
        bodies.push(run.stdout);
        clients.push(gh.name.clone());
    }
    if let Some(curl) = &stage.clients.curl {
        let mut command = curl.command(&stage.rig.home("curl")?);
        command
            .args(["-sS", "-H"])
            .arg(format!("Authorization: token {}", standin.token("octocat")));
        command.arg(format!("{}/{path}", node.http_url()));
        let run = run_to_end(command).await?;
        bodies.push(
            run.stdout
                .replace(&node.http_url(), "https://api.github.com"),
        );
        clients.push(curl.name.clone());
    }
    for body in &bodies[1..] {
        expect("the same body", body, &bodies[0])?;
    }
    if let Some(name) = octocrab(stage, standin, &node).await? {
        clients.push(name);
    }
    let counted = standin.counters().await?;
    expect(&counted.kinds(), counted.requests, 1)?;
    stage.report(&format!(
        "{}: {} upstream request together",
        clients.join(", "),
        counted.requests
    ));
    Ok(())
}

/// Lists the same repositories by octocrab, over the HTTP door.
async fn octocrab(stage: &Stage, standin: &Standin, node: &Node) -> Result<Option<String>> {
    const EXAMPLE: &str = "list_repos";
    let Some(example) = Binaries::example(EXAMPLE)? else {
        stage.report(&format!(
            "octocrab left out: gh-client has no example {EXAMPLE}"
        ));
        return Ok(None);
    };
    let mut command = tokio::process::Command::new(example);
    command
        .env_clear()
        .env("HOME", stage.rig.home("octocrab")?)
        .env("GH_TOKEN", standin.token("octocat"))
        .env("CACHE_API_URL", node.http_url())
        .env("CACHE_ENABLE_P2P", "false")
        .arg("octo-many");
    let run = run_to_end(command).await?;
    expect(&format!("octocrab: {run:?}"), run.code, Some(0))?;
    Ok(Some("octocrab".to_owned()))
}

/// Returns what `run` gave, and how many upstream requests it took.
async fn counted(standin: &Standin, run: impl Future<Output = Result<Run>>) -> Result<(Run, u64)> {
    let before = standin.counters().await?.requests;
    let run = run.await?;
    Ok((run, standin.counters().await?.requests - before))
}

/// A `gh` that was pointed somewhere.
struct Gh<'a> {
    client: &'a Client,
    standin: &'a Standin,
    home: std::path::PathBuf,
}

impl<'a> Gh<'a> {
    fn new(stage: &Stage, standin: &'a Standin, client: &'a Client, at: &Address) -> Result<Self> {
        let home = stage.rig.home(&format!(
            "{} at {}",
            client.name,
            at.to_string().replace('/', "-")
        ))?;
        let config = home.join("gh");
        std::fs::create_dir_all(&config)?;
        std::fs::write(
            config.join("config.yml"),
            format!("http_unix_socket: {at}\n"),
        )?;
        Ok(Self {
            client,
            standin,
            home,
        })
    }

    /// Runs it with the token labelled `label`, or with one that GitHub does not know.
    async fn run(&self, arguments: &[&str], label: &str) -> Result<Run> {
        let token = match label {
            "a bad token" => "ghp_NobodyHasThisToken000000000000000000",
            label => self.standin.token(label),
        };
        let config: &Path = &self.home.join("gh");
        let mut command = self.client.command(&self.home);
        command
            .env("GH_CONFIG_DIR", config)
            .env("GH_TOKEN", token)
            .env("GH_NO_UPDATE_NOTIFIER", "1")
            .env("GH_PROMPT_DISABLED", "1")
            .env("NO_COLOR", "1")
            .args(arguments);
        run_to_end(command).await
    }
}
