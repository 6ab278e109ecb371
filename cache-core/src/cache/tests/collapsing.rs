//! Single flight: who asks, who waits, and what waiting brings.

use super::*;

const COLLAPSED: &str = "fwd=uri-miss; collapsed; detail=local";

#[tokio::test(start_paused = true)]
async fn a_thousand_cold_requests_are_one_call() {
    let node = Node::new();
    node.origin.script([Reply::ok("one").after(secs(1))]);
    check_one_and_others(&node.get_many(1000, &query()).await, FETCHED, COLLAPSED);
    node.check_calls(1);
    assert_eq!(node.cache.stats().collapsed, 999);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_requests_for_a_stale_entry_are_one_conditional() {
    let node = Node::new();
    node.get(&query()).await;
    pass(100).await;
    node.origin.script([Reply::current().after(secs(1))]);
    let others = "fwd=stale; collapsed; detail=local";
    check_one_and_others(&node.get_many(1000, &query()).await, REVALIDATED, others);
    assert!(node.origin.requests()[1].validator.is_some());
    node.check_calls(2);
}

#[tokio::test(start_paused = true)]
async fn two_audiences_are_two_calls_and_never_see_each_others_body() {
    let node = Node::new();
    let [one, two] = [query_of("/a", "one"), query_of("/a", "two")];
    let gate = Gate::default();
    node.origin.script([
        Reply::current().behind(&gate),
        Reply::current().behind(&gate),
    ]);
    let asking = (0..100).map(|n| node.get(if n % 2 == 0 { &one } else { &two }));
    let (seen, ()) = tokio::join!(join_all(asking), async { gate.open() });
    for (n, seen) in seen.iter().enumerate() {
        let query = if n % 2 == 0 { &one } else { &two };
        assert_eq!(seen.body, node.current(query));
    }
    assert_ne!(seen[0].body, seen[1].body);
    node.check_calls(2);
}

#[tokio::test(start_paused = true)]
async fn a_leaders_caller_who_hangs_up_takes_nothing_along() {
    let node = Node::new();
    let gate = Gate::default();
    node.origin.script([Reply::ok("one").behind(&gate)]);
    let leader = node.start(&query()).await;
    let follower = node.start(&query()).await;
    leader.abort();
    pass(0).await;
    gate.open();
    check(&follower.await.unwrap(), COLLAPSED, "one");
    node.check_calls(1);
}

#[tokio::test(start_paused = true)]
async fn all_callers_hang_up_and_the_answer_is_kept() {
    let node = Node::new();
    let gate = Gate::default();
    node.origin.script([Reply::ok("one").behind(&gate)]);
    node.start(&query()).await.abort();
    gate.open();
    pass(0).await;
    check(
        &node.get(&query()).await,
        "hit; ttl=59; detail=memory",
        "one",
    );
    node.check_calls(1);
}

#[tokio::test(start_paused = true)]
async fn when_the_origin_panics_each_follower_asks_and_nobody_hangs() {
    let node = Node::new();
    node.origin.script([Reply::panics().after(secs(1))]);
    let seen = node.get_many(10, &query()).await;
    for seen in &seen {
        check(seen, FETCHED, &node.current(&query()));
    }
    node.check_calls(11);
    assert_eq!(node.cache.stats().api_calls_made, 11);
    assert_eq!(
        node.get(&query()).await.outcome,
        "hit; ttl=60; detail=memory"
    );
}

#[tokio::test(start_paused = true)]
async fn no_cache_joins_an_unsent_flight_but_not_a_sent_one() {
    let node = Node::new();
    let no_cache = Query {
        readers: Some(Readers::Fleet),
        ..no_cache()
    };
    let (fleet, origin) = (Gate::default(), Gate::default());
    node.peers.hold(&fleet);
    node.origin.script([
        Reply::ok("one").behind(&origin),
        Reply::ok("two").behind(&origin),
    ]);
    let leader = node.start(&shared()).await;
    let unsent = node.start(&no_cache).await;
    assert_eq!(node.origin.n_requests(), 0);
    fleet.open();
    pass(0).await;
    let sent = node.start(&no_cache).await;
    assert_eq!(node.origin.n_requests(), 2);
    origin.open();
    check(&leader.await.unwrap(), FETCHED, "one");
    check(&unsent.await.unwrap(), COLLAPSED, "one");
    check(&sent.await.unwrap(), FETCHED, "two");
    pass(0).await;
    node.check_calls(2);
    assert_eq!(
        node.get(&shared()).await.body,
        "two",
        "the newer request stands"
    );
}

/// Regression: a follower was given whatever its leader was content with.
#[tokio::test(start_paused = true)]
async fn a_follower_that_demands_more_than_its_leader_goes_on() {
    let node = Node::new();
    let other = Node::sharing(CacheConfig::default(), node.sealer.clone());
    other.origin.script([Reply::ok("at a peer")]);
    other.get(&shared()).await;
    let (_, held) = other.peers.offers().remove(0);
    let gate = Gate::default();
    node.peers.hold(&gate);
    node.peers.script([crate::port::Verdict::Found(held)]);
    let no_cache = Query {
        readers: Some(Readers::Fleet),
        ..no_cache()
    };
    pass(10).await;
    let leader = node.start(&shared()).await;
    let followers = [node.start(&no_cache).await, node.start(&no_cache).await];
    gate.open();
    check(
        &leader.await.unwrap(),
        "hit; ttl=49; detail=peer",
        "at a peer",
    );
    for follower in followers {
        assert_eq!(follower.await.unwrap().body, node.current(&query()));
    }
    assert!(node.origin.n_requests() >= 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_its_callers_alone_and_the_question_is_not_collapsed_for_a_minute() {
    let node = Node::new();
    let stream = || Reply::streamed(200, "long").after(secs(1));
    let fetched = "fwd=uri-miss; fwd-status=200";
    node.origin.script((0..20).map(|_| stream()));
    for seen in node.get_many(10, &query()).await {
        check(&seen, fetched, "long");
    }
    assert_eq!(node.origin.n_requests(), 10);
    // Known now: nobody waits for another.
    let before = node.cache.now();
    for seen in node.get_many(10, &query()).await {
        check(&seen, fetched, "long");
    }
    assert_eq!(node.cache.now().saturating_since(before), secs(1));
    node.check_calls(20);
    pass(60).await;
    node.origin.script([Reply::ok("short").after(secs(1))]);
    check_one_and_others(&node.get_many(10, &query()).await, FETCHED, COLLAPSED);
    node.check_calls(21);
}

/// Regression: the stale entry stayed, and was served while each answer behind it was thrown away.
#[tokio::test(start_paused = true)]
async fn a_stream_ends_the_entry_that_it_supersedes() {
    let node = Node::new();
    node.get(&query()).await;
    pass(65).await;
    node.origin.script([Reply::streamed(200, "long")]);
    let behind = node.get(&query()).await;
    assert!(behind.outcome.contains("stale-while-revalidate"));
    pass(0).await;
    assert!(!node.in_memory(&query()) && !node.on_disk(&query()));
}

#[tokio::test(start_paused = true)]
async fn a_flight_that_starts_as_another_lands_finds_its_entry_in_memory() {
    let node = Node::new();
    let (origin, disk) = (Gate::default(), Gate::default());
    node.origin.script([Reply::ok("one").behind(&origin)]);
    let first = node.start(&query()).await;
    node.store.hold_look_ups(&disk);
    let second = node.start(&query()).await;
    origin.open();
    check(&first.await.unwrap(), FETCHED, "one");
    disk.open();
    check(&second.await.unwrap(), "hit; ttl=59; detail=memory", "one");
    node.check_calls(1);
}
