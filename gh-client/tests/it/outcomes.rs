//! Each row of the `Cache-Status` table that one node can give.

use std::time::Duration;

use cache_core::CacheConfig;
use gh_client::PolicyConfig;
use http::Method;
use standin::{Fault, FaultKind, Token};

use crate::lab::{FETCHED, LATER, Lab, REPO, REVALIDATED, until};

#[tokio::test]
async fn fetched_then_hit_then_behind_then_revalidated() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let first = octocat.get(REPO).await;
    Lab::check(&first, FETCHED);
    assert_eq!(first.header("age"), "", "it was not stored before");
    lab.clock.advance(Duration::from_secs(20));
    let hit = octocat.get(REPO).await;
    assert!(
        ["hit; ttl=39; detail=memory", "hit; ttl=40; detail=memory"].contains(&hit.outcome()),
        "{}",
        hit.outcome()
    );
    assert_eq!((hit.header("age"), &hit.body), ("20", &first.body));
    lab.clock.advance(Duration::from_secs(50));
    let behind = octocat.get(REPO).await;
    Lab::check(&behind, "hit; ttl=-10; detail=stale-while-revalidate");
    until(|| async { lab.counters().not_modified == 1 }).await;
    until(|| async { octocat.get(REPO).await.outcome().ends_with("memory") }).await;
    lab.clock.advance(LATER);
    let revalidated = octocat.get(REPO).await;
    Lab::check(&revalidated, REVALIDATED);
    assert_eq!(revalidated.body, first.body);
    assert_eq!((lab.counters().requests, lab.counters().charged), (3, 1));
}

#[tokio::test]
async fn what_a_request_demands_shows_in_the_outcome() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let with = |directive: &'static str| {
        let octocat = octocat.clone();
        async move {
            octocat
                .get_with(REPO, &[("cache-control", directive)])
                .await
        }
    };
    let nothing = octocat
        .ask(
            Method::GET,
            REPO,
            &[("cache-control", "only-if-cached")],
            "",
        )
        .await;
    let error = nothing.unwrap_err();
    assert!(error.to_string().contains("only-if-cached"), "{error}");
    assert_eq!(lab.counters().requests, 0);
    octocat.get(REPO).await;
    Lab::check(
        &with("no-cache").await,
        "fwd=request; fwd-status=304; detail=revalidated",
    );
    Lab::check(&with("no-store").await, "fwd=bypass");
    lab.clock.advance(Duration::from_secs(10));
    Lab::check(
        &with("max-age=5").await,
        "fwd=request; fwd-status=304; detail=revalidated",
    );
    assert!(with("only-if-cached").await.outcome().starts_with("hit"));
    lab.clock.advance(LATER);
    assert!(with("max-stale").await.outcome().starts_with("hit; ttl=0"));
    Lab::check(&with("max-stale=10").await, REVALIDATED);
    assert_eq!(lab.counters().charged, 2);
}

#[tokio::test]
async fn methods_and_ranges_and_routes_that_are_not_cacheable_are_passed() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let range = octocat.get_with(REPO, &[("range", "bytes=0-9")]).await;
    Lab::check(&range, "fwd=bypass");
    Lab::check(&octocat.get("/rate_limit").await, "fwd=bypass");
    let (labels, label) = (format!("{REPO}/labels"), serde_json::json!({"name": "new"}));
    let post = octocat.send(Method::POST, &labels, &label).await;
    Lab::check(&post, "fwd=method");
    for _ in 0..2 {
        let archive = octocat.get(&format!("{REPO}/tarball")).await;
        Lab::check(&archive, "fwd=bypass");
        assert_eq!(archive.status, 302);
    }
}

#[tokio::test]
async fn a_failing_or_silent_github_is_stood_in_for() {
    let cache = CacheConfig {
        patience: Duration::from_millis(50),
        ..CacheConfig::default()
    };
    let lab = Lab::with(PolicyConfig::default(), cache).await;
    let octocat = lab.octocat();
    let body = octocat.get(REPO).await.body;
    lab.clock.advance(LATER);
    for (kind, outcome) in [
        (
            FaultKind::Status { status: 502 },
            "fwd=stale; fwd-status=502; detail=stale-if-error",
        ),
        (
            FaultKind::Reset,
            "fwd=stale; fwd-status=504; detail=stale-if-error",
        ),
        (
            FaultKind::SecondaryLimit { retry_after: 60 },
            "fwd=stale; fwd-status=403; detail=rate-limited",
        ),
        (
            FaultKind::Delay { ms: 2_000 },
            "fwd=stale; fwd-status=504; detail=stale-if-error",
        ),
    ] {
        lab.standin.set_fault(Fault::new(kind));
        let seen = octocat.get(REPO).await;
        lab.standin.clear_faults();
        Lab::check(&seen, outcome);
        assert_eq!((seen.status.as_u16(), &seen.body), (200, &body));
    }
}

#[tokio::test]
async fn a_spent_budget_is_said_and_stood_in_for() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let body = octocat.get(REPO).await.body;
    lab.clock.advance(LATER);
    assert!(lab.standin.set_remaining("octocat", "core", 0));
    let seen = octocat.get(REPO).await;
    Lab::check(&seen, "fwd=stale; fwd-status=403; detail=rate-limited");
    assert_eq!((seen.body.clone(), seen.remaining()), (body, 0));
    let direct = lab.direct(Token::OCTOCAT).get("/meta").await;
    let refused = octocat.get("/meta").await;
    assert_eq!(
        (refused.status, &refused.body),
        (direct.status, &direct.body)
    );
    Lab::check(&refused, "fwd=uri-miss; fwd-status=403");
}
