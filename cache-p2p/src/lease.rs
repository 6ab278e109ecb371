//! The owner's table: who asks the origin, and who waits for it.
//!
//! A state machine: events and the time in, [`Action`]s out. It has no sockets, tasks or clock. One lease exists per
//! lease key; its holder asks the origin, everybody else who asks meanwhile waits and is completed by the fill.
//!
//! **Invariant:** within one incarnation, a key that is collapsed has at most one outstanding grant.
//! **Invariant:** every ask is answered: at once, by the fill, or when the lease ends otherwise. Only a lost link
//! excuses from it.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use cache_core::Timestamp;
use cache_core::port::{LeaseKey, Sealed};

use crate::PeerId;
use crate::defaults::{
    KEEPALIVE_DEADLINE, KEEPALIVE_INTERVAL, LEASE_DURATION, MAX_LEASES, MAX_UNCOLLAPSED,
    MAX_WAITERS, MAX_WAITERS_PER_LEASE, UNCOLLAPSED_DURATION,
};
use crate::held::Held;
use crate::message::{Answer, AskId, FencingToken, Outcome};
use crate::moment::Moment;

/// What the owner wants said.
#[derive(Debug)]
pub(crate) enum Action {
    /// Answer an ask.
    Answer {
        to: PeerId,
        id: AskId,
        answer: Answer,
    },
    /// Tell a member with waiting asks that this node is alive.
    Keepalive { to: PeerId },
}

/// How many asks ended how, seen from the owner.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LeaseCounts {
    pub(crate) asked: u64,
    pub(crate) found: u64,
    pub(crate) granted: u64,
    pub(crate) waited: u64,
    pub(crate) refused: u64,
    pub(crate) holders_lost: u64,
    pub(crate) stale_fills: u64,
}

/// The owner's state machine.
#[derive(Debug)]
pub(crate) struct Leases {
    incarnation: u64,
    last_token: u64,
    by_key: HashMap<LeaseKey, Lease>,
    /// Where each outstanding ask is, holders included; ordered, so that a peer's asks are one range.
    asks: BTreeMap<(PeerId, AskId), LeaseKey>,
    /// When each member was last heard. Only members with asks here matter, and only members are in it.
    heard: HashMap<PeerId, Moment>,
    /// Questions that are each member's own, until when.
    uncollapsed: HashMap<LeaseKey, Moment>,
    last_keepalive: Moment,
    counts: LeaseCounts,
}

#[derive(Debug)]
struct Lease {
    holder: PeerId,
    holder_ask: AskId,
    token: u64,
    granted_at: Moment,
    /// Whether a holder has failed or vanished already: the one further try is under way.
    retried: bool,
    waiters: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    asker: PeerId,
    id: AskId,
    fresh_since: Timestamp,
}

/// How a lease ended without a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// The origin failed.
    Failed,
    /// The holder died, left or overstayed.
    Lost,
    /// The holder did not use it.
    GivenBack,
}

impl Leases {
    /// Returns an empty table of the owner's `incarnation`, which must differ from every earlier one.
    pub(crate) fn new(incarnation: u64) -> Self {
        Self {
            incarnation,
            last_token: 0,
            by_key: HashMap::new(),
            asks: BTreeMap::new(),
            heard: HashMap::new(),
            uncollapsed: HashMap::new(),
            last_keepalive: Moment::ZERO,
            counts: LeaseCounts::default(),
        }
    }

    pub(crate) fn counts(&self) -> LeaseCounts {
        self.counts
    }

    /// Tells whether time does not matter now.
    pub(crate) fn is_idle(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Takes the ask `id` of `asker` for a key that it believes is owned here.
    #[expect(clippy::too_many_arguments, reason = "the fields of one message")]
    pub(crate) fn asked(
        &mut self,
        now: Moment,
        held: &mut Held,
        asker: PeerId,
        id: AskId,
        key: LeaseKey,
        fresh_since: Timestamp,
        only_if_held: bool,
        out: &mut Vec<Action>,
    ) {
        self.counts.asked += 1;
        self.heard.insert(asker, now);
        if let Some(sealed) = held.get(&key, fresh_since) {
            self.counts.found += 1;
            out.push(Action::Answer {
                to: asker,
                id,
                answer: Answer::Found(sealed),
            });
            return;
        }
        let repeated = self.asks.contains_key(&(asker, id));
        if only_if_held || repeated {
            self.refuse(asker, id, out);
            return;
        }
        if self.is_uncollapsed(now, &key) {
            // Not in the table: nobody waits for it, and its fill finds no lease.
            let token = self.next_token();
            self.answer_granted(asker, id, token, out);
            return;
        }
        if self.by_key.len() >= MAX_LEASES && !self.by_key.contains_key(&key) {
            self.refuse(asker, id, out);
            return;
        }
        match self.by_key.entry(key) {
            Entry::Occupied(mut lease) => {
                let n_waiters = lease.get().waiters.len();
                if n_waiters >= MAX_WAITERS_PER_LEASE || self.asks.len() >= MAX_WAITERS {
                    self.refuse(asker, id, out);
                    return;
                }
                lease.get_mut().waiters.push_back(Waiter {
                    asker,
                    id,
                    fresh_since,
                });
                self.asks.insert((asker, id), key);
                self.counts.waited += 1;
                out.push(Action::Answer {
                    to: asker,
                    id,
                    answer: Answer::Waiting,
                });
            }
            Entry::Vacant(vacant) => {
                self.last_token += 1;
                let token = self.last_token;
                vacant.insert(Lease {
                    holder: asker,
                    holder_ask: id,
                    token,
                    granted_at: now,
                    retried: false,
                    waiters: VecDeque::new(),
                });
                self.asks.insert((asker, id), key);
                self.answer_granted(asker, id, token, out);
            }
        }
    }

    /// Takes what came of the lease `token` for `key`, from its holder.
    ///
    /// A token that is not of the lease outstanding now wakes nobody. Its entry is worth keeping all the same, and
    /// that is the caller's decision.
    pub(crate) fn settled(
        &mut self,
        now: Moment,
        from: PeerId,
        token: FencingToken,
        key: LeaseKey,
        outcome: Outcome,
        out: &mut Vec<Action>,
    ) {
        self.heard.insert(from, now);
        let holds = |lease: &Lease| {
            lease.holder == from
                && lease.token == token.counter
                && self.incarnation == token.incarnation
        };
        if !self.by_key.get(&key).is_some_and(holds) {
            self.counts.stale_fills += 1;
            return;
        }
        match outcome {
            Outcome::Entry(sealed) => self.filled(now, key, &sealed, out),
            Outcome::EachForItself => {
                if self.uncollapsed.len() >= MAX_UNCOLLAPSED {
                    self.uncollapsed.retain(|_, until| *until > now);
                }
                if self.uncollapsed.len() < MAX_UNCOLLAPSED {
                    self.uncollapsed.insert(key, now + UNCOLLAPSED_DURATION);
                }
                self.end(key, &Answer::Told(Outcome::EachForItself), out);
            }
            Outcome::Failed => self.pass_on(now, key, Ended::Failed, out),
            Outcome::GivenBack => self.pass_on(now, key, Ended::GivenBack, out),
        }
    }

    /// Takes a sign of life of `peer`.
    pub(crate) fn heard(&mut self, now: Moment, peer: PeerId) {
        self.heard.insert(peer, now);
    }

    /// Forgets the ask `id` of `asker`. If it holds the lease by now, the lease goes on to the next.
    pub(crate) fn withdrawn(
        &mut self,
        now: Moment,
        asker: PeerId,
        id: AskId,
        out: &mut Vec<Action>,
    ) {
        let Some(key) = self.asks.remove(&(asker, id)) else {
            return;
        };
        let Some(lease) = self.by_key.get_mut(&key) else {
            return;
        };
        if lease.holder == asker && lease.holder_ask == id {
            self.pass_on(now, key, Ended::GivenBack, out);
        } else {
            lease
                .waiters
                .retain(|waiter| waiter.asker != asker || waiter.id != id);
        }
    }

    /// Forgets everything of `peer`: its asks, and its leases, which go on to the next.
    pub(crate) fn peer_gone(&mut self, now: Moment, peer: PeerId, out: &mut Vec<Action>) {
        self.heard.remove(&peer);
        let range = (peer, AskId(0))..=(peer, AskId(u64::MAX));
        let gone: Vec<_> = self
            .asks
            .range(range)
            .map(|((_, id), key)| (*id, *key))
            .collect();
        let mut lost = Vec::new();
        for (id, key) in gone {
            self.asks.remove(&(peer, id));
            let Some(lease) = self.by_key.get_mut(&key) else {
                continue;
            };
            if lease.holder == peer && lease.holder_ask == id {
                lost.push(key);
            } else {
                lease
                    .waiters
                    .retain(|waiter| waiter.asker != peer || waiter.id != id);
            }
        }
        // Only now, so that no lease goes on to another ask of the one that left.
        for key in lost {
            self.counts.holders_lost += 1;
            self.pass_on(now, key, Ended::Lost, out);
        }
    }

    /// Looks at the time: ends the leases of silent and late holders.
    pub(crate) fn expire(&mut self, now: Moment, out: &mut Vec<Action>) {
        let lost: Vec<LeaseKey> = self
            .by_key
            .iter()
            .filter(|(_, lease)| {
                let heard = self
                    .heard
                    .get(&lease.holder)
                    .copied()
                    .unwrap_or_default()
                    .max(lease.granted_at);
                now.saturating_sub(heard) > KEEPALIVE_DEADLINE
                    || now >= lease.granted_at + LEASE_DURATION
            })
            .map(|(key, _)| *key)
            .collect();
        for key in lost {
            self.counts.holders_lost += 1;
            self.pass_on(now, key, Ended::Lost, out);
        }
    }

    /// Sends keepalives that are due to the members that wait here.
    pub(crate) fn keep_alive(&mut self, now: Moment, out: &mut Vec<Action>) {
        if now.saturating_sub(self.last_keepalive) >= KEEPALIVE_INTERVAL {
            self.last_keepalive = now;
            self.uncollapsed.retain(|_, until| *until > now);
            let waiting: BTreeSet<PeerId> = self
                .by_key
                .values()
                .flat_map(|lease| lease.waiters.iter().map(|waiter| waiter.asker))
                .collect();
            out.extend(waiting.into_iter().map(|to| Action::Keepalive { to }));
        }
    }

    /// Completes those whom the entry satisfies; the others asked for a newer one, so the first of them is granted.
    fn filled(&mut self, now: Moment, key: LeaseKey, sealed: &Sealed, out: &mut Vec<Action>) {
        let Some(lease) = self.by_key.get_mut(&key) else {
            return;
        };
        let (done, left): (VecDeque<_>, VecDeque<_>) = lease
            .waiters
            .drain(..)
            .partition(|waiter| waiter.fresh_since <= sealed.created_at);
        lease.waiters = left;
        lease.retried = false;
        for waiter in done {
            self.asks.remove(&(waiter.asker, waiter.id));
            let answer = Answer::Told(Outcome::Entry(sealed.clone()));
            out.push(Action::Answer {
                to: waiter.asker,
                id: waiter.id,
                answer,
            });
        }
        self.grant_next(now, key, out);
    }

    /// Ends the holder's part: the next waiter is granted where one more try is due, else all are told.
    fn pass_on(&mut self, now: Moment, key: LeaseKey, ended: Ended, out: &mut Vec<Action>) {
        let Some(lease) = self.by_key.get_mut(&key) else {
            return;
        };
        let answer = match ended {
            Ended::Failed => Answer::Told(Outcome::Failed),
            // Nothing is known of the origin, so nobody is told that it failed.
            Ended::Lost => Answer::Alone,
            Ended::GivenBack => return self.grant_next(now, key, out),
        };
        if lease.retried {
            self.end(key, &answer, out);
        } else {
            lease.retried = true;
            self.grant_next(now, key, out);
        }
    }

    /// Grants the lease on `key` to the first waiter, or drops it when nobody waits.
    fn grant_next(&mut self, now: Moment, key: LeaseKey, out: &mut Vec<Action>) {
        let token = self.next_token();
        let Some(lease) = self.by_key.get_mut(&key) else {
            return;
        };
        self.asks.remove(&(lease.holder, lease.holder_ask));
        let Some(next) = lease.waiters.pop_front() else {
            self.by_key.remove(&key);
            return;
        };
        lease.holder = next.asker;
        lease.holder_ask = next.id;
        lease.token = token;
        lease.granted_at = now;
        self.answer_granted(next.asker, next.id, token, out);
    }

    /// Ends the lease on `key` and gives `answer` to all who wait.
    fn end(&mut self, key: LeaseKey, answer: &Answer, out: &mut Vec<Action>) {
        let Some(lease) = self.by_key.remove(&key) else {
            return;
        };
        self.asks.remove(&(lease.holder, lease.holder_ask));
        for waiter in lease.waiters {
            self.asks.remove(&(waiter.asker, waiter.id));
            out.push(Action::Answer {
                to: waiter.asker,
                id: waiter.id,
                answer: answer.clone(),
            });
        }
    }

    fn is_uncollapsed(&mut self, now: Moment, key: &LeaseKey) -> bool {
        match self.uncollapsed.get(key) {
            Some(until) if *until > now => true,
            Some(_) => {
                self.uncollapsed.remove(key);
                false
            }
            None => false,
        }
    }

    fn next_token(&mut self) -> u64 {
        self.last_token += 1;
        self.last_token
    }

    fn answer_granted(&mut self, to: PeerId, id: AskId, counter: u64, out: &mut Vec<Action>) {
        self.counts.granted += 1;
        let token = FencingToken {
            incarnation: self.incarnation,
            counter,
        };
        out.push(Action::Answer {
            to,
            id,
            answer: Answer::Granted {
                token,
                valid_for: LEASE_DURATION,
            },
        });
    }

    fn refuse(&mut self, to: PeerId, id: AskId, out: &mut Vec<Action>) {
        self.counts.refused += 1;
        out.push(Action::Answer {
            to,
            id,
            answer: Answer::Alone,
        });
    }
}

#[cfg(test)]
mod tests;
