//! Things that go wrong on request.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::json;
use standin::{Fault, FaultKind};

use crate::client::{Client, start};

const REPO: &str = "/repos/octo-org/public-1";

#[tokio::test]
async fn answers_go_wrong_as_told_and_only_there() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    standin.set_fault(
        Fault::new(FaultKind::Status { status: 503 })
            .on("/repos/{owner}/{repo}")
            .times(1),
    );
    assert_eq!(octocat.get("/meta").await.status, 200);
    assert_eq!(octocat.get(REPO).await.status, 503);
    assert_eq!(octocat.get(REPO).await.status, 200);

    standin.set_fault(Fault::new(FaultKind::SecondaryLimit { retry_after: 7 }).times(1));
    let limited = octocat.get(REPO).await;
    assert_eq!(
        (limited.status.as_u16(), limited.header("retry-after")),
        (403, "7")
    );
    assert!(limited.remaining() > 0);

    standin.set_fault(Fault::new(FaultKind::Revoked).for_token("octocat"));
    assert_eq!(octocat.get(REPO).await.status, 401);
    assert_eq!(Client::anonymous(&standin).get(REPO).await.status, 200);
    standin.clear_faults();

    standin.set_fault(Fault::new(FaultKind::NoStore).times(1));
    assert_eq!(octocat.get(REPO).await.header("cache-control"), "no-store");
    let usual = octocat.get(REPO).await;
    assert_eq!(
        usual.header("cache-control"),
        "private, max-age=60, s-maxage=60"
    );
    standin.set_fault(Fault::new(FaultKind::Larger { bytes: 100_000 }).times(1));
    let larger = octocat.get(REPO).await;
    assert_eq!(larger.body.len(), usual.body.len() + 100_000);
    assert_eq!(larger.json(), usual.json());
}

#[tokio::test]
async fn connections_break_before_and_within_a_body() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    for kind in [FaultKind::Reset, FaultKind::Truncate] {
        // Twice, since the client tries a pooled connection that broke once more.
        standin.set_fault(Fault::new(kind.clone()).times(2));
        assert!(
            octocat
                .try_send(Method::GET, REPO, String::new())
                .await
                .is_err(),
            "{kind:?}"
        );
        standin.clear_faults();
        assert_eq!(octocat.get(REPO).await.status, 200);
    }
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "measures how long an answer took"
)]
async fn delays_add_up_with_the_latency() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    standin.set_latency(Duration::from_millis(20));
    standin.set_fault(Fault::new(FaultKind::Delay { ms: 30 }).times(1));
    let started = Instant::now();
    octocat.get("/meta").await;
    assert!(started.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn a_stand_in_that_is_down_refuses_connections_and_comes_back_at_the_same_place() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    octocat.get("/meta").await;
    standin.set_down(true);
    // Going down is not instant, since the listener's task does it.
    while octocat
        .try_send(Method::GET, "/meta", String::new())
        .await
        .is_ok()
    {
        tokio::task::yield_now().await;
    }
    standin.set_down(false);
    while octocat
        .try_send(Method::GET, "/meta", String::new())
        .await
        .is_err()
    {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_admin_api_does_what_the_library_does() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    assert_eq!(
        octocat.get("/_standin/health").await.json(),
        json!({"status": "ok"})
    );
    let before = octocat.get(REPO).await;
    assert_eq!(
        octocat
            .post("/_standin/touch", json!({"repo": "octo-org/public-1"}))
            .await
            .status,
        200
    );
    assert_eq!(
        octocat
            .post("/_standin/touch", json!({"repo": "octo-org/nope"}))
            .await
            .status,
        404
    );
    assert_ne!(
        octocat.get(REPO).await.header("etag"),
        before.header("etag")
    );
    octocat
        .post(
            "/_standin/faults",
            json!({"kind": "status", "status": 502, "route": "/repos/{owner}/{repo}"}),
        )
        .await;
    assert_eq!(
        octocat.get("/_standin/faults").await.json()[0]["kind"],
        "status"
    );
    assert_eq!(octocat.get(REPO).await.status, 502);
    octocat
        .send(Method::DELETE, "/_standin/faults", json!(null))
        .await;
    octocat
        .post(
            "/_standin/budget",
            json!({"token": "octocat", "resource": "core", "remaining": 0}),
        )
        .await;
    assert_eq!(octocat.get(REPO).await.status, 403);
    let counters = octocat.get("/_standin/counters").await.json();
    assert_eq!(counters["requests"], 4);
    assert_eq!(counters["kinds"][0]["token"], "octocat");
    octocat.post("/_standin/reset", json!(null)).await;
    assert_eq!(octocat.get(REPO).await.status, 200);
    assert_eq!(standin.counters().requests, 1);
    assert_eq!(
        octocat
            .post("/_standin/tags", json!({"tags": "absent"}))
            .await
            .status,
        200
    );
    assert_eq!(octocat.get(REPO).await.header("etag"), "");
    assert_eq!(octocat.get("/_standin/nope").await.status, 404);
}
