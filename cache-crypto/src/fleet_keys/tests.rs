use http::header::HeaderName;
use http::{HeaderValue, Method};
use serde_json::Value;

use super::*;

/// Written by `tests/vectors/keys.py`, which shares no code with this crate.
const VECTORS: &str = include_str!("../../tests/vectors/keys.json");

#[test]
fn every_label_gives_the_key_of_the_second_implementation() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let credential = Credential::new(vectors["token"].as_str().unwrap().as_bytes(), Vec::new());
    let tag = Tag::of(vectors["tag"].as_str().unwrap());
    let question = question(&vectors["question"]);
    for case in vectors["cases"].as_array().unwrap() {
        let secret = case["secret"].as_str().unwrap();
        let keys = FleetKeys::from_secret(secret).unwrap();
        let subkey = |label: &str| case["subkeys"][label].as_str().unwrap().to_owned();
        assert_eq!(case["subkeys"].as_object().unwrap().len(), 7);
        assert_eq!(keys.key_id().to_string(), subkey("key-id")[..16]);
        assert_eq!(hex::encode(keys.noise_prologue()), subkey("noise-prologue"));
        assert_eq!(keys.topic_hex(), subkey("topic"));
        assert_eq!(hex::encode(keys.entry.as_slice()), subkey("entry"));
        assert_eq!(hex::encode(keys.wire_key.as_slice()), subkey("wire-key"));
        assert_eq!(hex::encode(keys.audience.as_slice()), subkey("audience"));
        assert_eq!(hex::encode(keys.tag.as_slice()), subkey("tag"));

        assert_eq!(
            hex::encode(keys.audience(&credential).as_bytes()),
            case["audience"]
        );
        assert_eq!(hex::encode(keys.tag_hash(tag).as_bytes()), case["tag_hash"]);
        assert_eq!(hex::encode(keys.wire_key(&question).0), case["wire_key"]);
    }
}

/// Reads a question as the vector scripts write it.
pub(crate) fn question(vector: &Value) -> Question {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let method: Method = text(&vector[0]).parse().unwrap();
    let mut builder = Question::builder(method, &text(&vector[1]), text(&vector[2]));
    for header in vector[3].as_array().unwrap() {
        let name: HeaderName = text(&header[0]).parse().unwrap();
        builder = builder.select(name, HeaderValue::from_str(&text(&header[1])).unwrap());
    }
    builder.build()
}

#[test]
fn secret_of_31_characters_is_refused_however_many_bytes_it_has() {
    let secret = "é".repeat(31);
    assert_eq!(secret.len(), 62);
    assert_eq!(
        FleetKeys::from_secret(&secret).unwrap_err(),
        KeyError::SecretTooShort { n_chars: 31 }
    );
    assert_eq!(
        KeyError::SecretTooShort { n_chars: 31 }.to_string(),
        "the fleet's secret has 31 characters, fewer than 32"
    );
}

#[test]
fn generated_secrets_are_long_enough_and_never_the_same() {
    let secret = generate_secret();
    assert!(secret.starts_with(SECRET_PREFIX));
    assert_eq!(secret.len(), SECRET_PREFIX.len() + 64);
    assert!(secret.chars().count() >= MIN_SECRET_CHARS);
    assert_ne!(*secret, *generate_secret());
}

#[test]
fn local_keys_are_no_fleets_and_tell_credentials_apart() {
    let keys = FleetKeys::local();
    assert!(!keys.is_fleet());
    let [one, other] = [b"one", b"two"].map(|token: &[u8; 3]| Credential::new(token, Vec::new()));
    assert_eq!(keys.audience(&one), keys.audience(&one));
    assert_ne!(keys.audience(&one), keys.audience(&other));
    assert_ne!(keys.audience(&one), FleetKeys::local().audience(&one));
    assert!(keys.audience(&Credential::anonymous()).is_anonymous());

    let [kept, again] = [(); 2].map(|()| FleetKeys::local_from_root(&[1; 32]));
    assert!(!kept.is_fleet());
    assert_eq!(kept.audience(&one), again.audience(&one));
}

#[test]
fn debug_shows_no_key() {
    let keys = FleetKeys::from_root(&Zeroizing::new([0xab; 32]), true);
    let shown = format!("{keys:?}");
    for key in [
        &keys.noise_prologue,
        &keys.topic,
        &keys.entry,
        &keys.wire_key,
        &keys.audience,
        &keys.tag,
    ] {
        assert!(!shown.contains(&hex::encode(&key[..4])), "{shown}");
        assert!(!shown.contains(&format!("{:?}", &key[..4])), "{shown}");
    }
}
