//! Setting a database aside that cannot be used, so that the store starts empty and a person can still look at it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

/// Databases set aside that are kept; the oldest goes first.
const KEPT: u32 = 2;

/// Why a database was set aside, and where it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetAside {
    /// It was damaged.
    Damaged {
        /// Where it is now.
        to: PathBuf,
    },
    /// A newer version of this program wrote it.
    Newer {
        /// Where it is now.
        to: PathBuf,
        /// The version of its schema.
        version: i64,
    },
}

impl fmt::Display for SetAside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged { to } => write!(
                f,
                "the stored responses were damaged and set aside as {}",
                to.display()
            ),
            Self::Newer { to, version } => {
                write!(
                    f,
                    "the stored responses have the newer version {version} and were set aside as {}",
                    to.display()
                )
            }
        }
    }
}

/// Renames the database in `files` (itself, log, index) to `*.corrupt-<n>`, and returns its new path.
///
/// To be called while no process has it open: `SQLite` would remove the log of its successor by name.
pub(crate) fn set_aside(files: &[PathBuf; 3]) -> io::Result<PathBuf> {
    let [database, log, index] = files;
    let taken = (1..=KEPT)
        .take_while(|n| numbered(database, *n).symlink_metadata().is_ok())
        .count();
    let mut n = u32::try_from(taken).unwrap_or(KEPT) + 1;
    if n > KEPT {
        for older in 1..KEPT {
            fs::rename(numbered(database, older + 1), numbered(database, older))?;
            let newer_log = with_suffix(&numbered(database, older + 1), "-wal");
            let older_log = with_suffix(&numbered(database, older), "-wal");
            remove(&older_log)?;
            rename_if_there(&newer_log, &older_log)?;
        }
        n = KEPT;
    }
    let to = numbered(database, n);
    rename_if_there(log, &with_suffix(&to, "-wal"))?;
    remove(index)?;
    fs::rename(database, &to)?;
    Ok(to)
}

fn numbered(database: &Path, n: u32) -> PathBuf {
    with_suffix(database, &format!(".corrupt-{n}"))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    unless_absent(fs::rename(from, to))
}

fn remove(path: &Path) -> io::Result<()> {
    unless_absent(fs::remove_file(path))
}

fn unless_absent(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_are_kept_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let files = ["db", "db-wal", "db-shm"].map(|name| dir.path().join(name));
        for round in 1..=4 {
            fs::write(&files[0], format!("database {round}")).unwrap();
            fs::write(&files[1], format!("log {round}")).unwrap();
            set_aside(&files).unwrap();
        }
        let mut names: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(
            names,
            [
                "db.corrupt-1",
                "db.corrupt-1-wal",
                "db.corrupt-2",
                "db.corrupt-2-wal"
            ]
        );
        assert_eq!(
            fs::read_to_string(dir.path().join("db.corrupt-1")).unwrap(),
            "database 3"
        );
        assert_eq!(
            fs::read_to_string(dir.path().join("db.corrupt-2-wal")).unwrap(),
            "log 4"
        );
    }
}
