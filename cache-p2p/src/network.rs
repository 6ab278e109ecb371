//! The network task: drives the swarm, dials, accepts and opens exchange streams.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use libp2p::core::transport::ListenerId;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, DialError, Swarm, SwarmEvent};
use libp2p::{Multiaddr, Stream, mdns, ping};
use libp2p_stream::{Control, IncomingStreams};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::address::{self, StartError};
use crate::defaults::{
    GOODBYE_TIMEOUT, HANDSHAKE_TIMEOUT, MAX_ADDRS_PER_MESSAGE, MAX_STREAMS_PER_PEER, REOPEN_BACKOFF,
};
use crate::dialer::{Dial, Dialer, TargetId};
use crate::metrics::count;
use crate::moment::{Elapsed, Moment};
use crate::session::{self, Remote, Side};
use crate::shared::Shared;
use crate::swarm::{self, Behaviour, BehaviourEvent, EXCHANGE};
use crate::{MeshConfig, PeerId};

/// How long the first addresses may take to appear.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the task sleeps at most when nothing is to be dialed.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// What the network task is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// Addresses that a member told.
    Learned(Vec<String>),
    /// Say goodbye and end.
    Shutdown(oneshot::Sender<()>),
    /// Panic, to show that the rest lives on.
    #[cfg(test)]
    Panic,
}

/// The network task's state.
pub(crate) struct Network {
    shared: Arc<Shared>,
    swarm: Swarm<Behaviour>,
    control: Control,
    incoming: IncomingStreams,
    dialer: Dialer,
    elapsed: Elapsed,
    /// What to listen on, with the ports that were assigned, so that a restart finds them again.
    listen: Vec<Multiaddr>,
    /// Listeners that have no address yet.
    starting: HashMap<ListenerId, usize>,
    dialing: HashMap<ConnectionId, TargetId>,
    /// Which connected members are on this machine.
    connected: HashMap<PeerId, bool>,
    openers: HashMap<PeerId, AbortHandle>,
    /// Sessions of accepted streams.
    accepted: HashMap<Id, PeerId>,
    sessions: JoinSet<()>,
}

impl Network {
    /// Listens on `listen`, and on nothing if one of them fails.
    pub(crate) fn bind(
        config: &MeshConfig,
        listen: Vec<Multiaddr>,
        shared: Arc<Shared>,
    ) -> Result<Self, StartError> {
        let bootstrap = config
            .bootstrap
            .iter()
            .map(|text| address::parse(text))
            .collect::<Result<Vec<_>, _>>()?;
        let mut swarm = swarm::build(config, &shared.counters)?;
        let mut control = swarm.behaviour().exchange.new_control();
        let incoming = control
            .accept(EXCHANGE)
            .map_err(|error| StartError::Transport {
                source: Box::new(error),
            })?;
        let mut starting = HashMap::new();
        for (index, addr) in listen.iter().enumerate() {
            let id = swarm
                .listen_on(addr.clone())
                .map_err(|error| StartError::CannotListen {
                    addr: addr.to_string(),
                    source: Box::new(error),
                })?;
            starting.insert(id, index);
        }
        Ok(Self {
            dialer: Dialer::new(shared.me, &bootstrap),
            shared,
            swarm,
            control,
            incoming,
            elapsed: Elapsed::default(),
            listen,
            starting,
            dialing: HashMap::new(),
            connected: HashMap::new(),
            openers: HashMap::new(),
            accepted: HashMap::new(),
            sessions: JoinSet::new(),
        })
    }

    /// Waits until every listener has an address, and returns what to listen on after a restart.
    pub(crate) async fn listening(&mut self) -> Vec<Multiaddr> {
        let wait = async {
            while !self.starting.is_empty() {
                let event = self.swarm.select_next_some().await;
                self.on_swarm_event(event);
            }
        };
        if timeout(LISTEN_TIMEOUT, wait).await.is_err() {
            warn!("no interface to listen on yet");
        }
        self.listen.clone()
    }

    /// Runs until told to shut down, and returns whom to tell: by then nothing listens any more.
    pub(crate) async fn run(
        mut self,
        commands: &mut mpsc::Receiver<Command>,
    ) -> oneshot::Sender<()> {
        loop {
            self.dial_due();
            let now = self.now();
            let pause = self.dialer.next_due().map_or(LONGEST_SLEEP, |due| {
                due.saturating_sub(now).min(LONGEST_SLEEP)
            });
            let runtime = Arc::clone(&self.shared.runtime);
            // All branches are cancel safe: each takes one thing from where it waits, or nothing.
            tokio::select! {
                biased;
                Some((peer, stream)) = self.incoming.next() => self.on_stream(&peer, stream),
                event = self.swarm.select_next_some() => self.on_swarm_event(event),
                Some(ended) = self.sessions.join_next_with_id() => {
                    let id = match ended {
                        Ok((id, ())) => id,
                        Err(error) => error.id(),
                    };
                    self.accepted.remove(&id);
                }
                Some(command) = commands.recv() => match command {
                    Command::Learned(addrs) => self.on_learned(&addrs),
                    Command::Shutdown(done) => {
                        self.say_goodbye().await;
                        return done;
                    }
                    #[cfg(test)]
                    Command::Panic => panic!("planted"),
                },
                () = runtime.sleep(pause) => {}
            }
        }
    }

    /// Lets every link write what it has, goodbyes last.
    async fn say_goodbye(&mut self) {
        self.shared.stop();
        let ended = async {
            while !self.sessions.is_empty() {
                tokio::select! {
                    _ = self.swarm.select_next_some() => {}
                    _ = self.sessions.join_next() => {}
                }
            }
        };
        if timeout(GOODBYE_TIMEOUT, ended).await.is_err() {
            debug!("a member did not take the goodbye in time");
        }
    }

    fn on_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::NewListenAddr {
                listener_id,
                address,
            } => {
                if let Some(index) = self.starting.remove(&listener_id) {
                    self.listen[index] = with_port_of(&self.listen[index], &address);
                }
                self.publish_addrs();
            }
            SwarmEvent::ExpiredListenAddr { .. } | SwarmEvent::ListenerClosed { .. } => {
                self.publish_addrs();
            }
            SwarmEvent::ListenerError { error, .. } => warn!(%error, "a listener failed"),
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            } => {
                let target = self.dialing.remove(&connection_id);
                let Some(peer) = PeerId::from_libp2p(&peer_id) else {
                    let _ = self.swarm.disconnect_peer_id(peer_id);
                    return;
                };
                self.dialer.connected(peer, target);
                let is_loopback = address::is_loopback(endpoint.get_remote_address());
                *self.connected.entry(peer).or_insert(is_loopback) |= is_loopback;
                if self.shared.me < peer && !self.openers.contains_key(&peer) {
                    let remote = Remote { peer, is_loopback };
                    let opener = keep_open(Arc::clone(&self.shared), self.control.clone(), remote);
                    self.openers.insert(peer, self.sessions.spawn(opener));
                }
            }
            SwarmEvent::ConnectionClosed {
                peer_id,
                num_established: 0,
                ..
            } => {
                let Some(peer) = PeerId::from_libp2p(&peer_id) else {
                    return;
                };
                self.connected.remove(&peer);
                if let Some(opener) = self.openers.remove(&peer) {
                    opener.abort();
                }
                let now = self.now();
                self.dialer.disconnected(now, peer);
            }
            SwarmEvent::OutgoingConnectionError {
                connection_id,
                error,
                ..
            } => {
                count(&self.shared.counters.dials_failed);
                let now = self.now();
                let Some(target) = self.dialing.remove(&connection_id) else {
                    return;
                };
                debug!(%error, "dial failed");
                match error {
                    DialError::LocalPeerId { .. } => self.dialer.own(target),
                    DialError::WrongPeerId { .. } => self.dialer.other_peer(now, target),
                    _ => self.dialer.failed(now, target),
                }
            }
            SwarmEvent::IncomingConnectionError { error, .. } => {
                count(&self.shared.counters.inbound_failed);
                debug!(%error, "an inbound connection failed");
            }
            SwarmEvent::Behaviour(BehaviourEvent::Ping(ping::Event { peer, result, .. })) => {
                match result {
                    Ok(rtt) => {
                        if let Some(peer) = PeerId::from_libp2p(&peer) {
                            self.shared.set_rtt(peer, rtt);
                        }
                    }
                    Err(ping::Failure::Timeout) => {
                        // Nothing answers behind this connection; dialing anew tells whether anything does.
                        let _ = self.swarm.disconnect_peer_id(peer);
                    }
                    Err(_) => {}
                }
            }
            SwarmEvent::Behaviour(BehaviourEvent::Mdns(mdns::Event::Discovered(found))) => {
                let now = self.now();
                for (peer, addr) in found {
                    if let Some(peer) = PeerId::from_libp2p(&peer) {
                        self.dialer.learned(now, peer, addr);
                    }
                }
            }
            _ => {}
        }
    }

    /// Takes a stream that a member with a smaller name opened; others have no business to.
    fn on_stream(&mut self, peer: &libp2p::PeerId, stream: Stream) {
        let Some(peer) = PeerId::from_libp2p(peer).filter(|peer| *peer < self.shared.me) else {
            return;
        };
        let n_streams = self.accepted.values().filter(|of| **of == peer).count();
        if n_streams >= MAX_STREAMS_PER_PEER {
            debug!(%peer, "too many streams");
            return;
        }
        let remote = Remote {
            peer,
            is_loopback: self.connected.get(&peer).copied().unwrap_or_default(),
        };
        let shared = Arc::clone(&self.shared);
        let session = self.sessions.spawn(async move {
            if let Err(error) = session::run(&shared, remote, stream, Side::Acceptor).await {
                debug!(%peer, error = &error as &dyn std::error::Error, "exchange stream ended");
            }
        });
        self.accepted.insert(session.id(), peer);
    }

    fn on_learned(&mut self, addrs: &[String]) {
        let now = self.now();
        for (peer, addr) in addrs
            .iter()
            .take(MAX_ADDRS_PER_MESSAGE)
            .filter_map(|text| address::parse_told(text))
        {
            self.dialer.learned(now, peer, addr);
        }
    }

    fn dial_due(&mut self) {
        let now = self.now();
        for Dial {
            target,
            peer,
            addrs,
        } in self.dialer.due(now)
        {
            let options = match peer {
                Some(peer) => DialOpts::peer_id(peer.to_libp2p())
                    .condition(PeerCondition::DisconnectedAndNotDialing)
                    .addresses(addrs)
                    .build(),
                None => match addrs.into_iter().next() {
                    Some(addr) => DialOpts::unknown_peer_id().address(addr).build(),
                    None => continue,
                },
            };
            let connection = options.connection_id();
            count(&self.shared.counters.dials);
            match self.swarm.dial(options) {
                Ok(()) => {
                    self.dialing.insert(connection, target);
                }
                Err(_) if peer.is_some_and(|peer| self.connected.contains_key(&peer)) => {
                    self.dialer
                        .connected(peer.expect("checked in the guard"), None);
                }
                // The swarm leaves out addresses that it listens on itself.
                Err(DialError::NoAddresses) if peer.is_none() => {
                    count(&self.shared.counters.dials_failed);
                    self.dialer.own(target);
                }
                Err(error) => {
                    debug!(%error, "dial failed");
                    count(&self.shared.counters.dials_failed);
                    self.dialer.failed(now, target);
                }
            }
        }
    }

    fn publish_addrs(&self) {
        let me = self.shared.me.to_libp2p();
        let dialable: HashSet<String> = self
            .swarm
            .listeners()
            .filter(|addr| address::is_dialable(addr))
            .map(|addr| {
                addr.clone()
                    .with_p2p(me)
                    .unwrap_or_else(|addr| addr)
                    .to_string()
            })
            .collect();
        let mut addrs: Vec<String> = dialable.into_iter().collect();
        // Addresses that others can use first, for those who take only the first.
        addrs.sort_by_key(|text| {
            (
                text.parse().is_ok_and(|addr| address::is_loopback(&addr)),
                text.clone(),
            )
        });
        self.shared.set_addrs(addrs);
    }

    fn now(&mut self) -> Moment {
        self.elapsed.at(self.shared.runtime.now())
    }
}

/// Keeps one exchange stream open to a member for as long as it is connected.
async fn keep_open(shared: Arc<Shared>, mut control: Control, remote: Remote) {
    let peer = remote.peer;
    let (first, longest) = REOPEN_BACKOFF;
    let mut backoff = first;
    loop {
        match timeout(
            HANDSHAKE_TIMEOUT,
            control.open_stream(peer.to_libp2p(), EXCHANGE),
        )
        .await
        {
            Ok(Ok(stream)) => {
                let began = shared.runtime.now();
                match session::run(&shared, remote, stream, Side::Opener).await {
                    // A goodbye, or this node stops: the connection is about to end.
                    Ok(()) => return,
                    Err(error) => {
                        debug!(%peer, error = &error as &dyn std::error::Error, "exchange stream ended");
                    }
                }
                if shared.runtime.now().saturating_since(began) > longest {
                    backoff = first;
                }
            }
            Ok(Err(error)) => debug!(%peer, %error, "no exchange stream"),
            Err(_) => debug!(%peer, "no exchange stream in time"),
        }
        shared.runtime.sleep(backoff).await;
        backoff = (backoff * 2).min(longest);
    }
}

/// Returns `wanted` with the port of `bound` in place of port 0.
fn with_port_of(wanted: &Multiaddr, bound: &Multiaddr) -> Multiaddr {
    let port = bound.iter().find_map(|part| match part {
        Protocol::Tcp(port) => Some(port),
        _ => None,
    });
    wanted
        .iter()
        .map(|part| match (part, port) {
            (Protocol::Tcp(0), Some(port)) => Protocol::Tcp(port),
            (part, _) => part,
        })
        .collect()
}
