//! The keys of a fleet: one secret, one root, one subkey a use.
//!
//! ```text
//! root = PBKDF2-HMAC-SHA256(secret, "gh-mesh/1", 600,000 rounds, 32 bytes)
//! sub  = HKDF-Expand(root, label, 32)
//! ```
//!
//! **Invariant:** one label, one use. The root is wiped once the subkeys are derived.

use std::fmt;

use pbkdf2::pbkdf2_hmac;
use rand::TryRngCore;
use rand::rngs::OsRng;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use cache_core::port::WireKey;
use cache_core::{Audience, Credential, Question, Tag};

use crate::TagHash;
use crate::keyed_hash::{Key, expand, hmac_prefix, hmac_sha256};
use crate::seal_key::SealKey;

/// The fewest characters a fleet's secret may have: key ids and handshakes let a short one be guessed offline.
pub const MIN_SECRET_CHARS: usize = 32;

/// What secrets made by [`generate_secret`] begin with, so that people and secret scanners know what they look at.
pub const SECRET_PREFIX: &str = "ghmesh_";

const SALT: &[u8] = b"gh-mesh/1";
const ROUNDS: u32 = 600_000;

/// Why a secret gives no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages are the docs")]
pub enum KeyError {
    #[error("the fleet's secret has {n_chars} characters, fewer than {MIN_SECRET_CHARS}")]
    SecretTooShort { n_chars: usize },
}

/// The name of a fleet's keys: tells envelopes of another fleet apart, and nothing else about it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; Self::LEN]);

impl KeyId {
    /// Length in bytes.
    pub const LEN: usize = 8;

    /// Returns the bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    pub(crate) const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// The keys of one fleet, or of one node that has none.
///
/// Wiped on drop; no `Debug` shows them.
pub struct FleetKeys {
    key_id: KeyId,
    noise_prologue: Key,
    topic: Key,
    entry: Key,
    wire_key: Key,
    audience: Key,
    tag: Key,
    is_fleet: bool,
}

impl FleetKeys {
    /// Returns the keys of the fleet that shares `secret`, taken as it is: white space is not trimmed.
    ///
    /// Takes about 100 ms of one core, by design. Async code calls it on a blocking thread.
    pub fn from_secret(secret: &str) -> Result<Self, KeyError> {
        let n_chars = secret.chars().count();
        if n_chars < MIN_SECRET_CHARS {
            return Err(KeyError::SecretTooShort { n_chars });
        }
        let mut root = Key::default();
        pbkdf2_hmac::<Sha256>(secret.as_bytes(), SALT, ROUNDS, &mut root[..]);
        Ok(Self::from_root(&root, true))
    }

    /// Returns random keys for a node without a fleet: audiences tell credentials apart, nothing leaves the node.
    ///
    /// Cheap. Audiences differ from run to run, so entries kept on disk under them are not found again; a node with a
    /// disk uses [`FleetKeys::local_from_root`].
    pub fn local() -> Self {
        Self::from_root(&random_bytes(), false)
    }

    /// Returns the keys of a node without a fleet from random bytes that it keeps in its state directory, so that
    /// audiences stay the same from run to run. Cheap.
    pub fn local_from_root(root: &[u8; 32]) -> Self {
        Self::from_root(&Zeroizing::new(*root), false)
    }

    pub(crate) fn from_root(root: &Key, is_fleet: bool) -> Self {
        let subkey = |label: &str| -> Key { expand(root, &[label.as_bytes()]) };
        let mut key_id = [0; KeyId::LEN];
        key_id.copy_from_slice(&subkey("key-id")[..KeyId::LEN]);
        Self {
            key_id: KeyId(key_id),
            noise_prologue: subkey("noise-prologue"),
            topic: subkey("topic"),
            entry: subkey("entry"),
            wire_key: subkey("wire-key"),
            audience: subkey("audience"),
            tag: subkey("tag"),
            is_fleet,
        }
    }

    /// Tells whether these are the keys of a fleet, not those of a node on its own.
    pub fn is_fleet(&self) -> bool {
        self.is_fleet
    }

    /// Returns the name of these keys, which every envelope carries.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// Returns the prologue of every handshake: who has another one cannot connect. As secret as the fleet's secret.
    pub fn noise_prologue(&self) -> &[u8; 32] {
        &self.noise_prologue
    }

    /// Returns the name of the fleet's gossip topic: 64 hex digits.
    pub fn topic_hex(&self) -> String {
        hex::encode(self.topic.as_slice())
    }

    /// Returns the audience of `credential`: `HMAC(audience, SHA-256(token))[..16]`, or all zeros without a token.
    pub fn audience(&self, credential: &Credential) -> Audience {
        credential
            .fingerprint()
            .map_or(Audience::ANONYMOUS, |fingerprint| {
                Audience::from_bytes(hmac_prefix(&self.audience, &[fingerprint]))
            })
    }

    /// Returns the name of `question` on the wire: `HMAC(wire-key, canonical question)`.
    pub fn wire_key(&self, question: &Question) -> WireKey {
        self.wire_key_of_canonical(&question.canonical())
    }

    pub(crate) fn wire_key_of_canonical(&self, canonical: &[u8]) -> WireKey {
        WireKey(hmac_sha256(&self.wire_key, &[canonical]))
    }

    /// Returns what invalidations and envelopes call `tag`: `HMAC(tag, tag)[..8]`.
    pub fn tag_hash(&self, tag: Tag) -> TagHash {
        TagHash::from_bytes(hmac_prefix(&self.tag, &[tag.as_bytes()]))
    }

    /// Returns the key for what every member may open.
    pub(crate) fn fleet_seal_key(&self) -> SealKey {
        SealKey::new(self.entry.clone())
    }

    /// Returns the key that only members with the token behind `fingerprint` can compute.
    pub(crate) fn credential_seal_key(&self, fingerprint: &[u8; 32]) -> SealKey {
        SealKey::new(expand(&self.entry, &[b"aud", fingerprint]))
    }
}

impl fmt::Debug for FleetKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetKeys")
            .field("key_id", &self.key_id)
            .field("is_fleet", &self.is_fleet)
            .finish_non_exhaustive()
    }
}

/// Returns a new secret for a fleet: [`SECRET_PREFIX`] and 256 random bits in hex.
///
/// # Panics
///
/// When the operating system gives no random bytes: no secret is better than a guessable one.
pub fn generate_secret() -> Zeroizing<String> {
    let bytes: Key = random_bytes();
    let mut digits = hex::encode(bytes.as_slice());
    // Capacity first: growing would leave an unwiped copy of the digits behind.
    let mut secret = Zeroizing::new(String::with_capacity(SECRET_PREFIX.len() + digits.len()));
    secret.push_str(SECRET_PREFIX);
    secret.push_str(&digits);
    digits.zeroize();
    secret
}

/// Returns bytes straight from the operating system: a generator of our own would repeat itself in a cloned image.
pub(crate) fn random_bytes<const N: usize>() -> Zeroizing<[u8; N]> {
    let mut bytes = Zeroizing::new([0; N]);
    OsRng
        .try_fill_bytes(&mut bytes[..])
        .expect("the operating system gives random bytes");
    bytes
}

#[cfg(test)]
pub(crate) mod tests;
