//! The fleet: leases settled, envelopes opened, and what is never asked of it.

use http::header::{ETAG, LINK};
use tokio::sync::oneshot;

use super::*;
use crate::Source;
use crate::port::{Lease, Sealed, Settled, Validator, Verdict};

/// Two nodes with one fleet secret, and what the second offered after it asked the origin: `body`.
async fn node_and_envelope(reply: Reply) -> (Node, Sealed) {
    let node = Node::new();
    let other = Node::sharing(CacheConfig::default(), node.sealer.clone());
    other.origin.script([reply]);
    other.get(&shared()).await;
    let (key, sealed) = other.peers.offers().remove(0);
    assert_eq!(key.audience, node.key(&shared()).audience());
    (node, sealed)
}

fn granted() -> (Verdict, oneshot::Receiver<Settled>) {
    let (lease, settled) = Lease::new();
    (Verdict::Granted(lease), settled)
}

#[tokio::test(start_paused = true)]
async fn what_may_not_leave_the_node_touches_no_peer() {
    let node = Node::new();
    node.get(&query()).await;
    pass(100).await;
    node.get(&query()).await;
    node.get(&Query {
        question: query_of("/b", "").question,
        ..with(only_if_cached())
    })
    .await;
    assert!(node.peers.asks().is_empty() && node.peers.offers().is_empty());
    assert_eq!(node.sealer.n_sealed(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_fleet_out_of_reach_is_neither_asked_nor_sealed_for() {
    let node = Node::new();
    node.peers.leave(true);
    node.get(&shared()).await;
    assert!(node.peers.asks().is_empty() && node.peers.offers().is_empty());
    assert_eq!(node.sealer.n_sealed(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_settled_once_with_what_the_origin_sent() {
    let node = Node::new();
    let (verdict, settled) = granted();
    node.peers.script([verdict]);
    let seen = node.get(&shared()).await;
    check(&seen, FETCHED, &node.current(&shared()));
    let Settled::Entry(sealed) = settled.await.unwrap() else {
        panic!("an entry was fetched");
    };
    let entry = seen.entry.unwrap();
    assert_eq!(sealed.created_at, entry.requested_at);
    assert_eq!(node.sealer.n_sealed(), 1);
    assert!(node.peers.offers().is_empty(), "the lease carries it");
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_settled_whatever_the_origin_says() {
    let none = |status| Reply::whole(status, "none", Disposition::StoreBriefly);
    for (reply, expected) in [
        (none(404), "entry"),
        (
            Reply::whole(401, "", Disposition::CredentialRefused),
            "each for itself",
        ),
        (
            Reply::whole(403, "", Disposition::EachForItself),
            "each for itself",
        ),
        (Reply::streamed(200, ""), "each for itself"),
        (Reply::streamed(502, ""), "failed"),
        (Reply::whole(503, "", Disposition::Failed), "failed"),
        (Reply::whole(429, "", Disposition::RateLimited), "failed"),
        (Reply::fails(PortErrorKind::TimedOut), "failed"),
        (Reply::not_modified(), "failed"),
        (Reply::panics(), "dropped"),
    ] {
        let node = Node::new();
        let (verdict, settled) = granted();
        node.peers.script([verdict]);
        node.origin.script([reply.clone()]);
        node.get(&shared()).await;
        let settled = match settled.await {
            Ok(Settled::Entry(_)) => "entry",
            Ok(Settled::EachForItself) => "each for itself",
            Ok(Settled::Failed) => "failed",
            Err(_) => "dropped",
        };
        assert_eq!(settled, expected, "{reply:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_members_are_not_given_what_a_write_has_spoiled() {
    let node = Node::new();
    let (verdict, settled) = granted();
    node.peers.script([verdict]);
    let gate = Gate::default();
    node.origin.script([Reply::ok("old").behind(&gate)]);
    let before = node.start(&shared()).await;
    node.cache.invalidate(&shared().tags).await;
    gate.open();
    check(
        &before.await.unwrap(),
        "fwd=uri-miss; fwd-status=200",
        "old",
    );
    assert!(matches!(settled.await.unwrap(), Settled::EachForItself));
    assert_eq!(node.sealer.n_sealed(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_peers_entry_answers_and_is_kept_without_the_senders_tag() {
    for waited in [false, true] {
        let reply = Reply::ok("shared")
            .header(ETAG, "\"of the sender\"")
            .header(LINK, "<x>; rel=\"next\"");
        let (node, sealed) = node_and_envelope(reply).await;
        let (verdict, one) = if waited {
            let entry = Settled::Entry(sealed);
            (
                Verdict::Waited(entry),
                "fwd=uri-miss; collapsed; detail=fleet",
            )
        } else {
            (Verdict::Found(sealed), "hit; ttl=60; detail=peer")
        };
        node.peers.script([verdict]);
        let seen = node.get_many(10, &shared()).await;
        check_one_and_others(&seen, one, "fwd=uri-miss; collapsed; detail=local");
        let entry = seen[0].entry.as_ref().unwrap();
        let computed = FakeOrigin::tag(&shared().credential, b"shared");
        assert_eq!(entry.etag(), Some(&computed));
        assert_eq!(entry.source, Source::Peer);
        assert!(node.on_disk(&shared()));
        node.check_calls(0);
        // Its first revalidation proves the body with the tag computed here.
        pass(100).await;
        node.get(&shared()).await;
        let sent = &node.origin.requests()[0];
        assert_eq!(sent.validator, Some(Validator::EntityTag(computed)));
    }
}

#[tokio::test(start_paused = true)]
async fn where_no_tag_can_be_computed_a_peers_entry_has_none() {
    // Nor is its date a validator: a forged one would have any body shown current for ever.
    let reply = Reply::ok("shared")
        .header(ETAG, "\"of the sender\"")
        .header(http::header::LAST_MODIFIED, "now");
    let (node, sealed) = node_and_envelope(reply).await;
    node.origin.compute_nothing();
    node.peers.script([Verdict::Found(sealed)]);
    let entry = node.get(&shared()).await.entry.unwrap();
    assert_eq!(entry.etag(), None);
    pass(100).await;
    node.get(&shared()).await;
    assert_eq!(node.origin.requests()[0].validator, None);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_open_costs_a_counter_and_a_request() {
    for waited in [false, true] {
        let node = Node::new();
        let forged = FakeSealer::forged(node.cache.now());
        node.peers.script([if waited {
            Verdict::Waited(Settled::Entry(forged))
        } else {
            Verdict::Found(forged)
        }]);
        check(
            &node.get(&shared()).await,
            FETCHED,
            &node.current(&shared()),
        );
        assert_eq!(node.cache.stats().rejected_envelopes, 1);
        assert_eq!(node.peers.offers().len(), 1, "others are spared it");
        node.check_calls(1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_envelope_of_another_audience_or_question_answers_nothing() {
    let (node, sealed) = node_and_envelope(Reply::ok("shared")).await;
    for query in [query_of("/a", "another token"), query_of("/b", "token")] {
        let query = Query {
            readers: Some(Readers::Fleet),
            ..query
        };
        node.peers.script([Verdict::Found(sealed.clone())]);
        check(&node.get(&query).await, FETCHED, &node.current(&query));
    }
    assert_eq!(node.cache.stats().rejected_envelopes, 2);
}

/// Each row: what the request says, the age of the peer's entry, and whether it is taken.
#[tokio::test(start_paused = true)]
async fn a_peers_entry_is_taken_only_where_an_own_one_would_be() {
    let max_age = Directives {
        max_age: Some(secs(10)),
        ..Directives::default()
    };
    let min_fresh = Directives {
        min_fresh: Some(secs(50)),
        ..Directives::default()
    };
    for (directives, age_s, taken) in [
        (Directives::default(), 50, true),
        (Directives::default(), 60, false),
        (max_age, 9, true),
        (max_age, 11, false),
        (min_fresh, 9, true),
        (min_fresh, 11, false),
        (no_cache().directives, 1, false),
    ] {
        for waited in [false, true] {
            let (node, sealed) = node_and_envelope(Reply::ok("shared")).await;
            let created_at = sealed.created_at;
            pass(age_s).await;
            node.peers.script([if waited {
                Verdict::Waited(Settled::Entry(sealed))
            } else {
                Verdict::Found(sealed)
            }]);
            let query = Query {
                directives,
                ..shared()
            };
            let seen = node.get(&query).await;
            assert_eq!(
                seen.body == "shared",
                taken,
                "{directives:?} at {age_s} s: {seen:?}"
            );
            let asked = node.peers.asks().remove(0).fresh_since;
            assert_eq!(created_at >= asked, taken, "it asks for what it takes");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_peers_entry_from_before_a_write_is_not_taken() {
    let (node, sealed) = node_and_envelope(Reply::ok("old")).await;
    pass(10).await;
    node.cache.invalidate(&shared().tags).await;
    pass(0).await;
    node.peers.script([Verdict::Found(sealed.clone())]);
    check(
        &node.get(&shared()).await,
        FETCHED,
        &node.current(&shared()),
    );
    let ask = node.peers.asks().remove(0);
    assert!(ask.fresh_since > sealed.created_at);
}

#[tokio::test(start_paused = true)]
async fn a_fleet_that_failed_leaves_the_stale_entry_or_an_error() {
    let node = Node::new();
    node.peers.script([Verdict::Waited(Settled::Failed)]);
    check(
        &node.get(&shared()).await,
        "error",
        "the origin gave no answer",
    );
    node.get(&shared()).await;
    pass(100).await;
    node.peers.script([Verdict::Waited(Settled::Failed)]);
    check(
        &node.get(&shared()).await,
        "fwd=stale; fwd-status=504; detail=stale-if-error",
        &node.current(&shared()),
    );
    node.check_calls(1);
}

#[tokio::test(start_paused = true)]
async fn each_for_itself_goes_to_the_origin_and_offers_nothing() {
    let node = Node::new();
    node.peers.script([Verdict::Waited(Settled::EachForItself)]);
    node.get(&shared()).await;
    assert!(node.peers.offers().is_empty());
    node.check_calls(1);
}

#[tokio::test(start_paused = true)]
async fn what_was_fetched_alone_is_offered_once_and_failures_are_not() {
    let node = Node::new();
    node.get(&shared()).await;
    assert_eq!(node.peers.offers().len(), 1);
    let no_cache = Query {
        readers: Some(Readers::Fleet),
        ..no_cache()
    };
    node.get(&no_cache).await;
    assert_eq!(node.peers.offers().len(), 2, "a 304 is news, too");
    node.origin.script([Reply::fails(PortErrorKind::TimedOut)]);
    node.get(&no_cache).await;
    assert_eq!(node.peers.offers().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_if_cached_takes_what_peers_hold_and_nothing_more() {
    let (node, sealed) = node_and_envelope(Reply::ok("shared")).await;
    let cached = Query {
        directives: only_if_cached(),
        ..shared()
    };
    let (lease, _settled) = granted();
    node.peers.script([lease, Verdict::Found(sealed)]);
    assert_eq!(node.get(&cached).await.outcome, "error");
    check(
        &node.get(&cached).await,
        "hit; ttl=60; detail=peer",
        "shared",
    );
    assert_eq!(
        node.get(&cached).await.outcome,
        "hit; ttl=60; detail=memory"
    );
    assert!(node.peers.asks().iter().all(|ask| ask.only_if_held));
    node.check_calls(0);
}

#[tokio::test(start_paused = true)]
async fn a_peer_shortens_freshness_and_never_lengthens_it() {
    let header = http::HeaderName::from_static("x-poll-interval");
    for (stated, ttl) in [("3600", 60), ("7", 7)] {
        let reply = Reply::ok("shared").header(header.clone(), stated);
        let (node, sealed) = node_and_envelope(reply).await;
        node.peers.script([Verdict::Found(sealed)]);
        let query = Query {
            stated: Some(crate::StatedLifetime {
                header: header.clone(),
                at_most: secs(3600),
            }),
            ..shared()
        };
        let seen = node.get(&query).await;
        assert_eq!(
            seen.outcome,
            format!("hit; ttl={ttl}; detail=peer"),
            "{stated}"
        );
    }
}
