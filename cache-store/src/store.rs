//! The store: the port, put together from queue, readers and writer.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use cache_core::port::{PortError, PortErrorKind, Runtime, Store, StoreUsage};
use cache_core::{Audience, CacheKey, Entry, QuestionDigest, Tag};
use tokio::sync::oneshot;

use crate::counters::{Counters, count};
use crate::database::{is_damage, open_writer};
use crate::directory::Directory;
use crate::names::Names;
use crate::queue::{Op, Queue, Queued, Unwritten};
use crate::reader::{ReadError, Readers};
use crate::table::{self, Found, Read};
use crate::writer::{Writer, WriterParts};
use crate::{OpenError, RowSealer, SetAside, StoreConfig, StoreCounters};

/// A use is noted when the last one noted is this long ago: exact order among recent ones decides no eviction.
const TOUCH_INTERVAL: Duration = Duration::from_mins(1);

/// Stored responses in an `SQLite` database. Several processes may use one directory.
///
/// Dropping it writes what is queued and waits for that; [`flush`](Store::flush) before keeps the wait short.
pub struct SqliteStore {
    queue: Arc<Queue>,
    /// Joined on drop.
    writer: Option<JoinHandle<()>>,
    readers: Readers,
    names: Names,
    runtime: Arc<dyn Runtime>,
    counters: Arc<Counters>,
    is_distrusted: Arc<AtomicBool>,
    /// For the sizes of the files; takes no part in the lock.
    files: [std::path::PathBuf; 3],
    set_aside: Option<SetAside>,
}

impl SqliteStore {
    /// Opens the store in `config.dir`, making what is not there, and starts its threads.
    ///
    /// Blocks: to be called before serving begins. A database that is damaged or of a newer version is set aside as
    /// `*.corrupt-<n>` (see [`set_aside`](Self::set_aside)); rows of another key are dropped. On an error the caller
    /// runs in memory only.
    pub fn open(
        config: StoreConfig,
        sealer: Arc<dyn RowSealer>,
        runtime: Arc<dyn Runtime>,
    ) -> Result<Self, OpenError> {
        let directory = Directory::prepare(&config.dir)?;
        let names = Names(sealer);
        let opened = open_writer(&directory, &config, &names, false)?;
        let counters = Arc::new(Counters::default());
        let queue = Arc::new(Queue::new(&config));
        let is_distrusted = Arc::new(AtomicBool::new(false));
        let threads = |source| OpenError::Threads { source };
        let readers = Readers::start(
            Arc::clone(&runtime),
            Arc::clone(&counters),
            config.inline_reads,
        )
        .map_err(threads)?;
        let connections = readers.connections();
        let failed = |error: rusqlite::Error| OpenError::Database {
            path: directory.database(),
            source: error.into(),
        };
        connections.open(&directory).map_err(failed)?;
        let files = directory.files();
        let writer = Writer::new(
            WriterParts {
                config,
                directory,
                names: names.clone(),
                runtime: Arc::clone(&runtime),
                queue: Arc::clone(&queue),
                counters: Arc::clone(&counters),
                readers: connections,
                is_distrusted: Arc::clone(&is_distrusted),
            },
            opened.connection,
        );
        let writer = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer.run())
            .map_err(|source| OpenError::Threads { source })?;
        Ok(Self {
            queue,
            writer: Some(writer),
            readers,
            names,
            runtime,
            counters,
            is_distrusted,
            files,
            set_aside: opened.set_aside,
        })
    }

    /// Returns what was set aside when the store was opened, if anything was.
    pub fn set_aside(&self) -> Option<&SetAside> {
        self.set_aside.as_ref()
    }

    /// Returns what was counted since the store was opened.
    pub fn counters(&self) -> StoreCounters {
        self.counters.snapshot()
    }

    /// Turns what a read gave into an answer: damage is a miss, and its rows go.
    fn judge(&self, read: Result<Read, ReadError>) -> Result<Option<Found>, PortError> {
        match read {
            Ok(Read::Found(mut found)) => {
                self.drop_damaged(std::mem::take(&mut found.damaged));
                let now = self.runtime.now();
                if now.saturating_since(found.last_used) >= TOUCH_INTERVAL {
                    self.queue.touch(found.name, now);
                }
                Ok(Some(*found))
            }
            Ok(Read::Absent) => Ok(None),
            Ok(Read::Damaged(rows)) => {
                self.drop_damaged(rows);
                Ok(None)
            }
            Err(ReadError::Sqlite(error)) if is_damage(&error) => {
                count(&self.counters.damaged, 1);
                self.queue.report_damage();
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn drop_damaged(&self, rows: Vec<table::DamagedRow>) {
        count(
            &self.counters.damaged,
            u64::try_from(rows.len()).unwrap_or(u64::MAX),
        );
        self.queue.remove_damaged(rows);
    }

    /// Tells whether what is on disk may be read: no removal is owed to it.
    fn is_trusted(&self) -> bool {
        !self.is_distrusted.load(Ordering::Acquire)
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn lookup(&self, key: &CacheKey) -> Result<Option<Entry>, PortError> {
        match self.queue.queued(key) {
            Queued::Insert(entry) => return Ok(Some((*entry).clone())),
            Queued::Removal => return Ok(None),
            Queued::Nothing => {}
        }
        if !self.is_trusted() {
            return Ok(None);
        }
        let (names, key) = (self.names.clone(), *key);
        let read = self
            .readers
            .read(move |connection| table::lookup(connection, &names, &key))
            .await;
        Ok(self.judge(read)?.map(|found| found.entry))
    }

    async fn newest_for(
        &self,
        question: QuestionDigest,
    ) -> Result<Option<(CacheKey, Entry)>, PortError> {
        let (pending, superseded) = self.queue.pending_for(question);
        let mut stored = None;
        if self.is_trusted() {
            let names = self.names.clone();
            let is_superseded = move |key: &CacheKey| superseded.contains(key);
            let read = self
                .readers
                .read(move |connection| {
                    table::newest_for(connection, &names, question, &is_superseded)
                })
                .await;
            stored = self.judge(read)?;
        }
        Ok(match (pending, stored) {
            (Some((key, entry)), Some(found)) if entry.received_at >= found.entry.received_at => {
                Some((key, (*entry).clone()))
            }
            (_, Some(found)) => Some((found.key, found.entry)),
            (Some((key, entry)), None) => Some((key, (*entry).clone())),
            (None, None) => None,
        })
    }

    async fn insert(&self, key: &CacheKey, entry: Arc<Entry>) -> Result<(), PortError> {
        if !self.queue.put(key, entry) {
            count(&self.counters.dropped, 1);
        }
        Ok(())
    }

    async fn remove(&self, key: &CacheKey) -> Result<(), PortError> {
        self.queue.remove(key).await.map_err(unavailable)
    }

    async fn remove_tagged(&self, tag: Tag) -> Result<u64, PortError> {
        let (removed, answer) = oneshot::channel();
        self.queue
            .push_urgent(Op::RemoveTagged { tag, removed })
            .await
            .map_err(unavailable)?;
        answered(answer).await
    }

    async fn remove_audience(&self, audience: Audience) -> Result<u64, PortError> {
        let (removed, answer) = oneshot::channel();
        self.queue
            .push_urgent(Op::RemoveAudience { audience, removed })
            .await
            .map_err(unavailable)?;
        answered(answer).await
    }

    async fn clear(&self) -> Result<u64, PortError> {
        let (removed, answer) = oneshot::channel();
        self.queue
            .push_urgent(Op::Clear { removed })
            .await
            .map_err(unavailable)?;
        answered(answer).await
    }

    async fn usage(&self) -> Result<StoreUsage, PortError> {
        let files = self.files.clone();
        let read = self.readers.read(move |connection| {
            let size_bytes = files
                .iter()
                .filter_map(|path| path.symlink_metadata().ok())
                .map(|file| file.len())
                .sum();
            Ok((table::n_entries(connection)?, size_bytes))
        });
        let (n_entries, size_bytes) = read.await?;
        Ok(StoreUsage {
            n_entries,
            size_bytes,
            n_evicted: self.counters().n_evicted,
        })
    }

    async fn flush(&self) -> Result<(), PortError> {
        let (done, answer) = oneshot::channel();
        self.queue
            .push_urgent(Op::Flush { done })
            .await
            .map_err(unavailable)?;
        answered(answer).await
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.take() {
            // A panic there was reported by the panic hook; there is nothing left to write.
            let _ = writer.join();
        }
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("counters", &self.counters())
            .finish_non_exhaustive()
    }
}

async fn answered<T>(answer: oneshot::Receiver<Result<T, Unwritten>>) -> Result<T, PortError> {
    // Dropped unanswered only when the writer ended.
    answer.await.unwrap_or(Err(Unwritten)).map_err(unavailable)
}

fn unavailable(unwritten: Unwritten) -> PortError {
    PortError::new(PortErrorKind::Unavailable, "store", unwritten)
}
