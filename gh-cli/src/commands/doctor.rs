//! `gh-mesh doctor`.

use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use cache_core::port::Runtime as _;
use gh_client::settings::{FleetSecret, Settings};
use gh_client::{Node, TokioRuntime};
use http::header::{AUTHORIZATION, DATE, USER_AGENT};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::Full;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use tower::ServiceExt as _;

use crate::cli::Globals;
use crate::context::{self, TokenFrom};
use crate::daemon::{self, Server, StartedBy};
use crate::error::{Ending, Outcome};
use crate::flags::PlaceFlags;
use crate::output::{Output, Table, human_bytes};

/// GitHub and our own doors are not waited for longer.
const ASK_LIMIT: Duration = Duration::from_secs(10);

/// Less is no room for a cache.
const MIN_SPACE_BYTES: u64 = 64 << 20;

/// Clocks of a fleet may differ by this much, as `Date` shows it in whole seconds.
const CLOCK_WARN_S: i64 = 5;

/// Beyond this, GitHub refuses what an App signs.
const CLOCK_FAIL_S: i64 = 60;

/// Check what gh-mesh depends on, and say what to do
///
/// Asks GitHub for the rate limit, which is free. Exits with 1 when a check fails; a warning is no failure.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print JSON: {version, checks: [{name, result, message, to_do}]}
    #[arg(long)]
    #[expect(
        clippy::doc_markdown,
        reason = "this is the help, where variables and keys stand plain"
    )]
    json: bool,
    #[command(flatten)]
    places: PlaceFlags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    result: Verdict,
    message: String,
    to_do: Option<String>,
}

#[derive(Debug, Default)]
struct Checks(Vec<Check>);

impl Checks {
    fn ok(&mut self, name: &'static str, message: impl Into<String>) {
        self.add(name, Verdict::Ok, message.into(), None);
    }

    fn warn(&mut self, name: &'static str, message: impl Into<String>, to_do: &str) {
        self.add(name, Verdict::Warn, message.into(), Some(to_do.to_owned()));
    }

    fn fail(&mut self, name: &'static str, message: impl Into<String>, to_do: &str) {
        self.add(name, Verdict::Fail, message.into(), Some(to_do.to_owned()));
    }

    fn add(&mut self, name: &'static str, result: Verdict, message: String, to_do: Option<String>) {
        self.0.push(Check {
            name,
            result,
            message,
            to_do,
        });
    }
}

/// Runs the command.
pub(crate) async fn run(globals: &Globals, args: &Args) -> Outcome {
    let settings = context::settings(
        globals,
        args.places.given(),
        TokenFrom::EnvironmentOrGh,
        None,
    )?;
    crate::logging::start("error", settings.log_format)?;
    let mut checks = Checks::default();
    upstream(&settings, &mut checks).await;
    let server = running(&settings, &mut checks).await;
    doors(&settings, server.as_ref(), &mut checks).await;
    directory("cache directory", &settings.cache_dir, true, &mut checks);
    directory("state directory", &settings.state_dir, false, &mut checks);
    fleet(&settings, server.as_ref(), &mut checks).await;
    let mut out = Output::stdout();
    if args.json {
        out.json(&serde_json::json!({"version": 1, "checks": checks.0}))?;
    } else {
        let mut table = Table::default();
        for check in &checks.0 {
            let result = match check.result {
                Verdict::Ok => "ok",
                Verdict::Warn => "warn",
                Verdict::Fail => "FAIL",
            };
            table.row([
                result.to_owned(),
                check.name.to_owned(),
                check.message.clone(),
            ]);
            if let Some(to_do) = &check.to_do {
                table.row([String::new(), String::new(), format!("-> {to_do}")]);
            }
        }
        out.bytes(table.render(None).as_bytes())?;
    }
    out.flush()?;
    let has_failed = checks.0.iter().any(|check| check.result == Verdict::Fail);
    Ok(if has_failed {
        Ending::Failed
    } else {
        Ending::Done
    })
}

/// Checks the way to GitHub, the clock and the token, with one free request past all caches.
async fn upstream(settings: &Settings, checks: &mut Checks) {
    let name = "github";
    let node = match Node::in_process(settings).await {
        Ok(node) => node,
        Err(error) => {
            return checks.fail(
                name,
                chain(&error),
                "CACHE_CA_FILE and HTTPS_PROXY name the way out",
            );
        }
    };
    let request = Request::get(format!("https://{}/rate_limit", settings.host))
        .header(USER_AGENT, concat!("gh-mesh/", env!("CARGO_PKG_VERSION")));
    let mut request = match request.body(Full::<Bytes>::default()) {
        Ok(request) => request,
        Err(error) => return checks.fail(name, error.to_string(), "GH_HOST names the host"),
    };
    let token = settings.token.as_ref();
    let value =
        token.and_then(|token| HeaderValue::from_str(&format!("Bearer {}", token.expose())).ok());
    if let Some(mut value) = value {
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    let way = "look at the network, HTTPS_PROXY, CACHE_CA_FILE and CACHE_API_URL";
    let response = match tokio::time::timeout(ASK_LIMIT, node.service().oneshot(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return checks.fail(name, chain(&error), way),
        Err(_) => {
            return checks.fail(
                name,
                format!("no answer within {} s", ASK_LIMIT.as_secs()),
                way,
            );
        }
    };
    let status = response.status();
    if status.is_server_error() {
        checks.fail(
            name,
            format!("{} answers {status}", settings.host),
            "https://www.githubstatus.com says more",
        );
    } else {
        checks.ok(name, format!("{} answers", settings.host));
    }
    let date = response
        .headers()
        .get(DATE)
        .and_then(|date| date.to_str().ok());
    if let Some(date) = date.and_then(|date| OffsetDateTime::parse(date, &Rfc2822).ok()) {
        clock(date.unix_timestamp(), checks);
    }
    match (token, status) {
        (None, _) => checks.warn(
            "token",
            "none, neither in the environment nor from `gh auth token`",
            "set GH_TOKEN, or log in with `gh auth login`; clients that bring their own need neither",
        ),
        (Some(_), StatusCode::UNAUTHORIZED) => checks.fail(
            "token",
            "GitHub refuses it",
            "it may have expired: make a new one, or `gh auth refresh`",
        ),
        (Some(_), _) => {
            let header = |name: &str| response.headers().get(name)?.to_str().ok();
            let left = header("x-ratelimit-remaining").unwrap_or("?");
            let limit = header("x-ratelimit-limit").unwrap_or("?");
            let message = format!("good, {left} of {limit} requests left");
            if left == "0" {
                checks.warn("token", message, "what is stored is served until the limit resets");
            } else {
                checks.ok("token", message);
            }
        }
    }
}

fn clock(github: i64, checks: &mut Checks) {
    let own = i64::try_from(TokioRuntime.now().as_millis() / 1000).unwrap_or(i64::MAX);
    let (difference, name) = (own.saturating_sub(github), "clock");
    let to_do = "have it set by NTP: lifetimes and what the fleet shares depend on it";
    let message = format!(
        "{} s {} GitHub's",
        difference.abs(),
        if difference < 0 { "behind" } else { "ahead of" }
    );
    if difference.abs() <= CLOCK_WARN_S {
        checks.ok(name, "as GitHub's");
    } else if difference.abs() <= CLOCK_FAIL_S {
        checks.warn(name, message, to_do);
    } else {
        checks.fail(name, message, to_do);
    }
}

async fn running(settings: &Settings, checks: &mut Checks) -> Option<Server> {
    let name = "daemon";
    match daemon::server(settings).await {
        Ok(Some(server)) => {
            let own = env!("CARGO_PKG_VERSION");
            if server.version == own {
                checks.ok(name, format!("runs, process {}", server.pid));
            } else {
                let message = format!("runs version {}, and this is {own}", server.version);
                checks.warn(
                    name,
                    message,
                    "end it with `gh-mesh daemon stop` and start it again",
                );
            }
            Some(server)
        }
        Ok(None)
            if settings
                .socket
                .symlink_metadata()
                .is_ok_and(|metadata| !metadata.file_type().is_socket()) =>
        {
            let message = format!("{} is there and is no socket", settings.socket.display());
            checks.fail(name, message, "move it away, or name another `--socket`");
            None
        }
        Ok(None) => {
            checks.ok(
                name,
                "none runs; a command starts one, and `gh-mesh serve` does",
            );
            None
        }
        Err(error) => {
            checks.fail(
                name,
                error.said(),
                "end what listens there, or name another `--socket`",
            );
            None
        }
    }
}

async fn doors(settings: &Settings, server: Option<&Server>, checks: &mut Checks) {
    let Some(server) = server else { return };
    let name = "unix door";
    match settings.socket.symlink_metadata() {
        Ok(metadata) if metadata.mode() & 0o077 != 0 => checks.fail(
            name,
            format!("{} is open to other users", settings.socket.display()),
            "end the daemon and start it again",
        ),
        Ok(_) => checks.ok(name, settings.socket.display().to_string()),
        Err(error) => checks.fail(name, error.to_string(), "end the daemon and start it again"),
    }
    let name = "http door";
    if server.http.is_empty() {
        checks.ok(name, "off");
    }
    for address in &server.http {
        let connected = tokio::net::TcpStream::connect(address);
        match tokio::time::timeout(ASK_LIMIT, connected).await {
            Ok(Ok(_)) if address.ip().is_loopback() => checks.ok(name, format!("http://{address}")),
            Ok(Ok(_)) => checks.warn(
                name,
                format!("http://{address} is open beyond this machine, in plain HTTP"),
                "tokens pass it in clear: keep it to loopback or a network that you trust",
            ),
            Ok(Err(error)) => {
                checks.fail(name, format!("{address}: {error}"), "look for a firewall");
            }
            Err(_) => checks.fail(name, format!("{address} is silent"), "look for a firewall"),
        }
    }
}

fn directory(name: &'static str, path: &Path, holds_database: bool, checks: &mut Checks) {
    let shown = path.display();
    let metadata = match path.metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return checks.ok(name, format!("{shown} is made on first use"));
        }
        Err(error) => {
            return checks.fail(name, format!("{shown}: {error}"), "name another directory");
        }
    };
    if !metadata.is_dir() || metadata.uid() != rustix::process::getuid().as_raw() {
        return checks.fail(
            name,
            format!("{shown} is no directory of this user"),
            "name another directory",
        );
    }
    if metadata.mode() & 0o022 != 0 {
        let to_do = format!("chmod 700 {shown}");
        return checks.fail(
            name,
            format!("{shown}: other users may write to it"),
            &to_do,
        );
    }
    if rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_err() {
        return checks.fail(
            name,
            format!("{shown} cannot be written to"),
            "name another directory",
        );
    }
    if let Some(kind) = network_file_system(path) {
        let to_do = if holds_database {
            "nothing is kept on disk there: put CACHE_DIR on a local disk"
        } else {
            "locks may not hold there: put CACHE_STATE_DIR on a local disk"
        };
        return checks.warn(name, format!("{shown} is on {kind}"), to_do);
    }
    let Ok(space) = rustix::fs::statvfs(path) else {
        return checks.ok(name, shown.to_string());
    };
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    let message = format!("{shown}, {} free", human_bytes(free));
    if free < MIN_SPACE_BYTES {
        checks.warn(name, message, "make room, or lower CACHE_MAX_BYTES");
    } else if metadata.mode() & 0o077 != 0 {
        let to_do = format!("chmod 700 {shown}");
        checks.warn(
            name,
            format!("{shown}: other users may look into it"),
            &to_do,
        );
    } else {
        checks.ok(name, message);
    }
}

/// Returns the name of the network file system that `path` is on, if it is on one (Linux, `statfs(2)`).
#[cfg(target_os = "linux")]
fn network_file_system(path: &Path) -> Option<&'static str> {
    let kind = rustix::fs::statfs(path).ok()?.f_type;
    Some(match kind & 0xffff_ffff {
        0x6969 => "NFS",
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => "SMB",
        0x0102_1997 => "9P",
        0x5346_414f => "AFS",
        0x00c3_6400 => "Ceph",
        0x6573_5546 => "FUSE",
        _ => return None,
    })
}

/// As on Linux, as far as it can be told here: not at all.
#[cfg(not(target_os = "linux"))]
fn network_file_system(_: &Path) -> Option<&'static str> {
    None
}

async fn fleet(settings: &Settings, server: Option<&Server>, checks: &mut Checks) {
    let name = "fleet";
    let to_do = "set CACHE_P2P_SHARED_SECRET (`gh-mesh keygen` makes one) to the same value on every machine";
    if !settings.enable_p2p {
        return checks.ok(name, "off, by CACHE_ENABLE_P2P");
    }
    let secret = match &settings.fleet_secret {
        FleetSecret::Explicit(_) => "with a secret of its own",
        FleetSecret::Token(_) => "of the holders of this GitHub token",
        FleetSecret::PerJobToken => {
            return checks.warn(name, "alone: the GitHub token is minted for one job", to_do);
        }
        FleetSecret::ShortToken => {
            return checks.warn(name, "alone: the GitHub token could be guessed", to_do);
        }
        FleetSecret::None => {
            return checks.warn(
                name,
                "alone: neither a fleet secret nor a GitHub token",
                to_do,
            );
        }
    };
    match server {
        Some(server) if server.started_by == StartedBy::Person => {}
        _ => {
            return checks.ok(name, format!("{secret}; only `gh-mesh serve` takes part"));
        }
    }
    let page = daemon::page(settings, "peers").await.ok().flatten();
    let peers: Vec<serde_json::Value> = page
        .and_then(|page| serde_json::from_slice(&page).ok())
        .unwrap_or_default();
    if peers.is_empty() {
        checks.warn(
            name,
            format!("{secret}; no other member is connected"),
            "name one with `--bootstrap`, and give it the same secret",
        );
    } else {
        checks.ok(name, format!("{secret}; {} members connected", peers.len()));
    }
}

/// Returns an error and its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !said.ends_with(&text) {
            said = format!("{said}: {text}");
        }
        cause = error.source();
    }
    said
}
