//! `gh-mesh repo`.

use bytes::Bytes;
use cache_core::port::Runtime as _;
use gh_client::TokioRuntime;
use http::{HeaderMap, Method};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::ask::{self, Api, AskFlags, Call};
use crate::cli::Globals;
use crate::error::{CommandError, Ending, Outcome, OutcomeExt as _};
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

/// The most items of a page that GitHub gives.
const MAX_PER_PAGE: usize = 100;

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

/// Runs the command.
pub(crate) async fn run(globals: &Globals, args: &Args) -> Outcome {
    match &args.command {
        Command::List(args) => list(globals, args).await,
    }
}

async fn list(globals: &Globals, args: &ListArgs) -> Outcome {
    let fields = args.json.as_deref().map(parse_fields).transpose()?;
    let api = Api::open(globals, &args.ask, false).await?;
    let aim = || match &args.owner {
        Some(owner) => format!("could not list repositories of {owner}"),
        None => "could not list your repositories".to_owned(),
    };
    let repos = match fetch(&api, args).await.aim(aim)? {
        Fetched::All(repos) => repos,
        Fetched::Refused(error) => return Err(error.aim(aim())),
    };
    let mut out = Output::stdout();
    match fields {
        Some(fields) => {
            let picked: Vec<_> = repos.iter().map(|repo| pick(repo, &fields)).collect();
            out.json(&picked)?;
        }
        None => out.bytes(table(&repos).render(output::width()).as_bytes())?,
    }
    out.flush()?;
    Ok(Ending::Done)
}

fn parse_fields(given: &str) -> Outcome<Vec<&str>> {
    if given.is_empty() {
        return Ok(FIELDS.to_vec());
    }
    let unknown = |field: &str| {
        CommandError::message(
            Ending::Usage,
            format!("{field:?} is no field of a repository"),
        )
        .hint(format!("fields are {}", FIELDS.join(", ")))
        .hint("put the owner in front of a `--json` without fields")
    };
    let fields = given.split(',').map(str::trim);
    fields
        .map(|field| {
            if FIELDS.contains(&field) {
                Ok(field)
            } else {
                Err(unknown(field))
            }
        })
        .collect()
}

enum Fetched {
    All(Vec<Value>),
    Refused(CommandError),
}

async fn fetch(api: &Api, args: &ListArgs) -> Outcome<Fetched> {
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let per_page = limit.min(MAX_PER_PAGE);
    let path = match &args.owner {
        Some(owner) => {
            let owner =
                percent_encoding::utf8_percent_encode(owner, percent_encoding::NON_ALPHANUMERIC);
            // A hyphen is the one other character that logins have.
            let owner = owner.to_string().replace("%2D", "-");
            format!("users/{owner}/repos?sort=pushed&per_page={per_page}")
        }
        None => format!("user/repos?affiliation=owner&sort=pushed&per_page={per_page}"),
    };
    let mut repos = Vec::new();
    let mut url = api.url(&path)?;
    loop {
        let call = Call {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        };
        let (head, body) = api.send(call).await?.into_parts();
        let body = ask::whole(body).await?;
        if let Some(verdict) = ask::verdict(head.status, &head.headers, &body, false) {
            return Ok(Fetched::Refused(CommandError::message(
                verdict.ending,
                verdict.message,
            )));
        }
        if let Some(note) = ask::note_of_staleness(&head.headers) {
            output::say(&note);
        }
        let page: Vec<Value> = serde_json::from_slice(&body).map_err(anyhow::Error::from)?;
        repos.extend(page);
        let next = ask::next_page(&head.headers).filter(|_| repos.len() < limit);
        let Some(next) = next else { break };
        url = api.url(&next)?;
    }
    repos.truncate(limit);
    Ok(Fetched::All(repos))
}

fn pick(repo: &Value, fields: &[&str]) -> Value {
    let value = |field: &str| match field {
        "owner" => Value::from(text(&repo["owner"], "login")),
        "visibility" => Value::from(visibility(repo)),
        field => repo.get(field).cloned().unwrap_or(Value::Null),
    };
    Value::Object(
        fields
            .iter()
            .map(|field| ((*field).to_owned(), value(field)))
            .collect::<Map<_, _>>(),
    )
}

fn table(repos: &[Value]) -> Table {
    let now = TokioRuntime.now().as_millis() / 1000;
    let mut table = Table::with_head(&["NAME", "DESCRIPTION", "VISIBILITY", "UPDATED"], 1);
    for repo in repos {
        let mut kind = visibility(repo);
        for mark in ["fork", "archived"] {
            if repo[mark] == Value::Bool(true) {
                kind = format!("{kind}, {mark}");
            }
        }
        let updated =
            seconds(&text(repo, "pushed_at")).or_else(|| seconds(&text(repo, "updated_at")));
        let updated =
            updated.map_or_else(String::new, |at| output::human_age(now.saturating_sub(at)));
        // Descriptions are other people's text: no line breaks, and nothing that a terminal would obey.
        let description: String = text(repo, "description")
            .chars()
            .filter(|c| !c.is_control())
            .collect();
        table.row([text(repo, "full_name"), description, kind, updated]);
    }
    table
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

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

/// Returns an instant of GitHub's in seconds since 1970.
fn seconds(text: &str) -> Option<u64> {
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()?
        .unix_timestamp()
        .try_into()
        .ok()
}
