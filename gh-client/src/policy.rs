//! What GitHub's routes are to a cache: cacheable or not, for how long, and what spoils them.

mod routes;
mod spoiling;
mod table;

use std::time::Duration;

use cache_core::{Directives, Forward, Lifetimes, StatedLifetime};
use http::Method;

pub(crate) use spoiling::{everything_of, spoiled_by, tags_of};

use crate::headers::POLL_INTERVAL;
use routes::{LazyRoutes, Routes};
use table::RULES;

/// How the answers of a route behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    /// Everything that is not named.
    Ordinary,
    /// Workflow runs and jobs, checks, statuses: what people watch.
    Activity,
    /// Self-hosted runners.
    Runners,
    /// Objects named by a full commit hash.
    Immutable,
    /// Events and notifications.
    Polled,
    /// Permissions, protection, rulesets, environments.
    Access,
    /// GraphQL queries.
    Graphql,
    /// Never kept: signed URLs, secrets, answers about the budget.
    NeverStored,
}

/// What `CACHE_DEFAULT_TTL` and its like make of the classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyConfig {
    /// Freshness lifetime of ordinary answers. `None`: the 60 s that GitHub itself states, then stale-while-revalidate
    /// until [`PolicyConfig::ORDINARY_END`].
    pub default_ttl: Option<Duration>,
    /// Nothing older is served without revalidation.
    pub max_age: Option<Duration>,
    /// How long past its freshness lifetime an entry may stand in for a failing origin.
    pub stale_if_error: Duration,
}

impl PolicyConfig {
    /// Age at which an ordinary entry is no longer served while it is being revalidated.
    pub const ORDINARY_END: Duration = Duration::from_secs(300);
}

impl Default for PolicyConfig {
    fn default() -> Self {
        Self {
            default_ttl: None,
            max_age: None,
            stale_if_error: Duration::from_secs(86_400),
        }
    }
}

const STATED_BY_GITHUB: Duration = Duration::from_secs(60);
const RUNNERS: Duration = Duration::from_secs(30);
/// GitHub asks for a minute, and for some more when it is busy.
const LONGEST_INTERVAL: Duration = Duration::from_secs(60 * 60);
const IMMUTABLE: Duration = Duration::from_secs(24 * 60 * 60);

impl Class {
    /// Returns the lifetimes of answers of this class.
    pub(crate) fn lifetimes(self, config: &PolicyConfig) -> Lifetimes {
        let (fresh, end, stale_if_error) = match self {
            Self::Ordinary => match config.default_ttl {
                None => (
                    STATED_BY_GITHUB,
                    PolicyConfig::ORDINARY_END,
                    config.stale_if_error,
                ),
                Some(ttl) => (ttl, ttl, config.stale_if_error),
            },
            Self::Activity | Self::Graphql | Self::Polled => {
                (STATED_BY_GITHUB, STATED_BY_GITHUB, config.stale_if_error)
            }
            Self::Runners => (RUNNERS, RUNNERS, config.stale_if_error),
            Self::Immutable => (IMMUTABLE, IMMUTABLE, config.stale_if_error),
            // Never served stale, whatever fails: who may do what must not be answered from yesterday.
            Self::Access => (STATED_BY_GITHUB, STATED_BY_GITHUB, Duration::ZERO),
            Self::NeverStored => return Lifetimes::default(),
        };
        let lifetimes = Lifetimes {
            fresh,
            stale_while_revalidate: end.saturating_sub(fresh),
            stale_if_error,
        };
        match config.max_age {
            Some(max_age) => lifetimes.capped(max_age),
            None => lifetimes,
        }
    }

    /// Returns in which header an answer of this class states its own lifetime, if in any.
    pub(crate) fn stated_lifetime(self, config: &PolicyConfig) -> Option<StatedLifetime> {
        (self == Self::Polled).then(|| StatedLifetime {
            header: POLL_INTERVAL,
            at_most: config.max_age.unwrap_or(LONGEST_INTERVAL),
        })
    }

    /// Returns what of a request's wishes is granted: who may do what is not answered stale, whoever would take that.
    pub(crate) fn allowed(self, directives: Directives) -> Directives {
        Directives {
            max_stale: directives.max_stale.filter(|_| self != Self::Access),
            ..directives
        }
    }
}

static CLASSES: LazyRoutes<Class> = LazyRoutes::new(|| Routes::of(RULES));
static ABOUT_THE_CALLER: LazyRoutes<()> = LazyRoutes::new(|| Routes::of(table::ABOUT_THE_CALLER));
static OF_APPS: LazyRoutes<()> = LazyRoutes::new(|| Routes::of(table::OF_APPS));

/// Returns the class of a GET of `path` (no query) with `query`.
pub(crate) fn class_of(path: &str, query: Option<&str>) -> Class {
    let by_id = || {
        // `/repositories/ID/…` is another spelling of `/repos/OWNER/NAME/…`, which GitHub's own links use.
        let rest = path.strip_prefix("/repositories/")?;
        CLASSES.find(&format!("/repos/-/{rest}"))
    };
    match CLASSES.find(path).or_else(by_id) {
        Some(class) => class,
        None if names_full_hash(path, query) => Class::Immutable,
        None => Class::Ordinary,
    }
}

/// Tells whether a 401 for `path` may say that the credential is of the wrong kind, and not that it is no longer good.
pub(crate) fn wants_app_credential(path: &str) -> bool {
    OF_APPS.find(path).is_some()
}

/// Tells whether the answers of `path` are about whoever asks, so that what one credential got is nothing to another.
pub(crate) fn is_about_the_caller(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next();
    // A first segment spelled with `%` may be any of those in the table.
    first.is_none_or(|first| first.contains('%')) || ABOUT_THE_CALLER.find(path).is_some()
}

/// Tells whether the route names its object by a full commit hash, so that the body cannot change.
///
/// `contents?ref=HASH` is not among them: its body carries a download URL that expires.
fn names_full_hash(path: &str, query: Option<&str>) -> bool {
    // Nearly all paths are told apart by the length of their end alone.
    if path.rsplit('/').next().is_none_or(|end| end.len() < 40) {
        return false;
    }
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match segments[..] {
        [
            "repos",
            _,
            _,
            "git",
            "blobs" | "trees" | "commits" | "tags",
            hash,
        ]
        | ["repos", _, _, "commits", hash] => is_full_hash(hash),
        ["repos", _, _, "compare", range] => {
            query.is_none()
                && range
                    .split_once("...")
                    .is_some_and(|(a, b)| is_full_hash(a) && is_full_hash(b))
        }
        _ => false,
    }
}

fn is_full_hash(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns why a request of `method` cannot be answered from the cache at all, if so.
pub(crate) fn not_cacheable(method: &Method) -> Option<Forward> {
    (method != Method::GET && method != Method::HEAD).then_some(Forward::Method)
}

#[cfg(test)]
mod tests;
