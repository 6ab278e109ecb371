//! Who may speak to the HTTP door: programs on this machine, never pages in its browser.
//!
//! A listener on loopback is within reach of every page that a browser on the machine shows: directly, and under a
//! name of the page's choosing that resolves to 127.0.0.1 (DNS rebinding). The browser gives both away. It cannot
//! leave out `Origin` or `Sec-Fetch-Site` where they belong, and it sends the page's own name as `Host`.
//!
//! **Invariant:** `Host` is compared as a whole with a list made when the door was opened. It is never parsed, so
//! there is no second way to read it.

use http::header::{HOST, HeaderMap, HeaderName, ORIGIN, TRANSFER_ENCODING, UPGRADE};
use http::{Method, StatusCode, Version, request};

use super::refusal::Refusal;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Where the door's own pages are.
pub(crate) const OWN_PAGES: &str = "/.gh-mesh/";

/// Names of loopback. Their numbers are spelled out: other spellings of the same address are not needed by anyone.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The checks that come before everything else on the HTTP door.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    /// Values of `Host` that are let in, in lower case.
    authorities: Vec<Box<str>>,
    port: u16,
}

impl Guard {
    /// Returns the guard of a door on `port`.
    ///
    /// Let in are the loopback names and `allowed`, each with this port, or without any where the port is 80. An
    /// allowed name that has a port itself (`ci.example:8080`, behind a port mapping) is let in with that port.
    pub(crate) fn new(port: u16, allowed: &[String]) -> Self {
        let mut authorities = Vec::new();
        let names = LOOPBACK
            .into_iter()
            .chain(allowed.iter().map(String::as_str));
        for name in names {
            let name = name.trim().to_ascii_lowercase();
            let (name, port) = match split_port(&name) {
                (name, Some(port)) => (name.to_owned(), port),
                (name, None) if name.contains(':') && !name.starts_with('[') => {
                    (format!("[{name}]"), port)
                }
                (name, None) => (name.to_owned(), port),
            };
            authorities.push(format!("{name}:{port}").into());
            if port == 80 {
                authorities.push(name.into());
            }
        }
        Self { authorities, port }
    }

    /// Lets a request in, or says why not.
    pub(crate) fn check(&self, head: &request::Parts) -> Result<(), Refusal> {
        self.check_target(head)?;
        self.check_host(head)?;
        check_origin(head)?;
        check_connection(&head.headers)
    }

    fn check_target(&self, head: &request::Parts) -> Result<(), Refusal> {
        if head.method == Method::CONNECT {
            return Err(Refusal::closing(
                StatusCode::FORBIDDEN,
                "this door opens no tunnels; use its address as the base URL of the API, not as a proxy",
            ));
        }
        if head.method == Method::TRACE {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "this door does not answer TRACE",
            ));
        }
        if let Some(authority) = head.uri.authority() {
            // Absolute form (RFC 9112 §3.2.2): what a client sends that takes the door for a proxy.
            let here = head.uri.scheme_str() == Some("http")
                && self.lets_in(authority.as_str().as_bytes());
            if !here {
                return Err(Refusal::new(
                    StatusCode::FORBIDDEN,
                    "this door is no proxy: use its address as the base URL of the API",
                ));
            }
        }
        let path = head.uri.path();
        if !path.starts_with('/') {
            return Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                "the path must start with a slash",
            ));
        }
        check_path(path)
    }

    fn check_host(&self, head: &request::Parts) -> Result<(), Refusal> {
        let mut hosts = head.headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(Refusal::closing(
                StatusCode::BAD_REQUEST,
                "send one Host header",
            ));
        };
        if !self.lets_in(host.as_bytes()) {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                format!(
                    "this door answers to localhost, 127.0.0.1 and [::1] with port {}; \
                     start gh-mesh with --allow-host NAME to let in another name",
                    self.port
                ),
            ));
        }
        let target = head
            .uri
            .authority()
            .map(|authority| authority.as_str().as_bytes());
        if target.is_some_and(|target| !target.eq_ignore_ascii_case(host.as_bytes())) {
            return Err(Refusal::closing(
                StatusCode::BAD_REQUEST,
                "the request line and the Host header name different hosts",
            ));
        }
        Ok(())
    }

    fn lets_in(&self, host: &[u8]) -> bool {
        self.authorities
            .iter()
            .any(|authority| authority.as_bytes().eq_ignore_ascii_case(host))
    }
}

/// Refuses paths that some would read as the name of another host.
pub(super) fn check_path(path: &str) -> Result<(), Refusal> {
    if path.starts_with("//") || path.starts_with("/\\") {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "the path must start with a single slash",
        ));
    }
    Ok(())
}

fn check_origin(head: &request::Parts) -> Result<(), Refusal> {
    // `Origin: null` too: it stands for sandboxed frames and local files.
    if head.headers.contains_key(ORIGIN) {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "this door does not answer web pages (the request has an Origin header)",
        ));
    }
    let own_page =
        matches!(head.method, Method::GET | Method::HEAD) && head.uri.path().starts_with(OWN_PAGES);
    let by_page = |site: &[u8]| site != b"none" && !(own_page && site == b"same-origin");
    let mut sites = head.headers.get_all(SEC_FETCH_SITE).iter();
    if sites.any(|site| by_page(site.as_bytes())) {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "this door does not answer web pages (the request was made by one, says Sec-Fetch-Site)",
        ));
    }
    Ok(())
}

fn check_connection(headers: &HeaderMap) -> Result<(), Refusal> {
    for coding in headers.get_all(TRANSFER_ENCODING) {
        if !coding
            .as_bytes()
            .trim_ascii()
            .eq_ignore_ascii_case(b"chunked")
        {
            return Err(Refusal::closing(
                StatusCode::BAD_REQUEST,
                "the only transfer coding of requests is chunked",
            ));
        }
    }
    for protocol in headers.get_all(UPGRADE) {
        // Clients that would like HTTP/2 ask in passing, and go on with HTTP/1.1 when nothing comes of it
        // (RFC 9110 §7.8). Everything else asks for something that is not to be had.
        if !protocol
            .as_bytes()
            .trim_ascii()
            .eq_ignore_ascii_case(b"h2c")
        {
            return Err(Refusal::closing(
                StatusCode::BAD_REQUEST,
                "this door speaks HTTP/1.1 only and changes to no other protocol",
            ));
        }
    }
    Ok(())
}

/// Refuses requests that no door answers, whatever their head says.
pub(super) fn check_framing(version: Version, two_lengths: bool) -> Result<(), Refusal> {
    if two_lengths {
        return Err(Refusal::closing(
            StatusCode::BAD_REQUEST,
            "send one Content-Length or one Transfer-Encoding, not two lengths",
        ));
    }
    if version != Version::HTTP_11 && version != Version::HTTP_10 {
        return Err(Refusal::closing(
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            "this door speaks HTTP/1.1",
        ));
    }
    Ok(())
}

/// Splits `name:port`. An IPv6 address has a port only after its bracket.
pub(super) fn split_port(authority: &str) -> (&str, Option<u16>) {
    let split = authority.rsplit_once(':').and_then(|(name, port)| {
        let bare = !name.contains(':') || name.ends_with(']');
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| bare && digits)?;
        Some((name, Some(port)))
    });
    split.unwrap_or((authority, None))
}
