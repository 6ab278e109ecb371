//! How members find each other, and who is kept out.

use std::sync::Arc;

use cache_core::port::{Peers, Settled, Verdict};
use cache_p2p::{Listen, Mesh, StartError};

use crate::fleet::{
    TokioRuntime, any, config, entry, envelope, granted, key_owned_by, pair, soon, start,
    start_with, until,
};

#[tokio::test]
async fn members_that_know_one_address_meet_all() {
    let first = start(1, vec![]).await;
    let mut meshes = vec![Arc::clone(&first)];
    for number in 2..=5 {
        // Without `/p2p/…`, as people write it.
        let addr = first.addrs()[0].split("/p2p/").next().unwrap().to_owned();
        meshes.push(start(number, vec![addr]).await);
    }
    for mesh in &meshes {
        soon(mesh.wait_for_peers(4)).await;
    }
    // Everybody names the same owner.
    let key = key_owned_by(&first, meshes[3].peer_id(), 0);
    assert!(
        meshes
            .iter()
            .all(|mesh| mesh.owner_of(&key.wire_key) == meshes[3].peer_id())
    );
    granted(soon(meshes[1].ask(any(key))).await).settle(Settled::Entry(envelope(100)));
    until(|| meshes[3].metrics().held_entries == 1).await;
    for mesh in &meshes {
        entry(soon(mesh.ask(any(key))).await);
    }
}

#[tokio::test]
async fn other_secret_never_connects_is_counted_and_harms_nobody() {
    let (a, b) = pair(1, 2).await;
    let mut other = config(3, a.addrs());
    other.prologue = [1; 32];
    let stranger = start_with(other).await;
    until(|| stranger.metrics().wrong_secret >= 2).await;
    until(|| a.metrics().inbound_failed >= 2).await;
    assert!(stranger.peers().is_empty());
    assert_eq!((a.peers().len(), b.peers().len()), (1, 1));
    // Both sides keep answering.
    let key = key_owned_by(&a, b.peer_id(), 0);
    assert!(matches!(soon(stranger.ask(any(key))).await, Verdict::Alone));
    assert!(!stranger.is_reachable());
    granted(soon(a.ask(any(key))).await).settle(Settled::Entry(envelope(10)));
    entry(soon(b.ask(any(key))).await);
}

#[tokio::test]
async fn member_without_others_is_alone_at_once() {
    let mesh = start(1, vec!["/ip4/127.0.0.1/tcp/9".to_owned()]).await;
    let key = key_owned_by(&mesh, mesh.peer_id(), 0);
    assert!(!mesh.is_reachable());
    assert!(matches!(soon(mesh.ask(any(key))).await, Verdict::Alone));
    assert_eq!(mesh.metrics().alone["no-members"], 1);
    until(|| mesh.metrics().dials_failed >= 2).await;
}

#[tokio::test]
async fn own_address_among_the_configured_is_no_member() {
    let addr = "/ip4/127.0.0.1/tcp/0".to_owned();
    let mesh = start(1, vec![]).await;
    let port = mesh.addrs()[0].split("/p2p/").next().unwrap().to_owned();
    mesh.shutdown().await;
    let mut itself = config(1, vec![port.clone()]);
    itself.listen = Listen::Addrs(vec![port, addr]);
    let mesh = start_with(itself).await;
    until(|| mesh.metrics().dials_failed == 1).await;
    assert!(mesh.peers().is_empty());
}

#[tokio::test]
async fn port_of_another_member_is_an_error_and_the_next_one_is_free() {
    let mut first = config(1, vec![]);
    first.listen = Listen::Port(0);
    let first = start_with(first).await;
    let addr = first.addrs()[0].clone();
    assert!(
        !first
            .addrs()
            .iter()
            .any(|addr| addr.contains("0.0.0.0") || addr.contains("/::/")),
        "{addr}"
    );
    let port: u16 = addr.split('/').nth(4).unwrap().parse().unwrap();
    let mut second = config(2, vec![]);
    second.listen = Listen::Port(port);
    let error = Mesh::start(second.clone(), Arc::new(TokioRuntime))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, StartError::AddressInUse { addr, .. } if addr.contains(&port.to_string())),
        "{error}"
    );
    second.listen = Listen::PortOrNext(port);
    let second = start_with(second).await;
    assert!(
        !second
            .addrs()
            .iter()
            .any(|addr| addr.contains(&format!("/tcp/{port}/")))
    );
}

#[tokio::test]
async fn address_that_does_not_parse_is_an_error() {
    let bad = config(1, vec!["10.0.0.1:9000".to_owned()]);
    let error = Mesh::start(bad, Arc::new(TokioRuntime)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`10.0.0.1:9000` is not a multiaddr such as /ip4/192.0.2.1/tcp/9000"
    );
}

#[tokio::test]
async fn peers_are_described() {
    let (a, b) = pair(1, 2).await;
    until(|| a.peers()[0].rtt.is_some()).await;
    let peer = a.peers().remove(0);
    assert_eq!((peer.peer_id, peer.agent.as_str()), (b.peer_id(), "test/2"));
    assert_eq!(peer.addrs, b.addrs());
    assert!(peer.addrs[0].starts_with("/ip4/127.0.0.1/tcp/"), "{peer:?}");
    assert!(
        peer.addrs[0].ends_with(&format!("/p2p/{}", b.peer_id())),
        "{peer:?}"
    );
}
