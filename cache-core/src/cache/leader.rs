//! The leader of a flight: asks the fleet, then the origin, and says what came of it.

use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};
use http::{HeaderMap, StatusCode};

use super::{Inner, Query};
use crate::flight::{How, Landed, Private, Takeoff};
use crate::port::{
    BoxFuture, Disposition, Lease, Origin, OriginAnswer, OriginRequest, PortError, PortErrorKind,
    Readers, Settled, StreamedBody, Validator, Verdict,
};
use crate::{CacheKey, Entry, Freshness, Source, Timestamp};

/// What a flight is for.
pub(super) struct Errand {
    pub(super) key: CacheKey,
    pub(super) query: Query,
    pub(super) origin: Arc<dyn Origin>,
    /// The entry to revalidate, if there is one.
    pub(super) have: Option<Arc<Entry>>,
}

pub(super) async fn lead(inner: Arc<Inner>, mut errand: Errand, takeoff: Takeoff) {
    // Another flight may have landed between this caller's look into memory and the start of this flight.
    if let Some(entry) = inner.memory.get(&errand.key) {
        if matches!(inner.judge(&entry, &errand.query).1, Freshness::Fresh(_)) {
            takeoff.land(Landed::Entry {
                entry,
                how: How::Memory,
            });
            return;
        }
        errand.have = Some(entry);
    }
    // Without an entry that could stand in there is nothing to lose patience for.
    let patience = errand
        .have
        .is_some()
        .then(|| inner.ports.runtime.sleep(inner.config.patience));
    let leader = Leader {
        inner,
        errand,
        takeoff,
        patience,
    };
    leader.lead().await;
}

/// A lease, and for whom its holder seals what comes of it.
type Leased = Option<(Lease, Readers)>;

struct Leader {
    inner: Arc<Inner>,
    errand: Errand,
    takeoff: Takeoff,
    /// Ends when those who wait are given a stale entry instead. Taken once it has.
    patience: Option<BoxFuture<'static, ()>>,
}

impl Leader {
    async fn lead(mut self) {
        let Some(readers) = self.errand.query.readers else {
            self.fly(None).await;
            return;
        };
        if !self.inner.ports.peers.is_reachable() {
            self.fly_and_offer(readers).await;
            return;
        }
        let inner = Arc::clone(&self.inner);
        let ask = inner.fleet_ask(&self.errand.key, &self.errand.query, false);
        let fresh_since = ask.fresh_since;
        let (sealed, how) = match self.patiently(inner.ports.peers.ask(ask)).await {
            Verdict::Found(sealed) => (sealed, How::Peer),
            Verdict::Waited(Settled::Entry(sealed)) => (sealed, How::Fleet),
            Verdict::Waited(Settled::Failed) => {
                let error = PortError::new(
                    PortErrorKind::Unavailable,
                    "fleet",
                    "another member of the fleet asked the origin twice and got no answer",
                );
                self.land_failure(StatusCode::GATEWAY_TIMEOUT, error);
                return;
            }
            Verdict::Waited(Settled::EachForItself) => {
                // What it brings will be this caller's alone: no body of another's is like it.
                self.errand.query.provable = false;
                self.fly(None).await;
                return;
            }
            Verdict::Granted(lease) => {
                self.fly(Some((lease, readers))).await;
                return;
            }
            Verdict::Alone => {
                self.fly_and_offer(readers).await;
                return;
            }
        };
        let Errand {
            key, query, origin, ..
        } = &self.errand;
        match inner
            .take_sealed(*key, query, origin, &sealed, fresh_since)
            .await
        {
            Some(entry) => self.takeoff.land(Landed::Entry { entry, how }),
            None => self.fly_and_offer(readers).await,
        }
    }

    /// Asks the origin without a lease, and offers what comes of it to the fleet.
    async fn fly_and_offer(&mut self, readers: Readers) {
        if let Some(entry) = self.fly(None).await
            && self.inner.ports.peers.is_reachable()
            && let Some(sealed) = self.inner.sealed(&self.errand.query, &entry, readers)
        {
            let key = self.inner.lease_key(&self.errand.key, &self.errand.query);
            self.inner.ports.peers.offer(key, sealed);
        }
    }

    /// Asks the origin, lands with what comes of it, and returns the entry that was kept, if one was.
    async fn fly(&mut self, mut leased: Leased) -> Option<Arc<Entry>> {
        let inner = Arc::clone(&self.inner);
        let (have, validator) = proposed(&inner, &self.errand).await.unzip();
        self.takeoff.mark_sent();
        let requested_at = inner.now();
        let request = OriginRequest {
            question: Arc::clone(&self.errand.query.question),
            credential: self.errand.query.credential.clone(),
            validator,
            max_body_bytes: inner.config.max_body_bytes,
        };
        let origin = Arc::clone(&self.errand.origin);
        let asking = pin!(inner.ask_origin(&origin, request));
        match self.patiently(asking).await {
            Ok(OriginAnswer::NotModified { headers }) => {
                let Some((have, how)) = have else {
                    settle(&mut leased, Settled::Failed);
                    self.land_failure(StatusCode::BAD_GATEWAY, unasked_304());
                    return None;
                };
                let entry = Arc::new(have.freshened(&headers, requested_at, inner.now()));
                let kept = inner.keep(self.errand.key, &entry).await;
                self.land_whole(leased, entry, kept, how)
            }
            Ok(OriginAnswer::Streamed(response)) => {
                self.land_stream(leased, response, requested_at).await;
                None
            }
            Ok(OriginAnswer::Whole {
                status,
                headers,
                body,
                disposition,
            }) => {
                let entry = whole_entry(
                    &inner,
                    &self.errand.query,
                    status,
                    headers,
                    body,
                    requested_at,
                );
                let kept = inner
                    .file(self.errand.key, &self.errand.query, &entry, disposition)
                    .await;
                let how = How::Fetched { stored: kept };
                match disposition {
                    Disposition::Store | Disposition::StoreBriefly => {
                        return self.land_whole(leased, entry, kept, how);
                    }
                    Disposition::EachForItself | Disposition::CredentialRefused => {
                        settle(&mut leased, Settled::EachForItself);
                        self.takeoff.land_privately(Private::Whole(entry));
                    }
                    Disposition::RateLimited => {
                        settle(&mut leased, Settled::Failed);
                        self.land_stale_or(How::RefusedByLimit { status }, entry, how);
                    }
                    Disposition::Failed => {
                        settle(&mut leased, Settled::Failed);
                        self.land_stale_or(How::StaleIfError { status }, entry, how);
                    }
                }
                None
            }
            Err(error) => {
                settle(&mut leased, Settled::Failed);
                self.land_failure(StatusCode::GATEWAY_TIMEOUT, error);
                None
            }
        }
    }

    /// Waits for `asking` to its end. If it outlasts the patience of the flight, whoever waits is served now, where a
    /// stale entry can stand in.
    async fn patiently<F: Future + Unpin>(&mut self, asking: F) -> F::Output {
        let Some(patience) = self.patience.take() else {
            return asking.await;
        };
        match select(asking, patience).await {
            Either::Left((answered, patience)) => {
                self.patience = Some(patience);
                answered
            }
            Either::Right(((), asking)) => {
                if let Some(entry) = self.stand_in() {
                    let status = StatusCode::GATEWAY_TIMEOUT;
                    let how = How::StaleIfError { status };
                    self.takeoff.land_early(Landed::Entry { entry, how });
                }
                asking.await
            }
        }
    }

    /// Tells the fleet, then lands. The entry is in memory by then: whoever comes later finds it there.
    fn land_whole(
        &self,
        mut leased: Leased,
        entry: Arc<Entry>,
        kept: bool,
        how: How,
    ) -> Option<Arc<Entry>> {
        if let Some((lease, readers)) = leased.take() {
            // Sealing is for nothing where the entry was not kept: it is too old for others too.
            let sealed = kept
                .then(|| self.inner.sealed(&self.errand.query, &entry, readers))
                .flatten();
            lease.settle(sealed.map_or(Settled::EachForItself, Settled::Entry));
        }
        let kept = kept.then(|| Arc::clone(&entry));
        self.takeoff.land(Landed::Entry { entry, how });
        kept
    }

    async fn land_stream(
        &mut self,
        mut leased: Leased,
        response: http::Response<StreamedBody>,
        requested_at: Timestamp,
    ) {
        let status = response.status();
        if status.is_server_error() {
            settle(&mut leased, Settled::Failed);
            if self.land_stale(How::StaleIfError { status }) {
                return;
            }
        } else {
            let (inner, key) = (&self.inner, &self.errand.key);
            inner.flights.do_not_collapse(
                key.question(),
                inner.now(),
                inner.config.uncollapsed_for,
            );
            // What was stored is superseded by an answer that cannot be.
            inner.forget(key, requested_at).await;
            settle(&mut leased, Settled::EachForItself);
        }
        self.takeoff.land_privately(Private::Streamed(response));
    }

    /// Returns the stale entry, if there is one that may stand in for a failing origin.
    fn stand_in(&self) -> Option<Arc<Entry>> {
        let entry = self.errand.have.as_ref()?;
        let (inner, key) = (&self.inner, &self.errand.key);
        let (_, verdict) = inner.judge(entry, &self.errand.query);
        // A write may have spoiled it since this flight began, and who waits may have come after the write.
        let stands =
            verdict != Freshness::Stale && inner.fences.lock().admit(key, entry, inner.now());
        stands.then(|| Arc::clone(entry))
    }

    /// Lands with the stale entry, if there is one that may stand in. Tells whether those who wait are served.
    fn land_stale(&self, how: How) -> bool {
        if let Some(entry) = self.stand_in() {
            self.takeoff.land(Landed::Entry { entry, how });
            return true;
        }
        self.takeoff.has_landed()
    }

    fn land_stale_or(&self, stale: How, entry: Arc<Entry>, how: How) {
        if !self.land_stale(stale) {
            self.takeoff.land(Landed::Entry { entry, how });
        }
    }

    fn land_failure(&self, status: StatusCode, error: PortError) {
        if !self.land_stale(How::StaleIfError { status }) {
            self.takeoff.land(Landed::Failed(Arc::new(error)));
        }
    }
}

fn settle(leased: &mut Leased, settled: Settled) {
    if let Some((lease, _)) = leased.take() {
        lease.settle(settled);
    }
}

/// Returns what the origin is asked to show current, what that would make of it, and the validator: the entry of this
/// audience, or where it has none a body that another one holds.
async fn proposed(inner: &Inner, errand: &Errand) -> Option<((Arc<Entry>, How), Validator)> {
    let Errand {
        key,
        query,
        origin,
        have,
    } = errand;
    if let Some(have) = have.as_ref().filter(|have| !have.is_brief()) {
        let may_be_shown =
            have.status == StatusCode::OK && origin.may_be_shown_current(&query.question, have);
        return may_be_shown
            .then(|| Some(((Arc::clone(have), How::Revalidated), validator(have)?)))
            .flatten();
    }
    let candidate = inner.candidate(key, query, origin).await?;
    let tag = candidate.etag()?.clone();
    Some(((candidate, How::Proved), Validator::EntityTag(tag)))
}

/// Returns the validator to revalidate `entry` with: its tag where it has one, else its date.
///
/// Not a peer's date: a forged one would have any body shown current for ever.
fn validator(entry: &Entry) -> Option<Validator> {
    entry
        .etag()
        .map(|tag| Validator::EntityTag(tag.clone()))
        .or_else(|| {
            let date = entry
                .last_modified()
                .filter(|_| entry.source == Source::Origin)?;
            Some(Validator::LastModified(date.clone()))
        })
}

/// Returns a complete answer to `query`, which has just arrived, as an entry.
pub(super) fn whole_entry(
    inner: &Inner,
    query: &Query,
    status: StatusCode,
    headers: HeaderMap,
    body: bytes::Bytes,
    requested_at: Timestamp,
) -> Arc<Entry> {
    let entry = Entry::new(
        status,
        headers,
        body,
        requested_at,
        inner.now(),
        Source::Origin,
    );
    Arc::new(entry.with_tags(Arc::clone(&query.tags)))
}

pub(super) fn unasked_304() -> PortError {
    PortError::new(
        PortErrorKind::Interrupted,
        "origin",
        "304 to a request that was not conditional",
    )
}
