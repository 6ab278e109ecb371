//! Bodies: coded, long, cut short, forbidden to store, and those of HEAD.

use http::Method;
use http_body_util::BodyExt as _;
use standin::{Fault, FaultKind, Token};

use crate::lab::{FETCHED, Lab, REPO};

const MEBIBYTE: usize = 1 << 20;

#[tokio::test]
async fn what_came_coded_is_stored_plain_and_bytes_are_githubs_own() {
    let lab = Lab::new().await;
    let direct = lab.direct(Token::OCTOCAT).get(REPO).await;
    lab.standin.reset_counters();
    let octocat = lab.octocat();
    for _ in 0..2 {
        let seen = octocat.get_with(REPO, &[("accept-encoding", "gzip")]).await;
        assert_eq!(seen.body, direct.body);
        assert_eq!(seen.header("content-encoding"), "");
    }
    let sent = lab.counters().bytes_out;
    assert!(sent < direct.body.len() as u64, "{sent} bytes came, coded");
}

#[tokio::test]
async fn a_head_is_answered_from_the_get() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let get = octocat.get(REPO).await;
    let head = octocat.ask(Method::HEAD, REPO, &[], "").await.unwrap();
    assert!(head.outcome().starts_with("hit"), "{}", head.outcome());
    assert!(head.body.is_empty());
    assert_eq!(head.header("content-length"), get.body.len().to_string());
    assert_eq!(head.header("etag"), get.header("etag"));
    assert_eq!(lab.counters().requests, 1);
}

#[tokio::test]
async fn a_long_body_streams_and_is_not_stored() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let target = "/_standin/bytes/5242880";
    for _ in 0..2 {
        let response = octocat.start(Method::GET, target, &[], "").await.unwrap();
        assert_eq!(
            response.headers()["cache-status"],
            "gh-mesh; fwd=uri-miss; fwd-status=200"
        );
        let mut body = response.into_body();
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(first.len() < 5 * MEBIBYTE, "it comes in pieces");
        let rest = body.collect().await.unwrap().to_bytes();
        assert_eq!(first.len() + rest.len(), 5 * MEBIBYTE);
    }
    assert_eq!(lab.service.cache().stats().n_entries, 0);
    let head = octocat.ask(Method::HEAD, target, &[], "").await.unwrap();
    assert!(head.body.is_empty(), "a HEAD never has one");
}

#[tokio::test]
async fn a_long_body_reaches_whoever_cannot_read_gzip_in_plain() {
    // Regression: what streamed was passed on coded, to clients that had not asked for that.
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let plain = lab.direct(Token::OCTOCAT).get(REPO).await.body;
    lab.standin.set_fault(Fault::new(FaultKind::Larger {
        bytes: 5 * MEBIBYTE,
    }));
    let seen = octocat.get(REPO).await;
    assert_eq!(seen.header("content-encoding"), "");
    assert_eq!(seen.body.len(), plain.len() + 5 * MEBIBYTE);
    assert_eq!(seen.body.trim_ascii_end(), plain.trim_ascii_end());
    let coded = octocat.get_with(REPO, &[("accept-encoding", "gzip")]).await;
    assert_eq!(coded.header("content-encoding"), "gzip");
    assert!(coded.body.len() < MEBIBYTE);
    // Whoever has it already is told so, as GitHub would tell it.
    let again = octocat
        .get_with(REPO, &[("if-none-match", seen.header("etag"))])
        .await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
}

#[tokio::test]
async fn a_long_body_is_not_collapsed() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    lab.standin.set_fault(Fault::new(FaultKind::Larger {
        bytes: 5 * MEBIBYTE,
    }));
    octocat.get(REPO).await;
    lab.standin.reset_counters();
    let seen = futures::future::join_all((0..4).map(|_| octocat.get(REPO))).await;
    assert_eq!(lab.counters().requests, 4);
    assert!(
        seen.iter()
            .all(|seen| seen.outcome() == "fwd=uri-miss; fwd-status=200")
    );
}

#[tokio::test]
async fn what_may_not_be_stored_is_not() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    lab.standin
        .set_fault(Fault::new(FaultKind::NoStore).times(2));
    for _ in 0..2 {
        Lab::check(&octocat.get(REPO).await, "fwd=uri-miss; fwd-status=200");
    }
    Lab::check(&octocat.get(REPO).await, FETCHED);
}

#[tokio::test]
async fn a_body_cut_short_is_no_answer() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    lab.standin.set_fault(Fault::new(FaultKind::Truncate));
    assert!(octocat.ask(Method::GET, REPO, &[], "").await.is_err());
    assert_eq!(lab.service.cache().stats().n_entries, 0);
    lab.standin.clear_faults();
    Lab::check(&octocat.get(REPO).await, FETCHED);
    lab.clock.advance(crate::lab::LATER);
    lab.standin.set_fault(Fault::new(FaultKind::Truncate));
    lab.standin.touch_repo("octocat/Hello-World");
    Lab::check(
        &octocat.get(REPO).await,
        "fwd=stale; fwd-status=504; detail=stale-if-error",
    );
}
