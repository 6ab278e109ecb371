//! What a complete response is good for.

use cache_core::Question;
use cache_core::port::Disposition;
use http::header::{CACHE_CONTROL, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::headers::{RATE_REMAINING, has_token, number};
use crate::policy;

/// A refusal is searched for its reason no further than this.
const MAX_SEARCHED_BYTES: usize = 4 << 10;

/// Says what a complete response is good for.
pub(super) fn judge(
    question: &Question,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Disposition {
    let is_spent = number(headers, &RATE_REMAINING) == Some(0);
    match status.as_u16() {
        401 if policy::wants_app_credential(path_of(question)) => Disposition::EachForItself,
        401 => Disposition::CredentialRefused,
        429 => Disposition::RateLimited,
        403 if is_spent || headers.contains_key(RETRY_AFTER) || names_a_limit(body) => {
            Disposition::RateLimited
        }
        500..=599 => Disposition::Failed,
        301 | 404 | 410 => Disposition::StoreBriefly,
        200 | 203 | 204 if has_token(headers, &CACHE_CONTROL, "no-store") => {
            Disposition::EachForItself
        }
        200 | 203 | 204 if question.body().is_some() => judge_graphql(body, is_spent),
        200 if question.target().starts_with("/search/") && is_partial(body) => {
            Disposition::EachForItself
        }
        200 if carries_signed_urls(path_of(question), body) => Disposition::EachForItself,
        200 | 203 | 204 => Disposition::Store,
        _ => Disposition::EachForItself,
    }
}

/// Tells whether a description of files carries download URLs with tokens of their own: those of private repositories
/// expire, and are whoever's holds them.
fn carries_signed_urls(path: &str, body: &[u8]) -> bool {
    const TOKEN: &[u8] = b"?token=";
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let describes_files = matches!(
        segments[..],
        ["repos", _, _, "contents" | "readme" | "license", ..]
            | ["repositories", _, "contents" | "readme" | "license", ..]
    );
    describes_files && body.windows(TOKEN.len()).any(|window| window == TOKEN)
}

/// Tells whether a refusal is that of a limit: of the secondary ones not all name a time to wait.
fn names_a_limit(body: &[u8]) -> bool {
    let body = String::from_utf8_lossy(&body[..body.len().min(MAX_SEARCHED_BYTES)]);
    let body = body.to_ascii_lowercase();
    body.contains("rate limit") || body.contains("abuse detection")
}

/// GraphQL says with 200 what REST says with a status: a top-level `errors` is no answer to keep.
pub(super) fn judge_graphql(body: &[u8], is_spent: bool) -> Disposition {
    #[derive(serde::Deserialize)]
    struct Response {
        #[serde(default)]
        errors: Option<Vec<Value>>,
    }
    let Ok(response) = serde_json::from_slice::<Response>(body) else {
        return Disposition::EachForItself;
    };
    let errors = response.errors.unwrap_or_default();
    if errors.is_empty() {
        return Disposition::Store;
    }
    let is_limited = errors.iter().any(|error| {
        error["type"] == "RATE_LIMITED"
            || error["message"]
                .as_str()
                .is_some_and(|message| names_a_limit(message.as_bytes()))
    });
    if is_limited || is_spent {
        Disposition::RateLimited
    } else {
        Disposition::EachForItself
    }
}

/// A search that ran out of time is not the answer.
fn is_partial(body: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Found {
        #[serde(default)]
        incomplete_results: bool,
    }
    serde_json::from_slice::<Found>(body).map_or(true, |found| found.incomplete_results)
}

fn path_of(question: &Question) -> &str {
    let target = question.target();
    target.split_once('?').map_or(target, |(path, _)| path)
}
