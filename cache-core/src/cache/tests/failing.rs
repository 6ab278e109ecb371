//! The origin fails, refuses or is silent.

use super::*;

#[tokio::test(start_paused = true)]
async fn stale_entry_stands_in_for_a_failing_origin() {
    let label = |status: u16| format!("fwd=stale; fwd-status={status}; detail=stale-if-error");
    for (reply, outcome) in [
        (Reply::whole(503, "down", Disposition::Failed), label(503)),
        (Reply::streamed(502, "down"), label(502)),
        (Reply::fails(PortErrorKind::Unreachable), label(504)),
        (Reply::fails(PortErrorKind::Interrupted), label(504)),
        (
            Reply::whole(429, "slow down", Disposition::RateLimited),
            "fwd=stale; fwd-status=429; detail=rate-limited".to_owned(),
        ),
    ] {
        let node = Node::new();
        node.get(&query()).await;
        pass(100).await;
        node.origin.script([reply]);
        let seen = node.get(&query()).await;
        check(&seen, &outcome, &node.current(&query()));
        assert!(node.in_memory(&query()) && node.on_disk(&query()));
        assert_eq!(
            node.get(&query()).await.outcome,
            REVALIDATED,
            "it is asked again"
        );
        node.check_calls(3);
    }
}

#[tokio::test(start_paused = true)]
async fn past_stale_if_error_the_failure_itself_is_the_answer() {
    for (reply, outcome, body) in [
        (
            Reply::whole(503, "down", Disposition::Failed),
            "fwd=stale; fwd-status=503",
            "down",
        ),
        (
            Reply::whole(403, "limit", Disposition::RateLimited),
            "fwd=stale; fwd-status=403",
            "limit",
        ),
        (
            Reply::streamed(502, "down"),
            "fwd=stale; fwd-status=502",
            "down",
        ),
        (
            Reply::fails(PortErrorKind::TimedOut),
            "error",
            "the origin gave no answer",
        ),
    ] {
        let node = Node::new();
        node.get(&query()).await;
        pass(660).await;
        node.origin.script([reply]);
        check(&node.get(&query()).await, outcome, body);
        node.check_calls(2);
    }
}

#[tokio::test(start_paused = true)]
async fn with_nothing_stored_followers_share_the_leaders_failure() {
    for (reply, one, others) in [
        (
            Reply::whole(503, "down", Disposition::Failed),
            "fwd=uri-miss; fwd-status=503",
            "fwd=uri-miss; collapsed; detail=local",
        ),
        (
            Reply::whole(429, "limit", Disposition::RateLimited),
            "fwd=uri-miss; fwd-status=429",
            "fwd=uri-miss; collapsed; detail=local",
        ),
    ] {
        let node = Node::new();
        node.origin.script([reply]);
        check_one_and_others(&node.get_many(10, &query()).await, one, others);
        assert!(!node.in_memory(&query()));
        node.check_calls(1);
    }
    let node = Node::new();
    node.origin.script([Reply::fails(PortErrorKind::TimedOut)]);
    for seen in node.get_many(10, &query()).await {
        check(&seen, "error", "the origin gave no answer");
    }
    node.check_calls(1);
}

#[tokio::test(start_paused = true)]
async fn after_5_s_of_silence_the_stale_entry_is_served_and_the_late_answer_is_stored() {
    let node = Node::new();
    node.get(&query()).await;
    let old = node.current(&query());
    pass(100).await;
    node.origin.change();
    node.origin.script([Reply::current().after(secs(30))]);
    let before = node.cache.now();
    for seen in node.get_many(10, &query()).await {
        check(
            &seen,
            "fwd=stale; fwd-status=504; detail=stale-if-error",
            &old,
        );
    }
    assert_eq!(node.cache.now().saturating_since(before), secs(5));
    // Whoever comes while the origin is still silent does not wait again, nor asks again.
    let before = node.cache.now();
    check(
        &node.get(&query()).await,
        "fwd=stale; fwd-status=504; detail=stale-if-error",
        &old,
    );
    assert_eq!(node.cache.now(), before);
    pass(30).await;
    let new = node.current(&query());
    check(
        &node.get(&query()).await,
        "hit; ttl=24; detail=memory",
        &new,
    );
    node.check_calls(2);
}

#[tokio::test(start_paused = true)]
async fn without_a_stale_entry_a_silent_origin_is_waited_for() {
    let node = Node::new();
    node.origin.script([Reply::ok("late").after(secs(30))]);
    check(&node.get(&query()).await, FETCHED, "late");
    node.check_calls(1);
}

#[tokio::test(start_paused = true)]
async fn a_silent_fleet_costs_no_more_patience_than_a_silent_origin() {
    let node = Node::new();
    node.get(&shared()).await;
    pass(100).await;
    let gate = Gate::default();
    node.peers.hold(&gate);
    let before = node.cache.now();
    let seen = node.get(&shared()).await;
    assert_eq!(
        seen.outcome,
        "fwd=stale; fwd-status=504; detail=stale-if-error"
    );
    assert_eq!(node.cache.now().saturating_since(before), secs(5));
    gate.open();
    pass(0).await;
    assert_eq!(
        node.get(&shared()).await.outcome,
        "hit; ttl=59; detail=memory"
    );
    node.check_calls(2);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_every_call_costs_warnings_and_nothing_else() {
    let node = Node::new();
    node.store.fail(true);
    let body = node.current(&query());
    check(&node.get(&query()).await, FETCHED, &body);
    assert_eq!(
        node.get(&query()).await.outcome,
        "hit; ttl=60; detail=memory"
    );
    node.cache.invalidate(&query().tags).await;
    pass(0).await;
    check(&node.get(&query()).await, FETCHED, &body);
    node.origin
        .script([Reply::whole(404, "gone", Disposition::StoreBriefly)]);
    assert_eq!(node.get(&no_cache()).await.body, "gone");
    node.cache.clear().await;
    let stats = node.cache.stats();
    // Two look-ups, two insertions, an invalidation, a removal and a clearing.
    assert_eq!(stats.port_failures, 7);
    node.check_calls(3);
}
