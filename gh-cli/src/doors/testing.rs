//! A client on a bare socket, and a service that answers as a test says.

use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cache_core::port::StreamedBody;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::relay::{Answers, Explained, Relay};

/// What a client read.
#[derive(Debug)]
pub(super) struct Reply {
    /// 0 if the connection was closed without an answer.
    pub(super) status: u16,
    head: String,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Reads the one answer in `bytes`, which was sent to a request other than HEAD.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            assert!(
                bytes.is_empty(),
                "cut head: {:?}",
                String::from_utf8_lossy(bytes)
            );
            return Self {
                status: 0,
                head: String::new(),
                body: Vec::new(),
            };
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut reply = Self {
            status,
            head,
            body: bytes[end + 4..].to_vec(),
        };
        if reply.header("transfer-encoding").is_some() {
            reply.body = dechunk(&reply.body);
        }
        reply
    }
}

fn dechunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let end = bytes
            .windows(2)
            .position(|window| window == b"\r\n")
            .unwrap();
        let size = std::str::from_utf8(&bytes[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return out;
        }
        out.extend_from_slice(&bytes[end + 2..][..size]);
        bytes = &bytes[end + 2 + size + 2..];
    }
}

/// Sends `request`, ends the sending half, and reads all that comes back.
pub(super) async fn exchange<T>(mut io: T, request: &[u8]) -> Vec<u8>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    // A door that refuses early may close before it has read everything.
    let _ = io.write_all(request).await;
    let _ = io.shutdown().await;
    let mut bytes = Vec::new();
    let _ = io.read_to_end(&mut bytes).await;
    bytes
}

/// A request as the service got it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) uri: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// The requests that a service got, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Log(Arc<Mutex<Vec<Asked>>>);

impl Log {
    pub(super) fn all(&self) -> Vec<Asked> {
        self.0.lock().unwrap().clone()
    }

    pub(super) fn last(&self) -> Asked {
        self.0
            .lock()
            .unwrap()
            .last()
            .cloned()
            .expect("the service was asked")
    }

    async fn note(&self, request: Request<StreamedBody>) {
        let (head, body) = request.into_parts();
        let body = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        self.0.lock().unwrap().push(Asked {
            method: head.method.to_string(),
            uri: head.uri.to_string(),
            headers: head.headers,
            body,
        });
    }
}

/// A service that notes what it is asked and answers with what `answer` returns for the URI.
pub(super) fn service<F>(
    log: Log,
    answer: F,
) -> impl Answers<Body = Full<Bytes>, Failure = Infallible>
where
    F: Fn(&str) -> Response<Bytes> + Clone + Send + Sync + 'static,
{
    tower::service_fn(move |request: Request<StreamedBody>| {
        let (log, answer) = (log.clone(), answer.clone());
        async move {
            let response = answer(&request.uri().to_string());
            log.note(request).await;
            Ok::<_, Infallible>(response.map(Full::new))
        }
    })
}

/// A relay to a service that cannot fail.
pub(super) fn relay<S: Answers<Failure = Infallible>>(service: S) -> Relay<S> {
    Relay::new(service, |never: &Infallible| -> Explained {
        match *never {}
    })
}

/// Lets everything else in a single-threaded runtime run until `progress` stands still.
pub(super) async fn settle(progress: impl Fn() -> usize) {
    let mut quiet = 0;
    let mut before = progress();
    while quiet < 2000 {
        tokio::task::yield_now().await;
        let now = progress();
        quiet = if now == before { quiet + 1 } else { 0 };
        before = now;
    }
}

/// Spawns a door; its task ends with the test's runtime.
pub(super) fn spawn(
    serving: impl Future<Output = ()> + Send + 'static,
) -> tokio::task::JoinHandle<()> {
    tokio::spawn(serving)
}
