use std::time::Duration;

use cache_core::{Source, Timestamp};
use http::header::ETAG;

use super::*;

const QUESTION: &[u8] = b"question";

fn entry(status: u16, headers: HeaderMap, body: &'static [u8]) -> Entry {
    let at = Timestamp::EPOCH.saturating_add(Duration::from_secs(1));
    let status = StatusCode::from_u16(status).unwrap();
    Entry::new(
        status,
        headers,
        Bytes::from_static(body),
        at,
        at,
        Source::Origin,
    )
}

fn encoded(status: u16, headers: &HeaderMap, body: &'static [u8]) -> Option<Vec<u8>> {
    encode(QUESTION, &entry(status, headers.clone(), body), headers)
}

fn sample() -> Vec<u8> {
    encoded(
        200,
        &HeaderMap::from_iter([(DATE, HeaderValue::from_static("today"))]),
        b"body",
    )
    .unwrap()
}

#[test]
fn body_is_a_slice_of_the_payload() {
    let payload = Bytes::from(sample());
    let opened = decode(&payload, QUESTION).unwrap();
    assert_eq!(opened.body, "body");
    assert!(payload.as_ptr_range().contains(&opened.body.as_ptr()));
}

#[test]
fn only_the_listed_headers_travel() {
    let mut headers = HeaderMap::new();
    for (number, name) in TRAVELING_HEADERS.iter().enumerate() {
        headers.append(name, HeaderValue::from(number));
    }
    headers.append(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let listed = headers.clone();
    headers.insert(ETAG, HeaderValue::from_static("\"tag\""));
    headers.insert("set-cookie", HeaderValue::from_static("a=b"));
    headers.insert("x-oauth-scopes", HeaderValue::from_static("repo"));
    headers.insert("x-ratelimit-remaining", HeaderValue::from_static("1"));
    headers.insert("x-github-request-id", HeaderValue::from_static("id"));
    let opened = decode(&Bytes::from(encoded(200, &headers, b"").unwrap()), QUESTION).unwrap();
    assert_eq!(opened.headers, listed);
}

#[test]
fn statuses_that_speak_of_one_caller_neither_leave_nor_enter() {
    for status in [100, 101, 206, 304, 401, 403, 429, 500, 502, 503] {
        assert_eq!(encoded(status, &HeaderMap::new(), b""), None, "{status}");
    }
    let payload = sample();
    let at = payload
        .windows(2)
        .position(|pair| pair == 200_u16.to_be_bytes())
        .unwrap();
    for status in [0, 99, 100, 304, 401, 403, 429, 503, 999, 1000, u16::MAX] {
        let mut payload = payload.clone();
        payload[at..at + 2].copy_from_slice(&u16::to_be_bytes(status));
        assert_eq!(
            decode(&payload.into(), QUESTION).unwrap_err(),
            Rejected::BadPayload,
            "{status}"
        );
    }
}

#[test]
fn payload_for_another_question_is_refused() {
    assert_eq!(
        decode(&sample().into(), b"questioN").unwrap_err(),
        Rejected::OtherQuestion
    );
}

#[test]
fn cut_or_lengthened_payload_is_refused() {
    let payload = sample();
    for len in 0..payload.len() {
        let cut = Bytes::copy_from_slice(&payload[..len]);
        assert_eq!(
            decode(&cut, QUESTION).unwrap_err(),
            Rejected::BadPayload,
            "{len} bytes"
        );
    }
    let longer = Bytes::from([&payload[..], &[0]].concat());
    assert_eq!(decode(&longer, QUESTION).unwrap_err(), Rejected::BadPayload);
}

#[test]
fn lengths_that_claim_the_address_space_are_refused() {
    for claim in [1 << 20, 1 << 40, u64::MAX / 16, u64::MAX - 7, u64::MAX] {
        let claim = claim.to_be_bytes();
        let question = [&8_u64.to_be_bytes(), QUESTION].concat();
        let none = 0_u64.to_be_bytes();
        for payload in [
            [&[VERSION], &claim[..]].concat(),
            [&[VERSION], &question[..], &claim].concat(),
            [&[VERSION], &question[..], &none, &[0, 200], &claim].concat(),
            [&[VERSION], &question[..], &none, &[0, 200], &none, &claim].concat(),
        ] {
            assert_eq!(
                decode(&payload.into(), QUESTION).unwrap_err(),
                Rejected::BadPayload
            );
        }
    }
}

#[test]
fn header_numbers_and_values_that_no_header_has_are_refused() {
    let payload = sample();
    let value_at = payload
        .windows(5)
        .position(|bytes| bytes == b"today")
        .unwrap();
    for (at, byte) in [
        (value_at - 9, 10),
        (value_at - 9, 255),
        (value_at, b'\n'),
        (value_at, 0),
        (value_at + 2, b'\r'),
    ] {
        let mut payload = payload.clone();
        payload[at] = byte;
        assert_eq!(
            decode(&payload.into(), QUESTION).unwrap_err(),
            Rejected::BadPayload,
            "{byte} at {at}"
        );
    }
}

#[test]
fn unknown_payload_version_is_refused() {
    let mut payload = sample();
    payload[0] = 2;
    assert_eq!(
        decode(&payload.into(), QUESTION).unwrap_err(),
        Rejected::BadPayload
    );
}

#[test]
fn entries_with_too_many_tags_or_headers_stay_at_home() {
    let tags: Arc<[Tag]> = (0..=MAX_TAGS).map(|n| Tag::of(&n.to_string())).collect();
    let entry = entry(200, HeaderMap::new(), b"").with_tags(tags);
    assert_eq!(encode(QUESTION, &entry, &entry.headers), None);

    let mut headers = HeaderMap::new();
    for n in 0..=MAX_HEADERS {
        headers.append(DATE, HeaderValue::from(n));
    }
    assert_eq!(encoded(200, &headers, b""), None);
}
