//! The sealer of a node: closes what leaves it and opens what peers send.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use bytes::Bytes;
use cache_core::port::{Readers, Rejected, Sealed, Sealer, WireKey};
use cache_core::{Audience, Credential, Entry, Question, Source, Tag, Timestamp};
use subtle::ConstantTimeEq;

use crate::envelope::layout::{
    AEAD_TAG_LEN, FIXED_HEADER_LEN, Fields, Flags, NONCE_LEN, POSSESSION, POSSESSION_LEN,
};
use crate::fleet_keys::random_bytes;
use crate::seal_key::{MessageKey, SealKey};
use crate::{
    Envelope, FleetKeys, Identity, MAX_ENVELOPE_BYTES, MAX_TAG_HASHES, RejectCounters,
    SIGNATURE_LEN, TagHash, compression, envelope, payload, steering,
};

/// How far ahead of ours a sender's clock may run.
const MAX_CLOCK_SKEW: Duration = Duration::from_mins(1);

/// How many sequence numbers a millisecond has (log2): far more than can be used up in one, so that a start a
/// millisecond later begins above all earlier numbers.
const SEQUENCE_BITS_A_MILLISECOND: u32 = 12;

/// Seals with the keys of one fleet and the identity of one node.
///
/// Pure computation: no I/O, no lock, no clock. Shared by everything that sends or receives entries.
#[derive(Debug)]
pub struct FleetSealer {
    keys: Arc<FleetKeys>,
    identity: Identity,
    next_sequence: AtomicU64,
    rejects: RejectCounters,
}

/// What the format leaves to the sender. Arguments, so that tests can make the same envelope twice.
#[derive(Clone, Copy)]
struct Choices {
    /// Never used twice.
    nonce: [u8; NONCE_LEN],
    /// Never used twice by one identity.
    sequence: u64,
    /// Returns the payload compressed, or `None` to send it as it is.
    compress: fn(&[u8]) -> Option<Vec<u8>>,
}

impl FleetSealer {
    /// Returns the sealer of the node `identity`, which started at `started_at`.
    ///
    /// Sequence numbers begin there, so they grow over restarts as long as the clock does. A clock set back over a
    /// restart costs the node its peers' ears until it has caught up, nothing else.
    ///
    /// With [`FleetKeys::local`] nothing is ever sealed, and audiences still tell credentials apart.
    pub fn new(keys: Arc<FleetKeys>, identity: Identity, started_at: Timestamp) -> Self {
        let first_sequence = started_at
            .as_millis()
            .saturating_mul(1 << SEQUENCE_BITS_A_MILLISECOND);
        Self {
            keys,
            identity,
            next_sequence: AtomicU64::new(first_sequence),
            rejects: RejectCounters::default(),
        }
    }

    /// Returns the keys.
    pub fn keys(&self) -> &Arc<FleetKeys> {
        &self.keys
    }

    /// Returns the identity that signs.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns how many envelopes were refused so far, by reason.
    pub fn rejects(&self) -> &RejectCounters {
        &self.rejects
    }

    /// Returns the hash under which the fleet knows `tag`.
    pub fn tag_hash(&self, tag: Tag) -> TagHash {
        self.keys.tag_hash(tag)
    }

    /// Checks an envelope from outside, as far as that goes without its question and credential: size, form, fleet,
    /// clock and signature. For members that hold envelopes which they cannot open. Refusals are counted.
    pub fn inspect<'a>(
        &self,
        envelope: &'a [u8],
        now: Timestamp,
    ) -> Result<Envelope<'a>, Rejected> {
        let inspected = Envelope::parse(envelope).and_then(|envelope| {
            self.check_fleet_and_clock(&envelope, now)?;
            envelope.verify_signature()?;
            Ok(envelope)
        });
        inspected.inspect_err(|reason| self.rejects.count(*reason))
    }

    fn check_fleet_and_clock(
        &self,
        envelope: &Envelope<'_>,
        now: Timestamp,
    ) -> Result<(), Rejected> {
        if envelope.key_id() != self.keys.key_id() {
            return Err(Rejected::OtherFleet);
        }
        // The later of the two instants; that they are in order was checked with the lengths.
        if envelope.created_at() > now.saturating_add(MAX_CLOCK_SKEW) {
            return Err(Rejected::FutureDated);
        }
        Ok(())
    }

    fn seal_with(
        &self,
        question: &Question,
        credential: &Credential,
        entry: &Entry,
        readers: Readers,
        choices: Choices,
    ) -> Option<Sealed> {
        if !self.keys.is_fleet() {
            return None;
        }
        let canonical = question.canonical();
        // Peers will rebuild the URLs and refuse the entry where they cannot: then it need not travel.
        let mut headers = entry.headers.clone();
        steering::rebuild_urls(question, &mut headers).ok()?;
        let plain = payload::encode(&canonical, entry, &headers)?;
        let compressed = (choices.compress)(&plain);
        let content = compressed.as_ref().unwrap_or(&plain);

        let credential_key = credential
            .fingerprint()
            .map(|fingerprint| self.keys.credential_seal_key(fingerprint));
        // There is no narrower circle for what everybody may ask without a credential.
        let (seal_key, is_for_credential) = match (readers, &credential_key) {
            (Readers::Credential, Some(key)) => (key, true),
            (Readers::Fleet, _) | (Readers::Credential, None) => {
                (&self.keys.fleet_seal_key(), false)
            }
        };
        let message_key = seal_key.message_key(&choices.nonce);
        let tag_hashes = self.tag_hashes(&entry.tags);
        let fields = Fields {
            flags: Flags::new(compressed.is_some(), is_for_credential),
            key_id: self.keys.key_id(),
            audience: self.keys.audience(credential),
            wire_key: self.keys.wire_key_of_canonical(&canonical),
            possession: &[0; POSSESSION_LEN],
            body_id: &seal_key.keyed_body_id(entry.body_id()),
            tag_hashes: &tag_hashes,
            origin: self.identity.public_key(),
            sequence: choices.sequence,
            requested_at: entry.requested_at,
            // A clock stepped back between the two would make the envelope malformed.
            created_at: entry.received_at.max(entry.requested_at),
            // Receivers go by their own policy for the route, and `Cache-Control` travels with the entry.
            lifetime_s: 0,
            plain_len: plain.len(),
            nonce: &choices.nonce,
            commitment: &message_key.commitment,
            content_len: content.len() + AEAD_TAG_LEN,
        };
        let header_capacity = FIXED_HEADER_LEN + tag_hashes.as_flattened().len();
        let mut bytes =
            Vec::with_capacity(header_capacity + content.len() + AEAD_TAG_LEN + SIGNATURE_LEN);
        fields.write(&mut bytes)?;
        if let Some(key) = &credential_key {
            let possession = key.possession(&bytes);
            bytes[POSSESSION].copy_from_slice(&possession);
        }
        let header_len = bytes.len();
        bytes.extend_from_slice(content);
        encrypt(&message_key, &mut bytes, header_len)?;
        envelope::sign(&mut bytes, &self.identity);
        (bytes.len() <= MAX_ENVELOPE_BYTES).then(|| Sealed {
            envelope: Bytes::from(bytes),
            created_at: entry.requested_at,
        })
    }

    fn tag_hashes(&self, tags: &[Tag]) -> Vec<[u8; 8]> {
        tags.iter()
            .take(MAX_TAG_HASHES)
            .map(|tag| *self.keys.tag_hash(*tag).as_bytes())
            .collect()
    }

    /// Opens without counting. Checks come cheapest first.
    fn try_open(
        &self,
        envelope: &[u8],
        question: &Question,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<Entry, Rejected> {
        let envelope = Envelope::parse(envelope)?;
        self.check_fleet_and_clock(&envelope, now)?;
        let canonical = question.canonical();
        if envelope.wire_key() != self.keys.wire_key_of_canonical(&canonical) {
            return Err(Rejected::OtherQuestion);
        }
        if envelope.audience() != self.keys.audience(credential) {
            return Err(Rejected::NotForUs);
        }
        let credential_key = credential
            .fingerprint()
            .map(|fingerprint| self.keys.credential_seal_key(fingerprint));
        check_possession(&envelope, credential_key.as_ref())?;
        envelope.verify_signature()?;

        let seal_key = match credential_key {
            Some(key) if envelope.is_for_credential() => key,
            _ => self.keys.fleet_seal_key(),
        };
        let plain = Bytes::from(decrypt(&seal_key, &envelope)?);
        let opened = payload::decode(&plain, &canonical)?;
        let mut headers = opened.headers;
        steering::rebuild_urls(question, &mut headers)
            .map_err(|steering::Odd| Rejected::BadPayload)?;
        let claimed_tags = envelope.tag_hashes().map(|hash| *hash.as_bytes());
        if !claimed_tags.eq(self.tag_hashes(&opened.tags)) {
            // The label by which others invalidate it must be that of what is inside.
            return Err(Rejected::BadPayload);
        }
        let requested_at = envelope.requested_at().min(now);
        let received_at = envelope.created_at().min(now);
        let entry = Entry::new(
            opened.status,
            headers,
            opened.body,
            requested_at,
            received_at,
            Source::Peer,
        );
        if !is_equal(
            &seal_key.keyed_body_id(entry.body_id()),
            envelope.keyed_body_id(),
        ) {
            return Err(Rejected::WrongBody);
        }
        Ok(entry.with_tags(opened.tags))
    }
}

impl Sealer for FleetSealer {
    fn audience(&self, credential: &Credential) -> Audience {
        self.keys.audience(credential)
    }

    fn wire_key(&self, question: &Question) -> WireKey {
        self.keys.wire_key(question)
    }

    fn seal(
        &self,
        question: &Question,
        credential: &Credential,
        entry: &Entry,
        readers: Readers,
    ) -> Option<Sealed> {
        let sequence = self.next_sequence.fetch_add(1, Ordering::Relaxed);
        let choices = Choices {
            nonce: *random_bytes(),
            sequence,
            compress: compression::compress,
        };
        self.seal_with(question, credential, entry, readers, choices)
    }

    fn open(
        &self,
        envelope: &[u8],
        question: &Question,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<Entry, Rejected> {
        self.try_open(envelope, question, credential, now)
            .inspect_err(|reason| self.rejects.count(*reason))
    }
}

/// Checks that whoever made the envelope held the credential it is labelled with; zeros where there is none to hold.
fn check_possession(
    envelope: &Envelope<'_>,
    credential_key: Option<&SealKey>,
) -> Result<(), Rejected> {
    let expected =
        credential_key.map_or([0; POSSESSION_LEN], |key| key.possession(envelope.header()));
    if is_equal(&expected, envelope.possession()) {
        Ok(())
    } else {
        Err(Rejected::NoPossession)
    }
}

/// Encrypts everything behind the first `header_len` bytes, and appends the authentication tag.
fn encrypt(message_key: &MessageKey, envelope: &mut Vec<u8>, header_len: usize) -> Option<()> {
    let (header, content) = envelope.split_at_mut(header_len);
    let cipher = Aes256Gcm::new((&*message_key.key).into());
    let tag = cipher
        .encrypt_inout_detached(&Nonce::default(), header, content.into())
        .ok()?;
    envelope.extend_from_slice(&tag);
    Some(())
}

/// Returns the payload: commitment, cipher and decompression, in this order.
fn decrypt(seal_key: &SealKey, envelope: &Envelope<'_>) -> Result<Vec<u8>, Rejected> {
    let message_key = seal_key.message_key(envelope.nonce());
    if !is_equal(&message_key.commitment, envelope.commitment()) {
        return Err(Rejected::Forged);
    }
    let cipher = Aes256Gcm::new((&*message_key.key).into());
    let (content, tag) = envelope
        .ciphertext()
        .split_last_chunk::<AEAD_TAG_LEN>()
        .ok_or(Rejected::Malformed)?;
    let mut content = content.to_vec();
    cipher
        .decrypt_inout_detached(
            &Nonce::default(),
            envelope.header(),
            content.as_mut_slice().into(),
            tag.into(),
        )
        .map_err(|_| Rejected::Forged)?;
    if envelope.is_compressed() {
        compression::decompress(&content, envelope.plain_len())
    } else {
        Ok(content)
    }
}

/// Compares in constant time.
fn is_equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests;
