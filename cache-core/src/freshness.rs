//! Freshness: may a stored response be used without asking anyone?
//!
//! Implements RFC 9111 §4.2 and RFC 5861 §3 and §4 over lifetimes that a policy states. Pure: the caller passes the
//! age, and nothing here reads a clock.
//!
//! **Invariant:** for fixed lifetimes, a greater age never gives a fresher verdict.

use std::time::Duration;

/// How long an entry may be used, each counted from the end of the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetimes {
    /// The freshness lifetime (RFC 9111 §4.2.1).
    pub fresh: Duration,
    /// How long after it a stale entry is served while one flight revalidates it (RFC 5861 §3).
    pub stale_while_revalidate: Duration,
    /// How long after the freshness lifetime a stale entry stands in for an origin that fails (RFC 5861 §4).
    pub stale_if_error: Duration,
}

impl Lifetimes {
    /// Returns these lifetimes, shortened so that nothing older than `max_age` is used without asking.
    ///
    /// Standing in for a failing origin is not asking less, so `stale_if_error` keeps its end.
    #[must_use]
    pub fn capped(self, max_age: Duration) -> Self {
        let fresh = self.fresh.min(max_age);
        let usable = self
            .fresh
            .saturating_add(self.stale_while_revalidate)
            .min(max_age);
        Self {
            fresh,
            stale_while_revalidate: usable.saturating_sub(fresh),
            // What may never stand in for a failing origin does not begin to because it is used for less time.
            stale_if_error: if self.stale_if_error.is_zero() {
                Duration::ZERO
            } else {
                self.fresh
                    .saturating_add(self.stale_if_error)
                    .saturating_sub(fresh)
            },
        }
    }

    /// Returns what may be done with an entry of this `age` that is not to be used without asking first.
    pub(crate) fn if_asked(&self, age: Duration) -> Freshness {
        match left(self.fresh.saturating_add(self.stale_if_error), age) {
            Some(left) => Freshness::StaleIfError(left),
            None => Freshness::Stale,
        }
    }
}

/// What may be done with a stored response at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Usable as it is, for this much longer.
    Fresh(Duration),
    /// Usable for this much longer, provided that one flight revalidates it meanwhile.
    StaleWhileRevalidate(Duration),
    /// Needs revalidation before use, unless the origin fails within this time.
    StaleIfError(Duration),
    /// Needs revalidation before use.
    Stale,
}

/// Returns the freshness of an entry of this `age`.
pub fn freshness(age: Duration, lifetimes: &Lifetimes) -> Freshness {
    let usable = lifetimes
        .fresh
        .saturating_add(lifetimes.stale_while_revalidate);
    if let Some(left) = left(lifetimes.fresh, age) {
        Freshness::Fresh(left)
    } else if let Some(left) = left(usable, age) {
        Freshness::StaleWhileRevalidate(left)
    } else {
        lifetimes.if_asked(age)
    }
}

/// Returns what is left of a lifetime. "`freshness_lifetime` > `current_age`" (RFC 9111 §4.2): at equal age nothing is.
fn left(lifetime: Duration, age: Duration) -> Option<Duration> {
    lifetime.checked_sub(age).filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn lifetimes(fresh: u64, swr: u64, sie: u64) -> Lifetimes {
        Lifetimes {
            fresh: secs(fresh),
            stale_while_revalidate: secs(swr),
            stale_if_error: secs(sie),
        }
    }

    #[track_caller]
    fn check(lifetimes: Lifetimes, expected: &[(u64, Freshness)]) {
        for (age, verdict) in expected {
            assert_eq!(freshness(secs(*age), &lifetimes), *verdict, "at {age} s");
        }
    }

    #[test]
    fn each_grace_lasts_until_its_own_end() {
        check(
            lifetimes(60, 30, 100),
            &[
                (0, Freshness::Fresh(secs(60))),
                (59, Freshness::Fresh(secs(1))),
                (60, Freshness::StaleWhileRevalidate(secs(30))),
                (89, Freshness::StaleWhileRevalidate(secs(1))),
                (90, Freshness::StaleIfError(secs(70))),
                (160, Freshness::Stale),
            ],
        );
    }

    #[test]
    fn a_cap_shortens_use_without_asking_and_nothing_else() {
        assert_eq!(
            lifetimes(60, 240, 100).capped(secs(5)),
            lifetimes(5, 0, 155)
        );
        assert_eq!(
            lifetimes(60, 240, 100).capped(secs(100)),
            lifetimes(60, 40, 100)
        );
        assert_eq!(lifetimes(60, 0, 0).capped(secs(5)), lifetimes(5, 0, 0));
        assert_eq!(
            lifetimes(60, 240, 100).capped(secs(1000)),
            lifetimes(60, 240, 100)
        );
    }

    fn rank(verdict: Freshness) -> (u8, Duration) {
        match verdict {
            Freshness::Fresh(left) => (3, left),
            Freshness::StaleWhileRevalidate(left) => (2, left),
            Freshness::StaleIfError(left) => (1, left),
            Freshness::Stale => (0, Duration::ZERO),
        }
    }

    proptest! {
        #[test]
        fn freshness_never_rises_with_age(
            fresh in 0u64..1000, swr in 0u64..1000, sie in 0u64..1000, age in 0u64..4000, later in 0u64..4000,
        ) {
            let lifetimes = lifetimes(fresh, swr, sie);
            let before = rank(freshness(secs(age), &lifetimes));
            let after = rank(freshness(secs(age + later), &lifetimes));
            prop_assert!(after <= before);
        }
    }
}
