//! Why a store could not be opened.

use std::io;
use std::path::PathBuf;

use cache_core::port::BoxError;

/// Why a store could not be opened. Whatever the variant: the caller runs in memory only, and says so once.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages are the docs")]
pub enum OpenError {
    #[error("{} cannot be written", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("{} is on a network file system ({kind}), where SQLite's locks cannot be relied on", path.display())]
    NetworkFileSystem { path: PathBuf, kind: &'static str },
    #[error("{} belongs to user {owner}, not to user {user}", path.display())]
    ForeignOwner {
        path: PathBuf,
        owner: u32,
        user: u32,
    },
    #[error("{} is a symlink or not a plain {expected}", path.display())]
    NotPlain {
        path: PathBuf,
        expected: &'static str,
    },
    #[error("{} can be written by others (mode {mode:03o}) and holds more than the cache", path.display())]
    OpenToOthers { path: PathBuf, mode: u32 },
    #[error("{} is damaged or of a newer version, and another process uses it", path.display())]
    InUse { path: PathBuf },
    #[error("{} is no usable database", path.display())]
    Database { path: PathBuf, source: BoxError },
    #[error("the threads of the store cannot be started")]
    Threads { source: io::Error },
}
