//! Two nodes, over real connections.

use std::path::Path;
use std::time::Duration;

use gh_client::Node;
use standin::{Fault, FaultKind, Standin, Token};
use tokio::time::timeout;

use crate::lab::{self, FETCHED, PRIVATE, REPO, Seen, until};
use crate::starting::{client, settings};

const SECRET: &str = "a secret of the fleet, long enough to be one";

struct Fleet {
    standin: Standin,
    a: Node,
    b: Node,
    _dir: tempfile::TempDir,
}

async fn start(dir: &Path, standin: &Standin, more: &[(&str, &str)]) -> Node {
    Node::start(&settings(dir, standin, more)).await.unwrap()
}

impl Fleet {
    async fn new(more: &[(&str, &str)]) -> Self {
        let (dir, standin) = (tempfile::tempdir().unwrap(), lab::standin().await);
        let a = start(&dir.path().join("a"), &standin, more).await;
        let addr = a.identity().addrs[0].clone();
        let more: Vec<_> = more
            .iter()
            .copied()
            .chain([("BOOTSTRAP_PEERS", addr.as_str())])
            .collect();
        let b = start(&dir.path().join("b"), &standin, &more).await;
        for node in [&a, &b] {
            let connected = timeout(Duration::from_secs(20), node.wait_for_peers(1)).await;
            connected.expect("the two find each other");
        }
        let fleet = Self {
            standin,
            a,
            b,
            _dir: dir,
        };
        fleet.standin.reset_counters();
        fleet
    }

    fn nodes(&self) -> [&Node; 2] {
        [&self.a, &self.b]
    }
}

/// Checks that an answer came from the other node: held there, or still on its way to whoever grants leases.
#[track_caller]
fn check_from_fleet(seen: &Seen) {
    let outcome = seen.outcome();
    assert!(
        outcome.ends_with("detail=peer") || outcome.ends_with("collapsed; detail=fleet"),
        "{outcome}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cold_question_to_both_at_once_costs_one_request_and_asking_again_nothing() {
    // The token unites them: it is what both have.
    let fleet = Fleet::new(&[]).await;
    let [a, b] = fleet.nodes().map(|node| client(node, Token::OCTOCAT));
    fleet
        .standin
        .set_fault(Fault::new(FaultKind::Delay { ms: 100 }).times(1));
    let (one, other) = tokio::join!(a.get(PRIVATE), b.get(PRIVATE));
    assert_eq!(one.body, other.body);
    assert_eq!(one.header("etag"), other.header("etag"));
    assert_eq!(fleet.standin.counters().requests, 1);
    let mut outcomes = [one.outcome(), other.outcome()];
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["fwd=uri-miss; collapsed; detail=fleet", FETCHED]);
    for node in [&a, &b] {
        assert!(node.get(PRIVATE).await.outcome().starts_with("hit"));
        // With the origin's word: the tag is computed by whoever has not seen GitHub's.
        let seen = node
            .get_with(PRIVATE, &[("cache-control", "no-cache")])
            .await;
        assert_eq!(seen.status, 200);
        assert!(seen.outcome().contains("304"), "{}", seen.outcome());
    }
    let counters = fleet.standin.counters();
    assert_eq!((counters.charged, counters.not_modified), (1, 2));
    // The control: the same six questions, past the cache.
    let direct = lab::Client::new(
        lab::upstream(&fleet.standin),
        Some(format!("Bearer {}", Token::OCTOCAT)),
    );
    fleet.standin.reset_counters();
    for _ in 0..6 {
        direct.get(PRIVATE).await;
    }
    assert_eq!(fleet.standin.counters().charged, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_fetched_the_other_takes_from_it() {
    let fleet = Fleet::new(&[]).await;
    let [a, b] = fleet.nodes().map(|node| client(node, Token::OCTOCAT));
    let one = a.get(REPO).await;
    let other = b.get(REPO).await;
    check_from_fleet(&other);
    assert_eq!(one.body, other.body);
    assert_eq!(
        one.header("etag"),
        other.header("etag"),
        "computed and true"
    );
    let page = "/repos/octocat/Hello-World/issues?per_page=5";
    let (one, other) = (a.get(page).await, b.get(page).await);
    // Rebuilt for the question that was asked: what a peer says of places is not believed.
    let next = other.link("next").unwrap();
    assert!(next.ends_with(&format!("{page}&page=2")), "{next}");
    assert!(one.link("next").unwrap().ends_with("&page=2"));
    assert_eq!(fleet.standin.counters().requests, 2);
    let stats = fleet.b.stats().await;
    assert_eq!(
        (stats.peer_hits + stats.collapsed, stats.api_calls_made),
        (2, 0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_of_a_peer_is_revalidated_for_free_when_it_expires() {
    let fleet = Fleet::new(&[("DEFAULT_TTL", "0.3")]).await;
    let [a, b] = fleet.nodes().map(|node| client(node, Token::OCTOCAT));
    a.get(REPO).await;
    b.get(REPO).await;
    let charged = fleet.standin.counters().charged;
    for node in [&b, &a, &b] {
        until(|| async { node.get(REPO).await.outcome().contains("fwd=stale") }).await;
    }
    let counters = fleet.standin.counters();
    assert_eq!(counters.charged, charged);
    assert!(counters.not_modified >= 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_other_gone_each_alone_answers() {
    let fleet = Fleet::new(&[]).await;
    let b = client(&fleet.b, Token::OCTOCAT);
    b.get(REPO).await;
    fleet.a.shutdown().await;
    assert!(b.get(REPO).await.outcome().starts_with("hit"));
    for target in ["/meta", "/versions", "/users/octocat", PRIVATE] {
        let seen = timeout(Duration::from_secs(5), b.get(target))
            .await
            .unwrap();
        assert_eq!(seen.status, 200, "{target}");
    }
    let a = client(&fleet.a, Token::OCTOCAT);
    assert_eq!(a.get("/orgs/octo-org").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_credential_gets_another_ones_body_by_way_of_a_peer() {
    let fleet = Fleet::new(&[("P2P_SHARED_SECRET", SECRET)]).await;
    let seen = client(&fleet.a, Token::OCTOCAT).get(PRIVATE).await;
    assert_eq!(seen.status, 200);
    for node in fleet.nodes() {
        for _ in 0..2 {
            // The second node may take the first one's word for it: that is the same credential's.
            let hubot = client(node, Token::HUBOT).get(PRIVATE).await;
            assert_eq!(hubot.status, 404);
            assert_eq!(hubot.json()["message"], "Not Found");
        }
    }
    let holder = client(&fleet.b, Token::OCTOCAT).get(PRIVATE).await;
    check_from_fleet(&holder);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_at_one_node_is_seen_at_that_node_at_once() {
    let fleet = Fleet::new(&[]).await;
    let [a, b] = fleet.nodes().map(|node| client(node, Token::OCTOCAT));
    a.get(REPO).await;
    b.get(REPO).await;
    let written = serde_json::json!({"description": "written at a node"});
    a.send(http::Method::PATCH, REPO, &written).await;
    let seen = a.get(REPO).await;
    assert_eq!(
        seen.json()["description"],
        "written at a node",
        "not what a peer still holds: {}",
        seen.outcome()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_of_two_secrets_do_not_meet_and_both_serve() {
    let (dir, standin) = (tempfile::tempdir().unwrap(), lab::standin().await);
    let a = start(
        &dir.path().join("a"),
        &standin,
        &[("P2P_SHARED_SECRET", SECRET)],
    )
    .await;
    let addr = a.identity().addrs[0].clone();
    let other = "another secret, also long enough to be a secret";
    let more = [("P2P_SHARED_SECRET", other), ("BOOTSTRAP_PEERS", &addr)];
    let b = start(&dir.path().join("b"), &standin, &more).await;
    for node in [&a, &b] {
        let octocat = client(node, Token::OCTOCAT);
        let seen = timeout(Duration::from_secs(5), octocat.get(REPO))
            .await
            .unwrap();
        assert_eq!(seen.outcome(), FETCHED);
    }
    assert_eq!(standin.counters().requests, 2);
    assert!(a.peers().is_empty() && b.peers().is_empty());
}
