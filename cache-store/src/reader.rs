//! Reading: on the calling thread while the disk answers from memory, else on threads of its own.
//!
//! A hit costs some 20 µs of work; handing it to a thread and back costs as much again or several times that. So a
//! read runs where it was asked for as long as reads take next to no time. Two in a row that took [`SLOW`] or longer
//! show that the disk is waited for, and the next [`N_AWAY_AFTER_SLOW`] reads go to the threads. A single one shows
//! nothing: on a loaded machine that is how long a thread waits for its turn.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use cache_core::port::{PortError, PortErrorKind, Runtime};
use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::counters::{Counters, count};
use crate::database::{is_busy, open_reader};
use crate::directory::Directory;

/// Connections, each with a thread.
const N_READERS: usize = 2;

/// Reads that wait for a thread, at most.
const MAX_WAITING: usize = 128;

/// A read that takes this long waited for the disk. The clock has milliseconds, so 2 is the least that means anything.
const SLOW: Duration = Duration::from_millis(2);

/// Reads that go to the threads after two slow ones, and after opening, when nothing is known of the disk.
const N_AWAY_AFTER_SLOW: u32 = 64;
const N_AWAY_AT_FIRST: u32 = 8;

/// How long a read on a thread waits for a connection that is in its way.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);

type Job = Box<dyn FnOnce(&Shared, usize) + Send>;

/// The connections that read, and their threads.
pub(crate) struct Readers {
    shared: Arc<Shared>,
    /// Emptied on drop, which ends the threads.
    jobs: Vec<SyncSender<Job>>,
    threads: Vec<JoinHandle<()>>,
    next: AtomicUsize,
    is_inline: bool,
}

struct Shared {
    /// `None` while the database is being replaced.
    connections: [Mutex<Option<Connection>>; N_READERS],
    /// Reads still to be sent to the threads.
    n_away: AtomicU32,
    /// The last read was slow.
    was_slow: AtomicBool,
    runtime: Arc<dyn Runtime>,
    counters: Arc<Counters>,
}

/// The handle by which the writer replaces the connections.
#[derive(Clone)]
pub(crate) struct Connections(Arc<Shared>);

/// Why a read gave nothing.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// There is no database now.
    Closed,
    /// All threads are busy, and enough reads wait.
    Behind,
    Sqlite(rusqlite::Error),
}

impl Readers {
    /// Opens the connections and starts the threads.
    pub(crate) fn start(
        runtime: Arc<dyn Runtime>,
        counters: Arc<Counters>,
        is_inline: bool,
    ) -> io::Result<Self> {
        let connections = [const { Mutex::new(None) }; N_READERS];
        let shared = Arc::new(Shared {
            connections,
            n_away: AtomicU32::new(N_AWAY_AT_FIRST),
            was_slow: AtomicBool::new(false),
            runtime,
            counters,
        });
        let mut readers = Self {
            shared,
            jobs: Vec::new(),
            threads: Vec::new(),
            next: AtomicUsize::new(0),
            is_inline,
        };
        for idx in 0..N_READERS {
            let (tx, rx) = sync_channel(MAX_WAITING);
            let shared = Arc::clone(&readers.shared);
            let thread = std::thread::Builder::new()
                .name("store-reader".into())
                .spawn(move || run(&shared, idx, &rx))?;
            readers.jobs.push(tx);
            readers.threads.push(thread);
        }
        Ok(readers)
    }

    /// Returns the handle by which the connections are replaced.
    pub(crate) fn connections(&self) -> Connections {
        Connections(Arc::clone(&self.shared))
    }

    /// Runs `work` on a connection and returns what it gave.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the answer; nothing was changed.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, ReadError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        if let Some(done) = self.read_inline(&work) {
            return done;
        }
        let (tx, rx) = oneshot::channel();
        let job: Job = Box::new(move |shared, idx| {
            let mut connection = shared.connections[idx].lock();
            // Whoever asked may be gone.
            let _ = tx.send(shared.read_here(connection.as_mut(), BUSY_TIMEOUT, work));
        });
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        self.jobs[next % self.jobs.len()]
            .try_send(job)
            .map_err(|_| ReadError::Behind)?;
        // Dropped unsent only when the thread ended.
        rx.await.unwrap_or(Err(ReadError::Closed))
    }

    /// Runs `work` here, unless that may take long.
    fn read_inline<T>(
        &self,
        work: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Option<Result<T, ReadError>> {
        if !self.is_inline {
            return None;
        }
        let take_one = |n: u32| n.checked_sub(1);
        if self
            .shared
            .n_away
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take_one)
            .is_ok()
        {
            return None;
        }
        let mut connection = self.shared.connections.iter().find_map(Mutex::try_lock)?;
        match self
            .shared
            .read_here(connection.as_mut(), Duration::ZERO, work)
        {
            Err(ReadError::Sqlite(error)) if is_busy(&error) => None,
            done => Some(done),
        }
    }
}

impl Shared {
    fn read_here<T>(
        &self,
        connection: Option<&mut Connection>,
        busy_timeout: Duration,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, ReadError> {
        let connection = connection.ok_or(ReadError::Closed)?;
        connection
            .busy_timeout(busy_timeout)
            .map_err(ReadError::Sqlite)?;
        let began_at = self.runtime.now();
        let done = work(connection);
        let is_slow = self.runtime.now().saturating_since(began_at) >= SLOW;
        if is_slow {
            count(&self.counters.slow_reads, 1);
        }
        if self.was_slow.swap(is_slow, Ordering::Relaxed) && is_slow {
            self.n_away.store(N_AWAY_AFTER_SLOW, Ordering::Relaxed);
        }
        done.map_err(ReadError::Sqlite)
    }
}

impl Connections {
    /// Opens all connections, closing those there were.
    pub(crate) fn open(&self, directory: &Directory) -> rusqlite::Result<()> {
        for slot in &self.0.connections {
            let connection = open_reader(directory)?;
            *slot.lock() = Some(connection);
        }
        Ok(())
    }

    /// Closes all connections. Reads fail until they are open again.
    pub(crate) fn close(&self) {
        for slot in &self.0.connections {
            slot.lock().take();
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.jobs.clear();
        for thread in self.threads.drain(..) {
            // A panic there was reported by the panic hook; there is nobody left to serve.
            let _ = thread.join();
        }
    }
}

impl From<ReadError> for PortError {
    fn from(error: ReadError) -> Self {
        let source: cache_core::port::BoxError = match error {
            ReadError::Closed => "the database is closed".into(),
            ReadError::Behind => "too many reads wait for the disk".into(),
            ReadError::Sqlite(error) => error.into(),
        };
        Self::new(PortErrorKind::Unavailable, "store", source)
    }
}

fn run(shared: &Shared, idx: usize, jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        job(shared, idx);
    }
}
