//! Settings of a store.

use std::path::PathBuf;
use std::time::Duration;

/// Where a store is and how large it may grow.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Directory of the database. Made with mode 0700 when there is none; its parents too.
    pub dir: PathBuf,
    /// Entries kept at most. The least recently used go first. Default 20,000.
    pub max_entries: u64,
    /// Bytes on disk at most, write-ahead log included. Default 512 MiB; under 256 KiB counts as 256 KiB.
    ///
    /// A log that another process holds open for a long read may exceed it for that time.
    pub max_bytes: u64,
    /// Entries whose last validation is longer ago are swept. Default 7 days.
    pub max_age: Duration,
    /// Inserts and removals waiting to be written, at most. Beyond it inserts are dropped and counted. Default 1,024.
    pub max_queued: usize,
    /// Bytes of bodies waiting to be written, at most. Beyond it inserts are dropped and counted. Default 32 MiB.
    pub max_queued_bytes: u64,
    /// How long the writer waits for a batch to fill. Reads see queued entries meanwhile. Default 50 ms.
    pub linger: Duration,
    /// Whether a read may use the calling thread while the disk answers from memory. Default true.
    ///
    /// A hit then costs no change of threads. When two reads in a row took 2 ms or longer, the next 64 go to a reader
    /// thread, so that a slow disk holds up one read in 32 at most; the first ones after opening go there too.
    pub inline_reads: bool,
}

/// Bytes below which [`StoreConfig::max_bytes`] is not taken seriously: schema and log need some.
const MIN_BYTES: u64 = 256 * 1024;

/// The log is cut back to this size after a checkpoint, unless a quarter of the allowance is less.
const MAX_LOG_BYTES: u64 = 8 * 1024 * 1024;

impl StoreConfig {
    /// Returns the defaults for a store in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            max_entries: 20_000,
            max_bytes: 512 * 1024 * 1024,
            max_age: Duration::from_hours(7 * 24),
            max_queued: 1_024,
            max_queued_bytes: 32 * 1024 * 1024,
            linger: Duration::from_millis(50),
            inline_reads: true,
        }
    }

    /// Returns the part of the allowance that is left to the log.
    pub(crate) fn log_bytes(&self) -> u64 {
        (self.max_bytes.max(MIN_BYTES) / 4).min(MAX_LOG_BYTES)
    }

    /// Returns the part of the allowance that is left to the database file.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.max_bytes.max(MIN_BYTES) - self.log_bytes()
    }
}
