//! What a child process does: this test binary, started again with a task in its environment.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use cache_core::port::Store;

use crate::support::{body, entry, key, open, run};

const TASK: &str = "CACHE_STORE_TEST_TASK";
const DIR: &str = "CACHE_STORE_TEST_DIR";

/// Returns the command that runs `task` on `dir` in a process of its own, behind the shell words `prelude`.
pub(crate) fn command(prelude: &str, task: &str, dir: &Path) -> Command {
    behind("sh", &[], prelude, task, dir)
}

/// Runs `task` to its end, which must be a good one.
#[track_caller]
pub(crate) fn check(prelude: &str, task: &str, dir: &Path) {
    ends_well(command(prelude, task, dir));
}

/// As [`check`], with mounts of its own that go with it. Needs root.
#[track_caller]
pub(crate) fn check_in_namespace(prelude: &str, task: &str, dir: &Path) {
    ends_well(behind("unshare", &["--mount", "sh"], prelude, task, dir));
}

fn behind(program: &str, args: &[&str], prelude: &str, task: &str, dir: &Path) -> Command {
    let exec = format!(
        "{prelude} exec \"$0\" child::performs_its_task --exact --nocapture --test-threads=1"
    );
    let mut command = Command::new(program);
    command
        .args(args)
        .arg("-c")
        .arg(exec)
        .arg(std::env::current_exe().unwrap());
    command.env(TASK, task).env(DIR, dir);
    command
}

#[track_caller]
fn ends_well(mut command: Command) {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&text)
    );
}

/// In an ordinary run there is no task, and this does nothing.
#[test]
fn performs_its_task() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let dir = PathBuf::from(std::env::var(DIR).unwrap());
    match task.as_str() {
        "write-forever" => write_forever(&dir),
        "write-100-from-0" | "open-and-write" => write_hundred(&dir, 0),
        "write-100-from-100" => write_hundred(&dir, 100),
        "full-disk" => crate::full_disk::fill_and_free_by_limit(&dir),
        "full-tmpfs" => crate::full_disk::fill_and_free_tmpfs(&dir),
        "read-only" => crate::directory::refuses_read_only(&dir),
        "fixture" => crate::migrations::write_fixture(&dir),
        other => panic!("unknown task {other}"),
    }
}

/// Says after each flush how many entries are on disk.
fn write_forever(dir: &Path) {
    let store = open(dir);
    run(async {
        for n in 0.. {
            store
                .insert(&key(n, 1), Arc::new(entry(body(n))))
                .await
                .unwrap();
            if n % 7 == 6 {
                store.flush().await.unwrap();
                println!("\nwrote {}", n + 1);
            }
        }
    });
}

fn write_hundred(dir: &Path, from: usize) {
    let store = open(dir);
    run(async {
        for n in from..from + 100 {
            store
                .insert(&key(n, 1), Arc::new(entry(body(n))))
                .await
                .unwrap();
            // One key that all write, always with the same body.
            store
                .insert(&key(9_999, 1), Arc::new(entry(body(9_999))))
                .await
                .unwrap();
            if n % 10 == 9 {
                store.flush().await.unwrap();
            }
        }
    });
    assert_eq!(store.counters().n_unwritten, 0);
}
