//! Rate limits: what clients are told, and what is obeyed.

use standin::Token;

use crate::lab::{Lab, REPO};

#[tokio::test]
async fn a_cached_answer_tells_the_freshest_limits_and_not_the_stored_ones() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let first = octocat.get(REPO).await;
    for path in ["/meta", "/versions", "/users/octocat"] {
        octocat.get(path).await;
    }
    let hit = octocat.get(REPO).await;
    assert!(hit.outcome().starts_with("hit"));
    assert_eq!(hit.remaining(), first.remaining() - 3);
    assert_eq!(hit.header("x-ratelimit-used"), "4");
    assert_eq!(hit.header("x-ratelimit-resource"), "core");
    for gone in ["date", "x-github-request-id"] {
        assert_eq!(hit.header(gone), "", "{gone}");
    }
    // Another credential's are its own.
    let narrow = lab.client(Token::HUBOT).get(REPO).await;
    assert_eq!(narrow.header("x-ratelimit-used"), "1");
}

#[tokio::test]
async fn resources_have_budgets_of_their_own() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    octocat.get(REPO).await;
    for _ in 0..2 {
        let search = octocat.get("/search/repositories?q=hello").await;
        assert_eq!(search.header("x-ratelimit-resource"), "search");
        assert_eq!(search.header("x-ratelimit-limit"), "30");
    }
    let mut resources: Vec<_> = lab
        .service
        .budgets()
        .into_iter()
        .map(|(_, budget)| budget.resource)
        .collect();
    resources.sort();
    assert_eq!(resources, ["core", "search"]);
}

#[tokio::test]
async fn the_budget_of_passed_requests_is_learnt_too() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let first = octocat.get(REPO).await.remaining();
    let passed = [("cache-control", "no-store")];
    octocat.get_with("/meta", &passed).await;
    assert_eq!(octocat.get(REPO).await.remaining(), first - 1);
    let stats = lab.service.cache().stats();
    assert_eq!((stats.api_calls_made, stats.api_calls_charged), (2, 2));
    assert_eq!(stats.api_calls_saved(), 1);
}
