//! The way out: TLS, HTTP/2, and where requests go.

use bytes::Bytes;
use gh_client::{ApiRoot, Upstream, UpstreamConfig, UpstreamError};
use http::{Request, Version};
use http_body_util::Full;
use standin::{Config, Standin, Token};
use tower::ServiceExt as _;

use crate::lab::{LOOPBACK, Lab, REPO};

#[tokio::test]
async fn with_the_ca_file_tls_is_spoken_and_http_2_on_it() {
    let config = Config {
        tls: Some(LOOPBACK),
        ..Config::default()
    };
    let standin = Standin::start(config).await.unwrap();
    let port = standin.tls_addr().unwrap().port();
    let root = format!("ghe.test=https://localhost:{port}/api/v3");
    let config = |ca_pem: Option<&str>| UpstreamConfig {
        roots: vec![ApiRoot::parse(&root).unwrap()],
        ca_pem: ca_pem.map(|pem| pem.as_bytes().to_vec()),
        ..UpstreamConfig::default()
    };
    let request = || {
        Request::get(format!("https://ghe.test{REPO}"))
            .header("authorization", format!("Bearer {}", Token::OCTOCAT))
            .body(Full::new(Bytes::new()))
            .unwrap()
    };
    let upstream = Upstream::new(config(standin.ca_pem())).unwrap();
    let response = upstream.oneshot(request()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.version(), Version::HTTP_2);
    let distrustful = Upstream::new(config(None));
    // A machine without any certificates of its own cannot be made to trust nobody.
    if let Ok(distrustful) = distrustful {
        assert!(distrustful.oneshot(request()).await.is_err());
    }
}

#[tokio::test]
async fn a_ca_file_that_holds_none_is_refused_by_name() {
    for pem in [
        "",
        "not pem",
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
    ] {
        let refused = Upstream::new(UpstreamConfig {
            ca_pem: Some(pem.as_bytes().to_vec()),
            ..UpstreamConfig::default()
        });
        assert!(
            matches!(refused, Err(UpstreamError::NoCertificate)),
            "{pem:?}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_request_for_any_other_host_is_not_sent() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    for url in [
        "https://example.com/x",
        "https://evil-githubusercontent.com/x",
    ] {
        let refused = octocat.ask(http::Method::GET, url, &[], "").await;
        assert!(refused.is_err(), "{url}");
    }
    assert_eq!(lab.counters().requests, 0);
}
