//! Counts of refused envelopes, one for each reason.

use std::sync::atomic::{AtomicU64, Ordering};

use cache_core::port::Rejected;

/// Every reason with the name under which it is counted.
const REASONS: [(Rejected, &str); 13] = [
    (Rejected::TooLarge, "too_large"),
    (Rejected::Malformed, "malformed"),
    (Rejected::UnknownVersion, "unknown_version"),
    (Rejected::OtherFleet, "other_fleet"),
    (Rejected::OtherQuestion, "other_question"),
    (Rejected::FutureDated, "future_dated"),
    (Rejected::BadSignature, "bad_signature"),
    (Rejected::NotForUs, "not_for_us"),
    (Rejected::Forged, "forged"),
    (Rejected::Bomb, "bomb"),
    (Rejected::BadPayload, "bad_payload"),
    (Rejected::WrongBody, "wrong_body"),
    (Rejected::NoPossession, "no_possession"),
];

/// How many envelopes were refused since the start, by reason.
#[derive(Debug, Default)]
pub struct RejectCounters {
    counts: [AtomicU64; REASONS.len()],
    /// Reasons that the port has and this crate does not know.
    other: AtomicU64,
}

impl RejectCounters {
    /// Counts one refusal.
    pub(crate) fn count(&self, reason: Rejected) {
        let counter = REASONS
            .iter()
            .position(|(known, _)| *known == reason)
            .map_or(&self.other, |position| &self.counts[position]);
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns each reason's name with its count, zeros included, always in the same order.
    pub fn snapshot(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let known = REASONS
            .iter()
            .zip(&self.counts)
            .map(|((_, name), counter)| (*name, counter));
        known
            .chain([("other", &self.other)])
            .map(|(name, counter)| (name, counter.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_counter_and_a_name_of_its_own() {
        let counters = RejectCounters::default();
        for (n, (reason, _)) in (1..).zip(REASONS) {
            (0..n).for_each(|_| counters.count(reason));
        }
        let counts: Vec<_> = counters.snapshot().map(|(_, count)| count).collect();
        assert_eq!(counts, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0]);
        let names: std::collections::HashSet<_> =
            counters.snapshot().map(|(name, _)| name).collect();
        assert_eq!(names.len(), REASONS.len() + 1);
    }
}
