//! `gh-mesh api`: the useful part of `gh api`, through the cache.

mod fields;
pub(crate) mod placeholders;

use std::time::Duration;

use bytes::Bytes;
use clap::ArgMatches;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Map, Value};

use crate::ask::{self, Api, AskFlags, Call};
use crate::asker::AnswerBody;
use crate::cli::Globals;
use crate::error::{CommandError, Ending, Outcome};
use crate::jq::Filter;
use crate::output::{self, Output};
use fields::Field;
use placeholders::Placeholders;

/// Items of a page when all pages are wanted: the most that GitHub gives.
const PER_PAGE: &str = "100";

/// Make an authenticated request to GitHub's API and print the answer
///
/// Reads the flags of `gh api` and prints the same bytes. Answers come from the daemon's cache, from the fleet or from
/// GitHub; `--include` shows in `Cache-Status` which. Without a daemon this process asks, and keeps nothing.
///
/// The endpoint is a path of the REST API, or `graphql`. `{owner}`, `{repo}` and `{branch}` in it stand for the
/// repository around, or the one that GH_REPO names.
///
/// The token is GH_TOKEN or GITHUB_TOKEN, else what `gh auth token` prints. Without any the exit code is 4, unless
/// `--anonymous` says that none is needed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  gh-mesh api repos/{owner}/{repo}/releases
  gh-mesh api repos/octocat/hello-world/issues -f title='a bug' -F milestone=3
  gh-mesh api --paginate 'orgs/octo-org/repos?type=public' --jq '.[].full_name'
  gh-mesh api graphql -f query='query($login: String!) { user(login: $login) { name } }' -f login=octocat")]
#[expect(
    clippy::doc_markdown,
    reason = "this is the help, where variables and keys stand plain"
)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags of the command line, as they are typed"
)]
pub(crate) struct Args {
    /// Path of the REST API, or `graphql`
    endpoint: String,
    /// Use this method [default: GET, or POST where there are fields or input]
    #[arg(short = 'X', long, value_name = "METHOD")]
    method: Option<String>,
    /// Add a parameter as text (can be repeated)
    #[arg(short = 'f', long, value_name = "KEY=VALUE")]
    raw_field: Vec<String>,
    /// Add a typed parameter: true, false, null and whole numbers are themselves, @FILE is its text, KEY[PART] nests
    /// (can be repeated)
    #[arg(short = 'F', long, value_name = "KEY=VALUE")]
    field: Vec<String>,
    /// Add a header (can be repeated)
    #[arg(short = 'H', long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// Send this file as the body; `-` is standard input
    #[arg(long, value_name = "FILE")]
    input: Option<String>,
    /// Get all pages and print one after another
    #[arg(long)]
    paginate: bool,
    /// Print all pages as one array of pages
    #[arg(long, requires = "paginate", conflicts_with = "jq")]
    slurp: bool,
    /// Print what this jq filter makes of the answer
    #[arg(short = 'q', long, value_name = "FILTER")]
    jq: Option<String>,
    /// Print status and headers, too
    #[arg(short, long)]
    include: bool,
    /// Accept an answer up to this old, such as 90s, 60m or 1h
    #[arg(long, value_name = "DURATION")]
    cache: Option<String>,
    /// Print no body
    #[arg(long)]
    silent: bool,
    #[command(flatten)]
    ask: AskFlags,
    /// All fields in the order typed: later ones build on earlier ones. Filled by [`Args::note_order`].
    #[arg(skip)]
    fields: Vec<Field>,
}

impl Args {
    /// Notes in which order raw and typed fields were given, which `clap` keeps by flag only.
    pub(crate) fn note_order(&mut self, matches: &ArgMatches) {
        let of = |id: &str, texts: &[String], is_typed| -> Vec<(usize, Field)> {
            let indices = matches.indices_of(id).into_iter().flatten();
            let fields = texts.iter().map(|text| Field {
                text: text.clone(),
                is_typed,
            });
            indices.zip(fields).collect()
        };
        let mut all = of("raw_field", &self.raw_field, false);
        all.extend(of("field", &self.field, true));
        all.sort_by_key(|(index, _)| *index);
        self.fields = all.into_iter().map(|(_, field)| field).collect();
    }

    fn is_graphql(&self) -> bool {
        self.endpoint.trim_matches('/') == "graphql"
    }

    fn method(&self) -> Outcome<Method> {
        let has_input = !self.fields.is_empty() || self.input.is_some() || self.is_graphql();
        let default = if has_input { "POST" } else { "GET" };
        let method = self
            .method
            .as_deref()
            .unwrap_or(default)
            .to_ascii_uppercase();
        Method::from_bytes(method.as_bytes()).map_err(|_| {
            CommandError::message(
                Ending::Usage,
                format!("--method {method:?} is no HTTP method"),
            )
        })
    }

    fn headers(&self) -> Outcome<HeaderMap> {
        let mut headers = HeaderMap::new();
        for line in &self.header {
            let wrong = || CommandError::message(Ending::Usage, "--header takes `NAME: VALUE`");
            let (name, value) = line.split_once(':').ok_or_else(wrong)?;
            let name: HeaderName = name.trim().parse().map_err(|_| wrong())?;
            let mut value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
            value.set_sensitive(name == AUTHORIZATION);
            headers.append(name, value);
        }
        if let Some(duration) = &self.cache {
            let seconds = parse_duration(duration).ok_or_else(|| {
                CommandError::message(
                    Ending::Usage,
                    format!("--cache {duration:?} is no duration, such as 90s or 1h"),
                )
            })?;
            let value = format!("max-age={}", seconds.as_secs());
            headers.insert(
                CACHE_CONTROL,
                HeaderValue::from_str(&value).expect("digits are visible ASCII"),
            );
        }
        Ok(headers)
    }

    fn check(&self, method: &Method) -> Outcome<()> {
        if self.paginate && !self.is_graphql() && *method != Method::GET {
            return Err(CommandError::message(
                Ending::Usage,
                "--paginate is for GET requests and graphql",
            ));
        }
        if self.paginate && self.input.is_some() {
            return Err(CommandError::message(
                Ending::Usage,
                "--paginate and --input do not go together",
            ));
        }
        Ok(())
    }

    /// Returns the first request.
    fn first_call(
        &self,
        api: &Api,
        method: Method,
        parameters: &Map<String, Value>,
    ) -> Outcome<Call> {
        let mut placeholders = Placeholders::default();
        let mut call = Call {
            method,
            url: api.url(&placeholders.fill(&self.endpoint)?)?,
            headers: self.headers()?,
            body: Bytes::new(),
        };
        let mut in_query = Map::new();
        if let Some(path) = &self.input {
            call.body = fields::read_bytes(path)?.into();
            in_query.clone_from(parameters);
        } else if call.method == Method::GET || call.method == Method::HEAD {
            in_query.clone_from(parameters);
        } else if !parameters.is_empty() {
            call.body = json_body(self.is_graphql(), parameters);
        }
        let has_per_page = |query: &str| query.split('&').any(|pair| pair.starts_with("per_page="));
        let in_url =
            call.url.query().is_some_and(has_per_page) || in_query.contains_key("per_page");
        if self.paginate && !self.is_graphql() && !in_url {
            in_query.insert("per_page".to_owned(), Value::from(PER_PAGE));
        }
        if !in_query.is_empty() {
            let more = fields::query(&in_query)?;
            let query = match call.url.query() {
                Some(query) if !query.is_empty() => format!("{query}&{more}"),
                _ => more,
            };
            call.url.set_query(Some(&query));
        }
        if !call.body.is_empty() && !call.headers.contains_key(CONTENT_TYPE) {
            call.headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_static("application/json; charset=utf-8"),
            );
        }
        Ok(call)
    }
}

/// Returns a JSON body. GraphQL has its variables apart.
fn json_body(is_graphql: bool, parameters: &Map<String, Value>) -> Bytes {
    if !is_graphql {
        return Value::Object(parameters.clone()).to_string().into();
    }
    let (mut body, mut variables) = (Map::new(), Map::new());
    for (name, value) in parameters {
        let side = if matches!(&**name, "query" | "operationName") {
            &mut body
        } else {
            &mut variables
        };
        side.insert(name.clone(), value.clone());
    }
    if !variables.is_empty() {
        body.insert("variables".to_owned(), Value::Object(variables));
    }
    Value::Object(body).to_string().into()
}

/// Reads a duration as Go writes it: `1h30m`, `90s`.
fn parse_duration(text: &str) -> Option<Duration> {
    let (mut rest, mut total) = (text, Duration::ZERO);
    while !rest.is_empty() {
        let split = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..split].parse().ok()?;
        let unit_end = rest[split..]
            .find(|c: char| c.is_ascii_digit())
            .map_or(rest.len(), |end| split + end);
        let seconds = match &rest[split..unit_end] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return None,
        };
        total = total.checked_add(Duration::try_from_secs_f64(number * seconds).ok()?)?;
        rest = &rest[unit_end..];
    }
    (!text.is_empty()).then_some(total)
}

/// Runs the command.
pub(crate) async fn run(globals: &Globals, args: &Args) -> Outcome {
    let method = args.method()?;
    args.check(&method)?;
    let filter = args.jq.as_deref().map(Filter::compile).transpose()?;
    let mut parameters = fields::parse(&args.fields, &mut Placeholders::default())?;
    let brings_own = args.headers()?.contains_key(AUTHORIZATION);
    let api = Api::open(globals, &args.ask, brings_own).await?;
    let mut call = args.first_call(&api, method, &parameters)?;
    let mut printer = Printer {
        args,
        filter,
        out: Output::stdout(),
        n_pages: 0,
    };
    loop {
        let response = api.send(call.clone()).await?;
        let headers = response.headers().clone();
        let page = printer.print(response).await?;
        if page.ending != Ending::Done {
            return Ok(page.ending);
        }
        if !args.paginate {
            break;
        }
        if args.is_graphql() {
            let Some(cursor) = end_cursor(&page.body) else {
                break;
            };
            parameters.insert("endCursor".to_owned(), Value::from(cursor));
            call.body = json_body(true, &parameters);
        } else {
            let Some(next) = ask::next_page(&headers) else {
                break;
            };
            call.url = api.url(&next)?;
        }
        if args.include {
            printer.out.line("")?;
        }
    }
    printer.end()?;
    Ok(Ending::Done)
}

/// Returns the cursor of the first `pageInfo` that has a next page.
fn end_cursor(body: &[u8]) -> Option<String> {
    fn find(value: &Value) -> Option<String> {
        match value {
            Value::Object(object) => {
                if let Some(info) = object.get("pageInfo")
                    && info.get("hasNextPage") == Some(&Value::Bool(true))
                    && let Some(cursor) = info.get("endCursor").and_then(Value::as_str)
                {
                    return Some(cursor.to_owned());
                }
                object.values().find_map(find)
            }
            Value::Array(items) => items.iter().find_map(find),
            _ => None,
        }
    }
    find(&serde_json::from_slice(body).ok()?)
}

/// Prints answers.
struct Printer<'a> {
    args: &'a Args,
    filter: Option<Filter>,
    out: Output,
    n_pages: usize,
}

/// What is left of an answer once it is printed.
struct Printed {
    ending: Ending,
    /// The body, where it was held as a whole.
    body: Bytes,
}

impl Printer<'_> {
    async fn print(&mut self, response: Response<AnswerBody>) -> Outcome<Printed> {
        let (head, body) = response.into_parts();
        if let Some(note) = ask::note_of_staleness(&head.headers) {
            output::say(&note);
        }
        if self.args.include {
            self.head(head.status, &head.headers)?;
        }
        let is_graphql = self.args.is_graphql();
        let is_good = head.status.as_u16() < 300;
        if is_good
            && !is_graphql
            && self.filter.is_none()
            && !self.args.paginate
            && !self.args.silent
        {
            self.stream(body).await?;
            return Ok(Printed {
                ending: Ending::Done,
                body: Bytes::new(),
            });
        }
        let body = ask::whole(body).await?;
        let verdict = ask::verdict(head.status, &head.headers, &body, is_graphql);
        let mut ending = Ending::Done;
        if !self.args.silent {
            match &self.filter {
                Some(filter) if verdict.is_none() && !body.is_empty() => {
                    filter.run(&body, self.out.writer())?;
                }
                _ => {
                    if self.args.slurp && verdict.is_none() {
                        self.out
                            .bytes(if self.n_pages == 0 { b"[" } else { b"," })?;
                    }
                    self.out.bytes(&body)?;
                }
            }
        }
        self.n_pages += 1;
        self.out.flush()?;
        if let Some(verdict) = verdict {
            ending = verdict.ending;
            for line in verdict.message.lines() {
                output::say(&format!("gh-mesh: {line}"));
            }
            if let Some(hint) = hint(ending) {
                output::say(&format!("\nhint: {hint}"));
            }
        }
        Ok(Printed { ending, body })
    }

    /// Passes a body on while it arrives.
    async fn stream(&mut self, mut body: AnswerBody) -> Outcome<()> {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                CommandError::from(anyhow::Error::from_boxed(error)).aim("the answer broke off")
            })?;
            if let Some(data) = frame.data_ref() {
                self.out.bytes(data)?;
            }
        }
        self.out.flush()
    }

    /// Prints status and headers as `gh` does: sorted, in the spelling of Go.
    fn head(&mut self, status: StatusCode, headers: &HeaderMap) -> Outcome<()> {
        let reason = status.canonical_reason().unwrap_or_default();
        self.out
            .line(format!("HTTP/1.1 {} {reason}", status.as_u16()).trim_end())?;
        let mut names: Vec<_> = headers
            .keys()
            .map(|name| (go_spelling(name.as_str()), name))
            .collect();
        names.sort_by(|a, b| a.0.cmp(&b.0));
        for (spelling, name) in names {
            let values = headers
                .get_all(name)
                .iter()
                .map(|value| String::from_utf8_lossy(value.as_bytes()));
            let values = values.collect::<Vec<_>>().join(", ");
            self.out
                .bytes(format!("{spelling}: {values}\r\n").as_bytes())?;
        }
        self.out.bytes(b"\r\n")
    }

    fn end(&mut self) -> Outcome<()> {
        if self.args.slurp && !self.args.silent {
            self.out.bytes(b"]")?;
        }
        self.out.flush()
    }
}

fn go_spelling(name: &str) -> String {
    let mut upper = true;
    let spell = |c: char| {
        let spelled = if upper { c.to_ascii_uppercase() } else { c };
        upper = c == '-';
        spelled
    };
    name.chars().map(spell).collect()
}

fn hint(ending: Ending) -> Option<&'static str> {
    match ending {
        Ending::NeedsAuthentication => {
            Some("GH_TOKEN holds the token that is sent; `gh auth login` makes a new one")
        }
        Ending::RateLimited => {
            Some("`gh-mesh stats` shows when each limit is reset, where a daemon runs")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_does() {
        let seconds = |text| parse_duration(text).map(|duration| duration.as_secs());
        assert_eq!(seconds("90s"), Some(90));
        assert_eq!(seconds("1h30m"), Some(5400));
        assert_eq!(seconds("1500ms"), Some(1));
        for bad in ["", "90", "1d", "s", "-1s", "1h-"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn variables_of_graphql_stand_apart() {
        let parameters = serde_json::json!({"query": "q", "operationName": "o", "n": 1});
        let body = json_body(true, parameters.as_object().unwrap());
        assert_eq!(
            body,
            r#"{"query":"q","operationName":"o","variables":{"n":1}}"#
        );
    }

    #[test]
    fn the_first_page_with_a_next_one_is_followed() {
        let body = br#"{"data":{"a":{"pageInfo":{"hasNextPage":false,"endCursor":"x"}},"b":[{"pageInfo":{"hasNextPage":true,"endCursor":"y"}}]}}"#;
        assert_eq!(end_cursor(body).as_deref(), Some("y"));
        assert_eq!(end_cursor(b"{}"), None);
    }

    #[test]
    fn headers_are_spelled_as_go_does() {
        assert_eq!(go_spelling("x-github-request-id"), "X-Github-Request-Id");
    }
}
