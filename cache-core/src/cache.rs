//! The way of one request: memory → disk → single flight → fleet → origin.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use parking_lot::Mutex;

use crate::counters::Counters;
use crate::flight::Flights;
use crate::freshness;
use crate::memory::Memory;
use crate::port::{Origin, Peers, PortError, Readers, Runtime, Sealer, Store, StreamedBody};
use crate::{
    Audience, CacheKey, Credential, Entry, Freshness, HitFrom, Lifetimes, Outcome, Question,
    Source, Stats, Tag, Timestamp,
};

mod answer;
mod fences;
mod fleet;
mod keeping;
mod leader;
mod proof;

use fences::Fences;

/// Bounds of a [`Cache`].
#[derive(Clone, Debug)]
pub struct CacheConfig {
    /// Entries in memory.
    pub max_entries: usize,
    /// Bytes in memory, bodies and headers together.
    pub max_memory_bytes: u64,
    /// A longer body is passed on and not kept.
    pub max_body_bytes: usize,
    /// An origin silent for this long is taken for failing, where a stale entry can stand in for it.
    pub patience: Duration,
    /// How long an answer that says "there is none" (404, 410, 301) is kept.
    pub brief_lifetime: Duration,
    /// How long a question whose answer was nobody else's is not collapsed.
    pub uncollapsed_for: Duration,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            max_entries: 1000,
            max_memory_bytes: 256 << 20,
            max_body_bytes: 4 << 20,
            patience: Duration::from_secs(5),
            brief_lifetime: Duration::from_secs(5),
            uncollapsed_for: Duration::from_secs(60),
        }
    }
}

/// What a [`Cache`] is wired to.
#[derive(Clone)]
pub struct Ports {
    /// The disk tier; [`NoStore`](crate::port::NoStore) for none.
    pub store: Arc<dyn Store>,
    /// The fleet; [`NoPeers`](crate::port::NoPeers) for none.
    pub peers: Arc<dyn Peers>,
    /// Audiences and envelopes.
    pub sealer: Arc<dyn Sealer>,
    /// Clock, sleep, spawn.
    pub runtime: Arc<dyn Runtime>,
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ports").finish_non_exhaustive()
    }
}

/// What the requester allows and demands (RFC 9111 §5.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// `no-cache`: not without the origin's word.
    pub no_cache: bool,
    /// `only-if-cached`: not with the origin's word.
    pub only_if_cached: bool,
    /// `max-age`: nothing older.
    pub max_age: Option<Duration>,
    /// `min-fresh`: fresh for at least this much longer.
    pub min_fresh: Option<Duration>,
    /// `max-stale`: stale by at most this much is welcome.
    pub max_stale: Option<Duration>,
}

/// A header whose seconds take the place of [`Lifetimes::fresh`] for an entry that carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedLifetime {
    /// The header.
    pub header: HeaderName,
    /// What it says counts for no more than this.
    pub at_most: Duration,
}

/// One request that a cache may answer.
#[derive(Clone, Debug)]
pub struct Query {
    /// What is asked.
    pub question: Arc<Question>,
    /// Who asks.
    pub credential: Credential,
    /// How long answers to this question may be used.
    pub lifetimes: Lifetimes,
    /// A header in which the answer may state its own freshness lifetime, if there is such a one.
    pub stated: Option<StatedLifetime>,
    /// What the requester allows and demands.
    pub directives: Directives,
    /// By which tags a write finds the answer.
    pub tags: Arc<[Tag]>,
    /// For whom the answer may be sealed; `None`: it never leaves this node, and peers are not asked.
    pub readers: Option<Readers>,
    /// Whether a body that another audience holds may be proved for this credential, where the origin says so.
    pub provable: bool,
}

/// How a [`Query`] was answered.
#[derive(Debug)]
pub enum Answer {
    /// With an entry.
    Stored(StoredAnswer),
    /// With a response that is passed on while it arrives, and not kept.
    Streamed(http::Response<StreamedBody>, Outcome),
}

/// An entry as the answer to one request.
#[derive(Clone, Debug)]
pub struct StoredAnswer {
    /// The entry.
    pub entry: Arc<Entry>,
    /// Who asked.
    pub audience: Audience,
    /// How it was found.
    pub outcome: Outcome,
    /// Its age at the answer (RFC 9111 §4.2.3).
    pub age: Duration,
}

/// Why a [`Query`] was not answered.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// Nothing usable is stored and the request forbids asking: 504 (RFC 9111 §5.2.1.7).
    #[error("nothing is stored for this request, and it forbids asking (only-if-cached)")]
    OnlyIfCached,
    /// The origin gave no answer, and nothing stored could stand in for it.
    #[error("the origin gave no answer")]
    Origin(#[source] Arc<PortError>),
}

/// A cache: answers queries from what is stored, from peers or from the origin.
///
/// Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Cache {
    inner: Arc<Inner>,
}

struct Inner {
    config: CacheConfig,
    memory: Memory,
    flights: Arc<Flights>,
    counters: Counters,
    ports: Ports,
    /// Guards recent invalidations, and every insertion into memory; held for a look-up only.
    fences: Mutex<Fences>,
}

/// An entry asked for by this much more than now in the future says that a clock was wrong: its age is unknown.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(60);

impl Cache {
    /// Returns an empty cache.
    pub fn new(config: CacheConfig, ports: Ports) -> Self {
        Self {
            inner: Arc::new(Inner {
                memory: Memory::new(config.max_entries, config.max_memory_bytes),
                flights: Arc::new(Flights::default()),
                counters: Counters::default(),
                fences: Mutex::default(),
                config,
                ports,
            }),
        }
    }

    /// Returns the audience of `credential`.
    pub fn audience(&self, credential: &Credential) -> Audience {
        self.inner.ports.sealer.audience(credential)
    }

    /// Returns what was counted since the start, and what is in memory now.
    pub fn stats(&self) -> Stats {
        Stats {
            n_entries: self.inner.memory.len() as u64,
            size_bytes: self.inner.memory.size_bytes(),
            evictions: self.inner.memory.evictions(),
            ..self.inner.counters.snapshot()
        }
    }

    /// Returns the bounds that this cache keeps.
    pub fn config(&self) -> &CacheConfig {
        &self.inner.config
    }

    /// Returns the clock.
    pub fn now(&self) -> Timestamp {
        self.inner.now()
    }

    /// Counts a request that was passed to the origin untouched, and whether the origin charged for it.
    pub fn count_passed(&self, forward: crate::Forward, charged: bool) {
        self.inner
            .counters
            .count_answer(Outcome::Passed { forward });
        self.inner.counters.count_call(true, charged);
    }

    /// Drops every entry that carries one of `tags`, and refuses to keep answers that were asked for before now.
    ///
    /// A request made after this has returned is never answered with anything older. Call it before the writer hears
    /// of its success. Returns how many entries in memory were dropped.
    pub async fn invalidate(&self, tags: &[Tag]) -> usize {
        let inner = &self.inner;
        inner.fences.lock().raise_tags(tags, inner.now());
        let n_dropped = inner.memory.remove_tagged(tags);
        // Whoever comes after this must not be given what was asked for before it.
        inner.flights.close_tagged(tags);
        for tag in tags {
            if let Err(error) = inner.ports.store.remove_tagged(*tag).await {
                inner.port_failed("invalidation on disk failed", &error);
            }
        }
        n_dropped
    }

    /// Drops every entry of `credential`, which the origin refuses, and does not keep what it was given until now.
    ///
    /// Nothing is dropped for the anonymous one: whoever comes without a credential has none that could be refused.
    pub async fn forget_credential(&self, credential: &Credential) {
        if !credential.is_anonymous() {
            self.inner.forget_audience(self.audience(credential)).await;
        }
    }

    /// Drops everything, and returns how many entries in memory there were.
    pub async fn clear(&self) -> usize {
        let inner = &self.inner;
        inner.fences.lock().raise_everything(inner.now());
        let n_dropped = inner.memory.clear();
        inner.flights.close_all();
        if let Err(error) = inner.ports.store.clear().await {
            inner.port_failed("clearing the disk failed", &error);
        }
        n_dropped
    }

    /// Returns a fresh entry from memory as the answer to `query`, if there is one.
    ///
    /// Never waits, and needs neither [`tags`](Query::tags) nor [`provable`](Query::provable): they are of use only to
    /// whoever asks further.
    pub fn fresh_in_memory(&self, query: &Query) -> Option<StoredAnswer> {
        let inner = &self.inner;
        let audience = self.audience(&query.credential);
        let entry = inner
            .memory
            .get(&CacheKey::new(&query.question, audience))?;
        let (age, Freshness::Fresh(left)) = inner.judge(&entry, query) else {
            return None;
        };
        let outcome = Outcome::Hit {
            from: HitFrom::Memory,
            ttl_s: left.as_secs(),
        };
        inner.counters.count_answer(outcome);
        Some(StoredAnswer {
            entry,
            audience,
            outcome,
            age,
        })
    }

    /// Answers `query`, asking `origin` where that is needed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves an upstream request under way to its end, for whoever else waits for it.
    pub async fn answer(
        &self,
        query: Query,
        origin: &Arc<dyn Origin>,
    ) -> Result<Answer, LookupError> {
        let answered = answer::answer(&self.inner, query, origin).await;
        match &answered {
            Ok(Answer::Stored(answer)) => self.inner.counters.count_answer(answer.outcome),
            Ok(Answer::Streamed(_, outcome)) => self.inner.counters.count_answer(*outcome),
            Err(_) => self.inner.counters.count_failure(),
        }
        answered
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("config", &self.inner.config)
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn now(&self) -> Timestamp {
        self.ports.runtime.now()
    }

    /// Returns the lifetimes of one entry: those of its question, with what the entry itself states, or the brief one
    /// of an answer that says "none".
    fn lifetimes_of(&self, entry: &Entry, query: &Query) -> Lifetimes {
        if !entry.is_brief() {
            let stated = query.stated.as_ref().and_then(|stated| {
                let seconds = entry.headers.get(&stated.header)?.to_str().ok()?;
                let lifetime = Duration::from_secs(seconds.trim().parse().ok()?);
                // A peer can shorten freshness, not lengthen it.
                Some(match entry.source {
                    Source::Origin => lifetime.min(stated.at_most),
                    Source::Peer => lifetime.min(query.lifetimes.fresh),
                })
            });
            return Lifetimes {
                fresh: stated.unwrap_or(query.lifetimes.fresh),
                ..query.lifetimes
            };
        }
        Lifetimes {
            fresh: self.config.brief_lifetime.min(query.lifetimes.fresh),
            ..Lifetimes::default()
        }
    }

    /// Returns the age of `entry` and what the policy and the request make of it.
    fn judge(&self, entry: &Entry, query: &Query) -> (Duration, Freshness) {
        self.judge_for(entry, query, &query.directives)
    }

    fn judge_for(
        &self,
        entry: &Entry,
        query: &Query,
        directives: &Directives,
    ) -> (Duration, Freshness) {
        let now = self.now();
        // The age counts from when the request left, not from when its answer came: the body cannot be newer.
        let age = now.saturating_since(entry.requested_at);
        let lifetimes = self.lifetimes_of(entry, query);
        let verdict = if entry.requested_at.saturating_since(now) > MAX_CLOCK_SKEW {
            lifetimes.if_asked(age)
        } else {
            directives.applied_to(freshness(age, &lifetimes), age, &lifetimes)
        };
        match verdict {
            Freshness::Fresh(left) if !(entry.is_brief() && left.is_zero()) => (age, verdict),
            // "There is none" is no body that could stand in for another.
            _ if entry.is_brief() => (age, Freshness::Stale),
            _ => (age, verdict),
        }
    }

    fn port_failed(&self, message: &'static str, error: &PortError) {
        self.counters
            .port_failures
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        tracing::warn!(error = error.chain(), "{message}");
    }
}

impl Directives {
    /// Returns `verdict` as the request wants it: never looser than the policy, but for `max-stale`.
    fn applied_to(&self, verdict: Freshness, age: Duration, lifetimes: &Lifetimes) -> Freshness {
        let asked = lifetimes.if_asked(age);
        if self.no_cache || self.max_age.is_some_and(|max_age| age > max_age) {
            return asked;
        }
        match verdict {
            Freshness::Fresh(left) if self.min_fresh.is_some_and(|least| left < least) => asked,
            Freshness::Fresh(_) => verdict,
            _ if self
                .max_stale
                .is_some_and(|most| age.saturating_sub(lifetimes.fresh) <= most) =>
            {
                Freshness::Fresh(Duration::ZERO)
            }
            // "Unless the max-stale request directive is also present, the client does not wish to receive a stale
            // response" (RFC 9111 §5.2.1.1); `min-fresh` wants even more.
            Freshness::StaleWhileRevalidate(_)
                if self.max_age.is_some() || self.min_fresh.is_some() =>
            {
                asked
            }
            _ => verdict,
        }
    }
}

#[cfg(test)]
mod tests;
