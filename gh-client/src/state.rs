//! The state directory: what names this node, and the lock that makes it one.
//!
//! Identity and disk key never lie in the cache directory, which people copy into images.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// Why the state directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages are the docs")]
pub enum StateError {
    #[error("cannot use {}", path.display())]
    Unusable { path: PathBuf, source: io::Error },
    #[error("{} belongs to another user or is not a plain {expected}", path.display())]
    Foreign {
        path: PathBuf,
        expected: &'static str,
    },
    #[error("{} does not hold a key of 32 bytes", path.display())]
    BadKey { path: PathBuf },
    #[error("another gh-mesh process holds {}", path.display())]
    Locked { path: PathBuf },
}

/// 32 bytes that are wiped when they drop.
pub(crate) type Key = Zeroizing<[u8; 32]>;

/// A state directory, made and checked.
#[derive(Debug)]
pub(crate) struct StateDir {
    path: PathBuf,
}

/// Held as long as this process owns the node's identity. The kernel releases it when the process ends, however.
#[derive(Debug)]
pub(crate) struct StateLock {
    _file: File,
}

impl StateDir {
    /// Makes the directory if there is none (mode 0700) and checks that it is ours.
    pub(crate) fn open(path: &Path) -> Result<Self, StateError> {
        let unusable = |source| StateError::Unusable {
            path: path.to_owned(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(unusable)?;
        let metadata = path.symlink_metadata().map_err(unusable)?;
        if !metadata.is_dir() || metadata.uid() != own_uid() {
            return Err(StateError::Foreign {
                path: path.to_owned(),
                expected: "directory",
            });
        }
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// Takes the lock, or says who has it.
    pub(crate) fn lock(&self) -> Result<StateLock, StateError> {
        let path = self.path.join("lock");
        let file = open_private(
            &path,
            OpenOptions::new().read(true).write(true).create(true),
        )?;
        match file.try_lock() {
            Ok(()) => Ok(StateLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StateError::Locked { path }),
            Err(TryLockError::Error(source)) => Err(StateError::Unusable { path, source }),
        }
    }

    /// Returns the key in `name`, made with `make` on first use.
    pub(crate) fn key(&self, name: &str, make: impl FnOnce() -> Key) -> Result<Key, StateError> {
        let path = self.path.join(name);
        if let Some(key) = self.existing_key(name)? {
            return Ok(key);
        }
        let unusable = |source| StateError::Unusable {
            path: path.clone(),
            source,
        };
        let key = make();
        // Written whole before it gets its name, so that a crash leaves no half of a key.
        let draft = self.path.join(format!("{name}.{}", std::process::id()));
        let mut file = open_private(
            &draft,
            OpenOptions::new().write(true).create(true).truncate(true),
        )?;
        file.write_all(&*key)
            .and_then(|()| file.sync_all())
            .map_err(unusable)?;
        // A link, not a rename: of two processes that start at once, one key stands.
        let linked = std::fs::hard_link(&draft, &path);
        std::fs::remove_file(&draft).map_err(unusable)?;
        match linked {
            Ok(()) => Ok(key),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.existing_key(name)?.ok_or(StateError::BadKey { path })
            }
            Err(error) => Err(unusable(error)),
        }
    }

    /// Returns the key in `name`, if there is one.
    pub(crate) fn existing_key(&self, name: &str) -> Result<Option<Key>, StateError> {
        let path = self.path.join(name);
        let mut file = match open_private(&path, OpenOptions::new().read(true)) {
            Ok(file) => file,
            Err(StateError::Unusable { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(33));
        let read = (&mut file).take(33).read_to_end(&mut bytes);
        read.map_err(|source| StateError::Unusable {
            path: path.clone(),
            source,
        })?;
        match <[u8; 32]>::try_from(&bytes[..]) {
            Ok(key) => Ok(Some(Zeroizing::new(key))),
            Err(_) => Err(StateError::BadKey { path }),
        }
    }
}

/// Opens a file with mode 0600, refusing links and files of others.
fn open_private(path: &Path, options: &mut OpenOptions) -> Result<File, StateError> {
    let nofollow =
        i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).expect("O_NOFOLLOW is a small flag");
    let opened = options.mode(0o600).custom_flags(nofollow).open(path);
    let file = opened.map_err(|source| StateError::Unusable {
        path: path.to_owned(),
        source,
    })?;
    let metadata = file.metadata().map_err(|source| StateError::Unusable {
        path: path.to_owned(),
        source,
    })?;
    if !metadata.is_file() || metadata.uid() != own_uid() {
        return Err(StateError::Foreign {
            path: path.to_owned(),
            expected: "file",
        });
    }
    Ok(file)
}

fn own_uid() -> u32 {
    rustix::process::getuid().as_raw()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn key(byte: u8) -> Key {
        Zeroizing::new([byte; 32])
    }

    #[test]
    fn a_key_is_made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(&dir.path().join("a/b")).unwrap();
        assert_eq!(state.existing_key("identity").unwrap(), None);
        assert_eq!(*state.key("identity", || key(1)).unwrap(), [1; 32]);
        assert_eq!(*state.key("identity", || key(2)).unwrap(), [1; 32]);
        let mode = |path: &str| {
            dir.path()
                .join(path)
                .metadata()
                .unwrap()
                .permissions()
                .mode()
                & 0o777
        };
        assert_eq!((mode("a/b"), mode("a/b/identity")), (0o700, 0o600));
        assert_eq!(
            std::fs::read_dir(dir.path().join("a/b")).unwrap().count(),
            1,
            "no draft is left behind"
        );
    }

    #[test]
    fn a_damaged_key_a_link_and_a_second_holder_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        std::fs::write(dir.path().join("short"), b"x").unwrap();
        assert!(matches!(
            state.key("short", || key(1)),
            Err(StateError::BadKey { .. })
        ));
        std::os::unix::fs::symlink("short", dir.path().join("link")).unwrap();
        assert!(matches!(
            state.key("link", || key(1)),
            Err(StateError::Unusable { .. })
        ));
        let lock = state.lock().unwrap();
        assert!(matches!(
            StateDir::open(dir.path()).unwrap().lock(),
            Err(StateError::Locked { .. })
        ));
        drop(lock);
        state.lock().unwrap();
    }
}
