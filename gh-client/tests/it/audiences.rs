//! Who may see what: nobody gets a body that GitHub would not give to that very credential.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::Method;
use standin::{Fault, FaultKind, Token};

use crate::lab::{LATER, Lab, PRIVATE, PROVED, REPO};

#[tokio::test]
async fn a_body_stays_with_the_credential_it_was_fetched_with() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let secret = octocat.get(PRIVATE).await;
    assert_eq!(secret.status, 200);
    for stranger in [Token::HUBOT, Token::OCTOCAT_NARROW] {
        let direct = lab.direct(stranger).get(PRIVATE).await;
        for _ in 0..2 {
            let seen = lab.client(stranger).get(PRIVATE).await;
            assert_eq!((seen.status, &seen.body), (direct.status, &direct.body));
            assert_eq!(seen.status, 404);
        }
    }
    let nobody = lab.anonymous().get(PRIVATE).await;
    assert_eq!(nobody.status, 404);
    assert!(octocat.get(PRIVATE).await.outcome().starts_with("hit"));
}

#[tokio::test]
async fn answers_about_the_caller_are_the_callers() {
    let lab = Lab::new().await;
    for (token, login) in [(Token::OCTOCAT, "octocat"), (Token::HUBOT, "hubot")] {
        for _ in 0..2 {
            assert_eq!(lab.client(token).get("/user").await.json()["login"], login);
        }
    }
    assert_eq!(lab.counters().requests, 2);
}

#[tokio::test]
async fn a_refused_credential_loses_what_it_could_see() {
    let lab = Lab::new().await;
    let (octocat, hubot) = (lab.octocat(), lab.client(Token::HUBOT));
    octocat.get(PRIVATE).await;
    hubot.get(REPO).await;
    lab.standin
        .set_fault(Fault::new(FaultKind::Revoked).on("/user").times(1));
    assert_eq!(octocat.get("/user").await.status, 401);
    assert!(octocat.get(PRIVATE).await.is_fetched());
    assert!(hubot.get(REPO).await.outcome().starts_with("hit"));
    // A write that is refused says the same.
    lab.standin
        .set_fault(Fault::new(FaultKind::Revoked).on("/user").times(1));
    let nothing = serde_json::json!({});
    let written = octocat.send(Method::PATCH, "/user", &nothing).await;
    assert_eq!(written.status, 401);
    assert!(octocat.get(PRIVATE).await.is_fetched());
}

#[tokio::test]
async fn a_route_for_apps_ends_no_token() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    octocat.get(PRIVATE).await;
    for route in [
        "/app",
        "/installation/repositories",
        "/repos/octocat/Hello-World/installation",
    ] {
        lab.standin
            .set_fault(Fault::new(FaultKind::Revoked).on(route).times(2));
        for _ in 0..2 {
            assert_eq!(octocat.get(route).await.status, 401);
        }
        assert!(
            octocat.get(PRIVATE).await.outcome().starts_with("hit"),
            "{route}"
        );
    }
}

#[tokio::test]
async fn access_that_ended_ends_the_entry() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    octocat.get(PRIVATE).await;
    lab.clock.advance(LATER);
    lab.standin
        .set_fault(Fault::new(FaultKind::Status { status: 404 }).times(1));
    assert_eq!(octocat.get(PRIVATE).await.status, 404);
    lab.standin
        .set_fault(Fault::new(FaultKind::Status { status: 502 }));
    lab.clock.advance(std::time::Duration::from_secs(6));
    assert_eq!(
        octocat.get(PRIVATE).await.status,
        502,
        "nothing stands in for it any more"
    );
}

#[tokio::test]
async fn who_may_do_what_is_never_answered_stale() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let target = format!("{REPO}/collaborators/hubot/permission");
    // The stand-in knows no such route, but says so with a status that may be kept.
    let fault = || Fault::new(FaultKind::Status { status: 200 }).on(&target);
    lab.standin.set_fault(fault());
    assert_eq!(octocat.get(&target).await.status, 200);
    lab.standin.clear_faults();
    lab.standin
        .set_fault(Fault::new(FaultKind::Status { status: 502 }).on(&target));
    lab.clock.advance(std::time::Duration::from_secs(61));
    let stale = [("cache-control", "max-stale=100000")];
    assert_eq!(octocat.get_with(&target, &stale).await.status, 502);
}

#[tokio::test]
async fn basic_credentials_have_tags_of_their_own_that_hold() {
    let lab = Lab::new().await;
    let basic = format!("Basic {}", BASE64.encode(format!("x:{}", Token::OCTOCAT)));
    let (bearer, basic) = (lab.octocat(), lab.octocat().as_(&basic));
    let (one, other) = (bearer.get(PRIVATE).await, basic.get(PRIVATE).await);
    assert_eq!(one.body, other.body);
    Lab::check(&other, PROVED);
    assert_ne!(one.header("etag"), other.header("etag"));
    lab.clock.advance(LATER);
    basic.get(PRIVATE).await;
    bearer.get(PRIVATE).await;
    assert_eq!(
        (lab.counters().requests, lab.counters().not_modified),
        (4, 3)
    );
}
