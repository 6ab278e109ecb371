//! octocrab over the cache.

use gh_client::GitHub;
use octocrab::params::State;
use octocrab::service::middleware::auth_header::AuthHeaderLayer;
use octocrab::service::middleware::base_uri::BaseUriLayer;
use octocrab::{AuthState, OctocrabBuilder};
use standin::Token;

use crate::lab::{self, Lab};

#[tokio::test]
async fn every_call_of_octocrab_goes_through_the_cache() {
    let standin = lab::standin().await;
    let gh = GitHub::builder()
        .token(Token::OCTOCAT)
        .api_url(&standin.http_url())
        .build()
        .unwrap();
    let mut counts = Vec::new();
    for _ in 0..2 {
        let repos = gh.list_repos("octo-many").await.unwrap();
        assert_eq!(repos.len(), 260);
        let crab = gh.octocrab();
        let issues = crab.issues("octocat", "Hello-World");
        let page = issues.list().state(State::All).per_page(100).send();
        let all = crab.all_pages(page.await.unwrap()).await.unwrap();
        assert_eq!(all.len(), 160);
        let pulls = crab.pulls("octocat", "Hello-World");
        let page = pulls.list().state(State::All).per_page(100).send();
        assert_eq!(page.await.unwrap().items.len(), 40);
        counts.push(standin.counters().requests);
    }
    assert_eq!(
        counts,
        [3 + 2 + 1, 6],
        "three pages, two and one; then none"
    );
    let issues = gh.octocrab().issues("octocat", "Hello-World");
    let created = Box::pin(issues.create("made by octocrab").send())
        .await
        .unwrap();
    let page = issues.list().state(State::All).per_page(100).send();
    assert_eq!(page.await.unwrap().items[0].number, created.number);
    assert!(gh.cache().stats().hit_rate() > 0.4);
}

/// Regression: the second page was refused, as a request to an unknown host, and would have gone without the token.
#[tokio::test]
async fn pages_of_an_api_that_names_itself_by_its_address_are_walked() {
    let config = standin::Config {
        tcp: Some(([127, 0, 0, 1], 0).into()),
        links: standin::Links::Listener,
        ..standin::Config::default()
    };
    let standin = standin::Standin::start(config).await.unwrap();
    let gh = GitHub::builder()
        .token(Token::OCTOCAT)
        .api_url(&standin.http_url())
        .build()
        .unwrap();
    for _ in 0..2 {
        assert_eq!(gh.list_repos("octo-many").await.unwrap().len(), 260);
    }
    let counters = standin.counters();
    assert_eq!(counters.requests, 3);
    assert_eq!(
        counters.sum(|kind| kind.token == "octocat"),
        3,
        "each page is asked for with the token"
    );
}

#[tokio::test]
async fn octocrab_gets_the_bytes_that_it_gets_without_the_cache() {
    let standin = lab::standin().await;
    let direct = octocrab::Octocrab::builder()
        .base_uri(standin.http_url())
        .unwrap()
        .personal_token(Token::OCTOCAT)
        .build()
        .unwrap();
    let gh = GitHub::builder()
        .token(Token::OCTOCAT)
        .api_url(&standin.http_url())
        .build()
        .unwrap();
    for path in [
        "/user",
        "/repos/octocat/Hello-World",
        "/repos/octo-org/private-1/issues?per_page=100",
        "/repos/octocat/Hello-World/pulls",
        "/repos/octocat/no-such-repository",
    ] {
        let expected = direct._get(path).await.unwrap();
        let status = expected.status();
        let expected = direct.body_to_string(expected).await.unwrap();
        // Fetched, then from memory.
        for _ in 0..2 {
            let given = gh.octocrab()._get(path).await.unwrap();
            assert_eq!(given.status(), status, "{path}");
            let given = gh.octocrab().body_to_string(given).await.unwrap();
            assert_eq!(given, expected, "{path}");
        }
    }
    assert_eq!(
        standin.counters().requests,
        10,
        "five directly, and five for ten answers"
    );
}

#[tokio::test]
async fn the_layer_can_be_put_under_octocrab_by_hand() {
    let lab = Lab::new().await;
    let root = http::Uri::from_static("https://api.github.com");
    let token = format!("Bearer {}", Token::OCTOCAT).parse().unwrap();
    let built = OctocrabBuilder::new_empty()
        .with_service(lab.service.clone())
        .with_layer(&AuthHeaderLayer::new(
            Some(token),
            root.clone(),
            root.clone(),
        ))
        .with_layer(&BaseUriLayer::new(root))
        .with_auth(AuthState::None)
        .build();
    let Ok(crab) = built;
    for _ in 0..3 {
        let user = crab.current().user().await.unwrap();
        assert_eq!(user.login, "octocat");
        let viewer: serde_json::Value = crab
            .graphql(&serde_json::json!({"query": "{ viewer { login } }"}))
            .await
            .unwrap();
        assert_eq!(viewer["viewer"]["login"], "octocat");
    }
    assert_eq!(lab.counters().requests, 2);
}
