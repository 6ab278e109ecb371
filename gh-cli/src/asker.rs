//! Who is asked: the daemon if one runs, else a node in this process.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use cache_core::port::BoxError;
use gh_client::settings::Settings;
use gh_client::{Node, ServiceError};
use http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use http::{Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use tower::ServiceExt as _;

use crate::daemon;
use crate::doors::relay::Explained;
use crate::error::{CommandError, Ending, Outcome, OutcomeExt as _};
use crate::output;

/// The body of an answer, while it arrives.
pub(crate) type AnswerBody = BoxBody<Bytes, BoxError>;

/// The way to an answer.
#[derive(Debug)]
pub(crate) enum Asker {
    /// Over the daemon's socket.
    Daemon(PathBuf),
    /// Through a cache of this process, in memory only.
    InProcess(Box<Node>),
}

/// How far a command goes to find a daemon.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reach<'a> {
    /// It asks from its own process.
    InProcess,
    /// It takes one that runs.
    Daemon,
    /// It starts one where none runs, with this settings file.
    DaemonOrStart(Option<&'a Path>),
}

impl Asker {
    /// Finds or starts the daemon, as `reach` says, or starts a node in this process.
    pub(crate) async fn new(settings: &Settings, reach: Reach<'_>) -> Outcome<Self> {
        let is_there = match reach {
            Reach::InProcess => false,
            Reach::Daemon => daemon::connect(&settings.socket).await?.is_some(),
            Reach::DaemonOrStart(config) => {
                match daemon::start::ensure(settings, config).await {
                    Ok(()) => true,
                    // A daemon that is there and cannot be spoken to is no reason to go around it.
                    Err(error) if daemon::connect(&settings.socket).await?.is_some() => {
                        return Err(error);
                    }
                    Err(error) => {
                        output::say(&format!(
                            "gh-mesh: asking without a daemon: {}",
                            error.said()
                        ));
                        false
                    }
                }
            }
        };
        if is_there {
            return Ok(Self::Daemon(settings.socket.clone()));
        }
        tracing::debug!(socket = %settings.socket.display(), "asking from this process");
        Ok(Self::InProcess(Box::new(Node::in_process(settings).await?)))
    }

    /// Sends `request`, whose URI is `https://HOST/…`.
    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Outcome<Response<AnswerBody>> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let aim = move || format!("could not ask {host}");
        match self {
            Self::Daemon(socket) => {
                let Some(stream) = daemon::connect(socket).await? else {
                    return Err(CommandError::message(
                        Ending::Failed,
                        "the daemon has ended meanwhile",
                    )
                    .aim(aim()));
                };
                let response = daemon::send(stream, request).await.aim(&aim)?;
                if is_refusal(&response) {
                    return Err(refusal(response).await.aim(aim()));
                }
                Ok(response.map(|body| body.map_err(BoxError::from).boxed()))
            }
            Self::InProcess(node) => {
                let response = node.service().oneshot(request).await.aim(aim)?;
                Ok(response.map(|body| body.map_err(BoxError::from).boxed()))
            }
        }
    }
}

/// What a door puts in front of its own messages, so that nobody takes them for GitHub's.
const OWN_WORD: &str = "gh-mesh: ";

/// A refusal is one sentence.
const MAX_REFUSAL_BYTES: usize = 64 << 10;

/// Tells whether an answer is the daemon's own word and not GitHub's, which always has a request id when it is fresh
/// and never forbids storing an error.
fn is_refusal<B>(response: &Response<B>) -> bool {
    let headers = response.headers();
    !response.status().is_success()
        && !headers.contains_key("x-github-request-id")
        && headers
            .get(CACHE_CONTROL)
            .is_some_and(|value| value == "no-store")
        && headers
            .get(X_CONTENT_TYPE_OPTIONS)
            .is_some_and(|value| value == "nosniff")
}

async fn refusal(response: Response<Incoming>) -> CommandError {
    #[derive(serde::Deserialize)]
    struct Body {
        message: String,
    }
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_REFUSAL_BYTES)
        .collect()
        .await;
    let said = body
        .ok()
        .and_then(|body| serde_json::from_slice::<Body>(&body.to_bytes()).ok());
    let message = said.map_or_else(
        || format!("the daemon answered {status}"),
        |body| body.message,
    );
    let message = message.strip_prefix(OWN_WORD).unwrap_or(&message);
    let error = CommandError::message(ending_of(status), message);
    if error.ending() == Ending::Offline {
        error.hint(OFFLINE_HINT)
    } else {
        error
    }
}

const OFFLINE_HINT: &str = "answers are stored by a daemon (`gh-mesh serve`) that was asked the same before, with the same token";

fn ending_of(status: StatusCode) -> Ending {
    match status {
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Ending::Offline,
        _ => Ending::Failed,
    }
}

impl From<ServiceError> for CommandError {
    fn from(error: ServiceError) -> Self {
        let made = Self::new(ending_of(explain(&error).status), error);
        if made.ending() == Ending::Offline {
            made.hint(OFFLINE_HINT)
        } else {
            made
        }
    }
}

/// What is said of a GitHub that is down.
const NO_ANSWER: &str = "GitHub gave no answer, and nothing is stored";

/// Returns what a door answers where the service has no answer.
pub(crate) fn explain(error: &ServiceError) -> Explained {
    use cache_core::LookupError;
    use cache_core::port::{PortError, PortErrorKind};

    let of_port = |error: &PortError| match error.kind {
        PortErrorKind::TimedOut => (
            StatusCode::GATEWAY_TIMEOUT,
            "GitHub gave no answer in time, and nothing is stored",
        ),
        PortErrorKind::Unsendable => (StatusCode::FORBIDDEN, "this request is not one for GitHub"),
        _ => (StatusCode::BAD_GATEWAY, NO_ANSWER),
    };
    let (status, message) = match error {
        ServiceError::Lookup(LookupError::OnlyIfCached) => (
            StatusCode::GATEWAY_TIMEOUT,
            "nothing is stored for this request (only-if-cached)",
        ),
        ServiceError::Lookup(LookupError::Origin(error)) => of_port(error),
        ServiceError::Passed(error) => error
            .downcast_ref()
            .map_or((StatusCode::BAD_GATEWAY, NO_ANSWER), of_port),
        ServiceError::RequestBody(_) => (StatusCode::BAD_REQUEST, "the request's body broke off"),
        _ => (StatusCode::BAD_GATEWAY, "there is no answer"),
    };
    Explained {
        status,
        message: format!("{OWN_WORD}{message}"),
        cache_status: error.cache_status(),
    }
}
