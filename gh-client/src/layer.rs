//! The cache as a tower layer.

use std::sync::Arc;

use bytes::Bytes;
use cache_core::Cache;
use cache_core::port::{BoxError, StreamedBody};
use http::{Request, Response};
use http_body::Body;
use tower::{Layer, Service};

use crate::service::{CacheService, ServiceConfig, Shared};

/// A tower layer that puts a [`Cache`] in front of any HTTP client of GitHub.
///
/// It has to see absolute URIs and the `Authorization` header: under octocrab it goes directly over the transport,
/// below retries, redirects and the layers that add headers and the base URI.
#[derive(Clone, Debug)]
pub struct CacheLayer {
    shared: Arc<Shared>,
}

impl CacheLayer {
    /// Returns a layer over `cache`. Every service it makes shares that cache.
    pub fn new(cache: Cache, config: ServiceConfig) -> Self {
        Self {
            shared: Arc::new(Shared::new(cache, config)),
        }
    }

    /// Returns the cache.
    pub fn cache(&self) -> &Cache {
        self.shared.cache()
    }
}

impl<S, B> Layer<S> for CacheLayer
where
    S: Service<Request<StreamedBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + Sync + 'static,
    B::Error: Into<BoxError>,
{
    type Service = CacheService;

    fn layer(&self, inner: S) -> CacheService {
        CacheService::new(Arc::clone(&self.shared), inner)
    }
}
