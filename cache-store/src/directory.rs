//! The directory and its files: owner, mode, kind, file system.
//!
//! Everything here is made for the current user alone and checked before use; the umask plays no part.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::OpenError;

/// File names in the directory.
const DATABASE: &str = "responses.db";
const LOCK: &str = "responses.lock";

/// Modes: for the current user alone.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Bits by which others can write.
const WRITABLE_BY_OTHERS: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// A directory that was checked, with the lock that says this process uses the database in it.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    lock: File,
}

impl Directory {
    /// Makes or checks the directory, and takes part in its lock.
    pub(crate) fn prepare(path: &Path) -> Result<Self, OpenError> {
        // Without a slash at the end, which would have a symlink followed.
        let path = &path.components().collect::<PathBuf>();
        make(path)?;
        check_owner_and_kind(path)?;
        check_file_system(path)?;
        tighten(path)?;
        let lock = open_private(&path.join(LOCK))?;
        lock.lock_shared()
            .map_err(|source| unwritable(path, source))?;
        let directory = Self {
            path: path.to_owned(),
            lock,
        };
        directory.prepare_files()?;
        Ok(directory)
    }

    /// Makes the database file with its mode, which `SQLite` gives to the log and its index too, and checks all three.
    pub(crate) fn prepare_files(&self) -> Result<(), OpenError> {
        for path in self.files().into_iter().skip(1) {
            if path.symlink_metadata().is_ok() {
                open_private(&path)?;
            }
        }
        open_private(&self.database()).map(drop)
    }

    /// Returns the path of the database.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// Returns the database, its log and the log's index, in this order.
    pub(crate) fn files(&self) -> [PathBuf; 3] {
        ["", "-wal", "-shm"].map(|suffix| self.path.join(format!("{DATABASE}{suffix}")))
    }

    /// Runs `change` while no other process uses the database, or returns `None` when one does.
    pub(crate) fn alone<T>(&self, change: impl FnOnce() -> T) -> Option<T> {
        // Going from shared to exclusive gives the shared lock up for a moment. Whoever comes in between holds a
        // shared one, so the exclusive one is refused.
        let alone = self.lock.try_lock().is_ok();
        let out = alone.then(change);
        // On failure the next process may set the file aside under this one. The rows are sealed and checked, so that
        // costs entries, never a wrong body.
        let _ = self.lock.lock_shared();
        out
    }
}

fn make(path: &Path) -> Result<(), OpenError> {
    match DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(path)
    {
        // A dangling symlink in the place of the directory: the check that follows names it.
        Err(_) if path.symlink_metadata().is_ok() => Ok(()),
        Err(source) => Err(unwritable(path, source)),
        Ok(()) => Ok(()),
    }
}

fn check_owner_and_kind(path: &Path) -> Result<(), OpenError> {
    let metadata = path
        .symlink_metadata()
        .map_err(|source| unwritable(path, source))?;
    if !metadata.is_dir() {
        return Err(OpenError::NotPlain {
            path: path.to_owned(),
            expected: "directory",
        });
    }
    check_owner(path, &metadata)
}

fn check_owner(path: &Path, metadata: &fs::Metadata) -> Result<(), OpenError> {
    let user = rustix::process::geteuid().as_raw();
    if metadata.uid() == user {
        return Ok(());
    }
    Err(OpenError::ForeignOwner {
        path: path.to_owned(),
        owner: metadata.uid(),
        user,
    })
}

/// Takes the directory away from others, provided that it is the cache's own: a shared one such as `/tmp` must not
/// change its mode because somebody named it, so it is refused.
fn tighten(path: &Path) -> Result<(), OpenError> {
    let failed = |source| unwritable(path, source);
    let mode = path.symlink_metadata().map_err(failed)?.mode() & 0o7777;
    if mode & WRITABLE_BY_OTHERS == 0 {
        return Ok(());
    }
    let is_ours = mode & STICKY == 0
        && (path.join(LOCK).symlink_metadata().is_ok()
            || fs::read_dir(path).map_err(failed)?.next().is_none());
    if !is_ours {
        return Err(OpenError::OpenToOthers {
            path: path.to_owned(),
            mode,
        });
    }
    fs::set_permissions(path, fs::Permissions::from_mode(DIRECTORY_MODE)).map_err(failed)
}

/// Opens a file of ours for writing, makes it when there is none, and refuses what is not ours.
fn open_private(path: &Path) -> Result<File, OpenError> {
    let no_follow = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .custom_flags(no_follow.bits().cast_signed())
        .open(path);
    let not_plain = || OpenError::NotPlain {
        path: path.to_owned(),
        expected: "file",
    };
    let file = match opened {
        Ok(file) => file,
        Err(_)
            if path
                .symlink_metadata()
                .is_ok_and(|metadata| !metadata.is_file()) =>
        {
            return Err(not_plain());
        }
        Err(source) => {
            // A file of another user fails here with "permission denied"; the owner is the better answer.
            if let Ok(metadata) = path.symlink_metadata() {
                check_owner(path, &metadata)?;
            }
            return Err(unwritable(path, source));
        }
    };
    let metadata = file.metadata().map_err(|source| unwritable(path, source))?;
    if !metadata.is_file() {
        return Err(not_plain());
    }
    check_owner(path, &metadata)?;
    if metadata.mode() & 0o7777 != FILE_MODE {
        file.set_permissions(fs::Permissions::from_mode(FILE_MODE))
            .map_err(|source| unwritable(path, source))?;
    }
    Ok(file)
}

fn unwritable(path: &Path, source: io::Error) -> OpenError {
    OpenError::Unwritable {
        path: path.to_owned(),
        source,
    }
}

#[cfg(target_os = "linux")]
fn check_file_system(path: &Path) -> Result<(), OpenError> {
    let found = rustix::fs::statfs(path).map_err(|errno| unwritable(path, errno.into()))?;
    match network_file_system(i128::from(found.f_type)) {
        Some(kind) => Err(OpenError::NetworkFileSystem {
            path: path.to_owned(),
            kind,
        }),
        None => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
fn check_file_system(_: &Path) -> Result<(), OpenError> {
    Ok(())
}

/// Returns the name of a file system whose locks or shared memory cannot be relied on between machines.
///
/// FUSE is among them because sshfs and its like cannot be told from a local one.
#[cfg(target_os = "linux")]
fn network_file_system(f_type: i128) -> Option<&'static str> {
    // The field is signed on some targets, and the numbers are 32 bits wide on all.
    Some(match f_type & 0xFFFF_FFFF {
        0x6969 => "NFS",
        0x517B | 0xFE53_4D42 => "SMB",
        0xFF53_4D42 => "CIFS",
        0x6573_5546 => "FUSE",
        0x0102_1997 => "9P",
        0x5346_414F | 0x6B41_4653 => "AFS",
        0x7375_7245 => "Coda",
        0x564C => "NCP",
        0x00C3_6400 => "Ceph",
        0x0BD0_0BD0 => "Lustre",
        0x4750_4653 => "GPFS",
        0x1983_0326 => "BeeGFS",
        0x786F_4256 => "vboxsf",
        0x0116_1970 => "GFS2",
        0x7461_636F => "OCFS2",
        _ => return None,
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_their_numbers() {
        for (f_type, kind) in [
            (0x6969, Some("NFS")),
            (0xFF53_4D42, Some("CIFS")),
            (-0x00AC_B2BE, Some("CIFS")),
            (0x6573_5546, Some("FUSE")),
            (0xEF53, None),
            (0x0102_1994, None),
            (0x794C_7630, None),
        ] {
            assert_eq!(network_file_system(f_type), kind, "{f_type:#x}");
        }
    }
}
