//! The other ways in.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use standin::{Config, Standin, StartError};

use crate::client::LOOPBACK;

fn request(uri: &str) -> http::Request<Empty<Bytes>> {
    http::Request::builder()
        .uri(uri)
        .header("host", "api.github.com")
        .body(Empty::new())
        .unwrap()
}

#[tokio::test]
async fn the_unix_socket_speaks_plain_http_and_goes_with_the_stand_in() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.sock");
    // What a killed process leaves behind does not stop the next.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let standin = Standin::start(Config {
        unix: Some(path.clone()),
        ..Config::default()
    })
    .await
    .unwrap();
    let stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let response = sender
        .send_request(request("/users/octocat"))
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-ratelimit-limit"], "60");
    standin.shutdown().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn tls_serves_githubs_names_with_a_certificate_of_its_own_authority() {
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    let config = Config {
        tls: Some(LOOPBACK),
        ca_out: Some(ca.clone()),
        ..Config::default()
    };
    let standin = Standin::start(config).await.unwrap();
    let pem = std::fs::read(&ca).unwrap();
    assert_eq!(standin.ca_pem().unwrap().as_bytes(), pem);
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(&pem).unwrap())
        .unwrap();
    for name in [
        "api.github.com",
        "uploads.github.com",
        "x.githubusercontent.com",
        "localhost",
        "127.0.0.1",
    ] {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        client.alpn_protocols = vec![b"h2".to_vec()];
        let stream = tokio::net::TcpStream::connect(standin.tls_addr().unwrap())
            .await
            .unwrap();
        let server_name = ServerName::try_from(name).unwrap();
        let stream = tokio_rustls::TlsConnector::from(Arc::new(client))
            .connect(server_name, stream)
            .await
            .unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .unwrap();
        tokio::spawn(connection);
        let response = sender
            .send_request(request("https://api.github.com/users/octocat"))
            .await
            .unwrap();
        assert_eq!(
            (response.status().as_u16(), response.version()),
            (200, http::Version::HTTP_2),
            "{name}"
        );
        assert!(
            !response
                .into_body()
                .collect()
                .await
                .unwrap()
                .to_bytes()
                .is_empty()
        );
    }
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    let config = Config {
        tcp: Some(([0, 0, 0, 0], 0).into()),
        ..Config::default()
    };
    assert!(matches!(
        Standin::start(config).await,
        Err(StartError::NotLoopback(_))
    ));
}

#[tokio::test]
async fn the_same_seed_gives_the_same_answers_and_another_seed_others() {
    let body = async |seed| {
        let mut config = Config::default();
        config.data.seed = seed;
        let standin = crate::client::start_with(config).await;
        crate::client::Client::octocat(&standin)
            .get("/repos/octo-org/public-1/commits")
            .await
            .body
    };
    assert_eq!(body(1).await, body(1).await);
    assert_ne!(body(1).await, body(2).await);
}
