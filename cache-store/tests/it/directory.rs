//! Modes, owners and places.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;

use cache_store::{OpenError, PlainRows, SqliteStore};

use crate::child;
use crate::support::{TestClock, config, open};

fn try_open(dir: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(config(dir), Arc::new(PlainRows), TestClock::new())
}

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().mode() & 0o7777
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn everything_is_private_whatever_the_umask() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("a/b");
    child::check("umask 000;", "open-and-write", &dir);
    // Opened again, since the log and its index go when the last process closes.
    let store = open(&dir);
    crate::support::run(cache_core::port::Store::flush(&store)).unwrap();
    assert_eq!(mode(&dir), 0o700);
    let names: Vec<_> = fs::read_dir(&dir)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert!(names.len() >= 4, "database, log, index and lock: {names:?}");
    for path in names {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn modes_of_files_that_others_can_read_are_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    for name in ["responses.db", "responses.lock"] {
        fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(0o666)).unwrap();
    }
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let _store = open(dir.path());
    assert_eq!(mode(dir.path()), 0o700);
    assert_eq!(mode(&dir.path().join("responses.db")), 0o600);
    assert_eq!(mode(&dir.path().join("responses.lock")), 0o600);
}

#[test]
fn shared_directory_keeps_its_mode_and_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("of somebody else"), "").unwrap();
    for shared in [0o777, 0o1777] {
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(shared)).unwrap();
        let refused = try_open(dir.path());
        assert!(
            matches!(refused, Err(OpenError::OpenToOthers { mode, .. }) if mode == shared),
            "{refused:?}"
        );
        assert_eq!(mode(dir.path()), shared);
    }
}

#[test]
fn symlinks_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (real, link) = (dir.path().join("real"), dir.path().join("link"));
    fs::create_dir(&real).unwrap();
    symlink(&real, &link).unwrap();
    for path in [link.clone(), link.join("")] {
        let refused = try_open(&path);
        assert!(
            matches!(refused, Err(OpenError::NotPlain { .. })),
            "{refused:?}"
        );
    }
    for name in [
        "responses.db",
        "responses.db-wal",
        "responses.db-shm",
        "responses.lock",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        symlink(&target, dir.path().join(name)).unwrap();
        let refused = try_open(dir.path());
        assert!(
            matches!(refused, Err(OpenError::NotPlain { .. })),
            "{name}: {refused:?}"
        );
        assert!(!target.exists(), "nothing is written through a link");
    }
}

#[test]
fn directory_and_files_of_another_user_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let refused = if is_root() {
        std::os::unix::fs::chown(dir.path(), Some(12_345), None).unwrap();
        try_open(dir.path())
    } else {
        try_open(Path::new("/usr"))
    };
    assert!(
        matches!(refused, Err(OpenError::ForeignOwner { .. })),
        "{refused:?}"
    );
    if is_root() {
        let dir = tempfile::tempdir().unwrap();
        drop(open(dir.path()));
        std::os::unix::fs::chown(dir.path().join("responses.db"), Some(12_345), None).unwrap();
        let refused = try_open(dir.path());
        assert!(
            matches!(refused, Err(OpenError::ForeignOwner { owner: 12_345, .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn read_only_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    if is_root() {
        // No mode stops root: a read-only mount does, in a namespace that goes with the child.
        let mount = "mount -t tmpfs -o ro,mode=700 none \"$CACHE_STORE_TEST_DIR\" &&";
        child::check_in_namespace(mount, "read-only", dir.path());
    } else {
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o500)).unwrap();
        refuses_read_only(dir.path());
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    }
}

pub(crate) fn refuses_read_only(dir: &Path) {
    for path in [dir.to_owned(), dir.join("below")] {
        let refused = try_open(&path);
        assert!(
            matches!(refused, Err(OpenError::Unwritable { .. })),
            "{refused:?}"
        );
    }
}
