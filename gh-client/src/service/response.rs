//! From an outcome to a response: status, headers, and the client's own preconditions.

use bytes::Bytes;
use cache_core::port::StreamedBody;
use cache_core::{Outcome, StoredAnswer};
use http::header::{
    AGE, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::BodyExt as _;

use super::{Asked, Shared};
use crate::body::CacheBody;
use crate::etag::{door_tag, none_match_fails};
use crate::gunzip::Gunzip;
use crate::headers::{CACHE_STATUS, remove_hop_by_hop};

/// The name in `Cache-Status`.
pub(super) const NAME: &str = "gh-mesh";

impl Shared {
    pub(super) fn stored_response(
        &self,
        answer: StoredAnswer,
        asked: &Asked,
    ) -> Response<CacheBody> {
        let StoredAnswer {
            entry,
            audience,
            outcome,
            age,
        } = answer;
        let mut response = Response::new(CacheBody::whole(Bytes::new()));
        *response.status_mut() = entry.status;
        *response.headers_mut() = entry.headers.clone();
        let body_id = entry.body_id();
        response.extensions_mut().insert(body_id);
        let headers = response.headers_mut();
        self.knowledge
            .limits
            .write(audience, asked.resource, headers);
        if !matches!(outcome, Outcome::Fetched { .. }) {
            headers.insert(AGE, HeaderValue::from(age.as_secs()));
        }
        let may_be_current = asked.is_get && entry.status == StatusCode::OK;
        // GitHub gave none, or the entry came from a peer and none could be computed.
        if may_be_current && !headers.contains_key(ETAG) {
            headers.insert(ETAG, door_tag(body_id));
        }
        if may_be_current && asked.finds_current(headers) {
            make_not_modified(&mut response);
        } else if asked.is_head {
            let length = HeaderValue::from(entry.body().len());
            response.headers_mut().insert(CONTENT_LENGTH, length);
        } else {
            *response.body_mut() = CacheBody::whole(entry.body().clone());
        }
        set_status(&mut response, outcome);
        response
    }

    /// Returns what is passed on while it arrives, in the form that the client can read.
    pub(super) fn streamed_response(
        response: Response<StreamedBody>,
        outcome: Outcome,
        asked: &Asked,
    ) -> Response<CacheBody> {
        let (mut parts, body) = response.into_parts();
        remove_hop_by_hop(&mut parts.headers);
        let is_coded = parts
            .headers
            .get(CONTENT_ENCODING)
            .is_some_and(|coding| coding == "gzip");
        let body = if is_coded && !asked.accepts_gzip {
            parts.headers.remove(CONTENT_ENCODING);
            parts.headers.remove(CONTENT_LENGTH);
            Gunzip::new(body).boxed()
        } else {
            body
        };
        let mut response = Response::from_parts(parts, CacheBody::streamed(body));
        if asked.is_get
            && response.status() == StatusCode::OK
            && asked.finds_current(response.headers())
        {
            make_not_modified(&mut response);
        } else if asked.is_head {
            *response.body_mut() = CacheBody::whole(Bytes::new());
        }
        set_status(&mut response, outcome);
        response
    }
}

impl Asked {
    /// Tells whether the client has what `headers` describe already.
    fn finds_current(&self, headers: &HeaderMap) -> bool {
        self.conditions
            .as_ref()
            .is_some_and(|conditions| is_not_modified(conditions, headers))
    }
}

fn make_not_modified(response: &mut Response<CacheBody>) {
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    *response.body_mut() = CacheBody::whole(Bytes::new());
    for name in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING] {
        response.headers_mut().remove(name);
    }
}

/// Evaluates the client's own preconditions (RFC 9110 §13.2.2): the tag decides where one is given.
fn is_not_modified(conditions: &HeaderMap, headers: &HeaderMap) -> bool {
    if conditions.contains_key(IF_NONE_MATCH) {
        return headers
            .get(ETAG)
            .is_some_and(|tag| none_match_fails(conditions, tag));
    }
    let date = |headers: &HeaderMap, name| {
        httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
    };
    match (
        date(conditions, IF_MODIFIED_SINCE),
        date(headers, LAST_MODIFIED),
    ) {
        (Some(since), Some(modified)) => modified <= since,
        _ => false,
    }
}

pub(super) fn set_status<B>(response: &mut Response<B>, outcome: Outcome) {
    let value =
        HeaderValue::from_str(&outcome.cache_status(NAME)).expect("outcomes are written in ASCII");
    response.headers_mut().append(CACHE_STATUS, value);
}
