//! Elapsed time that never runs backwards, made from a clock that may.

use std::time::Duration;

use cache_core::Timestamp;

/// Time since the machines started.
pub(crate) type Moment = Duration;

/// Turns the wall clock into elapsed time, so that a clock set back does not keep leases alive.
#[derive(Debug, Default)]
pub(crate) struct Elapsed {
    last: Option<Timestamp>,
    elapsed: Moment,
}

impl Elapsed {
    /// Returns the time elapsed at `now`. A clock that stepped back counts as standing still for that step.
    pub(crate) fn at(&mut self, now: Timestamp) -> Moment {
        if let Some(last) = self.last.replace(now) {
            self.elapsed += now.saturating_since(last);
        }
        self.elapsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_set_back_stands_still_once_and_then_runs_on() {
        let mut elapsed = Elapsed::default();
        let at =
            [1000, 1400, 400, 500].map(|ms| elapsed.at(Timestamp::from_millis(ms)).as_millis());
        assert_eq!(at, [0, 400, 400, 500]);
    }
}
