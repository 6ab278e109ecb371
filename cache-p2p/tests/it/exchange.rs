//! Who asks the origin, who waits, who finds.

use std::sync::Arc;

use cache_core::Timestamp;
use cache_core::port::{Ask, Peers, Settled, Verdict};
use futures::future::join_all;

use crate::fleet::{any, ask_and_wait, entry, envelope, granted, key_owned_by, pair, soon, until};

#[tokio::test]
async fn cold_question_is_granted_to_one_the_other_gets_its_bytes_and_later_asks_find_them() {
    let (a, b) = pair(1, 2).await;
    for owner in [&a, &b] {
        let key = key_owned_by(&a, owner.peer_id(), 0);
        let lease = granted(soon(a.ask(any(key))).await);
        let waiting = ask_and_wait(&b, owner, any(key)).await;
        lease.settle(Settled::Entry(envelope(5_000)));
        let waited = soon(waiting).await.unwrap();
        assert!(
            matches!(waited, Verdict::Waited(Settled::Entry(_))),
            "{waited:?}"
        );
        assert_eq!(entry(waited), envelope(5_000).envelope);
        for mesh in [&a, &b] {
            let found = soon(mesh.ask(any(key))).await;
            assert!(matches!(found, Verdict::Found(_)), "{found:?}");
            assert_eq!(entry(found), envelope(5_000).envelope);
        }
    }
}

#[tokio::test]
async fn entry_older_than_asked_for_is_no_answer() {
    let (a, b) = pair(1, 2).await;
    let key = key_owned_by(&a, b.peer_id(), 0);
    granted(soon(a.ask(any(key))).await).settle(Settled::Entry(envelope(10)));
    entry(soon(b.ask(any(key))).await);
    let newer = Timestamp::from_millis(envelope(10).created_at.as_millis() + 1);
    granted(
        soon(a.ask(Ask {
            fresh_since: newer,
            ..any(key)
        }))
        .await,
    );
}

#[tokio::test]
async fn question_that_must_not_ask_the_origin_is_never_granted() {
    let (a, b) = pair(1, 2).await;
    let key = key_owned_by(&a, b.peer_id(), 0);
    let ask = || Ask {
        only_if_held: true,
        ..any(key)
    };
    assert!(matches!(soon(a.ask(ask())).await, Verdict::Alone));
    b.offer(key, envelope(10));
    assert_eq!(entry(soon(a.ask(ask())).await), envelope(10).envelope);
}

#[tokio::test]
async fn offered_entry_is_found_through_its_owner() {
    let (a, b) = pair(1, 2).await;
    let key = key_owned_by(&a, b.peer_id(), 0);
    a.offer(key, envelope(10));
    // The question follows the offer on the same stream.
    let found = soon(b.ask(any(key)));
    let found = match found.await {
        Verdict::Granted(lease) => {
            // It overtook the offer, which travels alone; the next one does not.
            drop(lease);
            soon(a.ask(any(key))).await
        }
        found => found,
    };
    assert_eq!(entry(found), envelope(10).envelope);
}

#[tokio::test]
async fn largest_envelope_passes_both_ways_whoever_dialed() {
    let largest = envelope(cache_p2p::defaults::MAX_ENVELOPE_BYTES);
    for (first, second) in [(1, 2), (2, 1)] {
        let (a, b) = pair(first, second).await;
        for (owner, asker) in [(&a, &b), (&b, &a)] {
            // There with the fill, and back with the answer to a question that nothing at the asker answers.
            let there = key_owned_by(&a, owner.peer_id(), 0);
            let n_held = owner.metrics().held_entries;
            granted(soon(asker.ask(any(there))).await).settle(Settled::Entry(largest.clone()));
            until(|| owner.metrics().held_entries == n_held + 1).await;
            assert_eq!(entry(soon(owner.ask(any(there))).await), largest.envelope);
            let back = key_owned_by(&a, owner.peer_id(), 1);
            owner.offer(back, largest.clone());
            assert_eq!(entry(soon(asker.ask(any(back))).await), largest.envelope);
        }
    }
}

#[tokio::test]
async fn envelope_too_long_for_a_frame_is_each_members_own() {
    let (a, b) = pair(1, 2).await;
    let key = key_owned_by(&a, b.peer_id(), 0);
    let lease = granted(soon(a.ask(any(key))).await);
    let waiting = ask_and_wait(&b, &b, any(key)).await;
    lease.settle(Settled::Entry(envelope(
        cache_p2p::defaults::MAX_ENVELOPE_BYTES + 1,
    )));
    let told = soon(waiting).await.unwrap();
    assert!(
        matches!(told, Verdict::Waited(Settled::EachForItself)),
        "{told:?}"
    );
    // And is not collapsed for a while.
    let _first = granted(soon(a.ask(any(key))).await);
    let _second = granted(soon(b.ask(any(key))).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_asks_at_once_bring_one_grant() {
    const N_ASKS: usize = 200;
    let (a, b) = pair(1, 2).await;
    let key = key_owned_by(&a, b.peer_id(), 0);
    let asks = (0..N_ASKS).map(|number| {
        let mesh = Arc::clone(if number % 2 == 0 { &a } else { &b });
        tokio::spawn(async move {
            match mesh.ask(any(key)).await {
                Verdict::Granted(lease) => {
                    // Settled once all others wait or have been answered.
                    Some(lease)
                }
                verdict => {
                    assert_eq!(entry(verdict), envelope(5_000).envelope);
                    None
                }
            }
        })
    });
    let asks: Vec<_> = asks.collect();
    until(|| b.metrics().owner_asks == u64::try_from(N_ASKS).unwrap()).await;
    assert_eq!(b.metrics().owner_granted, 1);
    let mut tasks = asks;
    // The holder's task is the only one that can end now.
    let (lease, _, rest) = soon(futures::future::select_all(tasks.drain(..))).await;
    lease
        .unwrap()
        .expect("only the holder can end before the fill")
        .settle(Settled::Entry(envelope(5_000)));
    let others = soon(join_all(rest)).await;
    assert!(others.into_iter().all(|other| other.unwrap().is_none()));
    assert_eq!(b.metrics().owner_granted, 1);
}
