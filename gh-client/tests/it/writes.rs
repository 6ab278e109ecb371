//! After a write nobody sees what was before it.

use http::Method;
use serde_json::json;
use standin::{Fault, FaultKind, Token};

use crate::lab::{Lab, REPO};

#[tokio::test]
async fn what_was_written_is_what_is_read_next() {
    let lab = Lab::new().await;
    let (octocat, narrow) = (lab.octocat(), lab.client(Token::HUBOT));
    for n in 0..20 {
        octocat.get(REPO).await;
        narrow.get(REPO).await;
        let text = format!("number {n}");
        let change = json!({"description": text});
        let written = octocat.send(Method::PATCH, REPO, &change).await;
        assert_eq!(written.status, 200);
        for client in [&octocat, &narrow] {
            assert_eq!(client.get(REPO).await.json()["description"], text);
        }
    }
}

#[tokio::test]
async fn a_read_under_way_does_not_bring_back_what_a_write_spoiled() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    lab.standin
        .set_fault(Fault::new(FaultKind::Delay { ms: 150 }).on(REPO).times(1));
    let slow = tokio::spawn({
        let octocat = octocat.clone();
        async move { octocat.get(REPO).await }
    });
    crate::lab::until(|| async { lab.counters().in_flight == 1 }).await;
    octocat
        .send(Method::PATCH, REPO, &json!({"description": "written"}))
        .await;
    let seen = octocat.get(REPO).await;
    assert_eq!(seen.json()["description"], "written");
    slow.await.unwrap();
    assert_eq!(octocat.get(REPO).await.json()["description"], "written");
}

#[tokio::test]
async fn a_refused_write_spoils_nothing() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    octocat.get(REPO).await;
    let target = format!("{REPO}/issues");
    let refused = octocat.send(Method::POST, &target, &json!({})).await;
    assert_eq!(refused.status, 422);
    assert!(octocat.get(REPO).await.outcome().starts_with("hit"));
}

#[tokio::test]
async fn comments_labels_and_lists_follow() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let (issue, comments) = (
        format!("{REPO}/issues/1"),
        format!("{REPO}/issues/1/comments"),
    );
    let n_before = octocat.get(&issue).await.json()["comments"]
        .as_u64()
        .unwrap();
    octocat.get(&comments).await;
    octocat.get("/user/repos").await;
    octocat
        .send(Method::POST, &comments, &json!({"body": "seen"}))
        .await;
    let n_after = octocat.get(&issue).await.json()["comments"]
        .as_u64()
        .unwrap();
    assert_eq!(n_after, n_before + 1);
    assert!(octocat.get(&comments).await.is_fetched());
    assert!(octocat.get("/user/repos").await.is_fetched());
}

#[tokio::test]
async fn a_token_for_runners_spoils_nothing() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    octocat.get(REPO).await;
    let target = format!("{REPO}/actions/runners/registration-token");
    assert_eq!(
        octocat.send(Method::POST, &target, &json!({})).await.status,
        201
    );
    assert!(octocat.get(REPO).await.outcome().starts_with("hit"));
}
