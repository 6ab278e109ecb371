//! What is passed on: other hosts, uploads, and headers of one connection.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response};
use http_body_util::Full;
use parking_lot::Mutex;
use standin::Token;

use crate::lab::{Lab, REPO, scripted};

#[tokio::test]
async fn web_hosts_are_never_cached() {
    let seen = Arc::new(Mutex::new(0));
    let (client, _) = scripted({
        let seen = Arc::clone(&seen);
        move |_| {
            *seen.lock() += 1;
            Response::new("{}".into())
        }
    });
    for url in [
        "https://github.com/octocat/hello/info/refs",
        "https://uploads.github.com/x",
        "https://objects.githubusercontent.com/x",
        "https://api.github.com:8443/user",
    ] {
        *seen.lock() = 0;
        for _ in 0..2 {
            Lab::check(&client.get(url).await, "fwd=bypass");
        }
        assert_eq!(*seen.lock(), 2, "{url}");
    }
}

#[tokio::test]
async fn headers_of_one_connection_go_no_further() {
    let sent = Arc::new(Mutex::new(http::HeaderMap::new()));
    let (client, _) = scripted({
        let sent = Arc::clone(&sent);
        move |request| {
            *sent.lock() = request.headers().clone();
            Response::builder()
                .header("connection", "x-own")
                .header("x-own", "1")
                .header("keep-alive", "timeout=5")
                .body("{}".into())
                .unwrap()
        }
    });
    let headers = [
        ("connection", "close, x-mine"),
        ("x-mine", "1"),
        ("expect", "100-continue"),
        ("te", "trailers"),
        ("proxy-authorization", "Basic eA=="),
        ("x-kept", "1"),
    ];
    for (method, target) in [(Method::POST, "/repos/o/r/issues"), (Method::GET, "/x")] {
        let seen = client
            .ask(method.clone(), target, &headers, "")
            .await
            .unwrap();
        for gone in ["connection", "x-own", "keep-alive"] {
            assert_eq!(seen.header(gone), "", "{gone}");
        }
        let sent = sent.lock().clone();
        for gone in [
            "connection",
            "x-mine",
            "expect",
            "te",
            "proxy-authorization",
        ] {
            assert!(!sent.contains_key(gone), "{gone} of {method}");
        }
        assert_eq!(sent.contains_key("x-kept"), method == Method::POST);
    }
}

#[tokio::test]
async fn a_redirect_for_good_is_remembered_for_seconds_and_others_are_not() {
    for (status, n_upstream) in [(301, 1), (302, 3), (307, 3)] {
        let count = Arc::new(Mutex::new(0));
        let (client, _) = scripted({
            let count = Arc::clone(&count);
            move |_| -> Response<Full<Bytes>> {
                *count.lock() += 1;
                Response::builder()
                    .status(status)
                    .header("location", "https://api.github.com/repositories/1")
                    .body(Bytes::new().into())
                    .unwrap()
            }
        });
        for _ in 0..3 {
            let seen = client.get("/repos/octo/old-name").await;
            assert_eq!(seen.status, status);
            assert_eq!(
                seen.header("location"),
                "https://api.github.com/repositories/1"
            );
        }
        assert_eq!(*count.lock(), n_upstream, "{status}");
    }
}

#[tokio::test]
async fn an_upload_goes_through_whole_and_spoils_its_release() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let body = "x".repeat(3 << 20);
    let expect = [("expect", "100-continue")];
    let seen = octocat
        .ask(Method::POST, "/_standin/upload", &expect, &body)
        .await
        .unwrap();
    assert_eq!(seen.json()["length"], body.len());
    let releases = format!("{REPO}/releases");
    let listed = octocat.get(&releases).await.json();
    let id = listed[0]["id"].as_u64().unwrap();
    let target = format!("{releases}/{id}/assets");
    assert!(octocat.get(&target).await.status.is_success());
    let upload = format!("{target}?name=new.bin");
    let uploaded = octocat
        .ask(Method::POST, &upload, &[], "bytes")
        .await
        .unwrap();
    assert_eq!(uploaded.status, 201, "{uploaded:?}");
    let assets = octocat.get(&target).await.json();
    let direct = lab.direct(Token::OCTOCAT).get(&target).await.json();
    assert_eq!(assets, direct);
}
