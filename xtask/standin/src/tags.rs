//! Entity tags and conditional requests.
//!
//! The formula is the one that GitHub was observed to use since 2025 and does not document: hex SHA-256 of the values of `Accept`,
//! `Authorization` and `Cookie`, each followed by a colon and only where present, and then of the uncompressed body.

use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, header};
use sha2::{Digest, Sha256};

use crate::clock::Time;
use crate::config::TagFormula;

/// Mixed into salted tags.
const SALT: &[u8] = b"standin-salt:";
/// Makes random tags differ from each other.
static SERIAL: AtomicU64 = AtomicU64::new(0);

/// Returns the tag of `body` as answered to a request with these headers.
pub(crate) fn tag(formula: TagFormula, request: &HeaderMap, body: &[u8]) -> Option<String> {
    let mut hash = Sha256::new();
    match formula {
        TagFormula::Absent => return None,
        TagFormula::Observed => {}
        TagFormula::Salted => hash.update(SALT),
        TagFormula::Random => hash.update(SERIAL.fetch_add(1, Ordering::Relaxed).to_le_bytes()),
    }
    for name in [header::ACCEPT, header::AUTHORIZATION, header::COOKIE] {
        for value in request.get_all(name) {
            hash.update(value.as_bytes());
            hash.update(b":");
        }
    }
    hash.update(body);
    Some(format!("W/\"{}\"", hex::encode(hash.finalize())))
}

/// Whether the request carries a validator.
pub(crate) fn is_conditional(request: &HeaderMap) -> bool {
    request.contains_key(header::IF_NONE_MATCH) || request.contains_key(header::IF_MODIFIED_SINCE)
}

/// Whether the client already has what would be answered (RFC 9110 §13.2.2: `If-None-Match` decides where present).
pub(crate) fn is_not_modified(
    request: &HeaderMap,
    tag: Option<&str>,
    last_modified: Option<Time>,
) -> bool {
    let mut lists = request.get_all(header::IF_NONE_MATCH).iter().peekable();
    if lists.peek().is_some() {
        let Some(tag) = tag else {
            return false;
        };
        return lists
            .filter_map(|list| list.to_str().ok())
            .any(|list| matches_weakly(list, tag));
    }
    let since = request
        .get(header::IF_MODIFIED_SINCE)
        .and_then(|value| Time::from_http_date(value.to_str().ok()?));
    matches!((since, last_modified), (Some(since), Some(modified)) if modified <= since)
}

fn matches_weakly(list: &str, tag: &str) -> bool {
    let opaque = tag.strip_prefix("W/").unwrap_or(tag);
    // No tag made here holds a comma, so splitting at them cannot make one match.
    list.split(',').map(str::trim).any(|candidate| {
        candidate == "*" || candidate.strip_prefix("W/").unwrap_or(candidate) == opaque
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vector {
        headers: Vec<(String, String)>,
        body: String,
        tag: String,
    }

    #[test]
    fn tags_agree_with_the_vectors() {
        let vectors: Vec<Vector> =
            serde_json::from_str(include_str!("../data/tag-vectors.json")).unwrap();
        for Vector {
            headers,
            body,
            tag: expected,
        } in vectors
        {
            let request: HeaderMap = headers
                .iter()
                .map(|(name, value)| {
                    (
                        name.parse::<http::HeaderName>().unwrap(),
                        HeaderValue::from_str(value).unwrap(),
                    )
                })
                .collect();
            assert_eq!(
                tag(TagFormula::Observed, &request, body.as_bytes()),
                Some(expected)
            );
        }
    }

    #[test]
    fn if_none_match_compares_weakly_and_takes_lists_and_the_star() {
        for (sent, expected) in [
            ("W/\"a\"", true),
            ("\"a\"", true),
            ("\"b\", W/\"a\"", true),
            ("*", true),
            ("\"b\"", false),
            // Unquoted tags never match, on GitHub either.
            ("a", false),
        ] {
            let mut request = HeaderMap::new();
            request.insert(header::IF_NONE_MATCH, HeaderValue::from_static(sent));
            assert_eq!(
                is_not_modified(&request, Some("W/\"a\""), None),
                expected,
                "{sent}"
            );
        }
    }

    #[test]
    fn if_none_match_decides_over_if_modified_since() {
        let mut request = HeaderMap::new();
        let now = Time(1_735_689_600);
        request.insert(
            header::IF_MODIFIED_SINCE,
            HeaderValue::from_str(&now.http_date()).unwrap(),
        );
        assert!(is_not_modified(&request, Some("\"a\""), Some(now)));
        assert!(!is_not_modified(&request, Some("\"a\""), Some(now.plus(1))));
        request.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"b\""));
        assert!(!is_not_modified(&request, Some("\"a\""), Some(now)));
    }
}
