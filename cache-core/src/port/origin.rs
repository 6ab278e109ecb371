//! The origin: whoever knows the truth.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::combinators::BoxBody;

use super::{BoxError, PortError};
use crate::{Credential, Entry, Question};

/// A body that is passed on while it arrives.
pub type StreamedBody = BoxBody<Bytes, BoxError>;

/// One request to the origin.
#[derive(Clone, Debug)]
pub struct OriginRequest {
    /// What is asked.
    pub question: Arc<Question>,
    /// Who asks.
    pub credential: Credential,
    /// Set to make the request conditional.
    pub validator: Option<Validator>,
    /// A longer body comes back as [`OriginAnswer::Streamed`].
    pub max_body_bytes: usize,
}

/// The validator of a conditional request. One is sent, never both: with both `If-None-Match` decides
/// (RFC 9110 §13.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Validator {
    /// Sent as `If-None-Match`, verbatim.
    EntityTag(HeaderValue),
    /// Sent as `If-Modified-Since`, verbatim.
    LastModified(HeaderValue),
}

/// What the origin said.
#[derive(Debug)]
pub enum OriginAnswer {
    /// 304: the stored body is current.
    NotModified {
        /// Headers of the 304, end-to-end ones only.
        headers: HeaderMap,
    },
    /// A complete response, content coding undone.
    Whole {
        /// Status.
        status: StatusCode,
        /// End-to-end headers.
        headers: HeaderMap,
        /// The whole body; its length agreed with `Content-Length` where one was given.
        body: Bytes,
        /// What it is good for.
        disposition: Disposition,
    },
    /// A response that may not be kept: too long, or `no-store`. Exactly one caller can have it.
    Streamed(http::Response<StreamedBody>),
}

/// What a complete response is good for. The adapter decides, since it knows the service's habits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Stored and shared.
    Store,
    /// The same for this audience for a few seconds (301, 404, 410).
    StoreBriefly,
    /// Nobody else's: each caller asks for itself (401, answers that may not be stored).
    EachForItself,
    /// As [`Disposition::EachForItself`], and the credential is no longer good (401).
    CredentialRefused,
    /// A rate limit refuses the credential.
    RateLimited,
    /// The origin failed (5xx).
    Failed,
}

/// Whoever knows the truth: GitHub, or a service in front of it.
#[async_trait]
pub trait Origin: Send + Sync + 'static {
    /// Asks `request` once. Called by the leader of a single flight, from a task of its own.
    ///
    /// Any status is an answer. An error means that there is none: not reached, broken off, shorter than announced.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the request; whether it had been sent is then unknown.
    async fn fetch(&self, request: OriginRequest) -> Result<OriginAnswer, PortError>;

    /// Tells whether a 304 shows that all of `entry` is current. Where its headers may have changed under an unchanged
    /// body, it is asked for anew, without a validator.
    fn may_be_shown_current(&self, question: &Question, entry: &Entry) -> bool {
        let _ = (question, entry);
        true
    }

    /// Returns those headers of `entry`, which another audience holds, that are true for whoever may see its body.
    ///
    /// `None` where a 304 to another credential would not prove the entry whole; and by default, since only whoever
    /// knows the service knows which of its headers are about the caller.
    fn provable_headers(&self, question: &Question, entry: &Entry) -> Option<HeaderMap> {
        let _ = (question, entry);
        None
    }

    /// Returns the validator that the origin would give `credential` for `body` as the answer to `question`, where
    /// that can be computed. A wrong one costs an ordinary response, never a wrong answer.
    fn computed_validator(
        &self,
        question: &Question,
        credential: &Credential,
        body: &[u8],
    ) -> Option<HeaderValue> {
        let _ = (question, credential, body);
        None
    }
}
