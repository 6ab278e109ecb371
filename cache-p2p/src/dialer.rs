//! Whom to dial when: configured addresses for ever, learned members for a while, with backoff.
//!
//! A state machine: events and the time in, addresses out.

use libp2p::Multiaddr;

use crate::PeerId;
use crate::address::peer_of;
use crate::defaults::{DIAL_BACKOFF, MAX_ADDRS_PER_MEMBER, MAX_LEARNED, MAX_LEARNED_FAILURES};
use crate::moment::Moment;

/// Names one target for as long as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TargetId(u64);

/// One dial that is due.
#[derive(Debug)]
pub(crate) struct Dial {
    pub(crate) target: TargetId,
    pub(crate) peer: Option<PeerId>,
    pub(crate) addrs: Vec<Multiaddr>,
}

/// Whom to dial when.
#[derive(Debug)]
pub(crate) struct Dialer {
    me: PeerId,
    targets: Vec<Target>,
    last_id: u64,
}

#[derive(Debug)]
struct Target {
    id: TargetId,
    addrs: Vec<Multiaddr>,
    /// Whom the addresses lead to, where that is known: from `/p2p/…`, or from the last connection.
    peer: Option<PeerId>,
    is_configured: bool,
    state: State,
    n_failures: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Due(Moment),
    Dialing,
    Connected,
    /// The address is this node's own.
    Own,
}

impl Dialer {
    /// Returns a dialer to which the configured addresses are due at once.
    pub(crate) fn new(me: PeerId, configured: &[Multiaddr]) -> Self {
        let mut dialer = Self {
            me,
            targets: Vec::new(),
            last_id: 0,
        };
        for addr in configured {
            let peer = peer_of(addr);
            let state = if peer == Some(me) {
                State::Own
            } else {
                State::Due(Moment::ZERO)
            };
            dialer.push(vec![addr.clone()], peer, true, state);
        }
        dialer
    }

    /// Takes note of where a member can be dialed, from another member or from the local network.
    pub(crate) fn learned(&mut self, now: Moment, peer: PeerId, addr: Multiaddr) {
        if peer == self.me {
            return;
        }
        let known = |target: &&mut Target| target.peer == Some(peer) && !target.is_configured;
        if let Some(target) = self.targets.iter_mut().find(known) {
            if !target.addrs.contains(&addr) {
                // The newest last; a member that moved is soon found where it is.
                target.addrs.push(addr);
                if target.addrs.len() > MAX_ADDRS_PER_MEMBER {
                    target.addrs.remove(0);
                }
            }
        } else if self
            .targets
            .iter()
            .filter(|target| !target.is_configured)
            .count()
            < MAX_LEARNED
        {
            self.push(vec![addr], Some(peer), false, State::Due(now));
        }
    }

    /// Returns what is to be dialed now, and regards it as being dialed.
    pub(crate) fn due(&mut self, now: Moment) -> Vec<Dial> {
        let mut dials = Vec::new();
        for target in &mut self.targets {
            if matches!(target.state, State::Due(at) if at <= now) {
                target.state = State::Dialing;
                dials.push(Dial {
                    target: target.id,
                    peer: target.peer,
                    addrs: target.addrs.clone(),
                });
            }
        }
        dials
    }

    /// Returns when something is due next.
    pub(crate) fn next_due(&self) -> Option<Moment> {
        self.targets
            .iter()
            .filter_map(|target| match target.state {
                State::Due(at) => Some(at),
                State::Dialing | State::Connected | State::Own => None,
            })
            .min()
    }

    /// Takes note of a connection with `peer`, which came of dialing `target` or otherwise.
    pub(crate) fn connected(&mut self, peer: PeerId, target: Option<TargetId>) {
        for entry in &mut self.targets {
            if Some(entry.id) == target {
                entry.peer = Some(peer);
            }
            if entry.peer == Some(peer) && entry.state != State::Own {
                entry.state = State::Connected;
                entry.n_failures = 0;
            }
        }
    }

    /// Takes note that the last connection with `peer` is gone: it is dialed again soon.
    pub(crate) fn disconnected(&mut self, now: Moment, peer: PeerId) {
        for target in &mut self.targets {
            if target.peer == Some(peer) && target.state == State::Connected {
                target.state = State::Due(now + DIAL_BACKOFF.0);
            }
        }
    }

    /// Takes note that dialing `target` came to nothing.
    pub(crate) fn failed(&mut self, now: Moment, target: TargetId) {
        let Some(index) = self.targets.iter().position(|entry| entry.id == target) else {
            return;
        };
        let entry = &mut self.targets[index];
        if entry.state != State::Dialing {
            return;
        }
        let (first, longest) = DIAL_BACKOFF;
        entry.state = State::Due(
            now + first
                .saturating_mul(1 << entry.n_failures.min(16))
                .min(longest),
        );
        entry.n_failures += 1;
        if !entry.is_configured && entry.n_failures >= MAX_LEARNED_FAILURES {
            self.targets.remove(index);
        }
    }

    /// Takes note that `target` leads to another member than its `/p2p/…` says, or than the last time.
    ///
    /// A configured address without `/p2p/…` belongs to whoever is there; a machine that was set up anew has a new
    /// name.
    pub(crate) fn other_peer(&mut self, now: Moment, target: TargetId) {
        if let Some(entry) = self.targets.iter_mut().find(|entry| entry.id == target)
            && entry.is_configured
            && entry.addrs.iter().all(|addr| peer_of(addr).is_none())
        {
            entry.peer = None;
        }
        self.failed(now, target);
    }

    /// Takes note that `target` is this node's own address.
    pub(crate) fn own(&mut self, target: TargetId) {
        if let Some(entry) = self.targets.iter_mut().find(|entry| entry.id == target) {
            entry.state = State::Own;
        }
    }

    fn push(
        &mut self,
        addrs: Vec<Multiaddr>,
        peer: Option<PeerId>,
        is_configured: bool,
        state: State,
    ) {
        self.last_id += 1;
        let id = TargetId(self.last_id);
        self.targets.push(Target {
            id,
            addrs,
            peer,
            is_configured,
            state,
            n_failures: 0,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn addr(port: u16) -> Multiaddr {
        format!("/ip4/192.0.2.1/tcp/{port}").parse().unwrap()
    }

    fn me() -> PeerId {
        PeerId::for_test(1)
    }

    fn other() -> PeerId {
        PeerId::for_test(2)
    }

    #[test]
    fn configured_address_is_dialed_for_ever_and_later_each_time() {
        let mut dialer = Dialer::new(me(), &[addr(1)]);
        let mut now = Moment::ZERO;
        let mut pauses = Vec::new();
        for _ in 0..10 {
            let [dial] = &dialer.due(now)[..] else {
                panic!("one dial is due")
            };
            assert_eq!(dialer.next_due(), None);
            dialer.failed(now, dial.target);
            let next = dialer.next_due().unwrap();
            pauses.push(next.saturating_sub(now).as_millis());
            now = next;
        }
        assert_eq!(
            pauses,
            [
                250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000
            ]
        );
    }

    #[test]
    fn peer_that_left_is_dialed_again_also_where_its_name_was_unknown() {
        let mut dialer = Dialer::new(me(), &[addr(1)]);
        let target = dialer.due(Moment::ZERO)[0].target;
        dialer.connected(other(), Some(target));
        assert_eq!(dialer.next_due(), None);
        dialer.disconnected(Moment::from_secs(9), other());
        assert_eq!(
            dialer.next_due(),
            Some(Moment::from_secs(9) + Duration::from_millis(250))
        );
    }

    #[test]
    fn learned_member_is_forgotten_after_failures() {
        let mut dialer = Dialer::new(me(), &[]);
        dialer.learned(Moment::ZERO, other(), addr(1));
        let mut n_dials = 0;
        while let Some(next) = dialer.next_due() {
            let target = dialer.due(next)[0].target;
            dialer.failed(next, target);
            n_dials += 1;
        }
        assert_eq!(n_dials, MAX_LEARNED_FAILURES);
    }

    #[test]
    fn own_addresses_are_not_dialed() {
        let mut dialer = Dialer::new(me(), &[addr(1)]);
        dialer.learned(Moment::ZERO, me(), addr(2));
        let target = dialer.due(Moment::ZERO)[0].target;
        dialer.own(target);
        assert_eq!(dialer.next_due(), None);
    }

    #[test]
    fn number_of_learned_members_and_of_their_addresses_is_bounded() {
        let mut dialer = Dialer::new(me(), &[]);
        for port in 1..100 {
            dialer.learned(Moment::ZERO, other(), addr(port));
        }
        let dials = dialer.due(Moment::ZERO);
        assert_eq!(
            (dials.len(), dials[0].addrs.len()),
            (1, MAX_ADDRS_PER_MEMBER)
        );
    }
}
