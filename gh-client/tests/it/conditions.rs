//! Tags and dates that clients send, and the ones they are given.

use std::time::Duration;

use cache_core::CacheConfig;
use gh_client::PolicyConfig;
use standin::{Fault, FaultKind, TagFormula, Token};

use crate::lab::{LATER, Lab, REPO, until};

const JSON: (&str, &str) = ("accept", "application/vnd.github+json");

#[tokio::test]
async fn clients_get_githubs_own_tag_for_their_token_and_304_for_it() {
    let lab = Lab::new().await;
    let direct = lab.direct(Token::OCTOCAT).get_with(REPO, &[JSON]).await;
    let octocat = lab.octocat();
    let seen = octocat.get(REPO).await;
    assert_eq!(seen.header("etag"), direct.header("etag"));
    assert_eq!(seen.header("last-modified"), direct.header("last-modified"));
    lab.standin.reset_counters();
    let strong = direct.header("etag").trim_start_matches("W/").to_owned();
    for condition in [
        ("if-none-match", direct.header("etag")),
        ("if-none-match", &strong),
        ("if-none-match", "\"other\", *"),
        ("if-modified-since", direct.header("last-modified")),
    ] {
        let seen = octocat.get_with(REPO, &[condition]).await;
        assert_eq!(
            (seen.status.as_u16(), seen.body.len()),
            (304, 0),
            "{condition:?}"
        );
        assert_eq!(seen.header("etag"), direct.header("etag"));
    }
    for condition in [
        ("if-none-match", "\"other\""),
        ("if-none-match", strong.trim_matches('"')),
        ("if-modified-since", "Thu, 01 Jan 2015 00:00:00 GMT"),
        ("if-modified-since", "yesterday"),
    ] {
        let seen = octocat.get_with(REPO, &[condition]).await;
        assert_eq!(seen.status, 200, "{condition:?}");
    }
    assert_eq!(lab.counters().requests, 0);
    // The tag decides where both are given.
    let both = [
        ("if-none-match", "\"other\""),
        ("if-modified-since", direct.header("last-modified")),
    ];
    assert_eq!(octocat.get_with(REPO, &both).await.status, 200);
}

#[tokio::test]
async fn a_stale_entry_is_revalidated_once_for_a_client_that_has_it_too() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let tag = octocat.get(REPO).await.header("etag").to_owned();
    lab.clock.advance(LATER);
    let seen = octocat.get_with(REPO, &[("if-none-match", &tag)]).await;
    assert_eq!(seen.status, 304);
    assert_eq!(
        seen.outcome(),
        "fwd=stale; fwd-status=304; detail=revalidated"
    );
    assert!(lab.standin.touch_repo("octocat/Hello-World"));
    lab.clock.advance(LATER);
    let seen = octocat.get_with(REPO, &[("if-none-match", &tag)]).await;
    assert_eq!(seen.status, 200);
    assert_eq!((lab.counters().requests, lab.counters().charged), (3, 2));
}

#[tokio::test]
async fn without_a_tag_of_githubs_the_door_gives_its_own_and_keeps_it_to_itself() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    lab.standin.set_tags(TagFormula::Absent);
    let target = format!("{REPO}/languages");
    let tag = octocat.get(&target).await.header("etag").to_owned();
    assert!(tag.starts_with("W/\"ghm-"), "{tag}");
    let current = [("if-none-match", tag.as_str())];
    assert_eq!(octocat.get_with(&target, &current).await.status, 304);
    lab.clock.advance(LATER);
    octocat.get_with(&target, &current).await;
    let passed = [current[0], ("cache-control", "no-store")];
    assert_eq!(octocat.get_with(&target, &passed).await.status, 200);
    assert_eq!(
        (lab.counters().requests, lab.counters().conditional),
        (3, 0)
    );
}

#[tokio::test]
async fn tags_that_change_with_every_answer_cost_requests_and_never_a_wrong_answer() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    lab.standin.set_tags(TagFormula::Random);
    for n in 1..=7 {
        let body = octocat.get(REPO).await.body;
        assert_eq!(body, lab.direct(Token::OCTOCAT).get(REPO).await.body);
        assert_eq!(lab.counters().requests, 2 * n);
        assert!(lab.standin.touch_repo("octocat/Hello-World"));
        lab.clock.advance(LATER);
    }
}

#[tokio::test]
async fn events_live_as_long_as_their_interval_says() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let target = format!("{REPO}/events");
    let first = octocat.get(&target).await;
    assert_eq!(first.header("x-poll-interval"), "60");
    lab.clock.advance(Duration::from_secs(58));
    assert!(octocat.get(&target).await.outcome().starts_with("hit"));
    lab.clock.advance(Duration::from_secs(2));
    assert!(
        octocat
            .get(&target)
            .await
            .outcome()
            .starts_with("fwd=stale")
    );

    let (client, clock) = crate::lab::scripted(|_| {
        http::Response::builder()
            .header("x-poll-interval", "120")
            .body("[]".into())
            .unwrap()
    });
    client.get("/events").await;
    clock.advance(Duration::from_secs(118));
    assert!(client.get("/events").await.outcome().starts_with("hit"));
    clock.advance(Duration::from_secs(2));
    assert!(
        client
            .get("/events")
            .await
            .outcome()
            .starts_with("fwd=stale")
    );
}

#[tokio::test]
async fn a_body_that_is_evicted_while_it_is_being_revalidated_is_answered_all_the_same() {
    let cache = CacheConfig {
        max_entries: 1,
        ..CacheConfig::default()
    };
    let lab = Lab::with(PolicyConfig::default(), cache).await;
    let octocat = lab.octocat();
    let body = octocat.get(REPO).await.body;
    lab.clock.advance(LATER);
    lab.standin
        .set_fault(Fault::new(FaultKind::Delay { ms: 150 }).on(REPO).times(1));
    let asking = tokio::spawn({
        let octocat = octocat.clone();
        async move { octocat.get(REPO).await }
    });
    until(|| async { lab.counters().in_flight == 1 }).await;
    octocat.get("/meta").await;
    assert_eq!(lab.service.cache().stats().evictions, 1);
    let seen = asking.await.unwrap();
    assert!(seen.outcome().contains("304"), "{}", seen.outcome());
    assert_eq!(seen.body, body);
}
