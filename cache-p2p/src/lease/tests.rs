use std::time::Duration;

use bytes::Bytes;
use cache_core::Audience;
use cache_core::port::WireKey;

use super::*;

const OWNER: u64 = 77;

/// The owner's table under test, and what it said.
struct Table {
    leases: Leases,
    held: Held,
    now: Moment,
    said: Vec<Action>,
}

impl Table {
    fn new() -> Self {
        Self {
            leases: Leases::new(OWNER),
            held: Held::new(1 << 20),
            now: Moment::from_secs(1),
            said: Vec::new(),
        }
    }

    /// Member `asker` asks with the number `id`, for anything since `since`.
    fn asks_since(&mut self, asker: u8, id: u64, since: u64) -> &mut Self {
        let since = Timestamp::from_millis(since);
        let (held, said) = (&mut self.held, &mut self.said);
        self.leases.asked(
            self.now,
            held,
            PeerId::for_test(asker),
            AskId(id),
            key(),
            since,
            false,
            said,
        );
        self
    }

    fn asks(&mut self, asker: u8, id: u64) -> &mut Self {
        self.asks_since(asker, id, 0)
    }

    /// Member `holder` settles the lease with the token `counter`.
    fn settles(&mut self, holder: u8, counter: u64, outcome: Outcome) -> &mut Self {
        let token = FencingToken {
            incarnation: OWNER,
            counter,
        };
        self.leases.settled(
            self.now,
            PeerId::for_test(holder),
            token,
            key(),
            outcome,
            &mut self.said,
        );
        self
    }

    fn withdraws(&mut self, asker: u8, id: u64) -> &mut Self {
        self.leases
            .withdrawn(self.now, PeerId::for_test(asker), AskId(id), &mut self.said);
        self
    }

    fn leaves(&mut self, peer: u8) -> &mut Self {
        self.leases
            .peer_gone(self.now, PeerId::for_test(peer), &mut self.said);
        self
    }

    /// `ms` pass in ticks, during which `alive` send keepalives.
    fn passes(&mut self, ms: u64, alive: &[u8]) -> &mut Self {
        for _ in 0..ms / 25 {
            self.now += Duration::from_millis(25);
            for peer in alive {
                self.leases.heard(self.now, PeerId::for_test(*peer));
            }
            self.leases.expire(self.now, &mut self.said);
            self.leases.keep_alive(self.now, &mut self.said);
        }
        self
    }

    /// Checks what was said since the last check, keepalives left out: `asker/id answer`.
    #[track_caller]
    fn says(&mut self, expected: &[&str]) -> &mut Self {
        let said: Vec<String> = self
            .said
            .drain(..)
            .filter_map(|action| describe(&action))
            .collect();
        assert_eq!(said, expected);
        self
    }

    #[track_caller]
    fn is_empty(&mut self) {
        assert!(self.leases.is_idle());
        assert!(self.leases.asks.is_empty(), "{:?}", self.leases.asks);
    }
}

fn describe(action: &Action) -> Option<String> {
    let Action::Answer { to, id, answer } = action else {
        return None;
    };
    let answer = match answer {
        Answer::Found(_) => "found".to_owned(),
        Answer::Granted { token, .. } => format!("granted {}", token.counter),
        Answer::Waiting => "waiting".to_owned(),
        Answer::Told(Outcome::Entry(_)) => "entry".to_owned(),
        Answer::Told(Outcome::EachForItself) => "each for itself".to_owned(),
        Answer::Told(Outcome::Failed) => "failed".to_owned(),
        Answer::Told(Outcome::GivenBack) => unreachable!("nobody is told"),
        Answer::Alone => "alone".to_owned(),
    };
    Some(format!("{}/{} {answer}", to.as_bytes()[37], id.0))
}

fn key() -> LeaseKey {
    LeaseKey {
        audience: Audience::ANONYMOUS,
        wire_key: WireKey([0; 32]),
    }
}

fn entry(created: u64) -> Outcome {
    Outcome::Entry(Sealed {
        envelope: Bytes::from_static(b"sealed"),
        created_at: Timestamp::from_millis(created),
    })
}

#[test]
fn first_is_granted_others_wait_and_the_fill_completes_them() {
    Table::new()
        .asks(1, 1)
        .asks(2, 1)
        .asks(1, 2)
        .says(&["1/1 granted 1", "2/1 waiting", "1/2 waiting"])
        .settles(1, 1, entry(5))
        .says(&["2/1 entry", "1/2 entry"])
        .is_empty();
}

#[test]
fn waiter_that_asked_for_a_newer_entry_is_granted_instead() {
    Table::new()
        .asks(1, 1)
        .asks_since(2, 1, 6)
        .asks_since(3, 1, 5)
        .asks_since(4, 1, 7)
        .settles(1, 1, entry(5))
        .says(&[
            "1/1 granted 1",
            "2/1 waiting",
            "3/1 waiting",
            "4/1 waiting",
            "3/1 entry",
            "2/1 granted 2",
        ])
        .settles(2, 2, entry(8))
        .says(&["4/1 entry"])
        .is_empty();
}

#[test]
fn after_a_failure_one_is_granted_and_after_the_second_all_are_told() {
    Table::new()
        .asks(1, 1)
        .asks(2, 1)
        .asks(3, 1)
        .asks(4, 1)
        .says(&["1/1 granted 1", "2/1 waiting", "3/1 waiting", "4/1 waiting"])
        .settles(1, 1, Outcome::Failed)
        .says(&["2/1 granted 2"])
        .settles(2, 2, Outcome::Failed)
        .says(&["3/1 failed", "4/1 failed"])
        .is_empty();
}

#[test]
fn unshareable_answer_sends_all_off_and_is_not_collapsed_for_a_minute() {
    let mut table = Table::new();
    table
        .asks(1, 1)
        .asks(2, 1)
        .says(&["1/1 granted 1", "2/1 waiting"])
        .settles(1, 1, Outcome::EachForItself)
        .says(&["2/1 each for itself"])
        .asks(3, 1)
        .asks(4, 1)
        .says(&["3/1 granted 2", "4/1 granted 3"])
        .is_empty();
    table.now += UNCOLLAPSED_DURATION;
    table
        .asks(5, 1)
        .asks(6, 1)
        .says(&["5/1 granted 4", "6/1 waiting"]);
}

#[test]
fn silent_holder_loses_the_lease_after_two_keepalives() {
    Table::new()
        .asks(1, 1)
        .asks(2, 1)
        .says(&["1/1 granted 1", "2/1 waiting"])
        .passes(200, &[])
        .says(&[])
        .passes(25, &[2])
        .says(&["2/1 granted 2"])
        .passes(400, &[])
        .is_empty();
}

#[test]
fn holder_that_is_heard_keeps_the_lease_until_its_deadline() {
    Table::new()
        .asks(1, 1)
        .asks(2, 1)
        .says(&["1/1 granted 1", "2/1 waiting"])
        .passes(11_975, &[1, 2])
        .says(&[])
        .passes(25, &[1, 2])
        .says(&["2/1 granted 2"]);
}

#[test]
fn waiters_of_two_lost_holders_are_alone_and_not_told_of_a_failure() {
    Table::new()
        .asks(1, 1)
        .asks(2, 1)
        .asks(3, 1)
        .says(&["1/1 granted 1", "2/1 waiting", "3/1 waiting"])
        .leaves(1)
        .says(&["2/1 granted 2"])
        .leaves(2)
        .says(&["3/1 alone"])
        .is_empty();
}

#[test]
fn lease_of_a_member_that_left_does_not_go_to_its_own_other_ask() {
    Table::new()
        .asks(1, 1)
        .asks(1, 2)
        .asks(2, 1)
        .says(&["1/1 granted 1", "1/2 waiting", "2/1 waiting"])
        .leaves(1)
        .says(&["2/1 granted 2"]);
}

#[test]
fn withdrawn_asks_are_forgotten_and_a_withdrawn_holder_is_no_failure() {
    Table::new()
        .asks(1, 1)
        .asks(2, 1)
        .asks(3, 1)
        .asks(4, 1)
        .says(&["1/1 granted 1", "2/1 waiting", "3/1 waiting", "4/1 waiting"])
        .withdraws(2, 1)
        .withdraws(1, 1)
        .says(&["3/1 granted 2"])
        // The one further try is still to come.
        .settles(3, 2, Outcome::Failed)
        .says(&["4/1 granted 3"])
        .settles(4, 3, Outcome::GivenBack)
        .is_empty();
}

#[test]
fn token_of_another_lease_incarnation_or_member_wakes_nobody() {
    let mut table = Table::new();
    table
        .asks(1, 1)
        .asks(2, 1)
        .says(&["1/1 granted 1", "2/1 waiting"]);
    table
        .settles(1, 2, entry(5))
        .settles(2, 1, entry(5))
        .says(&[]);
    let earlier = FencingToken {
        incarnation: OWNER - 1,
        counter: 1,
    };
    table.leases.settled(
        table.now,
        PeerId::for_test(1),
        earlier,
        key(),
        entry(5),
        &mut table.said,
    );
    table.says(&[]);
    assert_eq!(table.leases.counts().stale_fills, 3);
    table.settles(1, 1, entry(5)).says(&["2/1 entry"]);
}

#[test]
fn waiting_members_get_keepalives_one_each() {
    let mut table = Table::new();
    table.asks(1, 1).asks(2, 1).asks(2, 2).asks(3, 1);
    table.said.clear();
    table.passes(100, &[1]);
    let kept = table
        .said
        .iter()
        .filter(|action| matches!(action, Action::Keepalive { .. }))
        .count();
    assert_eq!(kept, 2);
}

#[test]
fn ask_over_a_bound_is_alone() {
    let mut table = Table::new();
    for id in 0..=MAX_WAITERS_PER_LEASE as u64 {
        table.asks(1, id);
    }
    table.said.clear();
    table
        .asks(1, 9999)
        .asks(2, 1)
        .says(&["1/9999 alone", "2/1 alone"]);
    // And so is a number used twice.
    table.asks(1, 1).says(&["1/1 alone"]);
}

#[test]
fn entry_held_is_found_if_new_enough() {
    let mut table = Table::new();
    table.held.keep(
        key(),
        Sealed {
            envelope: Bytes::new(),
            created_at: Timestamp::from_millis(5),
        },
    );
    table
        .asks_since(1, 1, 5)
        .asks_since(1, 2, 6)
        .says(&["1/1 found", "1/2 granted 1"]);
}
