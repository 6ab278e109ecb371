//! Limits: entries, bytes, age, and the queue.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cache_core::port::Store;
use cache_store::StoreConfig;

use crate::support::{TestClock, body, config, entry, key, noise, open_with, run};

fn size_of(dir: &Path) -> u64 {
    std::fs::read_dir(dir)
        .unwrap()
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum()
}

#[test]
fn entries_stay_within_their_limit_and_the_least_recently_used_go() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let store = open_with(
        StoreConfig {
            max_entries: 50,
            ..config(dir.path())
        },
        Arc::clone(&clock),
    );
    run(async {
        for n in 0..50 {
            store
                .insert(&key(n, 1), Arc::new(entry(body(n))))
                .await
                .unwrap();
        }
        store.flush().await.unwrap();
        clock.advance(Duration::from_mins(2));
        for n in 0..10 {
            assert!(store.lookup(&key(n, 1)).await.unwrap().is_some());
        }
        store.flush().await.unwrap();
        clock.advance(Duration::from_mins(2));
        for n in 50..90 {
            store
                .insert(&key(n, 1), Arc::new(entry(body(n))))
                .await
                .unwrap();
        }
        store.flush().await.unwrap();
        let usage = store.usage().await.unwrap();
        assert_eq!((usage.n_entries, usage.n_evicted), (50, 40));
        for n in (0..10).chain(50..90) {
            assert!(
                store.lookup(&key(n, 1)).await.unwrap().is_some(),
                "{n} was used lately"
            );
        }
    });
}

#[test]
fn bytes_on_disk_stay_within_their_limit_log_included() {
    let dir = tempfile::tempdir().unwrap();
    let max_bytes = 2 * 1024 * 1024;
    let store = open_with(
        StoreConfig {
            max_bytes,
            ..config(dir.path())
        },
        TestClock::new(),
    );
    run(async {
        for n in 0..600 {
            let body = noise(n, 500 + 37 * (n % 400));
            store
                .insert(&key(n, 1), Arc::new(entry(body)))
                .await
                .unwrap();
            if n % 20 == 19 {
                store.flush().await.unwrap();
                let size = size_of(dir.path());
                assert!(size <= max_bytes, "{size} bytes after {n} entries");
            }
        }
        let usage = store.usage().await.unwrap();
        assert!(usage.n_entries > 60 && usage.n_evicted > 100, "{usage:?}");
        assert!(usage.size_bytes <= max_bytes);
        assert!(store.lookup(&key(599, 1)).await.unwrap().is_some());
    });
}

#[test]
fn entry_too_long_for_the_allowance_is_refused_and_its_predecessor_goes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_with(
        StoreConfig {
            max_bytes: 1024 * 1024,
            ..config(dir.path())
        },
        TestClock::new(),
    );
    run(async {
        store
            .insert(&key(0, 1), Arc::new(entry(body(0))))
            .await
            .unwrap();
        store.flush().await.unwrap();
        store
            .insert(&key(0, 1), Arc::new(entry(noise(0, 500_000))))
            .await
            .unwrap();
        store.flush().await.unwrap();
        assert!(store.lookup(&key(0, 1)).await.unwrap().is_none());
    });
    assert_eq!(store.counters().n_refused, 1);
}

#[test]
fn entries_too_old_are_swept() {
    let dir = tempfile::tempdir().unwrap();
    let clock = TestClock::new();
    let store = open_with(
        StoreConfig {
            max_age: Duration::from_hours(24),
            ..config(dir.path())
        },
        Arc::clone(&clock),
    );
    run(async {
        store
            .insert(&key(0, 1), Arc::new(entry(body(0))))
            .await
            .unwrap();
        store.flush().await.unwrap();
        clock.advance(Duration::from_hours(25));
        store.flush().await.unwrap();
        assert_eq!(store.usage().await.unwrap().n_entries, 0);
    });
    assert_eq!(store.counters().n_expired, 1);
}

#[test]
fn full_queue_drops_inserts_and_loses_no_removal() {
    let dir = tempfile::tempdir().unwrap();
    // The writer gathers for an hour unless somebody waits, so the queue stays as it is.
    let limits = StoreConfig {
        max_queued: 4,
        linger: Duration::from_hours(1),
        ..config(dir.path())
    };
    let store = open_with(limits, TestClock::new());
    run(async {
        store
            .insert(&key(0, 1), Arc::new(entry(body(0))))
            .await
            .unwrap();
        store.flush().await.unwrap();
        for n in 1..40 {
            store
                .insert(&key(n, 1), Arc::new(entry(body(n))))
                .await
                .unwrap();
        }
        assert!(store.counters().n_dropped >= 35, "{:?}", store.counters());
        // No room: both wait for it, which has the writer gather no longer.
        let gone = key(0, 1);
        let (removed, flushed) = tokio::join!(store.remove(&gone), store.flush());
        removed.unwrap();
        flushed.unwrap();
        assert!(store.lookup(&key(0, 1)).await.unwrap().is_none());
        store.flush().await.unwrap();
        assert!(store.lookup(&key(0, 1)).await.unwrap().is_none());
    });
}
