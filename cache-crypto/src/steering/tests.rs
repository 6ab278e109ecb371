use http::Method;

use super::*;

const TARGET: &str = "/repos/o/r/issues?state=all&per_page=30&page=2";

fn question(host: &str, target: &str) -> Question {
    Question::builder(Method::GET, host, target).build()
}

fn rebuilt(
    host: &str,
    target: &str,
    name: HeaderName,
    value: &[u8],
) -> Result<Option<String>, Odd> {
    let mut headers = HeaderMap::new();
    headers.insert(name.clone(), HeaderValue::from_bytes(value).unwrap());
    rebuild_urls(&question(host, target), &mut headers)?;
    Ok(headers
        .get(name)
        .map(|value| value.to_str().unwrap().to_owned()))
}

#[track_caller]
fn check_link(target: &str, link: &str, expected: &str) {
    let rebuilt = rebuilt("api.github.com", target, LINK, link.as_bytes()).unwrap();
    assert_eq!(
        rebuilt.as_deref(),
        (!expected.is_empty()).then_some(expected)
    );
}

#[test]
fn numbered_pages_are_rebuilt_on_the_requested_path() {
    check_link(
        TARGET,
        "<https://api.github.com/repositories/1/issues?state=open&per_page=30&page=1>; rel=\"prev\", \
         <https://api.github.com/repositories/1/issues?state=open&per_page=30&page=3>; rel=\"next\", \
         <https://api.github.com/repositories/1/issues?state=open&per_page=30&page=9>; rel=\"last\"",
        "<https://api.github.com/repos/o/r/issues?state=all&per_page=30&page=1>; rel=\"prev\", \
         <https://api.github.com/repos/o/r/issues?state=all&per_page=30&page=3>; rel=\"next\", \
         <https://api.github.com/repos/o/r/issues?state=all&per_page=30&page=9>; rel=\"last\"",
    );
}

#[test]
fn cursors_replace_the_requested_one_and_its_opposite() {
    check_link(
        "/a?after=Y3Vy&per_page=5",
        "<https://api.github.com/a?before=Zm9v%3D%3D&per_page=5>; rel=\"prev\"",
        "<https://api.github.com/a?before=Zm9v%3D%3D&per_page=5>; rel=\"prev\"",
    );
    check_link(
        "/a?after=Y3Vy&per_page=5",
        "<https://api.github.com/a?per_page=5>; rel=\"first\"",
        "<https://api.github.com/a?per_page=5>; rel=\"first\"",
    );
}

#[test]
fn request_without_a_query_gets_one() {
    check_link(
        "/a",
        "<https://api.github.com/b?page=2>; rel=\"next\"",
        "<https://api.github.com/a?page=2>; rel=\"next\"",
    );
    check_link(
        "/a?page=2",
        "<https://api.github.com/b>; rel=\"first\"",
        "<https://api.github.com/a>; rel=\"first\"",
    );
}

#[test]
fn template_of_lists_paged_by_since_is_dropped() {
    check_link(
        "/users?since=46",
        "<https://api.github.com/users?since=135>; rel=\"next\", <https://api.github.com/users{?since}>; rel=\"first\"",
        "<https://api.github.com/users?since=135>; rel=\"next\"",
    );
}

#[test]
fn links_of_other_relations_are_dropped() {
    check_link(
        TARGET,
        "<https://docs.example/changes>; rel=\"deprecation\"; type=\"text/html\"",
        "",
    );
}

#[test]
fn rebuilding_twice_changes_nothing() {
    let link = "<https://api.github.com/x?page=3&per_page=7>; rel=\"next\", <https://api.github.com/x?page=1>; rel=\"first\"";
    let once = rebuilt("api.github.com", TARGET, LINK, link.as_bytes())
        .unwrap()
        .unwrap();
    check_link(TARGET, &once, &once);
}

/// Links that would lead elsewhere if followed as written, or that parsers read differently.
const HOSTILE_URLS: [&str; 44] = [
    "https://evil.example/repos/o/r/issues?page=3",
    "https://api.github.com.evil.example/a?page=3",
    "https://evil-api.github.com/a?page=3",
    "https://github.com/a?page=3",
    "https://api.github.com@evil.example/a?page=3",
    "https://api.github.com:pass@evil.example/a?page=3",
    "https://user@api.github.com/a?page=3",
    "https://api.github.com:8443/a?page=3",
    "https://api.github.com:/a?page=3",
    "https://api.github.com.:443/a?page=3",
    "https://api.github.com./a?page=3",
    "https://api.github.com\\@evil.example/a?page=3",
    "https://evil.example\\api.github.com/a?page=3",
    "https://evil.example#api.github.com/a?page=3",
    "https://evil.example?api.github.com/a?page=3",
    "https:/api.github.com/a?page=3",
    "https:api.github.com/a?page=3",
    "https:///api.github.com/a?page=3",
    "https://",
    "https://api.github.com",
    "https://api.github.com?page=3",
    "http://api.github.com/a?page=3",
    "HTTPS://evil.example/a?page=3",
    "//evil.example/a?page=3",
    "/a?page=3",
    "a?page=3",
    "?page=3",
    "",
    "javascript:alert(1)",
    "data:text/html,page=3",
    "file:///etc/passwd?page=3",
    "ftp://api.github.com/a?page=3",
    "https://api.github.com//evil.example/a?page=3",
    "https://api.github.com/../a?page=3",
    "https://api.github.com/a/%2e%2E/b?page=3",
    "https://api.github.com/a%2fb?page=3",
    "https://api.github.com/a\\b?page=3",
    "https://api.github.com/a b?page=3",
    "https://api.github.com/a%0d%0aHost:evil?page=3",
    "https://api.github.com/a%zz?page=3",
    "https://api.github.com/a#page=3",
    "https://[::1]/a?page=3",
    "https://127.0.0.1/a?page=3",
    "https://xn--pi-8ia.github.com/a?page=3",
];

#[test]
fn no_hostile_url_is_followed() {
    for url in HOSTILE_URLS {
        let link = format!("<{url}>; rel=\"next\"");
        assert_eq!(
            rebuilt("api.github.com", TARGET, LINK, link.as_bytes()),
            Err(Odd),
            "{link}"
        );
        // In the shadow of an honest one.
        let link =
            format!("<https://api.github.com/a?page=1>; rel=\"first\", <{url}>; rel=\"next\"");
        assert_eq!(
            rebuilt("api.github.com", TARGET, LINK, link.as_bytes()),
            Err(Odd),
            "{link}"
        );
        assert_eq!(
            rebuilt("api.github.com", TARGET, LOCATION, url.as_bytes()),
            Err(Odd),
            "{url}"
        );
    }
}

#[test]
fn no_hostile_parameter_is_taken() {
    for query in [
        "page=3&page=4",
        "page=",
        "page",
        "page=-1",
        "page=3x",
        "page=99999999999",
        "page=%33",
        "per_page=0x10",
        "after=",
        "after=a%0d%0ab",
        "after=a%",
        "after=a%4",
        "after=<b",
        "after=a'b",
        "after=a\"b",
        "after=a/../b",
        "after=a?b",
        "cursor=a,b",
        "since=(select)",
        "before=a;b",
        "x=`id`&page=3",
        "x={y}&page=3",
        "page=3#fragment",
        "page=3 ",
        "page=3\u{e9}",
    ] {
        let link = format!("<https://api.github.com/a?{query}>; rel=\"next\"");
        assert_eq!(
            rebuilt("api.github.com", TARGET, LINK, link.as_bytes()),
            Err(Odd),
            "{link}"
        );
    }
    let long = format!(
        "<https://api.github.com/a?after={}>; rel=\"next\"",
        "a".repeat(MAX_VALUE_BYTES + 1)
    );
    assert_eq!(
        rebuilt("api.github.com", TARGET, LINK, long.as_bytes()),
        Err(Odd)
    );
}

#[test]
fn parameters_that_are_no_pages_are_ignored() {
    for query in [
        "access_token=x&page=3",
        "page%20=9&page=3",
        "pag%65=9&page=3",
        "PAGE=9&page=3",
        "q=a&&page=3",
        "callback=f&page=3",
    ] {
        let link = format!("<https://api.github.com/a?{query}>; rel=\"next\"");
        check_link(
            "/a?state=all",
            &link,
            "<https://api.github.com/a?state=all&page=3>; rel=\"next\"",
        );
    }
}

#[test]
fn links_that_parsers_read_differently_are_refused() {
    for link in [
        "",
        " ",
        ",",
        "garbage",
        "https://api.github.com/a?page=3; rel=\"next\"",
        "<https://api.github.com/a?page=3",
        "<https://api.github.com/a?page=3>",
        "<https://api.github.com/a?page=3>;",
        "<https://api.github.com/a?page=3>; rel",
        "<https://api.github.com/a?page=3>; rel=next",
        "<https://api.github.com/a?page=3>; rel='next'",
        "<https://api.github.com/a?page=3>; rel=\"next",
        "<https://api.github.com/a?page=3>; rel=\"\"",
        "<https://api.github.com/a?page=3>; rel=\"next last\"",
        "<https://api.github.com/a?page=3>; rel=\"NEXT\"",
        "<https://api.github.com/a?page=3>; REL=\"next\"",
        "<https://api.github.com/a?page=3>; rel=\" next\"",
        "<https://api.github.com/a?page=3>; rel=\"next\"; rel=\"last\"",
        "<https://api.github.com/a?page=3>; rel=\"next\"; anchor=\"https://evil.example/\"",
        "<https://api.github.com/a?page=3>; rel=\"ne\\xt\"",
        "<https://api.github.com/a?page=3>; rel=\"next\" <https://evil.example/>; rel=\"last\"",
        "<https://api.github.com/a?page=3>; rel=\"next\",",
        "<https://api.github.com/a?page=3>; rel=\"next\", , <https://api.github.com/a?page=3>; rel=\"last\"",
        "<https://api.github.com/a?page=3>; rel=\"next\", <https://api.github.com/a?page=4>; rel=\"next\"",
        "<https://api.github.com/a?page=3><https://evil.example/>; rel=\"next\"",
        "<<https://api.github.com/a?page=3>; rel=\"next\"",
        "<https://evil.example/>; title=\"<https://api.github.com/a?page=3>\"",
    ] {
        assert_eq!(
            rebuilt("api.github.com", TARGET, LINK, link.as_bytes()),
            Err(Odd),
            "{link}"
        );
    }
    assert_eq!(
        rebuilt(
            "api.github.com",
            TARGET,
            LINK,
            b"<https://api.github.com/\xff>; rel=\"next\""
        ),
        Err(Odd)
    );
    let many = vec!["<https://x/>; rel=\"up\""; MAX_LINKS + 1].join(", ");
    assert_eq!(
        rebuilt("api.github.com", TARGET, LINK, many.as_bytes()),
        Err(Odd)
    );
}

#[test]
fn second_header_of_a_kind_is_refused() {
    for name in [LINK, LOCATION] {
        let mut headers = HeaderMap::new();
        headers.append(
            &name,
            HeaderValue::from_static("<https://api.github.com/a?page=3>; rel=\"next\""),
        );
        headers.append(
            &name,
            HeaderValue::from_static("<https://evil.example/a?page=3>; rel=\"next\""),
        );
        assert_eq!(
            rebuild_urls(&question("api.github.com", TARGET), &mut headers),
            Err(Odd)
        );
    }
}

#[test]
fn location_is_taken_to_the_same_host_only() {
    let location = "https://api.github.com/repositories/1/issues?state=all";
    assert_eq!(
        rebuilt("api.github.com", TARGET, LOCATION, location.as_bytes()),
        Ok(Some(location.to_owned()))
    );
    assert_eq!(
        rebuilt("ghe.example", TARGET, LOCATION, location.as_bytes()),
        Err(Odd)
    );
}

#[test]
fn http_is_taken_on_loopback_only() {
    for (host, is_taken) in [
        ("127.0.0.1:8080", true),
        ("127.0.0.1", true),
        ("localhost:1", true),
        ("[::1]:8080", true),
        ("ghe.example", false),
        ("ghe.example:8080", false),
        ("127.0.0.1.evil.example:80", false),
        ("10.0.0.1:8080", false),
    ] {
        let link = format!("<http://{host}/x?page=2>; rel=\"next\"");
        let expected = format!("<http://{host}/a?page=2>; rel=\"next\"");
        let expected = if is_taken {
            Ok(Some(expected))
        } else {
            Err(Odd)
        };
        assert_eq!(
            rebuilt(host, "/a", LINK, link.as_bytes()),
            expected,
            "{host}"
        );
    }
}
