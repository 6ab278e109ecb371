//! The one tower service that all doors lead to.

mod pass;
mod response;

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use cache_core::port::{BoxError, BoxFuture, Origin, Readers, StreamedBody};
use cache_core::{
    Answer, Audience, Cache, Credential, Forward, LookupError, Outcome, Query, Question,
    QuestionBuilder,
};
use http::header::{ACCEPT, IF_MODIFIED_SINCE, IF_NONE_MATCH, RANGE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use http_body::Body;
use http_body_util::BodyExt as _;
use tower::Service;

use crate::body::CacheBody;
use crate::credential::credential_of;
use crate::directives::{Requested, requested};
use crate::etag::TagFormula;
use crate::gunzip::accepts_gzip;
use crate::headers::{ANSWER_OPTIONS, API_VERSION, remove_hop_by_hop};
use crate::limits::{Budget, Limits, resource_of};
use crate::origin::{Knowledge, ServiceOrigin};
use crate::policy::{self, Class, PolicyConfig};
use crate::share::Share;
use crate::transport::Transport;
use crate::upstream::ApiRoot;
use crate::{media, query};

/// The version that GitHub answers with when a request names none. Naming it upstream keeps old entries and new ones
/// apart when the default moves.
const DEFAULT_API_VERSION: HeaderValue = HeaderValue::from_static("2022-11-28");

/// How a [`CacheLayer`](crate::CacheLayer) treats GitHub's routes.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// Hosts whose requests may be answered from the cache, in lower case; all others are passed on.
    pub api_hosts: Vec<String>,
    /// Lifetimes.
    pub policy: PolicyConfig,
    /// Whom a stored body may serve beside the credential that it was fetched with.
    pub share: Share,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            api_hosts: vec!["api.github.com".to_owned()],
            policy: PolicyConfig::default(),
            share: Share::default(),
        }
    }
}

/// Why a request was not answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The cache has no answer.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// A request passed on untouched got no answer.
    #[error("GitHub gave no answer")]
    Passed(#[source] BoxError),
    /// The request's own body broke off.
    #[error("the request's body broke off")]
    RequestBody(#[source] BoxError),
}

impl ServiceError {
    /// Returns `Cache-Status` for the response that a door makes of this error, as for every other answer: what the
    /// cache did with the request, and that it came to nothing.
    pub fn cache_status(&self) -> Option<String> {
        match self {
            Self::Lookup(LookupError::OnlyIfCached) => {
                Some(Outcome::NotStored.cache_status(response::NAME))
            }
            Self::Lookup(_) => Some(format!("{}; fwd=miss; detail=no-answer", response::NAME)),
            Self::Passed(_) => Some(format!("{}; fwd=bypass; detail=no-answer", response::NAME)),
            Self::RequestBody(_) => None,
        }
    }
}

/// A tower service that answers from the cache and asks the service that it was laid over for the rest.
///
/// Requests have absolute URIs and carry their own credentials. The answers to everything cacheable carry
/// `Cache-Status` (RFC 9211), and stored ones a [`cache_core::BodyId`] extension.
#[derive(Clone)]
pub struct CacheService {
    shared: Arc<Shared>,
    origin: Arc<dyn Origin>,
    transport: Transport,
}

impl std::fmt::Debug for CacheService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheService")
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}

pub(crate) struct Shared {
    cache: Cache,
    config: ServiceConfig,
    knowledge: Arc<Knowledge>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(cache: Cache, config: ServiceConfig) -> Self {
        let knowledge = Arc::new(Knowledge {
            limits: Limits::default(),
            formula: TagFormula::default(),
        });
        Self {
            cache,
            config,
            knowledge,
        }
    }

    pub(crate) fn cache(&self) -> &Cache {
        &self.cache
    }

    fn is_api(&self, host: &str) -> bool {
        self.config.api_hosts.iter().any(|api| api == host)
    }

    pub(crate) fn budgets(&self) -> Vec<(Audience, Budget)> {
        self.knowledge.limits.all()
    }
}

impl CacheService {
    pub(crate) fn new<S, B>(shared: Arc<Shared>, inner: S) -> Self
    where
        S: Service<Request<StreamedBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: Body<Data = Bytes> + Send + Sync + 'static,
        B::Error: Into<BoxError>,
    {
        let cache = shared.cache.clone();
        let audience_of = Arc::new(move |credential: &Credential| cache.audience(credential));
        let transport = Transport::new(inner);
        let origin = ServiceOrigin::new(
            transport.clone(),
            Arc::clone(&shared.knowledge),
            audience_of,
        );
        Self {
            shared,
            origin: Arc::new(origin),
            transport,
        }
    }

    /// Returns the cache behind the service.
    pub fn cache(&self) -> &Cache {
        &self.shared.cache
    }

    /// Returns the rate limits that GitHub stated last, each with the audience it binds.
    pub fn budgets(&self) -> Vec<(Audience, Budget)> {
        self.shared.budgets()
    }
}

impl<R> Service<Request<R>> for CacheService
where
    R: Body<Data = Bytes> + Send + Sync + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<CacheBody>;
    type Error = ServiceError;
    type Future = BoxFuture<'static, Result<Self::Response, ServiceError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ServiceError>> {
        // A hit needs nothing of the inner service, so its readiness is awaited by whoever asks it.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<R>) -> Self::Future {
        let call = Call {
            shared: Arc::clone(&self.shared),
            origin: Arc::clone(&self.origin),
            transport: self.transport.clone(),
        };
        Box::pin(call.answer(request.map(|body| body.map_err(Into::into).boxed())))
    }
}

/// One request under way.
struct Call {
    shared: Arc<Shared>,
    origin: Arc<dyn Origin>,
    transport: Transport,
}

/// What the response needs to know of its request.
struct Asked {
    is_head: bool,
    is_get: bool,
    accepts_gzip: bool,
    /// The request's headers, if it has preconditions.
    conditions: Option<HeaderMap>,
    resource: &'static str,
}

impl Call {
    async fn answer(
        self,
        mut request: Request<StreamedBody>,
    ) -> Result<Response<CacheBody>, ServiceError> {
        remove_hop_by_hop(request.headers_mut());
        let host = host_of(&request);
        if !self.shared.is_api(&host) {
            return self.pass(request, Forward::Bypass, &host).await;
        }
        if let Some(plain) = without_enterprise_prefix(&host, request.uri()) {
            *request.uri_mut() = plain;
        }
        if request.uri().path() == "/graphql" && request.method() == Method::POST {
            return self.graphql(request, &host).await;
        }
        if let Some(forward) = policy::not_cacheable(request.method()) {
            return self.pass(request, forward, &host).await;
        }
        let asked = requested(request.headers());
        let class = policy::class_of(request.uri().path(), request.uri().query());
        if class == Class::NeverStored || asked.no_store || request.headers().contains_key(RANGE) {
            return self.pass(request, Forward::Bypass, &host).await;
        }
        let target = query::canonical_target(request.uri());
        // A HEAD is answered from the GET of its own audience: GitHub charges the same for both.
        let question = Question::builder(Method::GET, &host, target)
            .select(ACCEPT, media::class_of(request.headers().get(ACCEPT)))
            .select(API_VERSION, api_version(request.headers()));
        let question = select_options(question, request.headers()).build();
        self.look_up(&request, question, class, asked).await
    }

    async fn look_up(
        self,
        request: &Request<StreamedBody>,
        question: Question,
        class: Class,
        requested: Requested,
    ) -> Result<Response<CacheBody>, ServiceError> {
        let shared = &self.shared;
        let headers = request.headers();
        let credential = credential_of(headers);
        let has_conditions =
            headers.contains_key(IF_NONE_MATCH) || headers.contains_key(IF_MODIFIED_SINCE);
        let asked = Asked {
            is_head: request.method() == Method::HEAD,
            is_get: request.method() != Method::POST,
            accepts_gzip: accepts_gzip(headers),
            conditions: has_conditions.then(|| headers.clone()),
            resource: resource_of(request.uri().path()),
        };
        let mut query = Query {
            question: Arc::new(question),
            readers: Some(if credential.is_anonymous() {
                Readers::Fleet
            } else {
                Readers::Credential
            }),
            credential,
            lifetimes: class.lifetimes(&shared.config.policy),
            stated: class.stated_lifetime(&shared.config.policy),
            directives: class.allowed(requested.directives),
            tags: Arc::default(),
            provable: false,
        };
        if let Some(answer) = shared.cache.fresh_in_memory(&query) {
            return Ok(shared.stored_response(answer, &asked));
        }
        query.tags = policy::tags_of(query.question.host(), request.uri().path());
        // A HEAD is answered from the GET of its own audience alone.
        query.provable = shared.config.share == Share::Proved
            && request.method() == Method::GET
            && !policy::is_about_the_caller(request.uri().path());
        match shared.cache.answer(query, &self.origin).await {
            Ok(Answer::Stored(answer)) => Ok(shared.stored_response(answer, &asked)),
            Ok(Answer::Streamed(response, outcome)) => {
                Ok(Shared::streamed_response(response, outcome, &asked))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Returns the question of a GraphQL query with this body.
fn graphql_question(host: &str, headers: &HeaderMap, body: Bytes, identity: [u8; 32]) -> Question {
    let question = Question::builder(Method::POST, host, "/graphql")
        .select(ACCEPT, media::class_of(headers.get(ACCEPT)))
        .body(body, identity);
    select_options(question, headers).build()
}

/// Adds the headers that change answers where they are given, and are given hardly ever.
pub(crate) fn select_options(
    mut question: QuestionBuilder,
    headers: &HeaderMap,
) -> QuestionBuilder {
    for name in ANSWER_OPTIONS {
        if let Some(value) = headers.get(&name) {
            question = question.select(name, value.clone());
        }
    }
    question
}

pub(crate) fn api_version(headers: &HeaderMap) -> HeaderValue {
    headers
        .get(API_VERSION)
        .cloned()
        .unwrap_or(DEFAULT_API_VERSION)
}

/// Returns the URI without the paths that an Enterprise Server has its APIs under, if it has one of them. Its clients
/// spell them out; the root in the settings adds them again.
fn without_enterprise_prefix(host: &str, uri: &Uri) -> Option<Uri> {
    if host == ApiRoot::GITHUB {
        return None;
    }
    let target = uri.path_and_query()?.as_str();
    let plain = match target.strip_prefix("/api/v3") {
        Some("") => "/",
        Some(rest) if rest.starts_with(['/', '?']) => rest,
        _ if uri.path() == "/api/graphql" => "/graphql",
        _ => return None,
    };
    format!("https://{}{plain}", uri.authority()?).parse().ok()
}

fn host_of<B>(request: &Request<B>) -> String {
    let host = request
        .uri()
        .host()
        .unwrap_or_default()
        .to_ascii_lowercase();
    match request.uri().port_u16() {
        Some(port) if port != 443 => format!("{host}:{port}"),
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_of_an_enterprise_server_spell_out_where_its_apis_are() {
        let plain = |host: &str, uri: &str| {
            without_enterprise_prefix(host, &uri.parse().unwrap()).map(|uri| uri.to_string())
        };
        for (given, expected) in [
            (
                "https://ghe.corp/api/v3/repos/o/r?a=1",
                "https://ghe.corp/repos/o/r?a=1",
            ),
            ("https://ghe.corp/api/v3", "https://ghe.corp/"),
            ("https://ghe.corp/api/graphql", "https://ghe.corp/graphql"),
        ] {
            assert_eq!(plain("ghe.corp", given).as_deref(), Some(expected));
        }
        assert_eq!(plain("ghe.corp", "https://ghe.corp/repos/o/r"), None);
        assert_eq!(plain("ghe.corp", "https://ghe.corp/api/v3x"), None);
        assert_eq!(
            plain("api.github.com", "https://api.github.com/api/v3/x"),
            None
        );
    }
}
