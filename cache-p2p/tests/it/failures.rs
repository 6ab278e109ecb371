//! Members that leave, die, fail or change their mind.

use cache_core::port::{Peers, Settled, Verdict};

use crate::fleet::{
    any, ask_and_wait, config, entry, envelope, granted, key_owned_by, pair, soon, start,
    start_with, until,
};

#[tokio::test]
async fn ask_is_alone_when_its_owner_is_gone() {
    let (a, b) = pair(1, 2).await;
    let c = start(3, a.addrs()).await;
    for mesh in [&a, &b, &c] {
        soon(mesh.wait_for_peers(2)).await;
    }
    let key = key_owned_by(&b, a.peer_id(), 0);
    let _held = granted(soon(c.ask(any(key))).await);
    let waiting = ask_and_wait(&b, &a, any(key)).await;
    drop(a);
    assert!(matches!(soon(waiting).await.unwrap(), Verdict::Alone));
    assert_eq!(b.metrics().alone["owner-gone"], 1);
    // The next ask goes to the successor.
    soon(b.wait_for_peers(1)).await;
    soon(c.wait_for_peers(1)).await;
    granted(soon(b.ask(any(key))).await);
}

#[tokio::test]
async fn lease_of_a_holder_that_dies_goes_to_a_waiter() {
    let (a, b) = pair(1, 2).await;
    let key = key_owned_by(&a, a.peer_id(), 0);
    let _held = granted(soon(b.ask(any(key))).await);
    let waiting = ask_and_wait(&a, &a, any(key)).await;
    drop(b);
    granted(soon(waiting).await.unwrap());
    assert_eq!(a.metrics().holders_lost, 1);
}

#[tokio::test]
async fn member_that_shuts_down_gives_its_lease_to_a_waiter() {
    let (a, b) = pair(1, 2).await;
    for owner in [&a, &b] {
        assert!(owner.is_reachable());
    }
    let key = key_owned_by(&a, b.peer_id(), 0);
    let held = granted(soon(a.ask(any(key))).await);
    let waiting = ask_and_wait(&b, &b, any(key)).await;
    a.shutdown().await;
    granted(soon(waiting).await.unwrap());
    soon(b.wait_for_peers(0)).await;
    assert!(!b.is_reachable());
    // Nobody hears it any more, and nothing breaks.
    held.settle(Settled::Failed);
    assert!(matches!(soon(a.ask(any(key))).await, Verdict::Alone));
    assert!(matches!(soon(b.ask(any(key))).await, Verdict::Alone));
}

#[tokio::test]
async fn after_a_failure_one_more_tries_and_then_all_are_told() {
    let (a, b) = pair(1, 2).await;
    let key = key_owned_by(&a, b.peer_id(), 0);
    let first = granted(soon(a.ask(any(key))).await);
    let second = ask_and_wait(&b, &b, any(key)).await;
    let third = ask_and_wait(&a, &b, any(key)).await;
    first.settle(Settled::Failed);
    let lease = granted(soon(second).await.unwrap());
    // Dropped, as by a leader that panics.
    drop(lease);
    let told = soon(third).await.unwrap();
    assert!(matches!(told, Verdict::Waited(Settled::Failed)), "{told:?}");
}

#[tokio::test]
async fn dropping_a_waiting_ask_withdraws_it() {
    let (a, b) = pair(1, 2).await;
    let key = key_owned_by(&a, a.peer_id(), 0);
    let first = granted(soon(a.ask(any(key))).await);
    let withdrawn = ask_and_wait(&b, &a, any(key)).await;
    let third = ask_and_wait(&a, &a, any(key)).await;
    withdrawn.abort();
    assert!(soon(withdrawn).await.unwrap_err().is_cancelled());
    // Follows the withdrawal on the same stream.
    let last = ask_and_wait(&b, &a, any(key)).await;
    first.settle(Settled::Failed);
    granted(soon(third).await.unwrap()).settle(Settled::Entry(envelope(10)));
    assert_eq!(entry(soon(last).await.unwrap()), envelope(10).envelope);
}

#[tokio::test]
async fn member_that_starts_again_is_found_again() {
    let (a, b) = pair(1, 2).await;
    let addrs = a.addrs();
    a.shutdown().await;
    soon(b.wait_for_peers(0)).await;
    drop(a);
    let mut again = config(1, vec![]);
    again.listen =
        cache_p2p::Listen::Addrs(vec![addrs[0].split("/p2p/").next().unwrap().to_owned()]);
    let a = start_with(again).await;
    soon(b.wait_for_peers(1)).await;
    until(|| a.peers().len() == 1).await;
    assert_eq!(b.peers()[0].agent, "test/1");
    assert_eq!(b.peers()[0].addrs, a.addrs());
}
