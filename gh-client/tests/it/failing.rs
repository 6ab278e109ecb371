//! GitHub failing: what is refused, what stands in, what is never stored.

use http::Method;
use standin::{Fault, FaultKind};

use crate::lab::{FETCHED, LATER, Lab, REPO, until};

#[tokio::test]
async fn an_error_is_passed_on_and_not_stored() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    for status in [500, 502, 503, 403, 422] {
        lab.standin
            .set_fault(Fault::new(FaultKind::Status { status }).times(1));
        let seen = octocat.get(REPO).await;
        assert_eq!(seen.status, status);
        assert_eq!(seen.outcome(), format!("fwd=uri-miss; fwd-status={status}"));
    }
    Lab::check(&octocat.get(REPO).await, FETCHED);
}

#[tokio::test]
async fn what_is_not_there_is_remembered_for_seconds() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let target = "/repos/octocat/nowhere";
    for _ in 0..3 {
        assert_eq!(octocat.get(target).await.status, 404);
    }
    assert_eq!(lab.counters().requests, 1);
    lab.clock.advance(std::time::Duration::from_secs(5));
    octocat.get(target).await;
    assert_eq!(
        (lab.counters().requests, lab.counters().conditional),
        (2, 0)
    );
}

#[tokio::test]
async fn with_github_down_what_is_held_is_answered_and_the_rest_is_an_error() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let body = octocat.get(REPO).await.body;
    lab.clock.advance(LATER);
    lab.standin.set_down(true);
    until(|| async { octocat.ask(Method::GET, "/meta", &[], "").await.is_err() }).await;
    let seen = octocat.get(REPO).await;
    assert_eq!(seen.body, body);
    Lab::check(&seen, "fwd=stale; fwd-status=504; detail=stale-if-error");
    lab.standin.set_down(false);
    until(|| async { octocat.ask(Method::GET, "/meta", &[], "").await.is_ok() }).await;
    assert!(octocat.get(REPO).await.outcome().contains("304"));
}

#[tokio::test]
async fn nothing_stands_in_beyond_its_time() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    octocat.get(REPO).await;
    lab.clock
        .advance(std::time::Duration::from_secs(2 * 86_400));
    lab.standin
        .set_fault(Fault::new(FaultKind::Status { status: 502 }));
    assert_eq!(octocat.get(REPO).await.status, 502);
}

#[tokio::test]
async fn a_write_that_failed_without_an_answer_spoils_what_it_may_have_changed() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    octocat.get(REPO).await;
    lab.standin
        .set_fault(Fault::new(FaultKind::Reset).on(REPO).times(2));
    let body = "{\"description\":\"x\"}";
    let written = octocat.ask(Method::PATCH, REPO, &[], body).await;
    assert!(written.is_err());
    lab.standin.clear_faults();
    assert!(octocat.get(REPO).await.is_fetched());
}

#[tokio::test]
async fn a_write_whose_client_left_spoils_what_it_may_have_changed() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    octocat.get(REPO).await;
    lab.standin.set_fault(
        Fault::new(FaultKind::Delay { ms: 10_000 })
            .on(REPO)
            .times(1),
    );
    let leaving = tokio::spawn({
        let octocat = octocat.clone();
        async move {
            octocat
                .send(Method::PATCH, REPO, &serde_json::json!({}))
                .await
        }
    });
    until(|| async { lab.counters().in_flight == 1 }).await;
    leaving.abort();
    until(|| async { octocat.get(REPO).await.is_fetched() }).await;
}
