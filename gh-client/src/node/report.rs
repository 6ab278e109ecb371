//! What a node says of itself, in the fields that `stats`, `peers` and `id` print.

use serde::Serialize;

use super::Node;
use crate::limits::Budget;

/// A node's name and where it can be dialed.
#[derive(Clone, Debug, Serialize)]
pub struct NodeId {
    /// The libp2p peer id.
    pub peer_id: String,
    /// Dialable multiaddrs, each ending in `/p2p/…`. Empty without a fleet.
    pub addrs: Vec<String>,
}

/// A connected member of the fleet.
#[derive(Clone, Debug, Serialize)]
pub struct Peer {
    /// Its libp2p peer id.
    pub peer_id: String,
    /// Where it says that it can be dialed.
    pub addrs: Vec<String>,
    /// The last measured round trip in milliseconds.
    pub rtt_ms: Option<f64>,
    /// What it calls itself.
    pub agent: String,
    /// Since when it is connected, in seconds since the Unix epoch.
    pub since: u64,
}

/// What a node did since it started, and what it holds.
#[derive(Clone, Debug, Serialize)]
#[expect(
    missing_docs,
    reason = "the names are those of the documented JSON fields"
)]
pub struct NodeStats {
    pub version: &'static str,
    pub total_requests: u64,
    pub hits: u64,
    pub local_hits: u64,
    pub peer_hits: u64,
    pub collapsed: u64,
    pub revalidated: u64,
    pub proved: u64,
    pub misses: u64,
    pub stale_served: u64,
    pub bypassed: u64,
    pub failed: u64,
    pub hit_rate: f64,
    pub api_calls_made: u64,
    pub api_calls_charged: u64,
    pub api_calls_saved: u64,
    pub entries: u64,
    pub max_entries: u64,
    pub bytes: u64,
    pub disk_entries: u64,
    pub disk_bytes: u64,
    pub evictions: u64,
    pub expirations: u64,
    pub p2p_enabled: bool,
    pub peer_id: String,
    pub connected_peers: usize,
    pub listen_addrs: Vec<String>,
    /// Handshakes that failed because the other side has another fleet secret.
    pub wrong_secret: u64,
    pub cache_dir: String,
    pub rate_limits: Vec<RateLimit>,
}

/// One budget, as GitHub stated it last.
#[derive(Clone, Debug, Serialize)]
pub struct RateLimit {
    /// Whose: the start of a keyed hash of the credential, or `anonymous`.
    pub audience: String,
    /// The resource: `core`, `search`, `graphql`, …
    pub resource: String,
    /// Requests allowed in the window.
    pub limit: u64,
    /// Requests left in it.
    pub remaining: u64,
    /// When it ends, in seconds since the Unix epoch.
    pub reset: u64,
}

impl Node {
    /// Returns this node's name and addresses.
    pub fn identity(&self) -> NodeId {
        NodeId {
            peer_id: self.peer_id.clone(),
            addrs: self.listen_addrs(),
        }
    }

    /// Returns the members that are connected now.
    pub fn peers(&self) -> Vec<Peer> {
        let peers = self
            .mesh
            .as_ref()
            .map(|mesh| mesh.peers())
            .unwrap_or_default();
        peers
            .into_iter()
            .map(|peer| Peer {
                peer_id: peer.peer_id.to_string(),
                addrs: peer.addrs,
                rtt_ms: peer.rtt.map(|rtt| rtt.as_secs_f64() * 1000.0),
                agent: peer.agent,
                since: peer.since.as_millis() / 1000,
            })
            .collect()
    }

    /// Returns what was done since the start, and what is held.
    pub async fn stats(&self) -> NodeStats {
        let stats = self.cache().stats();
        let disk = self.store_usage().await;
        NodeStats {
            version: env!("CARGO_PKG_VERSION"),
            total_requests: stats.total_requests(),
            hits: stats.hits(),
            local_hits: stats.local_hits,
            peer_hits: stats.peer_hits,
            collapsed: stats.collapsed,
            revalidated: stats.revalidated,
            proved: stats.proved,
            misses: stats.misses,
            stale_served: stats.stale_served,
            bypassed: stats.bypassed,
            failed: stats.failed,
            hit_rate: stats.hit_rate(),
            api_calls_made: stats.api_calls_made,
            api_calls_charged: stats.api_calls_charged,
            api_calls_saved: stats.api_calls_saved(),
            entries: stats.n_entries,
            max_entries: self.settings.max_entries as u64,
            bytes: stats.size_bytes,
            disk_entries: disk.n_entries,
            disk_bytes: disk.size_bytes,
            evictions: stats.evictions,
            expirations: stats.expirations,
            p2p_enabled: self.mesh.is_some(),
            peer_id: self.peer_id.clone(),
            connected_peers: self.mesh.as_ref().map_or(0, |mesh| mesh.peers().len()),
            listen_addrs: self.listen_addrs(),
            wrong_secret: self
                .mesh
                .as_ref()
                .map_or(0, |mesh| mesh.metrics().wrong_secret),
            cache_dir: self.settings.cache_dir.display().to_string(),
            rate_limits: self
                .service
                .budgets()
                .into_iter()
                .map(|(whose, budget)| rate_limit(whose, budget))
                .collect(),
        }
    }

    fn listen_addrs(&self) -> Vec<String> {
        self.mesh
            .as_ref()
            .map(|mesh| mesh.addrs())
            .unwrap_or_default()
    }
}

fn rate_limit(whose: cache_core::Audience, budget: Budget) -> RateLimit {
    let Budget {
        resource,
        limit,
        remaining,
        reset,
    } = budget;
    RateLimit {
        audience: whose.to_string(),
        resource,
        limit,
        remaining,
        reset,
    }
}
