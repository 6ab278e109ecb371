use std::time::Duration;

use bytes::Bytes;
use cache_core::Audience;

use super::*;
use crate::message::Answer;

fn me() -> PeerId {
    PeerId::for_test(1)
}

fn other() -> PeerId {
    PeerId::for_test(2)
}

/// Returns a node with one other member, and a key that the other owns.
fn node() -> (Node, LeaseKey) {
    let mut node = Node::new(me(), 1, 1 << 20);
    node.member_up(at(0), other());
    let key = (0..=255)
        .map(|number| WireKey([number; 32]))
        .find(|key| node.owner(key) == other())
        .expect("the other owns one of 256 keys");
    (
        node,
        LeaseKey {
            audience: Audience::ANONYMOUS,
            wire_key: key,
        },
    )
}

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(1_000_000 + ms)
}

fn ask(key: LeaseKey) -> Ask {
    Ask {
        key,
        fresh_since: Timestamp::EPOCH,
        only_if_held: false,
    }
}

#[track_caller]
fn pending(asked: Asked) -> AskId {
    match asked {
        Asked::Pending(id) => id,
        other => panic!("{other:?}"),
    }
}

/// Ticks to `ms`, and returns what was completed when.
fn tick_to(node: &mut Node, from_ms: u64, to_ms: u64) -> Vec<(u64, Completion)> {
    let mut completed = Vec::new();
    for ms in (from_ms..=to_ms).step_by(25) {
        let mut out = Vec::new();
        node.tick(at(ms), &mut out);
        completed.extend(out.into_iter().filter_map(|action| match action {
            Action::Complete { completion, .. } => Some((ms, completion)),
            Action::Send { .. } => None,
        }));
    }
    completed
}

#[test]
fn silent_owner_costs_less_than_a_quarter_second_once_for_all_asks_under_way() {
    let (mut node, key) = node();
    let mut out = Vec::new();
    pending(node.ask(at(0), &ask(key), &mut out));
    pending(node.ask(at(100), &ask(key), &mut out));
    let completed = tick_to(&mut node, 100, 250);
    assert!(
        matches!(
            completed[..],
            [
                (200, Completion::Alone(AloneReason::OwnerSilent)),
                (200, Completion::Alone(AloneReason::OwnerSilent))
            ]
        ),
        "{completed:?}"
    );
    assert_eq!(node.owner(&key.wire_key), me());
}

#[test]
fn owner_that_says_wait_and_falls_silent_is_given_up_after_two_keepalives() {
    let (mut node, key) = node();
    let mut out = Vec::new();
    let id = pending(node.ask(at(0), &ask(key), &mut out));
    node.received(
        at(10),
        other(),
        Message::Answer {
            id,
            answer: Answer::Waiting,
        },
        &mut out,
    );
    node.received(at(150), other(), Message::Keepalive, &mut out);
    let completed = tick_to(&mut node, 150, 600);
    assert!(
        matches!(
            completed[..],
            [(375, Completion::Alone(AloneReason::WaitedInVain))]
        ),
        "{completed:?}"
    );
}

#[test]
fn answer_behind_a_long_frame_is_late_and_not_lost() {
    let (mut node, key) = node();
    let mut out = Vec::new();
    pending(node.ask(at(0), &ask(key), &mut out));
    for ms in (0..2_000).step_by(50) {
        node.transferring(at(ms), other());
        assert!(tick_to(&mut node, ms, ms).is_empty());
    }
    assert_eq!(tick_to(&mut node, 2_000, 2_300).len(), 1);
}

#[test]
fn held_entry_is_found_without_asking_anybody() {
    let (mut node, key) = node();
    let mut out = Vec::new();
    let sealed = Sealed {
        envelope: Bytes::from_static(b"sealed"),
        created_at: at(0),
    };
    node.offer(at(0), key, sealed, &mut out);
    assert!(matches!(
        out[..],
        [Action::Send {
            message: Message::Offer { .. },
            ..
        }]
    ));
    assert!(matches!(
        node.ask(at(1), &ask(key), &mut out),
        Asked::Found(_)
    ));
    let newer = Ask {
        fresh_since: at(1),
        ..ask(key)
    };
    pending(node.ask(at(1), &newer, &mut out));
}

#[test]
fn entry_of_an_owner_is_checked_against_what_was_asked_for() {
    let (mut node, key) = node();
    let mut out = Vec::new();
    let id = pending(node.ask(
        at(0),
        &Ask {
            fresh_since: at(0),
            ..ask(key)
        },
        &mut out,
    ));
    out.clear();
    let sealed = Sealed {
        envelope: Bytes::from_static(b"sealed"),
        created_at: at(0).saturating_sub(Duration::from_millis(1)),
    };
    node.received(
        at(1),
        other(),
        Message::Answer {
            id,
            answer: Answer::Found(sealed),
        },
        &mut out,
    );
    assert!(matches!(
        out[..],
        [Action::Complete {
            completion: Completion::Alone(AloneReason::TooOld),
            ..
        }]
    ));
}

#[test]
fn fill_for_an_owner_that_left_goes_to_its_successor() {
    let (mut node, key) = node();
    let mut out = Vec::new();
    let id = pending(node.ask(at(0), &ask(key), &mut out));
    let token = FencingToken {
        incarnation: 1,
        counter: 1,
    };
    let granted = Answer::Granted {
        token,
        valid_for: Duration::from_secs(12),
    };
    node.received(
        at(1),
        other(),
        Message::Answer {
            id,
            answer: granted,
        },
        &mut out,
    );
    node.member_gone(at(2), other(), &mut out);
    let successor = (3..=255)
        .map(PeerId::for_test)
        .find(|peer| crate::rank::owner(&key.wire_key, [me(), *peer]) == Some(*peer));
    node.member_up(at(3), successor.unwrap());
    out.clear();
    let sealed = Sealed {
        envelope: Bytes::from_static(b"sealed"),
        created_at: at(1),
    };
    node.settle(at(4), id, Settled::Entry(sealed), &mut out);
    assert!(
        matches!(&out[..], [Action::Send { to, message: Message::Offer { .. } }] if Some(*to) == successor),
        "{out:?}"
    );
}

#[test]
fn node_that_was_held_up_does_not_blame_others() {
    let (mut node, key) = node();
    let mut out = Vec::new();
    let id = pending(node.ask(at(0), &ask(key), &mut out));
    assert!(tick_to(&mut node, 0, 100).is_empty());
    // Stopped for ten seconds; the answer lay in the socket meanwhile.
    assert!(tick_to(&mut node, 10_000, 10_000).is_empty());
    out.clear();
    node.received(
        at(10_010),
        other(),
        Message::Answer {
            id,
            answer: Answer::Alone,
        },
        &mut out,
    );
    assert!(
        matches!(
            out[..],
            [Action::Complete {
                completion: Completion::Alone(AloneReason::Told),
                ..
            }]
        ),
        "{out:?}"
    );
}

#[test]
fn lease_of_an_earlier_life_settles_nothing_in_a_later_one() {
    let (mut node, key) = node();
    let mut out = Vec::new();
    let earlier = pending(node.ask(at(0), &ask(key), &mut out));
    let mut node = node.started_anew(2, 1 << 20);
    node.member_up(at(0), other());
    let later = pending(node.ask(at(0), &ask(key), &mut out));
    assert_ne!(earlier, later);
    out.clear();
    node.settle(at(1), earlier, Settled::Failed, &mut out);
    node.withdraw(at(1), earlier, &mut out);
    assert!(out.is_empty(), "{out:?}");
}
