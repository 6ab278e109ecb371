//! Databases of every released version, and of versions to come.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use cache_core::port::Store;
use cache_store::SetAside;

use crate::support::{assert_same, body, entry, key, open, question, run, tagged};

/// The released versions, each as a database that it wrote with [`write_fixture`].
const RELEASED: [&[u8]; 1] = [include_bytes!("../fixtures/v1.db")];

fn stored() -> Vec<(cache_core::CacheKey, cache_core::Entry)> {
    vec![
        (key(0, 1), tagged(body(0), &["repo:a", "repo:b"])),
        (key(0, 2), tagged(body(0), &["repo:a"])),
        (key(1, 1), entry(body(1))),
    ]
}

/// Writes what the fixture of the present version holds. For a release, run the task `fixture` of `child`, and keep
/// the `responses.db` that it writes.
pub(crate) fn write_fixture(dir: &Path) {
    let store = open(dir);
    run(async {
        for (key, entry) in stored() {
            store.insert(&key, Arc::new(entry)).await.unwrap();
        }
        store.flush().await.unwrap();
    });
}

#[test]
fn every_released_version_is_read() {
    for (idx, bytes) in RELEASED.iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("responses.db"), bytes).unwrap();
        let store = open(dir.path());
        assert_eq!(store.set_aside(), None, "version {}", idx + 1);
        run(async {
            for (key, expected) in stored() {
                assert_same(
                    &store.lookup(&key).await.unwrap().expect("it is there"),
                    &expected,
                );
            }
            assert!(
                store
                    .newest_for(question(0).digest())
                    .await
                    .unwrap()
                    .is_some()
            );
            assert_eq!(
                store
                    .remove_tagged(cache_core::Tag::of("repo:a"))
                    .await
                    .unwrap(),
                2
            );
        });
    }
}

#[test]
fn version_of_the_future_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    write_fixture(dir.path());
    let path = dir.path().join("responses.db");
    let mut bytes = fs::read(&path).unwrap();
    // The user version stands at offset 60 of the header (SQLite file format, 1.3).
    bytes[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    fs::write(&path, &bytes).unwrap();
    let store = open(dir.path());
    assert!(
        matches!(
            store.set_aside(),
            Some(SetAside::Newer { version: 9_999, .. })
        ),
        "{:?}",
        store.set_aside()
    );
    assert!(run(store.lookup(&key(0, 1))).unwrap().is_none());
    assert_eq!(
        fs::read(dir.path().join("responses.db.corrupt-1")).unwrap(),
        bytes
    );
}
