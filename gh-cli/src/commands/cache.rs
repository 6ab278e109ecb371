//! `gh-mesh cache`.

use bytes::Bytes;
use http::header::{AGE, CACHE_CONTROL, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};
use url::form_urlencoded::Serializer;

use crate::ask::{self, Api, AskFlags, Call};
use crate::cli::Globals;
use crate::context::{self, TokenFrom};
use crate::daemon;
use crate::error::{CommandError, Ending, Outcome, OutcomeExt as _};
use crate::flags::PlaceFlags;
use crate::output::{Output, Table, human_bytes};

/// Look at what is stored, and drop it
///
/// What is stored belongs to the credential that it was fetched with, and `show` shows what is stored for yours. The
/// entries cannot be listed: on disk they have no names, only keyed hashes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Show(ShowArgs),
    Invalidate(InvalidateArgs),
    Clear(ClearArgs),
}

/// Show what is stored for a path and your credential, without asking GitHub
///
/// Exits with 5 when nothing is.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::doc_markdown,
    reason = "this is the help, where variables and keys stand plain"
)]
struct ShowArgs {
    /// Path, such as repos/octocat/hello-world
    path: String,
    /// Print JSON: {version, path, status, age_s, cache_status, etag, content_type, size_bytes}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    ask: AskFlags,
}

/// Drop what a write to a path would spoil
///
/// For a path of a repository that is everything stored about the repository, and lists that may show it, for every
/// credential. The next request for any of it asks GitHub.
#[derive(Debug, clap::Args)]
struct InvalidateArgs {
    /// Path, or OWNER/REPO
    #[arg(value_name = "PATH|OWNER/REPO")]
    what: String,
    /// API host that the path is of
    #[arg(long, value_name = "HOST", default_value = gh_client::ApiRoot::GITHUB)]
    hostname: String,
    #[command(flatten)]
    places: PlaceFlags,
}

/// Drop everything that is stored on this machine
#[derive(Debug, clap::Args)]
struct ClearArgs {
    #[command(flatten)]
    places: PlaceFlags,
}

/// Runs the command.
pub(crate) async fn run(globals: &Globals, args: &Args) -> Outcome {
    match &args.command {
        Command::Show(args) => show(globals, args).await,
        Command::Invalidate(args) => {
            let path = path_of(&args.what)?;
            let query = Serializer::new(String::new())
                .append_pair("host", &args.hostname.to_ascii_lowercase())
                .append_pair("path", &path)
                .finish();
            drop_entries(globals, &args.places, &format!("invalidate?{query}")).await
        }
        Command::Clear(args) => drop_entries(globals, &args.places, "clear").await,
    }
}

/// Returns the path that is meant. Two segments that are no route of their own are a repository.
fn path_of(what: &str) -> Outcome<String> {
    let path = what.trim_start_matches('/');
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let segments: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    Ok(match segments[..] {
        [] => {
            return Err(CommandError::message(Ending::Usage, "the path is empty")
                .hint("`gh-mesh cache clear` drops everything"));
        }
        // A write to the repository itself may rename it, and would spoil everything of its owner.
        ["repos", owner, name] => format!("/repos/{owner}/{name}/contents"),
        [first, _] if !is_route(first) => format!("/repos/{path}/contents"),
        _ => format!("/{path}"),
    })
}

/// Tells whether paths of GitHub's API begin with `segment`. No user can have such a name.
fn is_route(segment: &str) -> bool {
    matches!(
        segment,
        "app"
            | "apps"
            | "enterprises"
            | "events"
            | "gists"
            | "notifications"
            | "organizations"
            | "orgs"
            | "repositories"
            | "search"
            | "teams"
            | "user"
            | "users"
    )
}

async fn drop_entries(globals: &Globals, places: &PlaceFlags, action: &str) -> Outcome {
    #[derive(Deserialize)]
    struct Dropped {
        dropped: u64,
    }
    let settings = context::settings(globals, places.given(), TokenFrom::Environment, None)?;
    let aim = || "could not drop what is stored".to_owned();
    let answer = daemon::act(&settings, action).await.aim(aim)?;
    let answer = answer.ok_or_else(|| {
        daemon::not_running(&settings)
            .aim(aim())
            .hint("without a daemon, what is on disk can be deleted: responses.db* in the cache directory")
    })?;
    let answer: Dropped = serde_json::from_slice(&answer)
        .map_err(anyhow::Error::from)
        .aim(aim)?;
    let mut out = Output::stdout();
    out.line(&format!(
        "dropped {} in memory, and what there was of them on disk",
        if answer.dropped == 1 {
            "1 entry".to_owned()
        } else {
            format!("{} entries", answer.dropped)
        }
    ))?;
    out.flush()?;
    Ok(Ending::Done)
}

#[derive(Debug, Serialize)]
struct Shown {
    version: u32,
    path: String,
    status: u16,
    age_s: Option<u64>,
    cache_status: String,
    etag: Option<String>,
    content_type: Option<String>,
    size_bytes: u64,
}

async fn show(globals: &Globals, args: &ShowArgs) -> Outcome {
    let aim = || format!("could not show what is stored for {}", args.path);
    let api = Api::open(globals, &args.ask, false).await?;
    let mut headers = HeaderMap::new();
    headers.insert(
        CACHE_CONTROL,
        HeaderValue::from_static("only-if-cached, max-stale"),
    );
    let url = api.url(&args.path)?;
    let uri = url.as_str().parse().map_err(anyhow::Error::from).aim(aim)?;
    let config = gh_client::PolicyConfig::default();
    let explained = gh_client::explain(&Method::GET, &uri, &headers, &config);
    if explained.passed_because.is_some() {
        // It would go to GitHub, whatever it says of a cache.
        let message = "answers for this path are never stored";
        return Err(CommandError::message(Ending::Offline, message).aim(aim()));
    }
    let call = Call {
        method: Method::GET,
        url,
        headers,
        body: Bytes::new(),
    };
    let (head, body) = api.send(call).await.aim(aim)?.into_parts();
    let body = ask::whole(body).await.aim(aim)?;
    let text = |name| {
        let value = head.headers.get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let cache_status = text(http::HeaderName::from_static("cache-status")).unwrap_or_default();
    if head.status == StatusCode::GATEWAY_TIMEOUT || !cache_status.contains("hit") {
        let message = "nothing is stored for it and this credential";
        return Err(CommandError::message(Ending::Offline, message).aim(aim()));
    }
    let shown = Shown {
        version: 1,
        path: args.path.clone(),
        status: head.status.as_u16(),
        age_s: text(AGE).and_then(|age| age.parse().ok()),
        cache_status,
        etag: text(ETAG),
        content_type: text(CONTENT_TYPE),
        size_bytes: body.len() as u64,
    };
    let mut out = Output::stdout();
    if args.json {
        out.json(&shown)?;
    } else {
        let mut table = Table::default();
        let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
        row("status", shown.status.to_string());
        row("age", format!("{} s", shown.age_s.unwrap_or_default()));
        row("from", shown.cache_status);
        row("etag", shown.etag.unwrap_or_default());
        row(
            "body",
            format!(
                "{}, {}",
                human_bytes(shown.size_bytes),
                shown.content_type.unwrap_or_default()
            ),
        );
        out.bytes(table.render(None).as_bytes())?;
    }
    out.flush()?;
    Ok(Ending::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_told_from_a_path() {
        let check = |what, expected: &str| assert_eq!(path_of(what).unwrap(), expected);
        check("octo/hello", "/repos/octo/hello/contents");
        check("/repos/octo/hello", "/repos/octo/hello/contents");
        check("repos/octo/hello/issues?page=2", "/repos/octo/hello/issues");
        check("users/octocat", "/users/octocat");
        check("user", "/user");
        assert!(path_of("/").is_err());
    }
}
