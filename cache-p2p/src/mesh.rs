//! One member of the fleet: the face of this crate.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use cache_core::port::{Ask, Lease, LeaseKey, Peers, Runtime, Sealed, Settled, Verdict, WireKey};
use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use libp2p::Multiaddr;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tracing::{error, warn};

use crate::asks::{AloneReason, Completion};
use crate::defaults::{GOODBYE_TIMEOUT, MAX_ASKS, RESTART_BACKOFF};
use crate::message::{AskId, Outcome};
use crate::metrics::count;
use crate::network::{Command, Network};
use crate::shared::{NewAsk, Shared};
use crate::{MeshConfig, MeshMetrics, PeerId, PeerInfo, StartError, address, swarm};

/// Commands that wait for the network task.
const COMMANDS: usize = 64;

/// One member of the fleet.
///
/// Dropping it ends its tasks at once, and others notice by the closed connections; [`Mesh::shutdown`] also gives
/// leases back.
pub struct Mesh {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
    leases: mpsc::Sender<HeldLease>,
    tasks: JoinHandle<()>,
}

/// A lease that the cache holds, and by which its outcome comes.
type HeldLease = (AskId, oneshot::Receiver<Settled>);

impl Mesh {
    /// Starts a member, and returns when it listens. It works alone until it finds others.
    ///
    /// Runs in the tokio runtime that it is called in; `runtime` gives the time.
    pub async fn start(config: MeshConfig, runtime: Arc<dyn Runtime>) -> Result<Self, StartError> {
        let me = swarm::identity(config.identity_seed).public().to_peer_id();
        let me = PeerId::from_libp2p(&me).expect("the key of an ed25519 seed is an ed25519 key");
        let listen = address::resolve(&config.listen)?;
        let (commands, command_queue) = mpsc::channel(COMMANDS);
        let (leases, lease_queue) = mpsc::channel(MAX_ASKS);
        let shared = Arc::new(Shared::new(&config, me, runtime, commands.clone()));
        let mut network = Network::bind(&config, listen, Arc::clone(&shared))?;
        let listen = network.listening().await;
        let tasks = run(
            config,
            network,
            listen,
            Arc::clone(&shared),
            command_queue,
            lease_queue,
        );
        Ok(Self {
            shared,
            commands,
            leases,
            tasks: tokio::spawn(tasks),
        })
    }

    /// Returns this member's name.
    pub fn peer_id(&self) -> PeerId {
        self.shared.me
    }

    /// Returns where this member can be dialed, each address ending in `/p2p/…`, those of other machines' use first.
    pub fn addrs(&self) -> Vec<String> {
        self.shared.addrs()
    }

    /// Returns the other members that are connected now, in the order of their names.
    pub fn peers(&self) -> Vec<PeerInfo> {
        self.shared.peers()
    }

    /// Returns what was counted since the start.
    pub fn metrics(&self) -> MeshMetrics {
        self.shared.metrics()
    }

    /// Returns the member that this one regards as the owner of `key` now.
    pub fn owner_of(&self, key: &WireKey) -> PeerId {
        self.shared.owner(key)
    }

    /// Waits until exactly `n_peers` other members are connected.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn wait_for_peers(&self, n_peers: usize) {
        // The sender lives as long as `self`, so this cannot fail.
        let _ = self.shared.members().wait_for(|n| *n == n_peers).await;
    }

    /// Gives leases back, says goodbye, so that others notice at once, and ends.
    ///
    /// Bounded in time. Asks under way, and those that still come, are left to themselves.
    pub async fn shutdown(&self) {
        let (done, ended) = oneshot::channel();
        let told = async {
            if self.commands.send(Command::Shutdown(done)).await.is_ok() {
                let _ = ended.await;
            }
        };
        // Twice the time that the network task allows itself: it may be between two lives.
        let _ = tokio::time::timeout(GOODBYE_TIMEOUT * 2, told).await;
        self.shared.stop();
        self.tasks.abort();
    }

    fn alone(&self, reason: AloneReason) -> Verdict {
        self.shared.counters.alone(reason);
        Verdict::Alone
    }
}

impl std::fmt::Debug for Mesh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mesh")
            .field("peer_id", &self.shared.me)
            .finish_non_exhaustive()
    }
}

impl Drop for Mesh {
    fn drop(&mut self) {
        self.shared.stop();
        self.tasks.abort();
    }
}

#[async_trait]
impl Peers for Mesh {
    async fn ask(&self, ask: Ask) -> Verdict {
        let counters = &self.shared.counters;
        let pending = match self.shared.ask(&ask) {
            NewAsk::Pending(pending) => pending,
            NewAsk::Found(sealed) => {
                count(&counters.found);
                return Verdict::Found(sealed);
            }
            NewAsk::Alone(reason) => return self.alone(reason),
        };
        let (id, completion) = pending.completed().await;
        match completion {
            Completion::Found(sealed) => {
                count(&counters.found);
                Verdict::Found(sealed)
            }
            Completion::Granted => {
                let (lease, settled) = Lease::new();
                if self.leases.try_send((id, settled)).is_err() {
                    self.shared.withdraw(id);
                    return self.alone(AloneReason::TooMany);
                }
                count(&counters.granted);
                Verdict::Granted(lease)
            }
            Completion::Told(outcome) => {
                let settled = match outcome {
                    Outcome::Entry(sealed) => Settled::Entry(sealed),
                    Outcome::EachForItself => Settled::EachForItself,
                    Outcome::Failed => Settled::Failed,
                    // No owner says this to those who wait.
                    Outcome::GivenBack => return self.alone(AloneReason::Told),
                };
                count(&counters.waited);
                Verdict::Waited(settled)
            }
            Completion::Alone(reason) => self.alone(reason),
        }
    }

    fn offer(&self, key: LeaseKey, sealed: Sealed) {
        self.shared.offer(key, sealed);
    }

    fn is_reachable(&self) -> bool {
        self.shared.is_reachable()
    }
}

/// All tasks of a member, in one: ends when the network is told to, or when it is aborted.
async fn run(
    config: MeshConfig,
    network: Network,
    listen: Vec<Multiaddr>,
    shared: Arc<Shared>,
    mut commands: mpsc::Receiver<Command>,
    leases: mpsc::Receiver<HeldLease>,
) {
    let supervised = supervise(&config, network, &listen, &shared, &mut commands);
    tokio::select! {
        () = supervised => {}
        () = again_after_panic(&shared, || shared.run_ticker()) => {}
        () = keep_leases(&shared, leases) => {}
    }
}

/// Runs the network, and starts it anew when it panics: the rest of the program must not notice more than being alone.
async fn supervise(
    config: &MeshConfig,
    network: Network,
    listen: &[Multiaddr],
    shared: &Arc<Shared>,
    commands: &mut mpsc::Receiver<Command>,
) {
    let (first, longest) = RESTART_BACKOFF;
    let mut backoff = first;
    let mut next = Some(network);
    loop {
        if let Some(network) = next.take() {
            let began = shared.runtime.now();
            // After a panic nothing that the network touched is looked at again: `reset` makes it anew.
            if let Ok(done) = AssertUnwindSafe(network.run(commands)).catch_unwind().await {
                let _ = done.send(());
                return;
            }
            error!("the network task panicked; it is started anew");
            count(&shared.counters.restarts);
            shared.reset();
            if shared.runtime.now().saturating_since(began) > longest {
                backoff = first;
            }
        }
        shared.runtime.sleep(backoff).await;
        backoff = (backoff * 2).min(longest);
        match Network::bind(config, listen.to_vec(), Arc::clone(shared)) {
            Ok(network) => next = Some(network),
            Err(error) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "the network task cannot start; trying again"
                );
            }
        }
    }
}

async fn again_after_panic<F: Future<Output = ()>>(shared: &Shared, start: impl Fn() -> F) {
    while AssertUnwindSafe(start()).catch_unwind().await.is_err() {
        error!("the timer panicked; it is started anew");
        count(&shared.counters.restarts);
        shared.reset();
        shared.runtime.sleep(RESTART_BACKOFF.0).await;
    }
}

/// Carries the outcome of each lease to the machine. A lease dropped unsettled has failed.
async fn keep_leases(shared: &Shared, mut leases: mpsc::Receiver<HeldLease>) {
    let mut held = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some((id, settled)) = held.next(), if !held.is_empty() => shared.settle(id, settled),
            Some((id, settled)) = leases.recv() => {
                held.push(async move { (id, settled.await.unwrap_or(Settled::Failed)) });
            }
            else => return,
        }
    }
}

#[cfg(test)]
mod tests;
