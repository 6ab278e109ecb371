//! The memory tier: a map bounded by entries and bytes, evicting by SIEVE.
//!
//! SIEVE (Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024) keeps insertion order and one *visited* bit an entry. A
//! hit only sets the bit, so hits share a read lock and never move anything; the hand that evicts walks from the
//! oldest to the newest, clears the bits it meets and takes the first entry without one.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::iter::successors;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use http::StatusCode;
use parking_lot::RwLock;

use crate::{Audience, CacheKey, Entry, QuestionDigest, Tag};

/// Hashes keys that are hashes already: takes their bytes as they are.
///
/// Questions are SHA-256 digests; whoever wants two in one bucket has to find partial collisions of it.
#[derive(Default)]
pub(crate) struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Ok(bytes) = bytes.try_into() {
            self.0 = self.0.rotate_left(32) ^ u64::from_le_bytes(bytes);
        } else {
            for byte in bytes {
                self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
            }
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

pub(crate) type KeyMap<V> = HashMap<CacheKey, V, BuildHasherDefault<DigestHasher>>;
type QuestionMap<V> = HashMap<QuestionDigest, V, BuildHasherDefault<DigestHasher>>;

/// No neighbor.
const NONE: usize = usize::MAX;

#[derive(Debug)]
struct Slot {
    key: CacheKey,
    entry: Arc<Entry>,
    visited: AtomicBool,
    older: usize,
    newer: usize,
    /// The neighbors among the entries of one question.
    before: usize,
    after: usize,
}

#[derive(Debug)]
struct Table {
    index: KeyMap<usize>,
    /// The first entry of each question, whichever audience's; the others hang on it.
    questions: QuestionMap<usize>,
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
    oldest: usize,
    newest: usize,
    hand: usize,
    size_bytes: u64,
}

/// Entries in memory.
#[derive(Debug)]
pub(crate) struct Memory {
    max_entries: usize,
    max_bytes: u64,
    /// Guards the whole table; held for a look-up or an insertion, never across an await.
    table: RwLock<Table>,
    evictions: AtomicU64,
}

impl Memory {
    pub(crate) fn new(max_entries: usize, max_bytes: u64) -> Self {
        Self {
            max_entries,
            max_bytes,
            table: RwLock::new(Table::new()),
            evictions: AtomicU64::new(0),
        }
    }

    pub(crate) fn get(&self, key: &CacheKey) -> Option<Arc<Entry>> {
        let table = self.table.read();
        let slot = table.slots[*table.index.get(key)?].as_ref()?;
        // A plain load first: hot entries then share their cache line between cores.
        if !slot.visited.load(Relaxed) {
            slot.visited.store(true, Relaxed);
        }
        Some(Arc::clone(&slot.entry))
    }

    /// Returns the newest 200 that another audience than `but` holds for `question`: for proof of access only.
    ///
    /// It counts as no use of the entry.
    pub(crate) fn newest_for(&self, question: QuestionDigest, but: Audience) -> Option<Arc<Entry>> {
        let table = self.table.read();
        let first = table.questions.get(&question).copied();
        let of_question = successors(first, |at| {
            let slot = table.slots[*at].as_ref()?;
            (slot.after != NONE).then_some(slot.after)
        });
        of_question
            .filter_map(|at| table.slots[at].as_ref())
            .filter(|slot| slot.key.audience() != but && slot.entry.status == StatusCode::OK)
            .max_by_key(|slot| slot.entry.requested_at)
            .map(|slot| Arc::clone(&slot.entry))
    }

    /// Keeps `entry`, evicting others until both bounds hold. An entry over the byte bound by itself is not kept.
    pub(crate) fn insert(&self, key: CacheKey, entry: Arc<Entry>) {
        let size = entry.size_bytes();
        let mut table = self.table.write();
        table.remove(&key);
        if size > self.max_bytes || self.max_entries == 0 {
            return;
        }
        while table.index.len() >= self.max_entries || table.size_bytes + size > self.max_bytes {
            table.evict();
            self.evictions.fetch_add(1, Relaxed);
        }
        table.push(key, entry);
    }

    pub(crate) fn remove(&self, key: &CacheKey) -> bool {
        self.table.write().remove(key)
    }

    pub(crate) fn remove_audience(&self, audience: Audience) -> usize {
        self.remove_where(|slot| slot.key.audience() == audience)
    }

    pub(crate) fn remove_tagged(&self, tags: &[Tag]) -> usize {
        self.remove_where(|slot| slot.entry.tags.iter().any(|tag| tags.contains(tag)))
    }

    pub(crate) fn clear(&self) -> usize {
        self.remove_where(|_| true)
    }

    pub(crate) fn len(&self) -> usize {
        self.table.read().index.len()
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.table.read().size_bytes
    }

    pub(crate) fn evictions(&self) -> u64 {
        self.evictions.load(Relaxed)
    }

    fn remove_where(&self, spoiled: impl Fn(&Slot) -> bool) -> usize {
        let mut table = self.table.write();
        let keys: Vec<_> = table
            .slots
            .iter()
            .flatten()
            .filter(|slot| spoiled(slot))
            .map(|slot| slot.key)
            .collect();
        for key in &keys {
            table.remove(key);
        }
        keys.len()
    }
}

impl Table {
    fn new() -> Self {
        Self {
            index: KeyMap::default(),
            questions: QuestionMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            oldest: NONE,
            newest: NONE,
            hand: NONE,
            size_bytes: 0,
        }
    }

    fn slot(&mut self, at: usize) -> &mut Slot {
        self.slots[at].as_mut().expect("linked slots are occupied")
    }

    fn push(&mut self, key: CacheKey, entry: Arc<Entry>) {
        self.size_bytes += entry.size_bytes();
        let slot = Slot {
            key,
            entry,
            visited: AtomicBool::new(false),
            older: self.newest,
            newer: NONE,
            before: NONE,
            after: self.questions.get(&key.question()).copied().unwrap_or(NONE),
        };
        let after = slot.after;
        let at = if let Some(at) = self.free.pop() {
            self.slots[at] = Some(slot);
            at
        } else {
            self.slots.push(Some(slot));
            self.slots.len() - 1
        };
        if self.newest == NONE {
            self.oldest = at;
        } else {
            let newest = self.newest;
            self.slot(newest).newer = at;
        }
        self.newest = at;
        if after != NONE {
            self.slot(after).before = at;
        }
        self.questions.insert(key.question(), at);
        self.index.insert(key, at);
    }

    fn remove(&mut self, key: &CacheKey) -> bool {
        let Some(at) = self.index.remove(key) else {
            return false;
        };
        let slot = self.slots[at].take().expect("indexed slots are occupied");
        self.free.push(at);
        self.size_bytes -= slot.entry.size_bytes();
        match slot.older {
            NONE => self.oldest = slot.newer,
            older => self.slot(older).newer = slot.newer,
        }
        match slot.newer {
            NONE => self.newest = slot.older,
            newer => self.slot(newer).older = slot.older,
        }
        if slot.after != NONE {
            self.slot(slot.after).before = slot.before;
        }
        match (slot.before, slot.after) {
            (NONE, NONE) => {
                self.questions.remove(&key.question());
            }
            (NONE, after) => {
                self.questions.insert(key.question(), after);
            }
            (before, after) => self.slot(before).after = after,
        }
        if self.hand == at {
            self.hand = slot.newer;
        }
        true
    }

    fn evict(&mut self) {
        loop {
            if self.hand == NONE {
                self.hand = self.oldest;
            }
            let hand = self.hand;
            let slot = self.slot(hand);
            if slot.visited.swap(false, Relaxed) {
                self.hand = slot.newer;
                continue;
            }
            let key = slot.key;
            self.remove(&key);
            return;
        }
    }
}

#[cfg(test)]
mod tests;
