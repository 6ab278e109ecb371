//! Sealing at rest: rows on this machine's disk.
//!
//! The key is random and stays beside no database; it is not the fleet's, so that a rotated secret leaves the disk
//! readable. Rows are named by a keyed hash, and what they hold is sealed with AES-256-GCM under a key of its own for
//! each row written: `HKDF-Expand(key, "row" ‖ nonce, 32)` with 24 random bytes as nonce, so that no number of rows
//! wears the key out.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::fleet_keys::random_bytes;

const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;

/// The key that rows at rest are sealed with and named by. Wiped when it drops; never shown.
pub struct RowKey {
    seal: Zeroizing<[u8; 32]>,
    name: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for RowKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RowKey(redacted)")
    }
}

impl RowKey {
    /// Returns 32 random bytes to make a row key of, to be kept where only this node reads them.
    pub fn generate() -> Zeroizing<[u8; 32]> {
        Zeroizing::new(*random_bytes())
    }

    /// Returns the row key made of `key`.
    pub fn new(key: &[u8; 32]) -> Self {
        Self {
            seal: expand(key, &[b"disk-row"]),
            name: expand(key, &[b"disk-name"]),
        }
    }

    /// Returns `plain` sealed for the row `identity`: nonce, ciphertext, tag.
    pub fn seal(&self, identity: &[u8], plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = *random_bytes();
        let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + TAG_LEN);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let tag = self
            .cipher(&nonce)
            .encrypt_inout_detached(
                &Nonce::default(),
                identity,
                (&mut sealed[NONCE_LEN..]).into(),
            )
            .expect("a row is far shorter than the 64 GiB that AES-GCM takes");
        sealed.extend_from_slice(&tag);
        sealed
    }

    /// Returns what was sealed for the row `identity`, or `None`: another key, another row, or damage.
    pub fn open(&self, identity: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let (content, tag) = rest.split_last_chunk::<TAG_LEN>()?;
        let mut plain = content.to_vec();
        let opened = self.cipher(nonce).decrypt_inout_detached(
            &Nonce::default(),
            identity,
            plain.as_mut_slice().into(),
            &(*tag).into(),
        );
        opened.ok().map(|()| plain)
    }

    /// Returns the name of `what` on disk: the same in every process with this key, and nothing to anybody else.
    pub fn name(&self, what: &[u8]) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&*self.name)
            .expect("HMAC takes keys of any length");
        mac.update(what);
        mac.finalize().into_bytes().into()
    }

    fn cipher(&self, nonce: &[u8; NONCE_LEN]) -> Aes256Gcm {
        Aes256Gcm::new((&*expand(&self.seal, &[b"row", nonce])).into())
    }
}

fn expand(key: &[u8; 32], info: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::from_prk(key)
        .expect("a key of 32 bytes is long enough for HKDF-SHA256")
        .expand_multi_info(info, &mut *out)
        .expect("32 bytes are one block of HKDF-SHA256");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_opens_in_its_place_only_and_any_changed_byte_shuts_it() {
        let key = RowKey::new(&[7; 32]);
        let sealed = key.seal(b"row 1", b"plain");
        assert_eq!(key.open(b"row 1", &sealed).unwrap(), b"plain");
        assert_eq!(key.open(b"row 2", &sealed), None);
        assert_eq!(RowKey::new(&[8; 32]).open(b"row 1", &sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(key.open(b"row 1", &changed), None, "byte {at}");
            assert_eq!(key.open(b"row 1", &sealed[..at]), None, "cut at {at}");
        }
    }

    #[test]
    fn equal_rows_are_sealed_differently_and_named_alike() {
        let key = RowKey::new(&[7; 32]);
        assert_ne!(key.seal(b"r", b"same"), key.seal(b"r", b"same"));
        assert_eq!(key.name(b"x"), RowKey::new(&[7; 32]).name(b"x"));
        assert_ne!(key.name(b"x"), RowKey::new(&[8; 32]).name(b"x"));
    }
}
