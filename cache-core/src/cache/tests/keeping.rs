//! What is kept and for how long: refusals, absences, writes, the disk.

use super::*;

fn brief(status: u16) -> Reply {
    Reply::whole(status, "none", Disposition::StoreBriefly)
}

#[tokio::test(start_paused = true)]
async fn absence_is_kept_5_s_in_memory_only_and_then_asked_for_again() {
    for status in [301, 404, 410, 202] {
        let node = Node::new();
        node.origin.script([brief(status)]);
        let fetched = format!("fwd=uri-miss; fwd-status={status}; stored");
        check(&node.get(&query()).await, &fetched, "none");
        assert!(!node.on_disk(&query()));
        pass(3).await;
        check(
            &node.get(&query()).await,
            "hit; ttl=1; detail=memory",
            "none",
        );
        pass(2).await;
        let seen = node.get(&query()).await;
        let fetched = "fwd=stale; fwd-status=200; stored";
        check(&seen, fetched, &node.current(&query()));
        assert_eq!(node.origin.requests()[1].validator, None);
        node.check_calls(2);
    }
}

/// Regression: `max-stale` made a 404 usable for as long as memory held it, `no-cache` a fallback.
#[tokio::test(start_paused = true)]
async fn absence_never_stands_in_for_an_answer() {
    let max_stale = with(Directives {
        max_stale: Some(secs(3600)),
        ..Directives::default()
    });
    for (after_s, query) in [(1, no_cache()), (10, query()), (10, max_stale)] {
        let node = Node::new();
        node.origin
            .script([brief(404), Reply::fails(PortErrorKind::TimedOut)]);
        node.get(&query).await;
        pass(after_s).await;
        assert_eq!(node.get(&query).await.outcome, "error");
        node.check_calls(2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_404_or_403_ends_the_entry() {
    for (reply, outcome) in [
        (brief(404), "fwd=stale; fwd-status=404; stored"),
        (
            Reply::whole(403, "none", Disposition::EachForItself),
            "fwd=stale; fwd-status=403",
        ),
    ] {
        let node = Node::new();
        node.get(&query()).await;
        node.get(&query_of("/b", "token")).await;
        pass(100).await;
        node.origin.script([reply]);
        check(&node.get(&query()).await, outcome, "none");
        assert!(!node.on_disk(&query()), "of no use to anybody");
        assert!(node.on_disk(&query_of("/b", "token")));
        pass(10).await;
        node.origin.script([Reply::fails(PortErrorKind::TimedOut)]);
        assert_eq!(node.get(&query()).await.outcome, "error");
    }
}

#[tokio::test(start_paused = true)]
async fn a_401_is_each_callers_own_and_ends_all_that_the_credential_could_see() {
    let node = Node::new();
    let other = query_of("/b", "token");
    let stranger = query_of("/b", "another token");
    node.get(&other).await;
    node.get(&stranger).await;
    let refused = || Reply::whole(401, "bad", Disposition::CredentialRefused).after(secs(1));
    node.origin.script((0..5).map(|_| refused()));
    for seen in node.get_many(5, &query()).await {
        check(&seen, "fwd=uri-miss; fwd-status=401", "bad");
    }
    node.check_calls(7);
    assert!(!node.in_memory(&other) && !node.on_disk(&other));
    assert!(node.in_memory(&stranger) && node.on_disk(&stranger));
}

/// Regression: one caller without a credential who asked for `/user` emptied the cache of all others.
#[tokio::test(start_paused = true)]
async fn a_401_to_nobody_ends_nothing_but_its_own_entry() {
    let node = Node::new();
    node.get(&anonymous()).await;
    node.origin
        .script([Reply::whole(401, "who?", Disposition::CredentialRefused)]);
    let user = Query {
        question: query_of("/user", "").question,
        ..anonymous()
    };
    node.get(&user).await;
    assert!(node.in_memory(&anonymous()) && node.on_disk(&anonymous()));
}

#[tokio::test(start_paused = true)]
async fn an_answer_on_its_way_through_a_401_is_not_kept() {
    let node = Node::new();
    let gate = Gate::default();
    node.origin.script([
        Reply::ok("late").behind(&gate),
        Reply::whole(401, "bad", Disposition::CredentialRefused),
    ]);
    let late = node.start(&query()).await;
    node.get(&query_of("/b", "token")).await;
    gate.open();
    check(&late.await.unwrap(), "fwd=uri-miss; fwd-status=200", "late");
    assert!(!node.in_memory(&query()) && !node.on_disk(&query()));
}

#[tokio::test(start_paused = true)]
async fn a_write_ends_what_it_spoils() {
    let node = Node::new();
    node.get(&query()).await;
    node.get(&query_of("/b", "token")).await;
    node.origin.change();
    assert_eq!(node.cache.invalidate(&query().tags).await, 1);
    assert!(!node.in_memory(&query()) && !node.on_disk(&query()));
    pass(0).await;
    check(&node.get(&query()).await, FETCHED, &node.current(&query()));
    assert!(node.in_memory(&query_of("/b", "token")));
    node.check_calls(3);
}

/// Regression: a request made after the write joined a flight sent before it.
#[tokio::test(start_paused = true)]
async fn an_answer_asked_for_before_a_write_reaches_its_callers_and_nobody_else() {
    let node = Node::new();
    let gate = Gate::default();
    node.origin.script([Reply::current().behind(&gate)]);
    let old = node.current(&query());
    let before = [node.start(&query()).await, node.start(&query()).await];
    node.origin.change();
    node.cache.invalidate(&query().tags).await;
    pass(0).await;
    check(&node.get(&query()).await, FETCHED, &node.current(&query()));
    gate.open();
    for seen in before {
        assert_eq!(seen.await.unwrap().body, old);
    }
    pass(0).await;
    assert_eq!(node.get(&query()).await.body, node.current(&query()));
    node.check_calls(2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_asked_for_before_a_write_is_kept_nowhere() {
    let node = Node::new();
    let gate = Gate::default();
    node.origin.script([Reply::ok("old").behind(&gate)]);
    let before = node.start(&query()).await;
    node.cache.invalidate(&query().tags).await;
    gate.open();
    check(
        &before.await.unwrap(),
        "fwd=uri-miss; fwd-status=200",
        "old",
    );
    assert!(!node.in_memory(&query()) && !node.on_disk(&query()));
}

#[tokio::test(start_paused = true)]
async fn what_a_write_has_spoiled_stands_in_for_no_failing_origin() {
    let node = Node::new();
    node.get(&query()).await;
    pass(100).await;
    let gate = Gate::default();
    node.origin
        .script([Reply::fails(PortErrorKind::TimedOut).behind(&gate)]);
    let before = node.start(&query()).await;
    node.cache.invalidate(&query().tags).await;
    gate.open();
    assert_eq!(before.await.unwrap().outcome, "error");
}

/// Regression: the fence was checked before the disk was written, and the write in between was lost.
#[tokio::test(start_paused = true)]
async fn an_insertion_overtaken_by_a_write_is_taken_back_from_disk() {
    let node = Node::new();
    let gate = Gate::default();
    node.store.hold_insertions(&gate);
    let before = node.start(&query()).await;
    node.cache.invalidate(&query().tags).await;
    gate.open();
    check(
        &before.await.unwrap(),
        "fwd=uri-miss; fwd-status=200",
        &node.current(&query()),
    );
    assert!(!node.in_memory(&query()) && !node.on_disk(&query()));
}

/// Regression: an entry read from disk before a write came to memory after it.
#[tokio::test(start_paused = true)]
async fn a_look_up_overtaken_by_a_write_brings_nothing_back() {
    for clear in [false, true] {
        let node = Node::new();
        node.get(&query()).await;
        node.cache.inner.memory.clear();
        let gate = Gate::default();
        node.store.hold_look_ups(&gate);
        pass(1).await;
        let before = node.start(&query()).await;
        node.origin.change();
        if clear {
            node.cache.clear().await;
        } else {
            node.cache.invalidate(&query().tags).await;
        }
        pass(0).await;
        gate.open();
        assert_eq!(before.await.unwrap().body, node.current(&query()));
    }
}

#[tokio::test(start_paused = true)]
async fn an_older_answer_never_replaces_a_newer_one() {
    for late in [Reply::ok("old"), brief(404)] {
        let node = Node::new();
        let gate = Gate::default();
        node.origin.script([late.behind(&gate), Reply::ok("new")]);
        let old = node.start(&query()).await;
        check(&node.get(&no_cache()).await, FETCHED, "new");
        gate.open();
        assert_ne!(old.await.unwrap().body, "new");
        pass(0).await;
        assert_eq!(node.get(&query()).await.body, "new");
        assert!(node.on_disk(&query()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_hit_on_disk_comes_to_memory() {
    let node = Node::new();
    node.get(&query()).await;
    node.cache.inner.memory.clear();
    let body = node.current(&query());
    check(&node.get(&query()).await, "hit; ttl=60; detail=disk", &body);
    check(
        &node.get(&query()).await,
        "hit; ttl=60; detail=memory",
        &body,
    );
    node.cache.inner.memory.clear();
    pass(100).await;
    check(&node.get(&query()).await, REVALIDATED, &body);
    node.check_calls(2);
}

#[tokio::test(start_paused = true)]
async fn what_is_on_disk_for_one_audience_is_found_by_no_other() {
    let node = Node::new();
    node.get(&query()).await;
    node.cache.inner.memory.clear();
    let stranger = query_of("/a", "another token");
    check(
        &node.get(&stranger).await,
        FETCHED,
        &node.current(&stranger),
    );
    assert_eq!(node.get(&anonymous()).await.outcome, FETCHED);
    node.check_calls(3);
}

#[tokio::test(start_paused = true)]
async fn clearing_leaves_nothing_and_lets_nothing_old_in() {
    let node = Node::new();
    node.get(&query_of("/b", "token")).await;
    let gate = Gate::default();
    node.origin.script([Reply::ok("old").behind(&gate)]);
    let before = node.start(&query()).await;
    assert_eq!(node.cache.clear().await, 1);
    gate.open();
    assert_eq!(before.await.unwrap().body, "old");
    assert!(node.store.keys().is_empty());
    assert_eq!(node.cache.stats().n_entries, 0);
}
