//! Counts of what the cache did.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::port::{OriginAnswer, PortError, PortErrorKind};
use crate::{HitFrom, Outcome};

/// Live counters. Each request is counted once, by how it was answered; each upstream request once, when it ends.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    cacheable: AtomicU64,
    local_hits: AtomicU64,
    peer_hits: AtomicU64,
    collapsed: AtomicU64,
    revalidated: AtomicU64,
    proved: AtomicU64,
    misses: AtomicU64,
    stale_served: AtomicU64,
    spared_by_limit: AtomicU64,
    bypassed: AtomicU64,
    failed: AtomicU64,
    calls_made: AtomicU64,
    calls_made_for_bypass: AtomicU64,
    calls_charged: AtomicU64,
    pub(crate) expirations: AtomicU64,
    pub(crate) port_failures: AtomicU64,
    pub(crate) rejected_envelopes: AtomicU64,
}

impl Counters {
    pub(crate) fn count_answer(&self, outcome: Outcome) {
        if let Outcome::Passed { .. } = outcome {
            self.bypassed.fetch_add(1, Relaxed);
            return;
        }
        self.cacheable.fetch_add(1, Relaxed);
        match outcome {
            Outcome::Hit {
                from: HitFrom::Peer,
                ..
            } => &self.peer_hits,
            Outcome::Hit { .. } => &self.local_hits,
            Outcome::StaleWhileRevalidate { .. } => {
                self.stale_served.fetch_add(1, Relaxed);
                &self.local_hits
            }
            Outcome::Collapsed { .. } => &self.collapsed,
            Outcome::Revalidated { .. } => &self.revalidated,
            Outcome::Proved => &self.proved,
            Outcome::SparedByLimit { .. } => {
                self.spared_by_limit.fetch_add(1, Relaxed);
                &self.stale_served
            }
            Outcome::StaleIfError { .. } | Outcome::RefusedByLimit { .. } => &self.stale_served,
            Outcome::Fetched { .. } => &self.misses,
            Outcome::NotStored | Outcome::Passed { .. } => &self.failed,
        }
        .fetch_add(1, Relaxed);
    }

    pub(crate) fn count_failure(&self) {
        self.cacheable.fetch_add(1, Relaxed);
        self.failed.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_call(&self, for_bypass: bool, charged: bool) {
        self.calls_made.fetch_add(1, Relaxed);
        if for_bypass {
            self.calls_made_for_bypass.fetch_add(1, Relaxed);
        }
        if charged {
            self.calls_charged.fetch_add(1, Relaxed);
        }
    }

    /// Starts to count one upstream request of the cache's own.
    pub(crate) fn call(&self, anonymous: bool) -> Call<'_> {
        Call {
            counters: self,
            anonymous,
            charged: true,
        }
    }

    pub(crate) fn snapshot(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        Stats {
            cacheable_requests: read(&self.cacheable),
            local_hits: read(&self.local_hits),
            peer_hits: read(&self.peer_hits),
            collapsed: read(&self.collapsed),
            revalidated: read(&self.revalidated),
            proved: read(&self.proved),
            misses: read(&self.misses),
            stale_served: read(&self.stale_served),
            spared_by_limit: read(&self.spared_by_limit),
            bypassed: read(&self.bypassed),
            failed: read(&self.failed),
            api_calls_made: read(&self.calls_made),
            api_calls_made_for_bypass: read(&self.calls_made_for_bypass),
            api_calls_charged: read(&self.calls_charged),
            expirations: read(&self.expirations),
            port_failures: read(&self.port_failures),
            rejected_envelopes: read(&self.rejected_envelopes),
            ..Stats::default()
        }
    }
}

/// One upstream request under way. Counted when dropped: also one that panics or is given up is one made.
pub(crate) struct Call<'a> {
    counters: &'a Counters,
    anonymous: bool,
    /// Given up without an answer, it may have arrived, and counts.
    charged: bool,
}

impl Call<'_> {
    /// Notes whether the origin counts this answer against the primary rate limit.
    ///
    /// A 304 is free only to a request with a credential; an error that does not rule out that the request arrived
    /// counts.
    pub(crate) fn answered(mut self, answered: &Result<OriginAnswer, PortError>) {
        self.charged = match answered {
            Ok(OriginAnswer::NotModified { .. }) => self.anonymous,
            Ok(_) => true,
            Err(error) => !matches!(
                error.kind,
                PortErrorKind::Unreachable | PortErrorKind::Unsendable
            ),
        };
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.counters.count_call(false, self.charged);
    }
}

/// What the cache did since it started, and what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Requests that a cache may answer.
    pub cacheable_requests: u64,
    /// Answered from this machine's memory or disk, stale-while-revalidate included.
    pub local_hits: u64,
    /// Answered with bytes that a peer held and this node never fetched.
    pub peer_hits: u64,
    /// Answered with what another's upstream request brought.
    pub collapsed: u64,
    /// Answered after a 304 for the caller's own entry.
    pub revalidated: u64,
    /// Answered after a 304 for another audience's body.
    pub proved: u64,
    /// Answered by the origin.
    pub misses: u64,
    /// Answered from a stale entry, for whatever reason.
    pub stale_served: u64,
    /// Of those, answered without asking because the budget was spent or paused.
    pub spared_by_limit: u64,
    /// Passed to the origin untouched.
    pub bypassed: u64,
    /// Not answered by any entry or origin (`only-if-cached` on nothing, origin down).
    pub failed: u64,
    /// Upstream requests, conditional and passed ones included.
    pub api_calls_made: u64,
    /// Of those, passed requests.
    pub api_calls_made_for_bypass: u64,
    /// Of all upstream requests, those that count against the primary rate limit.
    pub api_calls_charged: u64,
    /// Entries in memory.
    pub n_entries: u64,
    /// Bytes of those entries.
    pub size_bytes: u64,
    /// Entries dropped from memory for space.
    pub evictions: u64,
    /// Entries found stale when asked for.
    pub expirations: u64,
    /// Port calls that failed and were worked around.
    pub port_failures: u64,
    /// Envelopes from peers that were not opened.
    pub rejected_envelopes: u64,
}

impl Stats {
    /// Requests of every kind.
    pub fn total_requests(&self) -> u64 {
        self.cacheable_requests + self.bypassed
    }

    /// Answered from a stored entry: here or at a peer.
    pub fn hits(&self) -> u64 {
        self.local_hits + self.peer_hits
    }

    /// The share of cacheable requests answered without an upstream request of their own, from 0 to 1.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a ratio for people; counts stay far below 2^52"
    )]
    pub fn hit_rate(&self) -> f64 {
        if self.cacheable_requests == 0 {
            return 0.0;
        }
        let unasked = self.hits() + self.collapsed + self.spared_by_limit;
        // The counters are read one after the other, so the parts may be newer than the whole.
        (unasked as f64 / self.cacheable_requests as f64).min(1.0)
    }

    /// Cacheable requests less the upstream requests made for them.
    pub fn api_calls_saved(&self) -> u64 {
        self.cacheable_requests.saturating_sub(
            self.api_calls_made
                .saturating_sub(self.api_calls_made_for_bypass),
        )
    }
}
