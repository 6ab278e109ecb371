//! Names of members.

use std::fmt;
use std::str::FromStr;

/// The name of a member: its ed25519 public key, in the form in which libp2p writes it.
///
/// Members with other kinds of keys cannot join, so every name has the same length.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId([u8; Self::LEN]);

/// Why a text is not a [`PeerId`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the peer id of an ed25519 key")]
pub struct ParsePeerIdError {
    text: String,
}

impl PeerId {
    /// Length in bytes.
    pub const LEN: usize = 38;

    /// Identity multihash of 36 bytes, which are a protobuf of key type ed25519 and 32 bytes.
    const PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

    /// Returns the name in its binary form, as rendezvous hashing takes it.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Returns the name of a peer with an ed25519 key, and `None` for any other.
    /// Returns the name of the member whose identity has this ed25519 seed.
    pub fn of_seed(identity_seed: [u8; 32]) -> Self {
        let id = crate::swarm::identity(identity_seed).public().to_peer_id();
        Self::from_libp2p(&id).expect("the key of an ed25519 seed is an ed25519 key")
    }

    pub(crate) fn from_libp2p(id: &libp2p::PeerId) -> Option<Self> {
        let bytes: [u8; Self::LEN] = id.to_bytes().try_into().ok()?;
        bytes.starts_with(&Self::PREFIX).then_some(Self(bytes))
    }

    pub(crate) fn to_libp2p(self) -> libp2p::PeerId {
        libp2p::PeerId::from_bytes(&self.0)
            .expect("an ed25519 peer id is an identity multihash of 36 bytes")
    }

    /// Returns a name that belongs to no key, for the machines' tests.
    #[cfg(test)]
    pub(crate) fn for_test(number: u8) -> Self {
        let mut bytes = [number; Self::LEN];
        bytes[..6].copy_from_slice(&Self::PREFIX);
        Self(bytes)
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_libp2p().fmt(f)
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerId({self})")
    }
}

impl FromStr for PeerId {
    type Err = ParsePeerIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed: Option<libp2p::PeerId> = text.parse().ok();
        parsed
            .as_ref()
            .and_then(Self::from_libp2p)
            .ok_or_else(|| ParsePeerIdError {
                text: text.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_reads_back_from_its_text() {
        let id = PeerId::for_test(7);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn names_of_other_keys_are_refused() {
        let error = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"
            .parse::<PeerId>()
            .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("is not the peer id of an ed25519 key"),
            "{error}"
        );
        assert!("".parse::<PeerId>().is_err());
    }
}
