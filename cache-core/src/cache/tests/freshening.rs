//! Fresh, stale, revalidated, and what the request makes of it.

use http::header::{CONTENT_TYPE, ETAG, LAST_MODIFIED, LINK};

use super::*;
use crate::port::Validator;

#[tokio::test(start_paused = true)]
async fn fresh_hit_asks_nobody() {
    let node = Node::new();
    let body = node.current(&query());
    check(&node.get(&query()).await, FETCHED, &body);
    node.origin.change();
    pass(58).await;
    check(
        &node.get(&query()).await,
        "hit; ttl=1; detail=memory",
        &body,
    );
    node.check_calls(1);
    assert!(node.peers.asks().is_empty());
}

#[tokio::test(start_paused = true)]
async fn stale_entry_costs_one_conditional_with_its_tag_verbatim() {
    let node = Node::new();
    let reply = Reply::ok("one")
        .header(ETAG, "W/\"weak\"")
        .header(LAST_MODIFIED, "Wed, 21 Oct 2015 07:28:00 GMT")
        .header(LINK, "<https://api.example/a?page=2>; rel=\"next\"")
        .header(CONTENT_TYPE, "application/json");
    let not_modified = Reply::not_modified().header(ETAG, "W/\"weak\"");
    node.origin.script([reply, not_modified]);
    node.get(&query()).await;
    pass(100).await;
    let seen = node.get(&query()).await;
    check(&seen, REVALIDATED, "one");
    let entry = seen.entry.unwrap();
    assert_eq!(entry.headers[CONTENT_TYPE], "application/json");
    assert!(entry.headers.contains_key(LINK), "a 304 omits it");
    let sent = &node.origin.requests()[1];
    assert_eq!(
        sent.validator,
        Some(Validator::EntityTag("W/\"weak\"".parse().unwrap()))
    );
    pass(58).await;
    check(
        &node.get(&query()).await,
        "hit; ttl=1; detail=memory",
        "one",
    );
    node.check_calls(2);
}

#[tokio::test(start_paused = true)]
async fn without_a_tag_the_date_is_the_validator_and_without_both_there_is_none() {
    for (name, expected) in [
        (
            LAST_MODIFIED,
            Some(Validator::LastModified("yesterday".parse().unwrap())),
        ),
        (LINK, None),
    ] {
        let node = Node::new();
        node.origin
            .script([Reply::ok("one").header(name, "yesterday"), Reply::ok("two")]);
        node.get(&query()).await;
        pass(100).await;
        check(
            &node.get(&query()).await,
            "fwd=stale; fwd-status=200; stored",
            "two",
        );
        assert_eq!(node.origin.requests()[1].validator, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_304_that_nobody_asked_for_freshens_nothing() {
    let node = Node::new();
    node.origin
        .script([Reply::ok("untagged"), Reply::not_modified()]);
    node.get(&query()).await;
    pass(100).await;
    check(
        &node.get(&query()).await,
        "fwd=stale; fwd-status=502; detail=stale-if-error",
        "untagged",
    );
    pass(600).await;
    node.origin.script([Reply::not_modified()]);
    assert_eq!(node.get(&query()).await.outcome, "error");
}

#[tokio::test(start_paused = true)]
async fn changed_body_replaces_the_stale_one() {
    let node = Node::new();
    node.get(&query()).await;
    node.origin.change();
    pass(100).await;
    let seen = node.get(&query()).await;
    check(
        &seen,
        "fwd=stale; fwd-status=200; stored",
        &node.current(&query()),
    );
}

#[tokio::test(start_paused = true)]
async fn stale_while_revalidate_answers_at_once_and_one_flight_runs_behind() {
    let node = Node::new();
    node.get(&query()).await;
    let old = node.current(&query());
    node.origin.change();
    node.origin.script([Reply::current().after(secs(3))]);
    pass(69).await;
    for seen in node.get_many(100, &query()).await {
        check(&seen, "hit; ttl=-9; detail=stale-while-revalidate", &old);
    }
    pass(3).await;
    let new = node.current(&query());
    check(
        &node.get(&query()).await,
        "hit; ttl=56; detail=memory",
        &new,
    );
    node.check_calls(2);
}

#[tokio::test(start_paused = true)]
async fn age_counts_from_the_request_not_from_its_answer() {
    let node = Node::new();
    node.origin.script([Reply::ok("slow").after(secs(40))]);
    node.get(&query()).await;
    check(
        &node.get(&query()).await,
        "hit; ttl=20; detail=memory",
        "slow",
    );
}

#[tokio::test(start_paused = true)]
async fn no_cache_revalidates_a_fresh_entry() {
    let node = Node::new();
    node.get(&query()).await;
    let body = node.current(&query());
    let asked = "fwd=request; fwd-status=304; detail=revalidated";
    check(&node.get(&no_cache()).await, asked, &body);
    node.check_calls(2);
    assert_eq!(node.cache.stats().expirations, 0, "it was fresh");
}

#[tokio::test(start_paused = true)]
async fn only_if_cached_never_asks_the_origin() {
    let node = Node::new();
    let cached = with(only_if_cached());
    check(
        &node.get(&cached).await,
        "error",
        &LookupError::OnlyIfCached.to_string(),
    );
    node.get(&query()).await;
    let body = node.current(&query());
    check(
        &node.get(&cached).await,
        "hit; ttl=60; detail=memory",
        &body,
    );
    pass(200).await;
    assert_eq!(node.get(&cached).await.outcome, "error");
    node.check_calls(1);
}

/// Each row: the age of the entry, what the request says, and the outcome.
#[tokio::test(start_paused = true)]
async fn the_request_narrows_and_widens_what_is_usable() {
    let max_age = |s| Directives {
        max_age: Some(secs(s)),
        ..Directives::default()
    };
    let min_fresh = |s| Directives {
        min_fresh: Some(secs(s)),
        ..Directives::default()
    };
    let max_stale = |s| Directives {
        max_stale: Some(secs(s)),
        ..Directives::default()
    };
    let requested = "fwd=request; fwd-status=304; detail=revalidated";
    for (age_s, directives, outcome) in [
        (10, max_age(11), "hit; ttl=50; detail=memory"),
        (10, max_age(9), requested),
        (70, max_age(80), REVALIDATED),
        (10, min_fresh(50), "hit; ttl=50; detail=memory"),
        (10, min_fresh(51), requested),
        (70, min_fresh(1), REVALIDATED),
        (100, max_stale(40), "hit; ttl=0; detail=memory"),
        (100, max_stale(39), REVALIDATED),
    ] {
        let node = Node::new();
        node.get(&query()).await;
        // The clock steps so that ages are whole.
        node.runtime.step(age_s);
        let seen = node.get(&with(directives)).await;
        check(&seen, outcome, &node.current(&query()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_steps_back_makes_nothing_fresh_for_longer() {
    let node = Node::new();
    node.get(&query()).await;
    node.runtime.step(-30);
    assert_eq!(
        node.get(&query()).await.outcome,
        "hit; ttl=60; detail=memory"
    );
    node.runtime.step(-3600);
    check(
        &node.get(&query()).await,
        REVALIDATED,
        &node.current(&query()),
    );
    // What the new clock says is newer than what the old one said.
    assert_eq!(
        node.get(&query()).await.outcome,
        "hit; ttl=60; detail=memory"
    );
    node.check_calls(2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_state_its_own_lifetime_up_to_a_bound() {
    let header = http::HeaderName::from_static("x-poll-interval");
    for (stated, fresh_s) in [("90", 90), ("7", 7), ("9999", 300), ("soon", 60)] {
        let node = Node::new();
        node.origin
            .script([Reply::ok("one").header(header.clone(), stated)]);
        let query = Query {
            stated: Some(StatedLifetime {
                header: header.clone(),
                at_most: secs(300),
            }),
            ..query()
        };
        node.get(&query).await;
        pass(fresh_s - 2).await;
        check(&node.get(&query).await, "hit; ttl=1; detail=memory", "one");
        pass(2).await;
        let seen = node.get(&query).await;
        assert_eq!(
            seen.outcome, "hit; ttl=-0; detail=stale-while-revalidate",
            "{stated}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_304_cannot_show_to_be_current_is_asked_for_without_a_validator() {
    let node = Node::new();
    node.get(&query()).await;
    node.origin.show_nothing_current();
    pass(100).await;
    let body = node.current(&query());
    check(
        &node.get(&query()).await,
        "fwd=stale; fwd-status=200; stored",
        &body,
    );
    assert_eq!(node.origin.requests()[1].validator, None);
}

#[tokio::test(start_paused = true)]
async fn fresh_in_memory_is_what_answering_would_find_at_once() {
    let node = Node::new();
    assert!(node.cache.fresh_in_memory(&query()).is_none());
    node.get(&query()).await;
    let found = node.cache.fresh_in_memory(&query()).unwrap();
    assert_eq!(found.outcome.to_string(), "hit; ttl=60; detail=memory");
    assert_eq!(found.audience, node.cache.audience(&query().credential));
    assert_eq!(node.cache.stats().local_hits, 1);
    assert!(node.cache.fresh_in_memory(&anonymous()).is_none());
    assert!(node.cache.fresh_in_memory(&no_cache()).is_none());
    pass(60).await;
    assert!(node.cache.fresh_in_memory(&query()).is_none());
    assert_eq!(node.cache.stats().cacheable_requests, 2);
    node.check_calls(1);
}
