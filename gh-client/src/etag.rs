//! Entity tags: the ones GitHub gives, computed; and the ones the door gives where GitHub gave none.
//!
//! GitHub's tags depend on the token, so a body that came from a peer, or from before a token was rotated, has none that
//! fits. The tag was observed to be the hex SHA-256 over the values of `Accept`, `Authorization` and `Cookie`, each
//! followed by `:`, and then the uncompressed body (bored-engineer/github-conditional-http-transport, since
//! February 2025). That is undocumented, so every tagged 200 is checked against it, and a formula that stops matching
//! switches itself off. A wrong tag costs an ordinary response, never a wrong answer.

use std::collections::HashMap;

use cache_core::{BodyId, Credential, Question};
use http::header::ACCEPT;
use http::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::RwLock;
use sha2::{Digest, Sha256};

/// After this many mismatches in a row the formula is taken for changed.
const MISMATCHES_ALLOWED: u32 = 5;

/// The formula, and on which hosts it holds: an Enterprise Server may make its tags in another way.
#[derive(Debug, Default)]
pub(crate) struct TagFormula {
    /// Guards how many tags in a row did not match, by host; held for a look-up.
    mismatches: RwLock<HashMap<String, u32>>,
}

impl TagFormula {
    /// Returns the tag that GitHub would give `credential` for `body`; `None` once the formula was seen not to hold.
    pub(crate) fn tag(
        &self,
        question: &Question,
        credential: &Credential,
        body: &[u8],
    ) -> Option<HeaderValue> {
        if question.method() != http::Method::GET || self.mismatches(question) >= MISMATCHES_ALLOWED
        {
            return None;
        }
        HeaderValue::from_str(&format!("W/\"{}\"", digest(question, credential, body))).ok()
    }

    /// Checks the formula against a tagged 200 that GitHub sent.
    pub(crate) fn check(
        &self,
        question: &Question,
        credential: &Credential,
        body: &[u8],
        given: &HeaderValue,
    ) {
        let seen = self.mismatches(question);
        if seen >= MISMATCHES_ALLOWED {
            return;
        }
        let holds = given
            .to_str()
            .is_ok_and(|given| opaque(given) == digest(question, credential, body));
        if holds && seen == 0 {
            return;
        }
        let mut mismatches = self.mismatches.write();
        let count = mismatches.entry(question.host().to_owned()).or_default();
        if holds {
            *count = 0;
            return;
        }
        *count += 1;
        if *count == MISMATCHES_ALLOWED {
            tracing::warn!(
                host = question.host(),
                "entity tags no longer follow the known formula; bodies from peers are fetched anew"
            );
        }
    }

    fn mismatches(&self, question: &Question) -> u32 {
        let mismatches = self.mismatches.read();
        mismatches.get(question.host()).copied().unwrap_or(0)
    }
}

/// Returns the characters between the quotes, without `W/`.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"')
}

fn digest(question: &Question, credential: &Credential, body: &[u8]) -> String {
    let mut hasher = Sha256::new();
    let accept = question
        .selected()
        .iter()
        .find(|(name, _)| name == ACCEPT)
        .map(|(_, value)| value);
    for value in accept
        .into_iter()
        .chain(credential.authorization().as_ref())
    {
        hasher.update(value.as_bytes());
        hasher.update(b":");
    }
    hasher.update(body);
    let digest: [u8; 32] = hasher.finalize().into();
    hex(&digest)
}

/// What the door's own tags begin with, behind the quote.
const DOOR: &str = "ghm-";

/// Returns the door's own tag for a body. It never goes upstream.
pub(crate) fn door_tag(body: BodyId) -> HeaderValue {
    HeaderValue::from_str(&format!("W/\"{DOOR}{}\"", hex(&body.as_digest()[..16])))
        .expect("hex digits and quotes are header characters")
}

/// Takes the door's own tags out of a precondition that goes upstream. GitHub knows none of them.
pub(crate) fn remove_door_tags(headers: &mut HeaderMap, name: &HeaderName) {
    let is_ours = |item: &&str| opaque(item.trim()).starts_with(DOOR);
    let given: Vec<HeaderValue> = headers.get_all(name).iter().cloned().collect();
    if !given
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|item| is_ours(&item)))
    {
        return;
    }
    headers.remove(name);
    for value in given.iter().filter_map(|value| value.to_str().ok()) {
        let kept: Vec<&str> = value.split(',').filter(|item| !is_ours(item)).collect();
        if let Ok(kept) = HeaderValue::from_str(kept.join(",").trim())
            && !kept.is_empty()
        {
            headers.append(name, kept);
        }
    }
}

/// Tells whether `If-None-Match` in `headers` matches `tag`, by weak comparison (RFC 9110 §13.1.2).
///
/// An unquoted tag never matches: GitHub does not take it either.
pub(crate) fn none_match_fails(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let Ok(tag) = tag.to_str() else { return false };
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    headers
        .get_all(http::header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| {
            value
                .split(',')
                .map(str::trim)
                .any(|item| item == "*" || item.strip_prefix("W/").unwrap_or(item) == tag)
        })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
            // Writing to a string cannot fail.
            let _ = write!(out, "{byte:02x}");
            out
        })
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::credential::from_token;
    use crate::media::JSON;

    fn question() -> Question {
        Question::builder(Method::GET, "api.github.com", "/repos/octocat/hello-world")
            .select(ACCEPT, JSON)
            .build()
    }

    /// The digests were made with `printf 'application/vnd.github+json:Bearer ghp_example:{"id":1}' | sha256sum`, and
    /// without the second part for the anonymous one.
    #[test]
    fn tags_follow_the_observed_formula() {
        let formula = TagFormula::default();
        let body = br#"{"id":1}"#;
        let tag = formula
            .tag(&question(), &from_token(b"ghp_example"), body)
            .unwrap();
        assert_eq!(tag, WITH_TOKEN);
        let tag = formula
            .tag(&question(), &Credential::anonymous(), body)
            .unwrap();
        assert_eq!(tag, ANONYMOUS);
    }

    #[test]
    fn a_formula_that_stops_matching_switches_itself_off() {
        let formula = TagFormula::default();
        let token = from_token(b"ghp_example");
        let other = HeaderValue::from_static("W/\"0123\"");
        let right = HeaderValue::from_static(WITH_TOKEN);
        for _ in 0..3 {
            formula.check(&question(), &token, b"x", &other);
        }
        formula.check(&question(), &token, br#"{"id":1}"#, &right);
        for _ in 0..MISMATCHES_ALLOWED - 1 {
            formula.check(&question(), &token, b"x", &other);
        }
        assert!(
            formula.tag(&question(), &token, b"x").is_some(),
            "one match in between starts the count again"
        );
        formula.check(&question(), &token, b"x", &other);
        assert!(formula.tag(&question(), &token, b"x").is_none());
    }

    #[test]
    fn comparison_is_weak_and_takes_lists() {
        let mut headers = HeaderMap::new();
        let tag = HeaderValue::from_static("W/\"a\"");
        assert!(!none_match_fails(&headers, &tag));
        for (value, expected) in [
            ("\"b\", \"a\"", true),
            ("W/\"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
        ] {
            headers.insert(http::header::IF_NONE_MATCH, HeaderValue::from_static(value));
            assert_eq!(none_match_fails(&headers, &tag), expected, "{value}");
        }
    }

    #[test]
    fn a_formula_that_fails_on_one_host_stands_on_others() {
        let formula = TagFormula::default();
        let elsewhere = Question::builder(Method::GET, "ghe.example", "/x").build();
        let other = HeaderValue::from_static("\"0123\"");
        for _ in 0..MISMATCHES_ALLOWED {
            formula.check(&elsewhere, &from_token(b"t"), b"x", &other);
        }
        assert!(formula.tag(&elsewhere, &from_token(b"t"), b"x").is_none());
        assert!(formula.tag(&question(), &from_token(b"t"), b"x").is_some());
    }

    #[test]
    fn the_doors_tags_do_not_go_upstream() {
        let name = http::header::IF_NONE_MATCH;
        let ours = door_tag(BodyId::of(b"x")).to_str().unwrap().to_owned();
        for (given, expected) in [
            (ours.clone(), None),
            (format!("\"a\", {ours}"), Some("\"a\"")),
            ("W/\"a\", \"b\"".to_owned(), Some("W/\"a\", \"b\"")),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(&name, given.parse().unwrap());
            remove_door_tags(&mut headers, &name);
            assert_eq!(
                headers.get(&name).map(|value| value.to_str().unwrap()),
                expected
            );
        }
    }

    #[test]
    fn basic_credentials_are_hashed_as_they_are_sent() {
        let basic = Credential::new(b"u:p", b"Basic dTpw".to_vec());
        let expected = digest_of(&[JSON.as_bytes(), b":Basic dTpw:", b"{}"]);
        let tag = TagFormula::default()
            .tag(&question(), &basic, b"{}")
            .unwrap();
        assert_eq!(tag, format!("W/\"{expected}\""));
    }

    fn digest_of(parts: &[&[u8]]) -> String {
        let digest: [u8; 32] = Sha256::digest(parts.concat()).into();
        hex(&digest)
    }

    const WITH_TOKEN: &str =
        "W/\"af253d1154df778c4c5d13dd64a82386b5f66a693fde040adcc03f8e8be7858e\"";
    const ANONYMOUS: &str =
        "W/\"c1fccd1a0f04046e07c2304713879214008d7eb641ba26239179a7c6e0f5089f\"";
}
