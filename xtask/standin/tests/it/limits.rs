//! Budgets.

use standin::{Config, Token};

use crate::client::{Client, start, start_with};

#[tokio::test]
async fn a_spent_budget_is_refused_in_githubs_words() {
    let standin = start_with(Config {
        anonymous_per_hour: 2,
        ..Config::default()
    })
    .await;
    let anonymous = Client::anonymous(&standin);
    for remaining in [1, 0] {
        assert_eq!(anonymous.get("/meta").await.remaining(), remaining);
    }
    let refused = anonymous.get("/meta").await;
    assert_eq!((refused.status.as_u16(), refused.remaining()), (403, 0));
    assert!(
        refused.json()["message"]
            .as_str()
            .unwrap()
            .starts_with("API rate limit exceeded")
    );
    assert_eq!(anonymous.get("/rate_limit").await.status, 200);
    assert_eq!(Client::octocat(&standin).get("/meta").await.status, 200);
    assert_eq!(standin.counters().charged, 3);
    standin.reset_budgets();
    assert_eq!(anonymous.get("/meta").await.status, 200);
}

#[tokio::test]
async fn tokens_of_one_user_share_a_budget_and_resources_do_not() {
    let standin = start().await;
    let (wide, narrow) = (
        Client::octocat(&standin),
        Client::with_token(&standin, Token::OCTOCAT_NARROW),
    );
    assert_eq!(wide.get("/meta").await.remaining(), 4_999);
    assert_eq!(narrow.get("/meta").await.remaining(), 4_998);
    assert_eq!(
        Client::with_token(&standin, Token::HUBOT)
            .get("/meta")
            .await
            .remaining(),
        4_999
    );
    assert_eq!(
        Client::with_token(&standin, Token::INSTALLATION)
            .get("/meta")
            .await
            .remaining(),
        4_999
    );
    let search = wide.get("/search/repositories?q=x").await;
    assert_eq!(
        (search.header("x-ratelimit-resource"), search.remaining()),
        ("search", 29)
    );
    assert!(standin.set_remaining("octocat", "core", 0));
    assert_eq!(narrow.get("/meta").await.status, 403);
    assert!(!standin.set_remaining("nobody", "core", 0));
}

#[tokio::test]
async fn a_spent_graphql_budget_is_an_error_with_status_200() {
    let standin = start().await;
    standin.set_remaining("octocat", "graphql", 0);
    let answer = Client::octocat(&standin)
        .post("/graphql", serde_json::json!({"query": "{viewer{login}}"}))
        .await;
    assert_eq!((answer.status.as_u16(), answer.remaining()), (200, 0));
    assert_eq!(answer.json()["errors"][0]["type"], "RATE_LIMITED");
}
