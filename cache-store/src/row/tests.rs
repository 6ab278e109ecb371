use proptest::prelude::*;

use super::*;

fn sample() -> (Audience, Entry) {
    let audience = Audience::from_bytes([7; 16]);
    let mut headers = HeaderMap::new();
    headers.insert("etag", HeaderValue::from_static("W/\"abc\""));
    headers.append("vary", HeaderValue::from_static("Accept"));
    headers.append("vary", HeaderValue::from_static("Authorization"));
    let (requested_at, received_at) = (
        Timestamp::from_millis(1_700_000_000_000),
        Timestamp::from_millis(1_700_000_000_120),
    );
    let body = Bytes::from_static(b"{}");
    let entry = Entry::new(
        StatusCode::OK,
        headers,
        body,
        requested_at,
        received_at,
        Source::Peer,
    )
    .with_tags([Tag::of("repo:octocat/hello-world"), Tag::of("repos")].into());
    (audience, entry)
}

/// The sample in version 1, as it was first released.
const SAMPLE_V1: &str = "0107070707070707070707070707070707\
    44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a00000002\
    00c8010000018bcfe568000000018bcfe56878\
    0002bac895884e5d09eae6acf8f3cd3e483e515c3f7b433c0b6a6ce3a2450090b3cd\
    000304657461670007572f2261626322047661727900064163636570740476617279000d417574686f72697a6174696f6e";

#[test]
fn head_comes_back_with_every_field() {
    let (audience, entry) = sample();
    let head = decode(&encode(audience, &entry).unwrap()).unwrap();
    assert_eq!(head.audience, audience);
    let back = head.into_entry(b"{}".to_vec()).unwrap();
    assert_eq!(back.status, entry.status);
    assert_eq!(back.headers, entry.headers);
    assert_eq!(
        (back.requested_at, back.received_at),
        (entry.requested_at, entry.received_at)
    );
    assert_eq!(back.source, entry.source);
    assert_eq!(back.tags, entry.tags);
    assert_eq!(back.body(), entry.body());
}

#[test]
fn another_body_makes_no_entry() {
    let (audience, entry) = sample();
    let head = decode(&encode(audience, &entry).unwrap()).unwrap();
    assert!(head.clone().into_entry(b"[]".to_vec()).is_none());
    assert!(head.into_entry(b"{} ".to_vec()).is_none());
}

#[test]
fn released_encoding_does_not_change() {
    let (audience, entry) = sample();
    let hex = encode(audience, &entry)
        .unwrap()
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    assert_eq!(hex, SAMPLE_V1);
}

#[test]
fn every_cut_and_every_surplus_is_refused() {
    let (audience, entry) = sample();
    let bytes = encode(audience, &entry).unwrap();
    for len in 0..bytes.len() {
        assert!(decode(&bytes[..len]).is_none(), "cut to {len}");
    }
    assert!(decode(&[bytes.as_slice(), &[0]].concat()).is_none());
}

#[test]
fn unknown_version_is_refused() {
    let (audience, entry) = sample();
    let mut bytes = encode(audience, &entry).unwrap();
    bytes[0] = 2;
    assert!(decode(&bytes).is_none());
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_decoded_without_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode(&bytes);
        if let Some(first) = bytes.first_mut() {
            *first = VERSION;
        }
        let _ = decode(&bytes);
    }

    #[test]
    fn a_changed_byte_never_panics(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let (audience, entry) = sample();
        let mut bytes = encode(audience, &entry).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = to;
        let _ = decode(&bytes);
    }
}
