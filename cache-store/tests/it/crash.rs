//! Sudden ends, and several processes at once.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use cache_core::port::Store;

use crate::child;
use crate::support::{assert_same, body, entry, key, open, run};

#[test]
fn killed_writer_leaves_a_sound_file() {
    let dir = tempfile::tempdir().unwrap();
    for n_lines in [1, 4, 9] {
        let mut child = child::command("", "write-forever", dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let written = lines.filter_map(|line| line.strip_prefix("wrote ")?.parse::<usize>().ok());
        let n_written = written.take(n_lines).last().expect("the child writes");
        // SIGKILL, while it goes on writing.
        child.kill().unwrap();
        child.wait().unwrap();
        let store = open(dir.path());
        assert_eq!(store.set_aside(), None);
        run(async {
            for n in 0..n_written {
                let found = store
                    .lookup(&key(n, 1))
                    .await
                    .unwrap()
                    .expect("what was flushed is there");
                assert_same(&found, &entry(body(n)));
            }
        });
        assert_eq!(store.counters().n_damaged, 0);
    }
}

#[test]
fn processes_write_into_one_directory_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let ours = open(dir.path());
    let mut children = ["write-100-from-0", "write-100-from-100"].map(|task| {
        child::command("", task, dir.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    });
    run(async {
        for n in 200..300 {
            ours.insert(&key(n, 1), std::sync::Arc::new(entry(body(n))))
                .await
                .unwrap();
        }
        ours.flush().await.unwrap();
        for child in &mut children {
            assert!(child.wait().unwrap().success());
        }
        for n in (0..300).chain([9_999]) {
            let found = ours
                .lookup(&key(n, 1))
                .await
                .unwrap()
                .expect("whoever wrote it, it is there");
            assert_same(&found, &entry(body(n)));
        }
        assert_eq!(ours.usage().await.unwrap().n_entries, 301);
    });
    assert_eq!(ours.counters(), cache_store::StoreCounters::default());
}
