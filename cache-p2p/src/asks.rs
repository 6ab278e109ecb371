//! The asker's side: this node's asks that are under way, and the leases it holds.
//!
//! A state machine like [`Leases`](crate::lease::Leases), which is the other side of each ask.
//!
//! **Invariant:** every ask completes within [`MAX_WAIT`], whatever its owner does or omits.

use std::collections::{BTreeSet, HashMap};

use cache_core::Timestamp;
use cache_core::port::{Ask, LeaseKey, Sealed};

use crate::PeerId;
use crate::defaults::{FIRST_REPLY_TIMEOUT, KEEPALIVE_DEADLINE, KEEPALIVE_INTERVAL, MAX_WAIT};
use crate::message::{Answer, AskId, FencingToken, Outcome};
use crate::moment::Moment;

/// How an ask ended.
#[derive(Debug)]
pub(crate) enum Completion {
    Found(Sealed),
    /// The lease stays in the table until it is settled.
    Granted,
    Told(Outcome),
    Alone(AloneReason),
}

/// Why an ask ended with nobody's help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AloneReason {
    /// There was no other member.
    NoMembers,
    /// Too many asks were under way.
    TooMany,
    /// The owner answered so: nothing held, over a bound, or holders lost.
    Told,
    /// The owner did not say a word in time.
    OwnerSilent,
    /// The owner left, or its link broke, before it answered.
    OwnerGone,
    /// The owner fell silent, or took too long, after it said to wait.
    WaitedInVain,
    /// The owner answered with an entry older than what was asked for.
    TooOld,
    /// The network part was stopped or started anew.
    Stopped,
}

impl AloneReason {
    /// All reasons, in the order of the counters.
    pub const ALL: [Self; 8] = [
        Self::NoMembers,
        Self::TooMany,
        Self::Told,
        Self::OwnerSilent,
        Self::OwnerGone,
        Self::WaitedInVain,
        Self::TooOld,
        Self::Stopped,
    ];

    /// Returns the name of the reason in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoMembers => "no-members",
            Self::TooMany => "too-many",
            Self::Told => "told",
            Self::OwnerSilent => "owner-silent",
            Self::OwnerGone => "owner-gone",
            Self::WaitedInVain => "waited-in-vain",
            Self::TooOld => "too-old",
            Self::Stopped => "stopped",
        }
    }
}

/// What the asker's side wants done.
#[derive(Debug)]
pub(crate) enum Action {
    Complete {
        id: AskId,
        completion: Completion,
    },
    /// Tell an owner whose lease is held here that this node is alive.
    Keepalive {
        to: PeerId,
    },
    /// Give back a lease that nobody here wants.
    GiveBack {
        to: PeerId,
        token: FencingToken,
        key: LeaseKey,
    },
    /// Tell an owner that the ask is given up, so that it grants no lease for it.
    Withdraw {
        to: PeerId,
        id: AskId,
    },
    /// An owner did not say a word in time.
    Silent {
        owner: PeerId,
    },
}

/// What to send for a lease that is settled.
#[derive(Debug)]
pub(crate) struct Settlement {
    pub(crate) owner: PeerId,
    pub(crate) token: FencingToken,
    pub(crate) key: LeaseKey,
}

/// The asker's state machine.
#[derive(Debug, Default)]
pub(crate) struct Asks {
    last_id: u64,
    pending: HashMap<AskId, Pending>,
    /// When each member was last heard.
    heard: HashMap<PeerId, Moment>,
    /// When each member last sent a part of a long frame: what waits behind it is late, not lost.
    transferring: HashMap<PeerId, Moment>,
    last_keepalive: Moment,
}

#[derive(Debug)]
struct Pending {
    owner: PeerId,
    key: LeaseKey,
    fresh_since: Timestamp,
    asked_at: Moment,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Asked,
    Waiting { since: Moment },
    Holding(FencingToken),
}

impl Asks {
    /// Returns an empty table whose numbers go on from this one's.
    pub(crate) fn started_anew(&self) -> Self {
        Self {
            last_id: self.last_id,
            ..Self::default()
        }
    }

    /// Enters an ask to `owner`, and returns its number, which the caller sends along.
    pub(crate) fn ask(&mut self, now: Moment, owner: PeerId, ask: &Ask) -> AskId {
        self.last_id += 1;
        let id = AskId(self.last_id);
        let pending = Pending {
            owner,
            key: ask.key,
            fresh_since: ask.fresh_since,
            asked_at: now,
            phase: Phase::Asked,
        };
        self.pending.insert(id, pending);
        id
    }

    pub(crate) fn len(&self) -> usize {
        self.pending.len()
    }

    /// Returns what the ask `id` is for.
    #[cfg(test)]
    pub(crate) fn key_of(&self, id: AskId) -> Option<LeaseKey> {
        self.pending.get(&id).map(|pending| pending.key)
    }

    /// Tells whether time does not matter now.
    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// Takes an answer. Returns whether it was the first word, in time, to an ask of this node.
    pub(crate) fn answered(
        &mut self,
        now: Moment,
        from: PeerId,
        id: AskId,
        answer: Answer,
        out: &mut Vec<Action>,
    ) -> bool {
        self.heard.insert(from, now);
        let Some(pending) = self
            .pending
            .get_mut(&id)
            .filter(|pending| pending.owner == from)
        else {
            // Withdrawn or given up: the withdrawal is on its way, and takes back a lease that this may bring.
            return false;
        };
        let first = pending.phase == Phase::Asked;
        let fresh_since = pending.fresh_since;
        let completion = match (answer, pending.phase) {
            // A second answer to a granted ask is the owner's fault, and harmless.
            (_, Phase::Holding(_)) => return false,
            (Answer::Waiting, _) => {
                pending.phase = Phase::Waiting { since: now };
                return first;
            }
            (Answer::Granted { token, .. }, _) => {
                pending.phase = Phase::Holding(token);
                out.push(Action::Complete {
                    id,
                    completion: Completion::Granted,
                });
                return first;
            }
            (Answer::Found(sealed) | Answer::Told(Outcome::Entry(sealed)), _)
                if sealed.created_at < fresh_since =>
            {
                Completion::Alone(AloneReason::TooOld)
            }
            (Answer::Found(sealed), _) => Completion::Found(sealed),
            (Answer::Told(outcome), _) => Completion::Told(outcome),
            (Answer::Alone, _) => Completion::Alone(AloneReason::Told),
        };
        self.pending.remove(&id);
        out.push(Action::Complete { id, completion });
        first
    }

    /// Takes a sign of life of `peer`; `transferring` when it is a part of a long frame.
    pub(crate) fn heard(&mut self, now: Moment, peer: PeerId, transferring: bool) {
        self.heard.insert(peer, now);
        if transferring {
            self.transferring.insert(peer, now);
        }
    }

    /// Forgets the ask `id`, and returns its owner, who is to be told, and its lease if it holds one.
    pub(crate) fn withdraw(&mut self, id: AskId) -> Option<(PeerId, Option<Settlement>)> {
        let pending = self.pending.remove(&id)?;
        let lease = match pending.phase {
            Phase::Holding(token) => Some(Settlement {
                owner: pending.owner,
                token,
                key: pending.key,
            }),
            Phase::Asked | Phase::Waiting { .. } => None,
        };
        Some((pending.owner, lease))
    }

    /// Ends the lease that the ask `id` was granted, and returns what its owner is to be told about.
    pub(crate) fn settle(&mut self, id: AskId) -> Option<Settlement> {
        let pending = self.pending.get(&id)?;
        let Phase::Holding(token) = pending.phase else {
            return None;
        };
        let settlement = Settlement {
            owner: pending.owner,
            token,
            key: pending.key,
        };
        self.pending.remove(&id);
        Some(settlement)
    }

    /// Completes the asks of an owner that left. Leases it granted stay: their fills are of use to its successor.
    pub(crate) fn peer_gone(&mut self, peer: PeerId, out: &mut Vec<Action>) {
        self.heard.remove(&peer);
        self.transferring.remove(&peer);
        self.complete_where(AloneReason::OwnerGone, out, |pending| pending.owner == peer);
    }

    /// Completes every ask, and gives back every lease.
    pub(crate) fn stop(&mut self, out: &mut Vec<Action>) {
        self.complete_where(AloneReason::Stopped, out, |_| true);
        for pending in self.pending.drain().map(|(_, pending)| pending) {
            if let Phase::Holding(token) = pending.phase {
                out.push(Action::GiveBack {
                    to: pending.owner,
                    token,
                    key: pending.key,
                });
            }
        }
    }

    /// Looks at the time: completes asks whose owner is silent.
    pub(crate) fn expire(&mut self, now: Moment, out: &mut Vec<Action>) {
        let (heard, transferring) = (&self.heard, &self.transferring);
        let silent: BTreeSet<PeerId> = self
            .pending
            .values()
            .filter(|pending| {
                let word = last(transferring, &pending.owner, pending.asked_at);
                pending.phase == Phase::Asked && now.saturating_sub(word) >= FIRST_REPLY_TIMEOUT
            })
            .map(|pending| pending.owner)
            .collect();
        let vain = |pending: &Pending| match pending.phase {
            Phase::Holding(_) => false,
            Phase::Asked => now.saturating_sub(pending.asked_at) >= MAX_WAIT,
            Phase::Waiting { since } => {
                now.saturating_sub(last(heard, &pending.owner, since)) > KEEPALIVE_DEADLINE
                    || now.saturating_sub(pending.asked_at) >= MAX_WAIT
            }
        };
        let vain = self.ids(vain);
        for owner in &silent {
            out.push(Action::Silent { owner: *owner });
        }
        // One ask found the owner silent: the others need not find it out each for itself.
        let silenced: Vec<AskId> =
            self.ids(|pending| pending.phase == Phase::Asked && silent.contains(&pending.owner));
        self.give_up(silenced, AloneReason::OwnerSilent, out);
        self.give_up(vain, AloneReason::WaitedInVain, out);
    }

    /// Sends keepalives that are due to the owners of leases held here.
    pub(crate) fn keep_alive(&mut self, now: Moment, out: &mut Vec<Action>) {
        if now.saturating_sub(self.last_keepalive) >= KEEPALIVE_INTERVAL {
            self.last_keepalive = now;
            let owners: BTreeSet<PeerId> = self
                .pending
                .values()
                .filter(|pending| matches!(pending.phase, Phase::Holding(_)))
                .map(|pending| pending.owner)
                .collect();
            out.extend(owners.into_iter().map(|to| Action::Keepalive { to }));
        }
    }

    /// Completes, as alone, the asks that hold no lease and that `choose` picks.
    fn complete_where(
        &mut self,
        reason: AloneReason,
        out: &mut Vec<Action>,
        choose: impl Fn(&Pending) -> bool,
    ) {
        for id in self.ids(|pending| !matches!(pending.phase, Phase::Holding(_)) && choose(pending))
        {
            self.pending.remove(&id);
            out.push(Action::Complete {
                id,
                completion: Completion::Alone(reason),
            });
        }
    }

    /// Completes `ids` as alone, and tells their owners.
    fn give_up(&mut self, ids: Vec<AskId>, reason: AloneReason, out: &mut Vec<Action>) {
        for id in ids {
            if let Some(pending) = self.pending.remove(&id) {
                out.push(Action::Withdraw {
                    to: pending.owner,
                    id,
                });
                out.push(Action::Complete {
                    id,
                    completion: Completion::Alone(reason),
                });
            }
        }
    }

    /// Returns the asks that `choose` picks.
    fn ids(&self, choose: impl Fn(&Pending) -> bool) -> Vec<AskId> {
        self.pending
            .iter()
            .filter(|(_, pending)| choose(pending))
            .map(|(id, _)| *id)
            .collect()
    }
}

/// Returns when `table` has `peer` last, or `since` if that is later.
fn last(table: &HashMap<PeerId, Moment>, peer: &PeerId, since: Moment) -> Moment {
    table.get(peer).copied().unwrap_or_default().max(since)
}
