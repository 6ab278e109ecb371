//! Envelopes kept for others, within bounds, the least recently used out first.

use std::collections::{BTreeMap, HashMap};

use cache_core::Timestamp;
use cache_core::port::{LeaseKey, Sealed};

use crate::defaults::MAX_HELD;

/// What one kept envelope costs beyond its bytes, so that many small ones are bounded too.
const OVERHEAD_BYTES: usize = 256;

/// Envelopes by lease key.
///
/// **Invariant:** `size_bytes` is the sum over `entries`, and `by_use` names each entry exactly once.
#[derive(Debug)]
pub(crate) struct Held {
    entries: HashMap<LeaseKey, Kept>,
    by_use: BTreeMap<u64, LeaseKey>,
    next_use: u64,
    size_bytes: usize,
    limit_bytes: usize,
}

#[derive(Debug)]
struct Kept {
    sealed: Sealed,
    used: u64,
}

impl Held {
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self {
            entries: HashMap::new(),
            by_use: BTreeMap::new(),
            next_use: 0,
            size_bytes: 0,
            limit_bytes,
        }
    }

    /// Keeps `sealed`, unless what is kept is newer or it does not fit at all.
    pub(crate) fn keep(&mut self, key: LeaseKey, sealed: Sealed) {
        let cost = cost(&sealed);
        if cost > self.limit_bytes {
            return;
        }
        if let Some(kept) = self.entries.get(&key) {
            if kept.sealed.created_at > sealed.created_at {
                return;
            }
            self.remove(&key);
        }
        while self.size_bytes + cost > self.limit_bytes || self.entries.len() >= MAX_HELD {
            let Some((_, oldest)) = self.by_use.pop_first() else {
                break;
            };
            self.remove(&oldest);
        }
        let used = self.touch();
        self.by_use.insert(used, key);
        self.entries.insert(key, Kept { sealed, used });
        self.size_bytes += cost;
    }

    /// Returns what is kept for `key`, if it was created at or after `fresh_since`.
    pub(crate) fn get(&mut self, key: &LeaseKey, fresh_since: Timestamp) -> Option<Sealed> {
        let used = self.touch();
        let kept = self
            .entries
            .get_mut(key)
            .filter(|kept| kept.sealed.created_at >= fresh_since)?;
        self.by_use.remove(&kept.used);
        self.by_use.insert(used, *key);
        kept.used = used;
        Some(kept.sealed.clone())
    }

    /// Returns how many envelopes are kept, and how many bytes they cost.
    pub(crate) fn usage(&self) -> (usize, usize) {
        (self.entries.len(), self.size_bytes)
    }

    fn remove(&mut self, key: &LeaseKey) {
        if let Some(kept) = self.entries.remove(key) {
            self.by_use.remove(&kept.used);
            self.size_bytes -= cost(&kept.sealed);
        }
    }

    fn touch(&mut self) -> u64 {
        self.next_use += 1;
        self.next_use
    }
}

fn cost(sealed: &Sealed) -> usize {
    sealed.envelope.len() + OVERHEAD_BYTES
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use cache_core::Audience;
    use cache_core::port::WireKey;

    use super::*;

    fn key(number: u8) -> LeaseKey {
        LeaseKey {
            audience: Audience::ANONYMOUS,
            wire_key: WireKey([number; 32]),
        }
    }

    fn sealed(len: usize, created_ms: u64) -> Sealed {
        Sealed {
            envelope: Bytes::from(vec![1; len]),
            created_at: Timestamp::from_millis(created_ms),
        }
    }

    #[test]
    fn envelope_is_found_only_if_created_since() {
        let mut held = Held::new(10_000);
        held.keep(key(1), sealed(10, 100));
        assert!(held.get(&key(1), Timestamp::from_millis(100)).is_some());
        assert!(held.get(&key(1), Timestamp::from_millis(101)).is_none());
        assert!(held.get(&key(2), Timestamp::EPOCH).is_none());
    }

    #[test]
    fn older_envelope_does_not_replace_a_newer_one() {
        let mut held = Held::new(10_000);
        held.keep(key(1), sealed(10, 100));
        held.keep(key(1), sealed(20, 99));
        assert_eq!(
            held.get(&key(1), Timestamp::EPOCH).unwrap().envelope.len(),
            10
        );
        held.keep(key(1), sealed(30, 101));
        assert_eq!(
            held.get(&key(1), Timestamp::EPOCH).unwrap().envelope.len(),
            30
        );
        assert_eq!(held.usage(), (1, 30 + OVERHEAD_BYTES));
    }

    #[test]
    fn least_recently_used_goes_first() {
        let mut held = Held::new(3 * (100 + OVERHEAD_BYTES));
        for number in 1..=3 {
            held.keep(key(number), sealed(100, 1));
        }
        held.get(&key(1), Timestamp::EPOCH);
        held.keep(key(4), sealed(100, 1));
        assert!(held.get(&key(2), Timestamp::EPOCH).is_none());
        assert!(
            [1, 3, 4]
                .iter()
                .all(|number| held.get(&key(*number), Timestamp::EPOCH).is_some())
        );
    }

    #[test]
    fn bytes_stay_within_the_limit_and_what_does_not_fit_is_not_kept() {
        let mut held = Held::new(1000);
        for number in 0..50 {
            held.keep(key(number), sealed(usize::from(number) * 7, 1));
            assert!(held.usage().1 <= 1000);
        }
        held.keep(key(99), sealed(1000, 1));
        assert!(held.get(&key(99), Timestamp::EPOCH).is_none());
        assert!(held.usage().0 > 0);
    }
}
