//! Whatever carries requests to GitHub, with its types erased.

use std::sync::Arc;

use bytes::Bytes;
use cache_core::port::{BoxError, BoxFuture, StreamedBody};
use futures::TryFutureExt as _;
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt as _;
use tower::{Service, ServiceExt as _};

/// A service that carries requests to GitHub.
#[derive(Clone)]
pub(crate) struct Transport(Arc<Carry>);

type Carry = dyn Fn(Request<StreamedBody>) -> Carrying + Send + Sync;

/// A request on its way.
type Carrying = BoxFuture<'static, Result<Response<StreamedBody>, BoxError>>;

impl Transport {
    pub(crate) fn new<S, B>(service: S) -> Self
    where
        S: Service<Request<StreamedBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: Body<Data = Bytes> + Send + Sync + 'static,
        B::Error: Into<BoxError>,
    {
        Self(Arc::new(move |request| {
            let carried = service.clone().oneshot(request);
            Box::pin(
                carried
                    .map_ok(|response| response.map(|body| body.map_err(Into::into).boxed()))
                    .map_err(Into::into),
            )
        }))
    }

    /// Carries one request. Any status is an answer.
    pub(crate) fn carry(&self, request: Request<StreamedBody>) -> Carrying {
        (self.0)(request)
    }
}
