//! `gh-mesh explain`.

use gh_client::{Explanation, PolicyConfig};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde_json::json;

use crate::cli::Globals;
use crate::context::{self, TokenFrom};
use crate::error::{CommandError, Ending, Outcome, OutcomeExt as _};
use crate::flags::PlaceFlags;
use crate::output::{Output, Table};

/// Explain what the cache makes of a path, without sending anything
///
/// Its class, how long an answer is used, whose it is, and who may read it.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::doc_markdown,
    reason = "this is the help, where variables and keys stand plain"
)]
pub(crate) struct Args {
    /// Path with query, such as repos/octocat/hello-world/issues?state=open
    path: String,
    /// Method of the request
    #[arg(short = 'X', long, value_name = "METHOD", default_value = "GET")]
    method: String,
    /// Header of the request, as `Name: value` (can be repeated)
    #[arg(short = 'H', long, value_name = "HEADER")]
    header: Vec<String>,
    /// Explain it for somebody without a token
    #[arg(long)]
    anonymous: bool,
    /// Print JSON: {version, method, target, class, passed_because, fresh_s, stale_while_revalidate_s,
    /// stale_if_error_s, states_own_lifetime, audience, leaves_machine_for, question}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    places: PlaceFlags,
}

/// Runs the command.
pub(crate) fn run(globals: &Globals, args: &Args) -> Outcome {
    let aim = || format!("could not explain {:?}", args.path);
    let token_from = if args.anonymous {
        TokenFrom::Environment
    } else {
        TokenFrom::EnvironmentOrGh
    };
    let settings = context::settings(globals, args.places.given(), token_from, None)?;
    let usage = |error: anyhow::Error| CommandError::new(Ending::Usage, error);
    let method: Method = args
        .method
        .to_ascii_uppercase()
        .parse()
        .map_err(|error| usage(anyhow::Error::new(error)))
        .aim(aim)?;
    let path = args.path.trim_start_matches('/');
    let uri: Uri = format!("https://{}/{path}", settings.host)
        .parse()
        .map_err(|error| usage(anyhow::Error::new(error)))
        .aim(aim)?;
    let mut headers = headers(&args.header).aim(aim)?;
    if !args.anonymous && settings.token.is_some() && !headers.contains_key(AUTHORIZATION) {
        // Whose it is matters, and not which.
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer x"));
    }
    let config = PolicyConfig {
        default_ttl: settings.default_ttl,
        max_age: settings.max_age,
        stale_if_error: settings.stale_if_error,
    };
    let explained = gh_client::explain(&method, &uri, &headers, &config);
    let mut out = Output::stdout();
    if args.json {
        let kept = explained.passed_because.is_none();
        out.json(&json!({
            "version": 1,
            "method": method.as_str(),
            "target": explained.target,
            "class": explained.class,
            "passed_because": explained.passed_because,
            "fresh_s": explained.fresh.as_secs_f64(),
            "stale_while_revalidate_s": explained.stale_while_revalidate.as_secs_f64(),
            "stale_if_error_s": explained.stale_if_error.as_secs_f64(),
            "states_own_lifetime": explained.states_own_lifetime,
            "audience": if explained.is_anonymous { "anonymous" } else { "credential" },
            "leaves_machine_for": kept.then_some(if explained.is_anonymous { "fleet" } else { "credential" }),
            "question": explained.question,
        }))?;
    } else {
        out.line(&format!(
            "{method} https://{}{}",
            settings.host, explained.target
        ))?;
        let table = table(&explained, settings.max_age.is_none());
        out.bytes(table.render(None).as_bytes())?;
    }
    out.flush()?;
    Ok(Ending::Done)
}

fn headers(given: &[String]) -> Outcome<HeaderMap> {
    let mut headers = HeaderMap::new();
    for header in given {
        let parsed = header.split_once(':').and_then(|(name, value)| {
            let name: HeaderName = name.trim().parse().ok()?;
            Some((name, HeaderValue::from_str(value.trim()).ok()?))
        });
        // Not repeated: it may hold a token.
        let (name, value) = parsed.ok_or_else(|| {
            CommandError::message(Ending::Usage, "a header is not of the form `Name: value`")
        })?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn table(explained: &Explanation, is_uncapped: bool) -> Table {
    let mut table = Table::default();
    let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
    row("class", format!("{}: {}", explained.class, explained.about));
    if let Some(reason) = explained.passed_because {
        row("kept", format!("no, {reason}: it is passed on untouched"));
        return table;
    }
    let fresh = explained.fresh.as_secs_f64();
    row(
        "fresh",
        if explained.states_own_lifetime {
            format!("as long as X-Poll-Interval says, else {fresh} s")
        } else {
            format!("{fresh} s")
        },
    );
    let while_revalidating = explained.stale_while_revalidate.as_secs_f64();
    row(
        "then",
        if while_revalidating > 0.0 {
            format!("{while_revalidating} s more, while one free request revalidates it behind")
        } else {
            "revalidated first".to_owned()
        },
    );
    let if_error = explained.stale_if_error.as_secs_f64();
    row(
        "GitHub fails",
        if if_error > 0.0 {
            format!("served for {if_error} s past its freshness, labelled as stale")
        } else {
            "the failure is passed on".to_owned()
        },
    );
    if is_uncapped {
        row(
            "at most",
            "no cap; a daemon that a command started revalidates after 5 s".to_owned(),
        );
    }
    let (audience, readers) = if explained.is_anonymous {
        (
            "whoever asks without a credential",
            "every member of the fleet",
        )
    } else {
        (
            "the credential that it was fetched with, and no other",
            "members of the fleet that hold that credential",
        )
    };
    row("belongs to", audience.to_owned());
    row("sealed for", readers.to_owned());
    if let Some(question) = &explained.question {
        row("question", question.clone());
    }
    table
}
