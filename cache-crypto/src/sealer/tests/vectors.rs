//! Envelopes of version 1 made by another implementation. They must open for ever.

use http::HeaderName;
use serde_json::Value;

use super::*;

/// Written by `tests/vectors/envelope.py`, which shares no code with this crate.
const VECTORS: &str = include_str!("../../../tests/vectors/envelope-v1.json");

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn bytes<const N: usize>(value: &Value) -> [u8; N] {
    hex::decode(text(value)).unwrap().try_into().unwrap()
}

#[test]
fn envelopes_of_the_second_implementation_open_and_are_what_this_one_makes() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let keys = FleetKeys::from_secret(text(&vectors["secret"])).unwrap();
    let sealer = FleetSealer::new(
        Arc::new(keys),
        Identity::from_seed(&bytes(&vectors["seed"])),
        NOW,
    );
    let question = crate::fleet_keys::tests::question(&vectors["question"]);
    let instant = |name: &str| Timestamp::from_millis(vectors[name].as_u64().unwrap());
    let status =
        StatusCode::from_u16(vectors["status"].as_u64().unwrap().try_into().unwrap()).unwrap();
    let headers: HeaderMap = vectors["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            (
                text(&line[0]).parse::<HeaderName>().unwrap(),
                HeaderValue::from_str(text(&line[1])).unwrap(),
            )
        })
        .collect();
    let tags: Vec<_> = vectors["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| Tag::of(text(tag)))
        .collect();

    for case in vectors["cases"].as_array().unwrap() {
        let name = text(&case["name"]);
        let credential = case["token"]
            .as_str()
            .map_or_else(Credential::anonymous, credential);
        let is_for_credential = case["for_credential"].as_bool().unwrap();
        let n_tags = usize::try_from(case["n_tags"].as_u64().unwrap()).unwrap();
        let body = Bytes::from(text(&case["body"]).to_owned());
        let (requested_at, created_at) = (instant("requested_at"), instant("created_at"));
        let entry = Entry::new(
            status,
            headers.clone(),
            body,
            requested_at,
            created_at,
            Source::Origin,
        )
        .with_tags(tags[..n_tags].into());
        let envelope = hex::decode(text(&case["envelope"])).unwrap();

        let opened = sealer.open(&envelope, &question, &credential, created_at);
        check_same(
            &opened.unwrap_or_else(|reason| panic!("{name}: {reason}")),
            &entry,
        );
        assert_eq!(
            Envelope::parse(&envelope).unwrap().is_for_credential(),
            is_for_credential,
            "{name}"
        );

        // Compressors of other versions give other bytes; all else is fixed by the format.
        if !case["compressed"].as_bool().unwrap() {
            let readers = if is_for_credential {
                Readers::Credential
            } else {
                Readers::Fleet
            };
            let sequence = case["sequence"].as_u64().unwrap();
            let choices = Choices {
                nonce: bytes(&case["nonce"]),
                sequence,
                compress: |_| None,
            };
            let sealed = sealer.seal_with(&question, &credential, &entry, readers, choices);
            assert_eq!(
                hex::encode(sealed.unwrap().envelope),
                text(&case["envelope"]),
                "{name}"
            );
        }
    }
}
