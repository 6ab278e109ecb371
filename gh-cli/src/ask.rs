//! Asking GitHub's API for a command: host, credential, redirects, pages, and what an answer says went wrong.

mod links;
mod verdict;

use bytes::Bytes;
use gh_client::settings::{Secret, Settings};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use url::Url;

use crate::asker::{AnswerBody, Asker, Reach};
use crate::cli::Globals;
use crate::context::{self, TokenFrom};
use crate::error::{CommandError, Ending, Outcome, OutcomeExt as _};
use crate::flags::PlaceFlags;

pub(crate) use links::next_page;
pub(crate) use verdict::{note_of_staleness, verdict};

/// A chain of redirects that is longer leads nowhere (as for Go's client, which `gh` uses).
const MAX_REDIRECTS: usize = 10;

/// Flags of commands that ask GitHub.
#[derive(Clone, Debug, Default, clap::Args)]
#[expect(
    clippy::doc_markdown,
    reason = "this is the help, where variables and keys stand plain"
)]
pub(crate) struct AskFlags {
    /// Ask without a token where there is none, which GitHub allows 60 times an hour
    #[arg(long)]
    anonymous: bool,
    /// Ask from this process, also where a daemon runs
    #[arg(long)]
    no_daemon: bool,
    /// Start a daemon where none runs; `false` asks from this process then
    #[arg(long, hide = true, env = "CACHE_START_DAEMON", value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set, value_parser = clap::builder::BoolishValueParser::new())]
    start_daemon: bool,
    /// Ask this GitHub host [env: GH_HOST] [default: github.com]
    #[arg(long, value_name = "HOST")]
    hostname: Option<String>,
    #[command(flatten)]
    places: PlaceFlags,
}

/// One request to send.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// `https://HOST/…`, where the host is the one that clients name, also of APIs that are elsewhere.
    pub(crate) url: Url,
    /// Headers that were asked for; `Accept`, `User-Agent` and the credential are added.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A way to GitHub's API, with a credential.
#[derive(Debug)]
pub(crate) struct Api {
    asker: Asker,
    settings: Settings,
    token: Option<Secret>,
    host: String,
}

impl Api {
    /// Prepares to ask. Fails where there is no token and nobody said that none is needed; `brings_own` says that the
    /// request has a credential of its own.
    pub(crate) async fn open(
        globals: &Globals,
        flags: &AskFlags,
        brings_own: bool,
    ) -> Outcome<Self> {
        let token_from = if flags.anonymous || brings_own {
            TokenFrom::Environment
        } else {
            TokenFrom::EnvironmentOrGh
        };
        let settings = context::settings(
            globals,
            flags.places.given(),
            token_from,
            flags.hostname.as_deref(),
        )?;
        crate::logging::start(&context::log_of_command(&settings), settings.log_format)?;
        let token = settings.token.clone().filter(|_| !flags.anonymous);
        if token.is_none() && !flags.anonymous && !brings_own {
            return Err(CommandError::message(
                Ending::NeedsAuthentication,
                "there is no GitHub token",
            )
            .hint("set GH_TOKEN, or log in with `gh auth login`")
            .hint("`--anonymous` asks without one"));
        }
        let named = flags.hostname.clone().or_else(|| {
            std::env::var("GH_HOST")
                .ok()
                .filter(|host| !host.is_empty())
        });
        let api_host = match named.map(|host| host.to_ascii_lowercase()).as_deref() {
            None | Some("github.com") => gh_client::ApiRoot::GITHUB.to_owned(),
            Some(host) => host.to_owned(),
        };
        if !settings.api_hosts().contains(&api_host) {
            return Err(CommandError::message(Ending::Usage, format!("{api_host} is no host that is asked"))
                .hint(format!("name its API with `--api-url {api_host}=https://{api_host}/api/v3` or CACHE_API_URL")));
        }
        let reach = match (flags.no_daemon, flags.start_daemon) {
            (true, _) => Reach::InProcess,
            (false, false) => Reach::Daemon,
            (false, true) => Reach::DaemonOrStart(globals.config.as_deref()),
        };
        let asker = Asker::new(&settings, reach).await?;
        Ok(Self {
            asker,
            settings,
            token,
            host: api_host,
        })
    }

    /// Returns the URL of `endpoint`: a path, or a whole URL such as a `Link` holds.
    pub(crate) fn url(&self, endpoint: &str) -> Outcome<Url> {
        let base = format!("https://{}/", self.host);
        let text = if endpoint.contains("://") {
            self.as_clients_name_it(endpoint)
        } else {
            format!("{base}{}", endpoint.trim_start_matches('/'))
        };
        Url::parse(&text).map_err(|error| {
            CommandError::new(Ending::Usage, error)
                .aim(format!("{endpoint:?} is neither a path nor a URL"))
        })
    }

    /// Turns a URL of an API root, as answers of that API hold, to the host that clients name.
    fn as_clients_name_it(&self, url: &str) -> String {
        let roots = self.settings.api_roots.iter();
        let mut fitting = roots.filter_map(|root| {
            let rest = url.strip_prefix(&root.url())?;
            (rest.is_empty() || rest.starts_with(['/', '?']))
                .then(|| format!("https://{}{rest}", root.host))
        });
        fitting.next().unwrap_or_else(|| url.to_owned())
    }

    /// Sends `call` and follows its redirects.
    pub(crate) async fn send(&self, call: Call) -> Outcome<Response<AnswerBody>> {
        let mut call = call;
        for _ in 0..=MAX_REDIRECTS {
            let response = self.asker.send(self.request(&call)?).await?;
            let status = response.status();
            let is_redirect = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
            let Some(location) = response.headers().get(LOCATION).filter(|_| is_redirect) else {
                return Ok(response);
            };
            let aim = || format!("{} leads to a place that cannot be read", call.url);
            let location = location.to_str().map_err(anyhow::Error::from).aim(aim)?;
            let joined = call
                .url
                .join(location)
                .map_err(anyhow::Error::from)
                .aim(aim)?;
            let to = Url::parse(&self.as_clients_name_it(joined.as_str()))
                .map_err(anyhow::Error::from)
                .aim(aim)?;
            if to.host_str() != call.url.host_str() {
                // A credential goes to the host that the request named, and to no other.
                call.headers.remove(AUTHORIZATION);
            }
            if !matches!(
                status,
                StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
            ) && call.method != Method::HEAD
            {
                call.method = Method::GET;
                call.body = Bytes::new();
                call.headers.remove(CONTENT_TYPE);
                call.headers.remove(CONTENT_LENGTH);
            }
            call.url = to;
        }
        Err(CommandError::message(
            Ending::Failed,
            format!("{} redirects more than {MAX_REDIRECTS} times", call.url),
        ))
    }

    fn request(&self, call: &Call) -> Outcome<Request<Full<Bytes>>> {
        let mut headers = call.headers.clone();
        if !headers.contains_key(ACCEPT) {
            headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        }
        headers
            .entry(USER_AGENT)
            .or_insert(HeaderValue::from_static(concat!(
                "gh-mesh/",
                env!("CARGO_PKG_VERSION")
            )));
        if let Some(token) = &self.token
            && !headers.contains_key(AUTHORIZATION)
            && call.url.host_str() == Some(&self.host)
        {
            let mut value =
                HeaderValue::from_str(&format!("Bearer {}", token.expose())).map_err(|_| {
                    CommandError::message(
                        Ending::NeedsAuthentication,
                        "the GitHub token holds what no header can carry",
                    )
                })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let request = Request::builder()
            .method(call.method.clone())
            .uri(call.url.as_str());
        let mut request = request
            .body(Full::new(call.body.clone()))
            .map_err(|error| {
                CommandError::new(Ending::Usage, error)
                    .aim(format!("{} cannot be asked for", call.url))
            })?;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// Returns the whole of an answer's body.
pub(crate) async fn whole(body: AnswerBody) -> Outcome<Bytes> {
    match body.collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => {
            Err(CommandError::from(anyhow::Error::from_boxed(error)).aim("the answer broke off"))
        }
    }
}
