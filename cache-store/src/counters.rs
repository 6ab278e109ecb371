//! What a store counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a store counted since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreCounters {
    /// Entries dropped to stay within the limits.
    pub n_evicted: u64,
    /// Entries swept because they were too old.
    pub n_expired: u64,
    /// Entries not kept because the queue was full.
    pub n_dropped: u64,
    /// Entries not kept because they could not be written: full disk, another process in the way.
    pub n_unwritten: u64,
    /// Entries not kept because they are longer than the format or the limits allow.
    pub n_refused: u64,
    /// Reads that found a damaged row or file. Each was a miss.
    pub n_damaged: u64,
    /// Reads that took 2 ms or longer: a slow disk, or a loaded machine.
    pub n_slow_reads: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) evicted: AtomicU64,
    pub(crate) expired: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) unwritten: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) damaged: AtomicU64,
    pub(crate) slow_reads: AtomicU64,
}

/// Adds `n` to a counter.
pub(crate) fn count(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn snapshot(&self) -> StoreCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StoreCounters {
            n_evicted: read(&self.evicted),
            n_expired: read(&self.expired),
            n_dropped: read(&self.dropped),
            n_unwritten: read(&self.unwritten),
            n_refused: read(&self.refused),
            n_damaged: read(&self.damaged),
            n_slow_reads: read(&self.slow_reads),
        }
    }
}
