//! `gh-mesh serve`: the daemon.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cache_core::port::Runtime as _;
use gh_client::settings::{HttpListen, Settings};
use gh_client::{ApiRoot, Node, TokioRuntime};
use http::uri::Authority;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, watch};

use crate::asker::explain;
use crate::cli::Globals;
use crate::context::{self, TokenFrom};
use crate::daemon::{OWN_HOST, Server, StartedBy, setup_record};
use crate::doors::http::{BindHttpError, HttpConfig, HttpDoor, Listen, Pages};
use crate::doors::relay::Relay;
use crate::doors::rewrite::Roots;
use crate::doors::unix::{BindSocketError, RefusedPeers, UnixConfig, UnixDoor};
use crate::error::{CommandError, Ending, Outcome, OutcomeExt as _};
use crate::flags::SettingFlags;
use crate::idle::{Activity, idle};
use crate::output::Output;
use crate::own_pages::{self, Own, Served};

/// Requests in flight at a stop are given this long.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// What `serve --help` says.
const LONG_ABOUT: &str = "\
Serve the cache on a unix socket and on loopback HTTP, and share it with the fleet

Prints one line for every address that is open, then `ready`; everything else goes to stderr:

  unix /home/me/.cache/github_cli/gh-mesh.sock
  http http://127.0.0.1:9180
  p2p /ip4/192.0.2.7/tcp/9000/p2p/12D3KooW…
  ready

Point `gh` at the socket with `gh config set http_unix_socket PATH`, and clients that take a base URL at the HTTP \
address.

SIGTERM and SIGINT end it: nothing more is accepted, requests in flight get 10 seconds, the fleet is left, the socket \
is removed, and the exit code is 0. A second signal ends it at once, with 1.

Every setting is also a variable and a key of the settings file; `gh-mesh config` shows them. Secrets are never flags: \
CACHE_P2P_SHARED_SECRET, or the file that CACHE_P2P_SHARED_SECRET_FILE names, has the fleet's.";

/// Serve the cache on a unix socket and on loopback HTTP, and share it with the fleet
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(crate) struct Args {
    /// Who starts this daemon
    #[arg(long, hide = true, value_enum, default_value_t = StartedBy::Person)]
    started_by: StartedBy,
    /// Seconds without a request after which a daemon that a command started ends
    #[arg(
        long,
        hide = true,
        env = "CACHE_IDLE_TIMEOUT",
        default_value_t = 1800.0
    )]
    idle_timeout: f64,
    #[command(flatten)]
    settings: SettingFlags,
}

/// A person at a laptop is to see what GitHub has; revalidating is free.
const MAX_AGE_OF_A_COMMANDS_DAEMON: Duration = Duration::from_secs(5);

/// Runs the command until a signal ends it.
pub(crate) async fn run(globals: &Globals, args: &Args) -> Outcome {
    let is_own = args.started_by == StartedBy::Person;
    let token_from = if is_own {
        TokenFrom::EnvironmentOrGh
    } else {
        // Without a fleet there is nothing to use it for.
        TokenFrom::Environment
    };
    let mut settings = context::settings(globals, args.settings.given(), token_from, None)?;
    if !is_own {
        // Out of the terminal's session, so that closing it does not end the daemon. Fails where it is out already.
        let _ = rustix::process::setsid();
        settings.enable_p2p = false;
        settings.mdns = false;
        settings.http_listen = HttpListen::Off;
        settings.max_age.get_or_insert(MAX_AGE_OF_A_COMMANDS_DAEMON);
    }
    let idle_limit = match args.started_by {
        StartedBy::Command => Some(Duration::try_from_secs_f64(args.idle_timeout).map_err(
            |error| CommandError::new(Ending::Usage, error).aim("CACHE_IDLE_TIMEOUT is no time"),
        )?),
        StartedBy::Person | StartedBy::Systemd => None,
    };
    crate::logging::start(&settings.log, settings.log_format)?;
    let mut signals = Signals::listen()?;
    let node = Arc::new(
        Node::start(&settings)
            .await
            .aim(|| "could not start".to_owned())?,
    );
    for warning in node.warnings() {
        tracing::warn!("{warning}");
    }
    if !is_own {
        // Nothing relative is opened any more, and no file system is kept from being unmounted.
        std::env::set_current_dir("/")?;
    }
    let start = Start {
        by: args.started_by,
        idle_limit,
    };
    let served = serve(&settings, start, &node, &mut signals).await;
    tokio::select! {
        () = node.shutdown() => {}
        () = signals.next() => return Ok(Ending::Failed),
    }
    served
}

/// How this daemon came to be.
#[derive(Clone, Copy, Debug)]
struct Start {
    by: StartedBy,
    idle_limit: Option<Duration>,
}

async fn serve(
    settings: &Settings,
    start: Start,
    node: &Arc<Node>,
    signals: &mut Signals,
) -> Outcome {
    let doors = Doors::open(settings, start.by, node)
        .await
        .aim(|| "could not start".to_owned())?;
    let mut out = Output::stdout();
    for line in doors.addresses() {
        out.line(&line)?;
    }
    for addr in node.identity().addrs {
        out.line(&format!("p2p {addr}"))?;
    }
    out.line("ready")?;
    out.flush()?;
    let connections = doors.unix.connections();
    let own = Arc::new(Own {
        node: Arc::clone(node),
        refused: doors.unix.refused_peers(),
        server: server(settings, start, &doors),
        activity: Activity::new(),
        stop: Notify::new(),
    });
    let (stop, stopped) = watch::channel(());
    let mut serving = tokio::spawn(doors.serve(Served::new(Arc::clone(&own)), stopped));
    let idle = async {
        match start.idle_limit {
            Some(limit) => {
                let is_wanted = || setup_record(&settings.state_dir).exists();
                idle(&own.activity, &connections, limit, is_wanted).await;
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = signals.next() => {}
        () = own.stop.notified() => tracing::info!("a command asks this daemon to end"),
        () = idle => tracing::info!("nobody asked for anything"),
        ended = &mut serving => {
            ended.map_err(anyhow::Error::from).aim(|| "the doors closed".to_owned())?;
            return Err(CommandError::message(Ending::Failed, "the doors closed"));
        }
    }
    tracing::info!("stopping, requests in flight are finished");
    stop.send_replace(());
    tokio::select! {
        finished = tokio::time::timeout(DRAIN_LIMIT, &mut serving) => {
            if let Ok(ended) = finished {
                ended.map_err(anyhow::Error::from).aim(|| "the doors did not close well".to_owned())?;
            } else {
                serving.abort();
                tracing::warn!("requests did not finish in time and were ended");
            }
        }
        () = signals.next() => {
            serving.abort();
            return Ok(Ending::Failed);
        }
    }
    Ok(Ending::Done)
}

fn server(settings: &Settings, start: Start, doors: &Doors) -> Server {
    Server {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        started_by: start.by,
        since: TokioRuntime.now().as_millis() / 1000,
        socket: doors.unix.path().to_owned(),
        http: doors.http.iter().flat_map(HttpDoor::addresses).collect(),
        state_dir: settings.state_dir.clone(),
        idle_limit_s: start.idle_limit.map(|limit| limit.as_secs_f64()),
    }
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Outcome<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next signal.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no signal.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// All doors, open.
struct Doors {
    unix: UnixDoor,
    http: Option<HttpDoor>,
}

impl Doors {
    async fn open(settings: &Settings, by: StartedBy, node: &Arc<Node>) -> Outcome<Self> {
        let listen = match &settings.http_listen {
            HttpListen::Off => None,
            HttpListen::Default => Some(Listen::Default),
            HttpListen::Given(addresses) => Some(Listen::Given(addresses.clone())),
        };
        let api_hosts = settings
            .api_hosts()
            .into_iter()
            .chain([OWN_HOST.to_owned()]);
        let api_hosts = api_hosts
            .map(|host| host.parse::<Authority>().map_err(|_| host))
            .collect::<Result<_, _>>()
            .map_err(|host| CommandError::message(Ending::Usage, format!("{host:?} is no host")))?;
        let config = UnixConfig {
            path: (by != StartedBy::Systemd).then(|| settings.socket.clone()),
            api_hosts,
        };
        let unix = UnixDoor::bind(config)
            .await
            .aim(|| "could not open the unix door".to_owned())?;
        let http = match listen {
            Some(listen) => Some(
                HttpDoor::bind(http_config(settings, listen, node, &unix.refused_peers()))
                    .aim(|| "could not open the HTTP door".to_owned())?,
            ),
            None => None,
        };
        Ok(Self { unix, http })
    }

    fn addresses(&self) -> Vec<String> {
        let http = self.http.iter().flat_map(HttpDoor::addresses);
        let http = http.map(|address| format!("http http://{address}"));
        [format!("unix {}", self.unix.path().display())]
            .into_iter()
            .chain(http)
            .collect()
    }

    /// Serves until `stop` changes, then finishes what is in flight.
    fn serve(self, service: Served, stop: watch::Receiver<()>) -> impl Future<Output = ()> + Send {
        let relay = Relay::new(service, explain);
        async move {
            let unix = self.unix.serve(relay.clone(), stop.clone());
            let http = async {
                if let Some(http) = self.http {
                    http.serve(relay, stop).await;
                }
            };
            tokio::join!(unix, http);
        }
    }
}

fn http_config(
    settings: &Settings,
    listen: Listen,
    node: &Arc<Node>,
    refused: &RefusedPeers,
) -> HttpConfig {
    let github = settings
        .api_roots
        .iter()
        .filter(|root| root.host == ApiRoot::GITHUB)
        .map(ApiRoot::url);
    HttpConfig {
        listen,
        allow_hosts: settings.http_allow_hosts.clone(),
        api_host: Authority::from_static(ApiRoot::GITHUB),
        web_host: Some(Authority::from_static("github.com")),
        roots: Roots::new(github.chain(["https://api.github.com".to_owned()])),
        pages: pages(node, refused),
    }
}

fn pages(node: &Arc<Node>, refused: &RefusedPeers) -> Pages {
    let mut pages = Pages::new(env!("CARGO_PKG_VERSION"));
    for name in ["stats", "peers"] {
        let (node, refused) = (Arc::clone(node), refused.clone());
        pages = pages.json(name, move || {
            let (node, refused) = (Arc::clone(&node), refused.clone());
            Box::pin(async move {
                own_pages::page(&node, &refused, name)
                    .await
                    .unwrap_or_default()
            })
        });
    }
    pages
}

impl From<BindHttpError> for CommandError {
    fn from(error: BindHttpError) -> Self {
        Self::new(Ending::Failed, error).hint("`--http off` does without the HTTP door")
    }
}

impl From<BindSocketError> for CommandError {
    fn from(error: BindSocketError) -> Self {
        let is_in_use = matches!(error, BindSocketError::Served { .. });
        let made = Self::new(Ending::Failed, error);
        if is_in_use {
            made.hint("end that one, or choose another place with `--socket PATH`")
        } else {
            made
        }
    }
}
