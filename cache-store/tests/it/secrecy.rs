//! Nothing readable on disk.

use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use cache_core::port::Store;
use cache_core::{Audience, BodyId, CacheKey, Question, Tag};
use http::{HeaderValue, Method};

use crate::support::{entry, open, run};

const CANARY: &str = "canary-7f3a";

#[test]
fn no_file_holds_a_key_a_path_a_header_or_a_body_in_any_form() {
    let dir = tempfile::tempdir().unwrap();
    let question = Question::builder(
        Method::GET,
        "canary-host.example",
        format!("/repos/{CANARY}/path"),
    )
    .build();
    let key = CacheKey::new(&question, Audience::from_bytes(*b"canary-audience-"));
    let body = Bytes::from(format!(
        "{CANARY} and nothing that a compressor would take apart"
    ));
    let mut stored = entry(body.clone()).with_tags([Tag::of(CANARY)].into());
    stored
        .headers
        .insert("x-canary", HeaderValue::from_static(CANARY));
    let store = open(dir.path());
    run(async {
        store.insert(&key, Arc::new(stored)).await.unwrap();
        store.flush().await.unwrap();
        assert!(store.lookup(&key).await.unwrap().is_some());
    });
    // Once while it is open, with the log, and once after.
    let mut files = read_all(dir.path());
    drop(store);
    files.extend(read_all(dir.path()));
    assert!(files.len() >= 5, "database, log, index, lock, database");

    let mut needles: Vec<Vec<u8>> = vec![
        CANARY.into(),
        "canary".into(),
        body[..12].to_vec(),
        question.digest().as_bytes()[..8].to_vec(),
        key.audience().as_bytes()[..8].to_vec(),
        Tag::of(CANARY).as_bytes()[..8].to_vec(),
        BodyId::of(&body).as_digest()[..8].to_vec(),
        BodyId::of(&body).to_string()[..20].into(),
    ];
    let hex: Vec<Vec<u8>> = needles
        .iter()
        .map(|needle| hex(needle).into_bytes())
        .collect();
    needles.extend(hex.iter().map(|hex| hex.to_ascii_uppercase()));
    needles.extend(hex);
    // "canary" at each of the three alignments of base64, edges cut off.
    needles.extend([&b"Y2FuYXJ5"[..], b"NhbmFye", b"jYW5hcn"].map(<[u8]>::to_vec));
    for (name, bytes) in &files {
        for needle in &needles {
            let is_there = bytes.windows(needle.len()).any(|window| window == needle);
            assert!(
                !is_there,
                "{name} holds {:?}",
                String::from_utf8_lossy(needle)
            );
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

fn read_all(dir: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let read = |path: std::path::PathBuf| (path.display().to_string(), fs::read(&path).unwrap());
    fs::read_dir(dir)
        .unwrap()
        .map(|file| read(file.unwrap().path()))
        .collect()
}
