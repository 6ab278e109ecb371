//! What an answer says went wrong, as GitHub's `gh` puts it.

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::error::Ending;

/// What went wrong, and how the command ends because of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) ending: Ending,
    /// One line a problem.
    pub(crate) message: String,
}

/// Returns what is wrong with an answer; `None` for a good one. `body` is the whole body of one that may be bad.
pub(crate) fn verdict(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    is_graphql: bool,
) -> Option<Verdict> {
    let json: Option<Value> = if is_json(headers) {
        serde_json::from_slice(body).ok()
    } else {
        None
    };
    let errors = json
        .as_ref()
        .and_then(|json| json.get("errors"))
        .and_then(Value::as_array);
    if status.as_u16() < 300 {
        let errors = errors.filter(|errors| is_graphql && !errors.is_empty())?;
        let is_limited = errors
            .iter()
            .any(|error| error.get("type").and_then(Value::as_str) == Some("RATE_LIMITED"));
        return Some(Verdict {
            ending: if is_limited {
                Ending::RateLimited
            } else {
                Ending::Failed
            },
            message: errors.iter().map(text_of).collect::<Vec<_>>().join("\n"),
        });
    }
    let said = json
        .as_ref()
        .and_then(|json| json.get("message"))
        .and_then(Value::as_str)
        .unwrap_or_default();
    let mut message = match said {
        "" => format!("HTTP {}", status.as_u16()),
        said => format!("{said} (HTTP {})", status.as_u16()),
    };
    for error in errors.into_iter().flatten() {
        let text = text_of(error);
        if !text.is_empty() {
            message.push('\n');
            message.push_str(&text);
        }
    }
    Some(Verdict {
        ending: ending_of(status, headers, said),
        message,
    })
}

fn ending_of(status: StatusCode, headers: &HeaderMap, said: &str) -> Ending {
    let is_refused = matches!(
        status,
        StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS
    );
    let is_spent = headers
        .get("x-ratelimit-remaining")
        .is_some_and(|left| left == "0");
    let is_limit = is_spent
        || headers.contains_key("retry-after")
        || said.to_ascii_lowercase().contains("rate limit");
    match status {
        StatusCode::UNAUTHORIZED => Ending::NeedsAuthentication,
        _ if is_refused && is_limit => Ending::RateLimited,
        _ => Ending::Failed,
    }
}

fn text_of(error: &Value) -> String {
    let part = |name: &str| error.get(name).and_then(Value::as_str);
    match (error.as_str(), part("message"), part("field"), part("code")) {
        (Some(text), ..) | (None, Some(text), ..) => text.to_owned(),
        (None, None, Some(field), Some(code)) => format!("{field}: {code}"),
        _ => String::new(),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind == "application/json" || kind.ends_with("+json")
}

/// Returns what to say of an answer that stands in for one that GitHub did not give.
pub(crate) fn note_of_staleness(headers: &HeaderMap) -> Option<String> {
    let status = headers
        .get_all("cache-status")
        .iter()
        .next_back()?
        .to_str()
        .ok()?;
    let reason = match status
        .split(';')
        .find_map(|part| part.trim().strip_prefix("detail="))?
    {
        "stale-if-error" => "GitHub gave no answer",
        "rate-limited" => "the rate limit is used up",
        _ => return None,
    };
    let age = headers
        .get(http::header::AGE)
        .and_then(|age| age.to_str().ok()?.parse().ok());
    let age = age
        .map(crate::output::human_age)
        .map(|age| format!(" from {age}"))
        .unwrap_or_default();
    Some(format!("gh-mesh: {reason}; this is a stored answer{age}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        pairs.collect()
    }

    #[track_caller]
    fn check(
        status: u16,
        extra: &[(&'static str, &'static str)],
        body: &str,
        expected: Option<(Ending, &str)>,
    ) {
        let mut headers = headers(&[("content-type", "application/json; charset=utf-8")]);
        headers.extend(self::headers(extra));
        let verdict = verdict(
            StatusCode::from_u16(status).unwrap(),
            &headers,
            body.as_bytes(),
            true,
        );
        let expected = expected.map(|(ending, message)| Verdict {
            ending,
            message: message.to_owned(),
        });
        assert_eq!(verdict, expected);
    }

    #[test]
    fn answers_are_judged_as_gh_does() {
        check(200, &[], r#"{"data":{}}"#, None);
        check(
            404,
            &[],
            r#"{"message":"Not Found"}"#,
            Some((Ending::Failed, "Not Found (HTTP 404)")),
        );
        check(502, &[], "<html>", Some((Ending::Failed, "HTTP 502")));
        check(
            401,
            &[],
            r#"{"message":"Bad credentials"}"#,
            Some((Ending::NeedsAuthentication, "Bad credentials (HTTP 401)")),
        );
        check(
            422,
            &[],
            r#"{"message":"Validation Failed","errors":[{"field":"name","code":"missing"},"no"]}"#,
            Some((
                Ending::Failed,
                "Validation Failed (HTTP 422)\nname: missing\nno",
            )),
        );
        check(
            200,
            &[],
            r#"{"data":null,"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded"}]}"#,
            Some((Ending::RateLimited, "API rate limit exceeded")),
        );
    }

    #[test]
    fn a_refusal_is_a_limit_only_where_it_says_so() {
        let check_403 = |extra, body, ending| {
            let verdict = verdict(StatusCode::FORBIDDEN, &headers(extra), body, false);
            assert_eq!(verdict.map(|verdict| verdict.ending), Some(ending));
        };
        check_403(&[], b"", Ending::Failed);
        check_403(&[("x-ratelimit-remaining", "7")], b"", Ending::Failed);
        check_403(&[("x-ratelimit-remaining", "0")], b"", Ending::RateLimited);
        check_403(&[("retry-after", "60")], b"", Ending::RateLimited);
    }

    #[test]
    fn an_answer_that_stands_in_is_named() {
        let note =
            |status| note_of_staleness(&headers(&[("age", "7200"), ("cache-status", status)]));
        assert_eq!(
            note("gh-mesh; fwd=stale; fwd-status=503; detail=stale-if-error").as_deref(),
            Some("gh-mesh: GitHub gave no answer; this is a stored answer from about 2 hours ago")
        );
        assert_eq!(note("gh-mesh; hit; ttl=5; detail=memory"), None);
    }
}
