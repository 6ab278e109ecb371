//! Envelopes that somebody meddled with, and those that a bad member makes.

use super::*;

/// How a bad member, who has the fleet's secret and signs with its own identity, deviates from the protocol.
struct Forgery<'a> {
    /// The payload, before compression. By default the one an honest member would send.
    plain: Option<Vec<u8>>,
    /// What is encrypted, instead of the payload.
    content: Option<Vec<u8>>,
    fields: Box<dyn Fn(&mut Fields<'_>) + 'a>,
    /// Whether it holds the token, and can prove it.
    holds_token: bool,
}

impl Default for Forgery<'_> {
    fn default() -> Self {
        Self {
            plain: None,
            content: None,
            fields: Box::new(|_| ()),
            holds_token: true,
        }
    }
}

impl Forgery<'_> {
    fn seal(self, sealer: &FleetSealer) -> Vec<u8> {
        let entry = entry("body");
        let credential = credential("a");
        let key = sealer
            .keys
            .credential_seal_key(credential.fingerprint().unwrap());
        let seal_key = sealer.keys.fleet_seal_key();
        let canonical = question().canonical();
        let plain = self
            .plain
            .unwrap_or_else(|| payload::encode(&canonical, &entry, &entry.headers).unwrap());
        let content = self.content.as_ref().unwrap_or(&plain);
        let nonce = random_bytes();
        let message_key = seal_key.message_key(&nonce);
        let mut fields = Fields {
            flags: Flags::new(self.content.is_some(), false),
            key_id: sealer.keys.key_id(),
            audience: sealer.audience(&credential),
            wire_key: sealer.wire_key(&question()),
            possession: &[0; POSSESSION_LEN],
            body_id: &seal_key.keyed_body_id(entry.body_id()),
            tag_hashes: &sealer.tag_hashes(&entry.tags),
            origin: sealer.identity.public_key(),
            sequence: 1,
            requested_at: NOW,
            created_at: NOW,
            lifetime_s: 0,
            plain_len: plain.len(),
            nonce: &nonce,
            commitment: &message_key.commitment,
            content_len: content.len() + AEAD_TAG_LEN,
        };
        (self.fields)(&mut fields);
        let mut bytes = Vec::new();
        fields.write(&mut bytes).unwrap();
        if self.holds_token {
            let possession = key.possession(&bytes);
            bytes[POSSESSION].copy_from_slice(&possession);
        }
        let header_len = bytes.len();
        bytes.extend_from_slice(content);
        encrypt(&message_key, &mut bytes, header_len).unwrap();
        envelope::sign(&mut bytes, &sealer.identity);
        bytes
    }
}

fn open(sealer: &FleetSealer, envelope: &[u8]) -> Result<Entry, Rejected> {
    sealer.open(envelope, &question(), &credential("a"), NOW)
}

#[track_caller]
fn check_refused(forgery: Forgery<'_>, reason: Rejected) {
    let sealer = sealer_in_fleet(1);
    let envelope = forgery.seal(&sealer);
    assert_eq!(open(&sealer, &envelope).unwrap_err(), reason);
}

fn with_fields<'a>(change: impl Fn(&mut Fields<'_>) + 'a) -> Forgery<'a> {
    Forgery {
        fields: Box::new(change),
        ..Forgery::default()
    }
}

#[test]
fn forgery_that_deviates_in_nothing_opens() {
    let sealer = sealer_in_fleet(1);
    assert_eq!(
        open(&sealer, &Forgery::default().seal(&sealer))
            .unwrap()
            .body(),
        "body"
    );
}

#[test]
fn every_byte_that_is_flipped_spoils_the_envelope() {
    let sealer = sealer_in_fleet(1);
    for readers in [Readers::Fleet, Readers::Credential] {
        let envelope = sealer
            .seal(&question(), &credential("a"), &entry("body"), readers)
            .unwrap()
            .envelope;
        for at in 0..envelope.len() {
            for flip in [0x01, 0x80] {
                let mut flipped = envelope.to_vec();
                flipped[at] ^= flip;
                assert!(open(&sealer, &flipped).is_err(), "byte {at}");
            }
        }
    }
}

/// The signature covers the header, so flipping alone would not show that the cipher does too.
#[test]
fn every_header_byte_that_is_flipped_and_signed_anew_spoils_the_envelope() {
    let sealer = sealer_in_fleet(1);
    let envelope = sealer
        .seal(
            &question(),
            &credential("a"),
            &entry("body"),
            Readers::Fleet,
        )
        .unwrap()
        .envelope;
    let header_len = Envelope::parse(&envelope).unwrap().header().len();
    let key = sealer
        .keys
        .credential_seal_key(credential("a").fingerprint().unwrap());
    for at in 0..header_len {
        let mut flipped = envelope[..envelope.len() - SIGNATURE_LEN].to_vec();
        flipped[at] ^= 1;
        if !POSSESSION.contains(&at) {
            let possession = key.possession(&flipped[..header_len]);
            flipped[POSSESSION].copy_from_slice(&possession);
        }
        crate::envelope::sign(&mut flipped, &sealer.identity);
        assert!(open(&sealer, &flipped).is_err(), "byte {at}");
    }
}

#[test]
fn cut_and_lengthened_envelopes_are_malformed_at_every_length() {
    let sealer = sealer_in_fleet(1);
    let envelope = sealer
        .seal(
            &question(),
            &credential("a"),
            &entry("body"),
            Readers::Fleet,
        )
        .unwrap()
        .envelope;
    for len in 0..envelope.len() {
        assert_eq!(
            open(&sealer, &envelope[..len]).unwrap_err(),
            Rejected::Malformed,
            "{len} bytes"
        );
    }
    for more in [1, 8, 64, 1000] {
        let longer = [&envelope[..], &vec![0; more]].concat();
        assert_eq!(
            open(&sealer, &longer).unwrap_err(),
            Rejected::Malformed,
            "{more} bytes more"
        );
    }
}

#[test]
fn envelope_over_the_limit_is_too_large_before_anything_is_read() {
    let sealer = sealer_in_fleet(1);
    assert_eq!(
        open(&sealer, &vec![0; MAX_ENVELOPE_BYTES + 1]).unwrap_err(),
        Rejected::TooLarge
    );
    assert_eq!(
        open(&sealer, &vec![0; MAX_ENVELOPE_BYTES]).unwrap_err(),
        Rejected::Malformed
    );
}

#[test]
fn unknown_versions_suites_and_flags_are_told_from_damage() {
    let sealer = sealer_in_fleet(1);
    let envelope = Forgery::default().seal(&sealer);
    for (at, byte) in [
        (3, 0),
        (3, 2),
        (4, 0),
        (4, 2),
        (5, 0b10),
        (5, 0b1000),
        (5, 0x80),
    ] {
        let mut envelope = envelope.clone();
        envelope[at] = byte;
        assert_eq!(
            open(&sealer, &envelope).unwrap_err(),
            Rejected::UnknownVersion,
            "{byte} at {at}"
        );
    }
}

#[test]
fn lengths_and_instants_that_contradict_each_other_are_malformed() {
    for change in [
        |fields: &mut Fields<'_>| fields.plain_len += 1,
        |fields: &mut Fields<'_>| fields.content_len += 1,
        |fields: &mut Fields<'_>| fields.content_len = 15,
        |fields: &mut Fields<'_>| {
            fields.requested_at = fields.created_at.saturating_add(Duration::from_millis(1));
        },
        |fields: &mut Fields<'_>| fields.tag_hashes = &[[0; 8]; 9],
        |fields: &mut Fields<'_>| {
            fields.flags = Flags::new(false, true);
            fields.audience = Audience::ANONYMOUS;
        },
    ] {
        check_refused(with_fields(change), Rejected::Malformed);
    }
}

#[test]
fn origin_that_is_no_ed25519_peer_id_is_malformed() {
    let sealer = sealer_in_fleet(1);
    let mut envelope = Forgery::default().seal(&sealer);
    let at = envelope
        .windows(6)
        .position(|bytes| bytes == [0x00, 0x24, 0x08, 0x01, 0x12, 0x20])
        .unwrap();
    envelope[at + 3] = 2;
    assert_eq!(open(&sealer, &envelope).unwrap_err(), Rejected::Malformed);
}

#[test]
fn envelope_for_another_question_is_refused_by_its_label_and_by_its_content() {
    check_refused(
        with_fields(|fields| fields.wire_key = WireKey([0; 32])),
        Rejected::OtherQuestion,
    );
    let other = Question::builder(Method::GET, "api.github.com", "/repos/o/other").build();
    let plain = payload::encode(&other.canonical(), &entry("body"), &HeaderMap::new());
    check_refused(
        Forgery {
            plain,
            ..Forgery::default()
        },
        Rejected::OtherQuestion,
    );
}

#[test]
fn either_instant_in_the_future_is_refused() {
    let future = NOW.saturating_add(MAX_CLOCK_SKEW + Duration::from_millis(1));
    check_refused(
        with_fields(move |fields| fields.created_at = future),
        Rejected::FutureDated,
    );
    let change = move |fields: &mut Fields<'_>| {
        fields.requested_at = Timestamp::from_millis(u64::MAX);
        fields.created_at = Timestamp::from_millis(u64::MAX);
    };
    check_refused(with_fields(change), Rejected::FutureDated);
}

#[test]
fn member_without_the_token_cannot_label_an_envelope_with_its_audience() {
    check_refused(
        Forgery {
            holds_token: false,
            ..Forgery::default()
        },
        Rejected::NoPossession,
    );
}

#[test]
fn proof_of_possession_cannot_be_moved_to_another_envelope() {
    let sealer = sealer_in_fleet(1);
    let honest = sealer
        .seal(
            &question(),
            &credential("a"),
            &entry("body"),
            Readers::Fleet,
        )
        .unwrap()
        .envelope;
    let liar = sealer_in_fleet(1);
    let mut forged = Forgery {
        holds_token: false,
        ..Forgery::default()
    }
    .seal(&liar);
    forged.truncate(forged.len() - SIGNATURE_LEN);
    forged[POSSESSION].copy_from_slice(&honest[POSSESSION]);
    crate::envelope::sign(&mut forged, &liar.identity);
    assert_eq!(open(&sealer, &forged).unwrap_err(), Rejected::NoPossession);
}

#[test]
fn anonymous_envelope_that_claims_possession_is_refused() {
    let change = |fields: &mut Fields<'_>| fields.audience = Audience::ANONYMOUS;
    let sealer = sealer_in_fleet(1);
    let envelope = with_fields(change).seal(&sealer);
    let opened = sealer.open(&envelope, &question(), &Credential::anonymous(), NOW);
    assert_eq!(opened.unwrap_err(), Rejected::NoPossession);
}

#[test]
fn signature_of_another_identity_is_refused() {
    let other = Identity::generate().public_key();
    check_refused(
        with_fields(move |fields| fields.origin = other),
        Rejected::BadSignature,
    );
    let sealer = sealer_in_fleet(1);
    let envelope = with_fields(move |fields| fields.origin = other).seal(&sealer);
    assert_eq!(
        sealer.inspect(&envelope, NOW).unwrap_err(),
        Rejected::BadSignature
    );
}

#[test]
fn ciphertext_under_another_key_is_refused() {
    check_refused(
        with_fields(|fields| fields.commitment = &[0; 16]),
        Rejected::Forged,
    );
    check_refused(
        with_fields(|fields| fields.nonce = &[0; NONCE_LEN]),
        Rejected::Forged,
    );
    check_refused(
        with_fields(|fields| fields.flags = Flags::new(false, true)),
        Rejected::Forged,
    );
}

#[test]
fn damaged_ciphertext_that_is_signed_is_refused() {
    let sealer = sealer_in_fleet(1);
    let mut envelope = Forgery::default().seal(&sealer);
    envelope.truncate(envelope.len() - SIGNATURE_LEN);
    *envelope.last_mut().unwrap() ^= 1;
    crate::envelope::sign(&mut envelope, &sealer.identity);
    assert_eq!(open(&sealer, &envelope).unwrap_err(), Rejected::Forged);
}

#[test]
fn content_that_is_no_entry_is_refused() {
    for plain in [
        Vec::new(),
        vec![0],
        vec![1],
        vec![1; 500],
        b"\x01not an entry".to_vec(),
    ] {
        check_refused(
            Forgery {
                plain: Some(plain),
                ..Forgery::default()
            },
            Rejected::BadPayload,
        );
    }
}

#[test]
fn links_that_lead_elsewhere_spoil_the_entry() {
    let mut headers = HeaderMap::new();
    headers.insert(
        LINK,
        HeaderValue::from_static("<https://evil.example/?page=3>; rel=\"next\""),
    );
    let plain = payload::encode(&question().canonical(), &entry("body"), &headers);
    check_refused(
        Forgery {
            plain,
            ..Forgery::default()
        },
        Rejected::BadPayload,
    );
}

#[test]
fn tag_hashes_that_are_not_those_of_the_content_are_refused() {
    check_refused(
        with_fields(|fields| fields.tag_hashes = &[]),
        Rejected::BadPayload,
    );
    check_refused(
        with_fields(|fields| fields.tag_hashes = &[[0; 8]; 2]),
        Rejected::BadPayload,
    );
    check_refused(
        with_fields(|fields| fields.tag_hashes = &fields.tag_hashes[..1]),
        Rejected::BadPayload,
    );
}

#[test]
fn body_that_is_not_the_announced_one_is_refused() {
    check_refused(
        with_fields(|fields| fields.body_id = &[0; 32]),
        Rejected::WrongBody,
    );
    let plain = payload::encode(&question().canonical(), &entry("bodY"), &HeaderMap::new());
    check_refused(
        Forgery {
            plain,
            ..Forgery::default()
        },
        Rejected::WrongBody,
    );
}

#[test]
fn bombs_are_refused_whatever_they_claim() {
    let frame = zstd::bulk::compress(&vec![0; 256 * 1024 * 1024], 1).unwrap();
    assert!(frame.len() < 64 * 1024);
    for claim in [
        0,
        1,
        4096,
        frame.len() * 100,
        frame.len() * 100 + 1,
        8 * 1024 * 1024,
        256 * 1024 * 1024,
    ] {
        let fields: Box<dyn Fn(&mut Fields<'_>)> = Box::new(move |fields| fields.plain_len = claim);
        check_refused(
            Forgery {
                content: Some(frame.clone()),
                fields,
                ..Forgery::default()
            },
            Rejected::Bomb,
        );
    }
    check_refused(
        with_fields(|fields| fields.plain_len = 8 * 1024 * 1024 + 1),
        Rejected::Bomb,
    );
}

#[test]
fn content_that_is_no_frame_is_refused() {
    check_refused(
        Forgery {
            content: Some(vec![7; 300]),
            ..Forgery::default()
        },
        Rejected::Bomb,
    );
}

#[test]
fn each_refusal_is_counted_under_its_reason() {
    let sealer = sealer_in_fleet(1);
    open(&sealer, b"").unwrap_err();
    open(
        &sealer,
        &with_fields(|fields| fields.wire_key = WireKey([0; 32])).seal(&sealer),
    )
    .unwrap_err();
    sealer
        .inspect(&vec![0; MAX_ENVELOPE_BYTES + 1], NOW)
        .unwrap_err();
    open(&sealer, &Forgery::default().seal(&sealer)).unwrap();
    let counted: Vec<_> = sealer
        .rejects()
        .snapshot()
        .filter(|(_, count)| *count > 0)
        .collect();
    assert_eq!(
        counted,
        [("too_large", 1), ("malformed", 1), ("other_question", 1)]
    );
}
