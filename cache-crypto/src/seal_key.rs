//! Seal keys: what one envelope is closed with, chosen by who may open it.

use cache_core::BodyId;
use zeroize::Zeroizing;

use crate::envelope::layout::{COMMITMENT_LEN, NONCE_LEN, POSSESSION, POSSESSION_LEN};
use crate::keyed_hash::{Key, expand, hmac_prefix, hmac_sha256};

/// What the binary form of every body's CID begins with: version 1, raw codec, SHA2-256, 32 bytes.
const CID_PREFIX: [u8; 4] = [0x01, 0x55, 0x12, 0x20];

/// The key for all envelopes of one circle of readers: the fleet, or its holders of one credential.
///
/// Three uses share it, told apart by how their input begins: `msg` (message keys), the CID prefix (body ids) and
/// the envelope's magic (possession).
pub(crate) struct SealKey(Key);

/// The key of one envelope, used once.
pub(crate) struct MessageKey {
    pub(crate) key: Key,
    /// Ties the ciphertext to this key: AES-GCM alone lets one ciphertext open under two keys.
    pub(crate) commitment: [u8; COMMITMENT_LEN],
}

impl SealKey {
    pub(crate) fn new(key: Key) -> Self {
        Self(key)
    }

    /// Returns what a header calls the body: `HMAC(seal key, CID)`, so that equal bodies do not show to outsiders.
    pub(crate) fn keyed_body_id(&self, body: BodyId) -> [u8; 32] {
        hmac_sha256(&self.0, &[&CID_PREFIX, body.as_digest()])
    }

    /// Returns `k ‖ c = HKDF-Expand(seal key, "msg" ‖ nonce, 48)`.
    ///
    /// A key a message: one key with random 96-bit nonces would have to stop before 2^32 messages, counted over the
    /// fleet, and counters repeat when a running image is cloned.
    pub(crate) fn message_key(&self, nonce: &[u8; NONCE_LEN]) -> MessageKey {
        let expanded: Zeroizing<[u8; 32 + COMMITMENT_LEN]> = expand(&self.0, &[b"msg", nonce]);
        let mut message_key = MessageKey {
            key: Key::default(),
            commitment: [0; COMMITMENT_LEN],
        };
        message_key.key.copy_from_slice(&expanded[..32]);
        message_key.commitment.copy_from_slice(&expanded[32..]);
        message_key
    }

    /// Returns `HMAC(seal key, header)[..16]`, where the header is whole, with zeros for the possession field itself.
    ///
    /// Over the whole header, so that a proof cannot be moved to another envelope.
    pub(crate) fn possession(&self, header: &[u8]) -> [u8; POSSESSION_LEN] {
        let before = &header[..POSSESSION.start];
        let after = &header[POSSESSION.end..];
        hmac_prefix(&self.0, &[before, &[0; POSSESSION_LEN], after])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cid_prefix_is_that_of_every_body() {
        let id = BodyId::of(b"hello world");
        assert_eq!(
            id.to_cid().to_bytes(),
            [&CID_PREFIX[..], id.as_digest()].concat()
        );
    }
}
