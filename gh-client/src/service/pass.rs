//! Requests that are passed on, and what a write among them spoils.

use cache_core::port::StreamedBody;
use cache_core::{Cache, Forward, Outcome, Tag};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, EXPECT, IF_NONE_MATCH};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body as _;

use super::response::set_status;
use super::{Call, ServiceError};
use crate::body::{CacheBody, Gathered, body_of, gathered};
use crate::credential::credential_of;
use crate::directives::requested;
use crate::etag::remove_door_tags;
use crate::graphql;
use crate::headers::remove_hop_by_hop;
use crate::policy::{self, Class};

impl Call {
    /// Passes a request on untouched, both ways, while it arrives.
    pub(super) async fn pass(
        self,
        request: Request<StreamedBody>,
        forward: Forward,
        host: &str,
    ) -> Result<Response<CacheBody>, ServiceError> {
        let spoiled = policy::spoiled_by(request.method(), host, request.uri().path());
        self.pass_spoiling(request, forward, host, spoiled).await
    }

    /// Passes a GraphQL request on that may be a mutation. What it spoils cannot be told from outside: everything.
    async fn pass_mutation(
        self,
        request: Request<StreamedBody>,
        host: &str,
    ) -> Result<Response<CacheBody>, ServiceError> {
        let spoiled = vec![policy::everything_of(host)];
        self.pass_spoiling(request, Forward::Method, host, spoiled)
            .await
    }

    async fn pass_spoiling(
        self,
        mut request: Request<StreamedBody>,
        forward: Forward,
        host: &str,
        spoiled: Vec<Tag>,
    ) -> Result<Response<CacheBody>, ServiceError> {
        let shared = &self.shared;
        let is_api = shared.is_api(host);
        let credential = credential_of(request.headers());
        // The door has said "100 Continue" by reading the body, and the way out waits for none.
        request.headers_mut().remove(EXPECT);
        remove_door_tags(request.headers_mut(), &IF_NONE_MATCH);
        let path = request.uri().path().to_owned();
        let spoils = Spoils::new(&shared.cache, spoiled);
        let answered = self.transport.carry(request).await;
        let charged = |status: StatusCode| {
            path != "/rate_limit"
                && (status != StatusCode::NOT_MODIFIED || credential.is_anonymous())
        };
        shared.cache.count_passed(
            forward,
            answered
                .as_ref()
                .map_or(is_api, |response| is_api && charged(response.status())),
        );
        // Before the writer hears of its success, so that what it reads next is what it wrote. Without an answer the
        // write may have been done all the same.
        spoils
            .settle(
                answered
                    .as_ref()
                    .map_or(true, |response| !response.status().is_client_error()),
            )
            .await;
        let mut response = answered.map_err(ServiceError::Passed)?;
        if is_api {
            shared
                .knowledge
                .limits
                .learn(shared.cache.audience(&credential), response.headers());
            if response.status() == StatusCode::UNAUTHORIZED && !policy::wants_app_credential(&path)
            {
                shared.cache.forget_credential(&credential).await;
            }
        }
        remove_hop_by_hop(response.headers_mut());
        set_status(&mut response, Outcome::Passed { forward });
        Ok(response.map(CacheBody::streamed))
    }

    pub(super) async fn graphql(
        self,
        request: Request<StreamedBody>,
        host: &str,
    ) -> Result<Response<CacheBody>, ServiceError> {
        let asked = requested(request.headers());
        if !is_plain_json(request.headers())
            || request.body().size_hint().lower() > graphql::MAX_REQUEST_BYTES as u64
        {
            return self.pass_mutation(request, host).await;
        }
        let (parts, body) = request.into_parts();
        let body = match gathered(body, graphql::MAX_REQUEST_BYTES, 1 << 10).await {
            Ok(Gathered::Whole(body)) => body,
            Ok(Gathered::TooLong(body)) => {
                let request = Request::from_parts(parts, body);
                return self.pass_mutation(request, host).await;
            }
            Err(error) => return Err(ServiceError::RequestBody(error)),
        };
        let whole = |body| Request::from_parts(parts.clone(), body_of(body));
        match graphql::classify(&body) {
            graphql::Request::Query { identity } if !asked.no_store => {
                let question = super::graphql_question(host, &parts.headers, body, identity);
                self.look_up(&whole(bytes::Bytes::new()), question, Class::Graphql, asked)
                    .await
            }
            graphql::Request::Query { .. } | graphql::Request::Harmless => {
                self.pass_spoiling(whole(body), Forward::Bypass, host, Vec::new())
                    .await
            }
            graphql::Request::Mutation => self.pass_mutation(whole(body), host).await,
        }
    }
}

/// Tells whether a request's body can be read as it is. GitHub reads JSON under other names too, so what comes under
/// one of those may be anything.
fn is_plain_json(headers: &HeaderMap) -> bool {
    let is_json = |value: &http::HeaderValue| {
        value.to_str().is_ok_and(|value| {
            let name = value.split(';').next().unwrap_or_default();
            name.trim().eq_ignore_ascii_case("application/json")
        })
    };
    !headers.contains_key(CONTENT_ENCODING) && headers.get(CONTENT_TYPE).is_none_or(is_json)
}

/// What a write under way may spoil. Dropped unsettled, the writer is gone and the write may have been done: then it
/// has spoiled it.
struct Spoils<'c> {
    cache: &'c Cache,
    tags: Vec<Tag>,
}

impl<'c> Spoils<'c> {
    fn new(cache: &'c Cache, tags: Vec<Tag>) -> Self {
        Self { cache, tags }
    }

    async fn settle(mut self, is_spoiled: bool) {
        let tags = std::mem::take(&mut self.tags);
        if is_spoiled && !tags.is_empty() {
            self.cache.invalidate(&tags).await;
        }
    }
}

impl Drop for Spoils<'_> {
    fn drop(&mut self) {
        let tags = std::mem::take(&mut self.tags);
        if tags.is_empty() {
            return;
        }
        let cache = self.cache.clone();
        // Outside a runtime nothing can be spawned, and nothing was sent either.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { cache.invalidate(&tags).await });
        }
    }
}
