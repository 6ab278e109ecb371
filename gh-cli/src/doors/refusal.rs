//! What a door says when it does not pass a request on.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Response, StatusCode};

/// RFC 9211.
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// A request that a door answers itself, in the form of GitHub's own errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: StatusCode,
    message: Cow<'static, str>,
    /// Set where what follows on the connection cannot be trusted to be a request.
    closes: bool,
    cache_status: Option<String>,
}

impl Refusal {
    /// Returns a refusal whose message says what to do.
    pub(crate) fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            message: message.into(),
            closes: false,
            cache_status: None,
        }
    }

    /// Returns the refusal with what the cache says of the request.
    pub(crate) fn with_cache_status(self, cache_status: Option<String>) -> Self {
        Self {
            cache_status,
            ..self
        }
    }

    /// Returns a refusal after which the connection is closed.
    pub(crate) fn closing(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            closes: true,
            ..Self::new(status, message)
        }
    }

    /// Returns the refusal as a response.
    pub(crate) fn into_response(self) -> Response<Bytes> {
        let body = serde_json::json!({ "message": self.message, "documentation_url": "" });
        let mut response = json_response(self.status, &body);
        if self.closes {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        if let Some(value) = self
            .cache_status
            .and_then(|value| HeaderValue::try_from(value).ok())
        {
            response.headers_mut().insert(CACHE_STATUS, value);
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            let allow = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allow);
        }
        response
    }
}

/// Returns a response that a door made itself, as JSON.
pub(super) fn json_response(status: StatusCode, body: &serde_json::Value) -> Response<Bytes> {
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    own_response(status, kind, Bytes::from(body.to_string()))
}

/// Returns a response that a door made itself: never kept by anyone, never taken for another type.
pub(super) fn own_response(
    status: StatusCode,
    content_type: HeaderValue,
    body: Bytes,
) -> Response<Bytes> {
    const OWN: [(HeaderName, HeaderValue); 2] = [
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().extend(OWN);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
