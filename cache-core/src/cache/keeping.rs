//! What is kept, what is forgotten, and what is used of it: the one place that writes to memory and disk.
//!
//! **Invariant:** an entry gets into memory only under the lock of the fences, so an invalidation either finds it
//! there or has gone up before it and keeps it out.

use std::sync::Arc;

use super::{Inner, Query};
use crate::port::{Disposition, Origin, OriginAnswer, OriginRequest, PortError};
use crate::{Audience, CacheKey, Entry, Timestamp};

impl Inner {
    /// Asks the origin once, and counts that.
    pub(super) async fn ask_origin(
        &self,
        origin: &Arc<dyn Origin>,
        request: OriginRequest,
    ) -> Result<OriginAnswer, PortError> {
        let call = self.counters.call(request.credential.is_anonymous());
        let answered = origin.fetch(request).await;
        call.answered(&answered);
        answered
    }

    /// Does with an answer of the origin what its disposition asks for. Tells whether it was kept.
    pub(super) async fn file(
        &self,
        key: CacheKey,
        query: &Query,
        entry: &Arc<Entry>,
        disposition: Disposition,
    ) -> bool {
        match disposition {
            Disposition::Store => self.keep(key, entry).await,
            Disposition::StoreBriefly => {
                self.forget(&key, entry.requested_at).await;
                self.keep(key, entry).await
            }
            // Whoever comes without a credential has none that could be refused.
            Disposition::CredentialRefused if !query.credential.is_anonymous() => {
                self.forget_audience(key.audience()).await;
                self.remove_look_up_on_disk(&key).await;
                false
            }
            Disposition::CredentialRefused | Disposition::EachForItself => {
                self.forget(&key, entry.requested_at).await;
                false
            }
            Disposition::RateLimited | Disposition::Failed => false,
        }
    }

    /// Keeps `entry` unless an invalidation or a newer entry came between its request and now. Tells whether it was
    /// kept.
    pub(super) async fn keep(&self, key: CacheKey, entry: &Arc<Entry>) -> bool {
        if !self.admit(key, entry) {
            return false;
        }
        if !entry.is_brief() {
            if let Err(error) = self.ports.store.insert(&key, Arc::clone(entry)).await {
                self.port_failed("storing on disk failed", &error);
            }
            // An invalidation may have cleared the disk just before this entry got there.
            if !self.fences.lock().admit(&key, entry, self.now()) {
                self.remove_look_up_on_disk(&key).await;
                return false;
            }
        }
        true
    }

    /// Returns what the disk holds for `key`, and brings it to memory.
    pub(super) async fn look_up_on_disk(&self, key: &CacheKey) -> Option<Arc<Entry>> {
        match self.ports.store.lookup(key).await {
            Ok(None) => None,
            Ok(Some(entry)) => {
                let entry = Arc::new(entry);
                if self.admit(*key, &entry) {
                    return Some(entry);
                }
                // Spoiled while it was read, or a flight landed meanwhile and memory has the newer one.
                self.memory.get(key)
            }
            Err(error) => {
                self.port_failed("reading from disk failed", &error);
                None
            }
        }
    }

    /// Forgets what is held for `key`, unless it is newer than a request that left at `requested_at`.
    pub(super) async fn forget(&self, key: &CacheKey, requested_at: Timestamp) {
        {
            let _fences = self.fences.lock();
            if self.holds_newer(key, requested_at) {
                return;
            }
            self.memory.remove(key);
        }
        self.remove_look_up_on_disk(key).await;
    }

    /// Forgets whatever `audience` could see: it is gone with its credential.
    pub(super) async fn forget_audience(&self, audience: Audience) {
        self.fences.lock().raise_audience(audience, self.now());
        self.memory.remove_audience(audience);
        if let Err(error) = self.ports.store.remove_audience(audience).await {
            self.port_failed("removing an audience from disk failed", &error);
        }
    }

    /// Puts `entry` into memory, unless it is fenced off or memory has a newer one.
    fn admit(&self, key: CacheKey, entry: &Arc<Entry>) -> bool {
        // Held until the entry is in memory: an invalidation in between would miss it.
        let mut fences = self.fences.lock();
        if !fences.admit(&key, entry, self.now()) || self.holds_newer(&key, entry.requested_at) {
            return false;
        }
        self.memory.insert(key, Arc::clone(entry));
        true
    }

    /// Tells whether memory has an entry whose request left after `requested_at`.
    fn holds_newer(&self, key: &CacheKey, requested_at: Timestamp) -> bool {
        // An entry from the future is none: the clock stepped back, and its instant says nothing.
        self.memory
            .get(key)
            .is_some_and(|held| held.requested_at > requested_at && held.requested_at <= self.now())
    }

    async fn remove_look_up_on_disk(&self, key: &CacheKey) {
        if let Err(error) = self.ports.store.remove(key).await {
            self.port_failed("removing from disk failed", &error);
        }
    }
}
