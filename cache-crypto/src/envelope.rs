//! The envelope: the form in which an entry leaves its node.
//!
//! Fixed layout, big-endian, parsed by hand:
//!
//! | field | bytes | note |
//! |---|---|---|
//! | magic `GHM`, version 1 | 3, 1 | |
//! | suite 1 (AES-256-GCM), flags | 1, 1 | bit 0 zstd, bit 2 sealed for a credential; the rest is 0 |
//! | key id, audience | 8, 16 | an anonymous audience is all zeros |
//! | wire key | 32 | |
//! | possession | 16 | see below; zeros for an anonymous audience |
//! | body id | 32 | HMAC(seal key, CID) |
//! | number of tag hashes, tag hashes | 1, 8·n | n ≤ 8: the first tags of the entry, keyed |
//! | origin, sequence | 38, 8 | peer id of an ed25519 key |
//! | requested at, created at | 8, 8 | milliseconds: when the request left, and when its answer had come |
//! | lifetime | 4 | seconds; 0: none stated |
//! | plain length | 4 | of the payload before compression |
//! | nonce, commitment | 24, 16 | |
//! | length, ciphertext with its 16-byte tag | 4, n | the header ends with the length |
//! | signature | 64 | ed25519 by origin over `"gh-mesh/envelope/1\0" ‖ SHA-256(all above)` |
//!
//! The *seal key* is the fleet's `entry` key, or `HKDF-Expand(entry, "aud" ‖ SHA-256(token), 32)` when flag bit 2 is set.
//! `k ‖ c = HKDF-Expand(seal key, "msg" ‖ nonce, 48)`; the payload is encrypted under `k` with a zero 96-bit nonce and
//! the header as associated data, and `c` is the commitment. Possession is `HMAC(HKDF-Expand(entry, "aud" ‖
//! SHA-256(token), 32), header)[..16]` with zeros in its own place: only a holder of the token can label an envelope
//! with its audience. What was fetched anonymously proves nothing, and is sealed under `entry` for whatever readers.
//!
//! **Invariant:** an [`Envelope`] has consistent lengths, a known version and lawful flags; nothing else in it is true
//! until [`Envelope::verify_signature`] says that its origin said so.

use std::fmt;

use cache_core::port::{LeaseKey, Rejected, WireKey};
use cache_core::{Audience, Timestamp};
use sha2::{Digest, Sha256};

use crate::compression::{MAX_PLAIN_BYTES, is_within_limits};
use crate::{Identity, KeyId, PEER_ID_LEN, PublicKey, SIGNATURE_LEN};

pub(crate) mod layout;

use layout::{
    AEAD_TAG_LEN, COMMITMENT_LEN, FIXED_HEADER_LEN, Fields, NONCE_LEN, POSSESSION_LEN, Reader,
    TAG_HASH_LEN,
};

/// The largest body that leaves a node.
pub const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// The largest envelope: a body, the other parts of its entry, and the envelope itself.
pub const MAX_ENVELOPE_BYTES: usize = MAX_BODY_BYTES + 128 * 1024;

/// How many tag hashes a header carries at most.
pub const MAX_TAG_HASHES: usize = 8;

/// The smallest envelope: no tag hashes, and no content but an authentication tag.
const MIN_ENVELOPE_BYTES: usize = FIXED_HEADER_LEN + AEAD_TAG_LEN + SIGNATURE_LEN;

/// What a signature of an envelope covers first, so that it is no signature of anything else.
const SIGNATURE_LABEL: &[u8; 19] = b"gh-mesh/envelope/1\0";

/// A tag as headers and invalidations name it: a keyed hash, which says nothing to whoever lacks the fleet's secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TagHash([u8; TAG_HASH_LEN]);

impl TagHash {
    /// Wraps bytes that a peer sent.
    pub const fn from_bytes(bytes: [u8; TAG_HASH_LEN]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub const fn as_bytes(&self) -> &[u8; TAG_HASH_LEN] {
        &self.0
    }
}

impl fmt::Debug for TagHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TagHash({})", hex::encode(self.0))
    }
}

/// An envelope seen from outside: its header, read but not believed.
///
/// For whoever carries envelopes, and for the first checks of whoever opens them.
#[derive(Clone, Copy)]
pub struct Envelope<'a> {
    bytes: &'a [u8],
    header_len: usize,
    fields: Fields<'a>,
}

impl<'a> Envelope<'a> {
    /// Reads the header of `bytes`. Checks sizes, version and lengths, in this order, and touches nothing else.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Rejected> {
        if bytes.len() > MAX_ENVELOPE_BYTES {
            return Err(Rejected::TooLarge);
        }
        if bytes.len() < MIN_ENVELOPE_BYTES {
            return Err(Rejected::Malformed);
        }
        let mut reader = Reader::new(bytes);
        let fields = Fields::read(&mut reader)?;
        let header_len = bytes.len() - reader.remaining();
        if reader.remaining() != fields.content_len + SIGNATURE_LEN {
            return Err(Rejected::Malformed);
        }
        let content_len = fields
            .content_len
            .checked_sub(AEAD_TAG_LEN)
            .ok_or(Rejected::Malformed)?;
        if fields.plain_len > MAX_PLAIN_BYTES {
            return Err(Rejected::Bomb);
        }
        if fields.flags.is_compressed() {
            if !is_within_limits(fields.plain_len, content_len) {
                return Err(Rejected::Bomb);
            }
        } else if fields.plain_len != content_len {
            return Err(Rejected::Malformed);
        }
        if fields.flags.is_for_credential() && fields.audience.is_anonymous() {
            return Err(Rejected::Malformed);
        }
        Ok(Self {
            bytes,
            header_len,
            fields,
        })
    }

    /// Returns the name of the keys it is sealed with.
    pub fn key_id(&self) -> KeyId {
        self.fields.key_id
    }

    /// Returns whose question it claims to answer.
    pub fn audience(&self) -> Audience {
        self.fields.audience
    }

    /// Returns which question it claims to answer.
    pub fn wire_key(&self) -> WireKey {
        self.fields.wire_key
    }

    /// Returns audience and question together.
    pub fn lease_key(&self) -> LeaseKey {
        LeaseKey {
            audience: self.audience(),
            wire_key: self.wire_key(),
        }
    }

    /// Returns the hashes of the entry's first tags.
    pub fn tag_hashes(&self) -> impl ExactSizeIterator<Item = TagHash> + use<'a> {
        self.fields.tag_hashes.iter().copied().map(TagHash)
    }

    /// Returns who says it sealed this.
    pub fn origin(&self) -> PublicKey {
        self.fields.origin
    }

    /// Returns the peer id of [`Envelope::origin`].
    pub fn origin_peer_id(&self) -> [u8; PEER_ID_LEN] {
        self.fields.origin.to_peer_id_bytes()
    }

    /// Returns the origin's sequence number: it grows from envelope to envelope, over restarts too.
    pub fn sequence(&self) -> u64 {
        self.fields.sequence
    }

    /// Returns when the request left whose answer showed the body to be current (`Sealed::created_at`).
    pub fn requested_at(&self) -> Timestamp {
        self.fields.requested_at
    }

    /// Returns when that answer had arrived.
    pub fn created_at(&self) -> Timestamp {
        self.fields.created_at
    }

    /// Tells whether only holders of the credential can open it.
    pub fn is_for_credential(&self) -> bool {
        self.fields.flags.is_for_credential()
    }

    /// Tells whether [`Envelope::origin`] signed this. What it says is its word from then on, not yet the truth.
    pub fn verify_signature(&self) -> Result<(), Rejected> {
        let (signed, signature) = self.bytes.split_at(self.bytes.len() - SIGNATURE_LEN);
        let signature = signature.first_chunk().ok_or(Rejected::Malformed)?;
        if self
            .fields
            .origin
            .verifies(&signed_message(signed), signature)
        {
            Ok(())
        } else {
            Err(Rejected::BadSignature)
        }
    }

    pub(crate) fn header(&self) -> &'a [u8] {
        &self.bytes[..self.header_len]
    }

    pub(crate) fn ciphertext(&self) -> &'a [u8] {
        &self.bytes[self.header_len..self.bytes.len() - SIGNATURE_LEN]
    }

    pub(crate) fn is_compressed(&self) -> bool {
        self.fields.flags.is_compressed()
    }

    pub(crate) fn plain_len(&self) -> usize {
        self.fields.plain_len
    }

    pub(crate) fn possession(&self) -> &'a [u8; POSSESSION_LEN] {
        self.fields.possession
    }

    pub(crate) fn keyed_body_id(&self) -> &'a [u8; 32] {
        self.fields.body_id
    }

    pub(crate) fn nonce(&self) -> &'a [u8; NONCE_LEN] {
        self.fields.nonce
    }

    pub(crate) fn commitment(&self) -> &'a [u8; COMMITMENT_LEN] {
        self.fields.commitment
    }
}

impl fmt::Debug for Envelope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("key_id", &self.key_id())
            .field("audience", &self.audience())
            .field("wire_key", &self.wire_key())
            .field("origin", &self.origin())
            .field("sequence", &self.sequence())
            .field("len", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// Puts the origin's signature behind everything above it.
pub(crate) fn sign(envelope: &mut Vec<u8>, identity: &Identity) {
    let signature = identity.sign(&signed_message(envelope));
    envelope.extend_from_slice(&signature);
}

/// Returns what is signed. A digest of the bytes, not the bytes: ed25519 reads its message twice and in one piece.
fn signed_message(above: &[u8]) -> [u8; SIGNATURE_LABEL.len() + 32] {
    let mut message = [0; SIGNATURE_LABEL.len() + 32];
    message[..SIGNATURE_LABEL.len()].copy_from_slice(SIGNATURE_LABEL);
    message[SIGNATURE_LABEL.len()..].copy_from_slice(&Sha256::digest(above));
    message
}
