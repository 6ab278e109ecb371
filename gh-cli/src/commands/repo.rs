//! `gh-mesh repo`.

use serde_json::Value;

use crate::ask::{Api, AskFlags};
use crate::cli::Globals;
use crate::commands::api::placeholders::Repository;
use crate::error::{Ending, Outcome, OutcomeExt as _};
use crate::listing::{self, MAX_PER_PAGE, age, encoded, text};
use crate::output::{self, Output, Table};

/// Look at repositories
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List(ListArgs),
    View(ViewArgs),
}

/// Fields of `--json`, named as GitHub's REST API names them.
const FIELDS: [&str; 24] = [
    "archived",
    "clone_url",
    "created_at",
    "default_branch",
    "description",
    "disabled",
    "fork",
    "forks_count",
    "full_name",
    "homepage",
    "html_url",
    "id",
    "language",
    "name",
    "node_id",
    "open_issues_count",
    "owner",
    "private",
    "pushed_at",
    "size",
    "ssh_url",
    "stargazers_count",
    "topics",
    "visibility",
];

const OF: &str = "a repository";

/// List the repositories of a user or an organization, last pushed first
///
/// Without an owner, your own.
#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Login of a user or an organization
    owner: Option<String>,
    /// List at most this many
    #[arg(short = 'L', long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Print a JSON array; with these comma-separated fields only, or all of them
    #[arg(long, value_name = "FIELDS", num_args = 0..=1, default_missing_value = "")]
    json: Option<String>,
    #[command(flatten)]
    ask: AskFlags,
}

/// Show a repository
#[derive(Debug, clap::Args)]
#[expect(
    clippy::doc_markdown,
    reason = "this is the help, where variables and keys stand plain"
)]
struct ViewArgs {
    /// Repository [env: GH_REPO] [default: that of the git repository around]
    #[arg(value_name = "OWNER/REPO")]
    repo: Option<String>,
    /// Print a JSON object; with these comma-separated fields only, or all of them
    #[arg(long, value_name = "FIELDS", num_args = 0..=1, default_missing_value = "")]
    json: Option<String>,
    #[command(flatten)]
    ask: AskFlags,
}

/// Runs the command.
pub(crate) async fn run(globals: &Globals, args: &Args) -> Outcome {
    match &args.command {
        Command::List(args) => list(globals, args).await,
        Command::View(args) => view(globals, args).await,
    }
}

async fn list(globals: &Globals, args: &ListArgs) -> Outcome {
    let given = args.json.as_deref();
    let fields = given.map(|given| listing::parse_fields(given, &FIELDS, OF));
    let fields = fields.transpose()?;
    let api = Api::open(globals, &args.ask, false).await?;
    let per_page = usize::try_from(args.limit).map_or(MAX_PER_PAGE, |n| n.min(MAX_PER_PAGE));
    let path = match &args.owner {
        Some(owner) => {
            let owner = encoded(owner);
            format!("users/{owner}/repos?sort=pushed&per_page={per_page}")
        }
        None => format!("user/repos?affiliation=owner&sort=pushed&per_page={per_page}"),
    };
    let repos = listing::items(&api, &path, None, args.limit)
        .await
        .aim(|| match &args.owner {
            Some(owner) => format!("could not list repositories of {owner}"),
            None => "could not list your repositories".to_owned(),
        })?;
    let repos: Vec<_> = repos.into_iter().map(with_visibility).collect();
    let mut out = Output::stdout();
    match fields {
        Some(fields) => {
            let picked = repos.iter().map(|repo| listing::pick(repo, &fields));
            out.json(&picked.collect::<Vec<_>>())?;
        }
        None => out.bytes(table(&repos).render(output::width()).as_bytes())?,
    }
    out.flush()?;
    Ok(Ending::Done)
}

/// Adds what old servers leave out.
fn with_visibility(mut repo: Value) -> Value {
    repo["visibility"] = visibility(&repo).into();
    repo
}

async fn view(globals: &Globals, args: &ViewArgs) -> Outcome {
    let given = args.json.as_deref();
    let fields = given.map(|given| listing::parse_fields(given, &FIELDS, OF));
    let fields = fields.transpose()?;
    let repository = match &args.repo {
        Some(given) => Repository::parse(given)?,
        None => Repository::around()?,
    };
    let api = Api::open(globals, &args.ask, false).await?;
    let repo = listing::object(&api, &repository.path())
        .await
        .aim(|| format!("could not show {repository}"))?;
    let repo = with_visibility(repo);
    let mut out = Output::stdout();
    if let Some(fields) = fields {
        out.json(&listing::pick(&repo, &fields))?;
    } else {
        out.line(&text(&repo, "full_name"))?;
        let description = text(&repo, "description");
        if !description.is_empty() {
            out.line(&description)?;
        }
        out.line("")?;
        let mut table = Table::default();
        for (name, value) in [
            ("visibility", kind(&repo)),
            ("default branch", text(&repo, "default_branch")),
            ("language", text(&repo, "language")),
            ("stars", text(&repo, "stargazers_count")),
            ("forks", text(&repo, "forks_count")),
            ("open issues", text(&repo, "open_issues_count")),
            ("pushed", age(&repo, "pushed_at")),
            ("page", text(&repo, "html_url")),
        ] {
            if !value.is_empty() {
                table.row([name.to_owned(), value]);
            }
        }
        out.bytes(table.render(None).as_bytes())?;
    }
    out.flush()?;
    Ok(Ending::Done)
}

fn table(repos: &[Value]) -> Table {
    let mut table = Table::with_head(&["NAME", "DESCRIPTION", "VISIBILITY", "UPDATED"], 1);
    for repo in repos {
        let updated = match age(repo, "pushed_at") {
            pushed if pushed.is_empty() => age(repo, "updated_at"),
            pushed => pushed,
        };
        table.row([
            text(repo, "full_name"),
            text(repo, "description"),
            kind(repo),
            updated,
        ]);
    }
    table
}

fn kind(repo: &Value) -> String {
    let mut kind = visibility(repo);
    for mark in ["fork", "archived"] {
        if repo[mark] == Value::Bool(true) {
            kind = format!("{kind}, {mark}");
        }
    }
    kind
}

fn visibility(repo: &Value) -> String {
    match (
        repo["visibility"].as_str(),
        repo["private"] == Value::Bool(true),
    ) {
        (Some(said), _) => said.to_owned(),
        (None, true) => "private".to_owned(),
        (None, false) => "public".to_owned(),
    }
}
