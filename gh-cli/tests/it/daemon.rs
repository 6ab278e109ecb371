//! How the daemon starts, and why it does not.

use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;

use standin::Token;

use crate::support::{Run, World, get};

fn shown(world: &World, run: &Run) -> String {
    world.neutral(&run.shown())
}

#[tokio::test]
async fn every_open_address_is_printed_and_answers() {
    let mut world = World::new().await;
    world.set("CACHE_HTTP_LISTEN", "127.0.0.1:0,127.0.0.1:0");
    let daemon = world.serve(&[]).await;
    let kinds: Vec<_> = daemon
        .lines
        .iter()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(kinds, ["unix", "http", "http"], "{:?}", daemon.lines);
    let metadata = daemon.socket().metadata().unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    for line in daemon
        .lines
        .iter()
        .filter_map(|line| line.strip_prefix("http "))
    {
        let (head, body) = get(&format!("{line}/.gh-mesh/health"), &[]).await;
        assert_eq!(head.status, 200);
        assert!(body.starts_with(br#"{"status":"ok""#), "{body:?}");
        let token = format!("token {}", Token::OCTOCAT);
        let (head, _) = get(
            &format!("{line}/users/octocat"),
            &[("authorization", &token)],
        )
        .await;
        assert!(
            head.headers["cache-status"]
                .to_str()
                .unwrap()
                .starts_with("gh-mesh; "),
            "{head:?}"
        );
    }
}

#[tokio::test]
async fn a_daemon_without_credentials_starts_and_says_once_that_it_is_alone() {
    let mut world = World::new().await;
    world.unset("GH_TOKEN");
    world.set("CACHE_ENABLE_P2P", "true");
    let daemon = world.serve(&[]).await;
    assert!(
        daemon.lines.iter().all(|line| !line.starts_with("p2p ")),
        "{:?}",
        daemon.lines
    );
    let (code, said) = daemon.stop().await;
    assert_eq!(code, Some(0));
    assert_eq!(said.matches("alone").count(), 1, "{said}");
    assert!(
        said.contains("CACHE_P2P_SHARED_SECRET") && said.contains("gh-mesh keygen"),
        "{said}"
    );
}

#[tokio::test]
async fn taken_addresses_end_it_with_1_and_a_way_out() {
    let world = World::new().await;
    let mut neutral = insta::Settings::clone_current();
    neutral.add_filter(r"127\.0\.0\.1:\d+", "[ADDRESS]");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let run = world.run(&["serve", "--http", &address]).await;
    neutral.bind(|| insta::assert_snapshot!(shown(&world, &run), @r"
    exit 1
    --- stdout

    --- stderr
    error: could not start
      caused by: could not open the HTTP door
      caused by: [ADDRESS] is in use by another process; end that one, or choose another address with --http ADDRESS:PORT

    hint: `--http off` does without the HTTP door
    "));
    let socket = world.path("taken.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    let run = world.run(&["serve", "--socket", &socket]).await;
    insta::assert_snapshot!(shown(&world, &run), @r"
    exit 1
    --- stdout

    --- stderr
    error: could not start
      caused by: could not open the unix door
      caused by: another process serves on [DIR]/taken.sock

    hint: end that one, or choose another place with `--socket PATH`
    ");
}

#[tokio::test]
async fn a_second_daemon_of_the_same_node_is_refused() {
    let world = World::new().await;
    let daemon = world.serve(&[]).await;
    let run = world.run(&["serve"]).await;
    insta::assert_snapshot!(shown(&world, &run), @r"
    exit 1
    --- stdout

    --- stderr
    error: could not start
      caused by: the state directory cannot be used
      caused by: another gh-mesh process holds [DIR]/state/lock

    hint: `gh-mesh stats` shows what that one does; another needs `--cache-dir` and `--state-dir` of its own
    ");
    world.run(&["api", "zen"]).await.good();
    assert_eq!(daemon.stop().await.0, Some(0));
}

#[tokio::test]
async fn a_socket_left_behind_is_replaced() {
    let world = World::new().await;
    let socket = world.path("left.sock");
    drop(UnixListener::bind(&socket).unwrap());
    let run = world.run(&["api", "zen", "--socket", &socket]).await;
    assert_eq!(
        run.code,
        Some(0),
        "nobody listens, so the command asks itself: {run:?}"
    );
    let _daemon = world.serve(&["--socket", &socket]).await;
    let run = world
        .run(&["api", "zen", "--socket", &socket, "--include"])
        .await
        .good();
    assert!(run.text().contains("stored"), "{run:?}");
}

#[tokio::test]
async fn what_cannot_be_a_socket_or_a_directory_is_named() {
    let world = World::new().await;
    let long = format!("/tmp/{}.sock", "x".repeat(120));
    let run = world.run(&["serve", "--socket", &long]).await;
    insta::assert_snapshot!(shown(&world, &run).replace(&long, "[LONG]"), @r"
    exit 1
    --- stdout

    --- stderr
    error: could not start
      caused by: could not open the unix door
      caused by: the socket path [LONG] has 130 bytes, more than the 107 that a socket may have; choose a shorter one with --socket PATH
    ");
    let file = world.path("file");
    std::fs::write(&file, "").unwrap();
    let run = world.run(&["serve", "--socket", &file]).await;
    insta::assert_snapshot!(shown(&world, &run), @r"
    exit 1
    --- stdout

    --- stderr
    error: could not start
      caused by: could not open the unix door
      caused by: [DIR]/file is there and is no socket; move it away, or choose another path with --socket PATH
    ");
    assert!(
        std::fs::metadata(&file).unwrap().is_file(),
        "it is left alone"
    );
    let below = format!("{file}/state");
    let run = world.run(&["serve", "--state-dir", &below]).await;
    insta::assert_snapshot!(shown(&world, &run), @r"
    exit 1
    --- stdout

    --- stderr
    error: could not start
      caused by: the state directory cannot be used
      caused by: cannot use [DIR]/file/state
      caused by: Not a directory (os error 20)

    hint: `--state-dir` names another directory for what this node is
    ");
}

#[tokio::test]
async fn an_unusable_cache_directory_costs_the_disk_and_nothing_else() {
    let world = World::new().await;
    let file = world.path("file");
    std::fs::write(&file, "").unwrap();
    let daemon = world
        .serve(&[
            "--cache-dir",
            &format!("{file}/cache"),
            "--socket",
            &world.path("run/s.sock"),
        ])
        .await;
    let (code, said) = daemon.stop().await;
    assert_eq!(code, Some(0));
    assert!(
        said.contains("nothing is kept on disk, memory only"),
        "{said}"
    );
}

#[tokio::test]
async fn doors_answer_5xx_for_a_github_that_is_down() {
    let world = World::new().await;
    let daemon = world.serve(&[]).await;
    world.standin.set_down(true);
    let (head, body) = get(&format!("{}/users/octocat", daemon.address("http")), &[]).await;
    assert_eq!(head.status, 502);
    insta::assert_snapshot!(String::from_utf8_lossy(&body), @r#"{"message":"gh-mesh: GitHub gave no answer, and nothing is stored","documentation_url":""}"#);
    let only = [("cache-control", "only-if-cached")];
    let (head, _) = get(&format!("{}/users/octocat", daemon.address("http")), &only).await;
    assert_eq!(head.status, 504);
}
