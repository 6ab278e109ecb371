//! From a door to the one service that answers, and back.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;

use bytes::Bytes;
use cache_core::port::{BoxError, StreamedBody};
use http::header::{CONNECTION, EXPECT, HeaderMap, HeaderName};
use http::uri::{Authority, InvalidUriParts, PathAndQuery, Scheme};
use http::{Request, Response, StatusCode, Uri, request};
use http_body::Body;
use http_body_util::{BodyExt, Either, Empty, Full};
use hyper::body::Incoming;
use tower::ServiceExt;
use tracing::debug;

use super::refusal::Refusal;
use super::rewrite::RewritingBody;

/// The service that answers every request, whatever door it came through.
///
/// It is given absolute URIs that name the logical host, `https://api.github.com/…`, and the client's own headers
/// without `Host` and the hop-by-hop ones. Implemented for every tower service of that shape.
pub(crate) trait Answers: Clone + Send + Sync + 'static {
    /// The body of an answer.
    type Body: Body<Data = Bytes, Error: Into<BoxError>> + Send + Sync + 'static;
    /// Why there is no answer.
    type Failure: std::error::Error;

    /// Answers one request.
    fn ask(
        &self,
        request: Request<StreamedBody>,
    ) -> impl Future<Output = Result<Response<Self::Body>, Self::Failure>> + Send;
}

impl<S, B> Answers for S
where
    S: tower::Service<Request<StreamedBody>, Response = Response<B>>,
    S: Clone + Send + Sync + 'static,
    S::Error: std::error::Error,
    S::Future: Send,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Sync + 'static,
{
    type Body = B;
    type Failure = S::Error;

    fn ask(
        &self,
        request: Request<StreamedBody>,
    ) -> impl Future<Output = Result<Response<B>, S::Error>> + Send {
        self.clone().oneshot(request)
    }
}

/// What a door sends: bytes at hand, the service's own body, or that body rewritten.
pub(crate) type DoorBody<B> = Either<Full<Bytes>, Either<B, RewritingBody<B>>>;

/// What a client is told where there is no answer.
#[derive(Clone, Debug)]
pub(crate) struct Explained {
    /// 504 where an answer was not allowed or not in time, 502 otherwise.
    pub(crate) status: StatusCode,
    /// What happened, and what to do.
    pub(crate) message: String,
    /// `Cache-Status` of the request, where it was one that a cache may answer.
    pub(crate) cache_status: Option<String>,
}

/// The service with the words for its failures.
pub(crate) struct Relay<S: Answers> {
    service: S,
    explain: fn(&S::Failure) -> Explained,
}

impl<S: Answers> Clone for Relay<S> {
    fn clone(&self) -> Self {
        Self {
            service: self.service.clone(),
            explain: self.explain,
        }
    }
}

impl<S: Answers> fmt::Debug for Relay<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").finish_non_exhaustive()
    }
}

impl<S: Answers> Relay<S> {
    /// Takes the service, and a function that explains its failures.
    pub(crate) fn new(service: S, explain: fn(&S::Failure) -> Explained) -> Self {
        Self { service, explain }
    }

    /// Asks the service. `head` is a client's request whose URI is absolute already.
    pub(super) async fn ask(
        &self,
        mut head: request::Parts,
        body: Incoming,
    ) -> Result<Response<S::Body>, Refusal> {
        remove_hop_by_hop(&mut head.headers);
        // Answered here: hyper sends `100 Continue` as soon as the body is asked for.
        head.headers.remove(EXPECT);
        let request = Request::from_parts(head, streamed(body));
        self.service.ask(request).await.map_err(|error| {
            let explained = (self.explain)(&error);
            debug!(status = %explained.status, %error, "no answer");
            Refusal::new(explained.status, explained.message)
                .with_cache_status(explained.cache_status)
        })
    }
}

/// Returns the body that bytes at hand make.
pub(super) fn whole<B>(bytes: Bytes) -> DoorBody<B> {
    Either::Left(Full::new(bytes))
}

/// Returns the service's own body, untouched.
pub(super) fn passed<B>(body: B) -> DoorBody<B> {
    Either::Right(Either::Left(body))
}

/// Returns a body that is rewritten on its way.
pub(super) fn rewritten<B>(body: RewritingBody<B>) -> DoorBody<B> {
    Either::Right(Either::Right(body))
}

/// Returns a client's body as the service takes it. One that is known to be empty costs no allocation.
fn streamed(body: Incoming) -> StreamedBody {
    if body.is_end_stream() {
        let never = |never: Infallible| -> BoxError { match never {} };
        return Empty::new().map_err(never).boxed();
    }
    body.map_err(BoxError::from).boxed()
}

/// Returns the absolute URI of `path` at `host`.
pub(super) fn absolute(host: Authority, path: PathAndQuery) -> Result<Uri, InvalidUriParts> {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTPS);
    parts.authority = Some(host);
    parts.path_and_query = Some(path);
    Uri::from_parts(parts)
}

/// Removes the fields that concern one connection only (RFC 9110 §7.6.1).
pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| name.trim().parse().ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    remove_fields(headers, |name| {
        matches!(
            name,
            "connection"
                | "keep-alive"
                | "proxy-connection"
                | "proxy-authorization"
                | "te"
                | "trailer"
                | "transfer-encoding"
                | "upgrade"
                | "http2-settings"
        )
    });
}

/// Removes the fields whose names `matches` picks. Mostly there is none, and then this costs one look at each name.
pub(super) fn remove_fields(headers: &mut HeaderMap, matches: impl Fn(&str) -> bool) {
    while let Some(name) = headers.keys().find(|name| matches(name.as_str())).cloned() {
        headers.remove(name);
    }
}
