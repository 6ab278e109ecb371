//! Accepting connections and serving HTTP/1.1 on them, the same for every door.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cache_core::port::BoxError;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tracing::{debug, warn};

use super::framing::{TwoLengths, Watched};

/// Connections that a door serves at once. Further ones wait in the listener's queue.
pub(crate) const MAX_CONNECTIONS: usize = 1024;

/// Connections that may wait to be accepted.
pub(crate) const BACKLOG: i32 = 1024;

/// Longest request line with all header fields. A token of today has about 520 characters.
pub(crate) const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Bytes of one connection that wait to be read or written.
const MAX_BUFFERED_BYTES: usize = 64 * 1024;

/// Time that a client may take to send a head, counted from the end of the previous answer: also the longest that
/// an idle connection is kept.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Time that requests in flight may take to finish once the door closes.
pub(crate) const DRAIN_LIMIT: Duration = Duration::from_secs(20);

/// Pause after a failed accept, which mostly means that no file descriptor is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listener of either kind.
pub(super) trait Listener: Send + 'static {
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// What is known of the one who connected.
    type Peer: Send + Sync + 'static;

    /// Accepts the next connection; `None` for one that was refused.
    fn accept(&mut self)
    -> impl Future<Output = io::Result<Option<(Self::Io, Self::Peer)>>> + Send;

    /// Called when no more connections are accepted, before those that remain are finished.
    fn close(&mut self) {}
}

/// One connection, as a request sees it.
#[derive(Debug)]
pub(super) struct Connection<P> {
    /// Who connected.
    pub(super) peer: P,
    /// Whether requests on it can be told apart.
    pub(super) two_lengths: TwoLengths,
}

/// Answers the requests of a door's connections.
pub(super) trait Handler<P>: Clone + Send + Sync + 'static {
    type Body: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static;

    fn answer(
        &self,
        connection: &Connection<P>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}

/// Serves `listener` until `stop` changes or its sender is gone, then finishes the requests in flight.
///
/// Every connection has a task of its own, owned here: dropping the future ends them all.
pub(super) async fn serve<L, H>(
    mut listener: L,
    handler: H,
    permits: Arc<Semaphore>,
    mut stop: watch::Receiver<()>,
) where
    L: Listener,
    H: Handler<L::Peer>,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .half_close(true)
        .max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_BUFFERED_BYTES);
    let mut tasks = JoinSet::new();
    loop {
        let next = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            let permit = permit.expect("the semaphore is never closed");
            listener.accept().await.map(|accepted| (permit, accepted))
        };
        let accepted = tokio::select! {
            biased;
            _ = stop.changed() => break,
            accepted = next => accepted,
        };
        while tasks.try_join_next().is_some() {}
        match accepted {
            Ok((permit, Some((io, peer)))) => {
                let (http, handler, stop) = (http.clone(), handler.clone(), stop.clone());
                tasks.spawn(async move {
                    serve_connection(&http, io, peer, handler, stop).await;
                    drop(permit);
                });
            }
            Ok((_, None)) => {}
            Err(error) => {
                warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    listener.close();
    drop(listener);
    let finished = tokio::time::timeout(DRAIN_LIMIT, async {
        while tasks.join_next().await.is_some() {}
    });
    if finished.await.is_err() {
        warn!(
            n_connections = tasks.len(),
            "requests did not finish in time and were ended"
        );
    }
}

async fn serve_connection<T, P, H>(
    http: &http1::Builder,
    io: T,
    peer: P,
    handler: H,
    mut stop: watch::Receiver<()>,
) where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    P: Send + Sync + 'static,
    H: Handler<P>,
{
    let io = Watched::new(io);
    let connection = Arc::new(Connection {
        peer,
        two_lengths: io.two_lengths(),
    });
    let service = service_fn(move |request| {
        let (handler, connection) = (handler.clone(), Arc::clone(&connection));
        async move { Ok::<_, Infallible>(handler.answer(&connection, request).await) }
    });
    let mut serving = pin!(http.serve_connection(TokioIo::new(io), service));
    let mut stopping = false;
    let result = loop {
        tokio::select! {
            biased;
            result = serving.as_mut() => break result,
            _ = stop.changed(), if !stopping => {
                stopping = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    };
    if let Err(error) = result {
        // The client's doing mostly: it went away, sent no head in time or something that is not HTTP.
        debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests;
