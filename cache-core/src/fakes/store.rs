//! A disk that is a map, and that can fail on demand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use async_trait::async_trait;
use parking_lot::Mutex;

use super::Gate;
use crate::port::{PortError, PortErrorKind, Store, StoreUsage};
use crate::{Audience, CacheKey, Entry, QuestionDigest, Tag};

/// A map. It can be told to fail every call, and to hold insertions back.
#[derive(Debug, Default)]
pub struct FakeStore {
    entries: Mutex<BTreeMap<CacheKey, Entry>>,
    fails: AtomicBool,
    insertions_behind: Mutex<Option<Gate>>,
    look_ups_behind: Mutex<Option<Gate>>,
}

impl FakeStore {
    /// Makes every call fail from now on, or none.
    pub fn fail(&self, fails: bool) {
        self.fails.store(fails, SeqCst);
    }

    /// Makes insertions wait for `gate` before they take effect.
    pub fn hold_insertions(&self, gate: &Gate) {
        *self.insertions_behind.lock() = Some(gate.clone());
    }

    /// Makes look-ups wait for `gate` after they have read.
    pub fn hold_look_ups(&self, gate: &Gate) {
        *self.look_ups_behind.lock() = Some(gate.clone());
    }

    /// Returns the keys held now.
    pub fn keys(&self) -> Vec<CacheKey> {
        self.entries.lock().keys().copied().collect()
    }

    fn check(&self) -> Result<(), PortError> {
        if self.fails.load(SeqCst) {
            return Err(PortError::new(
                PortErrorKind::Unavailable,
                "store",
                "as scripted",
            ));
        }
        Ok(())
    }

    fn remove_where(&self, spoiled: impl Fn(&CacheKey, &Entry) -> bool) -> Result<u64, PortError> {
        self.check()?;
        let mut entries = self.entries.lock();
        let n_before = entries.len();
        entries.retain(|key, entry| !spoiled(key, entry));
        Ok((n_before - entries.len()) as u64)
    }
}

#[async_trait]
impl Store for FakeStore {
    async fn lookup(&self, key: &CacheKey) -> Result<Option<Entry>, PortError> {
        self.check()?;
        let found = self.entries.lock().get(key).cloned();
        let gate = self.look_ups_behind.lock().clone();
        if let Some(gate) = gate {
            gate.passed().await;
        }
        Ok(found)
    }

    async fn newest_for(
        &self,
        question: QuestionDigest,
    ) -> Result<Option<(CacheKey, Entry)>, PortError> {
        self.check()?;
        let entries = self.entries.lock();
        let newest = entries
            .iter()
            .filter(|(key, entry)| key.question() == question && entry.status == 200)
            .max_by_key(|(_, entry)| entry.requested_at);
        Ok(newest.map(|(key, entry)| (*key, entry.clone())))
    }

    async fn insert(&self, key: &CacheKey, entry: Arc<Entry>) -> Result<(), PortError> {
        self.check()?;
        let gate = self.insertions_behind.lock().clone();
        if let Some(gate) = gate {
            gate.passed().await;
        }
        self.entries.lock().insert(*key, Entry::clone(&entry));
        Ok(())
    }

    async fn remove(&self, key: &CacheKey) -> Result<(), PortError> {
        self.remove_where(|held, _| held == key).map(drop)
    }

    async fn remove_tagged(&self, tag: Tag) -> Result<u64, PortError> {
        self.remove_where(|_, entry| entry.tags.contains(&tag))
    }

    async fn remove_audience(&self, audience: Audience) -> Result<u64, PortError> {
        self.remove_where(|key, _| key.audience() == audience)
    }

    async fn clear(&self) -> Result<u64, PortError> {
        self.remove_where(|_, _| true)
    }

    async fn usage(&self) -> Result<StoreUsage, PortError> {
        self.check()?;
        let entries = self.entries.lock();
        Ok(StoreUsage {
            n_entries: entries.len() as u64,
            size_bytes: entries.values().map(Entry::size_bytes).sum(),
            n_evicted: 0,
        })
    }

    async fn flush(&self) -> Result<(), PortError> {
        self.check()
    }
}
