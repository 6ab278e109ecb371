//! Row heads: everything of an entry but its body, in a format of its own.
//!
//! Version 1, big-endian, nothing before or after:
//!
//! | field | bytes |
//! | --- | --- |
//! | version = 1 | 1 |
//! | audience | 16 |
//! | SHA2-256 of the body, length of the body | 32, 4 |
//! | status, source (0 origin, 1 peer) | 2, 1 |
//! | requested at, received at (milliseconds since the epoch) | 8, 8 |
//! | number of tags, then each tag | 2, 16 |
//! | number of headers, then each: length and name, length and value | 2, (1, n), (2, n) |
//!
//! The question is not among them: whoever reads a row knows it, and the name that the head is sealed for holds it.
//! Only sealed heads are written, so what is decoded was written by this program or its predecessor; still, every
//! length is checked and no input panics.

use std::sync::Arc;

use bytes::Bytes;
use cache_core::{Audience, BodyId, Entry, Source, Tag, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

const VERSION: u8 = 1;

/// Tags and headers of an entry, at most. More are a reason not to store it.
const MAX_TAGS: usize = 1_024;
const MAX_HEADERS: usize = 256;

/// Everything of an entry but its body.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Head {
    pub(crate) audience: Audience,
    pub(crate) body_id: BodyId,
    pub(crate) body_len: u32,
    status: StatusCode,
    source: Source,
    requested_at: Timestamp,
    received_at: Timestamp,
    tags: Arc<[Tag]>,
    headers: HeaderMap,
}

impl Head {
    /// Returns the entry, if `body` is the one that the head names.
    pub(crate) fn into_entry(self, body: Vec<u8>) -> Option<Entry> {
        if u32::try_from(body.len()).ok() != Some(self.body_len) {
            return None;
        }
        let (requested_at, received_at) = (self.requested_at, self.received_at);
        let entry = Entry::new(
            self.status,
            self.headers,
            Bytes::from(body),
            requested_at,
            received_at,
            self.source,
        );
        (entry.body_id() == self.body_id).then(|| entry.with_tags(self.tags))
    }
}

/// Returns the head of `entry` of `audience`, or `None` when it exceeds a limit of the format.
pub(crate) fn encode(audience: Audience, entry: &Entry) -> Option<Vec<u8>> {
    if entry.tags.len() > MAX_TAGS || entry.headers.len() > MAX_HEADERS {
        return None;
    }
    let mut out = Vec::with_capacity(1024);
    out.push(VERSION);
    out.extend_from_slice(audience.as_bytes());
    out.extend_from_slice(entry.body_id().as_digest());
    out.extend_from_slice(&u32::try_from(entry.body().len()).ok()?.to_be_bytes());
    out.extend_from_slice(&entry.status.as_u16().to_be_bytes());
    out.push(match entry.source {
        Source::Origin => 0,
        Source::Peer => 1,
    });
    out.extend_from_slice(&entry.requested_at.as_millis().to_be_bytes());
    out.extend_from_slice(&entry.received_at.as_millis().to_be_bytes());
    out.extend_from_slice(&u16::try_from(entry.tags.len()).ok()?.to_be_bytes());
    for tag in entry.tags.iter() {
        out.extend_from_slice(tag.as_bytes());
    }
    out.extend_from_slice(&u16::try_from(entry.headers.len()).ok()?.to_be_bytes());
    for (name, value) in &entry.headers {
        out.push(u8::try_from(name.as_str().len()).ok()?);
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(&u16::try_from(value.len()).ok()?.to_be_bytes());
        out.extend_from_slice(value.as_bytes());
    }
    Some(out)
}

/// Returns the head that `bytes` encode, or `None` when they encode none.
pub(crate) fn decode(bytes: &[u8]) -> Option<Head> {
    let mut rest = Reader(bytes);
    if rest.u8()? != VERSION {
        return None;
    }
    let audience = Audience::from_bytes(rest.array()?);
    let body_id = BodyId::from_digest(rest.array()?);
    let body_len = u32::from_be_bytes(rest.array()?);
    let status = StatusCode::from_u16(rest.u16()?).ok()?;
    let source = match rest.u8()? {
        0 => Source::Origin,
        1 => Source::Peer,
        _ => return None,
    };
    let requested_at = Timestamp::from_millis(u64::from_be_bytes(rest.array()?));
    let received_at = Timestamp::from_millis(u64::from_be_bytes(rest.array()?));
    let n_tags = usize::from(rest.u16()?);
    if n_tags > MAX_TAGS {
        return None;
    }
    let tags = (0..n_tags)
        .map(|_| rest.array().map(Tag::from_bytes))
        .collect::<Option<_>>()?;
    let n_headers = usize::from(rest.u16()?);
    if n_headers > MAX_HEADERS {
        return None;
    }
    let mut headers = HeaderMap::with_capacity(n_headers);
    for _ in 0..n_headers {
        let name_len = usize::from(rest.u8()?);
        let name = HeaderName::from_lowercase(rest.take(name_len)?).ok()?;
        let value_len = usize::from(rest.u16()?);
        headers.append(name, HeaderValue::from_bytes(rest.take(value_len)?).ok()?);
    }
    let head = Head {
        audience,
        body_id,
        body_len,
        status,
        source,
        requested_at,
        received_at,
        tags,
        headers,
    };
    rest.0.is_empty().then_some(head)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }
}

#[cfg(test)]
mod tests;
