//! Settings given as flags. They are collected as texts, so that flags, variables and files are read by one parser.

use std::collections::BTreeMap;

use clap::Args;

/// Settings by name, as they were typed.
pub(crate) type Given = BTreeMap<String, String>;

/// Where things are: for commands that talk to the daemon or stand in for it.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Settings")]
#[expect(
    clippy::doc_markdown,
    reason = "this is the help, where variables and keys stand plain"
)]
pub(crate) struct PlaceFlags {
    /// Keep the database, and the socket unless told otherwise, here [env: CACHE_DIR] [default: ~/.cache/github_cli]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<String>,
    /// Keep identity, disk key and lock here [env: CACHE_STATE_DIR]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<String>,
    /// Path of the unix door [env: CACHE_SOCKET] [default: gh-mesh.sock in the cache directory]
    #[arg(long, value_name = "PATH")]
    socket: Option<String>,
    /// Ask this API, or HOST=ROOT for a further host (can be repeated) [env: CACHE_API_URL] [default:
    /// https://api.github.com]
    #[arg(long, value_name = "ROOT")]
    api_url: Vec<String>,
}

impl PlaceFlags {
    /// Returns what was given.
    pub(crate) fn given(&self) -> Given {
        let mut given = Given::new();
        one(&mut given, "DIR", self.cache_dir.as_ref());
        one(&mut given, "STATE_DIR", self.state_dir.as_ref());
        one(&mut given, "SOCKET", self.socket.as_ref());
        many(&mut given, "API_URL", &self.api_url);
        given
    }
}

/// Everything that can be set by flag.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Settings")]
#[expect(
    clippy::doc_markdown,
    reason = "this is the help, where variables and keys stand plain"
)]
pub(crate) struct SettingFlags {
    #[command(flatten)]
    places: PlaceFlags,
    /// Share with the fleet [env: CACHE_ENABLE_P2P] [default: true]
    #[arg(long, value_name = "BOOL")]
    p2p: Option<String>,
    /// Whether a stored body may serve another credential: token (never) or proved [env: CACHE_SHARE] [default: proved]
    #[arg(long, value_name = "HOW")]
    share: Option<String>,
    /// Listen for the fleet on this TCP port; 0 takes any [env: CACHE_LISTEN_PORT] [default: 9000, else the next free]
    #[arg(long, value_name = "PORT")]
    p2p_port: Option<String>,
    /// Listen for the fleet on this multiaddr instead (can be repeated) [env: CACHE_P2P_LISTEN]
    #[arg(long, value_name = "MULTIADDR")]
    p2p_listen: Vec<String>,
    /// Begin with this member of the fleet (can be repeated) [env: CACHE_BOOTSTRAP_PEERS]
    #[arg(long, value_name = "MULTIADDR")]
    bootstrap: Vec<String>,
    /// Find members on the local network [env: CACHE_MDNS] [default: true]
    #[arg(long, value_name = "BOOL")]
    mdns: Option<String>,
    /// Take what nothing else is said of for fresh this long [env: CACHE_DEFAULT_TTL] [default: 60, and while one
    /// request revalidates it, 300]
    #[arg(long, value_name = "SECONDS")]
    default_ttl: Option<String>,
    /// Serve nothing older without revalidation [env: CACHE_MAX_AGE]
    #[arg(long, value_name = "SECONDS")]
    max_age: Option<String>,
    /// Stand in for a failing GitHub with answers up to this old [env: CACHE_STALE_IF_ERROR] [default: 86400]
    #[arg(long, value_name = "SECONDS")]
    stale_if_error: Option<String>,
    /// Keep this many entries in memory, and twenty times as many on disk [env: CACHE_MAX_SIZE] [default: 1000]
    #[arg(long, value_name = "N")]
    max_entries: Option<String>,
    /// Keep this much on disk [env: CACHE_MAX_BYTES] [default: 512MiB]
    #[arg(long, value_name = "SIZE")]
    max_bytes: Option<String>,
    /// Open the HTTP door here, or `off` (can be repeated) [env: CACHE_HTTP_LISTEN] [default: 127.0.0.1:9180 and
    /// [::1]:9180]
    #[arg(long, value_name = "ADDRESS")]
    http: Vec<String>,
    /// Serve requests that name this host, too; needed beyond loopback (can be repeated) [env: CACHE_HTTP_ALLOW_HOSTS]
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,
}

impl SettingFlags {
    /// Returns what was given.
    pub(crate) fn given(&self) -> Given {
        let mut given = self.places.given();
        for (name, value) in [
            ("ENABLE_P2P", &self.p2p),
            ("SHARE", &self.share),
            ("LISTEN_PORT", &self.p2p_port),
            ("MDNS", &self.mdns),
            ("DEFAULT_TTL", &self.default_ttl),
            ("MAX_AGE", &self.max_age),
            ("STALE_IF_ERROR", &self.stale_if_error),
            ("MAX_SIZE", &self.max_entries),
            ("MAX_BYTES", &self.max_bytes),
        ] {
            one(&mut given, name, value.as_ref());
        }
        for (name, values) in [
            ("P2P_LISTEN", &self.p2p_listen),
            ("BOOTSTRAP_PEERS", &self.bootstrap),
            ("HTTP_LISTEN", &self.http),
            ("HTTP_ALLOW_HOSTS", &self.allow_host),
        ] {
            many(&mut given, name, values);
        }
        given
    }
}

fn one(given: &mut Given, name: &str, value: Option<&String>) {
    if let Some(value) = value {
        given.insert(name.to_owned(), value.clone());
    }
}

fn many(given: &mut Given, name: &str, values: &[String]) {
    if !values.is_empty() {
        given.insert(name.to_owned(), values.join(","));
    }
}

/// Returns the flag of a setting, as it is typed.
pub(crate) fn flag_of(name: &str) -> String {
    let flag = match name {
        "ENABLE_P2P" => "p2p".to_owned(),
        "LISTEN_PORT" => "p2p-port".to_owned(),
        "BOOTSTRAP_PEERS" => "bootstrap".to_owned(),
        "DIR" => "cache-dir".to_owned(),
        "MAX_SIZE" => "max-entries".to_owned(),
        "HTTP_LISTEN" => "http".to_owned(),
        "HTTP_ALLOW_HOSTS" => "allow-host".to_owned(),
        other => other.to_ascii_lowercase().replace('_', "-"),
    };
    format!("--{flag}")
}
