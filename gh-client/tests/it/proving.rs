//! Proof of access: what one credential fetched is served to another when GitHub says 304 to that other, and only then.

use std::collections::BTreeMap;

use gh_client::Share;
use http::header::{DATE, HeaderName};
use http::{Method, Response};
use standin::{Fault, FaultKind, TagFormula, Token};

use crate::lab::{FETCHED, Lab, PRIVATE, PROVED, REPO, ROTATED, Seen, scripted};

/// Questions about a private repository, none of them a page that may be followed by another.
fn warm_set() -> Vec<String> {
    ["", "/languages", "/issues/1", "/branches/main", "/topics"]
        .iter()
        .map(|end| format!("{PRIVATE}{end}"))
        .collect()
}

/// Headers without those that no two answers share.
fn headers(seen: &Seen) -> BTreeMap<String, String> {
    seen.headers
        .iter()
        .filter(|(name, _)| {
            **name != DATE
                && !name.as_str().starts_with("x-ratelimit")
                && *name != HeaderName::from_static("x-github-request-id")
        })
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect()
}

#[tokio::test]
async fn two_tokens_with_access_cost_one_charged_request() {
    let lab = Lab::new().await;
    let first = lab.octocat().get(PRIVATE).await;
    let direct = lab.direct(ROTATED).get(PRIVATE).await;
    lab.standin.reset_counters();
    let second = lab.client(ROTATED);
    let seen = second.get(PRIVATE).await;
    Lab::check(&seen, PROVED);
    assert_eq!((seen.status.as_u16(), &seen.body), (200, &first.body));
    // The control asked without the canonical `Accept`, and so was given another tag.
    for name in ["content-type", "last-modified", "x-oauth-scopes"] {
        assert_eq!(seen.header(name), direct.header(name), "{name}");
    }
    assert_ne!(seen.header("etag"), first.header("etag"));
    let counters = lab.counters();
    assert_eq!((counters.requests, counters.charged), (1, 0));
    assert!(second.get(PRIVATE).await.outcome().starts_with("hit"));
    let stats = lab.service.cache().stats();
    assert_eq!((stats.proved, stats.api_calls_charged), (1, 1));
    // What it was given for its own is revalidated as its own.
    lab.clock.advance(crate::lab::LATER);
    Lab::check(&second.get(PRIVATE).await, crate::lab::REVALIDATED);
    assert_eq!(lab.counters().charged, 0);
}

#[tokio::test]
async fn what_github_says_of_one_credential_is_not_said_to_another() {
    let lab = Lab::new().await;
    let target = format!("{PRIVATE}/languages");
    let first = lab.octocat().get(&target).await;
    assert_ne!(first.header("x-oauth-scopes"), "");
    // A token of an installation has no scopes.
    let seen = lab.client(Token::INSTALLATION).get(&target).await;
    Lab::check(&seen, PROVED);
    assert!(!seen.headers.contains_key("x-oauth-scopes"));
}

#[tokio::test]
async fn where_each_token_keeps_its_own_each_is_charged() {
    let lab = Lab::sharing(Share::Token).await;
    for token in [Token::OCTOCAT, ROTATED] {
        Lab::check(&lab.client(token).get(PRIVATE).await, FETCHED);
    }
    let counters = lab.counters();
    assert_eq!((counters.charged, counters.conditional), (2, 0));
}

#[tokio::test]
async fn a_rotated_token_finds_the_warm_set_for_nothing() {
    let lab = Lab::new().await;
    let mut bodies = Vec::new();
    for target in warm_set() {
        bodies.push(lab.octocat().get(&target).await.body);
    }
    let revoked = Fault::new(FaultKind::Revoked);
    lab.standin.set_fault(revoked.for_token("octocat"));
    lab.standin.reset_counters();
    for (target, body) in warm_set().iter().zip(&bodies) {
        let seen = lab.client(ROTATED).get(target).await;
        Lab::check(&seen, PROVED);
        assert_eq!(&seen.body, body);
    }
    let counters = lab.counters();
    assert_eq!((counters.requests, counters.charged), (5, 0));
}

#[tokio::test]
async fn whoever_has_no_access_is_told_what_github_tells_it_and_no_more() {
    let (lab, alone) = (Lab::new().await, Lab::new().await);
    lab.octocat().get(PRIVATE).await;
    for stranger in [Token::HUBOT, Token::OCTOCAT_NARROW] {
        let direct = lab.direct(stranger).get(PRIVATE).await;
        let seen = lab.client(stranger).get(PRIVATE).await;
        // The same cache, where nobody holds anything.
        let control = alone.client(stranger).get(PRIVATE).await;
        assert_eq!((seen.status.as_u16(), &seen.body), (404, &direct.body));
        assert_eq!(headers(&seen), headers(&control));
    }
}

#[tokio::test]
async fn a_body_that_changed_meanwhile_comes_new() {
    let lab = Lab::new().await;
    let old = lab.octocat().get(PRIVATE).await;
    assert!(lab.standin.touch_repo("octo-org/private-2"));
    let seen = lab.client(ROTATED).get(PRIVATE).await;
    Lab::check(&seen, FETCHED);
    assert_eq!(seen.body, lab.direct(ROTATED).get(PRIVATE).await.body);
    assert_ne!(seen.body, old.body);
}

#[tokio::test]
async fn tags_that_cannot_be_computed_prove_nothing_and_the_formula_is_given_up() {
    for (formula, tried) in [
        (TagFormula::Salted, 2),
        (TagFormula::Random, 2),
        (TagFormula::Absent, 5),
    ] {
        let lab = Lab::new().await;
        lab.standin.set_tags(formula);
        for target in warm_set() {
            let first = lab.octocat().get(&target).await;
            let seen = lab.client(ROTATED).get(&target).await;
            Lab::check(&seen, FETCHED);
            assert_eq!((seen.status.as_u16(), &seen.body), (200, &first.body));
        }
        let counters = lab.counters();
        assert_eq!((counters.requests, counters.charged), (10, 10));
        // Five tags in a row that did not match end it; where there are none there is nothing to compare.
        assert_eq!(counters.conditional, tried, "{formula:?}");
    }
}

#[tokio::test]
async fn a_page_that_others_follow_or_may_follow_is_not_proved() {
    let lab = Lab::new().await;
    let full_and_last = format!("{REPO}/issues?direction=asc&page=2&per_page=80&state=all");
    let followed = format!("{REPO}/issues?per_page=5");
    for target in [&full_and_last, &followed] {
        let first = lab.octocat().get(target).await;
        let seen = lab.client(ROTATED).get(target).await;
        Lab::check(&seen, FETCHED);
        assert_eq!(seen.link("next"), first.link("next"));
    }
    assert_eq!(lab.counters().conditional, 0);
    // One that is not full has none to follow it.
    let short = format!("{PRIVATE}/branches?per_page=100");
    lab.octocat().get(&short).await;
    Lab::check(&lab.client(ROTATED).get(&short).await, PROVED);
}

#[tokio::test]
async fn a_full_page_that_names_no_other_is_not_proved() {
    let (client, _) = scripted(|request| {
        let mut response = Response::new("[1,2]".into());
        if request.headers().contains_key("if-none-match") {
            *response.status_mut() = http::StatusCode::NOT_MODIFIED;
        }
        response
    });
    for (target, outcome) in [("/x?per_page=2", FETCHED), ("/x?per_page=3", PROVED)] {
        client.get(target).await;
        let seen = client.as_("Bearer other").get(target).await;
        Lab::check(&seen, outcome);
    }
}

#[tokio::test]
async fn answers_about_the_caller_and_answers_to_head_and_graphql_are_not_proved() {
    let lab = Lab::new().await;
    for target in ["/user", "/user/repos?per_page=100", "/notifications"] {
        lab.octocat().get(target).await;
        let seen = lab.client(ROTATED).get(target).await;
        assert_ne!(seen.outcome(), PROVED, "{target}");
    }
    lab.octocat().get(PRIVATE).await;
    let other = lab.client(ROTATED);
    let head = other.ask(Method::HEAD, PRIVATE, &[], "").await;
    Lab::check(&head.unwrap(), FETCHED);
    let query = serde_json::json!({"query": "{ repository(owner: \"octocat\", name: \"Hello-World\") { name } }"});
    for token in [Token::OCTOCAT, ROTATED] {
        lab.client(token).graphql(&query).await;
    }
    assert_eq!(lab.counters().conditional, 0);
}

#[tokio::test]
async fn anonymous_bodies_are_proved_and_anonymous_callers_prove_nothing() {
    let lab = Lab::new().await;
    let target = format!("{REPO}/languages");
    lab.anonymous().get(&target).await;
    Lab::check(&lab.octocat().get(&target).await, PROVED);
    let target = format!("{REPO}/topics");
    lab.octocat().get(&target).await;
    Lab::check(&lab.anonymous().get(&target).await, FETCHED);
    assert_eq!(lab.counters().conditional, 1);
}

#[tokio::test]
async fn requests_of_another_token_at_once_share_one_proof() {
    let lab = Lab::new().await;
    lab.octocat().get(PRIVATE).await;
    lab.standin
        .set_fault(Fault::new(FaultKind::Delay { ms: 100 }));
    lab.standin.reset_counters();
    let other = lab.client(ROTATED);
    let seen = futures::future::join_all((0..8).map(|_| other.get(PRIVATE))).await;
    assert_eq!(
        seen.iter().filter(|seen| seen.outcome() == PROVED).count(),
        1
    );
    let counters = lab.counters();
    assert_eq!((counters.requests, counters.charged), (1, 0));
}
