//! One member as a state machine: owner and asker, its view of the membership, and what it holds for others.
//!
//! Events and the time in, [`Action`]s out. What an owner says to an ask of its own node never becomes an action: it
//! is delivered inside.

use std::collections::{BTreeSet, VecDeque};

use cache_core::Timestamp;
use cache_core::port::{Ask, LeaseKey, Sealed, Settled, WireKey};

use crate::asks::{self, AloneReason, Asks, Completion};
use crate::defaults::{HELD_UP_AFTER, MAX_ASKS, MAX_CLOCK_LEAD, MAX_ENVELOPE_BYTES};
use crate::demotion::Demotions;
use crate::held::Held;
use crate::lease::{self, LeaseCounts, Leases};
use crate::message::{AskId, FencingToken, Message, Outcome};
use crate::moment::{Elapsed, Moment};
use crate::{PeerId, rank};

/// What a member wants done.
#[derive(Debug)]
pub(crate) enum Action {
    /// Send `message` to another member.
    Send { to: PeerId, message: Message },
    /// Tell whoever asked `id`.
    Complete { id: AskId, completion: Completion },
}

/// What became of a new ask.
#[derive(Debug)]
pub(crate) enum Asked {
    /// Under way: [`Action::Complete`] repeats the number.
    Pending(AskId),
    /// Held here already.
    Found(Sealed),
    /// Nobody to ask.
    Alone(AloneReason),
}

/// One member.
#[derive(Debug)]
pub(crate) struct Node {
    me: PeerId,
    /// Other members.
    members: BTreeSet<PeerId>,
    demotions: Demotions,
    held: Held,
    leases: Leases,
    asks: Asks,
    elapsed: Elapsed,
    now: Moment,
    wall: Timestamp,
    last_tick: Option<Moment>,
    /// Messages from this node to itself, not yet taken in.
    inner: VecDeque<Message>,
    n_refused_offers: u64,
}

impl Node {
    pub(crate) fn new(me: PeerId, incarnation: u64, held_bytes: usize) -> Self {
        Self {
            me,
            members: BTreeSet::new(),
            demotions: Demotions::default(),
            held: Held::new(held_bytes),
            leases: Leases::new(incarnation),
            asks: Asks::default(),
            elapsed: Elapsed::default(),
            now: Moment::ZERO,
            wall: Timestamp::EPOCH,
            last_tick: None,
            inner: VecDeque::new(),
            n_refused_offers: 0,
        }
    }

    /// Returns a node that knows nobody and holds nothing, in place of this one.
    ///
    /// Numbers of asks go on: whoever still waits for an earlier one, or holds its lease, must not be taken for a later.
    pub(crate) fn started_anew(&self, incarnation: u64, held_bytes: usize) -> Self {
        let mut node = Self::new(self.me, incarnation, held_bytes);
        node.asks = self.asks.started_anew();
        node
    }

    /// Returns the owner of `key` as this node sees it now; itself when there is nobody else.
    pub(crate) fn owner(&self, key: &WireKey) -> PeerId {
        let ranked = self
            .members
            .iter()
            .copied()
            .filter(|peer| self.demotions.allows(self.now, peer));
        rank::owner(key, ranked.chain([self.me])).unwrap_or(self.me)
    }

    /// Tells whether the time does not matter until the next event.
    pub(crate) fn is_idle(&self) -> bool {
        self.leases.is_idle() && self.asks.is_idle()
    }

    pub(crate) fn lease_counts(&self) -> LeaseCounts {
        self.leases.counts()
    }

    /// Returns how many envelopes are held, how many bytes they cost, and how many offers were refused.
    pub(crate) fn held_usage(&self) -> (usize, usize, u64) {
        let (n_entries, size_bytes) = self.held.usage();
        (n_entries, size_bytes, self.n_refused_offers)
    }

    pub(crate) fn ask(&mut self, now: Timestamp, ask: &Ask, out: &mut Vec<Action>) -> Asked {
        self.set_time(now);
        if self.members.is_empty() {
            return Asked::Alone(AloneReason::NoMembers);
        }
        if self.asks.len() >= MAX_ASKS {
            return Asked::Alone(AloneReason::TooMany);
        }
        if let Some(sealed) = self.held.get(&ask.key, ask.fresh_since) {
            return Asked::Found(sealed);
        }
        let owner = self.owner(&ask.key.wire_key);
        self.demotions.asking(&owner);
        let id = self.asks.ask(self.now, owner, ask);
        let Ask {
            key,
            fresh_since,
            only_if_held,
        } = *ask;
        self.say(
            owner,
            Message::Ask {
                id,
                key,
                fresh_since,
                only_if_held,
            },
            out,
        );
        self.take_inner(out);
        Asked::Pending(id)
    }

    /// Forgets an ask whose asker went away, and gives back a lease granted meanwhile.
    pub(crate) fn withdraw(&mut self, now: Timestamp, id: AskId, out: &mut Vec<Action>) {
        self.set_time(now);
        match self.asks.withdraw(id) {
            Some((_, Some(lease))) => self.give_back(lease.owner, lease.token, lease.key, out),
            Some((owner, None)) => self.say(owner, Message::Withdraw { id }, out),
            None => {}
        }
        self.take_inner(out);
    }

    /// Takes what came of the lease that was granted to the ask `id`.
    pub(crate) fn settle(
        &mut self,
        now: Timestamp,
        id: AskId,
        settled: Settled,
        out: &mut Vec<Action>,
    ) {
        self.set_time(now);
        let Some(lease) = self.asks.settle(id) else {
            return;
        };
        let outcome = match settled {
            // No frame can hold it, so it is nobody else's.
            Settled::Entry(sealed) if !is_sendable(&sealed) => Outcome::EachForItself,
            Settled::Entry(sealed) => {
                self.held.keep(lease.key, sealed.clone());
                Outcome::Entry(sealed)
            }
            Settled::EachForItself => Outcome::EachForItself,
            Settled::Failed => Outcome::Failed,
        };
        if lease.owner == self.me || self.members.contains(&lease.owner) {
            self.say(
                lease.owner,
                Message::Fill {
                    token: lease.token,
                    key: lease.key,
                    outcome,
                },
                out,
            );
        } else if let Outcome::Entry(sealed) = outcome {
            // The owner left meanwhile: its successor can use the entry, though not the token.
            self.pass_to_owner(lease.key, sealed, out);
        }
        self.take_inner(out);
    }

    /// Keeps an entry fetched without a lease, and passes it to its owner.
    pub(crate) fn offer(
        &mut self,
        now: Timestamp,
        key: LeaseKey,
        sealed: Sealed,
        out: &mut Vec<Action>,
    ) {
        self.set_time(now);
        if is_sendable(&sealed) {
            self.held.keep(key, sealed.clone());
            self.pass_to_owner(key, sealed, out);
        }
    }

    pub(crate) fn member_up(&mut self, now: Timestamp, peer: PeerId) {
        self.set_time(now);
        if peer != self.me {
            self.members.insert(peer);
        }
    }

    pub(crate) fn member_gone(&mut self, now: Timestamp, peer: PeerId, out: &mut Vec<Action>) {
        self.set_time(now);
        self.members.remove(&peer);
        self.demotions.forget(&peer);
        let mut actions = Vec::new();
        self.leases.peer_gone(self.now, peer, &mut actions);
        self.do_lease_actions(actions, out);
        let mut actions = Vec::new();
        self.asks.peer_gone(peer, &mut actions);
        self.do_ask_actions(actions, out);
        self.take_inner(out);
    }

    /// Takes note of a part of a long frame of `peer`.
    pub(crate) fn transferring(&mut self, now: Timestamp, peer: PeerId) {
        self.set_time(now);
        self.leases.heard(self.now, peer);
        self.asks.heard(self.now, peer, true);
    }

    /// Takes a message of another member.
    pub(crate) fn received(
        &mut self,
        now: Timestamp,
        from: PeerId,
        message: Message,
        out: &mut Vec<Action>,
    ) {
        self.set_time(now);
        self.take(from, message, out);
        self.take_inner(out);
    }

    /// Lets time pass. To be called every [`TICK_INTERVAL`](crate::defaults::TICK_INTERVAL) unless idle.
    ///
    /// A tick that comes late means that this node was held up: words of others may lie unread, so nobody is found
    /// silent before the next one.
    pub(crate) fn tick(&mut self, now: Timestamp, out: &mut Vec<Action>) {
        self.set_time(now);
        let was_held_up = self
            .last_tick
            .is_some_and(|last| self.now.saturating_sub(last) > HELD_UP_AFTER);
        self.last_tick = Some(self.now);
        self.leases.heard(self.now, self.me);
        self.asks.heard(self.now, self.me, false);
        let mut ask_actions = Vec::new();
        let mut lease_actions = Vec::new();
        self.asks.keep_alive(self.now, &mut ask_actions);
        self.leases.keep_alive(self.now, &mut lease_actions);
        if !was_held_up {
            self.asks.expire(self.now, &mut ask_actions);
            self.leases.expire(self.now, &mut lease_actions);
        }
        self.do_ask_actions(ask_actions, out);
        self.do_lease_actions(lease_actions, out);
        self.take_inner(out);
    }

    /// Completes every ask of this node as alone, and gives its leases back.
    pub(crate) fn stop(&mut self, now: Timestamp, out: &mut Vec<Action>) {
        self.set_time(now);
        let mut actions = Vec::new();
        self.asks.stop(&mut actions);
        self.do_ask_actions(actions, out);
        self.take_inner(out);
    }

    fn set_time(&mut self, now: Timestamp) {
        self.wall = now;
        self.now = self.elapsed.at(now);
    }

    /// Takes a message of `from`, which may be this node.
    fn take(&mut self, from: PeerId, message: Message, out: &mut Vec<Action>) {
        let mut lease_actions = Vec::new();
        match message {
            Message::Ask {
                id,
                key,
                fresh_since,
                only_if_held,
            } => {
                let held = &mut self.held;
                self.leases.asked(
                    self.now,
                    held,
                    from,
                    id,
                    key,
                    fresh_since,
                    only_if_held,
                    &mut lease_actions,
                );
            }
            Message::Withdraw { id } => {
                self.leases
                    .withdrawn(self.now, from, id, &mut lease_actions);
            }
            Message::Answer { id, answer } => {
                let mut actions = Vec::new();
                if self.asks.answered(self.now, from, id, answer, &mut actions) {
                    self.demotions.forget(&from);
                }
                self.do_ask_actions(actions, out);
            }
            Message::Fill {
                token,
                key,
                outcome,
            } => {
                if let Outcome::Entry(sealed) = &outcome {
                    self.keep(key, sealed);
                }
                self.leases
                    .settled(self.now, from, token, key, outcome, &mut lease_actions);
            }
            Message::Offer { key, sealed } => self.keep(key, &sealed),
            Message::Keepalive => {
                self.leases.heard(self.now, from);
                self.asks.heard(self.now, from, false);
            }
            // Of the links, not of this machine.
            Message::Hello(_) | Message::Members { .. } | Message::Goodbye => {}
        }
        self.do_lease_actions(lease_actions, out);
    }

    fn take_inner(&mut self, out: &mut Vec<Action>) {
        while let Some(message) = self.inner.pop_front() {
            self.take(self.me, message, out);
        }
    }

    /// Keeps an envelope of a member, unless it claims to come from the future.
    fn keep(&mut self, key: LeaseKey, sealed: &Sealed) {
        if sealed.created_at > self.wall.saturating_add(MAX_CLOCK_LEAD) {
            self.n_refused_offers += 1;
        } else {
            self.held.keep(key, sealed.clone());
        }
    }

    fn pass_to_owner(&mut self, key: LeaseKey, sealed: Sealed, out: &mut Vec<Action>) {
        let owner = self.owner(&key.wire_key);
        if owner != self.me {
            self.say(owner, Message::Offer { key, sealed }, out);
        }
    }

    fn give_back(
        &mut self,
        owner: PeerId,
        token: FencingToken,
        key: LeaseKey,
        out: &mut Vec<Action>,
    ) {
        self.say(
            owner,
            Message::Fill {
                token,
                key,
                outcome: Outcome::GivenBack,
            },
            out,
        );
    }

    fn say(&mut self, to: PeerId, message: Message, out: &mut Vec<Action>) {
        if to == self.me {
            self.inner.push_back(message);
        } else {
            out.push(Action::Send { to, message });
        }
    }

    fn do_lease_actions(&mut self, actions: Vec<lease::Action>, out: &mut Vec<Action>) {
        for action in actions {
            match action {
                lease::Action::Answer { to, id, answer } => {
                    self.say(to, Message::Answer { id, answer }, out);
                }
                lease::Action::Keepalive { to } => self.say(to, Message::Keepalive, out),
            }
        }
    }

    fn do_ask_actions(&mut self, actions: Vec<asks::Action>, out: &mut Vec<Action>) {
        for action in actions {
            match action {
                asks::Action::Complete { id, completion } => {
                    out.push(Action::Complete { id, completion });
                }
                asks::Action::Keepalive { to } => self.say(to, Message::Keepalive, out),
                asks::Action::Withdraw { to, id } => self.say(to, Message::Withdraw { id }, out),
                asks::Action::GiveBack { to, token, key } => self.give_back(to, token, key, out),
                asks::Action::Silent { owner } if owner != self.me => {
                    self.demotions.silent(self.now, owner);
                }
                asks::Action::Silent { .. } => {}
            }
        }
    }
}

/// Tells whether a frame can hold the envelope.
fn is_sendable(sealed: &Sealed) -> bool {
    (1..=MAX_ENVELOPE_BYTES).contains(&sealed.envelope.len())
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
