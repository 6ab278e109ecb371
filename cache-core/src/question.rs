//! Questions: what is asked, apart from who asks.

use std::fmt;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use sha2::{Digest, Sha256};

/// SHA-256 over the canonical form of a [`Question`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QuestionDigest([u8; 32]);

impl QuestionDigest {
    /// Wraps a digest read back from storage.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for QuestionDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QuestionDigest(")?;
        self.0[..4]
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…)")
    }
}

/// A request reduced to what decides its answer: method, host, target and the selected headers (RFC 9111 §2, §4.1).
///
/// Whoever builds a question has already brought it to canonical form (query order, media class). It can be sent as
/// it is: the selected headers and the body are what the origin gets.
#[derive(Clone)]
pub struct Question {
    method: Method,
    host: String,
    target: String,
    selected: Vec<(HeaderName, HeaderValue)>,
    body: Option<Bytes>,
    body_identity: Option<[u8; 32]>,
    digest: QuestionDigest,
}

/// Collects the parts of a [`Question`].
#[derive(Debug)]
pub struct QuestionBuilder {
    method: Method,
    host: String,
    target: String,
    selected: Vec<(HeaderName, HeaderValue)>,
    body: Option<(Bytes, [u8; 32])>,
}

impl Question {
    /// Starts a question. `host` is compared without regard to case; `target` is path and query, verbatim.
    pub fn builder(method: Method, host: &str, target: impl Into<String>) -> QuestionBuilder {
        QuestionBuilder {
            method,
            host: host.to_ascii_lowercase(),
            target: target.into(),
            selected: Vec::new(),
            body: None,
        }
    }

    /// Returns the method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Returns the host that the client named, in lower case, with the port if it named one.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns path and query.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns the selected headers, sorted by name. They are sent to the origin as they are.
    pub fn selected(&self) -> &[(HeaderName, HeaderValue)] {
        &self.selected
    }

    /// Returns the body to send, if the question has one.
    pub fn body(&self) -> Option<&Bytes> {
        self.body.as_ref()
    }

    /// Returns the digest over the canonical form.
    pub fn digest(&self) -> QuestionDigest {
        self.digest
    }

    /// Returns the canonical form: every part behind its length, so that no two questions share one.
    pub fn canonical(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128 + self.target.len());
        self.write_canonical(|part| out.extend_from_slice(part));
        out
    }

    fn write_canonical(&self, mut sink: impl FnMut(&[u8])) {
        let mut put = |part: &[u8]| {
            // No part is longer than a request head or a digest, so 32 bits always hold its length.
            sink(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            sink(part);
        };
        put(b"question/1");
        put(self.method.as_str().as_bytes());
        put(self.host.as_bytes());
        put(self.target.as_bytes());
        for (name, value) in &self.selected {
            put(name.as_str().as_bytes());
            put(value.as_bytes());
        }
        put(self
            .body_identity
            .as_ref()
            .map_or(&[][..], |identity| &identity[..]));
    }
}

impl fmt::Debug for Question {
    /// Shows method and host only: targets name private repositories.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("method", &self.method)
            .field("host", &self.host)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

impl QuestionBuilder {
    /// Adds a header that decides the answer. It becomes part of the key and is sent to the origin.
    #[must_use]
    pub fn select(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.selected.push((name, value));
        self
    }

    /// Sets the body to send and the 32 bytes that identify it in the key (a hash of its canonical form).
    #[must_use]
    pub fn body(mut self, body: Bytes, identity: [u8; 32]) -> Self {
        self.body = Some((body, identity));
        self
    }

    /// Returns the question.
    pub fn build(mut self) -> Question {
        self.selected
            .sort_by(|a, b| (a.0.as_str(), a.1.as_bytes()).cmp(&(b.0.as_str(), b.1.as_bytes())));
        let (body, body_identity) = self.body.map_or((None, None), |(body, identity)| {
            (Some(body), Some(identity))
        });
        let mut question = Question {
            method: self.method,
            host: self.host,
            target: self.target,
            selected: self.selected,
            body,
            body_identity,
            digest: QuestionDigest([0; 32]),
        };
        let mut hasher = Sha256::new();
        question.write_canonical(|part| hasher.update(part));
        question.digest = QuestionDigest(hasher.finalize().into());
        question
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::ACCEPT;

    fn question(host: &str, target: &str, accept: &'static str) -> Question {
        Question::builder(Method::GET, host, target)
            .select(ACCEPT, HeaderValue::from_static(accept))
            .build()
    }

    #[test]
    fn every_part_changes_the_digest() {
        let base = question("api.github.com", "/a", "x");
        for other in [
            question("ghe.example", "/a", "x"),
            question("api.github.com", "/b", "x"),
            question("api.github.com", "/a", "y"),
            Question::builder(Method::HEAD, "api.github.com", "/a")
                .select(ACCEPT, HeaderValue::from_static("x"))
                .build(),
            Question::builder(Method::GET, "api.github.com", "/a")
                .select(ACCEPT, HeaderValue::from_static("x"))
                .body(Bytes::from_static(b"q"), [1; 32])
                .build(),
        ] {
            assert_ne!(base.digest(), other.digest(), "{other:?}");
        }
        assert_eq!(
            base.digest(),
            question("API.github.com", "/a", "x").digest()
        );
    }

    #[test]
    fn parts_cannot_be_moved_into_their_neighbours() {
        assert_ne!(
            question("a", "/bc", "x").canonical(),
            question("a/b", "c", "x").canonical()
        );
    }

    #[test]
    fn debug_shows_no_target() {
        assert!(!format!("{:?}", question("h", "/repos/secret/name", "x")).contains("secret"));
    }
}
