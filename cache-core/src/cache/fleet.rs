//! What goes to peers and what comes from them: seals, opens, and asks for no more than a request allows.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::{Directives, Inner, Query};
use crate::port::{Ask, LeaseKey, Origin, Readers, Sealed};
use crate::{CacheKey, Entry, Freshness, Source, Timestamp};

impl Inner {
    pub(super) fn lease_key(&self, key: &CacheKey, query: &Query) -> LeaseKey {
        LeaseKey {
            audience: key.audience(),
            wire_key: self.ports.sealer.wire_key(&query.question),
        }
    }

    /// Returns what to ask the fleet for `query`: nothing that this node would refuse when it came.
    pub(super) fn fleet_ask(&self, key: &CacheKey, query: &Query, only_if_held: bool) -> Ask {
        let now = self.now();
        let Directives {
            no_cache,
            max_age,
            min_fresh,
            ..
        } = query.directives;
        let fresh = query.lifetimes.fresh;
        let oldest = if no_cache {
            now
        } else {
            let least = min_fresh.unwrap_or_default();
            now.saturating_sub(fresh.saturating_sub(least).min(max_age.unwrap_or(fresh)))
        };
        Ask {
            key: self.lease_key(key, query),
            fresh_since: oldest.max(self.fences.lock().peers_since(&query.tags)),
            only_if_held,
        }
    }

    pub(super) fn sealed(&self, query: &Query, entry: &Entry, readers: Readers) -> Option<Sealed> {
        self.ports
            .sealer
            .seal(&query.question, &query.credential, entry, readers)
    }

    /// Opens what a peer sealed for `query`, with the validator that this credential would be given for it.
    fn unsealed(
        &self,
        query: &Query,
        origin: &Arc<dyn Origin>,
        sealed: &Sealed,
    ) -> Option<Arc<Entry>> {
        let opened = self.ports.sealer.open(
            &sealed.envelope,
            &query.question,
            &query.credential,
            self.now(),
        );
        match opened {
            Ok(mut entry) => {
                entry.source = Source::Peer;
                // Never the sender's tag: it covers the sender's token, and may be a true tag beside a false body.
                entry.headers.remove(http::header::ETAG);
                if let Some(tag) =
                    origin.computed_validator(&query.question, &query.credential, entry.body())
                {
                    entry.headers.insert(http::header::ETAG, tag);
                }
                Some(Arc::new(entry.with_tags(Arc::clone(&query.tags))))
            }
            Err(reason) => {
                self.counters.rejected_envelopes.fetch_add(1, Relaxed);
                tracing::debug!(%reason, "a peer's envelope was not opened");
                None
            }
        }
    }

    /// Opens and keeps a peer's entry, if it is of use to `query`, which asked for nothing before `fresh_since`.
    pub(super) async fn take_sealed(
        &self,
        key: CacheKey,
        query: &Query,
        origin: &Arc<dyn Origin>,
        sealed: &Sealed,
        fresh_since: Timestamp,
    ) -> Option<Arc<Entry>> {
        let entry = self.unsealed(query, origin, sealed)?;
        if query.directives.no_cache && entry.requested_at < fresh_since {
            return None;
        }
        let directives = Directives {
            no_cache: false,
            // What is stale here is stale there: asking peers for it would only put off the origin.
            max_stale: None,
            ..query.directives
        };
        let is_fresh = matches!(
            self.judge_for(&entry, query, &directives).1,
            Freshness::Fresh(_)
        );
        (is_fresh && self.keep(key, &entry).await).then_some(entry)
    }
}
