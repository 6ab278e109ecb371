//! Which headers travel, which are stored, which are said anew.

use http::header::{
    AGE, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE,
    HeaderName, LAST_MODIFIED, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SET_COOKIE, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderValue};

/// RFC 9211.
pub(crate) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
pub(crate) const API_VERSION: HeaderName = HeaderName::from_static("x-github-api-version");
/// Headers of requests that change what is in the answer: features under preview (and so what a query may select), and
/// which form ids have.
pub(crate) const ANSWER_OPTIONS: [HeaderName; 2] = [
    HeaderName::from_static("graphql-features"),
    HeaderName::from_static("x-github-next-global-id"),
];
/// How long, in seconds, whoever polls events is to wait.
pub(crate) const POLL_INTERVAL: HeaderName = HeaderName::from_static("x-poll-interval");
pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
pub(crate) const RATE_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
pub(crate) const RATE_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
pub(crate) const RATE_USED: HeaderName = HeaderName::from_static("x-ratelimit-used");
pub(crate) const RATE_RESOURCE: HeaderName = HeaderName::from_static("x-ratelimit-resource");
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-github-request-id");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Removes what belongs to one connection (RFC 9110 §7.6.1), the headers that `Connection` names among them.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in [
        CONNECTION,
        KEEP_ALIVE,
        PROXY_CONNECTION,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ] {
        headers.remove(name);
    }
}

/// Returns what may be stored of a response's headers: end-to-end, and true beyond the moment they were said.
///
/// Limits, dates and request ids of a stored answer would mislead clients that throttle on them; the content coding is
/// undone and the length said anew; cookies are for one client.
pub(crate) fn storable(mut headers: HeaderMap) -> HeaderMap {
    remove_hop_by_hop(&mut headers);
    for name in [
        RATE_LIMIT,
        RATE_REMAINING,
        RATE_RESET,
        RATE_USED,
        RATE_RESOURCE,
        REQUEST_ID,
        DATE,
        AGE,
        SET_COOKIE,
        CONTENT_ENCODING,
        CONTENT_LENGTH,
        CACHE_STATUS,
    ] {
        headers.remove(name);
    }
    headers
}

/// Returns those of an entry's headers that are about its body or its route, and so the same for whoever may see it.
///
/// A list of what stays, so that a header that is not known yet is taken for one about the caller, as scopes are.
pub(crate) fn about_the_body(headers: &HeaderMap) -> HeaderMap {
    let known = [
        CONTENT_TYPE,
        LAST_MODIFIED,
        CACHE_CONTROL,
        HeaderName::from_static("x-github-media-type"),
        POLL_INTERVAL,
        HeaderName::from_static("deprecation"),
        HeaderName::from_static("sunset"),
    ];
    let mut kept = HeaderMap::new();
    for name in known {
        for value in headers.get_all(&name) {
            kept.append(name.clone(), value.clone());
        }
    }
    kept
}

/// Returns the number in a header.
pub(crate) fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// Tells whether a list header holds `token`, without regard to case.
pub(crate) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(token))
}

/// Returns a header value of digits.
pub(crate) fn digits(number: u64) -> HeaderValue {
    HeaderValue::from(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_for_a_moment_or_a_connection_is_not_stored() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, x-private"),
            ("x-private", "1"),
            ("transfer-encoding", "chunked"),
            ("x-ratelimit-remaining", "1"),
            ("date", "now"),
            ("set-cookie", "a"),
            ("etag", "W/\"1\""),
            ("link", "<https://api.github.com/x?page=2>; rel=\"next\""),
            ("content-type", "application/json"),
        ] {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        let kept = storable(headers);
        let mut names: Vec<_> = kept.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-type", "etag", "link"]);
    }

    #[test]
    fn what_is_about_the_caller_or_not_known_is_not_about_the_body() {
        let mut headers = HeaderMap::new();
        for name in [
            "content-type",
            "etag",
            "link",
            "location",
            "x-oauth-scopes",
            "x-accepted-oauth-scopes",
            "github-authentication-token-expiration",
            "x-github-sso",
            "last-modified",
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("x"));
        }
        let kept = about_the_body(&headers);
        let mut names: Vec<_> = kept.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-type", "last-modified"]);
    }
}
