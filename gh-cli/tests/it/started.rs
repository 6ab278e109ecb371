//! Daemons that commands start.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;

use crate::support::World;

/// A world where commands start daemons, which end soon after the test at the latest.
async fn world() -> World {
    let mut world = World::new().await;
    world.set("CACHE_START_DAEMON", "true");
    world.set("CACHE_IDLE_TIMEOUT", "20");
    world
}

/// Waits until no daemon holds the state directory.
async fn ended(world: &World) {
    let path = format!("{}/lock", world.path("state"));
    tokio::task::spawn_blocking(move || std::fs::File::open(path).unwrap().lock().unwrap())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_command_that_finds_no_daemon_starts_one_and_the_next_finds_it() {
    let world = world().await;
    for _ in 0..3 {
        let run = world.run(&["api", "users/octocat", "-q", ".login"]).await;
        assert_eq!((run.code, &*run.stderr), (Some(0), ""), "{run:?}");
        assert_eq!(run.text(), "octocat\n");
    }
    assert_eq!(world.standin.counters().requests, 1);
    let status = world.run(&["daemon", "status", "--json"]).await.good();
    let status = status.json();
    assert_eq!(status["started_by"], "command");
    assert_eq!(status["http"], serde_json::json!([]), "the socket only");
    let stats = world.run(&["stats", "--json"]).await.good().json();
    assert_eq!(stats["p2p_enabled"], false);
    let mut neutral = insta::Settings::clone_current();
    neutral.add_filter(r"process  \d+", "process  [PID]");
    let shown = world.neutral(&world.run(&["daemon", "status"]).await.shown());
    neutral.bind(|| {
        insta::assert_snapshot!(shown, @r"
        exit 0
        --- stdout
        version  0.1.0
        process  [PID]
        started  by a command, less than a minute ago
        socket   [DIR]/cache/gh-mesh.sock
        ends     after 20 s without a request
        --- stderr
        ");
    });
    let log = std::fs::metadata(format!("{}/daemon.log", world.path("state"))).unwrap();
    assert_eq!(log.permissions().mode() & 0o777, 0o600);
    world.run(&["daemon", "logs"]).await.good();
    insta::assert_snapshot!(world.run(&["daemon", "stop"]).await.shown(), @r"
    exit 0
    --- stdout

    --- stderr
    ");
    insta::assert_snapshot!(world.neutral(&world.run(&["daemon", "stop"]).await.shown()), @r"
    exit 0
    --- stdout

    --- stderr
    no daemon listens on [DIR]/cache/gh-mesh.sock
    ");
    insta::assert_snapshot!(world.neutral(&world.run(&["daemon", "status"]).await.shown()), @r"
    exit 1
    --- stdout

    --- stderr
    error: no daemon listens on [DIR]/cache/gh-mesh.sock

    hint: `gh-mesh serve` runs one; `--socket` names the socket of one that runs elsewhere
    ");
    let logged = world.run(&["daemon", "logs"]).await.good().text();
    assert!(
        logged.contains("a command asks this daemon to end"),
        "{logged}"
    );
}

#[tokio::test]
async fn commands_that_start_at_once_end_with_one_daemon() {
    let world = world().await;
    let runs = (0..6).map(|n| {
        let world = &world;
        async move {
            let path = format!("users/octocat?n={n}");
            world.run(&["api", &path, "-q", ".login"]).await
        }
    });
    for run in futures::future::join_all(runs).await {
        assert_eq!((run.code, &*run.stderr), (Some(0), ""), "{run:?}");
    }
    let stats = world.run(&["stats", "--json"]).await.good().json();
    assert_eq!(stats["total_requests"], 6, "one daemon answered them all");
    world.run(&["daemon", "stop"]).await.good();
}

#[tokio::test]
async fn a_daemon_that_nobody_needs_ends_by_itself() {
    let mut world = world().await;
    world.set("CACHE_IDLE_TIMEOUT", "0.5");
    world.run(&["api", "users/octocat"]).await.good();
    ended(&world).await;
    let socket = format!("{}/gh-mesh.sock", world.path("cache"));
    assert!(!std::path::Path::new(&socket).exists());
    let logged = world.run(&["daemon", "logs"]).await.good().text();
    assert!(logged.contains("nobody asked for anything"), "{logged}");
    assert!(!logged.contains(standin::Token::OCTOCAT), "{logged}");
}

#[tokio::test]
async fn a_daemon_that_cannot_start_costs_one_warning() {
    let world = world().await;
    std::fs::create_dir_all(world.path("cache")).unwrap();
    std::fs::write(world.path("cache/gh-mesh.sock"), "in the way").unwrap();
    let run = world.run(&["api", "users/octocat", "-q", ".login"]).await;
    insta::assert_snapshot!(world.neutral(&run.shown()), @r"
    exit 0
    --- stdout
    octocat
    --- stderr
    gh-mesh: asking without a daemon: could not start a daemon: could not open the unix door: [DIR]/cache/gh-mesh.sock is there and is no socket; move it away, or choose another path with --socket PATH
    ");
    let run = world
        .run(&["api", "users/octocat", "-q", ".login", "--no-daemon"])
        .await;
    assert_eq!((run.code, &*run.stderr), (Some(0), ""));
}

#[tokio::test]
async fn a_serve_on_another_socket_is_not_disturbed() {
    let world = world().await;
    let daemon = world.serve(&["--socket", &world.path("other.sock")]).await;
    let run = world.run(&["api", "users/octocat", "-q", ".login"]).await;
    assert_eq!(run.text(), "octocat\n");
    assert!(run.stderr.contains("asking without a daemon"), "{run:?}");
    assert_eq!(daemon.stop().await.0, Some(0));
}

#[tokio::test]
async fn an_older_daemon_that_a_command_started_is_replaced_and_another_is_not() {
    for (started_by, is_replaced) in [("command", true), ("person", false)] {
        let world = world().await;
        std::fs::create_dir_all(world.path("cache")).unwrap();
        std::fs::set_permissions(world.path("cache"), std::fs::Permissions::from_mode(0o700))
            .unwrap();
        let socket = world.path("cache/gh-mesh.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let (page, state, path) = (started_by.to_owned(), world.path("state"), socket.clone());
        let old = std::thread::spawn(move || old_daemon(&listener, &page, &state, &path));
        let run = world.run(&["api", "users/octocat", "-q", ".login"]).await;
        assert_eq!(run.code, Some(0), "{run:?}");
        assert_eq!(
            run.text(),
            if is_replaced {
                "octocat\n"
            } else {
                "the old one\n"
            }
        );
        old.join().unwrap();
        if is_replaced {
            let status = world
                .run(&["daemon", "status", "--json"])
                .await
                .good()
                .json();
            assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
            world.run(&["daemon", "stop"]).await.good();
        }
    }
}

/// Answers as a daemon of version 0.0.1 does, until it is told to end or has answered a request.
fn old_daemon(listener: &UnixListener, started_by: &str, state: &str, socket: &str) {
    use std::io::{Read as _, Write as _};
    let mut is_ended = false;
    while !is_ended {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let page = serde_json::json!({
            "version": "0.0.1", "pid": 1, "started_by": started_by, "since": 0, "socket": socket, "http": [],
            "state_dir": state, "idle_limit_s": null,
        });
        let body = match head.split(' ').nth(1) {
            Some("/.gh-mesh/server") => page.to_string(),
            Some("/.gh-mesh/stop") => {
                is_ended = true;
                std::fs::remove_file(socket).unwrap();
                "{}".to_owned()
            }
            None => continue,
            Some(_) => {
                is_ended = true;
                r#"{"login":"the old one"}"#.to_owned()
            }
        };
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).unwrap();
    }
}
