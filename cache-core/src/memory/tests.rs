use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;

use super::*;
use crate::{QuestionDigest, Source, Timestamp};

fn key(n: u8) -> CacheKey {
    CacheKey::from_parts(
        QuestionDigest::from_bytes([n; 32]),
        Audience::from_bytes([n % 3; 16]),
    )
}

fn entry(size: usize) -> Arc<Entry> {
    let now = Timestamp::EPOCH;
    let body = Bytes::from(vec![b'x'; size]);
    Arc::new(
        Entry::new(
            StatusCode::OK,
            HeaderMap::new(),
            body,
            now,
            now,
            Source::Origin,
        )
        .with_tags(Arc::new([
            Tag::of("all"),
            Tag::of(if size > 10 { "big" } else { "small" }),
        ])),
    )
}

fn present(memory: &Memory, keys: impl IntoIterator<Item = u8>) -> Vec<u8> {
    let table = memory.table.read();
    keys.into_iter()
        .filter(|n| table.index.contains_key(&key(*n)))
        .collect()
}

#[test]
fn a_visited_entry_outlives_those_that_nobody_asked_for() {
    let memory = Memory::new(3, u64::MAX);
    for n in 0..3 {
        memory.insert(key(n), entry(1));
    }
    memory.get(&key(0)).unwrap();
    memory.insert(key(3), entry(1));
    memory.insert(key(4), entry(1));
    assert_eq!(present(&memory, 0..5), [0, 3, 4]);
    assert_eq!(memory.evictions(), 2);
}

#[test]
fn a_scan_of_new_keys_does_not_drive_out_the_hot_one() {
    let memory = Memory::new(8, u64::MAX);
    memory.insert(key(0), entry(1));
    for n in 1..200 {
        memory.get(&key(0)).unwrap();
        memory.insert(key(n), entry(1));
    }
    assert_eq!(memory.len(), 8);
    assert!(memory.get(&key(0)).is_some());
}

#[test]
fn bytes_bound_the_table_as_well_as_entries() {
    let one = entry(1000).size_bytes();
    let memory = Memory::new(100, 3 * one);
    for n in 0..10 {
        memory.insert(key(n), entry(1000));
        assert!(memory.size_bytes() <= 3 * one);
    }
    assert_eq!(memory.len(), 3);
    memory.insert(key(0), entry(100_000));
    assert!(
        memory.get(&key(0)).is_none(),
        "an entry over the bound by itself is not kept"
    );
}

#[test]
fn entries_go_by_tag_by_audience_and_all_at_once() {
    let memory = Memory::new(100, u64::MAX);
    for n in 0..12 {
        memory.insert(key(n), entry(usize::from(n)));
    }
    assert_eq!(memory.remove_tagged(&[Tag::of("BIG")]), 1);
    assert_eq!(memory.remove_audience(Audience::from_bytes([1; 16])), 4);
    assert_eq!(memory.clear(), 7);
    assert_eq!((memory.len(), memory.size_bytes()), (0, 0));
}

#[derive(Clone, Debug)]
enum Op {
    Insert(u8, usize),
    Get(u8),
    Remove(u8),
}

proptest! {
    /// Without pressure the table is a map; with it, it holds a subset of that map and both bounds.
    #[test]
    fn the_table_is_a_bounded_map(
        ops in prop::collection::vec(prop_oneof![
            (0u8..40, 0usize..50).prop_map(|(n, size)| Op::Insert(n, size)),
            (0u8..40).prop_map(Op::Get),
            (0u8..40).prop_map(Op::Remove),
        ], 0..400),
        max_entries in 1usize..60,
    ) {
        let memory = Memory::new(max_entries, u64::MAX);
        let mut model = BTreeMap::new();
        for op in ops {
            match op {
                Op::Insert(n, size) => {
                    memory.insert(key(n), entry(size));
                    model.insert(n, size);
                }
                Op::Get(n) => {
                    let got = memory.get(&key(n)).map(|entry| entry.body().len());
                    if max_entries >= 40 {
                        prop_assert_eq!(got, model.get(&n).copied());
                    } else if got.is_some() {
                        prop_assert_eq!(got, model.get(&n).copied());
                    }
                }
                Op::Remove(n) => {
                    memory.remove(&key(n));
                    model.remove(&n);
                }
            }
            prop_assert!(memory.len() <= max_entries);
            let table = memory.table.read();
            let sum: u64 = table.slots.iter().flatten().map(|slot| slot.entry.size_bytes()).sum();
            prop_assert_eq!(sum, table.size_bytes);
        }
    }
}

fn key_of(question: u8, audience: u8) -> CacheKey {
    CacheKey::from_parts(
        QuestionDigest::from_bytes([question; 32]),
        Audience::from_bytes([audience; 16]),
    )
}

fn entry_at(instant: usize, status: StatusCode) -> Arc<Entry> {
    let at = Timestamp::from_millis(instant as u64);
    let (headers, body) = (HeaderMap::new(), Bytes::from(vec![0; instant % 7]));
    let entry = Entry::new(status, headers, body, at, at, Source::Origin);
    Arc::new(entry.with_tags([Tag::of(&(instant % 5).to_string())].into()))
}

#[derive(Clone, Debug)]
enum Change {
    Insert(u8, u8, bool),
    Remove(u8, u8),
    Audience(u8),
    Tag(u8),
    Clear,
}

proptest! {
    /// By its question is found exactly what is in the table, whatever was evicted and removed before.
    #[test]
    fn the_newest_for_a_question_is_that_of_all_there_are(
        changes in prop::collection::vec(prop_oneof![
            8 => (0u8..4, 0u8..6, any::<bool>()).prop_map(|(q, a, ok)| Change::Insert(q, a, ok)),
            3 => (0u8..4, 0u8..6).prop_map(|(q, a)| Change::Remove(q, a)),
            1 => (0u8..6).prop_map(Change::Audience),
            1 => (0u8..5).prop_map(Change::Tag),
            1 => Just(Change::Clear),
        ], 0..200),
        max_entries in 1usize..30,
    ) {
        let memory = Memory::new(max_entries, u64::MAX);
        for (n, change) in changes.into_iter().enumerate() {
            // Each its own, and not in the order of insertion: what comes from disk is older than what is there.
            let instant = n * 37 % 211;
            match change {
                Change::Insert(question, audience, ok) => {
                    let status = if ok { StatusCode::OK } else { StatusCode::NO_CONTENT };
                    memory.insert(key_of(question, audience), entry_at(instant, status));
                }
                Change::Remove(question, audience) => {
                    memory.remove(&key_of(question, audience));
                }
                Change::Audience(audience) => {
                    memory.remove_audience(Audience::from_bytes([audience; 16]));
                }
                Change::Tag(tag) => {
                    memory.remove_tagged(&[Tag::of(&tag.to_string())]);
                }
                Change::Clear => {
                    memory.clear();
                }
            }
            for (question, but) in (0..4).flat_map(|q| (0..6).map(move |a| (q, a))) {
                let found = memory
                    .newest_for(QuestionDigest::from_bytes([question; 32]), Audience::from_bytes([but; 16]))
                    .map(|entry| entry.requested_at);
                let table = memory.table.read();
                let expected = table
                    .index
                    .iter()
                    .filter(|(key, _)| {
                        key.question() == QuestionDigest::from_bytes([question; 32])
                            && key.audience() != Audience::from_bytes([but; 16])
                    })
                    .filter_map(|(_, at)| table.slots[*at].as_ref())
                    .filter(|slot| slot.entry.status == StatusCode::OK)
                    .map(|slot| slot.entry.requested_at)
                    .max();
                prop_assert_eq!(found, expected);
            }
            let table = memory.table.read();
            let n_questions = table.index.keys().map(CacheKey::question).collect::<std::collections::BTreeSet<_>>().len();
            prop_assert_eq!(table.questions.len(), n_questions);
        }
    }
}
