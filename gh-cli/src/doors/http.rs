//! The HTTP door: GitHub's API under a local address, for clients that can be given a base URL.
//!
//! It serves the REST root, `/graphql`, the spellings of GitHub Enterprise Server (`/api/v3/…`, `/api/graphql`),
//! git paths (`/OWNER/REPO.git/…`, passed on to the web host) and its own pages under `/.gh-mesh/`. Links in the
//! answers are turned to the address that the client used ([`super::rewrite`]).
//!
//! Requests whose JSON may be rewritten go on without `Accept-Encoding`, so that there is text to rewrite; over
//! loopback compression would only cost.
//!
//! **Invariant:** no answer carries a CORS header. GitHub allows every web page to read its answers; this door must
//! not, since here the answers to the machine's own programs are within reach.

mod bind;
mod pages;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use cache_core::BodyId;
use cache_core::port::BoxError;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName,
    LINK, LOCATION,
};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::{Semaphore, watch};
use tracing::warn;

pub(crate) use bind::{BindHttpError, Listen};
pub(crate) use pages::Pages;

use super::connections::{self, Connection, Handler, MAX_CONNECTIONS};
use super::guard::{Guard, check_framing, check_path};
use super::refusal::Refusal;
use super::relay::{
    Answers, DoorBody, Relay, absolute, passed, remove_fields, remove_hop_by_hop, rewritten, whole,
};
use super::rewrite::{
    Rewriter, RewritingBody, Rewritten, RewrittenBodies, Roots, rewrite_links, rewrite_location,
    rewrite_whole,
};
use bind::TcpDoor;

/// Memory for rewritings of stored bodies.
pub(crate) const MAX_REWRITTEN_BYTES: usize = 64 << 20;

/// A longer body is rewritten while it streams, even if it is a stored one.
const MAX_WHOLE_BYTES: u64 = 8 << 20;

/// What GitHub Enterprise Server has before the paths of its REST API.
const GHES_PREFIX: &str = "/api/v3";

/// Words in `Accept` and `X-GitHub-Media-Type` that ask for something else than JSON of the API.
const RAW_KINDS: [&[u8]; 5] = [b"raw", b"diff", b"patch", b"sha", b"base64"];

const MEDIA_TYPE: HeaderName = HeaderName::from_static("x-github-media-type");

/// What the HTTP door serves, and to whom.
#[derive(Clone, Debug)]
pub(crate) struct HttpConfig {
    /// Addresses to listen on.
    pub(crate) listen: Listen,
    /// Names beyond loopback that `Host` may have ([`Guard::new`]).
    pub(crate) allow_hosts: Vec<String>,
    /// The host that requests are for, `api.github.com` mostly.
    pub(crate) api_host: Authority,
    /// The host that git paths are for, `github.com` mostly; without one they are refused.
    pub(crate) web_host: Option<Authority>,
    /// What links begin with upstream: the root of `api_host`, and `https://api.github.com`.
    pub(crate) roots: Roots,
    /// The door's own pages.
    pub(crate) pages: Pages,
}

/// The HTTP door, listening but not yet answering.
#[derive(Debug)]
pub(crate) struct HttpDoor {
    listeners: Vec<TcpDoor>,
    config: HttpConfig,
}

impl HttpDoor {
    /// Binds all addresses.
    pub(crate) fn bind(config: HttpConfig) -> Result<Self, BindHttpError> {
        let listeners = bind::bind(&config.listen)?;
        Ok(Self { listeners, config })
    }

    /// Returns the addresses bound, with the ports that were chosen.
    pub(crate) fn addresses(&self) -> Vec<std::net::SocketAddr> {
        self.listeners.iter().map(TcpDoor::address).collect()
    }

    /// Answers requests until `stop` changes or its sender is gone, then finishes those in flight.
    pub(crate) async fn serve<S: Answers>(self, relay: Relay<S>, stop: watch::Receiver<()>) {
        let shared = Arc::new(Shared {
            relay,
            api_host: self.config.api_host,
            web_host: self.config.web_host,
            roots: Arc::new(self.config.roots),
            pages: self.config.pages,
            bodies: RewrittenBodies::new(MAX_REWRITTEN_BYTES),
        });
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let serving = self.listeners.into_iter().map(|listener| {
            let handler = HttpHandler {
                guard: Arc::new(Guard::new(
                    listener.address().port(),
                    &self.config.allow_hosts,
                )),
                shared: Arc::clone(&shared),
            };
            connections::serve(listener, handler, Arc::clone(&permits), stop.clone())
        });
        futures::future::join_all(serving).await;
    }
}

struct Shared<S: Answers> {
    relay: Relay<S>,
    api_host: Authority,
    web_host: Option<Authority>,
    roots: Arc<Roots>,
    pages: Pages,
    bodies: RewrittenBodies,
}

struct HttpHandler<S: Answers> {
    guard: Arc<Guard>,
    shared: Arc<Shared<S>>,
}

impl<S: Answers> Clone for HttpHandler<S> {
    fn clone(&self) -> Self {
        Self {
            guard: Arc::clone(&self.guard),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S: Answers> Handler<()> for HttpHandler<S> {
    type Body = DoorBody<S::Body>;

    async fn answer(
        &self,
        connection: &Connection<()>,
        request: Request<Incoming>,
    ) -> Response<Self::Body> {
        let (head, body) = request.into_parts();
        let checked = check_framing(head.version, connection.two_lengths.seen())
            .and_then(|()| self.guard.check(&head));
        let answered = match checked {
            Ok(()) => match self.shared.pages.answer(&head).await {
                Some(page) => return page.map(whole),
                None => self.shared.answer(head, body).await,
            },
            Err(refusal) => Err(refusal),
        };
        answered.unwrap_or_else(|refusal| refusal.into_response().map(whole))
    }
}

/// How the client spells the door: what rewritten links begin with.
struct Spelling {
    authority: HeaderValue,
    /// What stands before the path of REST requests: nothing, or `/api/v3`.
    prefix: &'static str,
}

impl Spelling {
    fn base(&self) -> String {
        // The guard let only names through that are visible ASCII.
        let authority = self.authority.to_str().unwrap_or_default();
        let mut base = ["http://", authority, self.prefix].concat();
        base.make_ascii_lowercase();
        base
    }
}

/// What a request is for, as far as its answer is concerned.
enum Route {
    /// REST, with the prefix that was taken off its path.
    Rest(&'static str),
    GraphQl,
    Git,
}

impl<S: Answers> Shared<S> {
    async fn answer(
        &self,
        mut head: http::request::Parts,
        body: Incoming,
    ) -> Result<Response<DoorBody<S::Body>>, Refusal> {
        let (route, path) = route(head.uri)?;
        let host = match (&route, &self.web_host) {
            (Route::Git, Some(web_host)) => web_host,
            (Route::Git, None) => {
                return Err(Refusal::new(
                    StatusCode::NOT_FOUND,
                    "there is no host for git paths",
                ));
            }
            (Route::Rest(_) | Route::GraphQl, _) => &self.api_host,
        };
        head.uri = absolute(host.clone(), path)
            .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "the path cannot be read"))?;
        let authority = head.headers.remove(HOST);
        let is_head = head.method == Method::HEAD;
        let rewrites_body = matches!(route, Route::Rest(_)) && accepts_json(&head.headers);
        if rewrites_body {
            head.headers.remove(ACCEPT_ENCODING);
        }
        let mut response = self.relay.ask(head, body).await?;
        if response.extensions().get::<BodyId>().is_none() {
            // Stored answers have end-to-end headers only.
            remove_hop_by_hop(response.headers_mut());
        }
        remove_fields(response.headers_mut(), |name| {
            name.starts_with("access-control-")
        });
        let (Route::Rest(prefix), Some(authority)) = (route, authority) else {
            return Ok(response.map(passed));
        };
        let spelling = Spelling { authority, prefix };
        self.rewrite_headers(response.headers_mut(), &spelling);
        if rewrites_body && is_rewritable(&response) {
            return self.rewrite_body(response, is_head, &spelling).await;
        }
        Ok(response.map(passed))
    }

    fn rewrite_headers(&self, headers: &mut HeaderMap, spelling: &Spelling) {
        if let Some(location) = headers.get_mut(LOCATION)
            && let Some(rewritten) = rewrite_location(&self.roots, &spelling.base(), location)
        {
            *location = rewritten;
        }
        if headers.contains_key(LINK) {
            let base = spelling.base();
            for (_, value) in headers.iter_mut().filter(|(name, _)| *name == LINK) {
                if let Some(rewritten) = rewrite_links(&self.roots, &base, value) {
                    *value = rewritten;
                }
            }
        }
    }

    async fn rewrite_body(
        &self,
        response: Response<S::Body>,
        is_head: bool,
        spelling: &Spelling,
    ) -> Result<Response<DoorBody<S::Body>>, Refusal> {
        let (mut head, body) = response.into_parts();
        let base = spelling.base();
        let id = head.extensions.get::<BodyId>().copied();
        let known = id.and_then(|id| self.bodies.get(id, &base));
        // A HEAD may be answered with the body that a GET would get, which hyper leaves out, or with none.
        let is_bare = is_head && body.is_end_stream();
        let body = match (known, id) {
            (Some(Rewritten::Unchanged), _) => passed(body),
            (Some(Rewritten::Changed(bytes)), _) => {
                head.headers.insert(CONTENT_LENGTH, bytes.len().into());
                if is_bare { passed(body) } else { whole(bytes) }
            }
            (None, _) if is_bare => {
                // What a GET would get has not been seen, so its length after rewriting is not known.
                head.headers.remove(CONTENT_LENGTH);
                passed(body)
            }
            (None, Some(id)) if is_short(&body) => {
                let original = read_whole(body).await?;
                if let Some(bytes) = rewrite_whole(&self.roots, &base, &original) {
                    let bytes = Bytes::from(bytes);
                    let rewriting = Rewritten::Changed(bytes.clone());
                    self.bodies.insert(id, &base, rewriting);
                    head.headers.insert(CONTENT_LENGTH, bytes.len().into());
                    whole(bytes)
                } else {
                    self.bodies.insert(id, &base, Rewritten::Unchanged);
                    whole(original)
                }
            }
            (None, _) => {
                head.headers.remove(CONTENT_LENGTH);
                let rewriter = Rewriter::new(Arc::clone(&self.roots), base);
                rewritten(RewritingBody::new(body, rewriter))
            }
        };
        Ok(Response::from_parts(head, body))
    }
}

/// Returns what `uri` asks for, and its path as the upstream host spells it.
fn route(uri: Uri) -> Result<(Route, PathAndQuery), Refusal> {
    let path = uri.path();
    if path == "/graphql" {
        return Ok((Route::GraphQl, path_of(uri)));
    }
    if path == "/api/graphql" {
        return Ok((Route::GraphQl, without_prefix(&uri, "/api")?));
    }
    if path == GHES_PREFIX || path.starts_with("/api/v3/") {
        return Ok((Route::Rest(GHES_PREFIX), without_prefix(&uri, GHES_PREFIX)?));
    }
    if is_git_path(path) {
        return Ok((Route::Git, path_of(uri)));
    }
    Ok((Route::Rest(""), path_of(uri)))
}

fn path_of(uri: Uri) -> PathAndQuery {
    let path = uri.into_parts().path_and_query;
    path.unwrap_or_else(|| PathAndQuery::from_static("/"))
}

fn without_prefix(uri: &Uri, prefix: &str) -> Result<PathAndQuery, Refusal> {
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let rest = &path[prefix.len()..];
    check_path(rest)?;
    let rest = if rest.starts_with('/') {
        Cow::Borrowed(rest)
    } else {
        Cow::Owned(format!("/{rest}"))
    };
    PathAndQuery::try_from(rest.as_ref())
        .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "the path cannot be read"))
}

/// Tells whether `path` is `/OWNER/REPO.git/…`. No REST route has such a second segment with more behind it.
fn is_git_path(path: &str) -> bool {
    let mut segments = path.splitn(4, '/').skip(1);
    let (owner, repository) = (segments.next(), segments.next());
    owner.is_some_and(|owner| !owner.is_empty())
        && repository.is_some_and(|name| {
            name.strip_suffix(".git")
                .is_some_and(|name| !name.is_empty())
        })
        && segments.next().is_some()
}

/// Tells whether the answer may be JSON of the API, and not a file, a diff or a digest.
fn accepts_json(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().all(|value| {
        let value = value.as_bytes();
        !value
            .split(|byte| !byte.is_ascii_alphanumeric())
            .any(|word| RAW_KINDS.iter().any(|kind| word.eq_ignore_ascii_case(kind)))
    })
}

/// Tells whether an answer is JSON of the API as a text, and all of it.
fn is_rewritable<B>(response: &Response<B>) -> bool {
    let headers = response.headers();
    let json = headers.get(CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.as_bytes().split(|&byte| byte == b';').next();
        kind.is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"application/json"))
    });
    json && !headers.contains_key(CONTENT_ENCODING)
        && !matches!(
            response.status(),
            StatusCode::NO_CONTENT | StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED
        )
        && headers.get(MEDIA_TYPE).is_none_or(|kind| {
            let mut words = kind.as_bytes().split(|byte| !byte.is_ascii_alphanumeric());
            !words.any(|word| RAW_KINDS.contains(&word))
        })
}

fn is_short<B: Body>(body: &B) -> bool {
    body.size_hint()
        .upper()
        .is_some_and(|len| len <= MAX_WHOLE_BYTES)
}

async fn read_whole<B>(body: B) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    match body.collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => {
            let error: BoxError = error.into();
            warn!(%error, "a stored body could not be read");
            Err(Refusal::new(
                StatusCode::BAD_GATEWAY,
                "the stored answer could not be read; ask again",
            ))
        }
    }
}

#[cfg(test)]
mod tests;
