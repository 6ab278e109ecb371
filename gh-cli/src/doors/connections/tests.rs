use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::doors::testing::settle;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

impl Listener for TcpListener {
    type Io = TcpStream;
    type Peer = ();

    async fn accept(&mut self) -> io::Result<Option<(TcpStream, ())>> {
        let (stream, _) = TcpListener::accept(self).await?;
        Ok(Some((stream, ())))
    }
}

/// Counts its requests, and answers all but those for `/never`.
#[derive(Clone, Default)]
struct Counting(Arc<AtomicUsize>);

impl Handler<()> for Counting {
    type Body = Full<Bytes>;

    async fn answer(&self, _: &Connection<()>, request: Request<Incoming>) -> Response<Self::Body> {
        self.0.fetch_add(1, Ordering::SeqCst);
        if request.uri().path() == "/never" {
            std::future::pending::<()>().await;
        }
        Response::new(Full::new(Bytes::from_static(b"ok")))
    }
}

impl Counting {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

async fn open(
    handler: &Counting,
    n_permits: usize,
) -> (SocketAddr, watch::Sender<()>, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let permits = Arc::new(Semaphore::new(n_permits));
    let (stop, stopped) = watch::channel(());
    let task = tokio::spawn(serve(listener, handler.clone(), permits, stopped));
    (address, stop, task)
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_for_a_free_place() {
    let handler = Counting::default();
    let (address, _stop, _task) = open(&handler, 2).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(REQUEST).await.unwrap();
        clients.push(client);
    }
    settle(|| handler.count()).await;
    assert_eq!(handler.count(), 2);
    drop(clients.remove(0));
    let mut last = clients.pop().unwrap();
    last.shutdown().await.unwrap();
    let mut answer = String::new();
    last.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("ok"), "{answer}");
    assert_eq!(handler.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_ends_the_connection() {
    let handler = Counting::default();
    let (address, _stop, _task) = open(&handler, 2).await;
    let begun = tokio::time::Instant::now();
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert!(begun.elapsed() >= HEAD_TIMEOUT);
    assert_eq!(handler.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_does_not_finish_is_ended_after_the_drain_limit() {
    let handler = Counting::default();
    let (address, stop, task) = open(&handler, 2).await;
    let mut client = TcpStream::connect(address).await.unwrap();
    client
        .write_all(b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    settle(|| handler.count()).await;
    assert_eq!(handler.count(), 1);
    let begun = tokio::time::Instant::now();
    stop.send(()).unwrap();
    task.await.unwrap();
    assert!(begun.elapsed() >= DRAIN_LIMIT);
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert!(answer.is_empty());
}
