//! Where each field of an envelope's header lies, read and written by hand.

use std::ops::Range;

use cache_core::port::{Rejected, WireKey};
use cache_core::{Audience, Timestamp};

use super::MAX_TAG_HASHES;
use crate::{KeyId, PEER_ID_LEN, PublicKey};

const MAGIC: [u8; 3] = *b"GHM";
const VERSION: u8 = 1;
const SUITE_AES_256_GCM: u8 = 1;

pub(crate) const POSSESSION_LEN: usize = 16;
pub(crate) const TAG_HASH_LEN: usize = 8;
pub(crate) const NONCE_LEN: usize = 24;
pub(crate) const COMMITMENT_LEN: usize = 16;
pub(crate) const AEAD_TAG_LEN: usize = 16;

/// Length of a header without tag hashes.
pub(crate) const FIXED_HEADER_LEN: usize = 225;

/// Where the possession field lies: nothing before it has a varying length.
pub(crate) const POSSESSION: Range<usize> = 62..62 + POSSESSION_LEN;

/// The header's flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags(u8);

impl Flags {
    const COMPRESSED: u8 = 1 << 0;
    /// Sealed for the holders of one credential. Said, not tried: what opens under which key is never a guess.
    const FOR_CREDENTIAL: u8 = 1 << 2;

    pub(crate) fn new(is_compressed: bool, is_for_credential: bool) -> Self {
        Self(
            if is_compressed { Self::COMPRESSED } else { 0 }
                | if is_for_credential {
                    Self::FOR_CREDENTIAL
                } else {
                    0
                },
        )
    }

    /// Returns the flags, unless one is set that has no meaning here. Bit 1, tombstones, is not in use yet.
    fn from_byte(byte: u8) -> Option<Self> {
        (byte & !(Self::COMPRESSED | Self::FOR_CREDENTIAL) == 0).then_some(Self(byte))
    }

    pub(crate) fn is_compressed(self) -> bool {
        self.0 & Self::COMPRESSED != 0
    }

    pub(crate) fn is_for_credential(self) -> bool {
        self.0 & Self::FOR_CREDENTIAL != 0
    }
}

/// The header's fields in their order. What is long is borrowed.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    pub(crate) flags: Flags,
    pub(crate) key_id: KeyId,
    pub(crate) audience: Audience,
    pub(crate) wire_key: WireKey,
    pub(crate) possession: &'a [u8; POSSESSION_LEN],
    pub(crate) body_id: &'a [u8; 32],
    pub(crate) tag_hashes: &'a [[u8; TAG_HASH_LEN]],
    pub(crate) origin: PublicKey,
    pub(crate) sequence: u64,
    pub(crate) requested_at: Timestamp,
    pub(crate) created_at: Timestamp,
    pub(crate) lifetime_s: u32,
    pub(crate) plain_len: usize,
    pub(crate) nonce: &'a [u8; NONCE_LEN],
    pub(crate) commitment: &'a [u8; COMMITMENT_LEN],
    /// Length of the ciphertext with its tag.
    pub(crate) content_len: usize,
}

impl<'a> Fields<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Rejected> {
        if reader.array()? != &MAGIC {
            return Err(Rejected::Malformed);
        }
        if reader.byte()? != VERSION || reader.byte()? != SUITE_AES_256_GCM {
            return Err(Rejected::UnknownVersion);
        }
        let flags = Flags::from_byte(reader.byte()?).ok_or(Rejected::UnknownVersion)?;
        let fields = Self {
            flags,
            key_id: KeyId::from_bytes(*reader.array()?),
            audience: Audience::from_bytes(*reader.array()?),
            wire_key: WireKey(*reader.array()?),
            possession: reader.array()?,
            body_id: reader.array()?,
            tag_hashes: reader.tag_hashes()?,
            origin: PublicKey::from_peer_id_bytes(reader.array::<PEER_ID_LEN>()?)
                .ok_or(Rejected::Malformed)?,
            sequence: reader.u64()?,
            requested_at: Timestamp::from_millis(reader.u64()?),
            created_at: Timestamp::from_millis(reader.u64()?),
            lifetime_s: reader.u32()?,
            plain_len: reader.len()?,
            nonce: reader.array()?,
            commitment: reader.array()?,
            content_len: reader.len()?,
        };
        if fields.requested_at > fields.created_at {
            return Err(Rejected::Malformed);
        }
        Ok(fields)
    }

    /// Appends the header to `out`. `None` when a length does not fit its field.
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Option<()> {
        let n_tag_hashes = u8::try_from(self.tag_hashes.len()).ok()?;
        let plain_len = u32::try_from(self.plain_len).ok()?;
        let content_len = u32::try_from(self.content_len).ok()?;
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[VERSION, SUITE_AES_256_GCM, self.flags.0]);
        out.extend_from_slice(self.key_id.as_bytes());
        out.extend_from_slice(self.audience.as_bytes());
        out.extend_from_slice(&self.wire_key.0);
        out.extend_from_slice(self.possession);
        out.extend_from_slice(self.body_id);
        out.push(n_tag_hashes);
        out.extend_from_slice(self.tag_hashes.as_flattened());
        out.extend_from_slice(&self.origin.to_peer_id_bytes());
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.requested_at.as_millis().to_be_bytes());
        out.extend_from_slice(&self.created_at.as_millis().to_be_bytes());
        out.extend_from_slice(&self.lifetime_s.to_be_bytes());
        out.extend_from_slice(&plain_len.to_be_bytes());
        out.extend_from_slice(self.nonce);
        out.extend_from_slice(self.commitment);
        out.extend_from_slice(&content_len.to_be_bytes());
        Some(())
    }
}

/// Takes fields off the front of some bytes. Running out of them is [`Rejected::Malformed`].
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn remaining(&self) -> usize {
        self.0.len()
    }

    fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Rejected> {
        let (array, rest) = self.0.split_first_chunk().ok_or(Rejected::Malformed)?;
        self.0 = rest;
        Ok(array)
    }

    fn byte(&mut self) -> Result<u8, Rejected> {
        self.array().map(|[byte]| *byte)
    }

    fn u32(&mut self) -> Result<u32, Rejected> {
        self.array().copied().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, Rejected> {
        self.array().copied().map(u64::from_be_bytes)
    }

    fn len(&mut self) -> Result<usize, Rejected> {
        usize::try_from(self.u32()?).map_err(|_| Rejected::Malformed)
    }

    fn tag_hashes(&mut self) -> Result<&'a [[u8; TAG_HASH_LEN]], Rejected> {
        let n = usize::from(self.byte()?);
        if n > MAX_TAG_HASHES {
            return Err(Rejected::Malformed);
        }
        let (hashes, rest) = self
            .0
            .split_at_checked(n * TAG_HASH_LEN)
            .ok_or(Rejected::Malformed)?;
        self.0 = rest;
        Ok(hashes.as_chunks().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_has_the_documented_length_and_comes_back_as_written() {
        let fields = Fields {
            flags: Flags::new(true, true),
            key_id: KeyId::from_bytes([1; 8]),
            audience: Audience::from_bytes([2; 16]),
            wire_key: WireKey([3; 32]),
            possession: &[4; POSSESSION_LEN],
            body_id: &[5; 32],
            tag_hashes: &[[6; 8], [7; 8]],
            origin: crate::Identity::from_seed(&[8; 32]).public_key(),
            sequence: 9,
            requested_at: Timestamp::from_millis(10),
            created_at: Timestamp::from_millis(11),
            lifetime_s: 12,
            plain_len: 13,
            nonce: &[14; NONCE_LEN],
            commitment: &[15; COMMITMENT_LEN],
            content_len: 16,
        };
        let mut bytes = Vec::new();
        fields.write(&mut bytes).unwrap();
        assert_eq!(bytes.len(), FIXED_HEADER_LEN + 2 * TAG_HASH_LEN);
        assert_eq!(bytes[POSSESSION], [4; POSSESSION_LEN]);
        let mut again = Vec::new();
        let mut reader = Reader::new(&bytes);
        Fields::read(&mut reader)
            .unwrap()
            .write(&mut again)
            .unwrap();
        assert_eq!(again, bytes);
        assert_eq!(reader.remaining(), 0);
    }
}
