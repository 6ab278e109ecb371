//! The daemon's own pages, and the service that answers for them in front of the cache.
//!
//! Commands read them over the unix door, under a host of their own ([`OWN_HOST`]).

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use cache_core::port::{BoxFuture, StreamedBody};
use gh_client::{CacheBody, CacheService, Node, ServiceError};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Request, Response, StatusCode};
use serde_json::{Value, json};
use tower::Service;

use crate::daemon::OWN_HOST;

/// The service behind all doors: the node's cache, and for [`OWN_HOST`] what the node says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    cache: CacheService,
    node: Arc<Node>,
}

impl Served {
    /// Returns the service of `node`.
    pub(crate) fn new(node: Arc<Node>) -> Self {
        Self {
            cache: node.service(),
            node,
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
        if request.uri().host() != Some(OWN_HOST) {
            return self.cache.call(request);
        }
        let node = Arc::clone(&self.node);
        Box::pin(async move {
            let name = request
                .uri()
                .path()
                .strip_prefix("/.gh-mesh/")
                .unwrap_or_default()
                .to_owned();
            Ok(match page(&node, &name).await {
                Some(page) => response(StatusCode::OK, &page),
                None => response(
                    StatusCode::NOT_FOUND,
                    &json!({"message": "there is no such page"}),
                ),
            })
        })
    }
}

/// Returns the page `name`.
pub(crate) async fn page(node: &Node, name: &str) -> Option<Value> {
    let page = match name {
        "stats" => serde_json::to_value(node.stats().await),
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
