use std::net::SocketAddr;

use http::header::{CONTENT_LENGTH, ETAG};
use serde_json::json;
use tokio::net::TcpStream;

use super::*;
use crate::doors::relay::Explained;
use crate::doors::testing::{Log, Reply, exchange, relay, service, spawn};

mod guarded;
mod streams;

const REPOSITORY: &str =
    r#"{"id":1,"url":"https://api.github.com/repos/o/r","html_url":"https://github.com/o/r"}"#;

fn config() -> HttpConfig {
    HttpConfig {
        listen: Listen::Given(vec!["127.0.0.1:0".parse().unwrap()]),
        allow_hosts: vec!["cache.example".to_owned(), "mapped.example:8080".to_owned()],
        api_host: Authority::from_static("api.github.com"),
        web_host: Some(Authority::from_static("github.com")),
        roots: Roots::new(["https://api.github.com"]),
        pages: Pages::new("1.2.3")
            .json("stats", || Box::pin(async { json!({ "hits": 7 }) }))
            .text("metrics", "text/plain; version=0.0.4", || {
                Box::pin(async { "hits 7\n".to_owned() })
            }),
    }
}

/// A door that is open as long as it lives.
struct Open {
    address: SocketAddr,
    stop: watch::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

impl Open {
    fn new<S: Answers>(relay: Relay<S>) -> Self {
        let door = HttpDoor::bind(config()).unwrap();
        let address = door.addresses()[0];
        let (stop, stopped) = watch::channel(());
        let task = spawn(door.serve(relay, stopped));
        Self {
            address,
            stop,
            task,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn send(&self, request: impl AsRef<[u8]>) -> Reply {
        Reply::parse(&exchange(self.connect().await, request.as_ref()).await)
    }

    fn head(&self, line: &str, fields: &str) -> String {
        format!("{line} HTTP/1.1\r\nHost: {}\r\n{fields}\r\n", self.address)
    }

    /// Sends a request without body.
    async fn ask(&self, line: &str, fields: &str) -> Reply {
        self.send(self.head(line, fields)).await
    }
}

/// A stored JSON answer, as the service gives it.
fn stored(text: &'static str) -> Response<Bytes> {
    let body = Bytes::from_static(text.as_bytes());
    let id = BodyId::of(&body);
    let response = Response::builder()
        .header("content-type", "application/json; charset=utf-8")
        .header("content-length", body.len())
        .header("etag", "\"x\"")
        .header("cache-status", "gh-mesh; hit; ttl=1; detail=memory")
        .extension(id);
    response.body(body).unwrap()
}

#[tokio::test]
async fn requests_reach_the_service_with_the_logical_host_and_the_clients_headers() {
    let log = Log::default();
    let open = Open::new(relay(service(log.clone(), |_| stored("{}"))));
    for (line, uri) in [
        ("GET /", "https://api.github.com/"),
        (
            "GET /repos/o/r?per_page=1&x=%2F",
            "https://api.github.com/repos/o/r?per_page=1&x=%2F",
        ),
        (
            "GET /api/v3/repos/o/r?a=b",
            "https://api.github.com/repos/o/r?a=b",
        ),
        ("GET /api/v3", "https://api.github.com/"),
        ("GET /api/v3?a=b", "https://api.github.com/?a=b"),
        ("POST /graphql", "https://api.github.com/graphql"),
        ("POST /api/graphql", "https://api.github.com/graphql"),
        (
            "GET /o/r.git/info/refs?service=git-upload-pack",
            "https://github.com/o/r.git/info/refs?service=git-upload-pack",
        ),
        ("GET /repos/o/r.git", "https://api.github.com/repos/o/r.git"),
        ("GET /.gh-meshes", "https://api.github.com/.gh-meshes"),
    ] {
        let reply = open.ask(line, "").await;
        assert_eq!(reply.status, 200, "{line}");
        assert_eq!(log.last().uri, uri, "{line}");
    }
    let fields = "Authorization: Bearer t\r\nAccept: application/vnd.github+json\r\nAccept-Encoding: gzip\r\n\
        Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nProxy-Authorization: x\r\n\
        User-Agent: a\r\nIf-None-Match: \"x\"\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nExpect: 100-continue\r\n";
    open.ask("GET /user", fields).await;
    let asked = log.last();
    let mut names: Vec<_> = asked.headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["accept", "authorization", "if-none-match", "user-agent"]
    );
}

#[tokio::test]
async fn bodies_go_on_with_their_length_or_as_chunks() {
    let log = Log::default();
    let open = Open::new(relay(service(log.clone(), |_| stored("{}"))));
    open.send(open.head("POST /user/repos", "Content-Length: 5\r\n") + "hello")
        .await;
    assert_eq!(log.last().body, "hello");
    assert_eq!(log.last().headers[CONTENT_LENGTH], "5");
    open.send(
        open.head("POST /user/repos", "Transfer-Encoding: chunked\r\n")
            + "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    )
    .await;
    assert_eq!(log.last().body, "hello");
    assert_eq!(log.last().headers.len(), 0);
}

#[tokio::test]
async fn a_stored_body_is_rewritten_for_the_name_the_client_used() {
    let open = Open::new(relay(service(Log::default(), |_| stored(REPOSITORY))));
    let port = open.address.port();
    for (host, path, base) in [
        (
            format!("127.0.0.1:{port}"),
            "/repos/o/r",
            format!("http://127.0.0.1:{port}"),
        ),
        (
            format!("LocalHost:{port}"),
            "/repos/o/r",
            format!("http://localhost:{port}"),
        ),
        (
            format!("LocalHost:{port}"),
            "/api/v3/repos/o/r",
            format!("http://localhost:{port}/api/v3"),
        ),
        (
            "mapped.example:8080".to_owned(),
            "/repos/o/r",
            "http://mapped.example:8080".to_owned(),
        ),
    ] {
        let expected = REPOSITORY.replace("https://api.github.com", &base);
        for time in ["first", "second"] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            let reply = open.send(request).await;
            assert_eq!(reply.text(), expected, "{time}");
            assert_eq!(
                reply.header("content-length"),
                Some(&*expected.len().to_string())
            );
            assert_eq!(reply.header("etag"), Some("\"x\""));
        }
    }
}

#[tokio::test]
async fn a_body_that_was_rewritten_before_is_not_read_again() {
    use std::pin::Pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll};

    struct Counted(http_body_util::Full<Bytes>, Arc<AtomicUsize>);

    impl Body for Counted {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
            let polled = Pin::new(&mut self.0).poll_frame(cx);
            if matches!(polled, Poll::Ready(Some(_))) {
                self.1.fetch_add(1, Ordering::Relaxed);
            }
            polled
        }

        fn size_hint(&self) -> http_body::SizeHint {
            self.0.size_hint()
        }
    }

    let n_reads = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&n_reads);
    let answering = tower::service_fn(move |_: Request<cache_core::port::StreamedBody>| {
        let (head, body) = stored(REPOSITORY).into_parts();
        let body = Counted(http_body_util::Full::new(body), Arc::clone(&count));
        std::future::ready(Ok::<_, std::convert::Infallible>(Response::from_parts(
            head, body,
        )))
    });
    let open = Open::new(relay(answering));
    for _ in 0..3 {
        let reply = open.ask("GET /repos/o/r", "").await;
        assert!(reply.text().contains("\"url\":\"http://127.0.0.1"));
        assert_eq!(n_reads.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn head_answers_have_the_length_of_the_rewritten_body_or_none() {
    let open = Open::new(relay(service(Log::default(), |uri| {
        let mut response = stored(REPOSITORY);
        if uri.ends_with("bare") {
            *response.body_mut() = Bytes::new();
        }
        response
    })));
    let bare = open.head("HEAD /repos/o/r?bare", "");
    let reply = open.send(&bare).await;
    assert_eq!((reply.status, reply.header("content-length")), (200, None));
    let length = open.ask("GET /repos/o/r", "").await.body.len().to_string();
    for request in [bare, open.head("HEAD /repos/o/r", "")] {
        let reply = open.send(&request).await;
        assert_eq!(reply.header("content-length"), Some(&*length));
        assert!(reply.body.is_empty());
    }
}

#[tokio::test]
async fn what_was_not_stored_is_rewritten_while_it_streams() {
    let open = Open::new(relay(service(Log::default(), |_| {
        let mut response = stored(REPOSITORY);
        response.extensions_mut().clear();
        *response.status_mut() = StatusCode::CREATED;
        response
    })));
    let reply = open
        .send(open.head("POST /user/repos", "Content-Length: 2\r\n") + "{}")
        .await;
    assert_eq!((reply.status, reply.header("content-length")), (201, None));
    assert_eq!(reply.header("transfer-encoding"), Some("chunked"));
    let base = format!("http://{}", open.address);
    assert_eq!(
        reply.text(),
        REPOSITORY.replace("https://api.github.com", &base)
    );
}

#[tokio::test]
async fn links_and_locations_are_rewritten_and_cors_is_taken_away() {
    let open = Open::new(relay(service(Log::default(), |_| {
        let mut response = stored("[]");
        *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
        let headers = response.headers_mut();
        for (name, value) in [
            ("link", "<https://api.github.com/x?page=2>; rel=\"next\""),
            ("location", "https://api.github.com/repositories/1"),
            ("access-control-allow-origin", "*"),
            ("access-control-expose-headers", "ETag, Link"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    })));
    let reply = open.ask("GET /x", "").await;
    let base = format!("http://{}", open.address);
    assert_eq!(
        reply.header("link"),
        Some(&*format!("<{base}/x?page=2>; rel=\"next\""))
    );
    assert_eq!(
        reply.header("location"),
        Some(&*format!("{base}/repositories/1"))
    );
    assert_eq!(reply.header("access-control-allow-origin"), None);
    assert_eq!(reply.header("access-control-expose-headers"), None);
    let reply = open.ask("GET /api/v3/x", "").await;
    assert_eq!(
        reply.header("location"),
        Some(&*format!("{base}/api/v3/repositories/1"))
    );
}

#[tokio::test]
async fn everything_that_is_not_json_of_the_api_stays_as_it_is() {
    let log = Log::default();
    let open = Open::new(relay(service(log.clone(), |uri| {
        let mut response = stored(REPOSITORY);
        let headers = response.headers_mut();
        if let Some((_, kind)) = uri.split_once("?type=") {
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::try_from(kind.replace("%2B", "+")).unwrap(),
            );
        }
        if uri.contains("coded") {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if uri.contains("media") {
            headers.insert(MEDIA_TYPE, HeaderValue::from_static("github.v3; param=raw"));
        }
        response
    })));
    for (line, fields) in [
        ("GET /repos/o/r?type=text/plain", ""),
        ("GET /repos/o/r?type=application/vnd.github.raw%2Bjson", ""),
        ("GET /repos/o/r?type=application/json-seq", ""),
        ("GET /coded", ""),
        ("GET /media", ""),
        (
            "GET /repos/o/r/contents/a.json",
            "Accept: application/vnd.github.raw+json\r\n",
        ),
        (
            "GET /repos/o/r/contents/a.json",
            "Accept: application/vnd.github.v3.raw\r\n",
        ),
        (
            "GET /repos/o/r/pulls/1",
            "Accept: application/vnd.github.diff\r\n",
        ),
        ("POST /graphql", ""),
    ] {
        let reply = open.ask(line, fields).await;
        assert_eq!(reply.text(), REPOSITORY, "{line} {fields}");
        assert_eq!(
            reply.header("content-length"),
            Some(&*REPOSITORY.len().to_string())
        );
    }
    open.ask(
        "GET /x",
        "Accept: application/vnd.github.raw\r\nAccept-Encoding: gzip\r\n",
    )
    .await;
    assert!(
        log.last().headers.contains_key(ACCEPT_ENCODING),
        "a raw file may be compressed"
    );
}

#[tokio::test]
async fn a_304_has_no_body_and_keeps_its_tag() {
    let open = Open::new(relay(service(Log::default(), |_| {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
            .headers_mut()
            .insert(ETAG, HeaderValue::from_static("\"x\""));
        response
    })));
    let reply = open.ask("GET /x", "If-None-Match: \"x\"\r\n").await;
    assert_eq!((reply.status, reply.header("etag")), (304, Some("\"x\"")));
    assert!(reply.body.is_empty());
}

#[tokio::test]
async fn a_failure_is_told_as_json_with_its_status() {
    let failing = tower::service_fn(|_: Request<cache_core::port::StreamedBody>| {
        let error = std::io::Error::from(std::io::ErrorKind::TimedOut);
        std::future::ready(Err::<Response<http_body_util::Full<Bytes>>, _>(error))
    });
    let relay = Relay::new(failing, |error| {
        let cache_status = Some("gh-mesh; fwd=miss; detail=no-answer".to_owned());
        Explained {
            status: StatusCode::GATEWAY_TIMEOUT,
            message: format!("no answer: {error}"),
            cache_status,
        }
    });
    let open = Open::new(relay);
    let reply = open.ask("GET /x", "").await;
    assert_eq!(reply.status, 504);
    assert_eq!(
        reply.json(),
        json!({ "message": "no answer: timed out", "documentation_url": "" })
    );
    assert_eq!(
        reply.header("cache-status"),
        Some("gh-mesh; fwd=miss; detail=no-answer")
    );
}

#[tokio::test]
async fn own_pages_answer_without_the_service() {
    let log = Log::default();
    let open = Open::new(relay(service(log.clone(), |_| stored("{}"))));
    let health = open.ask("GET /.gh-mesh/health", "").await;
    assert_eq!(health.json(), json!({ "status": "ok", "version": "1.2.3" }));
    assert_eq!(health.header("cache-control"), Some("no-store"));
    assert_eq!(
        open.ask("GET /.gh-mesh/stats?x", "").await.json(),
        json!({ "hits": 7 })
    );
    assert_eq!(
        open.ask("GET /.gh-mesh/metrics", "").await.text(),
        "hits 7\n"
    );
    for (line, status) in [
        ("GET /.gh-mesh/none", 404),
        ("GET /.gh-mesh/", 404),
        ("GET /.gh-mesh", 404),
        ("GET /.gh-mesh/stats/", 404),
        ("POST /.gh-mesh/stats", 405),
    ] {
        let reply = open.ask(line, "").await;
        assert_eq!(reply.status, status, "{line}");
        assert!(reply.json()["message"].is_string());
    }
    let same_origin = open
        .ask("GET /.gh-mesh/stats", "Sec-Fetch-Site: same-origin\r\n")
        .await;
    assert_eq!(same_origin.status, 200);
    assert!(log.all().is_empty());
}

#[tokio::test]
async fn a_taken_port_is_named_and_no_other_is_tried() {
    let first = HttpDoor::bind(config()).unwrap();
    let address = first.addresses()[0];
    assert_ne!(address.port(), 0);
    let second = HttpConfig {
        listen: Listen::Given(vec![address]),
        ..config()
    };
    let error = HttpDoor::bind(second).unwrap_err();
    assert!(
        matches!(error, BindHttpError::InUse { address: named } if named == address),
        "{error}"
    );
    let elsewhere = "192.0.2.1:0".parse().unwrap();
    let error = HttpDoor::bind(HttpConfig {
        listen: Listen::Given(vec![elsewhere]),
        ..config()
    });
    assert!(matches!(error, Err(BindHttpError::NotHere { .. })));
}
