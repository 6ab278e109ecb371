use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::HeaderValue;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

use super::*;
use crate::doors::testing::{Log, Reply, exchange, relay, service, spawn};

fn config(path: &Path) -> UnixConfig {
    UnixConfig {
        path: Some(path.to_owned()),
        api_hosts: vec![
            Authority::from_static("api.github.com"),
            Authority::from_static("ghe.example"),
        ],
    }
}

/// A door that is open as long as it lives.
struct Open {
    directory: tempfile::TempDir,
    stop: watch::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

impl Open {
    async fn new<S: Answers>(relay: Relay<S>) -> Self {
        Self::with(relay, |_| {}).await
    }

    async fn with<S: Answers>(relay: Relay<S>, change: impl FnOnce(&mut UnixDoor)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut door = UnixDoor::bind(config(&directory.path().join("sock")))
            .await
            .unwrap();
        change(&mut door);
        let (stop, stopped) = watch::channel(());
        let task = spawn(door.serve(relay, stopped));
        Self {
            directory,
            stop,
            task,
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("sock")
    }

    async fn send(&self, request: &str) -> Reply {
        let stream = UnixStream::connect(self.path()).await.unwrap();
        Reply::parse(&exchange(stream, request.as_bytes()).await)
    }

    async fn get(&self, host: &str, path: &str) -> Reply {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
            .await
    }
}

fn answer(_: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(br#"{"url":"https://api.github.com/x"}"#));
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert(
        "link",
        HeaderValue::from_static("<https://api.github.com/x>; rel=next"),
    );
    headers.insert("access-control-allow-origin", HeaderValue::from_static("*"));
    response
}

#[tokio::test]
async fn host_says_where_a_request_goes() {
    let log = Log::default();
    let open = Open::new(relay(service(log.clone(), answer))).await;
    for (host, uri) in [
        ("api.github.com", "https://api.github.com/user?a=b"),
        ("API.github.com:443", "https://api.github.com/user?a=b"),
        ("api.github.com:80", "https://api.github.com/user?a=b"),
        ("ghe.example", "https://ghe.example/user?a=b"),
        ("github.com", "https://github.com/user?a=b"),
        ("uploads.github.com", "https://uploads.github.com/user?a=b"),
        (
            "objects.githubusercontent.com",
            "https://objects.githubusercontent.com/user?a=b",
        ),
    ] {
        let reply = open.get(host, "/user?a=b").await;
        assert_eq!(reply.status, 200, "{host}");
        assert_eq!(log.last().uri, uri, "{host}");
    }
}

#[tokio::test]
async fn other_hosts_and_odd_targets_are_refused() {
    let log = Log::default();
    let open = Open::new(relay(service(log.clone(), answer))).await;
    for (host, path) in [
        ("evil.example", "/"),
        ("127.0.0.1", "/"),
        ("localhost", "/"),
        ("api.github.com:8443", "/"),
        ("api.github.com.", "/"),
        ("user@api.github.com", "/"),
        ("api.github.com@evil.example", "/"),
        ("api.github.com/evil", "/"),
        ("", "/"),
        ("api.github.com", "//evil.example/"),
        ("api.github.com", "http://evil.example/"),
        ("api.github.com", "*"),
        ("api.github.com\r\nHost: api.github.com", "/"),
    ] {
        let reply = open.get(host, path).await;
        assert!(
            [400, 403].contains(&reply.status),
            "{host} {path}: {}",
            reply.status
        );
        assert!(reply.json()["message"].is_string());
    }
    let tunnel = "CONNECT api.github.com:443 HTTP/1.1\r\nHost: api.github.com:443\r\n\r\n";
    assert_eq!(open.send(tunnel).await.status, 403);
    let two_lengths =
        "POST / HTTP/1.1\r\nHost: api.github.com\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(open.send(two_lengths).await.status, 400);
    assert!(log.all().is_empty());
}

#[tokio::test]
async fn nothing_is_rewritten() {
    let log = Log::default();
    let open = Open::new(relay(service(log.clone(), answer))).await;
    let reply = open
        .send("GET http://api.github.com/x HTTP/1.1\r\nHost: api.github.com\r\nAccept-Encoding: gzip\r\nAuthorization: token t\r\n\r\n")
        .await;
    assert_eq!(reply.text(), r#"{"url":"https://api.github.com/x"}"#);
    assert_eq!(
        reply.header("link"),
        Some("<https://api.github.com/x>; rel=next")
    );
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    assert_eq!(log.last().method, "GET");
    assert_eq!(log.last().headers["accept-encoding"], "gzip");
    assert_eq!(log.last().headers["authorization"], "token t");
}

#[tokio::test]
async fn a_host_that_github_redirects_to_is_reached_without_credentials() {
    let log = Log::default();
    let open = Open::new(relay(service(log.clone(), |uri| {
        let mut response = Response::new(Bytes::new());
        let location = if uri.starts_with("https://api.github.com/") {
            "https://Store.blob.example.net/logs?sig=x"
        } else {
            "https://further.example.net/"
        };
        *response.status_mut() = StatusCode::FOUND;
        response
            .headers_mut()
            .insert(LOCATION, HeaderValue::from_static(location));
        response
    })))
    .await;
    let download = "GET /logs?sig=x HTTP/1.1\r\nHost: store.blob.example.net\r\nAuthorization: token t\r\nCookie: a\r\nRange: bytes=0-\r\n\r\n";
    assert_eq!(open.send(download).await.status, 403);
    open.get("api.github.com", "/repos/o/r/actions/runs/1/logs")
        .await;
    assert_eq!(open.send(download).await.status, 302);
    let asked = log.last();
    assert_eq!(asked.uri, "https://store.blob.example.net/logs?sig=x");
    assert!(!asked.headers.contains_key(AUTHORIZATION) && !asked.headers.contains_key(COOKIE));
    assert_eq!(asked.headers["range"], "bytes=0-");
    // Only GitHub's word counts: where that host points to is not let through.
    assert_eq!(open.get("further.example.net", "/").await.status, 403);
}

#[tokio::test]
async fn connections_of_other_users_are_closed_and_counted() {
    let log = Log::default();
    let mut refused = None;
    let open = Open::with(relay(service(log.clone(), answer)), |door| {
        door.socket.let_in_only(u32::MAX - 1);
        refused = Some(door.refused_peers());
    })
    .await;
    for _ in 0..3 {
        let reply = open.get("api.github.com", "/").await;
        assert_eq!(reply.status, 0);
    }
    assert_eq!(refused.unwrap().count(), 3);
    assert!(log.all().is_empty());
}

#[tokio::test]
async fn the_socket_and_a_new_directory_are_for_the_owner_only() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/sock");
    let before = rustix::process::umask(rustix::fs::Mode::empty());
    let door = UnixDoor::bind(config(&path)).await;
    rustix::process::umask(before);
    let door = door.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o7777;
    assert_eq!(door.path(), path);
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&directory.path().join("a/b")), 0o700);
    assert_eq!(mode(&directory.path().join("a")), 0o700);
}

#[tokio::test]
async fn a_socket_that_nobody_serves_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    UnixDoor::bind(config(&path)).await.unwrap();
}

#[tokio::test]
async fn whatever_else_is_in_the_way_is_named_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let served = directory.path().join("served");
    let _serving = std::os::unix::net::UnixListener::bind(&served).unwrap();
    let error = UnixDoor::bind(config(&served)).await.unwrap_err();
    assert!(matches!(error, BindSocketError::Served { .. }));
    assert_eq!(
        error.to_string(),
        format!("another process serves on {}", served.display())
    );

    let file = directory.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    let error = UnixDoor::bind(config(&file)).await.unwrap_err();
    assert!(matches!(error, BindSocketError::NoSocket { .. }), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");

    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&served, &link).unwrap();
    let error = UnixDoor::bind(config(&link)).await.unwrap_err();
    assert!(matches!(error, BindSocketError::NoSocket { .. }), "{error}");

    let long = directory.path().join("x".repeat(socket::MAX_PATH_BYTES));
    let error = UnixDoor::bind(config(&long)).await.unwrap_err();
    assert!(matches!(error, BindSocketError::TooLong { .. }), "{error}");
    assert!(error.to_string().contains("--socket"));

    let shared = directory.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o777)).unwrap();
    let error = UnixDoor::bind(config(&shared.join("sock")))
        .await
        .unwrap_err();
    assert!(
        matches!(error, BindSocketError::OpenDirectory { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_closed_door_takes_its_socket_away_unless_another_is_there() {
    let open = Open::new(relay(service(Log::default(), answer))).await;
    let path = open.path();
    open.get("api.github.com", "/").await;
    open.stop.send(()).unwrap();
    open.task.await.unwrap();
    assert!(!path.exists());

    let open = Open::new(relay(service(Log::default(), answer))).await;
    let path = open.path();
    std::fs::remove_file(&path).unwrap();
    let _successor = std::os::unix::net::UnixListener::bind(&path).unwrap();
    open.stop.send(()).unwrap();
    open.task.await.unwrap();
    assert!(path.exists());
}

#[tokio::test]
async fn a_door_that_was_never_opened_takes_its_socket_away_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sock");
    drop(UnixDoor::bind(config(&path)).await.unwrap());
    assert!(!path.exists());
}

#[tokio::test]
async fn a_client_that_ends_its_half_is_still_answered() {
    let open = Open::new(relay(service(Log::default(), answer))).await;
    let mut stream = UnixStream::connect(open.path()).await.unwrap();
    let request = "GET / HTTP/1.0\r\nHost: api.github.com\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes())
        .await
        .unwrap();
    tokio::io::AsyncWriteExt::shutdown(&mut stream)
        .await
        .unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(Reply::parse(&bytes).status, 200);
}
