//! The caller's side of a lookup.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::sync::oneshot;

use super::leader::{Errand, lead, unasked_304, whole_entry};
use super::{Answer, Directives, Inner, LookupError, Query, StoredAnswer};
use crate::flight::{Flight, How, Landed, Private, Seat};
use crate::port::{Origin, OriginAnswer, OriginRequest, Verdict};
use crate::{CacheKey, Entry, Forward, Freshness, HitFrom, Outcome};

/// A request joins, or starts, at most this many flights for one answer that suits it.
const MAX_FLIGHTS: usize = 3;

pub(super) async fn answer(
    inner: &Arc<Inner>,
    query: Query,
    origin: &Arc<dyn Origin>,
) -> Result<Answer, LookupError> {
    let key = CacheKey::new(
        &query.question,
        inner.ports.sealer.audience(&query.credential),
    );
    let mut have = None;
    if let Some(entry) = inner.memory.get(&key) {
        match usable(inner, &key, &query, origin, &entry, HitFrom::Memory) {
            Some(answer) => return Ok(answer),
            None => have = Some(entry),
        }
    } else if let Some(entry) = inner.look_up_on_disk(&key).await {
        match usable(inner, &key, &query, origin, &entry, HitFrom::Disk) {
            Some(answer) => return Ok(answer),
            None => have = Some(entry),
        }
    }
    let forward = forward(inner, have.as_ref(), &query);
    if forward == Forward::Stale {
        inner.counters.expirations.fetch_add(1, Relaxed);
    }
    if query.directives.only_if_cached {
        return only_if_cached(inner, key, &query, origin).await;
    }
    if inner.flights.is_uncollapsed(key.question(), inner.now()) {
        return fetch_alone(inner, key, &query, origin, forward).await;
    }
    fly(inner, key, query, origin, have, forward).await
}

/// Returns why `query` is not answered with what is stored for it.
fn forward(inner: &Inner, have: Option<&Arc<Entry>>, query: &Query) -> Forward {
    let Some(entry) = have else {
        return Forward::UriMiss;
    };
    match inner.judge_for(entry, query, &Directives::default()).1 {
        Freshness::Fresh(_) => Forward::Request,
        _ => Forward::Stale,
    }
}

/// Returns the entry as an answer if it may be used without waiting, starting a flight behind where that is due.
fn usable(
    inner: &Arc<Inner>,
    key: &CacheKey,
    query: &Query,
    origin: &Arc<dyn Origin>,
    entry: &Arc<Entry>,
    from: HitFrom,
) -> Option<Answer> {
    let (age, verdict) = inner.judge(entry, query);
    let outcome = match verdict {
        Freshness::Fresh(left) => Outcome::Hit {
            from,
            ttl_s: left.as_secs(),
        },
        Freshness::StaleWhileRevalidate(_) => {
            refresh_behind(inner, *key, query, origin, entry);
            Outcome::StaleWhileRevalidate {
                stale_s: age
                    .saturating_sub(inner.lifetimes_of(entry, query).fresh)
                    .as_secs(),
            }
        }
        Freshness::StaleIfError(_) | Freshness::Stale => return None,
    };
    Some(Answer::Stored(StoredAnswer {
        entry: Arc::clone(entry),
        audience: key.audience(),
        outcome,
        age,
    }))
}

fn refresh_behind(
    inner: &Arc<Inner>,
    key: CacheKey,
    query: &Query,
    origin: &Arc<dyn Origin>,
    entry: &Arc<Entry>,
) {
    if inner.flights.is_under_way(&key) {
        return;
    }
    // Nobody waits for it: an answer that is nobody else's is dropped unread.
    let _ = board(inner, key, query, origin, Some(entry));
}

/// Joins the flight for `key`, or starts one. Whoever starts it may be given an answer that is nobody else's.
fn board(
    inner: &Arc<Inner>,
    key: CacheKey,
    query: &Query,
    origin: &Arc<dyn Origin>,
    have: Option<&Arc<Entry>>,
) -> (Arc<Flight>, Option<oneshot::Receiver<Private>>) {
    match inner
        .flights
        .join(key, query.directives.no_cache, &query.tags)
    {
        Seat::Follower(flight) => (flight, None),
        Seat::Leader(takeoff, private) => {
            let flight = Arc::clone(&takeoff.flight);
            let errand = Errand {
                key,
                query: query.clone(),
                origin: Arc::clone(origin),
                have: have.cloned(),
            };
            let leading = lead(Arc::clone(inner), errand, takeoff);
            inner.ports.runtime.spawn(Box::pin(leading));
            (flight, Some(private))
        }
    }
}

async fn fly(
    inner: &Arc<Inner>,
    key: CacheKey,
    query: Query,
    origin: &Arc<dyn Origin>,
    have: Option<Arc<Entry>>,
    forward: Forward,
) -> Result<Answer, LookupError> {
    for _ in 0..MAX_FLIGHTS {
        let (flight, private) = board(inner, key, &query, origin, have.as_ref());
        let is_leader = private.is_some();
        match flight.landed().await {
            Some(Landed::Entry { entry, how }) => {
                if !is_leader && !suits(inner, &entry, how, &query) {
                    continue;
                }
                let age = inner.now().saturating_since(entry.requested_at);
                let outcome = outcome(how, forward, is_leader, &entry, inner, &query);
                return Ok(Answer::Stored(StoredAnswer {
                    entry,
                    audience: key.audience(),
                    outcome,
                    age,
                }));
            }
            Some(Landed::Failed(error)) => return Err(LookupError::Origin(error)),
            Some(Landed::EachForItself) => {
                // Sent before the flight landed, so it is there now if it ever will be.
                if let Some(private) = private.and_then(|mut rx| rx.try_recv().ok()) {
                    return Ok(private_answer(inner, &key, private, forward));
                }
                break;
            }
            None => break,
        }
    }
    fetch_alone(inner, key, &query, origin, forward).await
}

/// Tells whether what a flight brought answers a follower, whose request may demand more than its leader's.
fn suits(inner: &Inner, entry: &Entry, how: How, query: &Query) -> bool {
    match how {
        // The origin's word: whoever needs it newer than its own request joins no flight that has been sent.
        How::Fetched { .. } | How::Revalidated | How::Proved => true,
        How::StaleIfError { .. } | How::RefusedByLimit { .. } => {
            inner.judge(entry, query).1 != Freshness::Stale
        }
        How::Memory | How::Peer | How::Fleet => {
            matches!(inner.judge(entry, query).1, Freshness::Fresh(_))
        }
    }
}

fn outcome(
    how: How,
    forward: Forward,
    is_leader: bool,
    entry: &Entry,
    inner: &Inner,
    query: &Query,
) -> Outcome {
    let ttl_s = || match inner.judge(entry, query).1 {
        Freshness::Fresh(left) => left.as_secs(),
        _ => 0,
    };
    match how {
        How::StaleIfError { status } => Outcome::StaleIfError { status },
        How::RefusedByLimit { status } => Outcome::RefusedByLimit { status },
        _ if !is_leader => Outcome::Collapsed {
            forward,
            fleet: false,
        },
        How::Memory => Outcome::Hit {
            from: HitFrom::Memory,
            ttl_s: ttl_s(),
        },
        How::Peer => Outcome::Hit {
            from: HitFrom::Peer,
            ttl_s: ttl_s(),
        },
        How::Fleet => Outcome::Collapsed {
            forward,
            fleet: true,
        },
        How::Fetched { stored } => Outcome::Fetched {
            forward,
            status: entry.status,
            stored,
        },
        How::Revalidated => Outcome::Revalidated { forward },
        How::Proved => Outcome::Proved,
    }
}

fn private_answer(inner: &Inner, key: &CacheKey, private: Private, forward: Forward) -> Answer {
    match private {
        Private::Streamed(response) => {
            let outcome = Outcome::Fetched {
                forward,
                status: response.status(),
                stored: false,
            };
            Answer::Streamed(response, outcome)
        }
        Private::Whole(entry) => {
            let outcome = Outcome::Fetched {
                forward,
                status: entry.status,
                stored: false,
            };
            let age = inner.now().saturating_since(entry.requested_at);
            Answer::Stored(StoredAnswer {
                entry,
                audience: key.audience(),
                outcome,
                age,
            })
        }
    }
}

/// Asks the origin for this caller alone: the answer is known, or was just found, to be nobody else's.
async fn fetch_alone(
    inner: &Inner,
    key: CacheKey,
    query: &Query,
    origin: &Arc<dyn Origin>,
    forward: Forward,
) -> Result<Answer, LookupError> {
    let requested_at = inner.now();
    let request = OriginRequest {
        question: Arc::clone(&query.question),
        credential: query.credential.clone(),
        validator: None,
        max_body_bytes: inner.config.max_body_bytes,
    };
    match inner.ask_origin(origin, request).await {
        Ok(OriginAnswer::Streamed(response)) => {
            if !response.status().is_server_error() {
                inner.forget(&key, requested_at).await;
            }
            Ok(private_answer(
                inner,
                &key,
                Private::Streamed(response),
                forward,
            ))
        }
        Ok(OriginAnswer::Whole {
            status,
            headers,
            body,
            disposition,
        }) => {
            let entry = whole_entry(inner, query, status, headers, body, requested_at);
            // The service may have changed its mind about this question since.
            let stored = inner.file(key, query, &entry, disposition).await;
            let outcome = Outcome::Fetched {
                forward,
                status: entry.status,
                stored,
            };
            let age = inner.now().saturating_since(requested_at);
            Ok(Answer::Stored(StoredAnswer {
                entry,
                audience: key.audience(),
                outcome,
                age,
            }))
        }
        Ok(OriginAnswer::NotModified { .. }) => Err(LookupError::Origin(Arc::new(unasked_304()))),
        Err(error) => Err(LookupError::Origin(Arc::new(error))),
    }
}

/// Peers are asked, the origin is not (`only-if-cached`).
async fn only_if_cached(
    inner: &Arc<Inner>,
    key: CacheKey,
    query: &Query,
    origin: &Arc<dyn Origin>,
) -> Result<Answer, LookupError> {
    if query.readers.is_some() && !query.directives.no_cache && inner.ports.peers.is_reachable() {
        let ask = inner.fleet_ask(&key, query, true);
        let fresh_since = ask.fresh_since;
        if let Verdict::Found(sealed) = inner.ports.peers.ask(ask).await
            && let Some(entry) = inner
                .take_sealed(key, query, origin, &sealed, fresh_since)
                .await
            && let (age, Freshness::Fresh(left)) = inner.judge(&entry, query)
        {
            let outcome = Outcome::Hit {
                from: HitFrom::Peer,
                ttl_s: left.as_secs(),
            };
            return Ok(Answer::Stored(StoredAnswer {
                entry,
                audience: key.audience(),
                outcome,
                age,
            }));
        }
    }
    Err(LookupError::OnlyIfCached)
}
