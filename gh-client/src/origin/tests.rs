use std::convert::Infallible;
use std::io::Write as _;

use bytes::Bytes;
use http::Method;
use http_body_util::{BodyExt as _, Full};

use super::judge::{judge, judge_graphql};
use super::*;

fn question(target: &str) -> Question {
    Question::builder(Method::GET, "api.github.com", target).build()
}

#[track_caller]
fn check(status: u16, headers: &[(&'static str, &'static str)], body: &str, expected: Disposition) {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| {
            (
                http::HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect();
    let status = StatusCode::from_u16(status).unwrap();
    assert_eq!(
        judge(
            &question("/search/issues?q=x"),
            status,
            &headers,
            body.as_bytes()
        ),
        expected,
        "{status} {body}"
    );
}

#[test]
fn statuses_and_bodies_decide_what_an_answer_is_good_for() {
    check(200, &[], "{}", Disposition::Store);
    check(
        200,
        &[],
        r#"{"incomplete_results":true}"#,
        Disposition::EachForItself,
    );
    check(
        200,
        &[("cache-control", "private, No-Store")],
        "{}",
        Disposition::EachForItself,
    );
    check(202, &[], "{}", Disposition::EachForItself);
    check(302, &[], "", Disposition::EachForItself);
    check(401, &[], "", Disposition::CredentialRefused);
    check(403, &[], "", Disposition::EachForItself);
    check(
        403,
        &[("x-ratelimit-remaining", "0")],
        "",
        Disposition::RateLimited,
    );
    check(403, &[("retry-after", "60")], "", Disposition::RateLimited);
    check(
        403,
        &[],
        r#"{"message":"You have exceeded a secondary rate limit."}"#,
        Disposition::RateLimited,
    );
    check(429, &[], "", Disposition::RateLimited);
    check(404, &[], "", Disposition::StoreBriefly);
    check(301, &[], "", Disposition::StoreBriefly);
    check(502, &[], "", Disposition::Failed);
    check(422, &[], "", Disposition::EachForItself);
}

#[test]
fn graphql_errors_under_a_200_are_not_kept() {
    for (body, spent, expected) in [
        (r#"{"data":{}}"#, false, Disposition::Store),
        (
            r#"{"data":{},"errors":[{"message":"no"}]}"#,
            false,
            Disposition::EachForItself,
        ),
        (
            r#"{"errors":[{"type":"RATE_LIMITED"}]}"#,
            false,
            Disposition::RateLimited,
        ),
        (
            r#"{"errors":[{"message":"API rate limit exceeded"}]}"#,
            true,
            Disposition::RateLimited,
        ),
        (
            r#"{"errors":[{"message":"You have exceeded a secondary rate limit"}]}"#,
            false,
            Disposition::RateLimited,
        ),
        (r#"{"data":{},"errors":null}"#, false, Disposition::Store),
        ("not json", false, Disposition::EachForItself),
    ] {
        assert_eq!(judge_graphql(body.as_bytes(), spent), expected, "{body}");
    }
}

#[test]
fn a_route_for_apps_refuses_a_credential_and_does_not_end_it() {
    for (target, expected) in [
        (
            "/installation/repositories?page=2",
            Disposition::EachForItself,
        ),
        ("/repos/o/r/installation", Disposition::EachForItself),
        ("/repos/o/r", Disposition::CredentialRefused),
    ] {
        let status = StatusCode::UNAUTHORIZED;
        let judged = judge(&question(target), status, &HeaderMap::new(), b"");
        assert_eq!(judged, expected, "{target}");
    }
}

async fn fetch(response: Response<Full<Bytes>>, limit: usize) -> Result<OriginAnswer, PortError> {
    let response = Arc::new(parking_lot::Mutex::new(Some(response)));
    let service = tower::service_fn(move |_: Request<StreamedBody>| {
        let response = response.lock().take().unwrap();
        async move { Ok::<_, Infallible>(response) }
    });
    let knowledge = knowledge();
    let origin = ServiceOrigin::new(
        Transport::new(service),
        knowledge,
        Arc::new(|_: &Credential| Audience::ANONYMOUS),
    );
    let request = OriginRequest {
        question: Arc::new(question("/x")),
        credential: Credential::anonymous(),
        validator: None,
        max_body_bytes: limit,
    };
    origin.fetch(request).await
}

/// Nothing is known yet.
fn knowledge() -> Arc<Knowledge> {
    Arc::new(Knowledge {
        limits: Limits::default(),
        formula: TagFormula::default(),
    })
}

fn gzip(plain: &[u8]) -> Bytes {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap().into()
}

#[tokio::test]
async fn a_coded_body_is_stored_plain_and_a_bomb_is_passed_on_as_it_came() {
    let coded = |plain: &[u8]| {
        Response::builder()
            .header(CONTENT_ENCODING, "gzip")
            .body(Full::new(gzip(plain)))
            .unwrap()
    };
    match fetch(coded(b"{\"a\":1}"), 100).await.unwrap() {
        OriginAnswer::Whole { body, headers, .. } => {
            assert_eq!(body, "{\"a\":1}");
            assert!(!headers.contains_key(CONTENT_ENCODING));
        }
        other => panic!("{other:?}"),
    }
    let bomb = vec![0; 1 << 20];
    match fetch(coded(&bomb), 64 << 10).await.unwrap() {
        OriginAnswer::Streamed(response) => {
            assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
            assert_eq!(
                response.into_body().collect().await.unwrap().to_bytes(),
                gzip(&bomb)
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_body_over_the_limit_streams_with_nothing_missing() {
    for announced in [true, false] {
        let body = Bytes::from(vec![7; 1000]);
        let mut response = Response::new(Full::new(body.clone()));
        if announced {
            response.headers_mut().insert(CONTENT_LENGTH, 1000.into());
        }
        match fetch(response, 999).await.unwrap() {
            OriginAnswer::Streamed(response) => {
                assert_eq!(
                    response.into_body().collect().await.unwrap().to_bytes(),
                    body
                );
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_body_shorter_than_announced_is_no_answer() {
    let mut response = Response::new(Full::new(Bytes::from_static(b"short")));
    response.headers_mut().insert(CONTENT_LENGTH, 6.into());
    assert_eq!(
        fetch(response, 100).await.unwrap_err().kind,
        PortErrorKind::Interrupted
    );
}

#[test]
fn files_with_signed_download_urls_are_not_kept() {
    let body = br#"{"download_url":"https://raw.githubusercontent.com/o/r/main/a?token=ABC"}"#;
    let judged = |target: &str, body: &[u8]| {
        judge(&question(target), StatusCode::OK, &HeaderMap::new(), body)
    };
    assert_eq!(
        judged("/repos/o/r/contents/a?ref=main", body),
        Disposition::EachForItself
    );
    assert_eq!(
        judged("/repositories/7/readme", body),
        Disposition::EachForItself
    );
    assert_eq!(judged("/repos/o/r/contents/a", b"{}"), Disposition::Store);
    assert_eq!(judged("/repos/o/r/issues/1", body), Disposition::Store);
}

/// Regression: a GraphQL query, or a body that stalled, had no limit at all, and everybody who asked the same waited too.
#[tokio::test(start_paused = true)]
async fn an_answer_that_never_ends_is_given_up() {
    let stalling = tower::service_fn(|_: Request<StreamedBody>| async {
        let start = futures::stream::iter([Ok::<_, Infallible>(http_body::Frame::data(
            Bytes::from_static(b"["),
        ))]);
        let body = http_body_util::StreamBody::new(futures::StreamExt::chain(
            start,
            futures::stream::pending(),
        ));
        Ok::<_, Infallible>(Response::new(body))
    });
    let silent = tower::service_fn(|_: Request<StreamedBody>| {
        std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>()
    });
    for transport in [Transport::new(stalling), Transport::new(silent)] {
        let origin = ServiceOrigin::new(
            transport,
            knowledge(),
            Arc::new(|_: &Credential| Audience::ANONYMOUS),
        );
        let question = Question::builder(Method::POST, "api.github.com", "/graphql")
            .body(Bytes::from_static(b"{}"), [0; 32]);
        let request = OriginRequest {
            question: Arc::new(question.build()),
            credential: Credential::anonymous(),
            validator: None,
            max_body_bytes: 100,
        };
        assert_eq!(
            origin.fetch(request).await.unwrap_err().kind,
            PortErrorKind::TimedOut
        );
    }
}
