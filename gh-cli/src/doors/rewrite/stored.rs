//! Rewritings of stored bodies, kept so that a hit in memory costs none.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use cache_core::BodyId;

/// What an entry costs beyond its bytes, roughly; so that a flood of small bodies is bounded too.
const OVERHEAD_BYTES: usize = 256;

/// The outcome of rewriting one body for one base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rewritten {
    /// Nothing in it matches: the original is sent.
    Unchanged,
    /// These bytes are sent.
    Changed(Bytes),
}

impl Rewritten {
    fn size_bytes(&self) -> usize {
        OVERHEAD_BYTES
            + match self {
                Self::Unchanged => 0,
                Self::Changed(bytes) => bytes.len(),
            }
    }
}

/// A bounded map from body and base to the rewriting.
///
/// Two generations, each of at most half the bound: when the young one is full it becomes the old one, and what was
/// old and not asked for since is dropped.
#[derive(Debug)]
pub(crate) struct RewrittenBodies {
    max_bytes: usize,
    /// Guards both generations; held for a lookup or an insertion, never while rewriting.
    generations: Mutex<Generations>,
}

/// The rewritings of one body. Few: one for each spelling of the door's own name.
type Versions = Vec<(Box<str>, Rewritten)>;

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<BodyId, Versions>,
    young_bytes: usize,
    old: HashMap<BodyId, Versions>,
}

impl RewrittenBodies {
    /// Returns an empty map that holds at most about `max_bytes`.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            generations: Mutex::default(),
        }
    }

    /// Returns the rewriting of `body` for `base`.
    pub(crate) fn get(&self, body: BodyId, base: &str) -> Option<Rewritten> {
        let mut generations = self.lock();
        if !generations.young.contains_key(&body) {
            let versions = generations.old.remove(&body)?;
            for (base, rewritten) in versions {
                generations.insert(self.max_bytes, body, &base, rewritten);
            }
        }
        let versions = generations.young.get(&body)?;
        versions
            .iter()
            .find(|(known, _)| **known == *base)
            .map(|(_, rewritten)| rewritten.clone())
    }

    /// Keeps the rewriting of `body` for `base`.
    pub(crate) fn insert(&self, body: BodyId, base: &str, rewritten: Rewritten) {
        self.lock().insert(self.max_bytes, body, base, rewritten);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Generations> {
        // A panic while the lock was held leaves at worst a miscounted size.
        self.generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn insert(&mut self, max_bytes: usize, body: BodyId, base: &str, rewritten: Rewritten) {
        let size_bytes = rewritten.size_bytes();
        if size_bytes > max_bytes / 2 {
            return;
        }
        if self.young_bytes + size_bytes > max_bytes / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        let versions = self.young.entry(body).or_default();
        if versions.iter().all(|(known, _)| **known != *base) {
            versions.push((base.into(), rewritten));
            self.young_bytes += size_bytes;
        }
    }

    #[cfg(test)]
    fn size_bytes(&self) -> usize {
        [&self.young, &self.old]
            .iter()
            .flat_map(|generation| generation.values().flatten())
            .map(|(_, rewritten)| rewritten.size_bytes())
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(n: usize) -> BodyId {
        BodyId::of(&n.to_be_bytes())
    }

    fn changed(len: usize) -> Rewritten {
        Rewritten::Changed(Bytes::from(vec![b'x'; len]))
    }

    #[test]
    fn a_rewriting_is_found_again_for_its_base_only() {
        let bodies = RewrittenBodies::new(1 << 20);
        bodies.insert(body(1), "http://localhost:1", changed(10));
        bodies.insert(body(1), "http://127.0.0.1:1", Rewritten::Unchanged);
        assert_eq!(bodies.get(body(1), "http://localhost:1"), Some(changed(10)));
        assert_eq!(
            bodies.get(body(1), "http://127.0.0.1:1"),
            Some(Rewritten::Unchanged)
        );
        assert_eq!(bodies.get(body(1), "http://[::1]:1"), None);
        assert_eq!(bodies.get(body(2), "http://localhost:1"), None);
    }

    #[test]
    fn the_map_stays_within_its_bound_and_keeps_what_is_asked_for() {
        let bodies = RewrittenBodies::new(64 * 1024);
        bodies.insert(body(0), "b", changed(1000));
        for n in 1..1000 {
            bodies.insert(body(n), "b", changed(1000));
            assert!(
                bodies.get(body(0), "b").is_some(),
                "asked for all the time, gone at {n}"
            );
            assert!(
                bodies.lock().size_bytes() <= 64 * 1024,
                "over the bound at {n}"
            );
        }
        assert_eq!(bodies.get(body(1), "b"), None);
        assert!(bodies.get(body(999), "b").is_some());
    }

    #[test]
    fn a_body_that_would_fill_the_map_is_not_kept() {
        let bodies = RewrittenBodies::new(1000);
        bodies.insert(body(1), "b", changed(1000));
        assert_eq!(bodies.get(body(1), "b"), None);
    }
}
