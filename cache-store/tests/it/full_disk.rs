//! Full disks: the store serves on, says so, and writes again when there is room.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use cache_core::Tag;
use cache_core::port::Store;
use cache_store::SqliteStore;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::child;
use crate::support::{body, entry, key, noise, open, run, tagged};

#[test]
fn full_disk_is_survived_and_what_was_removed_stays_away() {
    let dir = tempfile::tempdir().unwrap();
    // A limit on the size of files stands in for the disk: it needs no rights, and can be lifted.
    child::check("trap '' XFSZ;", "full-disk", dir.path());
}

#[test]
fn full_file_system_is_survived_and_what_was_removed_stays_away() {
    if !rustix::process::geteuid().is_root() {
        // Mounting takes root; the test above covers the same path for everybody.
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mount = "mount -t tmpfs -o size=1m,mode=700 none \"$CACHE_STORE_TEST_DIR\" &&";
    child::check_in_namespace(mount, "full-tmpfs", dir.path());
}

pub(crate) fn fill_and_free_by_limit(dir: &Path) {
    let unlimited = getrlimit(Resource::Fsize);
    let at_400_kib = Rlimit {
        current: Some(400 * 1024),
        maximum: unlimited.maximum,
    };
    let full = || setrlimit(Resource::Fsize, at_400_kib).unwrap();
    let free = || setrlimit(Resource::Fsize, unlimited).unwrap();
    fill_and_free(dir, full, free);
}

pub(crate) fn fill_and_free_tmpfs(dir: &Path) {
    let ballast = dir.join("ballast");
    let full = || fs::write(&ballast, vec![1; 600 * 1024]).unwrap();
    let free = || fs::remove_file(&ballast).unwrap();
    fill_and_free(dir, full, free);
}

fn fill_and_free(dir: &Path, full: impl Fn(), free: impl Fn()) {
    let store = open(dir);
    run(async {
        store
            .insert(&key(0, 1), Arc::new(tagged(body(0), &["gone"])))
            .await
            .unwrap();
        store
            .insert(&key(1, 1), Arc::new(entry(body(1))))
            .await
            .unwrap();
        store
            .insert(&key(3, 2), Arc::new(entry(body(3))))
            .await
            .unwrap();
        store.flush().await.unwrap();
        full();
        fill(&store).await;
        // Serves on.
        assert!(store.lookup(&key(1, 1)).await.unwrap().is_some());
        // A removal that cannot be written holds all the same.
        let removed = store.remove_tagged(Tag::of("gone")).await;
        assert!(
            store.lookup(&key(0, 1)).await.unwrap().is_none(),
            "{removed:?}"
        );
        let removed = store.remove_audience(key(3, 2).audience()).await;
        assert!(
            store.lookup(&key(3, 2)).await.unwrap().is_none(),
            "{removed:?}"
        );
        free();
        store
            .insert(&key(2, 1), Arc::new(entry(body(2))))
            .await
            .unwrap();
        store.flush().await.expect("there is room again");
        assert!(store.lookup(&key(0, 1)).await.unwrap().is_none());
        for n in [1, 2] {
            assert_eq!(
                store.lookup(&key(n, 1)).await.unwrap().unwrap().body(),
                &body(n)
            );
        }
    });
    assert_eq!(store.counters().n_damaged, 0);
    drop(store);
    let store = open(dir);
    assert_eq!(store.set_aside(), None);
    run(async {
        assert!(store.lookup(&key(0, 1)).await.unwrap().is_none());
        assert!(store.lookup(&key(2, 1)).await.unwrap().is_some());
        assert!(store.lookup(&key(3, 2)).await.unwrap().is_none());
    });
}

/// Writes until nothing more goes in.
async fn fill(store: &SqliteStore) {
    for n in 100..400 {
        store
            .insert(&key(n, 1), Arc::new(entry(noise(n, 20_000))))
            .await
            .unwrap();
        if store.flush().await.is_err() {
            assert!(store.counters().n_unwritten > 0);
            return;
        }
    }
    panic!("the disk never filled");
}
