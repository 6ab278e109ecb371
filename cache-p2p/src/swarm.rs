//! The libp2p swarm: transport, behaviours and their limits.

use std::sync::Arc;

use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::swarm::{self, NetworkBehaviour, Swarm};
use libp2p::{StreamProtocol, Transport, connection_limits, dns, identify, mdns, ping, tcp, yamux};
use tracing::warn;

use crate::defaults::{
    HANDSHAKE_TIMEOUT, IDLE_CONNECTION_TIMEOUT, MAX_ESTABLISHED, MAX_ESTABLISHED_PER_PEER,
    MAX_PENDING_INBOUND,
};
use crate::lock::Lock;
use crate::metrics::Counters;
use crate::{MeshConfig, StartError};

/// The exchange stream's protocol.
pub(crate) const EXCHANGE: StreamProtocol = StreamProtocol::new("/gh-mesh/exchange/1");

/// What identify says that this network is.
const NETWORK: &str = "/gh-mesh/1";

/// What a connection carries.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    limits: connection_limits::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    mdns: Toggle<mdns::tokio::Behaviour>,
    pub(crate) exchange: libp2p_stream::Behaviour,
}

/// Returns the key pair of a seed.
pub(crate) fn identity(seed: [u8; 32]) -> Keypair {
    Keypair::ed25519_from_bytes(seed).expect("every 32 bytes are an ed25519 seed")
}

/// Returns a swarm that does not listen yet.
pub(crate) fn build(
    config: &MeshConfig,
    counters: &Arc<Counters>,
) -> Result<Swarm<Behaviour>, StartError> {
    let identity = identity(config.identity_seed);
    let local = identity.public().to_peer_id();
    let lock = Lock::new(&identity, &config.prologue, Arc::clone(counters)).map_err(|error| {
        StartError::Transport {
            source: Box::new(error),
        }
    })?;
    let tcp = || tcp::tokio::Transport::new(tcp::Config::default().nodelay(true));
    let base = match dns::tokio::Transport::system(tcp()) {
        Ok(transport) => transport.boxed(),
        Err(error) => {
            warn!(%error, "names cannot be resolved; only IP addresses will be dialed");
            tcp().boxed()
        }
    };
    let transport = base
        .upgrade(Version::V1Lazy)
        .authenticate(lock)
        .multiplex(yamux::Config::default())
        .timeout(HANDSHAKE_TIMEOUT)
        .boxed();
    let limits = connection_limits::ConnectionLimits::default()
        .with_max_pending_incoming(Some(MAX_PENDING_INBOUND))
        .with_max_established(Some(MAX_ESTABLISHED))
        .with_max_established_per_peer(Some(MAX_ESTABLISHED_PER_PEER));
    let behaviour = Behaviour {
        limits: connection_limits::Behaviour::new(limits),
        identify: identify::Behaviour::new(
            identify::Config::new(NETWORK.to_owned(), identity.public())
                .with_agent_version(config.agent.clone()),
        ),
        ping: ping::Behaviour::default(),
        mdns: mdns_of(config, local).into(),
        exchange: libp2p_stream::Behaviour::new(),
    };
    let swarm_config = swarm::Config::with_tokio_executor()
        .with_substream_upgrade_protocol_override(Version::V1Lazy)
        .with_idle_connection_timeout(IDLE_CONNECTION_TIMEOUT);
    Ok(Swarm::new(transport, behaviour, local, swarm_config))
}

fn mdns_of(config: &MeshConfig, local: libp2p::PeerId) -> Option<mdns::tokio::Behaviour> {
    if !config.mdns {
        return None;
    }
    mdns::tokio::Behaviour::new(mdns::Config::default(), local)
        .inspect_err(|error| warn!(%error, "mDNS does not work here; members on the local network are not found"))
        .ok()
}
