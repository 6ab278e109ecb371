//! A small client, and a stand-in to ask.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use standin::{Config, Standin, Token};

pub(crate) const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Starts a stand-in with a plain listener.
pub(crate) async fn start() -> Standin {
    start_with(Config::default()).await
}

pub(crate) async fn start_with(config: Config) -> Standin {
    Standin::start(Config {
        tcp: Some(LOOPBACK),
        ..config
    })
    .await
    .unwrap()
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    pub(crate) fn remaining(&self) -> u64 {
        self.header("x-ratelimit-remaining").parse().unwrap()
    }

    /// Returns the URL that `Link` names so, as a path below the API's root.
    pub(crate) fn link(&self, rel: &str) -> Option<String> {
        let wanted = format!("rel=\"{rel}\"");
        let part = self
            .header("link")
            .split(", ")
            .find(|part| part.ends_with(&wanted))?;
        let url = part.trim_start_matches('<').split('>').next()?;
        Some(
            url.strip_prefix("https://api.github.com")
                .unwrap_or(url)
                .to_owned(),
        )
    }
}

/// Asks one stand-in.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) root: String,
    http: Legacy<HttpConnector, Full<Bytes>>,
    /// Sent with every request.
    pub(crate) headers: Vec<(String, String)>,
}

impl Client {
    pub(crate) fn anonymous(standin: &Standin) -> Self {
        let http = Legacy::builder(TokioExecutor::new()).build_http();
        Self {
            root: standin.http_url(),
            http,
            headers: vec![("accept".into(), "application/vnd.github+json".into())],
        }
    }

    /// Asks with the token of `octocat`.
    pub(crate) fn octocat(standin: &Standin) -> Self {
        Self::with_token(standin, Token::OCTOCAT)
    }

    pub(crate) fn with_token(standin: &Standin, token: &str) -> Self {
        Self::anonymous(standin).and("authorization", &format!("Bearer {token}"))
    }

    /// Also sends this header.
    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<Answer, Box<dyn std::error::Error>> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.root));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = self.http.request(request.body(Full::from(body))?).await?;
        let (head, body) = response.into_parts();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: body.collect().await?.to_bytes(),
        })
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Value) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.try_send(method, path, body)
            .await
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, body).await
    }
}
