//! GitHub's own `gh`, old and current, over `http_unix_socket`: the same output and exit codes as at GitHub itself,
//! and no upstream request the second time. What one client fetched answers the next.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::{Stage, expect, expect_contains};
use crate::command::say;
use crate::rig::{Address, Client, Node, Run, Standin, bare, run_to_end};

const REPO: &str = "octocat/Hello-World";

/// What people type, and how many upstream requests it makes the second time: `GET /`, which says what a token may, is
/// never stored.
const COMMANDS: [(&[&str], u64); 13] = [
    (&["api", "user"], 0),
    (&["api", "repos/octocat/Hello-World"], 0),
    (
        &["api", "--paginate", "users/octo-many/repos?per_page=100"],
        0,
    ),
    (
        &[
            "api",
            "--paginate",
            "repos/octocat/Hello-World/issues?per_page=30",
        ],
        0,
    ),
    (&["api", "graphql", "-f", "query={viewer{login}}"], 0),
    (&["repo", "list", "octo-many", "--limit", "50"], 0),
    (&["repo", "view", REPO], 0),
    (&["pr", "list", "-R", REPO], 0),
    (&["issue", "list", "-R", REPO], 0),
    (
        &[
            "run",
            "list",
            "-R",
            REPO,
            "--json",
            "databaseId,status,conclusion,workflowName",
        ],
        0,
    ),
    (&["release", "list", "-R", REPO], 0),
    (&["workflow", "list", "-R", REPO], 0),
    (&["auth", "status"], 1),
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
    let (mut without_us, mut asked, mut asked_again) = (0, 0, 0);
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
        expect(&format!("{what}, again"), made_again, again)?;
        without_us += needed;
        asked += made;
        asked_again += made_again;
    }
    stage.report(&format!(
        "{}: {} commands, the same stdout, stderr and exit code; {asked} upstream requests \
         ({without_us} without us), {asked_again} the second time",
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

/// Walks one listing with every client in turn: the first is the only one that costs requests.
async fn one_for_all(stage: &Stage, standin: &Standin) -> Result<()> {
    const PATH: &str = "users/octo-many/repos?per_page=100";
    const PAGES: u64 = 3;
    let node = stage.rig.node("for-all", standin).alone().start().await?;
    standin.reset().await?;
    let mut asked = Vec::new();
    let mut outputs = Vec::new();
    for gh in &stage.clients.gh {
        let gh_at_node = Gh::new(stage, standin, gh, &node.unix())?;
        for arguments in [&["api", "--paginate", PATH] as &[&str], &["api", PATH]] {
            let run = gh_at_node.run(arguments, "octocat").await?;
            expect(&gh.name, run.code, Some(0))?;
            outputs.push(run.stdout);
        }
        asked.push((gh.name.clone(), standin.counters().await?.requests));
    }
    if let Some(curl) = &stage.clients.curl {
        let mut command = curl.command(&stage.rig.home("curl")?);
        command
            .args(["-sS", "-H"])
            .arg(format!("Authorization: token {}", standin.token("octocat")))
            .arg(format!("{}/{PATH}", node.http_url()));
        let run = run_to_end(command).await?;
        let body = run
            .stdout
            .replace(&node.http_url(), "https://api.github.com");
        if let Some(first_page) = outputs.last() {
            expect("the same body", &body, first_page)?;
        }
        asked.push((curl.name.clone(), standin.counters().await?.requests));
    }
    for (client, upstream) in &asked {
        expect(client, *upstream, PAGES)?;
    }
    let clients: Vec<&str> = asked.iter().map(|(client, _)| client.as_str()).collect();
    stage.report(&format!(
        "{}: the same {PAGES} pages one after the other, {PAGES} upstream requests together",
        clients.join(", ")
    ));
    octocrab(stage, standin, &node).await
}

/// Lists repositories by octocrab, in a process that has the node's HTTP door for its GitHub, after a `gh` did.
async fn octocrab(stage: &Stage, standin: &Standin, node: &Node) -> Result<()> {
    const PATH: &str = "users/octocat/repos?per_page=100";
    let (Some(gh), Some(example)) = (stage.clients.gh.first(), &stage.rig.binaries().list_repos)
    else {
        stage.report(
            "octocrab left out: its example was not built, or there is no gh to compare it with",
        );
        return Ok(());
    };
    standin.reset().await?;
    Gh::new(stage, standin, gh, &node.unix())?
        .run(&["api", PATH], "octocat")
        .await?;
    let mut command = bare(example, &stage.rig.home("octocrab")?);
    command
        .env("GH_TOKEN", standin.token("octocat"))
        .env("CACHE_API_URL", node.http_url())
        .env("CACHE_ENABLE_P2P", "false")
        .arg("octocat");
    let before = node.count("local_hits").await?;
    let run = run_to_end(command).await?;
    expect(&format!("octocrab: {run:?}"), run.code, Some(0))?;
    expect_contains("octocrab", &run.stdout, "Hello-World")?;
    let hits = node.count("local_hits").await? - before;
    expect("octocrab's requests answered by the node", hits, 1)?;
    let counted = standin.counters().await?;
    expect(&counted.kinds(), counted.requests, 1)?;
    stage.report(&format!(
        "{}, octocrab: {} upstream request together",
        gh.name, counted.requests
    ));
    Ok(())
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
