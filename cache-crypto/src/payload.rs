//! What is inside an envelope, and the only place that names bincode.
//!
//! bincode takes trailing bytes, allocates what a frame claims and reads over-long integers. So: always a limit, the
//! whole input or nothing, integers of fixed length (big-endian, as in the envelope), no recursive types.

use std::sync::Arc;

use bytes::Bytes;
use cache_core::port::Rejected;
use cache_core::{Entry, Tag};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, DATE, LAST_MODIFIED, LINK, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize, Serializer};

use crate::MAX_BODY_BYTES;
use crate::compression::MAX_PLAIN_BYTES;

/// The version of the payload's own form.
const VERSION: u8 = 1;

/// How many tags an entry may have to leave its node.
const MAX_TAGS: usize = 64;

/// How many header lines an entry may have to leave its node.
const MAX_HEADERS: usize = 32;

/// The headers that travel; a header's number on the wire is its place here, so this only ever grows at the end.
///
/// Never `ETag`: it is a hash that includes the sender's token. Nor scopes, limits, cookies or request ids.
static TRAVELING_HEADERS: [HeaderName; 10] = [
    CONTENT_TYPE,
    LINK,
    LOCATION,
    LAST_MODIFIED,
    CACHE_CONTROL,
    DATE,
    HeaderName::from_static("x-github-media-type"),
    HeaderName::from_static("x-poll-interval"),
    HeaderName::from_static("deprecation"),
    HeaderName::from_static("sunset"),
];

/// An entry as a payload gives it: without instants, which are in the header.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) tags: Arc<[Tag]>,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Bytes behind their length, written and read in one piece.
#[derive(Clone, Copy, Deserialize)]
#[serde(transparent)]
struct Blob<'a>(&'a [u8]);

impl Serialize for Blob<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    version: u8,
    #[serde(borrow)]
    question: Blob<'a>,
    tags: Vec<[u8; 16]>,
    status: u16,
    #[serde(borrow)]
    headers: Vec<(u8, Blob<'a>)>,
    #[serde(borrow)]
    body: Blob<'a>,
}

fn config() -> impl bincode::config::Config {
    bincode::config::standard()
        .with_big_endian()
        .with_fixed_int_encoding()
        .with_limit::<MAX_PLAIN_BYTES>()
}

/// Returns the payload of `entry`, which answered the question with this canonical form, with these headers.
///
/// `None` when it may not leave the node: too large, or of a status that is nobody else's.
pub(crate) fn encode(
    canonical_question: &[u8],
    entry: &Entry,
    headers: &HeaderMap,
) -> Option<Vec<u8>> {
    if entry.body().len() > MAX_BODY_BYTES
        || entry.tags.len() > MAX_TAGS
        || !is_shareable(entry.status)
    {
        return None;
    }
    let headers: Vec<_> = (0..)
        .zip(&TRAVELING_HEADERS)
        .flat_map(|(number, name)| {
            headers
                .get_all(name)
                .iter()
                .map(move |value| (number, Blob(value.as_bytes())))
        })
        .collect();
    if headers.len() > MAX_HEADERS {
        return None;
    }
    let wire = Wire {
        version: VERSION,
        question: Blob(canonical_question),
        tags: entry.tags.iter().map(|tag| *tag.as_bytes()).collect(),
        status: entry.status.as_u16(),
        headers,
        body: Blob(entry.body()),
    };
    bincode::serde::encode_to_vec(&wire, config())
        .ok()
        .filter(|payload| payload.len() <= MAX_PLAIN_BYTES)
}

/// Returns what `payload` holds, if it answers the question with this canonical form.
///
/// The body is a slice of `payload`, not a copy.
pub(crate) fn decode(payload: &Bytes, canonical_question: &[u8]) -> Result<Opened, Rejected> {
    // Versions differ in form, so this one is looked at before anything is decoded.
    if payload.first() != Some(&VERSION) {
        return Err(Rejected::BadPayload);
    }
    let (wire, n_used) = bincode::serde::borrow_decode_from_slice::<Wire<'_>, _>(payload, config())
        .map_err(|_| Rejected::BadPayload)?;
    if n_used != payload.len() || wire.tags.len() > MAX_TAGS || wire.headers.len() > MAX_HEADERS {
        return Err(Rejected::BadPayload);
    }
    if wire.question.0 != canonical_question {
        return Err(Rejected::OtherQuestion);
    }
    if wire.body.0.len() > MAX_BODY_BYTES {
        return Err(Rejected::TooLarge);
    }
    let status = StatusCode::from_u16(wire.status)
        .ok()
        .filter(|status| is_shareable(*status))
        .ok_or(Rejected::BadPayload)?;
    let mut headers = HeaderMap::with_capacity(wire.headers.len());
    for (number, value) in wire.headers {
        let name = TRAVELING_HEADERS
            .get(usize::from(number))
            .ok_or(Rejected::BadPayload)?;
        let value = HeaderValue::from_bytes(value.0).map_err(|_| Rejected::BadPayload)?;
        headers.append(name, value);
    }
    Ok(Opened {
        tags: wire.tags.into_iter().map(Tag::from_bytes).collect(),
        status,
        headers,
        body: payload.slice_ref(wire.body.0),
    })
}

/// Tells whether an answer of this status may come from a peer.
///
/// 401, 403, 429 and 5xx speak of one caller and one moment: taken from a peer they would stop a client that upstream
/// would serve. 1xx, 206 and 304 are not whole answers.
fn is_shareable(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200 | 203 | 204 | 300 | 301 | 302 | 307 | 308 | 404 | 410 | 451
    )
}

#[cfg(test)]
mod tests;
