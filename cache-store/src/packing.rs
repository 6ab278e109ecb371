//! Packing: compression before sealing.
//!
//! A packed value says in its first byte how it was packed, so that old rows stay readable when the way changes:
//!
//! | byte | meaning |
//! | --- | --- |
//! | 0 | as it is |
//! | 1 | zstd |
//! | 2 | zstd with dictionary 1 |
//!
//! Then come the unpacked length (4 bytes, big-endian) and the data. The dictionary is trained on the shapes of
//! GitHub's answers (`data/train.py`): on short JSON it is most of what compression can do.

use std::cell::RefCell;
use std::sync::LazyLock;

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

/// Longest value that is packed or unpacked.
pub(crate) const MAX_LEN: usize = 64 * 1024 * 1024;

/// Beyond this length a dictionary changes nothing that could be measured.
const MAX_LEN_FOR_DICTIONARY: usize = 256 * 1024;

/// Values shorter than this are not worth a frame.
const MIN_LEN: usize = 32;

/// Level for what a dictionary helps: over level 3 it saves 8 % of disk, and it costs the time of the writer's thread,
/// where nobody waits.
const LEVEL: i32 = 6;

/// Level for long values, where time grows with the length.
const LEVEL_OF_LONG: i32 = 3;

static DICTIONARY_1: &[u8] = include_bytes!("../data/dictionary-1.zstd");
static ENCODER_1: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(DICTIONARY_1, LEVEL));
static DECODER_1: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(DICTIONARY_1));

const AS_IS: u8 = 0;
const ZSTD: u8 = 1;
const ZSTD_DICTIONARY_1: u8 = 2;

/// Length of what stands before the data.
const PREFIX_LEN: usize = 5;

thread_local! {
    // A zstd context is some 100 kB to set up; each thread that reads keeps its own.
    static DECOMPRESSOR_1: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Returns `plain` packed, or `None` when it is longer than [`MAX_LEN`].
pub(crate) fn pack(plain: &[u8]) -> Option<Vec<u8>> {
    if plain.len() > MAX_LEN {
        return None;
    }
    let (method, data) = if plain.len() < MIN_LEN {
        (AS_IS, None)
    } else if plain.len() <= MAX_LEN_FOR_DICTIONARY {
        (
            ZSTD_DICTIONARY_1,
            compressor_with_dictionary()
                .and_then(|mut zstd| zstd.compress(plain))
                .ok(),
        )
    } else {
        (ZSTD, zstd::bulk::compress(plain, LEVEL_OF_LONG).ok())
    };
    let (method, data) = match &data {
        Some(data) if data.len() < plain.len() => (method, data.as_slice()),
        _ => (AS_IS, plain),
    };
    let mut packed = Vec::with_capacity(PREFIX_LEN + data.len());
    packed.push(method);
    packed.extend_from_slice(&u32::try_from(plain.len()).ok()?.to_be_bytes());
    packed.extend_from_slice(data);
    Some(packed)
}

/// Returns what `packed` holds, or `None` when it is damaged, too long, or packed in a way unknown here.
pub(crate) fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let (&method, rest) = packed.split_first()?;
    let (len, data) = rest.split_first_chunk::<4>()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    if len > MAX_LEN {
        return None;
    }
    // zstd stops at the capacity given here, so a bomb takes no more than it announced.
    let plain = match method {
        AS_IS => data.to_vec(),
        ZSTD => zstd::bulk::decompress(data, len).ok()?,
        ZSTD_DICTIONARY_1 => DECOMPRESSOR_1.with_borrow_mut(|slot| {
            let zstd = match slot {
                Some(zstd) => zstd,
                None => slot.insert(Decompressor::with_prepared_dictionary(&DECODER_1).ok()?),
            };
            zstd.decompress(data, len).ok()
        })?,
        _ => return None,
    };
    (plain.len() == len).then_some(plain)
}

fn compressor_with_dictionary() -> std::io::Result<Compressor<'static>> {
    let mut zstd = Compressor::with_prepared_dictionary(&ENCODER_1)?;
    // The length stands in front already, the seal replaces the checksum, the first byte replaces the dictionary's id.
    zstd.include_contentsize(false)?;
    zstd.include_checksum(false)?;
    zstd.include_dictid(false)?;
    Ok(zstd)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn repository_json_packs_well_with_the_dictionary() {
        let json = br#"{"id":1,"node_id":"R_kgDOA","name":"tide","full_name":"moon/tide","private":false,"owner":{"login":"moon","id":7,"node_id":"MDQ6","avatar_url":"https://avatars.githubusercontent.com/u/7?v=4","gravatar_id":"","url":"https://api.github.com/users/moon","html_url":"https://github.com/moon","followers_url":"https://api.github.com/users/moon/followers"}}"#;
        let packed = pack(json).unwrap();
        assert_eq!(packed[0], ZSTD_DICTIONARY_1);
        assert!(
            packed.len() * 3 < json.len(),
            "{} of {}",
            packed.len(),
            json.len()
        );
        assert_eq!(unpack(&packed).unwrap(), json);
    }

    #[test]
    fn long_and_incompressible_values_come_back() {
        let long: Vec<u8> = (0..=MAX_LEN_FOR_DICTIONARY)
            .map(|i| u8::try_from(i % 7).unwrap())
            .collect();
        assert_eq!(pack(&long).unwrap()[0], ZSTD);
        assert_eq!(unpack(&pack(&long).unwrap()).unwrap(), long);
        let noise = *cache_core::BodyId::of(b"noise").as_digest();
        assert_eq!(pack(&noise).unwrap()[0], AS_IS);
        assert_eq!(unpack(&pack(&noise).unwrap()).unwrap(), noise);
    }

    #[test]
    fn announced_length_is_the_most_that_comes_out() {
        let mut bomb = pack(&vec![b'x'; 100_000]).unwrap();
        bomb[1..5].copy_from_slice(&100_u32.to_be_bytes());
        assert_eq!(unpack(&bomb), None);
        bomb[1..5].copy_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(unpack(&bomb), None);
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(plain in prop::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert_eq!(unpack(&pack(&plain).unwrap()).unwrap(), plain);
        }

        #[test]
        fn any_bytes_are_refused_or_unpacked_without_panic(packed in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpack(&packed);
        }
    }
}
