//! Stored responses.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ETAG, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::{BodyId, Tag, Timestamp};

/// Which way an entry came to this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// This node asked the origin.
    Origin,
    /// A peer's envelope. Its tag was not seen by this node, and its URL headers were rebuilt.
    Peer,
}

/// A stored response (RFC 9111 §3): status, end-to-end headers, body and the instants that age is counted from.
///
/// **Invariant:** `body_id` names `body`. Both are set together, by [`Entry::new`] only, and never change.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Status of the response.
    pub status: StatusCode,
    /// Headers that may be stored. Hop-by-hop headers, cookies, limits and request ids were taken out before.
    pub headers: HeaderMap,
    /// When the request left whose answer last showed this body to be current.
    pub requested_at: Timestamp,
    /// When that answer had arrived.
    pub received_at: Timestamp,
    /// Which way it came here.
    pub source: Source,
    /// By which tags a write finds it.
    pub tags: Arc<[Tag]>,
    body: Bytes,
    body_id: BodyId,
}

impl Entry {
    /// Returns an entry around `body`, exactly as received (decoded, never re-serialised).
    pub fn new(
        status: StatusCode,
        headers: HeaderMap,
        body: Bytes,
        requested_at: Timestamp,
        received_at: Timestamp,
        source: Source,
    ) -> Self {
        let body_id = BodyId::of(&body);
        Self {
            status,
            headers,
            requested_at,
            received_at,
            source,
            tags: Arc::new([]),
            body,
            body_id,
        }
    }

    /// Returns the entry with these tags.
    #[must_use]
    pub fn with_tags(mut self, tags: Arc<[Tag]>) -> Self {
        self.tags = tags;
        self
    }

    /// Returns the body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Returns the content id of the body.
    pub fn body_id(&self) -> BodyId {
        self.body_id
    }

    /// Returns the entity tag, quotes and `W/` included (RFC 9110 §8.8.3).
    pub fn etag(&self) -> Option<&HeaderValue> {
        self.headers.get(ETAG)
    }

    /// Returns the `Last-Modified` value.
    pub fn last_modified(&self) -> Option<&HeaderValue> {
        self.headers.get(LAST_MODIFIED)
    }

    /// Tells whether this says "there is none", "elsewhere" or "not yet" (404, 301, 202): kept for seconds and in
    /// memory only, and never a body to revalidate or to fall back on.
    pub(crate) fn is_brief(&self) -> bool {
        !self.status.is_success() || self.status == StatusCode::ACCEPTED
    }

    /// Returns this entry freshened by a 304 (RFC 9111 §4.3.4): new instants, and the headers that the 304 carries.
    ///
    /// A 304 from GitHub omits `Link`, `Content-Type` and `Content-Length`; those stay as stored.
    #[must_use]
    pub fn freshened(
        &self,
        headers: &HeaderMap,
        requested_at: Timestamp,
        received_at: Timestamp,
    ) -> Self {
        let mut fresh = self.clone();
        for name in headers.keys() {
            if name == http::header::CONTENT_LENGTH || name == http::header::CONTENT_ENCODING {
                continue;
            }
            fresh.headers.remove(name);
            for value in headers.get_all(name) {
                fresh.headers.append(name.clone(), value.clone());
            }
        }
        fresh.requested_at = requested_at;
        fresh.received_at = received_at;
        fresh.source = Source::Origin;
        fresh
    }

    /// Returns the body as an entry for another audience, with nothing but these `headers`.
    #[must_use]
    pub(crate) fn with_headers(&self, headers: HeaderMap) -> Self {
        Self {
            headers,
            ..self.clone()
        }
    }

    /// Returns the bytes this entry takes in memory, roughly: body, headers and the fixed part.
    pub fn size_bytes(&self) -> u64 {
        let headers: usize = self
            .headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 32)
            .sum();
        u64::try_from(self.body.len() + headers + size_of::<Self>()).unwrap_or(u64::MAX)
    }
}
