//! A node: everything wired as the settings say.

mod report;

use std::path::PathBuf;
use std::sync::Arc;

use cache_core::port::{NoPeers, NoStore, Peers, Runtime, Store, StoreUsage};
use cache_core::{Cache, CacheConfig, Ports};
use cache_crypto::{FleetKeys, FleetSealer, Identity, RowKey};
use cache_p2p::{Listen, Mesh, MeshConfig, PeerId, StartError};
use cache_store::{RowSealer, SqliteStore, StoreConfig};
use tower::Layer as _;

use crate::layer::CacheLayer;
use crate::policy::PolicyConfig;
use crate::runtime::TokioRuntime;
use crate::service::{CacheService, ServiceConfig};
use crate::settings::{FleetSecret, Settings};
use crate::state::{Key, StateDir, StateError, StateLock};
use crate::upstream::{Upstream, UpstreamConfig, UpstreamError};

pub use report::{NodeId, NodeStats, Peer};

/// File of the ed25519 seed in the state directory.
const IDENTITY: &str = "identity";
/// File of the key that rows on disk are sealed with.
const DISK_KEY: &str = "disk.key";
/// The disk holds this many times the entries of the memory.
const DISK_FACTOR: u64 = 20;

/// Why a node could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The state directory cannot be used.
    #[error("the state directory cannot be used")]
    State(#[from] StateError),
    /// The fleet's part cannot start.
    #[error("the fleet's part cannot start")]
    Mesh(#[from] StartError),
    /// The way out cannot be opened.
    #[error("the way to GitHub cannot be opened")]
    Upstream(#[from] UpstreamError),
    /// The CA file cannot be read.
    #[error("cannot read {}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The fleet's keys cannot be made.
    #[error("the fleet's keys cannot be made")]
    Keys(#[from] cache_crypto::KeyError),
}

/// A node, wired: cache, disk, fleet and the way to GitHub.
pub struct Node {
    service: CacheService,
    mesh: Option<Arc<Mesh>>,
    store: Arc<dyn Store>,
    peer_id: String,
    settings: Settings,
    warnings: Vec<String>,
    /// Held to the end: identity, ports and sockets are this process's own.
    _lock: Option<StateLock>,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node")
            .field("peer_id", &self.peer_id)
            .finish_non_exhaustive()
    }
}

impl Node {
    /// Starts a node that serves: takes the state directory's lock, opens the disk, and the fleet as the settings say.
    ///
    /// Runs in the tokio runtime that it is called in.
    pub async fn start(settings: &Settings) -> Result<Self, NodeError> {
        let state = StateDir::open(&settings.state_dir)?;
        let lock = state.lock()?;
        let seed = state.key(IDENTITY, || Identity::generate().seed())?;
        let disk_key = state.key(DISK_KEY, RowKey::generate)?;
        let runtime: Arc<dyn Runtime> = Arc::new(TokioRuntime);
        let mut warnings = Vec::new();
        let keys = fleet_keys(settings, &disk_key, &mut warnings).await?;
        let store = open_store(settings, &disk_key, &runtime, &mut warnings).await;
        let mesh = start_mesh(settings, &keys, &seed, &runtime, &mut warnings).await?;
        let peers: Arc<dyn Peers> = match &mesh {
            Some(mesh) => Arc::clone(mesh) as Arc<dyn Peers>,
            None => Arc::new(NoPeers),
        };
        let service = wire(settings, keys, &seed, Arc::clone(&store), peers, runtime)?;
        Ok(Self {
            service,
            mesh,
            store,
            peer_id: PeerId::of_seed(*seed).to_string(),
            settings: settings.clone(),
            warnings,
            _lock: Some(lock),
        })
    }

    /// Returns a node for one command: in memory, without a lock and without the fleet.
    #[expect(
        clippy::unused_async,
        reason = "as `start`, so that a command can take either"
    )]
    pub async fn in_process(settings: &Settings) -> Result<Self, NodeError> {
        let store: Arc<dyn Store> = Arc::new(NoStore);
        let seed = Identity::generate().seed();
        let runtime = Arc::new(TokioRuntime);
        let keys = Arc::new(FleetKeys::local());
        let service = wire(
            settings,
            keys,
            &seed,
            Arc::clone(&store),
            Arc::new(NoPeers),
            runtime,
        )?;
        Ok(Self {
            service,
            mesh: None,
            store,
            peer_id: PeerId::of_seed(*seed).to_string(),
            settings: settings.clone(),
            warnings: Vec::new(),
            _lock: None,
        })
    }

    /// Returns the name that this machine's node has in the fleet, running or not; makes its identity on first use.
    pub fn peer_id_of(settings: &Settings) -> Result<String, NodeError> {
        let seed =
            StateDir::open(&settings.state_dir)?.key(IDENTITY, || Identity::generate().seed())?;
        Ok(PeerId::of_seed(*seed).to_string())
    }

    /// Returns the service that all doors lead to.
    pub fn service(&self) -> CacheService {
        self.service.clone()
    }

    /// Returns the cache.
    pub fn cache(&self) -> &Cache {
        self.service.cache()
    }

    /// Returns what to tell the operator once: what does not work as it could, and what to do.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Waits until exactly `n_peers` other members are connected. Never ends without a fleet, but for 0.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn wait_for_peers(&self, n_peers: usize) {
        match &self.mesh {
            Some(mesh) => mesh.wait_for_peers(n_peers).await,
            None if n_peers == 0 => {}
            None => std::future::pending().await,
        }
    }

    /// Leaves the fleet and writes what is queued for the disk. Bounded in time.
    pub async fn shutdown(&self) {
        if let Some(mesh) = &self.mesh {
            mesh.shutdown().await;
        }
        if let Err(error) = self.store.flush().await {
            tracing::warn!(
                error = error.chain(),
                "what was queued for the disk could not be written"
            );
        }
    }

    async fn store_usage(&self) -> StoreUsage {
        // A disk that cannot be counted is reported by every other use of it.
        self.store.usage().await.unwrap_or_default()
    }
}

/// Makes the fleet's keys, or this node's own where there is no fleet. 0.1 s of computation, off the runtime's threads.
async fn fleet_keys(
    settings: &Settings,
    disk_key: &Key,
    warnings: &mut Vec<String>,
) -> Result<Arc<FleetKeys>, NodeError> {
    let alone = match &settings.fleet_secret {
        _ if !settings.enable_p2p => None,
        FleetSecret::Explicit(_) | FleetSecret::Token(_) => None,
        FleetSecret::PerJobToken => {
            Some("the GitHub token is minted for one job and unites no two machines")
        }
        FleetSecret::ShortToken => {
            Some("the GitHub token is under 32 characters and could be guessed")
        }
        FleetSecret::None => Some("there is neither a fleet secret nor a GitHub token"),
    };
    if let Some(reason) = alone {
        warnings.push(format!(
            "this node is alone: {reason}; set CACHE_P2P_SHARED_SECRET (`gh-mesh keygen` makes one) to the same \
             value on every machine of the fleet"
        ));
    }
    let secret = settings
        .fleet_secret
        .secret()
        .filter(|_| settings.enable_p2p)
        .cloned();
    let local = disk_key.clone();
    let made = tokio::task::spawn_blocking(move || match secret {
        Some(secret) => FleetKeys::from_secret(secret.expose()),
        // From the disk's key, so that audiences, and with them the entries on disk, stand over restarts.
        None => Ok(FleetKeys::local_from_root(&local)),
    });
    let keys = made
        .await
        .expect("deriving keys does not panic, and the runtime is not shutting down")?;
    Ok(Arc::new(keys))
}

async fn open_store(
    settings: &Settings,
    disk_key: &Key,
    runtime: &Arc<dyn Runtime>,
    warnings: &mut Vec<String>,
) -> Arc<dyn Store> {
    let config = StoreConfig {
        max_entries: (settings.max_entries as u64).saturating_mul(DISK_FACTOR),
        max_bytes: settings.max_disk_bytes,
        ..StoreConfig::new(&settings.cache_dir)
    };
    let sealer: Arc<dyn RowSealer> = Arc::new(DiskSealer(RowKey::new(disk_key)));
    let runtime = Arc::clone(runtime);
    let opened = tokio::task::spawn_blocking(move || SqliteStore::open(config, sealer, runtime));
    match opened
        .await
        .expect("opening a store does not panic, and the runtime is not shutting down")
    {
        Ok(store) => {
            if let Some(aside) = store.set_aside() {
                warnings.push(aside.to_string());
            }
            Arc::new(store)
        }
        Err(error) => {
            let mut reason = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                reason = format!("{reason}: {error}");
                cause = error.source();
            }
            warnings.push(format!("nothing is kept on disk, memory only: {reason}"));
            Arc::new(NoStore)
        }
    }
}

async fn start_mesh(
    settings: &Settings,
    keys: &FleetKeys,
    seed: &Key,
    runtime: &Arc<dyn Runtime>,
    warnings: &mut Vec<String>,
) -> Result<Option<Arc<Mesh>>, NodeError> {
    if !keys.is_fleet() {
        return Ok(None);
    }
    let port = settings.p2p_port;
    let mut config = MeshConfig::new(**seed, *keys.noise_prologue());
    config.listen = if !settings.p2p_listen.is_empty() {
        Listen::Addrs(settings.p2p_listen.clone())
    } else if port.is_given {
        Listen::Port(port.number)
    } else {
        Listen::PortOrNext(port.number)
    };
    config.bootstrap.clone_from(&settings.bootstrap_peers);
    config.mdns = settings.mdns;
    let mesh = Mesh::start(config, Arc::clone(runtime)).await?;
    let wanted = format!("/tcp/{}/", port.number);
    if settings.p2p_listen.is_empty()
        && !port.is_given
        && !mesh.addrs().iter().any(|addr| addr.contains(&wanted))
    {
        warnings.push(format!(
            "port {} is taken, so the fleet finds this node on the next free one",
            port.number
        ));
    }
    Ok(Some(Arc::new(mesh)))
}

fn wire(
    settings: &Settings,
    keys: Arc<FleetKeys>,
    seed: &Key,
    store: Arc<dyn Store>,
    peers: Arc<dyn Peers>,
    runtime: Arc<dyn Runtime>,
) -> Result<CacheService, NodeError> {
    let sealer = Arc::new(FleetSealer::new(
        keys,
        Identity::from_seed(seed),
        runtime.now(),
    ));
    let cache = Cache::new(
        CacheConfig {
            max_entries: settings.max_entries,
            ..CacheConfig::default()
        },
        Ports {
            store,
            peers,
            sealer,
            runtime,
        },
    );
    let upstream = Upstream::new(upstream_config(settings)?)?;
    let config = ServiceConfig {
        api_hosts: settings.api_hosts(),
        policy: PolicyConfig {
            default_ttl: settings.default_ttl,
            max_age: settings.max_age,
            stale_if_error: settings.stale_if_error,
        },
        share: settings.share,
    };
    Ok(CacheLayer::new(cache, config).layer(upstream))
}

fn upstream_config(settings: &Settings) -> Result<UpstreamConfig, NodeError> {
    let ca_pem = match &settings.ca_file {
        None => None,
        Some(path) => Some(std::fs::read(path).map_err(|source| NodeError::CaFile {
            path: path.clone(),
            source,
        })?),
    };
    Ok(UpstreamConfig {
        roots: settings.api_roots.clone(),
        ca_pem,
        ..UpstreamConfig::default()
    })
}

/// The disk's key as the store wants it.
struct DiskSealer(RowKey);

impl RowSealer for DiskSealer {
    fn seal(&self, row_identity: &[u8], plain: &[u8]) -> Vec<u8> {
        self.0.seal(row_identity, plain)
    }

    fn open(&self, row_identity: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.open(row_identity, sealed)
    }

    fn name(&self, what: &[u8]) -> [u8; 32] {
        self.0.name(what)
    }
}
