//! The door's own pages, under `/.gh-mesh/`.
//!
//! Anyone on the machine can read them, so they show counts and route templates, never a concrete path.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use cache_core::port::BoxFuture;
use http::{HeaderValue, Method, Response, StatusCode, request};
use serde_json::{Value, json};

use crate::doors::guard::OWN_PAGES;
use crate::doors::refusal::{Refusal, json_response, own_response};

type Render = Arc<dyn Fn() -> BoxFuture<'static, Bytes> + Send + Sync>;

/// The pages of one door. `health` is always among them.
#[derive(Clone)]
pub(crate) struct Pages {
    version: &'static str,
    pages: Vec<(&'static str, HeaderValue, Render)>,
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.pages.iter().map(|(name, ..)| name);
        f.debug_list().entries(names).finish()
    }
}

impl Pages {
    /// Returns the page `health` alone, which states `version`.
    pub(crate) fn new(version: &'static str) -> Self {
        Self {
            version,
            pages: Vec::new(),
        }
    }

    /// Adds a page of JSON: `stats`, `peers`. `render` is called for every request.
    #[must_use]
    pub(crate) fn json<F>(self, name: &'static str, render: F) -> Self
    where
        F: Fn() -> BoxFuture<'static, Value> + Send + Sync + 'static,
    {
        let kind = "application/json; charset=utf-8";
        self.text(name, kind, move || {
            let page = render();
            Box::pin(async move { page.await.to_string() })
        })
    }

    /// Adds a page of another type. The empty name is that of the page `/.gh-mesh/`.
    #[must_use]
    pub(crate) fn text<F>(
        mut self,
        name: &'static str,
        content_type: &'static str,
        render: F,
    ) -> Self
    where
        F: Fn() -> BoxFuture<'static, String> + Send + Sync + 'static,
    {
        let render: Render = Arc::new(move || {
            let page = render();
            Box::pin(async move { Bytes::from(page.await) })
        });
        self.pages
            .push((name, HeaderValue::from_static(content_type), render));
        self
    }

    /// Answers a request for an own page; `None` for all others.
    pub(super) async fn answer(&self, head: &request::Parts) -> Option<Response<Bytes>> {
        let path = head.uri.path();
        let name = match path.strip_prefix(OWN_PAGES) {
            Some(name) => name,
            None if path == OWN_PAGES.trim_end_matches('/') => "",
            None => return None,
        };
        if !matches!(head.method, Method::GET | Method::HEAD) {
            let refusal =
                Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "own pages can only be read");
            return Some(refusal.into_response());
        }
        if name == "health" {
            let health = json!({ "status": "ok", "version": self.version });
            return Some(json_response(StatusCode::OK, &health));
        }
        let page = self.pages.iter().find(|(known, ..)| *known == name);
        Some(if let Some((_, kind, render)) = page {
            own_response(StatusCode::OK, kind.clone(), render().await)
        } else {
            let message = "there is no such page; /.gh-mesh/health is one";
            Refusal::new(StatusCode::NOT_FOUND, message).into_response()
        })
    }
}
