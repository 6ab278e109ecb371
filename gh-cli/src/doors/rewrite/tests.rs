use std::convert::Infallible;

use bytes::Bytes;
use http::HeaderValue;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

const BASE: &str = "http://127.0.0.1:9180";

fn roots() -> Arc<Roots> {
    Arc::new(Roots::new([
        "https://api.github.com",
        "https://ghe.example",
        "https://ghe.example/api/v3/",
    ]))
}

fn rewrite(text: &str) -> String {
    let out = rewrite_whole(&roots(), BASE, text.as_bytes());
    out.map_or_else(|| text.to_owned(), |out| String::from_utf8(out).unwrap())
}

/// Rewrites with a cut after every byte where `cuts` is true; the pattern repeats.
fn rewrite_in_chunks(text: &[u8], cuts: &[bool]) -> Vec<u8> {
    let mut rewriter = Rewriter::new(roots(), BASE);
    let mut out = Vec::new();
    let mut chunk = Vec::new();
    for (byte, cut) in text.iter().zip(cuts.iter().cycle()) {
        chunk.push(*byte);
        if *cut {
            rewriter.feed(&chunk, &mut out);
            chunk.clear();
        }
        assert!(rewriter.held.len() <= "https://ghe.example/api/v3".len());
    }
    rewriter.feed(&chunk, &mut out);
    rewriter.finish(&mut out);
    out
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(rewrite(text), expected, "whole");
    for cuts in [
        &[true][..],
        &[false, true],
        &[false, false, false, true, false],
    ] {
        let out = rewrite_in_chunks(text.as_bytes(), cuts);
        assert_eq!(String::from_utf8(out).unwrap(), expected, "cut at {cuts:?}");
    }
}

#[test]
fn urls_of_url_keys_turn_to_the_door() {
    check(
        r#"{"url":"https://api.github.com/repos/o/r"}"#,
        r#"{"url":"http://127.0.0.1:9180/repos/o/r"}"#,
    );
    check(
        r#"{ "commits_url" : "https://api.github.com/repos/o/r/commits{/sha}" }"#,
        r#"{ "commits_url" : "http://127.0.0.1:9180/repos/o/r/commits{/sha}" }"#,
    );
    check(
        "{\"a\":[{\"url\":\n\t\"https://api.github.com\"}, {\"_url\": \"https://api.github.com?x\"}]}",
        "{\"a\":[{\"url\":\n\t\"http://127.0.0.1:9180\"}, {\"_url\": \"http://127.0.0.1:9180?x\"}]}",
    );
    check(
        r#"{"user_url":"https://api.github.com{/u}","hub_url":"https://api.github.com#f"}"#,
        r#"{"user_url":"http://127.0.0.1:9180{/u}","hub_url":"http://127.0.0.1:9180#f"}"#,
    );
}

#[test]
fn the_longest_root_is_meant() {
    check(
        r#"{"url":"https://ghe.example/api/v3/user","x_url":"https://ghe.example/api/v4","y_url":"https://ghe.example/api/v3"}"#,
        r#"{"url":"http://127.0.0.1:9180/user","x_url":"http://127.0.0.1:9180/api/v4","y_url":"http://127.0.0.1:9180"}"#,
    );
}

#[test]
fn everything_else_stays_as_it_is() {
    for text in [
        r#"{"html_url":"https://api.github.com/x"}"#,
        r#"{"URL":"https://api.github.com/x","curl":"https://api.github.com/x","urls":"https://api.github.com/x"}"#,
        r#"{"url":"https://api.github.com.evil.example/x"}"#,
        r#"{"url":"https://api.github.community"}"#,
        r#"{"url":"https://api.github.com:8443/x"}"#,
        r#"{"url":"see https://api.github.com/x"}"#,
        r#"{"url":"http://api.github.com/x"}"#,
        r#"{"url":"https://github.com/o/r"}"#,
        r#"{"url":["https://api.github.com/x"]}"#,
        r#"{"url":null,"a":"https://api.github.com/x"}"#,
        r#"["url","https://api.github.com/x"]"#,
        r#"{"body":"\"url\":\"https://api.github.com/x\""}"#,
        r#"{"body":"\\\"url\":\"https://api.github.com/x\""}"#,
        r#"{"body":"a\\","b":"url","c":"https://api.github.com/x"}"#,
        r#"{"\u0075rl":"https://api.github.com/x"}"#,
        r#"{"url":"https:\/\/api.github.com\/x"}"#,
        r#"{"url":"https://api.github.com\u002fx"}"#,
        r#"{"url":"\"https://api.github.com/x"}"#,
        r#"{"a":{"url":1},"b":"https://api.github.com/x"}"#,
        "",
        "null",
        "\"url\":",
        r#"{"url":"https://api.github.com"#,
        r#"{"url":"https://api.git"#,
        "not json: url: https://api.github.com/x",
    ] {
        check(text, text);
    }
}

#[test]
fn a_url_value_is_never_taken_for_a_key() {
    // Not JSON: after a value comes no colon.
    let text = r#"{"url":"my_url":"https://api.github.com/x"}"#;
    check(text, text);
}

#[test]
fn escapes_in_keys_and_values_do_not_lose_the_place() {
    check(
        r#"{"a\"_url":"https://api.github.com/x","b":"\\","url":"https://api.github.com/y"}"#,
        r#"{"a\"_url":"http://127.0.0.1:9180/x","b":"\\","url":"http://127.0.0.1:9180/y"}"#,
    );
    check(
        r#"{"url":"https://api.github.com/a\"b","url":"https://api.github.com/c"}"#,
        r#"{"url":"http://127.0.0.1:9180/a\"b","url":"http://127.0.0.1:9180/c"}"#,
    );
}

#[test]
fn a_text_without_matches_is_reported_as_such() {
    assert_eq!(rewrite_whole(&roots(), BASE, br#"{"id":1}"#), None);
}

#[test]
fn link_targets_turn_to_the_door() {
    let rewrite = |text: &'static str| {
        let value = HeaderValue::from_static(text);
        let out = rewrite_links(&roots(), BASE, &value);
        out.map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(
        rewrite(
            "<https://api.github.com/repositories/1/issues?page=2>; rel=\"next\", \
             <https://api.github.com/repositories/1/issues?page=5>; rel=\"last\""
        )
        .as_deref(),
        Some(
            "<http://127.0.0.1:9180/repositories/1/issues?page=2>; rel=\"next\", \
             <http://127.0.0.1:9180/repositories/1/issues?page=5>; rel=\"last\""
        )
    );
    assert_eq!(
        rewrite("<https://ghe.example/api/v3/x>").as_deref(),
        Some("<http://127.0.0.1:9180/x>")
    );
    for left_alone in [
        "<https://api.github.com.example/x>; rel=next",
        "<https://example.com/>; title=\"<https://api.github.com/x>\"",
        "</x>; rel=next",
        "<",
        "\"",
    ] {
        assert_eq!(rewrite(left_alone), None, "{left_alone}");
    }
}

#[test]
fn locations_turn_to_the_door() {
    let rewrite = |text: &'static str| {
        rewrite_location(&roots(), BASE, &HeaderValue::from_static(text))
            .map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(
        rewrite("https://api.github.com/repositories/1").as_deref(),
        Some("http://127.0.0.1:9180/repositories/1")
    );
    assert_eq!(rewrite("https://objects.githubusercontent.com/x"), None);
    assert_eq!(rewrite("/repositories/1"), None);
}

#[tokio::test]
async fn a_streamed_body_is_rewritten_across_its_frames_and_keeps_its_trailers() {
    let mut trailers = http::HeaderMap::new();
    trailers.insert("x-end", HeaderValue::from_static("1"));
    let frames = [
        Frame::data(Bytes::from_static(b"{\"u")),
        Frame::data(Bytes::from_static(b"rl\":\"https://api.gi")),
        Frame::data(Bytes::from_static(b"thub.com/x\",\"url\":\"https://api")),
        Frame::trailers(trailers.clone()),
    ];
    let inner = StreamBody::new(futures::stream::iter(frames.map(Ok::<_, Infallible>)));
    let body = RewritingBody::new(inner, Rewriter::new(roots(), BASE));
    let collected = body.collect().await.unwrap();
    assert_eq!(collected.trailers(), Some(&trailers));
    assert_eq!(
        collected.to_bytes(),
        r#"{"url":"http://127.0.0.1:9180/x","url":"https://api"#
    );
}

#[tokio::test]
async fn a_chunk_without_links_is_passed_on_and_not_copied() {
    let chunk = Bytes::from(vec![b' '; 1000]);
    let inner = http_body_util::Full::new(chunk.clone());
    let mut body = RewritingBody::new(inner, Rewriter::new(roots(), BASE));
    let passed = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(passed.as_ptr(), chunk.as_ptr());
}

/// What the rewriter should do, said with a tree.
fn reference(value: &Value) -> Value {
    match value {
        Value::Array(values) => values.iter().map(reference).collect(),
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(key, value)| {
                    let url = (key == "url" || key.ends_with("_url")) && key != "html_url";
                    let value = match value {
                        Value::String(text) if url => Value::String(reference_url(text)),
                        other => reference(other),
                    };
                    (key.clone(), value)
                })
                .collect::<Map<_, _>>(),
        ),
        other => other.clone(),
    }
}

fn reference_url(url: &str) -> String {
    for root in [
        "https://ghe.example/api/v3",
        "https://ghe.example",
        "https://api.github.com",
    ] {
        if let Some(rest) = url.strip_prefix(root)
            && (rest.is_empty() || rest.starts_with(['/', '?', '#', '{']))
        {
            return format!("{BASE}{rest}");
        }
    }
    url.to_owned()
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("url".to_owned()),
        Just("html_url".to_owned()),
        Just("x_html_url".to_owned()),
        "[a-z\"\\\\/\u{e9}\n]{0,9}(_url|url|_ur|)",
    ]
}

fn text() -> impl Strategy<Value = String> {
    let url = (
        prop_oneof![
            Just("https://api.github.com"),
            Just("https://ghe.example"),
            Just("https://ghe.example/api/v3"),
            Just("https://ghe.example/api"),
            Just("https://api.github.co"),
        ],
        "[/?#{.\"\\\\]?[a-z\"\\\\/}]{0,6}",
    )
        .prop_map(|(root, rest)| format!("{root}{rest}"));
    prop_oneof![
        4 => url.clone(),
        1 => url.prop_map(|url| format!("\"url\":\"{url}\"")),
        1 => ".{0,12}",
        1 => "[\"\\\\:{},\\[\\]]{0,8}",
    ]
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i32>().prop_map(|n| json!(n)),
        text().prop_map(Value::String),
        text().prop_map(Value::String),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((key(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_document_cut_anywhere_comes_out_as_from_a_parser(
        document in document(),
        pretty in any::<bool>(),
        cuts in prop::collection::vec(any::<bool>(), 1..40),
    ) {
        let print = |value: &Value| if pretty {
            serde_json::to_string_pretty(value).unwrap()
        } else {
            value.to_string()
        };
        let text = print(&document);
        let expected = print(&reference(&document));
        prop_assert_eq!(&rewrite(&text), &expected);
        prop_assert_eq!(String::from_utf8(rewrite_in_chunks(text.as_bytes(), &cuts)).unwrap(), expected);
    }

    #[test]
    fn any_bytes_cut_anywhere_come_out_as_if_whole(
        pieces in prop::collection::vec(prop_oneof![
            Just(&b"\"url\":\"https://api.github.com"[..]),
            Just(&b"\"url\" : \"https://ghe.example/api/v3"[..]),
            Just(&b"\""[..]), Just(&b"\\"[..]), Just(&b":"[..]), Just(&b"/"[..]), Just(&b"\xff"[..]), Just(&b" "[..]),
        ], 0..30),
        cuts in prop::collection::vec(any::<bool>(), 1..40),
    ) {
        let text = pieces.concat();
        let whole = rewrite_whole(&roots(), BASE, &text).unwrap_or_else(|| text.clone());
        prop_assert_eq!(rewrite_in_chunks(&text, &cuts), whole);
    }
}
