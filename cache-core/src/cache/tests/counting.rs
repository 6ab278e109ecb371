//! Each answer is counted once, each upstream request once.

use super::*;

/// One of everything: the sums have to hold whatever happened.
#[tokio::test(start_paused = true)]
async fn each_answer_is_counted_once_and_each_call_once() {
    let node = Node::new();
    node.get_many(4, &query()).await; // a miss, three collapsed
    node.get(&query()).await; // a hit
    pass(65).await;
    node.get(&query()).await; // stale-while-revalidate: a hit, and a 304 behind
    pass(100).await;
    node.get(&query()).await; // revalidated
    pass(100).await;
    node.origin
        .script([Reply::fails(PortErrorKind::Unreachable)]);
    node.get(&query()).await; // stale-if-error
    node.get(&with(only_if_cached())).await; // not stored
    node.cache.count_passed(crate::Forward::Method, true);
    let stats = node.cache.stats();
    let expected = Stats {
        cacheable_requests: 9,
        local_hits: 2,
        collapsed: 3,
        revalidated: 1,
        misses: 1,
        stale_served: 2,
        bypassed: 1,
        failed: 1,
        api_calls_made: 5,
        api_calls_made_for_bypass: 1,
        api_calls_charged: 2,
        n_entries: 1,
        size_bytes: stats.size_bytes,
        expirations: 3,
        ..Stats::default()
    };
    assert_eq!(stats, expected);
    assert_eq!(stats.total_requests(), 10);
    assert_eq!(stats.api_calls_saved(), 5);
    assert!((stats.hit_rate() - 5.0 / 9.0).abs() < 1e-9);
}

#[tokio::test(start_paused = true)]
async fn a_304_is_free_only_with_a_credential() {
    for (query, charged) in [(query(), 1), (anonymous(), 2)] {
        let node = Node::new();
        node.get(&query).await;
        pass(100).await;
        assert_eq!(node.get(&query).await.outcome, REVALIDATED);
        let stats = node.cache.stats();
        assert_eq!(
            (stats.api_calls_made, stats.api_calls_charged),
            (2, charged)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_given_up_half_way_is_a_call_made() {
    let node = Node::new();
    node.origin.script([
        Reply::streamed(200, "long"),
        Reply::streamed(200, "long").after(secs(60)),
    ]);
    node.get(&query()).await;
    node.start(&query()).await.abort();
    pass(0).await;
    assert_eq!(node.cache.stats().api_calls_made, 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_left_is_not_charged() {
    for (kind, charged) in [
        (PortErrorKind::Unreachable, 0),
        (PortErrorKind::Unsendable, 0),
        (PortErrorKind::TimedOut, 1),
        (PortErrorKind::Interrupted, 1),
    ] {
        let node = Node::new();
        node.origin.script([Reply::fails(kind)]);
        node.get(&query()).await;
        assert_eq!(node.cache.stats().api_calls_charged, charged, "{kind:?}");
    }
}

#[test]
fn counters_read_while_they_move_give_no_impossible_figures() {
    let stats = Stats {
        cacheable_requests: 1,
        local_hits: 2,
        api_calls_made: 1,
        api_calls_made_for_bypass: 2,
        ..Stats::default()
    };
    assert_eq!((stats.hit_rate(), stats.api_calls_saved()), (1.0, 1));
}
