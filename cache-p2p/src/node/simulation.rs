//! Many nodes in one thread, with virtual time, latency, loss and crashes, from a printed seed.
//!
//! The network is harsher than the real one, where a link loses everything after a point or nothing: here single
//! messages are lost.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use bytes::Bytes;
use cache_core::Audience;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::defaults::{LEASE_DURATION, MAX_WAIT, TICK_INTERVAL};

/// What can happen to a run.
#[derive(Clone, Copy, Debug)]
struct Weather {
    /// One message in this many is lost; 0 for none.
    lost: u32,
    /// One step in this many crashes or revives a node; 0 for none.
    crashes: u32,
    /// One fetch in this many fails; 0 for none.
    failures: u32,
}

const CALM: Weather = Weather {
    lost: 0,
    crashes: 0,
    failures: 0,
};

struct Simulation {
    rng: StdRng,
    weather: Weather,
    now_ms: u64,
    nodes: Vec<Option<Node>>,
    /// Events by due time, then by order of entry.
    events: BTreeMap<(u64, u64), Event>,
    n_events: u64,
    /// When the last message on each way arrives: streams keep order.
    last_arrival: HashMap<(usize, usize), u64>,
    /// Asks under way, by node, its life, and number: since when.
    pending: BTreeMap<(usize, u64, AskId), u64>,
    /// Lives of each node, so that what belongs to an earlier one is told apart.
    lives: Vec<u64>,
    /// Who asks the origin now, by key.
    at_origin: HashMap<LeaseKey, BTreeSet<(usize, u64, AskId)>>,
    n_fetches: HashMap<LeaseKey, u32>,
    n_answered: u32,
    longest_wait_ms: u64,
    most_at_origin: usize,
}

enum Event {
    Arrives {
        from: usize,
        from_life: u64,
        to: usize,
        to_life: u64,
        message: Message,
    },
    Ticks,
    Asks {
        node: usize,
        ask: Ask,
    },
    Fetched {
        node: usize,
        life: u64,
        id: AskId,
        key: LeaseKey,
        asked_ms: u64,
    },
}

impl Simulation {
    fn new(seed: u64, n_nodes: usize, weather: Weather) -> Self {
        println!("seed {seed}, {n_nodes} nodes, {weather:?}");
        let mut simulation = Self {
            rng: StdRng::seed_from_u64(seed),
            weather,
            now_ms: 1_000_000,
            nodes: (0..n_nodes).map(|_| None).collect(),
            events: BTreeMap::new(),
            n_events: 0,
            last_arrival: HashMap::new(),
            pending: BTreeMap::new(),
            lives: vec![0; n_nodes],
            at_origin: HashMap::new(),
            n_fetches: HashMap::new(),
            n_answered: 0,
            longest_wait_ms: 0,
            most_at_origin: 0,
        };
        for index in 0..n_nodes {
            simulation.revive(index);
        }
        simulation.schedule(0, Event::Ticks);
        simulation
    }

    fn schedule(&mut self, in_ms: u64, event: Event) {
        self.n_events += 1;
        self.events
            .insert((self.now_ms + in_ms, self.n_events), event);
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms)
    }

    fn happens(&mut self, one_in: u32) -> bool {
        one_in > 0 && self.rng.random_ratio(1, one_in)
    }

    fn run(&mut self, until_ms: u64) {
        while let Some(((at_ms, number), event)) = self.events.pop_first() {
            if at_ms > until_ms {
                self.events.insert((at_ms, number), event);
                return;
            }
            self.now_ms = at_ms;
            self.step(event);
        }
    }

    fn step(&mut self, event: Event) {
        let now = self.now();
        match event {
            Event::Arrives {
                from,
                from_life,
                to,
                to_life,
                message,
            } => {
                if self.lives[from] == from_life && self.lives[to] == to_life {
                    self.on(to, |node, out| node.received(now, id(from), message, out));
                }
            }
            Event::Ticks => {
                for index in 0..self.nodes.len() {
                    self.on(index, |node, out| node.tick(now, out));
                }
                if self.happens(self.weather.crashes) {
                    let index = self.rng.random_range(0..self.nodes.len());
                    if self.nodes[index].is_some() {
                        self.crash(index);
                    } else {
                        self.revive(index);
                    }
                }
                self.schedule(
                    u64::try_from(TICK_INTERVAL.as_millis()).unwrap(),
                    Event::Ticks,
                );
            }
            Event::Asks { node, ask } => self.ask(node, &ask),
            Event::Fetched {
                node,
                life,
                id,
                key,
                asked_ms,
            } => {
                if self.lives[node] != life {
                    return;
                }
                self.at_origin
                    .entry(key)
                    .or_default()
                    .remove(&(node, life, id));
                let settled = if self.happens(self.weather.failures) {
                    Settled::Failed
                } else {
                    let created_at = Timestamp::from_millis(asked_ms);
                    Settled::Entry(Sealed {
                        envelope: Bytes::from_static(b"sealed"),
                        created_at,
                    })
                };
                self.on(node, |machine, out| machine.settle(now, id, settled, out));
            }
        }
    }

    fn ask(&mut self, index: usize, ask: &Ask) {
        let now = self.now();
        let Some(node) = &mut self.nodes[index] else {
            return;
        };
        let mut out = Vec::new();
        match node.ask(now, ask, &mut out) {
            Asked::Pending(id) => {
                self.pending
                    .insert((index, self.lives[index], id), self.now_ms);
                self.perform(index, out);
            }
            Asked::Found(_) | Asked::Alone(_) => self.n_answered += 1,
        }
    }

    fn on(&mut self, index: usize, event: impl FnOnce(&mut Node, &mut Vec<Action>)) {
        if let Some(node) = &mut self.nodes[index] {
            let mut out = Vec::new();
            event(node, &mut out);
            self.perform(index, out);
        }
    }

    fn perform(&mut self, index: usize, actions: Vec<Action>) {
        let life = self.lives[index];
        for action in actions {
            match action {
                Action::Send { to, message } => {
                    if self.happens(self.weather.lost) {
                        continue;
                    }
                    let to = usize::from(to.as_bytes()[37] - 1);
                    let delay = self.rng.random_range(1..20);
                    let last = self.last_arrival.entry((index, to)).or_default();
                    *last = (*last).max(self.now_ms + delay);
                    let in_ms = *last - self.now_ms;
                    let to_life = self.lives[to];
                    self.schedule(
                        in_ms,
                        Event::Arrives {
                            from: index,
                            from_life: life,
                            to,
                            to_life,
                            message,
                        },
                    );
                }
                Action::Complete { id, completion } => self.complete(index, id, &completion),
            }
        }
    }

    fn complete(&mut self, index: usize, id: AskId, completion: &Completion) {
        let life = self.lives[index];
        let since = self
            .pending
            .remove(&(index, life, id))
            .expect("every ask completes once");
        self.longest_wait_ms = self.longest_wait_ms.max(self.now_ms - since);
        self.n_answered += 1;
        if matches!(completion, Completion::Granted) {
            let node = self.nodes[index].as_ref().expect("it lives");
            let key = node
                .asks
                .key_of(id)
                .expect("a granted ask stays until it is settled");
            *self.n_fetches.entry(key).or_default() += 1;
            let at_origin = self.at_origin.entry(key).or_default();
            at_origin.insert((index, life, id));
            self.most_at_origin = self.most_at_origin.max(at_origin.len());
            let takes = self.rng.random_range(50..2_000);
            self.schedule(
                takes,
                Event::Fetched {
                    node: index,
                    life,
                    id,
                    key,
                    asked_ms: self.now_ms,
                },
            );
        }
    }

    fn crash(&mut self, index: usize) {
        self.nodes[index] = None;
        let life = self.lives[index];
        self.lives[index] += 1;
        self.pending
            .retain(|(node, of, _), _| (*node, *of) != (index, life));
        for at_origin in self.at_origin.values_mut() {
            at_origin.retain(|(node, of, _)| (*node, *of) != (index, life));
        }
        let now = self.now();
        for other in 0..self.nodes.len() {
            self.on(other, |node, out| node.member_gone(now, id(index), out));
        }
    }

    fn revive(&mut self, index: usize) {
        let now = self.now();
        let mut node = Node::new(id(index), self.rng.random(), 1 << 20);
        for (other, living) in self.nodes.iter_mut().enumerate() {
            if let Some(living) = living {
                living.member_up(now, id(index));
                node.member_up(now, id(other));
            }
        }
        self.nodes[index] = Some(node);
    }
}

fn id(index: usize) -> PeerId {
    PeerId::for_test(u8::try_from(index + 1).unwrap())
}

fn key(number: u8) -> LeaseKey {
    LeaseKey {
        audience: Audience::ANONYMOUS,
        wire_key: WireKey([number; 32]),
    }
}

/// Runs asks of random nodes for `n_keys` keys over ten seconds, and then long enough for every answer.
fn storm(seed: u64, n_nodes: usize, n_keys: u8, weather: Weather, fresh: bool) -> Simulation {
    let mut simulation = Simulation::new(seed, n_nodes, weather);
    for _ in 0..300 {
        let node = simulation.rng.random_range(0..n_nodes);
        let at_ms = simulation.rng.random_range(0..10_000);
        let key = key(simulation.rng.random_range(0..n_keys));
        let fresh_since = if fresh {
            Timestamp::from_millis(simulation.now_ms + at_ms - at_ms % 2_000)
        } else {
            Timestamp::EPOCH
        };
        simulation.schedule(
            at_ms,
            Event::Asks {
                node,
                ask: Ask {
                    key,
                    fresh_since,
                    only_if_held: false,
                },
            },
        );
    }
    let patience = MAX_WAIT + LEASE_DURATION;
    let until_ms = simulation.now_ms + 10_000 + u64::try_from(patience.as_millis()).unwrap();
    simulation.run(until_ms);
    simulation
}

#[test]
fn in_a_calm_fleet_each_question_reaches_the_origin_once() {
    for seed in 0..20 {
        let simulation = storm(seed, 5, 10, CALM, false);
        assert!(simulation.pending.is_empty());
        assert_eq!(simulation.n_answered, 300);
        assert_eq!(simulation.n_fetches.len(), 10);
        assert!(
            simulation.n_fetches.values().all(|n| *n == 1),
            "{:?}",
            simulation.n_fetches
        );
    }
}

#[test]
fn in_a_calm_fleet_each_window_of_freshness_has_one_fetch_at_a_time() {
    for seed in 0..20 {
        let simulation = storm(seed, 5, 3, CALM, true);
        assert!(simulation.pending.is_empty());
        assert_eq!(simulation.most_at_origin, 1);
        // Five windows of two seconds, of which each question needs at most one fetch.
        assert!(
            simulation.n_fetches.values().all(|n| *n <= 5),
            "{:?}",
            simulation.n_fetches
        );
    }
}

#[test]
fn failures_are_tried_once_more_and_never_by_two_at_once() {
    for seed in 0..20 {
        let simulation = storm(
            seed,
            4,
            3,
            Weather {
                failures: 3,
                ..CALM
            },
            true,
        );
        assert!(simulation.pending.is_empty());
        assert_eq!(simulation.most_at_origin, 1);
    }
}

#[test]
fn every_ask_is_answered_within_its_bound_whatever_is_lost_and_whoever_crashes() {
    let slack = Duration::from_millis(100);
    for seed in 0..60 {
        let weather = Weather {
            lost: 20,
            crashes: 40,
            failures: 5,
        };
        let simulation = storm(seed, 6, 8, weather, true);
        assert!(simulation.pending.is_empty(), "{:?}", simulation.pending);
        let longest = Duration::from_millis(simulation.longest_wait_ms);
        assert!(longest <= MAX_WAIT + slack, "{longest:?}");
        // Nothing is left behind.
        for node in simulation.nodes.iter().flatten() {
            assert!(node.is_idle(), "{node:?}");
        }
    }
}
