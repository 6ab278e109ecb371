//! The unix door: a socket that only its owner can use, for clients that keep naming GitHub's hosts.
//!
//! `gh config set http_unix_socket PATH` makes `gh` send everything here in plain HTTP/1.1, whatever host and scheme
//! it is meant for. `Host` says where a request belongs:
//!
//! - API hosts and GitHub's other hosts go to the service with an absolute `https` URI;
//! - so does, without credentials and for ten minutes, a public host that a `Location` just named to this user:
//!   artifacts and logs are downloaded from such hosts;
//! - everything else is refused, so that the door is no proxy to the world.
//!
//! Nothing is rewritten.

mod hosts;
mod socket;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::header::{AUTHORIZATION, COOKIE, HOST, LOCATION};
use http::uri::Authority;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

pub(crate) use socket::BindSocketError;

use super::connections::{self, Connection, Handler, MAX_CONNECTIONS};
use super::guard::{check_framing, check_path, split_port};
use super::refusal::Refusal;
use super::relay::{Answers, DoorBody, Relay, absolute, passed, remove_hop_by_hop, whole};
use cache_core::BodyId;
use gh_client::LearnedHost;
use hosts::{Hosts, LearnedHosts};
use socket::{Peer, UnixSocket};

/// What the unix door serves.
#[derive(Clone, Debug)]
pub(crate) struct UnixConfig {
    /// Path of the socket; `None` for one that systemd opened.
    pub(crate) path: Option<std::path::PathBuf>,
    /// Hosts whose API is answered, `api.github.com` and GitHub Enterprise Servers.
    pub(crate) api_hosts: Vec<Authority>,
}

/// The unix door, listening but not yet answering.
#[derive(Debug)]
pub(crate) struct UnixDoor {
    socket: UnixSocket,
    api_hosts: Vec<Authority>,
    permits: Arc<Semaphore>,
}

/// Counts the connections that are open now.
#[derive(Clone, Debug)]
pub(crate) struct OpenConnections(Arc<Semaphore>);

impl OpenConnections {
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self(Arc::new(Semaphore::new(MAX_CONNECTIONS)))
    }

    /// Returns how many there are. One slot is held for the next to be accepted.
    pub(crate) fn count(&self) -> usize {
        MAX_CONNECTIONS.saturating_sub(self.0.available_permits() + 1)
    }
}

/// Counts what a unix door refused.
#[derive(Clone, Debug, Default)]
pub(crate) struct RefusedPeers(Arc<AtomicU64>);

impl RefusedPeers {
    /// Returns how many connections of other users were closed.
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl UnixDoor {
    /// Binds the socket, readable and writable for its owner only. A socket that nobody serves is replaced; one that
    /// is served, and whatever is no socket, is left alone.
    ///
    /// The directory is made if it is not there, for its owner only. One that others may write to is refused.
    pub(crate) async fn bind(config: UnixConfig) -> Result<Self, BindSocketError> {
        Ok(Self {
            socket: match config.path {
                Some(path) => UnixSocket::bind(&path).await?,
                None => UnixSocket::inherited()?,
            },
            api_hosts: config.api_hosts,
            permits: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
        })
    }

    /// Returns the count of open connections.
    pub(crate) fn connections(&self) -> OpenConnections {
        OpenConnections(Arc::clone(&self.permits))
    }

    /// Returns the path of the socket.
    pub(crate) fn path(&self) -> &std::path::Path {
        self.socket.path()
    }

    /// Returns the count of connections that were closed because they are another user's.
    pub(crate) fn refused_peers(&self) -> RefusedPeers {
        self.socket.refused_peers()
    }

    /// Answers requests until `stop` changes or its sender is gone, removes the socket, then finishes those in
    /// flight. A socket that another process put in its place stays.
    pub(crate) async fn serve<S: Answers>(self, relay: Relay<S>, stop: watch::Receiver<()>) {
        let handler = UnixHandler(Arc::new(Shared {
            relay,
            hosts: Hosts::new(self.api_hosts),
            learned: LearnedHosts::default(),
        }));
        connections::serve(self.socket, handler, self.permits, stop).await;
    }
}

struct Shared<S: Answers> {
    relay: Relay<S>,
    hosts: Hosts,
    learned: LearnedHosts,
}

struct UnixHandler<S: Answers>(Arc<Shared<S>>);

impl<S: Answers> Clone for UnixHandler<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Answers> Handler<Peer> for UnixHandler<S> {
    type Body = DoorBody<S::Body>;

    async fn answer(
        &self,
        connection: &Connection<Peer>,
        request: Request<Incoming>,
    ) -> Response<Self::Body> {
        let (head, body) = request.into_parts();
        let answered = match check_framing(head.version, connection.two_lengths.seen()) {
            Ok(()) => self.0.answer(connection.peer, head, body).await,
            Err(refusal) => Err(refusal),
        };
        answered.unwrap_or_else(|refusal| refusal.into_response().map(whole))
    }
}

/// Whose a host is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Owner {
    /// GitHub's, API or not: it gets what the client sends.
    GitHub(Authority),
    /// Somebody's that GitHub sent the client to: it gets no credentials.
    Other(Authority),
}

impl<S: Answers> Shared<S> {
    async fn answer(
        &self,
        peer: Peer,
        mut head: http::request::Parts,
        body: Incoming,
    ) -> Result<Response<DoorBody<S::Body>>, Refusal> {
        if head.method == Method::CONNECT {
            return Err(Refusal::closing(
                StatusCode::FORBIDDEN,
                "this door opens no tunnels",
            ));
        }
        let owner = self.owner(peer, &head)?;
        head.headers.remove(HOST);
        let (host, learns) = match owner {
            Owner::GitHub(host) => (host, true),
            Owner::Other(host) => {
                head.headers.remove(AUTHORIZATION);
                head.headers.remove(COOKIE);
                head.extensions.insert(LearnedHost);
                (host, false)
            }
        };
        let path = head.uri.into_parts().path_and_query;
        let path = path
            .filter(|path| path.as_str().starts_with('/'))
            .ok_or_else(|| {
                Refusal::new(StatusCode::BAD_REQUEST, "the path must start with a slash")
            })?;
        check_path(path.path())?;
        head.uri = absolute(host, path)
            .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "the path cannot be read"))?;
        let mut response = self.relay.ask(head, body).await?;
        if response.extensions().get::<BodyId>().is_none() {
            remove_hop_by_hop(response.headers_mut());
        }
        if learns && let Some(location) = response.headers().get(LOCATION) {
            self.learned.learn(peer.uid, location, Instant::now());
        }
        Ok(response.map(passed))
    }

    fn owner(&self, peer: Peer, head: &http::request::Parts) -> Result<Owner, Refusal> {
        let mut named = head.headers.get_all(HOST).iter();
        let (Some(host), None) = (named.next(), named.next()) else {
            return Err(Refusal::closing(
                StatusCode::BAD_REQUEST,
                "send one Host header",
            ));
        };
        let refused = || {
            Refusal::new(
                StatusCode::FORBIDDEN,
                "this door leads to GitHub only, and Host names another; an Enterprise Server is added with --api-url",
            )
        };
        let host = host.to_str().map_err(|_| refused())?;
        if let Some(target) = head.uri.authority()
            && !target.as_str().eq_ignore_ascii_case(host)
        {
            return Err(Refusal::closing(
                StatusCode::BAD_REQUEST,
                "the request line and the Host header name different hosts",
            ));
        }
        let host = match split_port(host) {
            (name, None | Some(80 | 443)) => name,
            (_, Some(_)) => host,
        };
        if let Some(host) = self.hosts.find(host) {
            return Ok(Owner::GitHub(host));
        }
        if self.learned.knows(peer.uid, host, Instant::now())
            && let Ok(host) = host.parse()
        {
            return Ok(Owner::Other(host));
        }
        Err(refused())
    }
}

#[cfg(test)]
mod tests;
