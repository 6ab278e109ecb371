//! Damaged files: entries may be lost, but no body is ever wrong.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use cache_core::port::Store;
use cache_store::{OpenError, SetAside, SqliteStore};

use crate::support::{
    TestClock, TestSealer, assert_same, body, config, entry, key, noise, open, run,
};

const N: usize = 60;

fn expected(n: usize) -> cache_core::Entry {
    // Some bodies are long enough for overflow pages.
    entry(if n.is_multiple_of(5) {
        noise(n, 9_000)
    } else {
        body(n)
    })
}

fn fill(dir: &Path) {
    let store = open(dir);
    run(async {
        for n in 0..N {
            store
                .insert(&key(n, 1), Arc::new(expected(n)))
                .await
                .unwrap();
        }
        store.flush().await.unwrap();
    });
}

/// Reads everything, and returns how many entries are there. Each must be what was stored.
#[track_caller]
fn check(store: &SqliteStore) -> usize {
    run(async {
        let mut n_found = 0;
        for n in 0..N {
            // While the database is replaced, reads may fail; they may not lie.
            if let Ok(Some(found)) = store.lookup(&key(n, 1)).await {
                assert_same(&found, &expected(n));
                n_found += 1;
            }
        }
        n_found
    })
}

/// A generator good enough to choose offsets (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }
}

#[test]
fn random_damage_never_gives_a_wrong_body() {
    let sound = tempfile::tempdir().unwrap();
    fill(sound.path());
    let bytes = fs::read(sound.path().join("responses.db")).unwrap();
    let len = u64::try_from(bytes.len()).unwrap();
    let mut n_lost = 0;
    for seed in 0..120 {
        let mut chance = Chance(seed);
        let mut damaged = bytes.clone();
        for _ in 0..=chance.below(40) {
            let at = usize::try_from(chance.below(len)).unwrap();
            damaged[at] = u8::try_from(chance.below(256)).unwrap();
        }
        if seed % 6 == 0 {
            damaged.truncate(usize::try_from(chance.below(len)).unwrap());
        }
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("responses.db"), &damaged).unwrap();
        let store = open(dir.path());
        n_lost += N - check(&store);
        // Whatever happened, it goes on working.
        run(async {
            store
                .insert(&key(1_000, 1), Arc::new(entry(body(1_000))))
                .await
                .unwrap();
            assert!(
                store.lookup(&key(1_000, 1)).await.unwrap().is_some(),
                "seed {seed}"
            );
            let _ = store.flush().await;
        });
        check(&store);
    }
    assert!(n_lost > 0, "the damage was none");
}

#[test]
fn damage_under_a_running_store_is_survived() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let store = open(dir.path());
    let file = OpenOptions::new()
        .write(true)
        .open(dir.path().join("responses.db"))
        .unwrap();
    let len = file.metadata().unwrap().len();
    for page in 1..len / 4096 {
        file.write_all_at(&[0xA5; 4096], page * 4096).unwrap();
    }
    assert_eq!(check(&store), 0);
    assert!(store.counters().n_damaged > 0);
    run(async {
        // Written once the damaged file was set aside.
        store
            .insert(&key(1, 1), Arc::new(expected(1)))
            .await
            .unwrap();
        store.flush().await.unwrap();
        assert_eq!(store.usage().await.unwrap().n_entries, 1);
    });
    assert_eq!(check(&store), 1);
    assert!(dir.path().join("responses.db.corrupt-1").exists());
}

#[test]
fn file_that_is_no_database_is_set_aside_and_two_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..4 {
        fs::write(
            dir.path().join("responses.db"),
            format!("no database, round {round}, ").repeat(300),
        )
        .unwrap();
        let store = open(dir.path());
        assert!(
            matches!(store.set_aside(), Some(SetAside::Damaged { .. })),
            "{:?}",
            store.set_aside()
        );
    }
    let count =
        |n: u32| fs::read_to_string(dir.path().join(format!("responses.db.corrupt-{n}"))).unwrap();
    assert!(count(1).contains("round 2") && count(2).contains("round 3"));
    assert!(!dir.path().join("responses.db.corrupt-3").exists());
}

#[test]
fn unusable_file_in_use_by_another_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path());
    run(first.flush()).unwrap();
    fs::write(
        dir.path().join("responses.db"),
        "no database ".repeat(1_000),
    )
    .unwrap();
    let second = SqliteStore::open(
        config(dir.path()),
        Arc::new(TestSealer("a key")),
        TestClock::new(),
    );
    assert!(matches!(second, Err(OpenError::InUse { .. })), "{second:?}");
}

#[test]
fn rows_of_another_key_are_dropped() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let other = SqliteStore::open(
        config(dir.path()),
        Arc::new(TestSealer("another key")),
        TestClock::new(),
    )
    .unwrap();
    assert_eq!(check(&other), 0);
    assert_eq!(run(other.usage()).unwrap().n_entries, 0);
}
