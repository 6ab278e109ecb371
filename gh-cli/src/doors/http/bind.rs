//! The listeners of the HTTP door.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use tokio::net::{TcpListener, TcpStream};
use tracing::{debug, info};

use crate::doors::connections::{BACKLOG, Listener};

/// The port of the HTTP door unless another is given.
pub(crate) const DEFAULT_PORT: u16 = 9180;

/// Where the HTTP door listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    /// Loopback with [`DEFAULT_PORT`], over IPv4, and over IPv6 where the machine has it.
    Default,
    /// These addresses, all of them. Port 0 takes any free port.
    Given(Vec<SocketAddr>),
}

/// Why the HTTP door could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum BindHttpError {
    /// Another process listens there. It would be sent tokens, so no other port is tried in its place.
    #[error(
        "{address} is in use by another process; end that one, or choose another address with --http ADDRESS:PORT"
    )]
    InUse {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The machine does not have the address.
    #[error("{address} is not an address of this machine; choose another with --http ADDRESS:PORT")]
    NotHere {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The port is reserved.
    #[error(
        "not allowed to listen on {address}; choose a port of 1024 or above with --http ADDRESS:PORT"
    )]
    NotAllowed {
        /// The address asked for.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("could not listen on {address}")]
    Failed {
        /// The address asked for.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
}

/// Binds all that `listen` names. Needs a tokio runtime.
pub(super) fn bind(listen: &Listen) -> Result<Vec<TcpDoor>, BindHttpError> {
    match listen {
        Listen::Given(addresses) => addresses.iter().copied().map(TcpDoor::bind).collect(),
        Listen::Default => {
            let mut doors = vec![TcpDoor::bind((Ipv4Addr::LOCALHOST, DEFAULT_PORT).into())?];
            let second = SocketAddr::from((Ipv6Addr::LOCALHOST, DEFAULT_PORT));
            match TcpDoor::bind(second) {
                Ok(door) => doors.push(door),
                Err(error) if is_without_ipv6(&error) => {
                    info!(address = %second, "no IPv6 on this machine, listening on IPv4 only");
                }
                Err(error) => return Err(error),
            }
            Ok(doors)
        }
    }
}

fn is_without_ipv6(error: &BindHttpError) -> bool {
    match error {
        BindHttpError::NotHere { .. } => true,
        BindHttpError::Failed { source, .. } => {
            source.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
        }
        BindHttpError::InUse { .. } | BindHttpError::NotAllowed { .. } => false,
    }
}

/// One bound address.
#[derive(Debug)]
pub(super) struct TcpDoor {
    listener: TcpListener,
    address: SocketAddr,
}

impl TcpDoor {
    /// Returns the address with the port that was chosen.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    fn bind(address: SocketAddr) -> Result<Self, BindHttpError> {
        let bound = open(address).and_then(|listener| {
            let listener = TcpListener::from_std(listener)?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        });
        bound.map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => BindHttpError::InUse { address },
            io::ErrorKind::AddrNotAvailable => BindHttpError::NotHere { address },
            io::ErrorKind::PermissionDenied => BindHttpError::NotAllowed { address },
            _ => BindHttpError::Failed { address, source },
        })
    }
}

fn open(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let family = if address.is_ipv6() {
        AddressFamily::INET6
    } else {
        AddressFamily::INET
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() {
        // So that `0.0.0.0` and `[::]` can be given side by side with one port.
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(std::net::TcpListener::from(socket))
}

impl Listener for TcpDoor {
    type Io = TcpStream;
    type Peer = ();

    async fn accept(&mut self) -> io::Result<Option<(TcpStream, ())>> {
        let (stream, _) = self.listener.accept().await?;
        if let Err(error) = stream.set_nodelay(true) {
            // The client is gone already.
            debug!(%error, "a connection ended before it began");
            return Ok(None);
        }
        Ok(Some((stream, ())))
    }
}
