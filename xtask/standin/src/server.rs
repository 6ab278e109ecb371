//! Listeners, and the handle of a running stand-in.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::config::{Config, TagFormula, Token};
use crate::counters::Counters;
use crate::exchange::Shared;
use crate::faults::Fault;
use crate::routes::Resource;
use crate::{clock, tls};

/// Why the stand-in could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages are the docs")]
pub enum StartError {
    #[error("{0} is not a loopback address")]
    NotLoopback(SocketAddr),
    #[error("could not listen on {address}")]
    Listen {
        address: String,
        source: std::io::Error,
    },
    #[error("could not write the certificate to {}", path.display())]
    WriteCertificate {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("could not make a certificate")]
    Certificate(#[from] rcgen::Error),
    #[error("could not set up TLS")]
    Tls(#[from] rustls::Error),
}

/// A running stand-in. Dropping it stops it.
#[derive(Debug)]
pub struct Standin {
    shared: Arc<Shared>,
    tcp: Option<SocketAddr>,
    tls: Option<SocketAddr>,
    unix: Option<PathBuf>,
    ca_pem: Option<String>,
    tasks: Vec<JoinHandle<()>>,
}

impl Standin {
    /// Starts listening wherever `config` says.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let (tcp, tls_address, unix) = (config.tcp, config.tls, config.unix.clone());
        let ca_out = config.ca_out.clone();
        let shared = Arc::new(Shared::new(config));
        let mut standin = Self {
            shared,
            tcp: None,
            tls: None,
            unix: None,
            ca_pem: None,
            tasks: Vec::new(),
        };
        if let Some(address) = tcp {
            let listener = listen(address).await?;
            standin.tcp = listener.local_addr().ok();
            standin.spawn(Listener::Tcp(listener, None));
        }
        if let Some(address) = tls_address {
            let (acceptor, pem) = tls::acceptor()?;
            if let Some(path) = ca_out {
                std::fs::write(&path, &pem)
                    .map_err(|source| StartError::WriteCertificate { path, source })?;
            }
            let listener = listen(address).await?;
            standin.tls = listener.local_addr().ok();
            standin.ca_pem = Some(pem);
            standin.spawn(Listener::Tcp(listener, Some(acceptor)));
        }
        if let Some(path) = unix {
            standin.spawn(Listener::Unix(listen_unix(&path)?, path.clone()));
            standin.unix = Some(path);
        }
        Ok(standin)
    }

    fn spawn(&mut self, listener: Listener) {
        self.tasks
            .push(tokio::spawn(serve(self.shared.clone(), listener)));
    }

    /// Returns the root of the plain listener, `http://127.0.0.1:PORT`.
    ///
    /// # Panics
    ///
    /// If [`Config::tcp`] was not set.
    pub fn http_url(&self) -> String {
        format!("http://{}", self.tcp.expect("Config::tcp was set"))
    }

    /// Returns where the plain listener is.
    pub fn tcp_addr(&self) -> Option<SocketAddr> {
        self.tcp
    }

    /// Returns where the TLS listener is.
    pub fn tls_addr(&self) -> Option<SocketAddr> {
        self.tls
    }

    /// Returns the path of the unix socket.
    pub fn unix_path(&self) -> Option<&Path> {
        self.unix.as_deref()
    }

    /// Returns the certificate of the authority behind the TLS listener, in PEM.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// Returns the tokens that are known.
    pub fn tokens(&self) -> &[Token] {
        &self.shared.config.tokens
    }

    /// Returns what was counted since start or the last reset.
    pub fn counters(&self) -> Counters {
        self.shared.tally.counters()
    }

    /// Forgets what was counted.
    pub fn reset_counters(&self) {
        self.shared.tally.reset();
    }

    /// Gives every identity its full budgets back.
    pub fn reset_budgets(&self) {
        self.shared.limits.reset();
    }

    /// Sets how much of the budget for `resource` (`core`, `search`, `graphql`) is left to the token labelled `token`.
    ///
    /// Returns whether there are such a token and resource.
    pub fn set_remaining(&self, token: &str, resource: &str, remaining: u64) -> bool {
        self.shared.set_remaining(token, resource, remaining)
    }

    /// Adds a fault to those in force.
    pub fn set_fault(&self, fault: Fault) {
        self.shared.faults.add(fault);
    }

    /// Clears all faults.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// Changes the description of a repository, and with it the tags of whatever shows it. Returns whether there is such a repository.
    pub fn touch_repo(&self, full_name: &str) -> bool {
        self.shared.touch(full_name, None, None)
    }

    /// Changes an issue or pull request. Returns whether there is such a one.
    pub fn touch_issue(&self, full_name: &str, number: u64) -> bool {
        self.shared.touch(full_name, Some(number), None)
    }

    /// Changes a workflow run. Returns whether there is such a one.
    pub fn touch_run(&self, full_name: &str, id: u64) -> bool {
        self.shared.touch(full_name, None, Some(id))
    }

    /// Moves every unfinished run one state on.
    pub fn tick(&self) {
        self.shared.world.write().tick(clock::now());
    }

    /// Changes how tags are made from now on.
    pub fn set_tags(&self, formula: TagFormula) {
        *self.shared.tags.lock() = formula;
    }

    /// Changes the time added to each request.
    pub fn set_latency(&self, latency: Duration) {
        *self.shared.latency.lock() = latency;
    }

    /// Refuses connections on every listener and ends those that are open, or listens again at the same places.
    pub fn set_down(&self, down: bool) {
        self.shared.down.send_replace(down);
    }

    /// Returns the numbers of the resources that have budgets of their own.
    pub fn resources() -> Vec<&'static str> {
        Resource::ALL
            .iter()
            .map(|resource| resource.name())
            .collect()
    }

    /// Stops listening and ends open connections.
    pub async fn shutdown(mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
            // The only error is the cancellation just asked for.
            let _ = task.await;
        }
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        if let Some(path) = &self.unix {
            // Nobody can connect to it any more; that it is gone already is fine.
            let _ = std::fs::remove_file(path);
        }
    }
}

enum Listener {
    Tcp(TcpListener, Option<TlsAcceptor>),
    Unix(UnixListener, PathBuf),
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    if !address.ip().is_loopback() {
        return Err(StartError::NotLoopback(address));
    }
    TcpListener::bind(address)
        .await
        .map_err(|source| StartError::Listen {
            address: address.to_string(),
            source,
        })
}

fn listen_unix(path: &Path) -> Result<UnixListener, StartError> {
    // A socket that an earlier run left behind would make the bind fail.
    if std::os::unix::net::UnixStream::connect(path).is_err() {
        let _ = std::fs::remove_file(path);
    }
    UnixListener::bind(path).map_err(|source| StartError::Listen {
        address: path.display().to_string(),
        source,
    })
}

/// Accepts until aborted. While the stand-in is down there is no listener, so connections are refused.
async fn serve(shared: Arc<Shared>, mut listener: Listener) {
    let mut down = shared.down.subscribe();
    loop {
        let mut connections = JoinSet::new();
        accept(&shared, &listener, &mut down, &mut connections).await;
        connections.abort_all();
        let next = rebind(listener, &mut down).await;
        match next {
            Ok(rebound) => listener = rebound,
            Err(error) => {
                tracing::error!(%error, "could not listen again");
                return;
            }
        }
    }
}

/// Waits until the stand-in is up again and listens where it did before.
async fn rebind(
    listener: Listener,
    down: &mut watch::Receiver<bool>,
) -> Result<Listener, StartError> {
    match listener {
        Listener::Tcp(listener, acceptor) => {
            let address = listener.local_addr();
            drop(listener);
            turned(down, false).await;
            let address = address.map_err(|source| StartError::Listen {
                address: "its address".into(),
                source,
            })?;
            Ok(Listener::Tcp(listen(address).await?, acceptor))
        }
        Listener::Unix(listener, path) => {
            drop(listener);
            let _ = std::fs::remove_file(&path);
            turned(down, false).await;
            Ok(Listener::Unix(listen_unix(&path)?, path))
        }
    }
}

/// Waits until the stand-in is down, or until it is up.
async fn turned(down: &mut watch::Receiver<bool>, wanted: bool) {
    // The sender lives as long as `Shared`, which the caller holds, so there is no error.
    let _ = down.wait_for(|down| *down == wanted).await;
}

async fn accept(
    shared: &Arc<Shared>,
    listener: &Listener,
    down: &mut watch::Receiver<bool>,
    connections: &mut JoinSet<()>,
) {
    loop {
        tokio::select! {
            () = turned(down, true) => return,
            // Ended connections are taken out of the set as they end.
            Some(_) = connections.join_next() => {}
            accepted = accept_one(listener) => match accepted {
                Ok(Accepted::Tcp(stream, peer, acceptor)) => {
                    let shared = shared.clone();
                    connections.spawn(async move {
                        let source = peer.ip().to_string();
                        let Some(acceptor) = acceptor else {
                            return connection(shared, stream, source, "http").await;
                        };
                        match acceptor.accept(stream).await {
                            Ok(stream) => connection(shared, stream, source, "https").await,
                            Err(error) => tracing::debug!(%error, "no handshake"),
                        }
                    });
                }
                Ok(Accepted::Unix(stream)) => {
                    connections.spawn(connection(shared.clone(), stream, "unix".into(), "http"));
                }
                Err(error) => {
                    tracing::warn!(%error, "could not accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

enum Accepted {
    Tcp(tokio::net::TcpStream, SocketAddr, Option<TlsAcceptor>),
    Unix(tokio::net::UnixStream),
}

async fn accept_one(listener: &Listener) -> std::io::Result<Accepted> {
    match listener {
        Listener::Tcp(listener, acceptor) => {
            let (stream, peer) = listener.accept().await?;
            stream.set_nodelay(true)?;
            Ok(Accepted::Tcp(stream, peer, acceptor.clone()))
        }
        Listener::Unix(listener, _) => Ok(Accepted::Unix(listener.accept().await?.0)),
    }
}

async fn connection<S>(shared: Arc<Shared>, stream: S, source: String, scheme: &'static str)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let source: Arc<str> = source.into();
    let service = service_fn(move |request| {
        let (shared, source) = (shared.clone(), source.clone());
        async move { shared.exchange(request, &source, scheme).await }
    });
    let served = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}
