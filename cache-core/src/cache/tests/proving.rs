//! Proof of access: what another audience holds is served after the origin's 304 to the caller, and not otherwise.

use http::HeaderName;
use http::header::{CONTENT_TYPE, ETAG, LAST_MODIFIED, LINK};
use tokio::sync::oneshot;

use super::*;
use crate::port::{Lease, Settled, Validator, Verdict};

const PROVED: &str = "fwd=vary-miss; fwd-status=304; detail=proved";
const SCOPES: HeaderName = HeaderName::from_static("x-oauth-scopes");

fn of(token: &str) -> Query {
    Query {
        provable: true,
        ..query_of("/a", token)
    }
}

fn shared_of(token: &str) -> Query {
    Query {
        readers: Some(Readers::Credential),
        ..of(token)
    }
}

/// A node whose origin says the same to everybody, and that holds what it said to `one`.
async fn node_of(one: &Query, config: CacheConfig) -> Node {
    let node = Node::with(config);
    node.origin.say_the_same_to_all();
    node.get(one).await;
    node
}

async fn node() -> Node {
    node_of(&of("one"), CacheConfig::default()).await
}

/// What the last request to the origin was conditional on.
fn last_validator(node: &Node) -> Option<Validator> {
    node.origin.requests().pop().unwrap().validator
}

fn tag_of(query: &Query, body: &str) -> Validator {
    Validator::EntityTag(FakeOrigin::tag(&query.credential, body.as_bytes()))
}

/// Checks that `asked` is answered as it would be if nobody held anything.
async fn check_unproved(node: &Node, asked: &Query) {
    let calls = node.origin.n_requests();
    let seen = node.get(asked).await;
    check(&seen, FETCHED, &node.current(asked));
    node.check_calls(calls + 1);
    assert_eq!(last_validator(node), None);
    assert_eq!(node.cache.stats().proved, 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_of_another_audience_is_served_after_a_304_to_the_caller() {
    let node = node().await;
    pass(10).await;
    let two = of("two");
    let seen = node.get(&two).await;
    check(&seen, PROVED, &node.current(&two));
    assert_eq!(last_validator(&node), Some(tag_of(&two, &seen.body)));
    let entry = seen.entry.unwrap();
    assert_eq!(
        entry.requested_at,
        node.cache.now(),
        "the instants of this answer"
    );
    assert_eq!(entry.tags, two.tags);
    assert!(node.in_memory(&two) && node.on_disk(&two));
    pass(55).await;
    check(
        &node.get(&two).await,
        "hit; ttl=4; detail=memory",
        &seen.body,
    );
    let stats = node.cache.stats();
    assert_eq!((stats.proved, stats.misses), (1, 1));
    assert_eq!((stats.api_calls_made, stats.api_calls_charged), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn nothing_but_the_body_and_what_is_said_of_it_is_taken_from_the_other() {
    let node = Node::new();
    let theirs = Reply::ok("body")
        .header(CONTENT_TYPE, "text/plain")
        .header(ETAG, "W/\"one\"")
        .header(SCOPES, "repo");
    let word = Reply::not_modified().header(LAST_MODIFIED, "today");
    node.origin.script([theirs, word]);
    node.get(&of("one")).await;
    let seen = node.get(&of("two")).await;
    check(&seen, PROVED, "body");
    let headers = &seen.entry.unwrap().headers;
    assert_eq!(headers[CONTENT_TYPE], "text/plain");
    assert_eq!(
        headers[ETAG],
        FakeOrigin::tag(&of("two").credential, b"body")
    );
    assert_eq!(headers[LAST_MODIFIED], "today", "what the 304 says counts");
    assert!(!headers.contains_key(SCOPES));
}

#[tokio::test(start_paused = true)]
async fn without_a_304_the_answer_is_the_origins_and_tells_nothing() {
    let refusals = [
        (
            Reply::whole(404, "none", Disposition::StoreBriefly),
            "fwd=uri-miss; fwd-status=404; stored",
        ),
        (
            Reply::whole(401, "none", Disposition::CredentialRefused),
            "fwd=uri-miss; fwd-status=401",
        ),
        (
            Reply::whole(429, "none", Disposition::RateLimited),
            "fwd=uri-miss; fwd-status=429",
        ),
        (
            Reply::whole(502, "none", Disposition::Failed),
            "fwd=uri-miss; fwd-status=502",
        ),
        (Reply::streamed(200, "none"), "fwd=uri-miss; fwd-status=200"),
    ];
    for (refusal, outcome) in refusals {
        let node = node().await;
        node.origin.script([refusal]);
        check(&node.get(&of("two")).await, outcome, "none");
        node.check_calls(2);
        assert!(last_validator(&node).is_some(), "it was tried");
    }
    let node = node().await;
    node.origin
        .script([Reply::fails(PortErrorKind::Unreachable)]);
    check(
        &node.get(&of("two")).await,
        "error",
        "the origin gave no answer",
    );
    node.origin.change();
    let two = of("two");
    check(&node.get(&two).await, FETCHED, &node.current(&two));
    assert!(last_validator(&node).is_some());
}

#[tokio::test(start_paused = true)]
async fn who_proves_nothing_asks_as_if_nobody_held_anything() {
    let node = node().await;
    let nobody = Query {
        provable: true,
        ..anonymous()
    };
    check_unproved(&node, &nobody).await;
    check_unproved(&node, &query_of("/a", "two")).await;
    let unsendable = Query {
        credential: Credential::new(b"x", b"Bearer \n".to_vec()),
        ..of("x")
    };
    check_unproved(&node, &unsendable).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_candidate_is_not_asked_about() {
    for theirs in [
        Reply::ok("page").header(LINK, "<https://api.example/a?page=2>; rel=\"next\""),
        Reply::whole(204, "", Disposition::Store),
        Reply::whole(404, "none", Disposition::StoreBriefly),
    ] {
        let node = Node::new();
        node.origin.script([theirs]);
        node.get(&of("one")).await;
        check_unproved(&node, &of("two")).await;
    }
    let with_body = |token: &str| Query {
        question: Question::builder(Method::POST, "api.example", "/a")
            .body("query".into(), [1; 32])
            .build()
            .into(),
        ..of(token)
    };
    let node = node_of(&with_body("one"), CacheConfig::default()).await;
    check_unproved(&node, &with_body("two")).await;
}

#[tokio::test(start_paused = true)]
async fn the_origin_says_what_can_be_proved() {
    let node = node().await;
    node.origin.show_nothing_current();
    check_unproved(&node, &of("two")).await;
    let node = node_of(&of("one"), CacheConfig::default()).await;
    node.origin.compute_nothing();
    check_unproved(&node, &of("two")).await;
}

#[tokio::test(start_paused = true)]
async fn an_anonymous_body_is_proved_for_a_token() {
    let node = node_of(&anonymous(), CacheConfig::default()).await;
    let two = of("two");
    check(&node.get(&two).await, PROVED, &node.current(&two));
}

#[tokio::test(start_paused = true)]
async fn the_newest_body_is_the_candidate() {
    let node = node().await;
    for token in ["newer", "newest"] {
        pass(1).await;
        node.origin.change();
        node.get(&query_of("/a", token)).await;
    }
    let two = of("two");
    check(&node.get(&two).await, PROVED, &node.current(&two));
}

#[tokio::test(start_paused = true)]
async fn a_body_on_disk_alone_is_a_candidate_and_a_failing_disk_costs_nothing() {
    let nothing_in_memory = CacheConfig {
        max_entries: 0,
        ..CacheConfig::default()
    };
    let node = node_of(&of("one"), nothing_in_memory.clone()).await;
    let two = of("two");
    check(&node.get(&two).await, PROVED, &node.current(&two));
    let node = node_of(&of("one"), nothing_in_memory).await;
    node.store.fail(true);
    check_unproved(&node, &two).await;
    assert!(node.cache.stats().port_failures > 0);
}

#[tokio::test(start_paused = true)]
async fn what_an_evicted_or_refused_audience_held_is_no_candidate() {
    let one_entry = CacheConfig {
        max_entries: 1,
        ..CacheConfig::default()
    };
    let node = node_of(&of("one"), one_entry).await;
    node.get(&query_of("/b", "one")).await;
    node.cache.invalidate(&[Tag::of("/a")]).await;
    pass(1).await;
    check_unproved(&node, &of("two")).await;
    let node = node_of(&of("one"), CacheConfig::default()).await;
    node.cache.forget_credential(&of("one").credential).await;
    pass(1).await;
    check_unproved(&node, &of("two")).await;
}

#[tokio::test(start_paused = true)]
async fn requests_at_once_share_one_proof() {
    let node = node().await;
    let gate = Gate::default();
    node.origin.script([Reply::current().behind(&gate)]);
    let first = node.start(&of("two")).await;
    let second = node.start(&of("two")).await;
    gate.open();
    let seen = [first.await.unwrap(), second.await.unwrap()];
    check_one_and_others(&seen, PROVED, "fwd=uri-miss; collapsed; detail=local");
    node.check_calls(2);
}

#[tokio::test(start_paused = true)]
async fn whoever_got_access_after_a_404_is_proved_and_its_own_entry_comes_first() {
    let node = node().await;
    let two = of("two");
    node.origin
        .script([Reply::whole(404, "none", Disposition::StoreBriefly)]);
    node.get(&two).await;
    pass(6).await;
    check(&node.get(&two).await, PROVED, &node.current(&two));
    pass(100).await;
    node.origin.change();
    node.get(&of("one")).await;
    let own = tag_of(&two, &node.get(&two).await.body);
    pass(100).await;
    check(&node.get(&two).await, REVALIDATED, &node.current(&two));
    assert_eq!(last_validator(&node), Some(own));
}

#[tokio::test(start_paused = true)]
async fn the_fleet_comes_first_and_its_lease_is_settled_with_what_was_proved() {
    let node = node_of(&shared_of("one"), CacheConfig::default()).await;
    let two = shared_of("two");
    let (lease, settled) = Lease::new();
    node.peers.script([Verdict::Granted(lease)]);
    let seen = node.get(&two).await;
    check(&seen, PROVED, &node.current(&two));
    let settled: Result<Settled, oneshot::error::RecvError> = settled.await;
    let Ok(Settled::Entry(sealed)) = settled else {
        panic!("an entry was proved");
    };
    // What a member holds for this credential is taken without a word of the origin.
    let other = Node::sharing(CacheConfig::default(), node.sealer.clone());
    other.origin.say_the_same_to_all();
    other.get(&shared_of("one")).await;
    other.peers.script([Verdict::Found(sealed)]);
    let seen = other.get(&two).await;
    check(&seen, "hit; ttl=60; detail=peer", &node.current(&two));
    other.check_calls(1);
}

#[tokio::test(start_paused = true)]
async fn what_the_fleet_knows_to_be_each_members_own_is_not_proved() {
    let node = node_of(&shared_of("one"), CacheConfig::default()).await;
    node.peers.script([Verdict::Waited(Settled::EachForItself)]);
    check_unproved(&node, &shared_of("two")).await;
}
