//! What the tasks of one member share: the state machine, the links, and those who wait for completions.
//!
//! One lock guards all three, is held for microseconds, and never across an await. Whatever the machine wants sent is
//! put into bounded queues while it is held.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cache_core::Timestamp;
use cache_core::port::{Ask, LeaseKey, Runtime, Sealed, Settled, WireKey};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tracing::{debug, info};

use crate::asks::{AloneReason, Completion};
use crate::defaults::{MAX_ADDRS_PER_MEMBER, MAX_ADDRS_PER_MESSAGE, TICK_INTERVAL};
use crate::message::{AskId, Hello, Message};
use crate::metrics::{Counters, MeshMetrics, count};
use crate::network::Command;
use crate::node::{Action, Asked, Node};
use crate::wire::VERSIONS;
use crate::{MeshConfig, PeerId, address};

/// Ticks without anything outstanding after which the ticker rests. While asks follow each other, nobody wakes it.
const IDLE_TICKS: u32 = 40;

/// Another member, as it is connected now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// Its name.
    pub peer_id: PeerId,
    /// Where it says that it can be dialed.
    pub addrs: Vec<String>,
    /// The last measured round trip.
    pub rtt: Option<Duration>,
    /// What it calls itself.
    pub agent: String,
    /// Since when it is connected.
    pub since: Timestamp,
}

/// What the tasks of one member share.
pub(crate) struct Shared {
    pub(crate) me: PeerId,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) counters: Arc<Counters>,
    commands: mpsc::Sender<Command>,
    agent: String,
    held_bytes: usize,
    /// Guards the machine, the links, and who waits for what.
    state: Mutex<State>,
    /// Wakes the ticker when it rests and something is outstanding.
    wake: Notify,
    n_members: watch::Sender<usize>,
}

struct State {
    node: Node,
    incarnation: u64,
    links: HashMap<PeerId, Link>,
    waiting: HashMap<AskId, oneshot::Sender<Completion>>,
    addrs: Vec<String>,
    last_generation: u64,
    ticker_rests: bool,
    is_stopped: bool,
    /// Reused, so that a message allocates nothing for its actions.
    actions: Vec<Action>,
}

/// The way to one other member.
struct Link {
    queue: mpsc::Sender<Message>,
    /// Tells this link from earlier ones with the same member.
    generation: u64,
    is_loopback: bool,
    info: PeerInfo,
}

/// An ask that is under way. Dropping it withdraws the ask, or gives back the lease that it was granted.
pub(crate) struct PendingAsk {
    pub(crate) id: AskId,
    pub(crate) completion: oneshot::Receiver<Completion>,
    guard: WithdrawOnDrop,
}

/// Withdraws an ask when dropped.
struct WithdrawOnDrop {
    shared: Arc<Shared>,
    id: AskId,
    is_armed: bool,
}

/// What became of a new ask.
pub(crate) enum NewAsk {
    Pending(PendingAsk),
    Found(Sealed),
    Alone(AloneReason),
}

impl Shared {
    pub(crate) fn new(
        config: &MeshConfig,
        me: PeerId,
        runtime: Arc<dyn Runtime>,
        commands: mpsc::Sender<Command>,
    ) -> Self {
        let incarnation = rand::random();
        Self {
            me,
            runtime,
            counters: Arc::default(),
            commands,
            agent: config.agent.clone(),
            held_bytes: config.held_bytes,
            state: Mutex::new(State {
                node: Node::new(me, incarnation, config.held_bytes),
                incarnation,
                links: HashMap::new(),
                waiting: HashMap::new(),
                addrs: Vec::new(),
                last_generation: 0,
                ticker_rests: false,
                is_stopped: false,
                actions: Vec::new(),
            }),
            wake: Notify::new(),
            n_members: watch::Sender::new(0),
        }
    }

    // What the face calls.

    pub(crate) fn ask(self: &Arc<Self>, ask: &Ask) -> NewAsk {
        count(&self.counters.asks);
        let mut state = self.state.lock();
        if state.is_stopped {
            return NewAsk::Alone(AloneReason::Stopped);
        }
        let mut actions = std::mem::take(&mut state.actions);
        match state.node.ask(self.runtime.now(), ask, &mut actions) {
            Asked::Pending(id) => {
                let (tx, completion) = oneshot::channel();
                state.waiting.insert(id, tx);
                self.perform(&mut state, actions);
                let guard = WithdrawOnDrop {
                    shared: Arc::clone(self),
                    id,
                    is_armed: true,
                };
                NewAsk::Pending(PendingAsk {
                    id,
                    completion,
                    guard,
                })
            }
            Asked::Found(sealed) => {
                state.actions = actions;
                NewAsk::Found(sealed)
            }
            Asked::Alone(reason) => {
                state.actions = actions;
                NewAsk::Alone(reason)
            }
        }
    }

    /// Tells the machine what came of a lease.
    pub(crate) fn settle(&self, id: AskId, settled: Settled) {
        self.with_node(|node, now, actions| node.settle(now, id, settled, actions));
    }

    /// Withdraws an ask, or gives back its lease.
    pub(crate) fn withdraw(&self, id: AskId) {
        self.with_node(|node, now, actions| node.withdraw(now, id, actions));
    }

    pub(crate) fn offer(&self, key: LeaseKey, sealed: Sealed) {
        self.with_node(|node, now, actions| node.offer(now, key, sealed, actions));
    }

    pub(crate) fn is_reachable(&self) -> bool {
        *self.n_members.borrow() > 0
    }

    pub(crate) fn members(&self) -> watch::Receiver<usize> {
        self.n_members.subscribe()
    }

    pub(crate) fn owner(&self, key: &WireKey) -> PeerId {
        self.state.lock().node.owner(key)
    }

    pub(crate) fn peers(&self) -> Vec<PeerInfo> {
        let mut peers: Vec<_> = self
            .state
            .lock()
            .links
            .values()
            .map(|link| link.info.clone())
            .collect();
        peers.sort_by_key(|info| info.peer_id);
        peers
    }

    pub(crate) fn addrs(&self) -> Vec<String> {
        self.state.lock().addrs.clone()
    }

    pub(crate) fn metrics(&self) -> MeshMetrics {
        let as_u64 = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let mut metrics = self.counters.snapshot();
        let state = self.state.lock();
        let owner = state.node.lease_counts();
        let (held_entries, held_bytes, offers_refused) = state.node.held_usage();
        metrics.connected = as_u64(state.links.len());
        metrics.owner_asks = owner.asked;
        metrics.owner_found = owner.found;
        metrics.owner_granted = owner.granted;
        metrics.owner_waited = owner.waited;
        metrics.owner_refused = owner.refused;
        metrics.holders_lost = owner.holders_lost;
        metrics.stale_fills = owner.stale_fills;
        metrics.held_entries = as_u64(held_entries);
        metrics.held_bytes = as_u64(held_bytes);
        metrics.offers_refused = offers_refused;
        metrics
    }

    // What the sessions call.

    /// Returns what this node says first.
    pub(crate) fn hello(&self, to_loopback: bool) -> Hello {
        let state = self.state.lock();
        let mut addrs = state.addrs.clone();
        addrs.retain(|addr| to_loopback || !is_loopback(addr));
        addrs.truncate(MAX_ADDRS_PER_MEMBER);
        Hello {
            version: VERSIONS.0,
            oldest_version: VERSIONS.1,
            incarnation: state.incarnation,
            agent: self.agent.clone(),
            addrs,
        }
    }

    /// Enters a link that both sides confirmed, in place of an earlier one. Returns its generation.
    pub(crate) fn link_up(
        &self,
        info: PeerInfo,
        is_loopback: bool,
        queue: mpsc::Sender<Message>,
    ) -> u64 {
        let peer = info.peer_id;
        info!(%peer, agent = info.agent, "member joined");
        count(&self.counters.links_up);
        let mut state = self.state.lock();
        if state.links.contains_key(&peer) {
            self.drop_link(&mut state, peer);
        }
        state.last_generation += 1;
        let generation = state.last_generation;
        if state.is_stopped {
            // The queue ends here, and with it the session.
            return generation;
        }
        // The newcomer hears of all, and all hear of the newcomer: whoever knows one member soon knows every one.
        tell(
            &queue,
            state.links.values().flat_map(|link| &link.info.addrs),
            is_loopback,
        );
        for link in state.links.values() {
            tell(&link.queue, &info.addrs, link.is_loopback);
        }
        state.links.insert(
            peer,
            Link {
                queue,
                generation,
                is_loopback,
                info,
            },
        );
        state.node.member_up(self.runtime.now(), peer);
        self.n_members.send_replace(state.links.len());
        generation
    }

    /// Takes note that a link ended, unless a newer one has taken its place.
    pub(crate) fn link_down(&self, peer: PeerId, generation: u64) {
        let mut state = self.state.lock();
        if state
            .links
            .get(&peer)
            .is_some_and(|link| link.generation == generation)
        {
            info!(%peer, "member left");
            self.drop_link(&mut state, peer);
        }
    }

    pub(crate) fn received(&self, from: PeerId, message: Message) {
        self.with_node(|node, now, actions| node.received(now, from, message, actions));
    }

    pub(crate) fn transferring(&self, from: PeerId) {
        self.with_node(|node, now, _| node.transferring(now, from));
    }

    /// Passes on where other members can be dialed.
    pub(crate) fn told_of(&self, addrs: Vec<String>) {
        // When the network task is that busy, the next member will tell.
        if self.commands.try_send(Command::Learned(addrs)).is_err() {
            debug!("addresses of other members dropped");
        }
    }

    // What the network task calls.

    pub(crate) fn set_addrs(&self, addrs: Vec<String>) {
        self.state.lock().addrs = addrs;
    }

    pub(crate) fn set_rtt(&self, peer: PeerId, rtt: Duration) {
        if let Some(link) = self.state.lock().links.get_mut(&peer) {
            link.info.rtt = Some(rtt);
        }
    }

    /// Starts over with nothing, as after a panic of unknown reach: every ask is alone, every link dropped.
    pub(crate) fn reset(&self) {
        let mut state = self.state.lock();
        state.waiting.clear();
        state.links.clear();
        state.incarnation = rand::random();
        state.node = state.node.started_anew(state.incarnation, self.held_bytes);
        self.n_members.send_replace(0);
    }

    /// Gives back every lease, answers every ask, says goodbye, and lets the links end once that is written.
    pub(crate) fn stop(&self) {
        let mut state = self.state.lock();
        state.is_stopped = true;
        let mut actions = Vec::new();
        state.node.stop(self.runtime.now(), &mut actions);
        self.perform(&mut state, actions);
        for (_, link) in state.links.drain() {
            let _ = link.queue.try_send(Message::Goodbye);
        }
        state.waiting.clear();
        self.n_members.send_replace(0);
    }

    /// Lets time pass for the machine, for as long as it is polled.
    pub(crate) async fn run_ticker(&self) {
        let mut n_idle = 0;
        loop {
            {
                let mut state = self.state.lock();
                if state.node.is_idle() {
                    n_idle += 1;
                    state.ticker_rests = n_idle > IDLE_TICKS;
                } else {
                    n_idle = 0;
                    let mut actions = std::mem::take(&mut state.actions);
                    state.node.tick(self.runtime.now(), &mut actions);
                    self.perform(&mut state, actions);
                }
            }
            if n_idle > IDLE_TICKS {
                self.wake.notified().await;
                n_idle = 0;
            }
            self.runtime.sleep(TICK_INTERVAL).await;
        }
    }

    fn with_node(&self, event: impl FnOnce(&mut Node, Timestamp, &mut Vec<Action>)) {
        let mut state = self.state.lock();
        let mut actions = std::mem::take(&mut state.actions);
        event(&mut state.node, self.runtime.now(), &mut actions);
        self.perform(&mut state, actions);
    }

    fn drop_link(&self, state: &mut State, peer: PeerId) {
        state.links.remove(&peer);
        self.n_members.send_replace(state.links.len());
        let mut actions = std::mem::take(&mut state.actions);
        state
            .node
            .member_gone(self.runtime.now(), peer, &mut actions);
        self.perform(state, actions);
    }

    fn perform(&self, state: &mut State, mut actions: Vec<Action>) {
        for action in actions.drain(..) {
            match action {
                Action::Send { to, message } => {
                    let sent = state
                        .links
                        .get(&to)
                        .is_some_and(|link| link.queue.try_send(message).is_ok());
                    if !sent {
                        count(&self.counters.messages_dropped);
                    }
                }
                Action::Complete { id, completion } => {
                    if let Some(waiting) = state.waiting.remove(&id) {
                        // Whoever dropped the other end withdraws as well.
                        let _ = waiting.send(completion);
                    }
                }
            }
        }
        state.actions = actions;
        if state.ticker_rests && !state.node.is_idle() {
            state.ticker_rests = false;
            self.wake.notify_one();
        }
    }
}

impl PendingAsk {
    /// Waits for the completion, and says by which number its lease goes, if it brought one.
    pub(crate) async fn completed(mut self) -> (AskId, Completion) {
        match (&mut self.completion).await {
            Ok(completion) => {
                self.guard.is_armed = false;
                (self.id, completion)
            }
            Err(_) => (self.id, Completion::Alone(AloneReason::Stopped)),
        }
    }
}

impl Drop for WithdrawOnDrop {
    fn drop(&mut self) {
        if self.is_armed {
            self.shared.state.lock().waiting.remove(&self.id);
            self.shared.withdraw(self.id);
        }
    }
}

fn is_loopback(addr: &str) -> bool {
    addr.parse().is_ok_and(|addr| address::is_loopback(&addr))
}

/// Tells a member of addresses; of those on the loopback interface only a member on the same machine.
fn tell<'a>(
    queue: &mpsc::Sender<Message>,
    addrs: impl IntoIterator<Item = &'a String>,
    to_loopback: bool,
) {
    let mut addrs: Vec<String> = addrs
        .into_iter()
        .filter(|addr| to_loopback || !is_loopback(addr))
        .cloned()
        .collect();
    addrs.truncate(MAX_ADDRS_PER_MESSAGE);
    if !addrs.is_empty() {
        let _ = queue.try_send(Message::Members { addrs });
    }
}
