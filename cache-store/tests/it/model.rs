//! The store against a `BTreeMap`.

use std::collections::BTreeMap;
use std::sync::Arc;

use cache_core::port::Store;
use cache_core::{Audience, CacheKey, Entry, Tag, Timestamp};
use cache_store::{SqliteStore, StoreConfig};
use http::StatusCode;
use proptest::prelude::*;

use crate::support::{
    TestClock, assert_same, body, config, entry, key, noise, open, open_with, question, run, tagged,
};

const TAGS: [&str; 3] = ["repo:a", "repo:b", "runs"];

#[derive(Clone, Debug)]
enum Step {
    Insert {
        key: CacheKey,
        body: usize,
        is_ok: bool,
        tags: Vec<usize>,
    },
    Remove(CacheKey),
    RemoveTagged(usize),
    RemoveAudience(u8),
    Clear,
    Flush,
    Reopen,
    Lookup(CacheKey),
    NewestFor(usize),
}

fn keys() -> impl Strategy<Value = CacheKey> {
    (0..4_usize, 1..4_u8).prop_map(|(n, audience)| key(n, audience))
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let insert = (
        keys(),
        0..5_usize,
        prop::bool::weighted(0.8),
        prop::collection::vec(0..TAGS.len(), 0..3),
    )
        .prop_map(|(key, body, is_ok, tags)| Step::Insert {
            key,
            body,
            is_ok,
            tags,
        });
    let step = prop_oneof![
        8 => insert,
        2 => keys().prop_map(Step::Remove),
        1 => (0..TAGS.len()).prop_map(Step::RemoveTagged),
        1 => (1..4_u8).prop_map(Step::RemoveAudience),
        1 => Just(Step::Clear),
        3 => Just(Step::Flush),
        1 => Just(Step::Reopen),
        4 => keys().prop_map(Step::Lookup),
        4 => (0..4_usize).prop_map(Step::NewestFor),
    ];
    prop::collection::vec(step, 1..40)
}

#[derive(Default)]
struct Model {
    entries: BTreeMap<CacheKey, Arc<Entry>>,
    /// Makes each instant different, so that there is one newest.
    n_steps: u64,
}

impl Model {
    fn drop_where(&mut self, goes: impl Fn(&CacheKey, &Entry) -> bool) -> u64 {
        let before = self.entries.len();
        self.entries.retain(|key, entry| !goes(key, entry));
        u64::try_from(before - self.entries.len()).unwrap()
    }
}

async fn follow(
    model: &mut Model,
    store: &mut SqliteStore,
    reopen: impl Fn() -> SqliteStore,
    step: Step,
) {
    model.n_steps += 1;
    match step {
        Step::Insert {
            key,
            body: n,
            is_ok,
            tags,
        } => {
            let names: Vec<&str> = tags.iter().map(|idx| TAGS[*idx]).collect();
            let mut entry = tagged(body(n), &names);
            entry.received_at = Timestamp::from_millis(crate::support::START + model.n_steps);
            if !is_ok {
                entry.status = StatusCode::NOT_FOUND;
            }
            let entry = Arc::new(entry);
            store.insert(&key, Arc::clone(&entry)).await.unwrap();
            model.entries.insert(key, entry);
        }
        Step::Remove(key) => {
            store.remove(&key).await.unwrap();
            model.entries.remove(&key);
        }
        Step::RemoveTagged(idx) => {
            let tag = Tag::of(TAGS[idx]);
            let n = model.drop_where(|_, entry| entry.tags.contains(&tag));
            assert_eq!(store.remove_tagged(tag).await.unwrap(), n);
        }
        Step::RemoveAudience(audience) => {
            let audience = Audience::from_bytes([audience; 16]);
            let n = model.drop_where(|key, _| key.audience() == audience);
            assert_eq!(store.remove_audience(audience).await.unwrap(), n);
        }
        Step::Clear => assert_eq!(store.clear().await.unwrap(), model.drop_where(|_, _| true)),
        Step::Flush => {
            store.flush().await.unwrap();
            assert_eq!(
                store.usage().await.unwrap().n_entries,
                u64::try_from(model.entries.len()).unwrap()
            );
        }
        Step::Reopen => {
            // The second one opens beside the first, which writes what is queued when it goes.
            store.flush().await.unwrap();
            *store = reopen();
        }
        Step::Lookup(key) => check(store, &key, model.entries.get(&key)).await,
        Step::NewestFor(n) => {
            let digest = question(n).digest();
            let of_question = model
                .entries
                .iter()
                .filter(|(key, _)| key.question() == digest);
            let newest = of_question
                .filter(|(_, entry)| entry.status == 200)
                .max_by_key(|(_, entry)| entry.received_at);
            let found = store.newest_for(digest).await.unwrap();
            assert_eq!(
                found.as_ref().map(|(key, _)| key),
                newest.map(|(key, _)| key)
            );
            if let (Some((_, found)), Some((_, newest))) = (found, newest) {
                assert_same(&found, newest);
            }
        }
    }
}

async fn check(store: &SqliteStore, key: &CacheKey, expected: Option<&Arc<Entry>>) {
    let found = store.lookup(key).await.unwrap();
    assert_eq!(found.is_some(), expected.is_some(), "{key:?}");
    if let (Some(found), Some(expected)) = (found, expected) {
        assert_same(&found, expected);
    }
}

fn behaves_as_a_map(steps: Vec<Step>, with: impl Fn(StoreConfig) -> StoreConfig) {
    let dir = tempfile::tempdir().unwrap();
    let reopen = || open_with(with(config(dir.path())), TestClock::new());
    let mut store = reopen();
    let mut model = Model::default();
    run(async {
        for step in steps {
            follow(&mut model, &mut store, reopen, step).await;
        }
        for (n, audience) in (0..4).flat_map(|n| (1..4).map(move |audience| (n, audience))) {
            let key = key(n, audience);
            check(&store, &key, model.entries.get(&key)).await;
        }
    });
    assert_eq!(
        store.counters(),
        cache_store::StoreCounters::default(),
        "nothing was lost on the way"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn store_behaves_as_a_map_does(steps in steps()) {
        behaves_as_a_map(steps, |config| config);
    }

    #[test]
    fn so_it_does_when_reads_have_threads_and_writes_are_not_gathered(steps in steps()) {
        behaves_as_a_map(steps, |config| StoreConfig { inline_reads: false, linger: std::time::Duration::ZERO, ..config });
    }
}

#[test]
fn newest_200_is_found_over_all_audiences_and_no_other_status() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    run(async {
        for (audience, at, status) in [(1, 10, 200), (2, 30, 200), (3, 50, 404)] {
            let mut entry = entry(body(0));
            entry.received_at = Timestamp::from_millis(at);
            entry.status = StatusCode::from_u16(status).unwrap();
            store
                .insert(&key(0, audience), Arc::new(entry))
                .await
                .unwrap();
        }
        for _ in 0..2 {
            let (found, _) = store
                .newest_for(question(0).digest())
                .await
                .unwrap()
                .unwrap();
            assert_eq!(found, key(0, 2));
            store.flush().await.unwrap();
        }
        assert!(
            store
                .newest_for(question(1).digest())
                .await
                .unwrap()
                .is_none()
        );
    });
}

#[test]
fn body_is_stored_once_for_an_audience_and_goes_with_its_last_entry() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let shared = noise(0, 300_000);
    run(async {
        for n in 0..4 {
            store
                .insert(&key(n, 1), Arc::new(entry(shared.clone())))
                .await
                .unwrap();
        }
        store.flush().await.unwrap();
        let one_copy = store.usage().await.unwrap().size_bytes;
        assert!(
            one_copy < 2 * 300_000 + 200_000,
            "{one_copy} bytes: a copy in the file, one in the log"
        );
        for n in 0..3 {
            store.remove(&key(n, 1)).await.unwrap();
        }
        store.flush().await.unwrap();
        assert_eq!(
            store.lookup(&key(3, 1)).await.unwrap().unwrap().body(),
            &shared
        );
        store.remove(&key(3, 1)).await.unwrap();
        assert_eq!(store.clear().await.unwrap(), 0);
    });
    drop(store);
    let size = dir.path().join("responses.db").metadata().unwrap().len();
    assert!(size < 100_000, "{size} bytes are left of it");
}

#[test]
fn a_refused_credential_takes_its_entries_along_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let refused = Audience::from_bytes([1; 16]);
    run(async {
        let store = open(dir.path());
        for (n, audience) in [(0, 1), (1, 1), (0, 2)] {
            store
                .insert(&key(n, audience), Arc::new(tagged(body(0), &["repo:a"])))
                .await
                .unwrap();
        }
        store.flush().await.unwrap();
        // One more that is still queued.
        store
            .insert(&key(2, 1), Arc::new(entry(body(2))))
            .await
            .unwrap();
        assert_eq!(store.remove_audience(refused).await.unwrap(), 3);
        drop(store);
        let store = open(dir.path());
        for n in 0..3 {
            assert!(store.lookup(&key(n, 1)).await.unwrap().is_none(), "{n}");
        }
        assert!(store.lookup(&key(0, 2)).await.unwrap().is_some());
        assert_eq!(store.remove_audience(refused).await.unwrap(), 0);
    });
}
