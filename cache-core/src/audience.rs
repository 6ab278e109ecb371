//! Audiences: which credentials may see an entry.

use std::fmt;

/// Who may see an entry: a keyed hash of the credential that it was fetched with, never the credential.
///
/// The key of that hash belongs to the [`Sealer`](crate::port::Sealer), so equal tokens give equal audiences only
/// within one fleet, and an audience says nothing about its token to anybody else.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Audience([u8; Self::LEN]);

impl Audience {
    /// Length in bytes.
    pub const LEN: usize = 16;

    /// The audience of requests that carry no credential.
    pub const ANONYMOUS: Self = Self([0; Self::LEN]);

    /// Wraps the bytes that a [`Sealer`](crate::port::Sealer) computed.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Tells whether this is [`Audience::ANONYMOUS`].
    pub fn is_anonymous(&self) -> bool {
        *self == Self::ANONYMOUS
    }
}

impl fmt::Debug for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Audience({self})")
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_anonymous() {
            return f.write_str("anonymous");
        }
        self.0[..4]
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
