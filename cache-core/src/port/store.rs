//! The disk tier.

use std::sync::Arc;

use async_trait::async_trait;

use super::PortError;
use crate::{Audience, CacheKey, Entry, QuestionDigest, Tag};

/// What a store holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreUsage {
    /// Entries.
    pub n_entries: u64,
    /// Bytes on disk.
    pub size_bytes: u64,
    /// Entries dropped for space since the start.
    pub n_evicted: u64,
}

/// Where stored responses are kept between runs.
///
/// Called from the lookup path and from flights; no method may block the calling thread.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Returns the entry for `key`, or `None` when there is none or its body no longer has its content id.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the store unchanged.
    async fn lookup(&self, key: &CacheKey) -> Result<Option<Entry>, PortError>;

    /// Returns the newest 200 that any audience holds for `question`, with its key.
    ///
    /// For proof of access only: the caller must not serve it to another audience without one.
    async fn newest_for(
        &self,
        question: QuestionDigest,
    ) -> Result<Option<(CacheKey, Entry)>, PortError>;

    /// Keeps `entry` under `key`, replacing what was there. Returns when it is queued; reads see it from then on.
    async fn insert(&self, key: &CacheKey, entry: Arc<Entry>) -> Result<(), PortError>;

    /// Forgets `key`.
    async fn remove(&self, key: &CacheKey) -> Result<(), PortError>;

    /// Forgets every entry that carries `tag`, and returns how many there were.
    async fn remove_tagged(&self, tag: Tag) -> Result<u64, PortError>;

    /// Forgets every entry of `audience`, whose credential was refused, and returns how many there were.
    ///
    /// The default forgets nothing, for stores that do not outlive the process; what such a store still holds of the
    /// audience is not used for two minutes.
    async fn remove_audience(&self, audience: Audience) -> Result<u64, PortError> {
        let _ = audience;
        Ok(0)
    }

    /// Forgets everything, and returns how many entries there were.
    async fn clear(&self) -> Result<u64, PortError>;

    /// Returns what is held now.
    async fn usage(&self) -> Result<StoreUsage, PortError>;

    /// Writes everything queued. Returns when it is on disk.
    async fn flush(&self) -> Result<(), PortError>;
}

/// A store that keeps nothing: memory only.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoStore;

#[async_trait]
impl Store for NoStore {
    async fn lookup(&self, _: &CacheKey) -> Result<Option<Entry>, PortError> {
        Ok(None)
    }

    async fn newest_for(&self, _: QuestionDigest) -> Result<Option<(CacheKey, Entry)>, PortError> {
        Ok(None)
    }

    async fn insert(&self, _: &CacheKey, _: Arc<Entry>) -> Result<(), PortError> {
        Ok(())
    }

    async fn remove(&self, _: &CacheKey) -> Result<(), PortError> {
        Ok(())
    }

    async fn remove_tagged(&self, _: Tag) -> Result<u64, PortError> {
        Ok(0)
    }

    async fn clear(&self) -> Result<u64, PortError> {
        Ok(0)
    }

    async fn usage(&self) -> Result<StoreUsage, PortError> {
        Ok(StoreUsage::default())
    }

    async fn flush(&self) -> Result<(), PortError> {
        Ok(())
    }
}
