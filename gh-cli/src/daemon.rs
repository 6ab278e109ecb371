//! The daemon, as commands see it: HTTP over its unix socket.

pub(crate) mod start;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::UnixStream;

use gh_client::settings::Settings;

use crate::error::{CommandError, Ending, Outcome, OutcomeExt as _};

/// The `Host` under which the daemon's own pages are, on the unix door.
pub(crate) const OWN_HOST: &str = "gh-mesh.localhost";

/// A page of the daemon is a few kilobytes; one of a fleet of a thousand some hundred.
const MAX_PAGE_BYTES: usize = 8 << 20;

/// Connects to the daemon, if one listens.
///
/// Whoever listens is shown tokens, so it has to be a process of this user, or of root.
pub(crate) async fn connect(socket: &Path) -> Outcome<Option<UnixStream>> {
    let stream = match UnixStream::connect(socket).await {
        Ok(stream) => stream,
        // Nobody there, a socket left behind, or a path that cannot be one.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::InvalidInput
                    | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(error) => {
            return Err(
                CommandError::from(error).aim(format!("could not connect to {}", socket.display()))
            );
        }
    };
    let uid = stream.peer_cred()?.uid();
    if uid != rustix::process::getuid().as_raw() && uid != 0 {
        let message = format!("{} is served by another user (uid {uid})", socket.display());
        return Err(CommandError::message(Ending::Failed, message)
            .hint("`--socket` names another socket, and `--no-daemon` does without"));
    }
    Ok(Some(stream))
}

/// Sends one request with an absolute URI over a connection of its own.
pub(crate) async fn send(
    stream: UnixStream,
    mut request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, anyhow::Error> {
    if let Some(authority) = request.uri().authority() {
        let host = HeaderValue::from_str(authority.as_str())?;
        request.headers_mut().insert(HOST, host);
    }
    let target = request
        .uri()
        .path_and_query()
        .cloned()
        .unwrap_or(PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(target);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the answer's body. What goes wrong on it, reading the answer reports.
    drop(tokio::spawn(connection));
    Ok(sender.send_request(request).await?)
}

/// What the daemon says of itself on its page `server`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Server {
    pub(crate) version: String,
    pub(crate) pid: u32,
    pub(crate) started_by: StartedBy,
    /// In seconds since 1970.
    pub(crate) since: u64,
    pub(crate) socket: PathBuf,
    /// Addresses of the HTTP door.
    pub(crate) http: Vec<SocketAddr>,
    pub(crate) state_dir: PathBuf,
    /// Seconds without a request after which it ends.
    pub(crate) idle_limit_s: Option<f64>,
}

/// Who started a daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StartedBy {
    /// Somebody who typed `serve`, or a unit that has it.
    Person,
    /// A command that found none. It opens the unix socket only, and ends when nobody needs it.
    Command,
    /// systemd, for the socket that `setup` made.
    Systemd,
}

/// Returns the file in which `setup` notes what it did. While it is there, clients rely on a daemon.
pub(crate) fn setup_record(state_dir: &Path) -> PathBuf {
    state_dir.join("setup.json")
}

/// Returns what the daemon says of itself, or `None` when no daemon listens.
pub(crate) async fn server(settings: &Settings) -> Outcome<Option<Server>> {
    let Some(page) = page(settings, "server").await? else {
        return Ok(None);
    };
    let server = serde_json::from_slice(&page).map_err(anyhow::Error::from);
    server
        .map(Some)
        .aim(|| "could not read what the daemon says of itself".to_owned())
}

/// Returns the daemon's own page `name`, or `None` when no daemon listens.
pub(crate) async fn page(settings: &Settings, name: &str) -> Outcome<Option<Bytes>> {
    ask(settings, Method::GET, name).await
}

/// Has the daemon do what its own page `name` does, and returns what it says; `None` when no daemon listens.
pub(crate) async fn act(settings: &Settings, name: &str) -> Outcome<Option<Bytes>> {
    ask(settings, Method::POST, name).await
}

async fn ask(settings: &Settings, method: Method, name: &str) -> Outcome<Option<Bytes>> {
    let Some(stream) = connect(&settings.socket).await? else {
        return Ok(None);
    };
    let aim = || {
        format!(
            "could not ask the daemon at {} for {}",
            settings.socket.display(),
            name.split('?').next().unwrap_or_default()
        )
    };
    let request = Request::builder()
        .method(method)
        .uri(format!("http://{OWN_HOST}/.gh-mesh/{name}"))
        .body(Full::default())
        .map_err(anyhow::Error::from)
        .aim(aim)?;
    let response = send(stream, request).await.aim(aim)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_PAGE_BYTES)
        .collect()
        .await;
    let body = body
        .map_err(|error| CommandError::from(anyhow::Error::from_boxed(error)))
        .aim(aim)?
        .to_bytes();
    if status == StatusCode::NOT_FOUND {
        return Err(
            CommandError::message(Ending::Failed, "it does not know that page")
                .aim(aim())
                .hint("it may be of an older version; end it and start it again"),
        );
    }
    if !status.is_success() {
        return Err(
            CommandError::message(Ending::Failed, format!("it answered {status}")).aim(aim()),
        );
    }
    Ok(Some(body))
}

/// As [`page`], where there is nothing to show without a daemon.
pub(crate) async fn required_page(settings: &Settings, name: &str) -> Outcome<Bytes> {
    match page(settings, name).await? {
        Some(body) => Ok(body),
        None => Err(not_running(settings).aim(format!("could not read the daemon's {name}"))),
    }
}

/// Says that no daemon listens, where one is needed.
pub(crate) fn not_running(settings: &Settings) -> CommandError {
    CommandError::message(
        Ending::Failed,
        format!("no daemon listens on {}", settings.socket.display()),
    )
    .hint("`gh-mesh serve` runs one; `--socket` names the socket of one that runs elsewhere")
}
