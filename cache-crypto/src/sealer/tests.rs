use http::header::{CONTENT_TYPE, ETAG, LINK};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::*;
use crate::keyed_hash::Key;

mod hostile;
mod vectors;

const MAX_BODY: usize = crate::MAX_BODY_BYTES;
const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Returns the sealer of a new node in the fleet of this number. Deriving keys from a secret would take too long here.
fn sealer_in_fleet(number: u8) -> FleetSealer {
    let keys = FleetKeys::from_root(&Key::new([number; 32]), true);
    FleetSealer::new(Arc::new(keys), Identity::generate(), NOW)
}

fn question() -> Question {
    Question::builder(Method::GET, "api.github.com", "/repos/o/r/issues?page=2").build()
}

fn credential(token: &str) -> Credential {
    Credential::new(token.as_bytes(), format!("Bearer {token}").into_bytes())
}

fn entry(body: impl Into<Bytes>) -> Entry {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ETAG, HeaderValue::from_static("\"of the sender\""));
    Entry::new(
        StatusCode::OK,
        headers,
        body.into(),
        NOW,
        NOW,
        Source::Origin,
    )
    .with_tags([Tag::of("one"), Tag::of("two")].into())
}

/// Returns a body that compresses about 4:1.
fn repetitive_body(len: usize) -> Vec<u8> {
    let objects = (0_u32..).flat_map(|n| {
        format!(
            "{{\"id\":{},\"state\":\"open\"}},",
            n.wrapping_mul(2_654_435_761)
        )
        .into_bytes()
    });
    objects.take(len).collect()
}

#[track_caller]
fn check_same(opened: &Entry, sent: &Entry) {
    assert_eq!(opened.body(), sent.body());
    assert_eq!(opened.status, sent.status);
    assert_eq!(opened.tags, sent.tags);
    assert_eq!(opened.requested_at, sent.requested_at);
    assert_eq!(opened.received_at, sent.received_at);
    assert_eq!(opened.source, Source::Peer);
    let mut expected = sent.headers.clone();
    expected.remove(ETAG);
    assert_eq!(opened.headers, expected);
}

#[test]
fn members_of_one_fleet_open_each_others_envelopes() {
    let [one, other] = [sealer_in_fleet(1), sealer_in_fleet(1)];
    for credential in [credential("a"), Credential::anonymous()] {
        for readers in [Readers::Fleet, Readers::Credential] {
            for body in [
                Vec::new(),
                b"{}".to_vec(),
                repetitive_body(4096),
                repetitive_body(MAX_BODY),
            ] {
                let entry = entry(body);
                let sealed = one.seal(&question(), &credential, &entry, readers).unwrap();
                assert_eq!(sealed.created_at, entry.requested_at);
                check_same(
                    &other
                        .open(&sealed.envelope, &question(), &credential, NOW)
                        .unwrap(),
                    &entry,
                );
                let seen = other.inspect(&sealed.envelope, NOW).unwrap();
                assert_eq!(seen.requested_at(), sealed.created_at);
                assert_eq!(seen.origin_peer_id(), one.identity().peer_id_bytes());
                assert_eq!(seen.lease_key().audience, one.audience(&credential));
                assert_eq!(seen.lease_key().wire_key, other.wire_key(&question()));
                assert_eq!(
                    seen.is_for_credential(),
                    readers == Readers::Credential && !credential.is_anonymous()
                );
                let hashes = entry.tags.iter().map(|tag| other.tag_hash(*tag));
                assert!(seen.tag_hashes().eq(hashes));
            }
        }
    }
}

#[test]
fn compressible_bodies_travel_compressed() {
    let sealed = sealer_in_fleet(1).seal(
        &question(),
        &credential("a"),
        &entry(repetitive_body(4096)),
        Readers::Fleet,
    );
    assert!(sealed.unwrap().envelope.len() < 2500);
}

#[test]
fn another_fleet_opens_nothing() {
    let entry = entry("body");
    for readers in [Readers::Fleet, Readers::Credential] {
        let sealed = sealer_in_fleet(1)
            .seal(&question(), &credential("a"), &entry, readers)
            .unwrap();
        let opened = sealer_in_fleet(2).open(&sealed.envelope, &question(), &credential("a"), NOW);
        assert_eq!(opened.unwrap_err(), Rejected::OtherFleet);
    }
}

#[test]
fn another_credential_opens_nothing_not_even_what_is_sealed_for_the_fleet() {
    let [one, other] = [sealer_in_fleet(1), sealer_in_fleet(1)];
    for readers in [Readers::Fleet, Readers::Credential] {
        let sealed = one
            .seal(&question(), &credential("a"), &entry("body"), readers)
            .unwrap();
        for credential in [credential("b"), Credential::anonymous()] {
            let opened = other.open(&sealed.envelope, &question(), &credential, NOW);
            assert_eq!(opened.unwrap_err(), Rejected::NotForUs);
        }
        let anonymous = one
            .seal(
                &question(),
                &Credential::anonymous(),
                &entry("body"),
                readers,
            )
            .unwrap();
        let opened = other.open(&anonymous.envelope, &question(), &credential("a"), NOW);
        assert_eq!(opened.unwrap_err(), Rejected::NotForUs);
    }
}

#[test]
fn fleet_secret_alone_decrypts_nothing_that_is_sealed_for_a_credential() {
    let sealer = sealer_in_fleet(1);
    let sealed = sealer
        .seal(
            &question(),
            &credential("a"),
            &entry("body"),
            Readers::Credential,
        )
        .unwrap();
    let envelope = Envelope::parse(&sealed.envelope).unwrap();
    let guessed = sealer
        .keys
        .credential_seal_key(credential("b").fingerprint().unwrap());
    for key in [sealer.keys.fleet_seal_key(), guessed] {
        assert_eq!(decrypt(&key, &envelope).unwrap_err(), Rejected::Forged);
    }
}

#[test]
fn node_without_a_fleet_seals_and_opens_nothing() {
    let local = FleetSealer::new(Arc::new(FleetKeys::local()), Identity::generate(), NOW);
    assert!(
        local
            .seal(
                &question(),
                &credential("a"),
                &entry("body"),
                Readers::Fleet
            )
            .is_none()
    );
    let sealed = sealer_in_fleet(1)
        .seal(
            &question(),
            &credential("a"),
            &entry("body"),
            Readers::Fleet,
        )
        .unwrap();
    let opened = local.open(&sealed.envelope, &question(), &credential("a"), NOW);
    assert_eq!(opened.unwrap_err(), Rejected::OtherFleet);
}

#[test]
fn what_may_not_leave_is_not_sealed() {
    let sealer = sealer_in_fleet(1);
    let seal = |entry: &Entry| sealer.seal(&question(), &credential("a"), entry, Readers::Fleet);
    assert!(seal(&entry(vec![0; MAX_BODY])).is_some());
    assert!(seal(&entry(vec![0; MAX_BODY + 1])).is_none());
    let mut refused = entry("body");
    refused.status = StatusCode::UNAUTHORIZED;
    assert!(seal(&refused).is_none());
    let mut steered = entry("body");
    steered.headers.insert(
        LINK,
        HeaderValue::from_static("<https://evil.example/?page=3>; rel=\"next\""),
    );
    assert!(seal(&steered).is_none());
}

#[test]
fn links_arrive_rebuilt_on_the_requested_path() {
    let sealer = sealer_in_fleet(1);
    let mut entry = entry("body");
    let real = "<https://api.github.com/repositories/1/issues?page=3>; rel=\"next\"";
    entry.headers.insert(LINK, HeaderValue::from_static(real));
    let sealed = sealer
        .seal(&question(), &credential("a"), &entry, Readers::Fleet)
        .unwrap();
    let opened = sealer
        .open(&sealed.envelope, &question(), &credential("a"), NOW)
        .unwrap();
    assert_eq!(
        opened.headers[LINK],
        "<https://api.github.com/repos/o/r/issues?page=3>; rel=\"next\""
    );
}

#[test]
fn clock_ahead_by_a_minute_is_taken_as_now_and_by_more_refused() {
    let sealer = sealer_in_fleet(1);
    let sealed = sealer
        .seal(
            &question(),
            &credential("a"),
            &entry("body"),
            Readers::Fleet,
        )
        .unwrap();
    let open = |now| sealer.open(&sealed.envelope, &question(), &credential("a"), now);
    let minute_ago = NOW.saturating_sub(MAX_CLOCK_SKEW);
    let opened = open(minute_ago).unwrap();
    assert_eq!(
        (opened.requested_at, opened.received_at),
        (minute_ago, minute_ago)
    );
    let earlier = minute_ago.saturating_sub(Duration::from_millis(1));
    assert_eq!(open(earlier).unwrap_err(), Rejected::FutureDated);
    assert_eq!(
        sealer.inspect(&sealed.envelope, earlier).unwrap_err(),
        Rejected::FutureDated
    );
    assert_eq!(
        open(NOW.saturating_add(Duration::from_secs(9999)))
            .unwrap()
            .requested_at,
        NOW
    );
}

#[test]
fn entry_whose_clock_stepped_back_still_travels() {
    let sealer = sealer_in_fleet(1);
    let mut entry = entry("body");
    entry.received_at = NOW.saturating_sub(Duration::from_secs(1));
    let sealed = sealer
        .seal(&question(), &credential("a"), &entry, Readers::Fleet)
        .unwrap();
    let opened = sealer
        .open(&sealed.envelope, &question(), &credential("a"), NOW)
        .unwrap();
    assert_eq!((opened.requested_at, opened.received_at), (NOW, NOW));
}

#[test]
fn sequence_grows_from_seal_to_seal_and_over_a_restart() {
    let sequence = |sealer: &FleetSealer| {
        let sealed = sealer
            .seal(
                &question(),
                &credential("a"),
                &entry("body"),
                Readers::Fleet,
            )
            .unwrap();
        Envelope::parse(&sealed.envelope).unwrap().sequence()
    };
    let sealer = sealer_in_fleet(1);
    let before: Vec<_> = (0..5).map(|_| sequence(&sealer)).collect();
    assert!(before.is_sorted_by(|a, b| a < b), "{before:?}");
    let restarted_at = NOW.saturating_add(Duration::from_millis(1));
    let restarted = FleetSealer::new(
        Arc::clone(&sealer.keys),
        Identity::from_seed(&sealer.identity.seed()),
        restarted_at,
    );
    assert!(sequence(&restarted) > before[4]);
}

#[test]
fn sealing_twice_gives_envelopes_with_nothing_secret_in_common() {
    let sealer = sealer_in_fleet(1);
    let [one, other] = [(); 2].map(|()| {
        sealer
            .seal(
                &question(),
                &credential("a"),
                &entry("body"),
                Readers::Fleet,
            )
            .unwrap()
            .envelope
    });
    let [one, other] = [
        Envelope::parse(&one).unwrap(),
        Envelope::parse(&other).unwrap(),
    ];
    assert_ne!(one.nonce(), other.nonce());
    assert_ne!(one.commitment(), other.commitment());
    assert_ne!(one.ciphertext(), other.ciphertext());
}

#[test]
fn envelope_shows_neither_token_nor_target_nor_body() {
    let sealed = sealer_in_fleet(1)
        .seal(
            &question(),
            &credential("canary-token"),
            &entry("canary-body"),
            Readers::Fleet,
        )
        .unwrap();
    for canary in [&b"canary"[..], b"repos", b"api.github", b"json"] {
        assert!(
            !sealed
                .envelope
                .windows(canary.len())
                .any(|window| window == canary)
        );
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    #[test]
    fn every_entry_comes_back_as_it_was(
        body in proptest::collection::vec(proptest::num::u8::ANY, 0..3000),
        target in "/[!-;=?-\\[\\]-~]{0,80}",
        status in proptest::sample::select(vec![200_u16, 204, 301, 404, 410]),
        tags in proptest::collection::vec(proptest::array::uniform16(proptest::num::u8::ANY), 0..12),
        token in proptest::option::of("[a-z]{1,40}"),
        n_requested in 0..1_u64 << 40,
        for_credential in proptest::bool::ANY,
    ) {
        let requested_at = Timestamp::from_millis(n_requested);
        let status = StatusCode::from_u16(status).unwrap();
        let entry = Entry::new(status, HeaderMap::new(), body.into(), requested_at, requested_at, Source::Origin)
            .with_tags(tags.into_iter().map(Tag::from_bytes).collect());
        let question = Question::builder(Method::GET, "api.github.com", target).build();
        let credential = token.map_or_else(Credential::anonymous, |token| credential(&token));
        let readers = if for_credential { Readers::Credential } else { Readers::Fleet };
        let sealed = sealer_in_fleet(1).seal(&question, &credential, &entry, readers).unwrap();
        check_same(&sealer_in_fleet(1).open(&sealed.envelope, &question, &credential, NOW).unwrap(), &entry);
    }

    #[test]
    fn bytes_of_strangers_are_refused_without_a_panic(
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..700),
        is_marked in proptest::bool::ANY,
    ) {
        let mut bytes = bytes;
        if is_marked && bytes.len() > 6 {
            bytes[..6].copy_from_slice(b"GHM\x01\x01\x00");
        }
        let opened = sealer_in_fleet(1).open(&bytes, &question(), &credential("a"), NOW);
        proptest::prop_assert!(opened.is_err());
    }
}
