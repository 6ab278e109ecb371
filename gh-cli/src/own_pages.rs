//! The daemon's own pages, and the service that answers for them in front of the cache.
//!
//! Commands read them over the unix door, under a host of their own ([`OWN_HOST`]). What changes something is asked
//! for with POST, and only there: the unix door lets in its owner alone, while the HTTP door's pages can be read by
//! whoever is on the machine.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use cache_core::port::{BoxFuture, StreamedBody};
use gh_client::{CacheBody, CacheService, Node, ServiceError};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tower::Service;

use crate::daemon::{OWN_HOST, Server};
use crate::doors::unix::RefusedPeers;
use crate::idle::Activity;

/// What the daemon knows of itself.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) node: Arc<Node>,
    pub(crate) refused: RefusedPeers,
    pub(crate) server: Server,
    pub(crate) activity: Activity,
    /// Told when somebody asks the daemon to end.
    pub(crate) stop: Notify,
}

/// The service behind all doors: the node's cache, and for [`OWN_HOST`] what the node says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    cache: CacheService,
    own: Arc<Own>,
}

impl Served {
    /// Returns the service of a daemon.
    pub(crate) fn new(own: Arc<Own>) -> Self {
        Self {
            cache: own.node.service(),
            own,
        }
    }
}

impl Service<Request<StreamedBody>> for Served {
    type Response = Response<CacheBody>;
    type Error = ServiceError;
    type Future = BoxFuture<'static, Result<Self::Response, ServiceError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ServiceError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<StreamedBody>) -> Self::Future {
        self.own.activity.note();
        if request.uri().host() != Some(OWN_HOST) {
            return self.cache.call(request);
        }
        let own = Arc::clone(&self.own);
        Box::pin(async move {
            let name = request
                .uri()
                .path()
                .strip_prefix("/.gh-mesh/")
                .unwrap_or_default();
            let page = match *request.method() {
                Method::GET => own.page(name).await,
                Method::POST => own.act(name, request.uri().query()).await,
                _ => None,
            };
            Ok(match page {
                Some(page) => response(StatusCode::OK, &page),
                None => response(
                    StatusCode::NOT_FOUND,
                    &json!({"message": "there is no such page"}),
                ),
            })
        })
    }
}

impl Own {
    /// Returns the page `name`, as the owner may read it.
    async fn page(&self, name: &str) -> Option<Value> {
        match name {
            "server" => Some(
                serde_json::to_value(&self.server)
                    .expect("its keys are strings and it has no floats"),
            ),
            name => page(&self.node, &self.refused, name).await,
        }
    }

    /// Does what `name` says.
    async fn act(&self, name: &str, query: Option<&str>) -> Option<Value> {
        match name {
            "clear" => Some(json!({"dropped": self.node.cache().clear().await})),
            "invalidate" => {
                let given: HashMap<_, _> = url::form_urlencoded::parse(query?.as_bytes()).collect();
                let tags = gh_client::spoiled_by_write(given.get("host")?, given.get("path")?);
                let n_dropped = self.node.cache().invalidate(&tags).await;
                Some(json!({"dropped": n_dropped}))
            }
            "stop" => {
                self.stop.notify_one();
                Some(json!({"stopping": true}))
            }
            _ => None,
        }
    }
}

/// Returns the page `name`, as everybody on the machine may read it.
pub(crate) async fn page(node: &Node, refused: &RefusedPeers, name: &str) -> Option<Value> {
    let page = match name {
        "stats" => serde_json::to_value(node.stats().await).map(|mut stats| {
            stats["refused_connections"] = refused.count().into();
            stats
        }),
        "peers" => serde_json::to_value(node.peers()),
        "id" => serde_json::to_value(node.identity()),
        "health" => Ok(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")})),
        _ => return None,
    };
    Some(page.expect("pages have string keys and finite numbers"))
}

fn response(status: StatusCode, page: &Value) -> Response<CacheBody> {
    let mut response = Response::new(CacheBody::whole(Bytes::from(page.to_string())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
