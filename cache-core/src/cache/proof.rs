//! Proof of access: a body that another audience holds, for the origin to say whether this credential may see it.
//!
//! **Invariant:** here is the one look-up that does not ask for whom an entry is. What it finds is answered with only
//! after a 304 to the caller's own credential for a tag that was computed here: a tag that somebody sent proves nothing.

use std::sync::Arc;

use http::Method;
use http::header::{ETAG, LINK};

use super::{Inner, Query};
use crate::port::Origin;
use crate::{CacheKey, Entry, Source};

impl Inner {
    /// Returns the newest body that another audience holds for the question of `query`, as the entry that it will be if
    /// the origin says 304 to the tag in it. Nothing else of the other's is in it.
    pub(super) async fn candidate(
        &self,
        key: &CacheKey,
        query: &Query,
        origin: &Arc<dyn Origin>,
    ) -> Option<Arc<Entry>> {
        let is_plain = query.question.method() == Method::GET && query.question.body().is_none();
        // A 304 to nobody proves nothing, and may be charged.
        if !query.provable || !is_plain || query.credential.authorization().is_none() {
            return None;
        }
        let held = match self.memory.newest_for(key.question(), key.audience()) {
            Some(held) => held,
            None => self.newest_on_disk(key).await?,
        };
        // The tag covers the body and not its place in a list.
        if held.headers.contains_key(LINK) {
            return None;
        }
        let mut headers = origin.provable_headers(&query.question, &held)?;
        let tag = origin.computed_validator(&query.question, &query.credential, held.body())?;
        headers.insert(ETAG, tag);
        let mut entry = held.with_headers(headers);
        entry.source = Source::Origin;
        Some(Arc::new(entry.with_tags(Arc::clone(&query.tags))))
    }

    async fn newest_on_disk(&self, key: &CacheKey) -> Option<Arc<Entry>> {
        match self.ports.store.newest_for(key.question()).await {
            Ok(found) => found
                .filter(|(found, _)| found.audience() != key.audience())
                .map(|(_, entry)| Arc::new(entry)),
            Err(error) => {
                self.port_failed("reading from disk failed", &error);
                None
            }
        }
    }
}
