//! Stored responses on disk: one `SQLite` file, sealed rows, bounded in entries and bytes.
//!
//! [`SqliteStore`] implements [`cache_core::port::Store`]. One writer thread takes inserts from a bounded queue and
//! writes them in batches; reads see what is queued. Names of rows are keyed hashes and their contents are sealed,
//! both through [`RowSealer`], so the file alone says neither what was asked nor what was answered.
//!
//! ```
//! use std::sync::Arc;
//!
//! use cache_core::port::Runtime;
//! use cache_store::{OpenError, RowSealer, SqliteStore, StoreConfig};
//!
//! fn open(sealer: Arc<dyn RowSealer>, runtime: Arc<dyn Runtime>) -> Result<SqliteStore, OpenError> {
//!     let config = StoreConfig { max_entries: 5_000, ..StoreConfig::new("/var/lib/fleet/cache") };
//!     SqliteStore::open(config, sealer, runtime)
//! }
//! ```
//!
//! **Invariant:** a body leaves this crate only if it has the content id that its sealed row head names. Whatever
//! fails to be read, opened, parsed or checked is a miss and a counter, never a body.
//!
//! **Invariant:** what was removed is not read again, even when the removal could not be written (full disk): until
//! it is, or until the process ends, reads of what is on disk are misses.

mod config;
mod counters;
mod database;
mod directory;
mod error;
mod names;
mod packed;
mod packing;
mod queue;
mod reader;
mod room;
mod row;
mod sealer;
mod set_aside;
mod store;
mod table;
mod writer;

pub use config::StoreConfig;
pub use counters::StoreCounters;
pub use error::OpenError;
#[cfg(any(test, feature = "test-support"))]
pub use sealer::PlainRows;
pub use sealer::RowSealer;
pub use set_aside::SetAside;
pub use store::SqliteStore;
