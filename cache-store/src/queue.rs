//! What waits to be written, and what reads see of it meanwhile.
//!
//! Bounded in operations and bytes. A full queue drops inserts, which costs a later miss; removals wait for room,
//! since dropping one would bring back what was to go.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use cache_core::{Audience, CacheKey, Entry, QuestionDigest, Tag, Timestamp};
use http::StatusCode;
use parking_lot::{Condvar, Mutex};
use tokio::sync::{Notify, oneshot};

use crate::StoreConfig;
use crate::names::Name;
use crate::table::DamagedRow;

/// Operations written in one transaction, at most.
pub(crate) const MAX_BATCH: usize = 100;

/// Uses that wait to be noted, at most; further ones are not noted. Half of them are a reason to write.
const MAX_TOUCHED: usize = 512;

/// How long a removal that could not be written waits for the next try.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Answers how many entries there were.
pub(crate) type Removed = oneshot::Sender<Result<u64, Unwritten>>;

/// Why an operation was not carried out: the database could not be written. The writer logged the cause.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the database could not be written")]
pub(crate) struct Unwritten;

/// One thing to write.
#[derive(Debug)]
pub(crate) enum Op {
    Put {
        sequence: u64,
        key: CacheKey,
        entry: Arc<Entry>,
    },
    Remove {
        sequence: u64,
        key: CacheKey,
    },
    RemoveTagged {
        tag: Tag,
        removed: Removed,
    },
    RemoveAudience {
        audience: Audience,
        removed: Removed,
    },
    Clear {
        removed: Removed,
    },
    Flush {
        done: oneshot::Sender<Result<(), Unwritten>>,
    },
    RemoveDamaged(Vec<DamagedRow>),
}

/// What the writer is to do next.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) ops: Vec<Op>,
    pub(crate) touched: HashMap<Name, Timestamp>,
    /// A read met damage in the file itself.
    pub(crate) is_damaged: bool,
}

/// What reads see of the last operation queued for a key.
#[derive(Debug)]
pub(crate) enum Queued {
    Nothing,
    Removal,
    Insert(Arc<Entry>),
}

/// The last operation queued for one key.
#[derive(Debug)]
struct Pending {
    sequence: u64,
    /// `None` for a removal.
    entry: Option<Arc<Entry>>,
}

#[derive(Debug)]
pub(crate) struct Queue {
    /// Guards everything queued, and the order of it.
    state: Mutex<State>,
    /// Wakes the writer.
    work: Condvar,
    /// Wakes removals that wait for room.
    room: Notify,
    max_ops: usize,
    max_bytes: u64,
    linger: Duration,
}

#[derive(Debug, Default)]
struct State {
    ops: VecDeque<Op>,
    /// **Invariant:** holds the last queued operation of each key until it is written or given up.
    pending: HashMap<CacheKey, Pending>,
    /// Bytes of entries in `ops` and in the batch being written.
    n_bytes: u64,
    touched: HashMap<Name, Timestamp>,
    next_sequence: u64,
    /// Somebody waits for what is queued.
    is_urgent: bool,
    is_damaged: bool,
    is_closed: bool,
}

impl Queue {
    pub(crate) fn new(config: &StoreConfig) -> Self {
        Self {
            state: Mutex::default(),
            work: Condvar::new(),
            room: Notify::new(),
            max_ops: config.max_queued.max(1),
            max_bytes: config.max_queued_bytes,
            linger: config.linger,
        }
    }

    /// Queues an insert, or returns false when there is no room.
    pub(crate) fn put(&self, key: &CacheKey, entry: Arc<Entry>) -> bool {
        let mut state = self.state.lock();
        let n_bytes = state.n_bytes.saturating_add(entry.size_bytes());
        if state.is_closed
            || state.ops.len() >= self.max_ops
            || (n_bytes > self.max_bytes && state.n_bytes > 0)
        {
            return false;
        }
        state.n_bytes = n_bytes;
        let sequence = state.remember(key, Some(Arc::clone(&entry)));
        self.push(
            &mut state,
            Op::Put {
                sequence,
                key: *key,
                entry,
            },
        );
        true
    }

    /// Queues a removal, waiting for room.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future while it waits leaves the queue unchanged.
    pub(crate) async fn remove(&self, key: &CacheKey) -> Result<(), Unwritten> {
        let queue = |state: &mut State| {
            let sequence = state.remember(key, None);
            self.push(
                state,
                Op::Remove {
                    sequence,
                    key: *key,
                },
            );
        };
        self.when_there_is_room(queue).await
    }

    /// Queues an operation that somebody waits for, waiting for room.
    ///
    /// # Cancel safety
    ///
    /// As [`remove`](Self::remove).
    pub(crate) async fn push_urgent(&self, op: Op) -> Result<(), Unwritten> {
        let queue = |state: &mut State| {
            state.is_urgent = true;
            self.push(state, op);
        };
        self.when_there_is_room(queue).await
    }

    /// Queues the removal of rows that did not open. Without room it is left to the next read of them.
    pub(crate) fn remove_damaged(&self, rows: Vec<DamagedRow>) {
        let mut state = self.state.lock();
        if !rows.is_empty() && !state.is_closed && state.ops.len() < self.max_ops {
            self.push(&mut state, Op::RemoveDamaged(rows));
        }
    }

    /// Says that the file itself is damaged.
    pub(crate) fn report_damage(&self) {
        let mut state = self.state.lock();
        state.is_damaged = true;
        self.work.notify_one();
    }

    /// Notes a use, to be written some time.
    pub(crate) fn touch(&self, name: Name, at: Timestamp) {
        let mut state = self.state.lock();
        if state.touched.len() < MAX_TOUCHED {
            state.touched.insert(name, at);
            if state.touched.len() == MAX_TOUCHED / 2 {
                self.work.notify_one();
            }
        }
    }

    /// Returns what is queued for `key`.
    pub(crate) fn queued(&self, key: &CacheKey) -> Queued {
        match self.state.lock().pending.get(key) {
            None => Queued::Nothing,
            Some(Pending { entry: None, .. }) => Queued::Removal,
            Some(Pending {
                entry: Some(entry), ..
            }) => Queued::Insert(Arc::clone(entry)),
        }
    }

    /// Returns the newest queued 200 for `question`, and all keys of it that something is queued for.
    pub(crate) fn pending_for(
        &self,
        question: QuestionDigest,
    ) -> (Option<(CacheKey, Arc<Entry>)>, Vec<CacheKey>) {
        let state = self.state.lock();
        let mut keys = Vec::new();
        let mut newest: Option<(CacheKey, Arc<Entry>)> = None;
        for (key, pending) in state
            .pending
            .iter()
            .filter(|(key, _)| key.question() == question)
        {
            keys.push(*key);
            let Some(entry) = pending
                .entry
                .as_ref()
                .filter(|entry| entry.status == StatusCode::OK)
            else {
                continue;
            };
            if newest
                .as_ref()
                .is_none_or(|(_, newest)| newest.received_at < entry.received_at)
            {
                newest = Some((*key, Arc::clone(entry)));
            }
        }
        (newest, keys)
    }

    /// Waits for work and returns it; `None` when the queue is closed and empty.
    ///
    /// Gathers for a while, unless somebody waits. With `owes_removals` it comes back without work, too.
    pub(crate) fn next_batch(&self, owes_removals: bool, max_bytes: u64) -> Option<Batch> {
        let mut state = self.state.lock();
        while state.is_idle() {
            if state.is_closed {
                return None;
            }
            if !owes_removals {
                self.work.wait(&mut state);
            } else if self.work.wait_for(&mut state, RETRY_PAUSE).timed_out() {
                break;
            }
        }
        if !state.is_urgent && !state.is_closed && !state.is_damaged && state.ops.len() < MAX_BATCH
        {
            // Woken early by a full batch, by somebody who waits, or for no reason, which makes a smaller batch.
            self.work.wait_for(&mut state, self.linger);
        }
        let mut ops = Vec::new();
        let mut n_bytes = 0_u64;
        while ops.len() < MAX_BATCH && (ops.is_empty() || n_bytes < max_bytes) {
            let Some(op) = state.ops.pop_front() else {
                break;
            };
            n_bytes = n_bytes.saturating_add(op.size_bytes());
            ops.push(op);
        }
        state.is_urgent &= !state.ops.is_empty();
        let batch = Batch {
            ops,
            touched: std::mem::take(&mut state.touched),
            is_damaged: std::mem::take(&mut state.is_damaged),
        };
        drop(state);
        self.room.notify_waiters();
        Some(batch)
    }

    /// Forgets what reads saw of `ops`: it is written, or given up.
    pub(crate) fn settle(&self, ops: &[Op]) {
        let mut state = self.state.lock();
        for op in ops {
            state.n_bytes = state.n_bytes.saturating_sub(op.size_bytes());
            let (Op::Put { sequence, key, .. } | Op::Remove { sequence, key }) = op else {
                continue;
            };
            if state
                .pending
                .get(key)
                .is_some_and(|pending| pending.sequence == *sequence)
            {
                state.pending.remove(key);
            }
        }
    }

    /// Takes nothing more. What is queued will still be written.
    pub(crate) fn close(&self) {
        self.state.lock().is_closed = true;
        self.work.notify_one();
        self.room.notify_waiters();
    }

    async fn when_there_is_room(&self, queue: impl FnOnce(&mut State)) -> Result<(), Unwritten> {
        loop {
            // Made before the look at the queue: room that comes in between is not missed.
            let room = self.room.notified();
            {
                let mut state = self.state.lock();
                if state.is_closed {
                    return Err(Unwritten);
                }
                if state.ops.len() < self.max_ops {
                    queue(&mut state);
                    return Ok(());
                }
                // The writer may be gathering.
                state.is_urgent = true;
                self.work.notify_one();
            }
            room.await;
        }
    }

    fn push(&self, state: &mut State, op: Op) {
        state.ops.push_back(op);
        if state.ops.len() == 1 || state.ops.len() == MAX_BATCH || state.is_urgent {
            self.work.notify_one();
        }
    }
}

impl State {
    fn remember(&mut self, key: &CacheKey, entry: Option<Arc<Entry>>) -> u64 {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.pending.insert(*key, Pending { sequence, entry });
        sequence
    }

    fn is_idle(&self) -> bool {
        self.ops.is_empty() && !self.is_damaged && self.touched.len() < MAX_TOUCHED / 2
    }
}

impl Op {
    fn size_bytes(&self) -> u64 {
        if let Self::Put { entry, .. } = self {
            entry.size_bytes()
        } else {
            0
        }
    }
}
