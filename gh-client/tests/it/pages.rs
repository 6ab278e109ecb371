//! Pages of lists.

use http::Method;
use serde_json::json;
use standin::Token;

use crate::lab::{LATER, Lab, REPO};

#[tokio::test]
async fn a_walk_along_links_is_cached_page_by_page() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let first = format!("{REPO}/issues?state=all&per_page=50");
    let mut walks = Vec::new();
    for _ in 0..2 {
        let (mut next, mut numbers) = (Some(first.clone()), Vec::new());
        while let Some(url) = next {
            let page = octocat.get(&url).await;
            assert_eq!(page.status, 200);
            for issue in page.json().as_array().unwrap() {
                numbers.push(issue["number"].as_u64().unwrap());
            }
            next = page.link("next");
            if let Some(url) = &next {
                assert!(url.contains("/repositories/"), "as GitHub gives it: {url}");
            }
        }
        walks.push(numbers);
    }
    assert_eq!(walks[0].len(), 160);
    assert_eq!(walks[0], walks[1]);
    assert_eq!(lab.counters().requests, 4);
    // A write to the repository by its name spoils pages that are known by its number.
    let issue = json!({"title": "one more"});
    octocat
        .send(Method::POST, &format!("{REPO}/issues"), &issue)
        .await;
    lab.standin.reset_counters();
    let page = octocat.get(&first).await;
    assert!(page.is_fetched());
    assert!(octocat.get(&page.link("next").unwrap()).await.is_fetched());
}

#[tokio::test]
async fn a_304_keeps_the_link() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let target = format!("{REPO}/issues?per_page=5");
    let next = octocat.get(&target).await.link("next");
    lab.clock.advance(LATER);
    let seen = octocat.get(&target).await;
    assert!(seen.outcome().contains("304"));
    assert_eq!(seen.link("next"), next);
    assert!(next.is_some());
}

#[tokio::test]
async fn a_full_last_page_learns_of_the_next_one() {
    let lab = Lab::new().await;
    let (octocat, direct) = (lab.octocat(), lab.direct(Token::OCTOCAT));
    // 160 issues and pull requests, the oldest first: the second page is full and the last.
    let target = format!("{REPO}/issues?direction=asc&page=2&per_page=80&state=all");
    let last = octocat.get(&target).await;
    assert_eq!(last.json().as_array().unwrap().len(), 80);
    assert_eq!(last.link("next"), None);
    let issue = json!({"title": "one more"});
    direct
        .send(Method::POST, &format!("{REPO}/issues"), &issue)
        .await;
    let tag = last.header("etag");
    let accept = ("accept", "application/vnd.github+json");
    let trap = direct
        .get_with(&target, &[("if-none-match", tag), accept])
        .await;
    assert_eq!(
        trap.status, 304,
        "the body is what it was, and the tag with it"
    );
    lab.clock.advance(LATER);
    let seen = octocat.get(&target).await;
    assert_eq!(seen.body, last.body);
    assert!(seen.link("next").is_some(), "{:?}", seen.headers);
    Lab::check(&seen, "fwd=stale; fwd-status=200; stored");
}
