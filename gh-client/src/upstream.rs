//! The way out: HTTP to GitHub and to nobody else.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use cache_core::port::{BoxError, BoxFuture, PortError, PortErrorKind};
use http::header::{AUTHORIZATION, COOKIE, HOST};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Request, Response, Uri};
use http_body::Body;
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower::Service;

/// Where the REST API of a host is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiRoot {
    /// The host that clients name, in lower case, such as `api.github.com`.
    pub host: String,
    scheme: Scheme,
    authority: Authority,
    /// Path in front of every target, without a final slash: `/api/v3` on an Enterprise Server.
    prefix: String,
}

/// Why an API root cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages are the docs")]
pub enum ApiRootError {
    #[error("{given:?} is no http:// or https:// URL")]
    NoUrl { given: String },
    #[error(
        "{given:?} may not stand in for api.github.com: only https://api.github.com or an http:// address on loopback \
         may; name the host that it serves, as in ghe.example=https://ghe.example/api/v3"
    )]
    NotForGitHub { given: String },
    #[error("{given:?} would send tokens in the clear: use https://, or http:// on loopback alone")]
    InTheClear { given: String },
}

impl ApiRoot {
    /// The host that a root without a name stands in for.
    pub const GITHUB: &'static str = "api.github.com";

    /// Reads `ROOT`, which stands in for `api.github.com`, or `HOST=ROOT`.
    pub fn parse(given: &str) -> Result<Self, ApiRootError> {
        let no_url = || ApiRootError::NoUrl {
            given: given.to_owned(),
        };
        let (host, root) = match given.split_once('=') {
            Some((host, root)) if !host.contains('/') => {
                (host.trim().to_ascii_lowercase(), root.trim())
            }
            _ => (Self::GITHUB.to_owned(), given.trim()),
        };
        let uri: Uri = root.parse().map_err(|_| no_url())?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(no_url());
        };
        if (scheme != &Scheme::HTTP && scheme != &Scheme::HTTPS)
            || authority.as_str().contains('@')
            || uri.query().is_some()
            || host.contains('@')
            || host.parse::<Authority>().is_err()
        {
            return Err(no_url());
        }
        let root = Self {
            scheme: scheme.clone(),
            authority: authority.clone(),
            prefix: uri.path().trim_end_matches('/').to_owned(),
            host,
        };
        let is_local = root.scheme == Scheme::HTTP && root.is_loopback();
        if root.host == Self::GITHUB && !is_local && root.origin() != "https://api.github.com" {
            return Err(ApiRootError::NotForGitHub {
                given: given.to_owned(),
            });
        }
        if root.scheme == Scheme::HTTP && !is_local {
            return Err(ApiRootError::InTheClear {
                given: given.to_owned(),
            });
        }
        Ok(root)
    }

    /// Returns the root as a URL without a final slash.
    pub fn url(&self) -> String {
        format!("{}{}", self.origin(), self.prefix)
    }

    /// Returns `uri` as clients name it, if it begins with this root: an API that names itself in `Link` by where it
    /// really is sends its clients there for the next page.
    #[cfg(feature = "octocrab")]
    pub(crate) fn as_named(&self, uri: &Uri) -> Option<Uri> {
        if uri.scheme() != Some(&self.scheme) || uri.authority() != Some(&self.authority) {
            return None;
        }
        let target = uri.path_and_query()?.as_str().strip_prefix(&self.prefix)?;
        target
            .starts_with('/')
            .then(|| format!("https://{}{target}", self.host).parse().ok())?
    }

    fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }

    fn is_loopback(&self) -> bool {
        let host = self
            .authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }

    /// Returns where a request for `target` goes. GraphQL of an Enterprise Server stands beside `/api/v3`.
    fn uri(&self, target: Option<&PathAndQuery>) -> Result<Uri, http::Error> {
        let target = target.map_or("/", PathAndQuery::as_str);
        let path = match self.prefix.strip_suffix("/v3") {
            Some(api) if target == "/graphql" => format!("{api}/graphql"),
            _ => format!("{}{target}", self.prefix),
        };
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
    }
}

/// The client's bounds.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// The APIs that may be asked.
    pub roots: Vec<ApiRoot>,
    /// Further certificates to trust, in PEM: those of `CACHE_CA_FILE`.
    pub ca_pem: Option<Vec<u8>>,
    /// A connection that takes longer is given up.
    pub connect_timeout: Duration,
    /// A response whose head takes longer is given up. GitHub itself cuts requests at 10 s.
    pub response_timeout: Duration,
}

impl Default for UpstreamConfig {
    fn default() -> Self {
        Self {
            roots: vec![
                ApiRoot::parse("https://api.github.com").expect("GitHub's own root is one"),
            ],
            ca_pem: None,
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(30),
        }
    }
}

/// Why the client could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages are the docs")]
pub enum UpstreamError {
    #[error("the CA file holds no certificate in PEM form")]
    NoCertificate,
    #[error("a certificate cannot be used")]
    BadCertificate(#[source] rustls::Error),
    #[error("this machine's certificates cannot be read")]
    NoSystemCertificates(#[source] BoxError),
}

/// Marks a request for a public host that GitHub itself just sent the client to by a `Location`: a log or an artifact on
/// blob storage. It goes there over TLS and without credentials; the URL carries its own proof.
#[derive(Clone, Copy, Debug)]
pub struct LearnedHost;

/// A request body of at most this many bytes counts as sent at once.
const SENT_AT_ONCE_BYTES: u64 = 1 << 20;

/// The body kind that requests leave with.
type OutBody = BoxBody<Bytes, BoxError>;

/// An HTTP client of GitHub: HTTP/2 where it is offered, a pool of connections, TLS with the system's certificates.
///
/// Requests name a host; it is asked if it is one of the configured APIs, at its root, or one of the web hosts that go
/// with `github.com`. All else is refused, so that no request can send a credential elsewhere.
#[derive(Clone)]
pub struct Upstream {
    client: Client<HttpsConnector<HttpConnector>, OutBody>,
    roots: Arc<[ApiRoot]>,
    response_timeout: Duration,
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream")
            .field("roots", &self.roots)
            .finish_non_exhaustive()
    }
}

impl Upstream {
    /// Returns a client. It connects when it is first asked.
    pub fn new(config: UpstreamConfig) -> Result<Self, UpstreamError> {
        let tls = tls_config(config.ca_pem.as_deref())?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(config.connect_timeout));
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(55))
            .timer(TokioTimer::new())
            // A connection that died silently (a laptop slept, a NAT forgot) must not be used again and again.
            .http2_keep_alive_interval(Duration::from_secs(20))
            .http2_keep_alive_timeout(Duration::from_secs(10))
            .http2_keep_alive_while_idle(true)
            .build(connector);
        Ok(Self {
            client,
            roots: config.roots.into(),
            response_timeout: config.response_timeout,
        })
    }

    fn locate(&self, uri: &Uri, is_learned: bool) -> Result<Uri, PortError> {
        let unsendable =
            |error: BoxError| PortError::new(PortErrorKind::Unsendable, "origin", error);
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let named = match uri.port_u16() {
            Some(port) if port != 443 => format!("{host}:{port}"),
            _ => host.clone(),
        };
        if let Some(root) = self.roots.iter().find(|root| root.host == named) {
            return root
                .uri(uri.path_and_query())
                .map_err(|error| unsendable(error.into()));
        }
        // A name with a dot that is no address: what a public service is called.
        let is_public_name = || {
            host.contains('.')
                && !host.starts_with('[')
                && host.parse::<std::net::IpAddr>().is_err()
        };
        let may_go = is_web_host(&host) || (is_learned && is_public_name());
        if may_go && uri.port_u16().is_none_or(|port| port == 443) {
            let target = uri.path_and_query().map_or("/", PathAndQuery::as_str);
            return format!("https://{host}{target}")
                .parse()
                .map_err(|error: http::uri::InvalidUri| unsendable(error.into()));
        }
        Err(unsendable(
            format!("{named:?} is not a host that requests are sent to").into(),
        ))
    }
}

/// Tells whether `host` goes with github.com: the web site, uploads, and what redirects lead to.
pub fn is_web_host(host: &str) -> bool {
    matches!(
        host,
        "github.com" | "uploads.github.com" | "codeload.github.com"
    ) || host
        .strip_suffix(".githubusercontent.com")
        .is_some_and(|label| !label.is_empty())
}

/// Removes credentials from a request to a host that only signed URLs lead to: those carry their own proof.
fn remove_credentials_for(to: &Uri, is_learned: bool, headers: &mut HeaderMap) {
    if is_learned
        || to
            .host()
            .is_some_and(|host| host.ends_with(".githubusercontent.com"))
    {
        headers.remove(AUTHORIZATION);
        headers.remove(COOKIE);
    }
}

fn tls_config(ca_pem: Option<&[u8]>) -> Result<rustls::ClientConfig, UpstreamError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the default protocol versions");
    let Some(pem) = ca_pem else {
        let builder = builder
            .with_native_roots()
            .map_err(|error| UpstreamError::NoSystemCertificates(error.into()))?;
        return Ok(builder.with_no_client_auth());
    };
    let mut roots = rustls::RootCertStore::empty();
    // Beside the system's certificates, not in their place: other hosts still need those.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let mut n_added = 0;
    for certificate in
        <rustls::pki_types::CertificateDer<'_> as rustls::pki_types::pem::PemObject>::pem_slice_iter(
            pem,
        )
    {
        let certificate = certificate.map_err(|_| UpstreamError::NoCertificate)?;
        roots
            .add(certificate)
            .map_err(UpstreamError::BadCertificate)?;
        n_added += 1;
    }
    if n_added == 0 {
        return Err(UpstreamError::NoCertificate);
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

impl<B> Service<Request<B>> for Upstream
where
    B: Body<Data = Bytes> + Send + Sync + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Incoming>;
    type Error = PortError;
    type Future = BoxFuture<'static, Result<Self::Response, PortError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), PortError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let is_learned = request.extensions().get::<LearnedHost>().is_some();
        let located = self.locate(request.uri(), is_learned);
        let (client, response_timeout) = (self.client.clone(), self.response_timeout);
        Box::pin(async move {
            let to = located?;
            let (mut parts, body) = request.into_parts();
            remove_credentials_for(&to, is_learned, &mut parts.headers);
            parts.uri = to;
            // The client's library names the host and the protocol that fit the connection.
            parts.headers.remove(HOST);
            parts.version = http::Version::HTTP_11;
            let body = body.map_err(Into::into);
            // What is at hand leaves at once; only a body that still arrives takes as long as it takes.
            let is_upload = body
                .size_hint()
                .upper()
                .is_none_or(|bytes| bytes > SENT_AT_ONCE_BYTES);
            let asking = client.request(Request::from_parts(parts, body.boxed()));
            if is_upload {
                // The response comes after the body.
                return asking
                    .await
                    .map_err(|error| crate::origin::failed(error.into()));
            }
            match tokio::time::timeout(response_timeout, asking).await {
                Ok(answered) => answered.map_err(|error| crate::origin::failed(error.into())),
                Err(elapsed) => Err(PortError::new(PortErrorKind::TimedOut, "origin", elapsed)),
            }
        })
    }
}

#[cfg(test)]
mod tests;
