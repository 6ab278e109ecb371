//! GitHub for Rust programs: octocrab over the cache.

use std::sync::Arc;

use cache_core::port::{NoPeers, NoStore, Runtime as _};
use cache_core::{Cache, CacheConfig, Ports};
use cache_crypto::{FleetKeys, FleetSealer, Identity};
use octocrab::OctoBody;
use octocrab::models::Repository;
use octocrab::service::middleware::auth_header::AuthHeaderLayer;
use octocrab::service::middleware::base_uri::BaseUriLayer;
use octocrab::{AuthState, Octocrab, OctocrabBuilder};
use tower::Layer as _;
use tower::util::MapRequestLayer;
use tower_http::follow_redirect::FollowRedirectLayer;

use crate::layer::CacheLayer;
#[cfg(all(feature = "p2p", feature = "sqlite"))]
use crate::node::{Node, NodeError};
use crate::policy::PolicyConfig;
use crate::runtime::TokioRuntime;
use crate::service::{CacheService, ServiceConfig};
use crate::settings::{Secret, SettingError};
#[cfg(all(feature = "p2p", feature = "sqlite"))]
use crate::settings::{Settings, Sources};
use crate::upstream::{ApiRoot, ApiRootError, Upstream, UpstreamConfig, UpstreamError};

/// Why a call could not be answered, or the client not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitHubError {
    /// A setting of the environment cannot be used.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The node cannot start.
    #[cfg(all(feature = "p2p", feature = "sqlite"))]
    #[error("the node cannot start")]
    Node(#[from] NodeError),
    /// The API root cannot be used.
    #[error(transparent)]
    ApiRoot(#[from] ApiRootError),
    /// The way out cannot be opened.
    #[error("the way to GitHub cannot be opened")]
    Upstream(#[from] UpstreamError),
    /// GitHub refused, or could not be asked.
    #[error("GitHub gave no usable answer")]
    Call(#[from] octocrab::Error),
}

/// GitHub, with every call going through the cache.
///
/// ```no_run
/// # async fn example() -> Result<(), gh_client::GitHubError> {
/// let gh = gh_client::GitHub::builder().token("ghp_…").build()?;
/// for repository in gh.list_repos("octocat").await? {
///     println!("{}", repository.name);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct GitHub {
    octocrab: Octocrab,
    service: CacheService,
    #[cfg(all(feature = "p2p", feature = "sqlite"))]
    node: Option<Node>,
}

/// Makes a [`GitHub`] that is solo, in memory, and reads nothing from the environment.
#[derive(Debug, Default)]
pub struct GitHubBuilder {
    token: Option<Secret>,
    api_url: Option<String>,
    policy: PolicyConfig,
    cache: CacheConfig,
}

impl GitHub {
    /// Starts a client that is solo, in memory, and reads nothing.
    pub fn builder() -> GitHubBuilder {
        GitHubBuilder::default()
    }

    /// Returns a client with disk and fleet as the environment's settings say, and the token that it names.
    ///
    /// Where another process of this machine owns the node already, this one goes alone, in memory.
    #[cfg(all(feature = "p2p", feature = "sqlite"))]
    pub async fn from_env() -> Result<Self, GitHubError> {
        let settings = Settings::resolve(&Sources::from_environment(), || None)?;
        let node = match Node::start(&settings).await {
            Err(NodeError::State(reason)) => {
                tracing::warn!(%reason, "going alone, in memory");
                Node::in_process(&settings).await?
            }
            started => started?,
        };
        for warning in node.warnings() {
            tracing::warn!("{warning}");
        }
        let service = node.service();
        Ok(Self {
            octocrab: octocrab_over(
                &service,
                &settings.host,
                &settings.api_roots,
                settings.token.as_ref(),
            ),
            service,
            node: Some(node),
        })
    }

    /// Returns octocrab; every call of it goes through the cache.
    pub fn octocrab(&self) -> &Octocrab {
        &self.octocrab
    }

    /// Returns the cache.
    pub fn cache(&self) -> &Cache {
        self.service.cache()
    }

    /// Returns the node, for a client made by [`GitHub::from_env`].
    #[cfg(all(feature = "p2p", feature = "sqlite"))]
    pub fn node(&self) -> Option<&Node> {
        self.node.as_ref()
    }

    /// Returns all public repositories of a user or organization, page by page until the last.
    pub async fn list_repos(&self, owner: &str) -> Result<Vec<Repository>, GitHubError> {
        let page = self
            .octocrab
            .users(owner)
            .repos()
            .per_page(100)
            .send()
            .await?;
        Ok(self.octocrab.all_pages(page).await?)
    }
}

impl GitHubBuilder {
    /// Sets the token to ask with.
    #[must_use]
    pub fn token(mut self, token: &str) -> Self {
        self.token = Some(Secret::new(token));
        self
    }

    /// Sets the REST root that stands in for `https://api.github.com`: that itself, or an `http://` one on loopback.
    #[must_use]
    pub fn api_url(mut self, root: &str) -> Self {
        self.api_url = Some(root.to_owned());
        self
    }

    /// Sets the lifetimes.
    #[must_use]
    pub fn policy(mut self, policy: PolicyConfig) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the bounds of the cache.
    #[must_use]
    pub fn cache(mut self, cache: CacheConfig) -> Self {
        self.cache = cache;
        self
    }

    /// Returns the client. To be called inside a tokio runtime.
    pub fn build(self) -> Result<GitHub, GitHubError> {
        let mut upstream = UpstreamConfig::default();
        if let Some(root) = &self.api_url {
            upstream.roots = vec![ApiRoot::parse(root)?];
        }
        let roots = upstream.roots.clone();
        let host = roots[0].host.clone();
        let config = ServiceConfig {
            api_hosts: upstream
                .roots
                .iter()
                .map(|root| root.host.clone())
                .collect(),
            policy: self.policy,
            ..ServiceConfig::default()
        };
        let runtime = Arc::new(TokioRuntime);
        let sealer = Arc::new(FleetSealer::new(
            Arc::new(FleetKeys::local()),
            Identity::generate(),
            runtime.now(),
        ));
        let ports = Ports {
            store: Arc::new(NoStore),
            peers: Arc::new(NoPeers),
            sealer,
            runtime,
        };
        let service =
            CacheLayer::new(Cache::new(self.cache, ports), config).layer(Upstream::new(upstream)?);
        Ok(GitHub {
            octocrab: octocrab_over(&service, &host, &roots, self.token.as_ref()),
            service,
            #[cfg(all(feature = "p2p", feature = "sqlite"))]
            node: None,
        })
    }
}

/// Returns octocrab with `service` as its transport: redirects, then the credential, then the root, outermost last.
fn octocrab_over(
    service: &CacheService,
    host: &str,
    roots: &[ApiRoot],
    token: Option<&Secret>,
) -> Octocrab {
    let roots: Arc<[ApiRoot]> = roots.into();
    let uri = |host: &str| {
        http::Uri::builder()
            .scheme("https")
            .authority(host)
            .path_and_query("/")
            .build()
            .expect("the hosts of API roots were read from URLs and settings that name hosts")
    };
    let root = uri(host);
    // An Enterprise Server takes uploads itself.
    let uploads = if host == ApiRoot::GITHUB {
        uri("uploads.github.com")
    } else {
        root.clone()
    };
    let authorization = token.map(|token| {
        let mut value = http::HeaderValue::from_str(&format!("Bearer {}", token.expose()))
            .unwrap_or(http::HeaderValue::from_static("Bearer"));
        value.set_sensitive(true);
        value
    });
    let built = OctocrabBuilder::new_empty()
        .with_service(service.clone())
        .with_layer(&FollowRedirectLayer::new())
        .with_layer(&AuthHeaderLayer::new(authorization, root.clone(), uploads))
        .with_layer(&BaseUriLayer::new(root))
        .with_layer(&MapRequestLayer::new(
            move |mut request: http::Request<OctoBody>| {
                // Before the credential is added, which goes to relative URIs and to the root's own host alone.
                if let Some(named) = roots.iter().find_map(|root| root.as_named(request.uri())) {
                    *request.uri_mut() = named;
                }
                request
            },
        ))
        .with_auth(AuthState::None)
        .build();
    match built {
        Ok(octocrab) => octocrab,
        Err(never) => match never {},
    }
}
