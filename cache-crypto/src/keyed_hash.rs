//! HMAC-SHA256 and HKDF-Expand, with the shapes used here.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// A 32-byte key, wiped on drop.
pub(crate) type Key = Zeroizing<[u8; 32]>;

/// Returns HMAC-SHA256 under `key` over the parts, one after the other.
pub(crate) fn hmac_sha256(key: &Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(&key[..]).expect("HMAC takes keys of every length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Returns the first `N` bytes of HMAC-SHA256 under `key` over the parts. `N` is at most 32.
pub(crate) fn hmac_prefix<const N: usize>(key: &Key, parts: &[&[u8]]) -> [u8; N] {
    const { assert!(N <= 32, "HMAC-SHA256 has 32 bytes") };
    let mut prefix = [0; N];
    prefix.copy_from_slice(&hmac_sha256(key, parts)[..N]);
    prefix
}

/// Returns HKDF-Expand (RFC 5869 §2.3) with SHA-256 of `key`, with the parts one after the other as info.
pub(crate) fn expand<const N: usize>(key: &Key, info: &[&[u8]]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 255 * 32, "HKDF-SHA256 gives 8,160 bytes at most") };
    let mut out = Zeroizing::new([0; N]);
    Hkdf::<Sha256>::from_prk(&key[..])
        .expect("32 bytes are enough for a SHA-256 pseudorandom key")
        .expand_multi_info(info, &mut out[..])
        .expect("the length was checked at compile time");
    out
}
