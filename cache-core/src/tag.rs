//! Tags: the labels by which writes find the entries they spoil.

use std::fmt;

use sha2::{Digest, Sha256};

/// A label on entries, such as "all of one repository": what an invalidation names (RFC 9111 §4.4).
///
/// A hash, so that neither rows nor messages say which repositories are in use to whoever cannot guess them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag([u8; 16]);

impl Tag {
    /// Returns the tag of a name. Names are compared without regard to case.
    pub fn of(name: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(name.to_ascii_lowercase()).into();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(bytes)
    }

    /// Wraps bytes read back from storage.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag(")?;
        self.0[..4]
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…)")
    }
}
