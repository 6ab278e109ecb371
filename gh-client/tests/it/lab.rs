//! A stand-in, the cache in front of it, a clock that jumps when told, and clients of both.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use cache_core::port::{BoxError, BoxFuture, NoPeers, NoStore, Runtime, StreamedBody};
use cache_core::{Cache, CacheConfig, Ports, Timestamp};
use cache_crypto::{FleetKeys, FleetSealer, Identity};
use gh_client::{
    ApiRoot, CacheLayer, CacheService, PolicyConfig, ServiceConfig, Share, TokioRuntime, Upstream,
    UpstreamConfig,
};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use standin::{Config, Counters, Standin, Token};
use tower::util::BoxCloneSyncService;
use tower::{Layer as _, Service, ServiceExt as _};

pub(crate) const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
pub(crate) const REPO: &str = "/repos/octocat/Hello-World";
pub(crate) const PRIVATE: &str = "/repos/octo-org/private-2";
pub(crate) const FETCHED: &str = "fwd=uri-miss; fwd-status=200; stored";
pub(crate) const PROVED: &str = "fwd=vary-miss; fwd-status=304; detail=proved";
pub(crate) const REVALIDATED: &str = "fwd=stale; fwd-status=304; detail=revalidated";

/// A second token of the user `octocat`, which sees what [`Token::OCTOCAT`] sees.
pub(crate) const ROTATED: &str = "ghp_StandinRotated0000NotARealSecret0000";

/// Longer than anything is fresh, and than anything is served while it is being revalidated.
pub(crate) const LATER: Duration = Duration::from_secs(1_000);

/// Tokio's runtime, with a clock that is ahead by what the test says.
#[derive(Debug, Default)]
pub(crate) struct Clock(AtomicU64);

impl Clock {
    pub(crate) fn advance(&self, by: Duration) {
        self.0
            .fetch_add(u64::try_from(by.as_millis()).unwrap(), Relaxed);
    }
}

impl Runtime for Clock {
    fn now(&self) -> Timestamp {
        let ahead = Duration::from_millis(self.0.load(Relaxed));
        TokioRuntime.now().saturating_add(ahead)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        TokioRuntime.sleep(duration)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        TokioRuntime.spawn(task);
    }
}

pub(crate) struct Lab {
    pub(crate) standin: Standin,
    pub(crate) clock: Arc<Clock>,
    pub(crate) layer: CacheLayer,
    pub(crate) service: CacheService,
    pub(crate) upstream: Upstream,
}

impl Lab {
    pub(crate) async fn new() -> Self {
        Self::with(PolicyConfig::default(), CacheConfig::default()).await
    }

    pub(crate) async fn with(policy: PolicyConfig, cache: CacheConfig) -> Self {
        let config = ServiceConfig {
            policy,
            ..ServiceConfig::default()
        };
        Self::of(config, cache).await
    }

    pub(crate) async fn sharing(share: Share) -> Self {
        let config = ServiceConfig {
            share,
            ..ServiceConfig::default()
        };
        Self::of(config, CacheConfig::default()).await
    }

    async fn of(config: ServiceConfig, cache: CacheConfig) -> Self {
        let standin = standin().await;
        let upstream = upstream(&standin);
        let clock = Arc::<Clock>::default();
        let layer = layer(config, cache, &clock);
        Self {
            service: layer.layer(upstream.clone()),
            standin,
            clock,
            layer,
            upstream,
        }
    }

    /// A client of the cache, with a token of the stand-in.
    pub(crate) fn client(&self, token: &str) -> Client {
        Client::new(self.service.clone(), Some(format!("Bearer {token}")))
    }

    pub(crate) fn octocat(&self) -> Client {
        self.client(Token::OCTOCAT)
    }

    pub(crate) fn anonymous(&self) -> Client {
        Client::new(self.service.clone(), None)
    }

    /// A client that asks past the cache: the control.
    pub(crate) fn direct(&self, token: &str) -> Client {
        Client::new(self.upstream.clone(), Some(format!("Bearer {token}")))
    }

    pub(crate) fn counters(&self) -> Counters {
        self.standin.counters()
    }

    /// Asks, and checks how the cache says that it answered.
    #[track_caller]
    pub(crate) fn check(seen: &Seen, outcome: &str) {
        assert_eq!(seen.outcome(), outcome, "{}", seen.status);
    }
}

pub(crate) async fn standin() -> Standin {
    let mut tokens = Token::defaults();
    let octocat = tokens.iter().find(|token| token.secret == Token::OCTOCAT);
    let rotated = Token {
        label: "octocat-rotated".to_owned(),
        secret: ROTATED.to_owned(),
        ..octocat.unwrap().clone()
    };
    tokens.push(rotated);
    let config = Config {
        tcp: Some(LOOPBACK),
        tokens,
        ..Config::default()
    };
    Standin::start(config).await.unwrap()
}

pub(crate) fn upstream(standin: &Standin) -> Upstream {
    Upstream::new(UpstreamConfig {
        roots: vec![ApiRoot::parse(&standin.http_url()).unwrap()],
        ..UpstreamConfig::default()
    })
    .unwrap()
}

pub(crate) fn layer(config: ServiceConfig, cache: CacheConfig, clock: &Arc<Clock>) -> CacheLayer {
    let runtime: Arc<dyn Runtime> = clock.clone();
    let ports = Ports {
        store: Arc::new(NoStore),
        peers: Arc::new(NoPeers),
        sealer: Arc::new(FleetSealer::new(
            Arc::new(FleetKeys::local()),
            Identity::generate(),
            runtime.now(),
        )),
        runtime,
    };
    CacheLayer::new(Cache::new(cache, ports), config)
}

/// A service in the stand-in's place, for what the stand-in does not say: every request gets what `answer` makes of it.
pub(crate) fn scripted(
    answer: impl Fn(&Request<StreamedBody>) -> Response<Full<Bytes>> + Clone + Send + Sync + 'static,
) -> (Client, Arc<Clock>) {
    let clock = Arc::<Clock>::default();
    let layer = layer(ServiceConfig::default(), CacheConfig::default(), &clock);
    let inner = tower::service_fn(move |request: Request<StreamedBody>| {
        let answer = answer(&request);
        async move { Ok::<_, BoxError>(answer) }
    });
    let client = Client::new(layer.layer(inner), Some("Bearer t".to_owned()));
    (client, clock)
}

type Asking = BoxCloneSyncService<Request<Full<Bytes>>, Response<StreamedBody>, BoxError>;

/// Asks one service as one caller.
#[derive(Clone)]
pub(crate) struct Client {
    service: Asking,
    authorization: Option<String>,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Client {
    pub(crate) fn new<S, B>(service: S, authorization: Option<String>) -> Self
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: Into<BoxError> + 'static,
        B: Body<Data = Bytes> + Send + Sync + 'static,
        B::Error: Into<BoxError>,
    {
        let service = service
            .map_response(|response| response.map(|body| body.map_err(Into::into).boxed()))
            .map_err(Into::into);
        Self {
            service: BoxCloneSyncService::new(service),
            authorization,
        }
    }

    /// The same service, asked with another value of `Authorization`.
    pub(crate) fn as_(&self, authorization: &str) -> Self {
        Self {
            authorization: Some(authorization.to_owned()),
            ..self.clone()
        }
    }

    pub(crate) async fn get(&self, target: &str) -> Seen {
        self.get_with(target, &[]).await
    }

    pub(crate) async fn get_with(&self, target: &str, headers: &[(&str, &str)]) -> Seen {
        self.ask(Method::GET, target, headers, "").await.unwrap()
    }

    pub(crate) async fn send(&self, method: Method, target: &str, body: &Value) -> Seen {
        let json = [("content-type", "application/json")];
        let answered = self.ask(method, target, &json, &body.to_string()).await;
        answered.unwrap()
    }

    pub(crate) async fn graphql(&self, body: &Value) -> Seen {
        self.send(Method::POST, "/graphql", body).await
    }

    /// Asks and reads the answer. An error is a refusal to answer, or a body that broke off.
    pub(crate) async fn ask(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Seen, BoxError> {
        let (parts, body) = self
            .start(method, target, headers, body)
            .await?
            .into_parts();
        Ok(Seen {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await?.to_bytes(),
        })
    }

    /// Asks, and leaves the answer's body to be read.
    pub(crate) async fn start(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Response<StreamedBody>, BoxError> {
        let uri = if target.starts_with('/') {
            format!("https://api.github.com{target}")
        } else {
            target.to_owned()
        };
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes())))?;
        self.service.clone().oneshot(request).await
    }
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// `Cache-Status` without the cache's name.
    pub(crate) fn outcome(&self) -> &str {
        let status = self.header("cache-status");
        status.strip_prefix("gh-mesh; ").unwrap_or(status)
    }

    /// Whether GitHub was asked and nothing was held. What is asked for in the very millisecond of a write is not kept.
    pub(crate) fn is_fetched(&self) -> bool {
        self.outcome().starts_with("fwd=uri-miss; fwd-status=200")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn remaining(&self) -> u64 {
        self.header("x-ratelimit-remaining").parse().unwrap()
    }

    /// Returns the URL that `Link` names so.
    pub(crate) fn link(&self, rel: &str) -> Option<String> {
        let wanted = format!("rel=\"{rel}\"");
        let link = self.header("link");
        let part = link.split(", ").find(|part| part.ends_with(&wanted))?;
        Some(part.trim_start_matches('<').split('>').next()?.to_owned())
    }
}

/// Waits until `is_so`; the test fails if that takes long.
pub(crate) async fn until<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) {
    let trying = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), trying)
        .await
        .expect("what was waited for did not come");
}
