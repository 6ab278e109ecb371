//! The admin API, under `/_standin/` of any listener. The crate's documentation lists it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{HeaderValue, Method, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::body::{self, Body};
use crate::clock;
use crate::config::TagFormula;
use crate::exchange::Shared;
use crate::faults::Fault;

const MAX_BODY: usize = 64 * 1024;

#[derive(Deserialize)]
struct Touch {
    repo: String,
    issue: Option<u64>,
    run: Option<u64>,
}

#[derive(Deserialize)]
struct SetBudget {
    token: String,
    resource: String,
    remaining: u64,
}

#[derive(Deserialize)]
struct Down {
    for_ms: u64,
}

#[derive(Deserialize)]
struct Tags {
    tags: TagFormula,
}

/// Why a request was not carried out.
enum Failure {
    NoSuchPage,
    NoSuchObject,
    Unreadable(String),
}

/// Answers one request for the page `page`.
pub(crate) async fn answer(
    shared: &Arc<Shared>,
    method: &Method,
    page: &str,
    mut incoming: Incoming,
) -> Response<Body> {
    if let Some(size) = page
        .strip_prefix("bytes/")
        .and_then(|size| size.parse().ok())
    {
        shared.tally.bytes_out.fetch_add(size, Ordering::Relaxed);
        let mut response = Response::new(body::pattern(size));
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        );
        return response;
    }
    let outcome = if (method, page) == (&Method::POST, "upload") {
        let drained = shared.drain(&mut incoming).await;
        drained
            .map(|(length, sha256)| json!({"length": length, "sha256": sha256}))
            .map_err(|error| Failure::Unreadable(error.to_string()))
    } else {
        carry_out(shared, method, page, incoming).await
    };
    let (status, value) = match outcome {
        Ok(value) => (StatusCode::OK, value),
        Err(Failure::NoSuchPage) => (StatusCode::NOT_FOUND, json!({"error": "no such page"})),
        Err(Failure::NoSuchObject) => (StatusCode::NOT_FOUND, json!({"error": "no such object"})),
        Err(Failure::Unreadable(error)) => (StatusCode::BAD_REQUEST, json!({"error": error})),
    };
    let mut response = Response::new(body::full(format!("{value}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn carry_out(
    shared: &Arc<Shared>,
    method: &Method,
    page: &str,
    incoming: Incoming,
) -> Result<Value, Failure> {
    match (method.as_str(), page) {
        ("GET", "health") => return Ok(json!({"status": "ok"})),
        ("GET", "counters") => return Ok(json!(shared.tally.counters())),
        ("GET", "faults") => return Ok(json!(shared.faults.list())),
        ("DELETE", "faults") => shared.faults.clear(),
        ("POST", "reset") => {
            shared.tally.reset();
            shared.faults.clear();
            shared.limits.reset();
        }
        ("POST", "tick") => shared.world.write().tick(clock::now()),
        ("POST", "faults") => shared.faults.add(read::<Fault>(incoming).await?),
        ("POST", "touch") => {
            let touch: Touch = read(incoming).await?;
            found(shared.touch(&touch.repo, touch.issue, touch.run))?;
        }
        ("POST", "budget") => {
            let budget: SetBudget = read(incoming).await?;
            found(shared.set_remaining(&budget.token, &budget.resource, budget.remaining))?;
        }
        ("POST", "tags") => *shared.tags.lock() = read::<Tags>(incoming).await?.tags,
        ("POST", "down") => {
            let down: Down = read(incoming).await?;
            let shared = shared.clone();
            // Outlives the connection that asked, which ends with all others; it ends by itself after its time.
            tokio::spawn(async move {
                shared.down.send_replace(true);
                tokio::time::sleep(Duration::from_millis(down.for_ms)).await;
                shared.down.send_replace(false);
            });
        }
        _ => return Err(Failure::NoSuchPage),
    }
    Ok(json!({"status": "ok"}))
}

fn found(found: bool) -> Result<(), Failure> {
    found.then_some(()).ok_or(Failure::NoSuchObject)
}

async fn read<T: serde::de::DeserializeOwned>(incoming: Incoming) -> Result<T, Failure> {
    let body = Limited::new(incoming, MAX_BODY)
        .collect()
        .await
        .map_err(|error| Failure::Unreadable(error.to_string()))?;
    serde_json::from_slice(&body.to_bytes()).map_err(|error| Failure::Unreadable(error.to_string()))
}
