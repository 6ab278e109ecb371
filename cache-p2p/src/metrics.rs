//! Counters.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::AloneReason;
use crate::wire::Refused;

/// What a member counted since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MeshMetrics {
    /// Handshakes that failed because the other side has another fleet secret.
    pub wrong_secret: u64,
    /// Inbound connections that ended before the handshake did, for whatever reason. A stranger that dials this
    /// member finds out about the secret first, so it shows here, and as `wrong_secret` on its own side.
    pub inbound_failed: u64,
    /// Dials begun.
    pub dials: u64,
    /// Dials that came to nothing, those of a wrong secret included.
    pub dials_failed: u64,
    /// Members connected now.
    pub connected: u64,
    /// Links to members that came up.
    pub links_up: u64,
    /// Asks of this node.
    pub asks: u64,
    /// Asks of this node that were answered by an entry held by a member, this one included.
    pub found: u64,
    /// Asks of this node that were granted the lease.
    pub granted: u64,
    /// Asks of this node that waited for another's lease and were told its outcome.
    pub waited: u64,
    /// Asks of this node that were left to themselves, by [`AloneReason::name`].
    pub alone: BTreeMap<&'static str, u64>,
    /// Asks that this node took as the owner, its own included.
    pub owner_asks: u64,
    /// Of these, answered by an entry held here.
    pub owner_found: u64,
    /// Leases granted as the owner.
    pub owner_granted: u64,
    /// Of the asks taken as the owner, told to wait.
    pub owner_waited: u64,
    /// Of the asks taken as the owner, refused: over a bound, or nothing held.
    pub owner_refused: u64,
    /// Holders that died, left, or overstayed.
    pub holders_lost: u64,
    /// Fills with a token of no outstanding lease.
    pub stale_fills: u64,
    /// Envelopes refused because they claim to come from the future.
    pub offers_refused: u64,
    /// Envelopes held for others now.
    pub held_entries: u64,
    /// Bytes they cost.
    pub held_bytes: u64,
    /// Frames refused, by reason.
    pub frames_refused: BTreeMap<String, u64>,
    /// Messages dropped because a member did not take them in time.
    pub messages_dropped: u64,
    /// Times that the network task was started anew after a panic.
    pub restarts: u64,
}

/// The counters behind [`MeshMetrics`] that are not the state machine's own.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) wrong_secret: AtomicU64,
    pub(crate) inbound_failed: AtomicU64,
    pub(crate) dials: AtomicU64,
    pub(crate) dials_failed: AtomicU64,
    pub(crate) links_up: AtomicU64,
    pub(crate) asks: AtomicU64,
    pub(crate) found: AtomicU64,
    pub(crate) granted: AtomicU64,
    pub(crate) waited: AtomicU64,
    pub(crate) messages_dropped: AtomicU64,
    pub(crate) restarts: AtomicU64,
    alone: [AtomicU64; AloneReason::ALL.len()],
    refused: [AtomicU64; REFUSED.len()],
}

const REFUSED: [Refused; 5] = [
    Refused::TooLong,
    Refused::BadLengths,
    Refused::BadHead,
    Refused::BadTail,
    Refused::OutOfPlace,
];

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn alone(&self, reason: AloneReason) {
        count(&self.alone[reason as usize]);
    }

    pub(crate) fn refused(&self, reason: Refused) {
        count(&self.refused[reason as usize]);
    }

    /// Returns what is counted here; the rest is left at zero.
    pub(crate) fn snapshot(&self) -> MeshMetrics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let named = |names: &mut dyn Iterator<Item = String>, counters: &[AtomicU64]| {
            names
                .zip(counters.iter().map(read))
                .filter(|(_, n)| *n > 0)
                .collect()
        };
        MeshMetrics {
            wrong_secret: read(&self.wrong_secret),
            inbound_failed: read(&self.inbound_failed),
            dials: read(&self.dials),
            dials_failed: read(&self.dials_failed),
            links_up: read(&self.links_up),
            asks: read(&self.asks),
            found: read(&self.found),
            granted: read(&self.granted),
            waited: read(&self.waited),
            messages_dropped: read(&self.messages_dropped),
            restarts: read(&self.restarts),
            alone: AloneReason::ALL
                .iter()
                .map(|reason| (reason.name(), read(&self.alone[*reason as usize])))
                .collect(),
            frames_refused: named(&mut REFUSED.iter().map(ToString::to_string), &self.refused),
            ..MeshMetrics::default()
        }
    }
}
