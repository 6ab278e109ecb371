//! Connections: pipelines, endings, and bodies too large to hold.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use cache_core::port::StreamedBody;
use http_body::{Frame, SizeHint};
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

use super::*;
use crate::doors::testing::settle;

/// More than any buffer on the way.
const LARGE: usize = 100 << 20;

/// What sockets and door may hold together: both socket buffers at their largest, and the door's own few.
const MAX_ON_THE_WAY: usize = 24 << 20;

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_one_by_one() {
    let open = Open::new(relay(service(Log::default(), |uri| {
        Response::new(Bytes::from(format!("<{uri}>")))
    })));
    let requests: String = (0..20)
        .map(|n| {
            if n % 3 == 0 {
                open.head(&format!("POST /{n}"), "Content-Length: 4\r\n") + "GET "
            } else {
                open.head(&format!("GET /{n}"), "")
            }
        })
        .collect();
    let bytes = exchange(open.connect().await, requests.as_bytes()).await;
    let text = String::from_utf8(bytes).unwrap();
    let answered: Vec<&str> = text
        .split('<')
        .skip(1)
        .map(|part| part.split('>').next().unwrap())
        .collect();
    let expected: Vec<String> = (0..20)
        .map(|n| format!("https://api.github.com/{n}"))
        .collect();
    assert_eq!(answered, expected);
}

#[tokio::test]
async fn requests_in_flight_finish_when_the_door_closes() {
    let (asked, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (asked_by_service, go_for_service) = (Arc::clone(&asked), Arc::clone(&go));
    let answering = tower::service_fn(move |_: Request<StreamedBody>| {
        let (asked, go) = (Arc::clone(&asked_by_service), Arc::clone(&go_for_service));
        async move {
            asked.notify_one();
            go.notified().await;
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"done"))))
        }
    });
    let open = Open::new(relay(answering));
    let idle = open.connect().await;
    let mut busy = open.connect().await;
    busy.write_all(open.head("GET /x", "").as_bytes())
        .await
        .unwrap();
    asked.notified().await;
    open.stop.send(()).unwrap();
    // The idle connection ends at once, the busy one when it was answered.
    let mut bytes = Vec::new();
    let mut idle = idle;
    idle.read_to_end(&mut bytes).await.unwrap();
    assert!(bytes.is_empty());
    assert!(TcpStream::connect(open.address).await.is_err());
    go.notify_one();
    busy.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(Reply::parse(&bytes).text(), "done");
    open.task.await.unwrap();
}

/// Counts bytes that one side has sent and the other not yet received.
#[derive(Debug, Default)]
struct Gauge {
    sent: AtomicUsize,
    received: AtomicUsize,
    most: AtomicUsize,
}

impl Gauge {
    fn add_sent(&self, n: usize) {
        let sent = self.sent.fetch_add(n, Ordering::SeqCst) + n;
        let on_the_way = sent.saturating_sub(self.received.load(Ordering::SeqCst));
        self.most.fetch_max(on_the_way, Ordering::SeqCst);
    }

    fn check(&self) {
        assert_eq!(self.sent.load(Ordering::SeqCst), LARGE);
        assert_eq!(self.received.load(Ordering::SeqCst), LARGE);
        let most = self.most.load(Ordering::SeqCst);
        assert!(
            most < MAX_ON_THE_WAY,
            "{most} bytes were on the way at once"
        );
    }
}

#[tokio::test]
async fn a_large_upload_is_passed_on_while_it_arrives() {
    let gauge = Arc::new(Gauge::default());
    let reading = Arc::new(AtomicBool::new(false));
    let (gauge_at_service, begin) = (Arc::clone(&gauge), Arc::clone(&reading));
    let answering = tower::service_fn(move |request: Request<StreamedBody>| {
        let (gauge, reading) = (Arc::clone(&gauge_at_service), Arc::clone(&begin));
        async move {
            // Nothing is read until the client can send no more: whatever would hold it all does so now.
            while !reading.load(Ordering::SeqCst) {
                tokio::task::yield_now().await;
            }
            let mut body = request.into_body();
            while let Some(frame) = body.frame().await {
                let len = frame.unwrap().into_data().unwrap().len();
                gauge.received.fetch_add(len, Ordering::SeqCst);
            }
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"thanks"))))
        }
    });
    let open = Open::new(relay(answering));
    let (mut from_door, mut to_door) = open.connect().await.into_split();
    let head = open.head(
        "POST /x",
        &format!("Content-Length: {LARGE}\r\nConnection: close\r\n"),
    );
    let sending = Arc::clone(&gauge);
    let client = tokio::spawn(async move {
        to_door.write_all(head.as_bytes()).await.unwrap();
        let chunk = vec![b'x'; 64 << 10];
        for _ in 0..LARGE / chunk.len() {
            to_door.write_all(&chunk).await.unwrap();
            sending.add_sent(chunk.len());
        }
        to_door
    });
    settle(|| gauge.sent.load(Ordering::SeqCst)).await;
    assert!(
        gauge.sent.load(Ordering::SeqCst) < MAX_ON_THE_WAY,
        "the door took it all"
    );
    reading.store(true, Ordering::SeqCst);
    client.await.unwrap();
    let mut bytes = Vec::new();
    from_door.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(Reply::parse(&bytes).text(), "thanks");
    gauge.check();
}

/// A body of [`LARGE`] bytes that are made when they are asked for.
struct Made {
    gauge: Arc<Gauge>,
    left: usize,
}

impl Body for Made {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let chunk = Bytes::from(vec![b' '; self.left.min(64 << 10)]);
        self.left -= chunk.len();
        self.gauge.add_sent(chunk.len());
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left as u64)
    }
}

#[tokio::test]
async fn a_large_download_is_made_only_as_fast_as_it_is_read() {
    // Untouched, and rewritten on its way.
    for content_type in ["application/octet-stream", "application/json"] {
        let gauge = Arc::new(Gauge::default());
        let made = Arc::clone(&gauge);
        let answering = tower::service_fn(move |_: Request<StreamedBody>| {
            let body = Made {
                gauge: Arc::clone(&made),
                left: LARGE,
            };
            let response = Response::builder()
                .header("content-type", content_type)
                .body(body);
            std::future::ready(Ok::<_, Infallible>(response.unwrap()))
        });
        let open = Open::new(relay(answering));
        let mut client = open.connect().await;
        // HTTP/1.0 is answered without chunks, so that every byte after the head is the body's.
        let head = format!("GET /x HTTP/1.0\r\nHost: {}\r\n\r\n", open.address);
        client.write_all(head.as_bytes()).await.unwrap();
        settle(|| gauge.sent.load(Ordering::SeqCst)).await;
        assert!(
            gauge.sent.load(Ordering::SeqCst) < MAX_ON_THE_WAY,
            "the door asked for it all"
        );
        let mut buffer = vec![0; 256 << 10];
        let mut n_head = None;
        loop {
            let n = client.read(&mut buffer).await.unwrap();
            if n == 0 {
                break;
            }
            let skipped = if n_head.is_none() {
                let end = buffer[..n]
                    .windows(4)
                    .position(|window| window == b"\r\n\r\n")
                    .unwrap()
                    + 4;
                n_head = Some(end);
                end
            } else {
                0
            };
            assert!(n_head == Some(skipped) || buffer[..n].iter().all(|&byte| byte == b' '));
            gauge.received.fetch_add(n - skipped, Ordering::SeqCst);
        }
        gauge.check();
    }
}
