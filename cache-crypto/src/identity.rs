//! Who sealed an envelope: ed25519 keys, and the peer ids that libp2p makes of them.

use std::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use crate::fleet_keys::random_bytes;

/// Length in bytes of the peer id of an ed25519 key.
pub const PEER_ID_LEN: usize = 38;

/// Length in bytes of a signature.
pub const SIGNATURE_LEN: usize = 64;

/// What the peer id of an ed25519 key begins with: an identity multihash of 36 bytes, which are a protobuf message with
/// the key type (field 1: ed25519) and the 32 bytes of the key (field 2).
const PEER_ID_PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// The identity of this node: an ed25519 key pair, shared with the network part through its seed.
///
/// Wiped on drop; no `Debug` shows the seed.
pub struct Identity(SigningKey);

impl Identity {
    /// Returns a new identity.
    ///
    /// # Panics
    ///
    /// When the operating system gives no random bytes.
    pub fn generate() -> Self {
        Self::from_seed(&random_bytes())
    }

    /// Returns the identity with this seed (the secret key of RFC 8032 §5.1.5).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Returns the seed, to be kept where only this node reads it.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// Returns the public half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Returns the bytes of this node's peer id.
    pub fn peer_id_bytes(&self) -> [u8; PEER_ID_LEN] {
        self.public_key().to_peer_id_bytes()
    }

    /// Signs `message`. Callers put a label in front, so that no message of one kind passes for another.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.public_key()).finish()
    }
}

/// The public half of an [`Identity`]. Any 32 bytes: what is no point on the curve verifies nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads the key out of a peer id. `None` for ids of other key types, which hold a hash only.
    pub fn from_peer_id_bytes(peer_id: &[u8; PEER_ID_LEN]) -> Option<Self> {
        let key = peer_id.strip_prefix(&PEER_ID_PREFIX)?;
        key.try_into().ok().map(Self)
    }

    /// Returns the bytes of the peer id.
    pub fn to_peer_id_bytes(self) -> [u8; PEER_ID_LEN] {
        let mut peer_id = [0; PEER_ID_LEN];
        peer_id[..PEER_ID_PREFIX.len()].copy_from_slice(&PEER_ID_PREFIX);
        peer_id[PEER_ID_PREFIX.len()..].copy_from_slice(&self.0);
        peer_id
    }

    /// Tells whether `signature` is this key's over `message`. Weak keys and malleable signatures are refused.
    pub fn verifies(&self, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
        VerifyingKey::from_bytes(&self.0).is_ok_and(|key| {
            key.verify_strict(message, &Signature::from_bytes(signature))
                .is_ok()
        })
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}…)", hex::encode(&self.0[..4]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_id_holds_the_public_key_and_nothing_else() {
        // RFC 8032 §7.1, test 1.
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let mut bytes = [0; 32];
        hex::decode_to_slice(seed, &mut bytes).unwrap();
        let identity = Identity::from_seed(&bytes);
        assert_eq!(
            hex::encode(identity.peer_id_bytes()),
            format!("002408011220{public}")
        );
        assert_eq!(
            PublicKey::from_peer_id_bytes(&identity.peer_id_bytes()),
            Some(identity.public_key())
        );
        assert_eq!(*identity.seed(), bytes);
    }

    #[test]
    fn peer_ids_of_other_key_types_hold_no_key() {
        let mut peer_id = Identity::generate().peer_id_bytes();
        peer_id[3] = 2;
        assert_eq!(PublicKey::from_peer_id_bytes(&peer_id), None);
    }

    #[test]
    fn signature_holds_for_its_own_message_and_key_only() {
        let identity = Identity::generate();
        let signature = identity.sign(b"message");
        assert!(identity.public_key().verifies(b"message", &signature));
        assert!(!identity.public_key().verifies(b"messagf", &signature));
        assert!(
            !Identity::generate()
                .public_key()
                .verifies(b"message", &signature)
        );
    }

    #[test]
    fn weak_key_verifies_nothing() {
        // The identity point, with which a signature of zeros holds for every message unless the check is strict.
        let mut point = [0; 32];
        point[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        assert!(!PublicKey(point).verifies(b"anything", &signature));
    }

    #[test]
    fn debug_shows_no_seed() {
        let identity = Identity::from_seed(&[0xab; 32]);
        assert!(!format!("{identity:?}").contains("abab"));
    }
}
