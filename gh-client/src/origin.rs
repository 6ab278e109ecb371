//! GitHub as the cache's origin, over any HTTP service.

mod judge;
mod pages;

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cache_core::port::{
    BoxError, Disposition, Origin, OriginAnswer, OriginRequest, PortError, PortErrorKind,
    StreamedBody, Validator,
};
use cache_core::{Audience, Credential, Entry, Question};
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};

use crate::body::{Gathered, body_of, gathered};
use crate::etag::TagFormula;
use crate::headers::{about_the_body, number, storable};
use crate::limits::Limits;
use crate::transport::Transport;

const ADAPTER: &str = "origin";

/// A cacheable answer that takes longer, body included, is given up. Shorter than invalidations are remembered, so that
/// what was asked for before a write never comes in unnoticed after it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Neutral on purpose: GitHub pretty-prints for agents that look like a browser or curl, *after* it made the tag.
pub(crate) const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("gh-mesh/", env!("CARGO_PKG_VERSION")));

/// What is learnt from answers, shared by everything that talks to GitHub.
#[derive(Debug)]
pub(crate) struct Knowledge {
    pub(crate) limits: Limits,
    pub(crate) formula: TagFormula,
}

/// Asks GitHub, and judges what its answers are good for.
pub(crate) struct ServiceOrigin {
    transport: Transport,
    knowledge: Arc<Knowledge>,
    audience_of: Arc<dyn Fn(&Credential) -> Audience + Send + Sync>,
}

impl ServiceOrigin {
    pub(crate) fn new(
        transport: Transport,
        knowledge: Arc<Knowledge>,
        audience_of: Arc<dyn Fn(&Credential) -> Audience + Send + Sync>,
    ) -> Self {
        Self {
            transport,
            knowledge,
            audience_of,
        }
    }
}

#[async_trait]
impl Origin for ServiceOrigin {
    async fn fetch(&self, request: OriginRequest) -> Result<OriginAnswer, PortError> {
        let asked = to_http(&request)?;
        // One limit for head and body: a flight that never lands would hold up everybody who asks the same.
        let deadline = tokio::time::Instant::now() + ANSWER_TIMEOUT;
        let late = |elapsed| PortError::new(PortErrorKind::TimedOut, ADAPTER, elapsed);
        let carried = tokio::time::timeout_at(deadline, self.transport.carry(asked)).await;
        let response = carried.map_err(late)?.map_err(failed)?;
        let (parts, body) = response.into_parts();
        self.knowledge
            .limits
            .learn((self.audience_of)(&request.credential), &parts.headers);
        if parts.status == StatusCode::NOT_MODIFIED {
            return Ok(OriginAnswer::NotModified {
                headers: storable(parts.headers),
            });
        }
        let collected = collect(&parts.headers, body, request.max_body_bytes);
        let body = match tokio::time::timeout_at(deadline, collected)
            .await
            .map_err(late)??
        {
            Gathered::Whole(body) => body,
            Gathered::TooLong(body) => {
                return Ok(OriginAnswer::Streamed(Response::from_parts(parts, body)));
            }
        };
        let disposition = judge::judge(&request.question, parts.status, &parts.headers, &body);
        if disposition == Disposition::Store
            && parts.status == StatusCode::OK
            && let Some(tag) = parts.headers.get(ETAG)
        {
            self.knowledge
                .formula
                .check(&request.question, &request.credential, &body, tag);
        }
        let headers = storable(parts.headers);
        Ok(OriginAnswer::Whole {
            status: parts.status,
            headers,
            body,
            disposition,
        })
    }

    fn may_be_shown_current(&self, question: &Question, entry: &Entry) -> bool {
        !pages::may_have_grown_a_next(question, entry)
    }

    /// Nothing of a page that may be followed by another: the tag does not cover that.
    fn provable_headers(&self, question: &Question, entry: &Entry) -> Option<HeaderMap> {
        (!pages::may_have_grown_a_next(question, entry)).then(|| about_the_body(&entry.headers))
    }

    fn computed_validator(
        &self,
        question: &Question,
        credential: &Credential,
        body: &[u8],
    ) -> Option<HeaderValue> {
        self.knowledge.formula.tag(question, credential, body)
    }
}

fn to_http(request: &OriginRequest) -> Result<Request<StreamedBody>, PortError> {
    let question = &request.question;
    let unsendable = |error: BoxError| PortError::new(PortErrorKind::Unsendable, ADAPTER, error);
    let mut asked = Request::builder()
        .method(question.method())
        .uri(format!("https://{}{}", question.host(), question.target()))
        .body(body_of(question.body().cloned().unwrap_or_default()))
        .map_err(|error| unsendable(error.into()))?;
    let headers = asked.headers_mut();
    for (name, value) in question.selected() {
        headers.append(name, value.clone());
    }
    headers.insert(USER_AGENT, AGENT);
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    if question.body().is_some() {
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        );
    }
    if !request.credential.is_anonymous() {
        let value = request.credential.authorization();
        let value = value.ok_or_else(|| {
            unsendable("the credential holds bytes that no header may carry".into())
        })?;
        headers.insert(AUTHORIZATION, value);
    }
    match &request.validator {
        Some(Validator::EntityTag(tag)) => {
            headers.insert(IF_NONE_MATCH, tag.clone());
        }
        Some(Validator::LastModified(date)) => {
            headers.insert(IF_MODIFIED_SINCE, date.clone());
        }
        None => {}
    }
    Ok(asked)
}

/// Names what a failed service call means.
pub(crate) fn failed(error: BoxError) -> PortError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&*error);
    let mut kind = PortErrorKind::Interrupted;
    while let Some(error) = cause {
        if let Some(known) = error.downcast_ref::<PortError>() {
            kind = known.kind;
            break;
        }
        if let Some(client) = error.downcast_ref::<hyper_util::client::legacy::Error>()
            && client.is_connect()
        {
            kind = PortErrorKind::Unreachable;
            break;
        }
        cause = error.source();
    }
    PortError::new(kind, ADAPTER, error)
}

/// Collects a body and undoes its content coding, or gives it back whole as a stream when it is over `limit`.
async fn collect(
    headers: &HeaderMap,
    body: StreamedBody,
    limit: usize,
) -> Result<Gathered, PortError> {
    let announced = number(headers, &CONTENT_LENGTH);
    if announced.is_some_and(|length| length > limit as u64) {
        return Ok(Gathered::TooLong(body));
    }
    let expected = announced.map_or(8 << 10, |length| usize::try_from(length).unwrap_or(limit));
    let collected = match gathered(body, limit, expected).await.map_err(failed)? {
        Gathered::Whole(collected) => collected,
        too_long @ Gathered::TooLong(_) => return Ok(too_long),
    };
    if announced.is_some_and(|length| length != collected.len() as u64) {
        return Err(PortError::new(
            PortErrorKind::Interrupted,
            ADAPTER,
            "the body is shorter than was announced",
        ));
    }
    match headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(Gathered::Whole(collected)),
        Some(b"gzip") => {
            let mut plain = Vec::with_capacity(collected.len() * 4);
            let read = flate2::read::GzDecoder::new(&collected[..])
                .take(limit as u64 + 1)
                .read_to_end(&mut plain);
            read.map_err(|error| PortError::new(PortErrorKind::Interrupted, ADAPTER, error))?;
            if plain.len() > limit {
                return Ok(Gathered::TooLong(body_of(collected)));
            }
            Ok(Gathered::Whole(plain.into()))
        }
        // Nothing else was asked for, so this is for the caller to make sense of, as it came.
        Some(_) => Ok(Gathered::TooLong(body_of(collected))),
    }
}

#[cfg(test)]
mod tests;
