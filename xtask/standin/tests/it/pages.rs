//! Walks over pages.

use std::collections::HashSet;

use standin::{Config, Links};

use crate::client::{Client, start, start_with};

/// Follows `next` from `path` and returns the ids in the order seen.
async fn walk(client: &Client, path: &str, key: Option<&str>) -> Vec<u64> {
    let (mut ids, mut next) = (Vec::new(), Some(path.to_owned()));
    while let Some(path) = next {
        let page = client.get(&path).await;
        assert_eq!(page.status, 200, "{path}");
        let body = page.json();
        let items = key.map_or(&body, |key| &body[key]);
        ids.extend(
            items
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].as_u64().unwrap()),
        );
        next = page.link("next");
    }
    ids
}

#[tokio::test]
async fn a_walk_over_links_sees_every_item_once() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    for (path, key, expected) in [
        ("/users/octo-many/repos?per_page=100", None, 260),
        (
            "/repos/octo-org/private-1/issues?state=all&per_page=30",
            None,
            160,
        ),
        ("/repos/octo-org/private-1/pulls?state=all", None, 40),
        (
            "/repos/octo-org/private-1/actions/runs?per_page=7",
            Some("workflow_runs"),
            60,
        ),
    ] {
        let ids = walk(&octocat, path, key).await;
        let distinct: HashSet<_> = ids.iter().collect();
        assert_eq!((ids.len(), distinct.len()), (expected, expected), "{path}");
    }
}

#[tokio::test]
async fn links_use_numeric_ids_and_name_all_neighbors() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    let first = octocat
        .get("/repos/octo-org/public-1/issues?per_page=50")
        .await;
    let id = octocat.get("/repos/octo-org/public-1").await.json()["id"].clone();
    assert_eq!(
        first.link("next").unwrap(),
        format!("/repositories/{id}/issues?per_page=50&page=2")
    );
    assert_eq!((first.link("prev"), first.link("first")), (None, None));
    let second = octocat.get(&first.link("next").unwrap()).await;
    for rel in ["prev", "next", "last", "first"] {
        assert!(second.link(rel).is_some(), "{rel}");
    }
    let last = octocat.get(&second.link("last").unwrap()).await;
    assert_eq!((last.link("next"), last.link("last")), (None, None));
    let users = octocat.get("/users/octo-many/repos").await;
    assert!(
        users
            .link("next")
            .unwrap()
            .starts_with("/user/583240/repos?")
    );
    assert_eq!(octocat.get("/orgs/octo-org/repos").await.header("link"), "");
}

#[tokio::test]
async fn links_can_name_the_listener_instead() {
    let standin = start_with(Config {
        links: Links::Listener,
        ..Config::default()
    })
    .await;
    let octocat = Client::octocat(&standin);
    let root = standin.http_url();
    for (path, prefix) in [
        ("/repos/octo-org/public-1", String::new()),
        ("/api/v3/repos/octo-org/public-1", "/api/v3".into()),
    ] {
        let repo = octocat.get(path).await.json();
        assert_eq!(
            repo["url"],
            format!("{root}{prefix}/repos/octo-org/public-1")
        );
        let issues = octocat.get(&format!("{path}/issues")).await;
        let next = issues.link("next").unwrap();
        assert!(
            next.starts_with(&format!("{root}{prefix}/repositories/")),
            "{next}"
        );
        assert_eq!(
            octocat.get(next.strip_prefix(&root).unwrap()).await.status,
            200
        );
    }
}
