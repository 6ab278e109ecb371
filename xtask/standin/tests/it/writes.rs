//! Requests that change something.

use http::Method;
use serde_json::{Value, json};
use standin::Token;

use crate::client::{Client, start};

const REPO: &str = "/repos/octo-org/private-1";

/// Asks for `path`, does `write`, and asks again: the answer is another one with another tag.
async fn check(client: &Client, path: &str, write: (Method, &str, Value), status: u16) -> Value {
    let before = client.get(path).await;
    assert_eq!(before.status, 200, "{path}");
    let (method, target, body) = write;
    let written = client.send(method, target, body).await;
    assert_eq!(written.status, status, "{target}: {:?}", written.body);
    let after = client
        .clone()
        .and("if-none-match", before.header("etag"))
        .get(path)
        .await;
    assert_eq!(after.status, 200, "{path}");
    after.json()
}

#[tokio::test]
async fn writes_change_what_is_read_and_its_tag() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    let issue = &format!("{REPO}/issues/1");
    let comments = &format!("{REPO}/issues/1/comments");
    let open = check(
        &octocat,
        &format!("{REPO}/issues"),
        (
            Method::POST,
            &format!("{REPO}/issues"),
            json!({"title": "New", "labels": ["bug"]}),
        ),
        201,
    )
    .await;
    assert_eq!(
        (&open[0]["title"], &open[0]["labels"][0]["name"]),
        (&json!("New"), &json!("bug"))
    );
    let closed = check(
        &octocat,
        issue,
        (Method::PATCH, issue, json!({"state": "closed"})),
        200,
    )
    .await;
    assert_eq!(
        (&closed["state"], &closed["state_reason"]),
        (&json!("closed"), &json!("completed"))
    );
    let said = check(
        &octocat,
        comments,
        (Method::POST, comments, json!({"body": "Hello"})),
        201,
    )
    .await;
    assert_eq!(said.as_array().unwrap().last().unwrap()["body"], "Hello");
    check(
        &octocat,
        issue,
        (Method::POST, comments, json!({"body": "Again"})),
        201,
    )
    .await;
    let repo = check(
        &octocat,
        REPO,
        (Method::PATCH, REPO, json!({"description": "Other"})),
        200,
    )
    .await;
    assert_eq!(repo["description"], "Other");
    let labels = check(
        &octocat,
        &format!("{REPO}/labels"),
        (Method::DELETE, &format!("{REPO}/labels/bug"), Value::Null),
        204,
    )
    .await;
    assert_eq!(labels.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn runs_are_rerun_cancelled_and_move_on() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    let runs = octocat
        .get(&format!("{REPO}/actions/runs?status=success&per_page=1"))
        .await
        .json();
    let id = runs["workflow_runs"][0]["id"].as_u64().unwrap();
    let run = &format!("{REPO}/actions/runs/{id}");
    let queued = check(
        &octocat,
        run,
        (Method::POST, &format!("{run}/rerun"), Value::Null),
        201,
    )
    .await;
    assert_eq!(
        (&queued["status"], &queued["run_attempt"]),
        (&json!("queued"), &json!(2))
    );
    assert_eq!(
        octocat
            .post(&format!("{run}/rerun"), Value::Null)
            .await
            .status,
        403
    );
    let cancelled = check(
        &octocat,
        run,
        (Method::POST, &format!("{run}/cancel"), Value::Null),
        202,
    )
    .await;
    assert_eq!(cancelled["conclusion"], "cancelled");
    assert_eq!(
        octocat
            .post(&format!("{run}/cancel"), Value::Null)
            .await
            .status,
        409
    );
    for (status, left) in [("in_progress", 1), ("in_progress", 0), ("completed", 60)] {
        standin.tick();
        let list = octocat
            .get(&format!("{REPO}/actions/runs?status={status}"))
            .await
            .json();
        assert_eq!(list["total_count"], left, "{status}");
    }
}

#[tokio::test]
async fn readers_may_not_write() {
    let standin = start().await;
    let body = json!({"description": "Mine"});
    for (client, status) in [
        (Client::anonymous(&standin), 401),
        (Client::with_token(&standin, Token::OCTOCAT_NARROW), 403),
    ] {
        assert_eq!(
            client
                .send(Method::PATCH, "/repos/octo-org/public-1", body.clone())
                .await
                .status,
            status
        );
        assert_eq!(
            client.send(Method::PATCH, REPO, body.clone()).await.status,
            404
        );
    }
    let octocat = Client::octocat(&standin);
    assert_eq!(
        octocat
            .post(&format!("{REPO}/issues"), json!({}))
            .await
            .status,
        422
    );
    assert_eq!(
        octocat
            .try_send(Method::POST, &format!("{REPO}/issues"), "{".into())
            .await
            .unwrap()
            .status,
        400
    );
}
