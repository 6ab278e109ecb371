//! How the daemon ends.

use rustix::process::Signal;
use standin::{Fault, FaultKind};

use crate::support::World;

#[tokio::test]
async fn sigterm_finishes_requests_in_flight_and_removes_the_socket() {
    let world = World::new().await;
    let daemon = world.serve(&[]).await;
    let socket = daemon.socket();
    world
        .standin
        .set_fault(Fault::new(FaultKind::Delay { ms: 1_000 }));
    let asked = world
        .command(&["api", "users/octocat", "-q", ".login"])
        .spawn()
        .unwrap();
    // The request is under way once the stand-in has it.
    while world.standin.counters().in_flight == 0 {
        tokio::task::yield_now().await;
    }
    let (code, said) = daemon.stop().await;
    assert_eq!(code, Some(0), "{said}");
    let answered = asked.wait_with_output().await.unwrap();
    assert_eq!(answered.stdout, b"octocat\n", "{answered:?}");
    assert!(!socket.exists(), "the socket is removed");
}

#[tokio::test]
async fn sigint_is_a_clean_end_too() {
    let world = World::new().await;
    let daemon = world.serve(&[]).await;
    daemon.signal(Signal::INT);
    assert_eq!(daemon.ended().await.0, Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let world = World::new().await;
    let daemon = world.serve(&[]).await;
    world
        .standin
        .set_fault(Fault::new(FaultKind::Delay { ms: 30_000 }));
    let _asked = world.command(&["api", "users/octocat"]).spawn().unwrap();
    while world.standin.counters().in_flight == 0 {
        tokio::task::yield_now().await;
    }
    let socket = daemon.socket();
    daemon.signal(Signal::TERM);
    // The socket goes as soon as the first signal is seen; two that arrive together would count as one.
    while socket.exists() {
        tokio::task::yield_now().await;
    }
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended().await.0, Some(1));
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart() {
    let world = World::new().await;
    let first = world.serve(&["--default-ttl", "600"]).await;
    world.run(&["api", "users/octocat"]).await.good();
    assert_eq!(first.stop().await.0, Some(0));
    let _second = world.serve(&["--default-ttl", "600"]).await;
    let run = world
        .run(&["api", "users/octocat", "--include"])
        .await
        .good();
    assert!(run.text().contains("detail=disk"), "{run:?}");
    assert_eq!(world.standin.counters().requests, 1);
}
