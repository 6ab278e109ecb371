//! Under which names things stand on disk: keyed hashes, cut to what collisions allow.

use std::sync::Arc;

use cache_core::{Audience, BodyId, CacheKey, QuestionDigest, Tag};

use crate::RowSealer;

/// A name in an index: the first 16 bytes of a keyed hash. A collision is a row that does not open: a miss.
pub(crate) type Name = [u8; 16];

/// Makes names. Each kind has its own prefix, so that no name of one kind says anything about another.
#[derive(Clone)]
pub(crate) struct Names(pub(crate) Arc<dyn RowSealer>);

impl Names {
    /// Returns the name of an entry.
    pub(crate) fn entry(&self, key: &CacheKey) -> Name {
        self.name(&[
            b"entry/1",
            key.question().as_bytes(),
            key.audience().as_bytes(),
        ])
    }

    /// Returns the name that the entries of all audiences for a question share.
    pub(crate) fn question(&self, question: QuestionDigest) -> Name {
        self.name(&[b"question/1", question.as_bytes()])
    }

    /// Returns the name of a body within an audience. Equal bodies of two audiences have unrelated names.
    pub(crate) fn body(&self, audience: Audience, body: BodyId) -> Name {
        self.name(&[b"body/1", audience.as_bytes(), body.as_digest()])
    }

    /// Returns the name of a tag. Only 64 bits: a collision costs an entry that need not have gone.
    pub(crate) fn tag(&self, tag: Tag) -> i64 {
        self.short(&[b"tag/1", tag.as_bytes()])
    }

    /// Returns the name of an audience: each of its entries carries it among its tags.
    pub(crate) fn audience(&self, audience: Audience) -> i64 {
        self.short(&[b"audience/1", audience.as_bytes()])
    }

    /// Returns a name that only the sealer's present key gives: a database of another key is of no use.
    pub(crate) fn key_check(&self) -> Name {
        self.name(&[b"key-check/1"])
    }

    fn short(&self, parts: &[&[u8]]) -> i64 {
        let name = u128::from_be_bytes(self.name(parts));
        // The upper half; 64 bits always fit.
        u64::try_from(name >> 64).unwrap_or_default().cast_signed()
    }

    fn name(&self, parts: &[&[u8]]) -> Name {
        let hash = self.0.name(&parts.concat());
        let mut name = Name::default();
        name.copy_from_slice(&hash[..16]);
        name
    }
}

/// Returns what a row head is sealed for.
pub(crate) fn head_identity(entry: &Name) -> Vec<u8> {
    [b"head/1".as_slice(), entry].concat()
}

/// Returns what a body is sealed for.
pub(crate) fn body_identity(body: &Name) -> Vec<u8> {
    [b"body/1".as_slice(), body].concat()
}
