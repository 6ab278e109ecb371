//! Content ids: what a body is, by its bytes.

use std::fmt;

use cid::Cid;
use multihash_codetable::{Code, MultihashDigest};

/// Multicodec code of raw binary.
const RAW: u64 = 0x55;

/// The content id (CID) of a body: version 1, raw codec, SHA2-256, shown in base32.
///
/// It names bytes; it vouches for nobody who sent them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BodyId([u8; 32]);

impl BodyId {
    /// Returns the id of `body`.
    pub fn of(body: &[u8]) -> Self {
        let multihash = Code::Sha2_256.digest(body);
        Self(
            multihash
                .digest()
                .try_into()
                .expect("a SHA2-256 digest is 32 bytes long"),
        )
    }

    /// Wraps a SHA2-256 digest.
    pub const fn from_digest(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// Returns the SHA2-256 digest.
    pub const fn as_digest(&self) -> &[u8; 32] {
        &self.0
    }

    /// Tells whether `body` is what this id names.
    pub fn names(&self, body: &[u8]) -> bool {
        Self::of(body) == *self
    }

    /// Returns the id as a CID.
    pub fn to_cid(&self) -> Cid {
        let multihash = cid::multihash::Multihash::wrap(Code::Sha2_256.into(), &self.0)
            .expect("a 32-byte digest fits a 64-byte multihash");
        Cid::new_v1(RAW, multihash)
    }
}

impl fmt::Display for BodyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_cid(), f)
    }
}

impl fmt::Debug for BodyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BodyId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_of_known_bytes_is_the_published_cid() {
        // The CID of "hello world" as a raw block, as every IPFS implementation prints it.
        let id = BodyId::of(b"hello world");
        assert_eq!(
            id.to_string(),
            "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
        );
        assert!(id.names(b"hello world"));
        assert!(!id.names(b"hello worlds"));
    }
}
