//! Settings: flag over environment over file over default, each remembering where it came from.
//!
//! Every setting has one name, such as `DEFAULT_TTL`. The environment spells it `GH_MESH_DEFAULT_TTL` or
//! `CACHE_DEFAULT_TTL` (the first wins), a settings file `default_ttl`, a flag `--default-ttl`.

mod read;
mod secret;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use secret::{FleetSecret, Secret};

use crate::share::Share;
use crate::upstream::ApiRoot;
use read::Reader;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// Nobody said anything.
    Default,
    /// A line of a settings file.
    File(PathBuf),
    /// A variable of the environment.
    Environment(String),
    /// A flag of the command line.
    Flag(String),
}

/// One setting as `config` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its name, without prefix.
    pub name: &'static str,
    /// Its value; `(set)` for a secret.
    pub value: String,
    /// Where it came from.
    pub provenance: Provenance,
}

/// What was said, by source. Later sources win nothing over earlier ones: flags, then environment, then file.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Flags, by setting name (`DEFAULT_TTL`).
    pub flags: BTreeMap<String, String>,
    /// The environment, by variable name.
    pub environment: BTreeMap<String, String>,
    /// A settings file, by setting name, and its path.
    pub file: Option<(PathBuf, BTreeMap<String, String>)>,
}

impl Sources {
    /// Returns the environment of this process and nothing else. Variables that are not Unicode are left out.
    pub fn from_environment() -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self {
            environment,
            ..Self::default()
        }
    }
}

/// Why a setting cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given_as} is {value:?}, which is not {wanted}")]
pub struct SettingError {
    /// The flag, variable or line that holds it.
    pub given_as: String,
    /// What it holds; `(secret)` for a secret.
    pub value: String,
    /// What it should be.
    pub wanted: String,
}

/// A port, and whether somebody asked for just this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// The port; 0 for any.
    pub number: u16,
    /// Whether it was set: then another will not do.
    pub is_given: bool,
}

/// Where the HTTP door listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpListen {
    /// Nowhere.
    Off,
    /// On `127.0.0.1:9180` and `[::1]:9180`, as far as this machine has them.
    Default,
    /// On these addresses.
    Given(Vec<SocketAddr>),
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// All settings, read once and never changed.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `ENABLE_P2P`: share with the fleet.
    pub enable_p2p: bool,
    /// `LISTEN_PORT`: the libp2p TCP port on all interfaces.
    pub p2p_port: Port,
    /// `P2P_LISTEN`: multiaddrs to listen on in place of the port.
    pub p2p_listen: Vec<String>,
    /// `BOOTSTRAP_PEERS`: multiaddrs of members to begin with.
    pub bootstrap_peers: Vec<String>,
    /// `MDNS`: find members on the local network.
    pub mdns: bool,
    /// What makes the fleet's keys.
    pub fleet_secret: FleetSecret,
    /// `SHARE`: whom a stored body may serve beside its own credential.
    pub share: Share,
    /// `DEFAULT_TTL`: freshness lifetime of what is not named, if somebody set it.
    pub default_ttl: Option<Duration>,
    /// `MAX_AGE`: nothing older is served without revalidation.
    pub max_age: Option<Duration>,
    /// `STALE_IF_ERROR`.
    pub stale_if_error: Duration,
    /// `DIR`: database and socket.
    pub cache_dir: PathBuf,
    /// `STATE_DIR`: identity, disk key, lock.
    pub state_dir: PathBuf,
    /// `MAX_SIZE`: entries in memory.
    pub max_entries: usize,
    /// `MAX_BYTES`: bytes on disk.
    pub max_disk_bytes: u64,
    /// `SOCKET`: the unix door.
    pub socket: PathBuf,
    /// `HTTP_LISTEN`.
    pub http_listen: HttpListen,
    /// `HTTP_ALLOW_HOSTS`: further `Host` names of the HTTP door.
    pub http_allow_hosts: Vec<String>,
    /// `API_URL`: the APIs to ask, by the host that clients name.
    pub api_roots: Vec<ApiRoot>,
    /// `CA_FILE`: further certificates to trust.
    pub ca_file: Option<PathBuf>,
    /// `LOG`: a tracing filter.
    pub log: String,
    /// `LOG_FORMAT`.
    pub log_format: LogFormat,
    /// The API host that requests go to which name none: that of `GH_HOST` where there is a root for it.
    pub host: String,
    /// The token of this process for [`host`](Self::host), from the environment as `gh` reads it.
    pub token: Option<Secret>,
    shown: Vec<Shown>,
}

impl Settings {
    /// Reads all settings. `fallback_token` is asked for a token when the environment has none (`gh auth token`).
    pub fn resolve(
        sources: &Sources,
        fallback_token: impl FnOnce() -> Option<Secret>,
    ) -> Result<Self, SettingError> {
        let mut reader = Reader::new(sources);
        let home = sources
            .environment
            .get("HOME")
            .map_or_else(|| PathBuf::from("/"), PathBuf::from);
        let cache_dir = reader
            .path("DIR")
            .unwrap_or_else(|| home.join(".cache/github_cli"));
        reader.show("DIR", cache_dir.display().to_string());
        let state_dir = match reader.path("STATE_DIR") {
            Some(given) => given,
            None => default_state_dir(sources, &home, &cache_dir),
        };
        reader.show("STATE_DIR", state_dir.display().to_string());
        let socket = reader
            .path("SOCKET")
            .unwrap_or_else(|| cache_dir.join("gh-mesh.sock"));
        reader.show("SOCKET", socket.display().to_string());
        let api_roots = reader.list(
            "API_URL",
            "an API root such as https://api.github.com or HOST=ROOT",
            |given| ApiRoot::parse(given).map_err(|error| error.to_string()),
        )?;
        let api_roots = with_github(api_roots);
        let host = secret::host(sources, &api_roots);
        let token = secret::token(sources, &host).or_else(fallback_token);
        let fleet_secret = secret::fleet_secret(sources, token.as_ref())?;
        reader.show("P2P_SHARED_SECRET", fleet_secret.shown().to_owned());
        Ok(Self {
            enable_p2p: reader.boolean("ENABLE_P2P", true)?,
            p2p_port: Port {
                is_given: reader.is_given("LISTEN_PORT"),
                number: reader.number("LISTEN_PORT", 9000)?,
            },
            p2p_listen: reader.texts("P2P_LISTEN"),
            bootstrap_peers: reader.texts("BOOTSTRAP_PEERS"),
            mdns: reader.boolean("MDNS", true)?,
            fleet_secret,
            share: reader.share()?,
            default_ttl: reader.duration("DEFAULT_TTL")?,
            max_age: reader.duration("MAX_AGE")?,
            stale_if_error: reader
                .duration("STALE_IF_ERROR")?
                .unwrap_or(Duration::from_secs(86_400)),
            cache_dir,
            state_dir,
            max_entries: reader.number("MAX_SIZE", 1000)?,
            max_disk_bytes: reader.bytes("MAX_BYTES", 512 << 20)?,
            socket,
            http_listen: reader.http_listen()?,
            http_allow_hosts: reader.texts("HTTP_ALLOW_HOSTS"),
            api_roots,
            ca_file: reader.path("CA_FILE"),
            log: reader.text("LOG").unwrap_or_else(|| "info".to_owned()),
            log_format: reader.log_format()?,
            host,
            token,
            shown: reader.into_shown(),
        })
    }

    /// Returns every setting with its value and where it came from, by name.
    pub fn shown(&self) -> &[Shown] {
        &self.shown
    }

    /// Returns the hosts whose requests may be answered from the cache.
    pub fn api_hosts(&self) -> Vec<String> {
        self.api_roots
            .iter()
            .map(|root| root.host.clone())
            .collect()
    }
}

fn with_github(mut roots: Vec<ApiRoot>) -> Vec<ApiRoot> {
    if !roots.iter().any(|root| root.host == ApiRoot::GITHUB) {
        roots.insert(
            0,
            ApiRoot::parse("https://api.github.com").expect("GitHub's own root is one"),
        );
    }
    roots
}

/// Returns a directory that belongs to `cache_dir` but lies outside it: what names this node must not travel in images
/// and copies of the cache.
fn default_state_dir(
    sources: &Sources,
    home: &std::path::Path,
    cache_dir: &std::path::Path,
) -> PathBuf {
    use sha2::{Digest, Sha256};
    use std::os::unix::ffi::OsStrExt as _;
    let absolute = std::path::absolute(cache_dir).unwrap_or_else(|_| cache_dir.to_owned());
    let digest: [u8; 32] = Sha256::digest(absolute.as_os_str().as_bytes()).into();
    let base = match sources.environment.get("XDG_STATE_HOME") {
        Some(given) if given.starts_with('/') => PathBuf::from(given),
        _ => home.join(".local/state"),
    };
    base.join("gh-mesh").join(crate::etag::hex(&digest[..8]))
}

#[cfg(test)]
mod tests;
