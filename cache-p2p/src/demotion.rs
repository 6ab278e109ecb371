//! Silent owners lose their rank for a while, longer each time.

use std::collections::HashMap;

use crate::PeerId;
use crate::defaults::DEMOTION;
use crate::moment::Moment;

/// Who was silent, and until when nobody asks them.
#[derive(Debug, Default)]
pub(crate) struct Demotions {
    demoted: HashMap<PeerId, Demotion>,
}

#[derive(Debug)]
struct Demotion {
    until: Moment,
    n_times: u32,
    /// One ask tries the member out after its time; until it is answered the others pass the member by.
    tried: bool,
}

impl Demotions {
    /// Takes note that `peer` was silent.
    pub(crate) fn silent(&mut self, now: Moment, peer: PeerId) {
        let demotion = self.demoted.entry(peer).or_insert(Demotion {
            until: now,
            n_times: 0,
            tried: false,
        });
        let (first, longest) = DEMOTION;
        demotion.until = now
            + first
                .saturating_mul(1 << demotion.n_times.min(16))
                .min(longest);
        demotion.n_times += 1;
        demotion.tried = false;
    }

    /// Takes note that `peer` answered in time, or left.
    pub(crate) fn forget(&mut self, peer: &PeerId) {
        self.demoted.remove(peer);
    }

    /// Tells whether `peer` may own now.
    pub(crate) fn allows(&self, now: Moment, peer: &PeerId) -> bool {
        self.demoted
            .get(peer)
            .is_none_or(|demotion| demotion.until <= now && !demotion.tried)
    }

    /// Takes note that `peer` is being asked.
    pub(crate) fn asking(&mut self, peer: &PeerId) {
        if let Some(demotion) = self.demoted.get_mut(peer) {
            demotion.tried = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn rank_is_lost_longer_each_time_and_regained_by_an_answer() {
        let peer = PeerId::for_test(1);
        let mut demotions = Demotions::default();
        let mut now = Moment::ZERO;
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            demotions.silent(now, peer);
            now += Duration::from_millis(seconds * 1000 - 1);
            assert!(!demotions.allows(now, &peer));
            now += Duration::from_millis(1);
            assert!(demotions.allows(now, &peer));
        }
        demotions.forget(&peer);
        assert!(demotions.allows(Moment::ZERO, &peer));
    }

    #[test]
    fn one_ask_tries_the_member_out() {
        let peer = PeerId::for_test(1);
        let mut demotions = Demotions::default();
        demotions.silent(Moment::ZERO, peer);
        let later = Moment::from_secs(5);
        assert!(demotions.allows(later, &peer));
        demotions.asking(&peer);
        assert!(!demotions.allows(later, &peer));
    }
}
