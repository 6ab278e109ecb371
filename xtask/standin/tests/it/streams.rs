//! Bodies too large to hold, and redirects to where they are.

use bytes::Bytes;
use futures::stream;
use http::{Method, Request};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper_util::client::legacy::Client as Legacy;
use hyper_util::rt::TokioExecutor;
use sha2::{Digest, Sha256};
use standin::{Token, pattern_sha256};

use crate::client::{Client, start};

const LARGE: u64 = 40_000_000;

#[tokio::test]
async fn large_bodies_stream_out() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    let http = Legacy::builder(TokioExecutor::new()).build_http::<http_body_util::Empty<Bytes>>();
    let uri = format!("{}/_standin/bytes/{LARGE}", octocat.root)
        .parse()
        .unwrap();
    let response = http.get(uri).await.unwrap();
    assert_eq!(response.headers()["content-length"], LARGE.to_string());
    let (mut body, mut hash, mut size) = (response.into_body(), Sha256::new(), 0);
    while let Some(frame) = body.frame().await {
        let data = frame.unwrap().into_data().unwrap();
        size += data.len() as u64;
        hash.update(&data);
    }
    assert_eq!(size, LARGE);
    assert_eq!(hex::encode(hash.finalize()), pattern_sha256(LARGE));
}

#[tokio::test]
async fn large_uploads_stream_in_and_become_assets() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    let release = octocat
        .get("/repos/octo-org/public-1/releases/latest")
        .await;
    let path = format!(
        "/repos/octo-org/public-1/releases/{}/assets",
        release.json()["id"]
    );
    let chunk = Bytes::from(vec![7_u8; 1_000_000]);
    let frames = std::iter::repeat_n(chunk.clone(), 30)
        .map(|bytes| Ok::<_, std::io::Error>(Frame::data(bytes)));
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("{}{path}?name=large.bin", octocat.root))
        .header("host", "uploads.github.com")
        .header("authorization", format!("token {}", Token::OCTOCAT))
        .body(StreamBody::new(stream::iter(frames)))
        .unwrap();
    let response = Legacy::builder(TokioExecutor::new())
        .build_http()
        .request(request)
        .await
        .unwrap();
    assert_eq!(response.status(), 201);
    let asset: serde_json::Value =
        serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap();
    let digest = hex::encode(Sha256::digest(chunk.repeat(30)));
    assert_eq!(
        (asset["size"].as_u64(), asset["digest"].as_str()),
        (Some(30_000_000), Some(format!("sha256:{digest}").as_str()))
    );
    assert_eq!(standin.counters().bytes_in, 30_000_000);
    let after = octocat
        .clone()
        .and("if-none-match", release.header("etag"))
        .get("/repos/octo-org/public-1/releases/latest")
        .await;
    assert_eq!(after.status, 200);
}

#[tokio::test]
async fn downloads_redirect_to_signed_urls_on_other_hosts() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    let repo = "/repos/octo-org/private-1";
    let run = octocat
        .get(&format!("{repo}/actions/runs?per_page=1"))
        .await
        .json()["workflow_runs"][0]["id"]
        .clone();
    let artifact = octocat
        .get(&format!("{repo}/actions/artifacts"))
        .await
        .json()["artifacts"][0]["id"]
        .clone();
    let asset =
        octocat.get(&format!("{repo}/releases/latest")).await.json()["assets"][0]["id"].clone();
    for (path, accept) in [
        (format!("{repo}/actions/runs/{run}/logs"), "*/*"),
        (format!("{repo}/actions/artifacts/{artifact}/zip"), "*/*"),
        (
            format!("{repo}/releases/assets/{asset}"),
            "application/octet-stream",
        ),
        (format!("{repo}/tarball/main"), "*/*"),
    ] {
        let redirect = octocat.clone().and("accept", accept).get(&path).await;
        assert_eq!(redirect.status, 302, "{path}");
        let target = url::Url::parse(redirect.header("location")).unwrap();
        assert_eq!(target.scheme(), "https");
        let query = target.query().unwrap();
        let there = Client::anonymous(&standin).and("host", target.host_str().unwrap());
        let download = there.get(&format!("{}?{query}", target.path())).await;
        assert_eq!(download.status, 200, "{path}");
        assert!(download.body.len() > 10_000);
        assert_eq!(there.get(target.path()).await.status, 403, "{path}");
    }
}
