//! zstd within limits: 8,209 bytes can claim to be 256 MiB.

use cache_core::port::Rejected;
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::DParameter;

/// The most bytes that any content may have once decompressed.
pub(crate) const MAX_PLAIN_BYTES: usize = 8 * 1024 * 1024;

/// How many times its compressed size a content may have at most.
pub(crate) const MAX_RATIO: usize = 100;

/// Log2 of the largest window that a decoder allocates.
const MAX_WINDOW_LOG: u32 = 23;

/// Level 1: more costs more time than the network saves.
const LEVEL: i32 = 1;

/// Below this, a frame's own bytes eat what it saves.
const MIN_WORTHWHILE_BYTES: usize = 128;

/// Returns `plain` compressed, or `None` when that does not pay or would be refused as a bomb.
pub(crate) fn compress(plain: &[u8]) -> Option<Vec<u8>> {
    if plain.len() < MIN_WORTHWHILE_BYTES {
        return None;
    }
    let compressed = Compressor::new(LEVEL).ok()?.compress(plain).ok()?;
    let pays = compressed.len() <= plain.len() - plain.len() / 16;
    (pays && is_within_limits(plain.len(), compressed.len())).then_some(compressed)
}

/// Tells whether so many compressed bytes may become so many.
pub(crate) fn is_within_limits(n_plain: usize, n_compressed: usize) -> bool {
    n_plain <= MAX_PLAIN_BYTES && n_plain <= n_compressed.saturating_mul(MAX_RATIO)
}

/// Returns the `n_plain` bytes that `compressed` holds. More, fewer or too many for its size: a bomb.
pub(crate) fn decompress(compressed: &[u8], n_plain: usize) -> Result<Vec<u8>, Rejected> {
    if !is_within_limits(n_plain, compressed.len()) {
        return Err(Rejected::Bomb);
    }
    let mut decoder = Decompressor::new().map_err(|_| Rejected::Bomb)?;
    decoder
        .set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG))
        .map_err(|_| Rejected::Bomb)?;
    // Exactly the claimed size and never more: the decoder writes into this and nowhere else, and fails when it is full.
    let mut plain = vec![0; n_plain];
    match decoder.decompress_to_buffer(compressed, &mut plain[..]) {
        Ok(n_written) if n_written == n_plain => Ok(plain),
        Ok(_) | Err(_) => Err(Rejected::Bomb),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet_keys::random_bytes;

    /// Returns the frame that a sender without our limits would make of so many zeros.
    fn bomb(n_plain: usize) -> Vec<u8> {
        zstd::bulk::compress(&vec![0; n_plain], LEVEL).unwrap()
    }

    #[test]
    fn frame_that_grows_past_what_it_claims_is_refused() {
        let frame = bomb(256 * 1024 * 1024);
        assert!(frame.len() < 64 * 1024, "{} bytes", frame.len());
        for claim in [
            1,
            100,
            frame.len() * MAX_RATIO,
            MAX_PLAIN_BYTES,
            256 * 1024 * 1024,
            usize::MAX,
        ] {
            assert_eq!(
                decompress(&frame, claim),
                Err(Rejected::Bomb),
                "claim {claim}"
            );
        }
    }

    #[test]
    fn bomb_without_a_stated_size_is_refused() {
        let mut frame = Vec::new();
        zstd::stream::copy_encode(
            std::io::Read::take(std::io::repeat(0), 64 * 1024 * 1024),
            &mut frame,
            LEVEL,
        )
        .unwrap();
        for claim in [1, frame.len() * MAX_RATIO] {
            assert_eq!(
                decompress(&frame, claim),
                Err(Rejected::Bomb),
                "claim {claim}"
            );
        }
    }

    #[test]
    fn bombs_that_hide_in_several_frames_are_refused() {
        let frames = [bomb(400), bomb(400), bomb(MAX_PLAIN_BYTES)].concat();
        assert_eq!(decompress(&frames, 800), Err(Rejected::Bomb));
    }

    #[test]
    fn content_shorter_than_claimed_is_refused() {
        let frame = bomb(1000);
        assert_eq!(decompress(&frame, 1001), Err(Rejected::Bomb));
        assert_eq!(decompress(&frame, 1000), Ok(vec![0; 1000]));
    }

    #[test]
    fn what_would_be_refused_as_a_bomb_is_not_compressed() {
        assert_eq!(compress(&vec![0; 100_000]), None);
    }

    #[test]
    fn small_and_random_contents_stay_as_they_are() {
        assert_eq!(compress(b"short"), None);
        assert_eq!(compress(&random_bytes::<4096>()[..]), None);
    }
}
