//! The writer: the one thread that changes the database.
//!
//! It takes batches from the queue and writes each in one transaction, eviction included. When that fails, inserts
//! are given up, and removals are owed: they are tried again before anything else, and until they are written reads
//! of the disk are misses.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cache_core::port::Runtime;
use cache_core::{Audience, CacheKey, Tag, Timestamp};
use rusqlite::{Connection, TransactionBehavior};
use tracing::{info, warn};

use crate::counters::{Counters, count};
use crate::database::{is_damage, open_writer};
use crate::directory::Directory;
use crate::names::{Name, Names};
use crate::queue::{Batch, Op, Queue, Unwritten};
use crate::reader::Connections;
use crate::room::Room;
use crate::{StoreConfig, table};

/// Time between two sweeps of what is too old.
const SWEEP_INTERVAL: Duration = Duration::from_mins(10);

/// Removals owed, at most. More become the removal of everything.
const MAX_OWED: usize = 1_024;

/// What the writer shares with the store.
pub(crate) struct WriterParts {
    pub(crate) config: StoreConfig,
    pub(crate) directory: Directory,
    pub(crate) names: Names,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) readers: Connections,
    /// Set while removals are owed: then what is on disk must not be read.
    pub(crate) is_distrusted: Arc<AtomicBool>,
}

pub(crate) struct Writer {
    parts: WriterParts,
    /// `None` after damage, until a new database could be begun.
    connection: Option<Connection>,
    owed: Vec<Removal>,
    swept_at: Timestamp,
    /// The last batch could not be written, and that was said.
    is_failing: bool,
}

/// A removal, apart from who waits for it.
#[derive(Clone, Copy, Debug)]
enum Removal {
    Key(CacheKey),
    Tagged(Tag),
    Audience(Audience),
    All,
}

/// Why a batch was not written.
#[derive(Debug, thiserror::Error)]
enum BatchError {
    #[error("there is no database")]
    Closed,
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

impl Writer {
    pub(crate) fn new(parts: WriterParts, connection: Connection) -> Self {
        Self {
            parts,
            connection: Some(connection),
            owed: Vec::new(),
            swept_at: Timestamp::EPOCH,
            is_failing: false,
        }
    }

    /// Writes until the queue is closed and empty.
    pub(crate) fn run(mut self) {
        let max_bytes = self.parts.config.log_bytes() / 4;
        while let Some(batch) = self
            .parts
            .queue
            .next_batch(!self.owed.is_empty(), max_bytes)
        {
            self.process(batch);
        }
    }

    fn process(&mut self, batch: Batch) {
        let Batch {
            ops,
            touched,
            is_damaged,
        } = batch;
        if is_damaged || self.connection.is_none() {
            self.begin_anew(is_damaged);
        }
        let mut done = self.write(&ops, &touched);
        if matches!(&done, Err(BatchError::Sqlite(error)) if is_damage(error)) {
            count(&self.parts.counters.damaged, 1);
            self.begin_anew(true);
            done = self.write(&ops, &touched);
        }
        match &done {
            Ok(_) => {
                self.owed.clear();
                if std::mem::take(&mut self.is_failing) {
                    info!("the database can be written again");
                }
            }
            Err(error) => {
                let n_puts = ops.iter().filter(|op| matches!(op, Op::Put { .. })).count();
                count(
                    &self.parts.counters.unwritten,
                    u64::try_from(n_puts).unwrap_or(u64::MAX),
                );
                if !std::mem::replace(&mut self.is_failing, true) {
                    warn!(%error, "the database cannot be written; entries are kept in memory only until it can");
                }
                self.owed.extend(ops.iter().filter_map(Op::removal));
                if self.owed.len() > MAX_OWED {
                    self.owed = vec![Removal::All];
                }
            }
        }
        // In this order: a read that finds nothing queued any more must already see the distrust.
        self.parts
            .is_distrusted
            .store(!self.owed.is_empty(), Ordering::Release);
        self.parts.queue.settle(&ops);
        self.after(&ops, done.as_ref().ok());
        answer(ops, &done.map_err(|_| Unwritten));
    }

    /// Writes a batch in one transaction, and returns how many entries each operation removed.
    fn write(
        &mut self,
        ops: &[Op],
        touched: &HashMap<Name, Timestamp>,
    ) -> Result<Vec<u64>, BatchError> {
        let parts = &self.parts;
        let now = parts.runtime.now();
        let connection = self.connection.as_mut().ok_or(BatchError::Closed)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for removal in &self.owed {
            removal.write(&transaction, &parts.names)?;
        }
        for (name, at) in touched {
            table::touch(&transaction, name, *at)?;
        }
        let is_sweep_due = now.saturating_since(self.swept_at) >= SWEEP_INTERVAL;
        let mut n_expired = 0;
        if is_sweep_due {
            n_expired = table::sweep(&transaction, now.saturating_sub(parts.config.max_age))?;
        }
        let mut room = Room::new(&transaction, &parts.config, now)?;
        let mut removed = Vec::with_capacity(ops.len());
        for op in ops {
            removed.push(match op {
                Op::Put { key, entry, .. } => {
                    room.put(&parts.names, key, entry)?;
                    0
                }
                Op::RemoveDamaged(rows) => {
                    let mut n = 0;
                    for row in rows {
                        n += table::remove_damaged(&transaction, row)?;
                    }
                    n
                }
                Op::Flush { .. } => 0,
                Op::Remove { .. }
                | Op::RemoveTagged { .. }
                | Op::RemoveAudience { .. }
                | Op::Clear { .. } => op
                    .removal()
                    .map_or(Ok(0), |removal| removal.write(&transaction, &parts.names))?,
            });
            room.removed(removed.last().copied().unwrap_or(0));
        }
        let (n_evicted, n_refused) = room.finish();
        transaction.commit()?;
        if is_sweep_due {
            self.swept_at = now;
        }
        count(&parts.counters.expired, n_expired);
        count(&parts.counters.evicted, n_evicted);
        count(&parts.counters.refused, n_refused);
        Ok(removed)
    }

    /// Does what a batch asks for beyond its transaction. What fails here, fails again at the next batch or never.
    fn after(&self, ops: &[Op], removed: Option<&Vec<u64>>) {
        let (Some(connection), Some(_)) = (&self.connection, removed) else {
            return;
        };
        if ops.iter().any(|op| matches!(op, Op::Clear { .. })) {
            let _ = table::shrink(connection);
        }
        if ops
            .iter()
            .any(|op| matches!(op, Op::Flush { .. } | Op::Clear { .. }))
        {
            let _ = table::checkpoint(connection);
        }
    }

    /// Sets a damaged database aside and begins a new one, unless another process uses it.
    ///
    /// Without `is_damaged` the one that is there now is taken if it opens: another process may have begun it.
    fn begin_anew(&mut self, is_damaged: bool) {
        let parts = &self.parts;
        parts.readers.close();
        self.connection = None;
        match open_writer(&parts.directory, &parts.config, &parts.names, is_damaged) {
            Ok(opened) => {
                if let Err(error) = parts.readers.open(&parts.directory) {
                    warn!(%error, "the new database cannot be read");
                }
                self.connection = Some(opened.connection);
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_failing, true) {
                    warn!(%error, "the damaged database cannot be replaced; entries are kept in memory only");
                }
            }
        }
    }
}

impl Removal {
    fn write(self, connection: &Connection, names: &Names) -> rusqlite::Result<u64> {
        match self {
            Self::Key(key) => table::remove(connection, names, &key),
            Self::Tagged(tag) => table::remove_tagged(connection, names, tag),
            Self::Audience(audience) => table::remove_audience(connection, names, audience),
            Self::All => table::clear(connection),
        }
    }
}

impl Op {
    fn removal(&self) -> Option<Removal> {
        match self {
            Self::Remove { key, .. } => Some(Removal::Key(*key)),
            Self::RemoveTagged { tag, .. } => Some(Removal::Tagged(*tag)),
            Self::RemoveAudience { audience, .. } => Some(Removal::Audience(*audience)),
            Self::Clear { .. } => Some(Removal::All),
            Self::Put { .. } | Self::Flush { .. } | Self::RemoveDamaged(_) => None,
        }
    }
}

/// Tells those who wait what came of their operations. They may be gone.
fn answer(ops: Vec<Op>, done: &Result<Vec<u64>, Unwritten>) {
    for (idx, op) in ops.into_iter().enumerate() {
        match op {
            Op::RemoveTagged { removed, .. }
            | Op::RemoveAudience { removed, .. }
            | Op::Clear { removed } => {
                let _ = removed.send(
                    done.as_ref()
                        .map(|n| n[idx])
                        .map_err(|unwritten| *unwritten),
                );
            }
            Op::Flush { done: flushed } => {
                let _ = flushed.send(done.as_ref().map(|_| ()).map_err(|unwritten| *unwritten));
            }
            Op::Put { .. } | Op::Remove { .. } | Op::RemoveDamaged(_) => {}
        }
    }
}
