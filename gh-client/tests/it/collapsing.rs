//! One upstream request, however many ask; each count beside what the same calls cost without the cache.

use futures::future::join_all;
use http::Method;
use serde_json::json;
use standin::{Fault, FaultKind, Token};

use crate::lab::{Client, LATER, Lab, REPO, until};

#[tokio::test]
async fn a_thousand_at_once_cost_one_request() {
    let lab = Lab::new().await;
    let (octocat, direct) = (lab.octocat(), lab.direct(Token::OCTOCAT));
    for _ in 0..2 {
        lab.standin.reset_counters();
        let seen = join_all((0..1_000).map(|_| octocat.get(REPO))).await;
        assert_eq!(lab.counters().requests, 1);
        assert!(seen.iter().all(|seen| seen.status == 200));
        assert!(seen.windows(2).all(|pair| pair[0].body == pair[1].body));
        let is_collapsed = |outcome: &str| outcome.ends_with("; collapsed; detail=local");
        let n_collapsed = seen
            .iter()
            .filter(|seen| is_collapsed(seen.outcome()))
            .count();
        assert_eq!(n_collapsed, 999);
        // The second round finds it stale, all at once.
        lab.clock.advance(LATER);
    }
    assert_eq!(lab.counters().charged, 0, "the second round cost nothing");
    lab.standin.reset_counters();
    join_all((0..20).map(|_| direct.get(REPO))).await;
    assert_eq!((lab.counters().requests, lab.counters().charged), (20, 20));
}

#[tokio::test]
async fn every_spelling_of_a_question_is_one_question() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let direct = lab.direct(Token::OCTOCAT);
    let spellings = [
        ("/repos/octocat/Hello-World/issues?per_page=5&state=all", ""),
        (
            "/repos/octocat/Hello-World/issues?state=all&per_page=5",
            "*/*",
        ),
        (
            "/repos/octocat/Hello-World/issues?state=all&&per_page=5",
            "application/json",
        ),
        (
            "/repos/octocat/Hello-World/issues?state=all&per_page=5",
            "application/vnd.github.v3+json",
        ),
    ];
    for (client, expected) in [(&octocat, 1), (&direct, 4)] {
        lab.standin.reset_counters();
        for (target, accept) in spellings {
            let seen = client.get_with(target, &[("accept", accept)]).await;
            assert_eq!(seen.status, 200, "{target} {accept}");
        }
        assert_eq!(lab.counters().requests, expected);
    }
    lab.standin.reset_counters();
    let token = octocat.as_(&format!("token {}", Token::OCTOCAT));
    assert!(token.get(spellings[0].0).await.outcome().starts_with("hit"));
    let raw = [("accept", "application/vnd.github.raw+json")];
    let readme = format!("{REPO}/readme");
    let (json, raw) = (
        octocat.get(&readme).await,
        octocat.get_with(&readme, &raw).await,
    );
    assert_ne!(json.body, raw.body);
    assert_eq!(lab.counters().requests, 2);
}

#[tokio::test]
async fn a_request_whose_client_left_is_finished_and_stored() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    lab.standin
        .set_fault(Fault::new(FaultKind::Delay { ms: 200 }).times(1));
    let leaving = tokio::spawn({
        let octocat = octocat.clone();
        async move { octocat.get(REPO).await }
    });
    until(|| async { lab.counters().in_flight == 1 }).await;
    leaving.abort();
    let seen = octocat.get(REPO).await;
    assert_eq!(seen.status, 200);
    assert!(
        seen.outcome().ends_with("collapsed; detail=local"),
        "{}",
        seen.outcome()
    );
    assert_eq!(lab.counters().requests, 1);
}

#[tokio::test]
async fn a_change_reaches_every_client_within_the_lifetime() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let old = octocat.get(REPO).await.body;
    assert!(lab.standin.touch_repo("octocat/Hello-World"));
    assert_eq!(octocat.get(REPO).await.body, old, "it is fresh");
    // Stale, and too old to be served while it is being revalidated.
    lab.clock.advance(gh_client::PolicyConfig::ORDINARY_END);
    let seen = join_all((0..50).map(|_| octocat.get(REPO))).await;
    assert!(seen.iter().all(|seen| seen.body != old));
    assert_eq!(lab.counters().requests, 2);
}

#[tokio::test]
async fn running_things_are_never_shown_older_than_their_lifetime() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let runs = format!("{REPO}/actions/runs");
    let first = octocat.get(&runs).await;
    let id = first.json()["workflow_runs"][0]["id"].as_u64().unwrap();
    assert!(lab.standin.touch_run("octocat/Hello-World", id));
    lab.clock.advance(std::time::Duration::from_secs(60));
    let second = octocat.get(&runs).await;
    Lab::check(&second, "fwd=stale; fwd-status=200; stored");
    assert_ne!(first.body, second.body);
}

#[tokio::test]
async fn writes_are_never_collapsed() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let (target, body) = (format!("{REPO}/issues"), json!({"title": "again"}));
    join_all((0..5).map(|_| octocat.send(Method::POST, &target, &body))).await;
    assert_eq!(
        lab.counters().count("POST", "/repos/{owner}/{repo}/issues"),
        5
    );
}

#[tokio::test]
async fn services_of_one_layer_share_one_cache() {
    let lab = Lab::new().await;
    lab.octocat().get(REPO).await;
    let other = tower::Layer::layer(&lab.layer, lab.upstream.clone());
    let other = Client::new(other, Some(format!("token {}", Token::OCTOCAT)));
    assert!(other.get(REPO).await.outcome().starts_with("hit"));
}
