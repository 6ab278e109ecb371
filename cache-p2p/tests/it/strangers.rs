//! Members that misbehave on the exchange stream.

use cache_core::port::{Peers, Settled, Verdict};

use crate::fleet::{any, entry, envelope, granted, key_owned_by, pair, soon, start, until};
use crate::wire_by_hand::{StandIn, frame, hello};

#[tokio::test]
async fn silent_owner_costs_one_short_wait_and_then_its_rank() {
    let mesh = start(1, vec![]).await;
    let silent = soon(StandIn::join(&mesh)).await;
    soon(mesh.wait_for_peers(1)).await;
    let keys = [0, 1].map(|n| key_owned_by(&mesh, silent.peer_id, n));
    assert!(matches!(soon(mesh.ask(any(keys[0]))).await, Verdict::Alone));
    assert_eq!(mesh.metrics().alone["owner-silent"], 1);
    // Passed by from now on: the rank is lost before anybody waits again.
    granted(soon(mesh.ask(any(keys[0]))).await);
    granted(soon(mesh.ask(any(keys[1]))).await);
    assert_eq!(mesh.metrics().alone["owner-silent"], 1);
}

#[tokio::test]
async fn malformed_frames_are_refused_and_counted_and_others_are_unharmed() {
    let (a, b) = pair(3, 4).await;
    let too_long = [0xFF, 0xFF, 0xFF, 0xFF, 0, 4];
    let cases: [(&str, Vec<u8>); 6] = [
        ("the frame is too long", too_long.to_vec()),
        (
            "the frame's lengths contradict each other",
            vec![0, 0, 0, 1, 0, 4],
        ),
        (
            "the frame's head is not a message",
            frame(&99_u32.to_be_bytes(), &[]),
        ),
        // A `Members` that claims 2^40 addresses.
        (
            "the frame's head is not a message",
            frame(&[0, 0, 0, 11, 0, 0, 1, 0, 0, 0, 0, 0], &[]),
        ),
        // A `Keepalive` with an envelope.
        (
            "the message has an envelope where none belongs, or lacks one",
            frame(&10_u32.to_be_bytes(), b"x"),
        ),
        ("the message does not belong there", hello()),
    ];
    for (reason, bytes) in cases {
        let before = a
            .metrics()
            .frames_refused
            .get(reason)
            .copied()
            .unwrap_or_default();
        let mut stand_in = soon(StandIn::join(&a)).await;
        stand_in.send(&bytes).await;
        soon(stand_in.is_hung_up_on()).await;
        until(|| a.metrics().frames_refused.get(reason) == Some(&(before + 1))).await;
    }
    soon(a.wait_for_peers(1)).await;
    let key = key_owned_by(&a, b.peer_id(), 0);
    granted(soon(a.ask(any(key))).await).settle(Settled::Entry(envelope(10)));
    entry(soon(b.ask(any(key))).await);
}

#[tokio::test]
async fn entry_from_the_future_is_not_kept() {
    let mesh = start(1, vec![]).await;
    let mut stand_in = soon(StandIn::join(&mesh)).await;
    // `Offer` of a key of zeros, created at the end of time.
    let mut head = 9_u32.to_be_bytes().to_vec();
    head.extend([0; 48]);
    head.extend(u64::MAX.to_be_bytes());
    stand_in.send(&frame(&head, b"sealed")).await;
    until(|| mesh.metrics().offers_refused == 1).await;
    assert_eq!(mesh.metrics().held_entries, 0);
}
