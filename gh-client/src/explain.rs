//! What would be made of a request, without sending it.

use std::time::Duration;

use cache_core::{Lifetimes, Question, Tag};
use http::header::{ACCEPT, RANGE};
use http::{HeaderMap, Method, Uri};

use crate::credential::credential_of;
use crate::directives::requested;
use crate::headers::API_VERSION;
use crate::policy::{self, Class, PolicyConfig};
use crate::service::{api_version, select_options};
use crate::{media, query};

/// What a cache makes of a request ([`explain`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The name of the route's class.
    pub class: &'static str,
    /// Which routes are of that class.
    pub about: &'static str,
    /// Why the request goes past the cache; `None` when it may be answered from there.
    pub passed_because: Option<&'static str>,
    /// Freshness lifetime of the answer.
    pub fresh: Duration,
    /// How long after that it is served while one request revalidates it.
    pub stale_while_revalidate: Duration,
    /// How long past its freshness lifetime it may stand in for a failing origin.
    pub stale_if_error: Duration,
    /// Whether the answer's own `X-Poll-Interval` replaces the freshness lifetime.
    pub states_own_lifetime: bool,
    /// The path and query under which the answer is found.
    pub target: String,
    /// The start of the question's digest, in hexadecimal; `None` where the answer is not kept, or its body decides.
    pub question: Option<String>,
    /// Whether the request carries no credential.
    pub is_anonymous: bool,
}

/// Returns what is made of a request of `method` for `uri` (`https://HOST/…`, of an API host) with `headers`.
pub fn explain(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    config: &PolicyConfig,
) -> Explanation {
    let is_graphql = uri.path() == "/graphql" && method == Method::POST;
    let class = if is_graphql {
        Class::Graphql
    } else {
        policy::class_of(uri.path(), uri.query())
    };
    let asked = requested(headers);
    let passed_because = if !is_graphql && policy::not_cacheable(method).is_some() {
        Some("its method is neither GET nor HEAD")
    } else if class == Class::NeverStored {
        Some("answers of this class are never stored")
    } else if asked.no_store {
        Some("it says no-store")
    } else if headers.contains_key(RANGE) {
        Some("it asks for a range")
    } else {
        None
    };
    let target = query::canonical_target(uri);
    let question = (passed_because.is_none() && !is_graphql).then(|| {
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let question = Question::builder(Method::GET, &host, target.clone())
            .select(ACCEPT, media::class_of(headers.get(ACCEPT)))
            .select(API_VERSION, api_version(headers));
        let digest = select_options(question, headers).build().digest();
        crate::etag::hex(&digest.as_bytes()[..8])
    });
    let Lifetimes {
        fresh,
        stale_while_revalidate,
        stale_if_error,
    } = match passed_because {
        None => class.lifetimes(config),
        Some(_) => Lifetimes::default(),
    };
    let (class_name, about) = named(class);
    Explanation {
        class: class_name,
        about,
        passed_because,
        fresh,
        stale_while_revalidate,
        stale_if_error,
        states_own_lifetime: class.stated_lifetime(config).is_some(),
        target,
        question,
        is_anonymous: credential_of(headers).is_anonymous(),
    }
}

/// Returns the tags of what a write to `path` on `host` spoils: the entries that a person means who wants what is
/// stored about `path` gone.
pub fn spoiled_by_write(host: &str, path: &str) -> Vec<Tag> {
    policy::spoiled_by(&Method::POST, host, path)
}

fn named(class: Class) -> (&'static str, &'static str) {
    match class {
        Class::Ordinary => ("ordinary", "everything that is not named"),
        Class::Activity => ("activity", "workflow runs and jobs, checks, statuses"),
        Class::Runners => ("runners", "self-hosted runners"),
        Class::Immutable => ("immutable", "objects named by a full commit hash"),
        Class::Polled => ("polled", "events and notifications"),
        Class::Access => (
            "access",
            "permissions, protection, rulesets, environments; never served stale",
        ),
        Class::Graphql => ("graphql", "GraphQL queries"),
        Class::NeverStored => (
            "never-stored",
            "logs, artifacts, secrets, and answers about the caller's budget",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &Method, path: &str, headers: &[(&'static str, &'static str)]) -> Explanation {
        let uri = format!("https://api.github.com{path}").parse().unwrap();
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        explain(method, &uri, &headers, &PolicyConfig::default())
    }

    #[test]
    fn what_is_kept_is_explained_with_its_lifetimes() {
        let repo = of(&Method::GET, "/repos/a/b?b=1&a=2", &[]);
        assert_eq!((repo.class, repo.passed_because), ("ordinary", None));
        assert_eq!(repo.target, "/repos/a/b?a=2&b=1");
        assert_eq!(
            repo.fresh + repo.stale_while_revalidate,
            PolicyConfig::ORDINARY_END
        );
        assert!(repo.is_anonymous);
        let same = of(&Method::HEAD, "/repos/a/b?a=2&b=1", &[("accept", "*/*")]);
        assert_eq!(same.question, repo.question);
        let other = of(
            &Method::GET,
            "/repos/a/b?a=2&b=1",
            &[("accept", "application/vnd.github.raw")],
        );
        assert_ne!(other.question, repo.question);
        assert!(of(&Method::GET, "/events", &[]).states_own_lifetime);
        assert_eq!(
            of(&Method::GET, "/repos/a/b/rulesets", &[]).stale_if_error,
            Duration::ZERO
        );
    }

    #[test]
    fn what_goes_past_the_cache_is_explained_with_the_reason() {
        #[track_caller]
        fn check(explanation: &Explanation, expected: &str) {
            assert_eq!(explanation.passed_because, Some(expected));
            assert_eq!(
                (explanation.fresh, &explanation.question),
                (Duration::ZERO, &None)
            );
        }
        check(
            &of(&Method::POST, "/repos/a/b", &[]),
            "its method is neither GET nor HEAD",
        );
        check(
            &of(&Method::GET, "/rate_limit", &[]),
            "answers of this class are never stored",
        );
        check(
            &of(&Method::GET, "/user", &[("cache-control", "no-store")]),
            "it says no-store",
        );
        check(
            &of(&Method::GET, "/user", &[("range", "bytes=0-1")]),
            "it asks for a range",
        );
        assert_eq!(of(&Method::POST, "/graphql", &[]).class, "graphql");
    }
}
