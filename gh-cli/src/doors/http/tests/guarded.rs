//! Heads that must not get through, over a real socket.

use super::*;

/// Sends what `render` makes of the door's port; the service must not be asked, and the answer be one of `statuses`.
/// 0 stands for a connection closed without an answer.
async fn check_refused(open: &Open, log: &Log, name: &str, request: &[u8], statuses: &[u16]) {
    let reply = open.send(request).await;
    assert!(
        log.all().is_empty(),
        "{name}: got through as {:?}",
        log.all()
    );
    assert!(statuses.contains(&reply.status), "{name}: {}", reply.status);
    assert_eq!(reply.header("access-control-allow-origin"), None, "{name}");
    if reply.header("content-type").is_some() {
        assert!(reply.json()["message"].is_string(), "{name}");
    }
}

/// Values of `Host` that are not the door's, with its port where it says PORT.
const HOSTS: &str = "\
    evil.example | evil.example:PORT | api.github.com | github.com:PORT | 127.0.0.1 | localhost | \
    [::1] | 127.0.0.1:1 | localhost:80 | localhost:443 | 127.0.0.1:0PORT | 127.0.0.1:+PORT | \
    127.0.0.1:PORT ,evil.example | 127.0.0.1:PORT:PORT | localhost.:PORT | .localhost:PORT | \
    a.localhost:PORT | localhost.evil.example:PORT | 127.0.0.2:PORT | 127.1:PORT | 2130706433:PORT | \
    0x7f.0.0.1:PORT | 0177.0.0.1:PORT | 0.0.0.0:PORT | 0:PORT | [::]:PORT | [0:0:0:0:0:0:0:1]:PORT | \
    [::ffff:127.0.0.1]:PORT | ::1:PORT | [::1%25lo]:PORT | [::1] | [::1]evil:PORT | \
    user@127.0.0.1:PORT | 127.0.0.1:PORT@evil.example | 127.0.0.1:PORT/evil | 127.0.0.1:PORT# | \
    127.0.0.1:PORT? | http://127.0.0.1:PORT | 127.0.0.1 :PORT | 127.0.0.1%00:PORT | \
    127.0.0.1\u{e9}:PORT | \u{ff11}27.0.0.1:PORT |  | cache.example | cache.example:80 | \
    evil.cache.example:PORT | cache.example.evil:PORT | mapped.example:PORT | mapped.example | \
    mapped.example:8081 | * | null | 127.0.0.1:PORT\\ | \"127.0.0.1:PORT\"";

#[tokio::test]
async fn hostile_heads_never_reach_the_service() {
    let log = Log::default();
    let open = Open::new(relay(service(log.clone(), |_| stored("{}"))));
    let port = open.address.port();
    let here = format!("127.0.0.1:{port}");

    // Whose name is it? The whole value is compared, so nothing but the list gets in.
    let hosts = HOSTS.replace("PORT", &port.to_string());
    let hosts: Vec<&str> = hosts.split(" | ").chain([""]).collect();
    let n_hosts = hosts.len();
    for host in hosts {
        let request = format!("GET /user HTTP/1.1\r\nHost: {host}\r\n\r\n");
        check_refused(&open, &log, host, request.as_bytes(), &[403]).await;
    }

    let long = "a".repeat(40_000);
    let many = "X-A: 1\r\n".repeat(200);
    // Line and fields without Host, and with the one that is right.
    let right = |line: &str, fields: &str| format!("{line}\r\nHost: {here}\r\n{fields}\r\n");
    let others: Vec<(&str, String, &[u16])> = vec![
        ("no Host", "GET /user HTTP/1.1\r\n\r\n".to_owned(), &[400]),
        (
            "no Host in 1.0",
            "GET /user HTTP/1.0\r\n\r\n".to_owned(),
            &[400],
        ),
        (
            "two Hosts",
            right("GET /user HTTP/1.1", "Host: evil.example\r\n"),
            &[400],
        ),
        (
            "Host twice",
            right("GET /user HTTP/1.1", &format!("Host: {here}\r\n")),
            &[400],
        ),
        (
            "folded Host",
            "GET /user HTTP/1.1\r\nHost:\r\n 127.0.0.1\r\n\r\n".to_owned(),
            &[400, 403],
        ),
        (
            "Origin of a page",
            right("GET /user HTTP/1.1", "Origin: https://evil.example\r\n"),
            &[403],
        ),
        (
            "Origin null",
            right("GET /user HTTP/1.1", "Origin: null\r\n"),
            &[403],
        ),
        (
            "Origin empty",
            right("GET /user HTTP/1.1", "Origin:\r\n"),
            &[403],
        ),
        (
            "Origin of the door",
            right("GET /user HTTP/1.1", &format!("Origin: http://{here}\r\n")),
            &[403],
        ),
        (
            "Origin on an own page",
            right("GET /.gh-mesh/stats HTTP/1.1", "Origin: null\r\n"),
            &[403],
        ),
        (
            "preflight",
            right(
                "OPTIONS /user HTTP/1.1",
                "Origin: https://evil.example\r\nAccess-Control-Request-Method: GET\r\nAccess-Control-Request-Private-Network: true\r\n",
            ),
            &[403],
        ),
        (
            "cross-site",
            right("GET /user HTTP/1.1", "Sec-Fetch-Site: cross-site\r\n"),
            &[403],
        ),
        (
            "same-site",
            right("GET /user HTTP/1.1", "Sec-Fetch-Site: same-site\r\n"),
            &[403],
        ),
        (
            "same-origin API",
            right("GET /user HTTP/1.1", "Sec-Fetch-Site: same-origin\r\n"),
            &[403],
        ),
        (
            "same-origin POST",
            right(
                "POST /.gh-mesh/stats HTTP/1.1",
                "Sec-Fetch-Site: same-origin\r\n",
            ),
            &[403],
        ),
        (
            "cross-site own page",
            right(
                "GET /.gh-mesh/stats HTTP/1.1",
                "Sec-Fetch-Site: cross-site\r\n",
            ),
            &[403],
        ),
        (
            "none and cross-site",
            right(
                "GET /user HTTP/1.1",
                "Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n",
            ),
            &[403],
        ),
        (
            "unknown site",
            right("GET /user HTTP/1.1", "Sec-Fetch-Site: NONE-ish\r\n"),
            &[403],
        ),
        (
            "CONNECT",
            right("CONNECT api.github.com:443 HTTP/1.1", ""),
            &[403],
        ),
        (
            "CONNECT here",
            right(&format!("CONNECT {here} HTTP/1.1"), ""),
            &[403],
        ),
        ("TRACE", right("TRACE / HTTP/1.1", ""), &[403]),
        (
            "absolute elsewhere",
            right("GET http://evil.example/ HTTP/1.1", ""),
            &[403],
        ),
        (
            "absolute to GitHub",
            right("GET https://api.github.com/user HTTP/1.1", ""),
            &[403],
        ),
        (
            "absolute https",
            right(&format!("GET https://{here}/user HTTP/1.1"), ""),
            &[403],
        ),
        (
            "absolute ftp",
            right(&format!("GET ftp://{here}/user HTTP/1.1"), ""),
            &[403],
        ),
        (
            "absolute userinfo",
            right(&format!("GET http://user:pw@{here}/user HTTP/1.1"), ""),
            &[403],
        ),
        (
            "absolute other name",
            right(&format!("GET http://localhost:{port}/user HTTP/1.1"), ""),
            &[400],
        ),
        (
            "absolute double slash",
            right(&format!("GET http://{here}//evil.example HTTP/1.1"), ""),
            &[400],
        ),
        (
            "authority form",
            right("GET evil.example HTTP/1.1", ""),
            &[400, 403],
        ),
        ("asterisk", right("OPTIONS * HTTP/1.1", ""), &[400]),
        (
            "double slash",
            right("GET //evil.example/user HTTP/1.1", ""),
            &[400],
        ),
        (
            "slash backslash",
            right("GET /\\evil.example/user HTTP/1.1", ""),
            &[400],
        ),
        (
            "double slash under api",
            right("GET /api/v3//evil.example HTTP/1.1", ""),
            &[400],
        ),
        (
            "backslash under api",
            right("GET /api/v3/\\evil.example HTTP/1.1", ""),
            &[400],
        ),
        ("no slash", right("GET user HTTP/1.1", ""), &[400, 403]),
        ("no path", right("GET  HTTP/1.1", ""), &[400]),
        ("NUL in the path", right("GET /\0 HTTP/1.1", ""), &[400]),
        ("space in the path", right("GET /a b HTTP/1.1", ""), &[400]),
        (
            "two equal lengths",
            right(
                "POST /user HTTP/1.1",
                "Content-Length: 0\r\nContent-Length: 0\r\n",
            ),
            &[400],
        ),
        (
            "two lengths",
            right(
                "POST /user HTTP/1.1",
                "Content-Length: 0\r\nContent-Length: 4\r\n",
            ),
            &[400],
        ),
        (
            "length list",
            right("POST /user HTTP/1.1", "Content-Length: 0, 0\r\n"),
            &[400],
        ),
        (
            "negative length",
            right("POST /user HTTP/1.1", "Content-Length: -1\r\n"),
            &[400],
        ),
        (
            "signed length",
            right("POST /user HTTP/1.1", "Content-Length: +0\r\n"),
            &[400],
        ),
        (
            "hexadecimal length",
            right("POST /user HTTP/1.1", "Content-Length: 0x0\r\n"),
            &[400],
        ),
        (
            "huge length",
            right(
                "POST /user HTTP/1.1",
                "Content-Length: 99999999999999999999\r\n",
            ),
            &[400],
        ),
        (
            "length and chunks",
            right(
                "POST /user HTTP/1.1",
                "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
            ) + "0\r\n\r\n",
            &[400],
        ),
        (
            "chunks and length",
            right(
                "POST /user HTTP/1.1",
                "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
            ) + "0\r\n\r\n",
            &[400],
        ),
        (
            "chunked twice",
            right(
                "POST /user HTTP/1.1",
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            ) + "0\r\n\r\n",
            &[400],
        ),
        (
            "gzip, chunked",
            right(
                "POST /user HTTP/1.1",
                "Transfer-Encoding: gzip, chunked\r\n",
            ) + "0\r\n\r\n",
            &[400],
        ),
        (
            "chunked, identity",
            right(
                "POST /user HTTP/1.1",
                "Transfer-Encoding: chunked, identity\r\n",
            ),
            &[400],
        ),
        (
            "xchunked",
            right("POST /user HTTP/1.1", "Transfer-Encoding: xchunked\r\n"),
            &[400],
        ),
        (
            "chunks in 1.0",
            right("POST /user HTTP/1.0", "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n",
            &[400],
        ),
        (
            "space before colon",
            right("POST /user HTTP/1.1", "Content-Length : 4\r\n"),
            &[400],
        ),
        (
            "folded field",
            right("GET /user HTTP/1.1", "X-A: 1\r\n Origin: x\r\n"),
            &[400],
        ),
        (
            "field without colon",
            right("GET /user HTTP/1.1", "X-A\r\n"),
            &[400],
        ),
        (
            "NUL in a field",
            right("GET /user HTTP/1.1", "X-A: \0\r\n"),
            &[400],
        ),
        (
            "bare CR",
            right("GET /user HTTP/1.1", "X-A: a\rOrigin: b\r\n"),
            &[400],
        ),
        (
            "websocket",
            right(
                "GET /user HTTP/1.1",
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n",
            ),
            &[400],
        ),
        (
            "long field",
            right("GET /user HTTP/1.1", &format!("X-A: {long}\r\n")),
            &[431],
        ),
        (
            "long path",
            right(&format!("GET /{long} HTTP/1.1"), ""),
            &[431, 414],
        ),
        ("many fields", right("GET /user HTTP/1.1", &many), &[431]),
        ("HTTP/0.9", "GET /user\r\n\r\n".to_owned(), &[400]),
        (
            "HTTP/2 preface",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
            &[0, 400],
        ),
        ("HTTP/3.0", right("GET /user HTTP/3.0", ""), &[400]),
        (
            "lower-case protocol",
            right("GET /user http/1.1", ""),
            &[400],
        ),
        (
            "TLS",
            "\x16\x03\x01\x02\0\x01\0\x01\x7c\x03\x03\r\n\r\n".to_owned(),
            &[400],
        ),
        ("not HTTP", "hello\r\n\r\n".to_owned(), &[400]),
        (
            "method with a colon",
            right("GE:T /user HTTP/1.1", ""),
            &[400],
        ),
    ];
    assert!(n_hosts + others.len() >= 100);
    for (name, request, statuses) in &others {
        check_refused(&open, &log, name, request.as_bytes(), statuses).await;
    }
}

#[tokio::test]
async fn ordinary_clients_get_through() {
    let log = Log::default();
    let open = Open::new(relay(service(log.clone(), |_| stored("{}"))));
    let port = open.address.port();
    for (line, host, fields) in [
        ("GET /user HTTP/1.1", "127.0.0.1:PORT", ""),
        ("GET /user HTTP/1.1", "LOCALHOST:PORT", ""),
        ("GET /user HTTP/1.1", "[::1]:PORT", ""),
        ("GET /user HTTP/1.1", "Cache.Example:PORT", ""),
        ("GET /user HTTP/1.1", "mapped.example:8080", ""),
        ("GET /user HTTP/1.0", "localhost:PORT", ""),
        (
            "GET /user HTTP/1.1",
            "localhost:PORT",
            "Sec-Fetch-Site: none\r\n",
        ),
        (
            "GET /user HTTP/1.1",
            "localhost:PORT",
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n",
        ),
        (
            "GET http://localhost:PORT/user HTTP/1.1",
            "localhost:PORT",
            "",
        ),
        ("OPTIONS /user HTTP/1.1", "localhost:PORT", ""),
        (
            "PATCH /user HTTP/1.1",
            "localhost:PORT",
            "Content-Length: 0\r\n",
        ),
    ] {
        let request =
            format!("{line}\r\nHost: {host}\r\n{fields}\r\n").replace("PORT", &port.to_string());
        let reply = open.send(&request).await;
        assert_eq!(reply.status, 200, "{request}");
        assert_eq!(log.last().uri, "https://api.github.com/user", "{request}");
    }
}

#[tokio::test]
async fn nothing_after_two_lengths_on_a_connection_is_answered() {
    let log = Log::default();
    let open = Open::new(relay(service(log.clone(), |_| stored("{}"))));
    let smuggling = open.head(
        "POST /a",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
    ) + "0\r\n\r\n"
        + &open.head("GET /b", "");
    let bytes = exchange(open.connect().await, smuggling.as_bytes()).await;
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{text}");
    assert!(
        text.starts_with("HTTP/1.1 400 ") && text.contains("connection: close"),
        "{text}"
    );
    assert!(log.all().is_empty());
}

#[test]
fn on_port_80_the_port_may_be_left_out() {
    let guard = Guard::new(80, &["cache.example".to_owned(), "fd00::1".to_owned()]);
    for host in [
        "localhost",
        "localhost:80",
        "[::1]",
        "cache.example",
        "[fd00::1]",
        "[fd00::1]:80",
    ] {
        let request = Request::get("/user").header("host", host).body(()).unwrap();
        assert_eq!(guard.check(&request.into_parts().0), Ok(()), "{host}");
    }
}
