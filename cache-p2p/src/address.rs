//! Addresses: parsing, and what may be told to whom.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

use crate::defaults::{MAX_ADDR_BYTES, MAX_PORTS_TRIED};
use crate::{Listen, PeerId};

/// Why a member could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages are the docs")]
pub enum StartError {
    #[error("`{addr}` is not a multiaddr such as /ip4/192.0.2.1/tcp/9000")]
    BadAddress {
        addr: String,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("{addr} is in use by another program")]
    AddressInUse { addr: String, source: io::Error },
    #[error("cannot listen on {addr}")]
    CannotListen {
        addr: String,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("no port from {first} to {last} is free")]
    NoFreePort { first: u16, last: u16 },
    #[error("the transport cannot be set up")]
    Transport {
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Parses an address that a person wrote.
pub(crate) fn parse(text: &str) -> Result<Multiaddr, StartError> {
    text.trim().parse().map_err(|error| StartError::BadAddress {
        addr: text.to_owned(),
        source: Box::new(error),
    })
}

/// Returns the member that `addr` ends in, if it names one.
pub(crate) fn peer_of(addr: &Multiaddr) -> Option<PeerId> {
    match addr.iter().last() {
        Some(Protocol::P2p(id)) => PeerId::from_libp2p(&id),
        _ => None,
    }
}

/// Parses an address that a member sent: only an IP address, a TCP port, and whose it is.
///
/// Names are left out, so that no member can have others resolve what it likes.
pub(crate) fn parse_told(text: &str) -> Option<(PeerId, Multiaddr)> {
    let addr: Multiaddr = Some(text)
        .filter(|text| text.len() <= MAX_ADDR_BYTES)?
        .parse()
        .ok()?;
    let peer = peer_of(&addr)?;
    let mut parts = addr.iter();
    let is_plain = matches!(parts.next(), Some(Protocol::Ip4(_) | Protocol::Ip6(_)))
        && matches!(parts.next(), Some(Protocol::Tcp(port)) if port != 0)
        && parts.count() == 1;
    let ip = ip_of(&addr)?;
    (is_plain && !ip.is_unspecified() && !ip.is_multicast()).then_some((peer, addr))
}

/// Tells whether `addr` is of the machine itself.
pub(crate) fn is_loopback(addr: &Multiaddr) -> bool {
    ip_of(addr).is_some_and(|ip| ip.is_loopback())
}

/// Tells whether others can dial `addr`: an address of every interface, or of one link, says nothing to them.
pub(crate) fn is_dialable(addr: &Multiaddr) -> bool {
    match ip_of(addr) {
        Some(IpAddr::V6(ip)) => !ip.is_unspecified() && !ip.is_unicast_link_local(),
        Some(IpAddr::V4(ip)) => !ip.is_unspecified(),
        None => true,
    }
}

fn ip_of(addr: &Multiaddr) -> Option<IpAddr> {
    match addr.iter().next()? {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(ip.into()),
        _ => None,
    }
}

fn socket_addr_of(addr: &Multiaddr) -> Option<SocketAddr> {
    match addr.iter().nth(1)? {
        Protocol::Tcp(port) => Some(SocketAddr::new(ip_of(addr)?, port)),
        _ => None,
    }
}

/// Returns the multiaddrs to listen on.
///
/// libp2p listens with `SO_REUSEPORT`, which would let two members of one user share a port unnoticed, each getting
/// some of the connections. So each address is bound once without it, and let go again.
pub(crate) fn resolve(listen: &Listen) -> Result<Vec<Multiaddr>, StartError> {
    match listen {
        Listen::Addrs(texts) => {
            let addrs: Vec<Multiaddr> = texts
                .iter()
                .map(|text| parse(text))
                .collect::<Result<_, _>>()?;
            for addr in &addrs {
                if let Some(socket_addr) = socket_addr_of(addr) {
                    probe(socket_addr).map_err(|error| cannot_listen(addr.to_string(), error))?;
                }
            }
            Ok(addrs)
        }
        Listen::Port(port) => on_port(*port),
        Listen::PortOrNext(first) => {
            let last = first.saturating_add(MAX_PORTS_TRIED - 1);
            for port in *first..=last {
                match on_port(port) {
                    Err(StartError::AddressInUse { .. }) => {}
                    result => return result,
                }
            }
            Err(StartError::NoFreePort {
                first: *first,
                last,
            })
        }
    }
}

/// Returns the multiaddrs of `port` on all interfaces. Without IPv6 on the machine, only that of IPv4.
fn on_port(port: u16) -> Result<Vec<Multiaddr>, StartError> {
    let v4 = SocketAddr::new(std::net::Ipv4Addr::UNSPECIFIED.into(), port);
    let port = probe(v4).map_err(|error| cannot_listen(multiaddr(v4).to_string(), error))?;
    let v4 = SocketAddr::new(v4.ip(), port);
    let v6 = SocketAddr::new(std::net::Ipv6Addr::UNSPECIFIED.into(), port);
    match probe(v6) {
        Ok(_) => Ok(vec![multiaddr(v4), multiaddr(v6)]),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            Err(cannot_listen(multiaddr(v6).to_string(), error))
        }
        Err(_) => Ok(vec![multiaddr(v4)]),
    }
}

/// Binds `addr` and lets it go again. Returns the port.
fn probe(addr: SocketAddr) -> io::Result<u16> {
    TcpListener::bind(addr)?
        .local_addr()
        .map(|addr| addr.port())
}

fn multiaddr(addr: SocketAddr) -> Multiaddr {
    Multiaddr::from(addr.ip()).with(Protocol::Tcp(addr.port()))
}

fn cannot_listen(addr: String, error: io::Error) -> StartError {
    if error.kind() == io::ErrorKind::AddrInUse {
        StartError::AddressInUse {
            addr,
            source: error,
        }
    } else {
        StartError::CannotListen {
            addr,
            source: Box::new(error),
        }
    }
}

#[cfg(test)]
mod tests;
