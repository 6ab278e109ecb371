//! A small HTTP/1.1 client: one connection for each request, over TCP or a unix socket, as most processes ask.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;

use super::within;

/// The `Host` of requests over a unix socket.
const GITHUB: &str = "api.github.com";

/// One piece of a generated body.
const PIECE_BYTES: usize = 64 << 10;

/// Where to ask.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    /// Over TCP; `Host` is this address.
    Tcp(SocketAddr),
    /// Over a unix socket; `Host` is GitHub's.
    Unix(PathBuf),
}

impl Address {
    /// Returns what `Host` says.
    pub(crate) fn authority(&self) -> String {
        match self {
            Self::Tcp(address) => address.to_string(),
            Self::Unix(_) => GITHUB.to_owned(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    payload: Payload,
}

#[derive(Clone, Debug)]
enum Payload {
    Whole(Bytes),
    /// So many zero bytes, made while they are sent.
    Zeros(u64),
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: StatusCode,
    /// Its fields.
    pub(crate) headers: HeaderMap,
    /// Its body.
    pub(crate) body: Bytes,
}

/// An answer of which the body was only measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Streamed {
    /// Its status.
    pub(crate) status: StatusCode,
    /// How long its body is.
    pub(crate) length: u64,
    /// SHA-256 of its body, in hex.
    pub(crate) sha256: String,
}

impl Answer {
    /// Returns a header field, empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Returns `Cache-Status`.
    pub(crate) fn cache_status(&self) -> &str {
        self.header("cache-status")
    }

    /// Returns the body as JSON.
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("no JSON: {:?}", String::from_utf8_lossy(&self.body)))
    }
}

impl Ask {
    /// Returns a GET of `path`.
    pub(crate) fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    /// Returns a POST to `path`.
    pub(crate) fn post(path: &str, body: impl Into<Bytes>) -> Self {
        Self {
            payload: Payload::Whole(body.into()),
            ..Self::new(Method::POST, path)
        }
    }

    /// Returns a POST to `path` of so many zero bytes.
    pub(crate) fn post_zeros(path: &str, length: u64) -> Self {
        Self {
            payload: Payload::Zeros(length),
            ..Self::new(Method::POST, path)
        }
    }

    /// Returns a request without fields and body.
    pub(crate) fn new(method: Method, path: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            headers: Vec::new(),
            payload: Payload::Whole(Bytes::new()),
        }
    }

    /// Adds a field.
    #[must_use]
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a token.
    #[must_use]
    pub(crate) fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Asks at `address`.
    pub(crate) async fn at(&self, address: &Address) -> Result<Answer> {
        let what = format!("{} {} at {address}", self.method, self.path);
        within(&what, async {
            let (head, body) = self.send(address).await?.into_parts();
            Ok(Answer {
                status: head.status,
                headers: head.headers,
                body: body.collect().await?.to_bytes(),
            })
        })
        .await
    }

    /// Asks at `address`, and measures the body while it comes.
    pub(crate) async fn measured_at(&self, address: &Address) -> Result<Streamed> {
        let what = format!("{} {} at {address}", self.method, self.path);
        within(&what, async {
            let (head, mut body) = self.send(address).await?.into_parts();
            let (mut length, mut digest) = (0, Sha256::new());
            while let Some(frame) = body.frame().await {
                if let Ok(data) = frame?.into_data() {
                    length += data.len() as u64;
                    digest.update(&data);
                }
            }
            Ok(Streamed {
                status: head.status,
                length,
                sha256: hex::encode(digest.finalize()),
            })
        })
        .await
    }

    /// Asks `n` times at each address, all at once, and returns all answers.
    pub(crate) async fn all_at_once(&self, addresses: &[Address], n: usize) -> Result<Vec<Answer>> {
        let mut asking = JoinSet::new();
        for _ in 0..n {
            for address in addresses {
                let (ask, address) = (self.clone(), address.clone());
                asking.spawn(async move { ask.at(&address).await });
            }
        }
        let mut answers = Vec::with_capacity(n * addresses.len());
        while let Some(answer) = asking.join_next().await {
            answers.push(answer??);
        }
        Ok(answers)
    }

    async fn send(&self, address: &Address) -> Result<Response<Incoming>> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.path);
        if !self.headers.iter().any(|(name, _)| name == "host") {
            request = request.header("host", address.authority());
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(self.payload.body())?;
        match address {
            Address::Tcp(address) => exchange(TcpStream::connect(address).await?, request).await,
            Address::Unix(path) => exchange(UnixStream::connect(path).await?, request).await,
        }
    }
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

impl Payload {
    fn body(&self) -> Body {
        match self {
            Self::Whole(bytes) => Full::new(bytes.clone()).boxed_unsync(),
            Self::Zeros(length) => {
                let piece = Bytes::from(vec![0; PIECE_BYTES]);
                let mut left = *length;
                let pieces = std::iter::from_fn(move || {
                    let next = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_BYTES);
                    left -= next as u64;
                    (next > 0).then(|| Ok(Frame::data(piece.slice(..next))))
                });
                StreamBody::new(futures_util::stream::iter(pieces)).boxed_unsync()
            }
        }
    }
}

async fn exchange<S>(stream: S, request: Request<Body>) -> Result<Response<Incoming>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the answer's body; what goes wrong on it, reading the answer reports.
    drop(tokio::spawn(connection));
    Ok(sender.send_request(request).await?)
}
