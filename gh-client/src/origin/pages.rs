//! Pages of lists, and what an unchanged tag leaves open about them.
//!
//! The tag covers the body and not `Link`. A last page that is full stays what it is while a next one comes to be, and
//! whoever took the 304 for the whole truth would end every later walk there.

use cache_core::{Entry, Question};
use http::header::LINK;
use serde::de::IgnoredAny;

/// Items of a page whose request names no number.
const DEFAULT_PER_PAGE: usize = 30;

/// GitHub gives no more, whatever is asked for.
const MAX_PER_PAGE: usize = 100;

/// Tells whether a page may have got a next one without a change to its own body: it is full, and names none.
///
/// A list wrapped in an object counts its items in `total_count`, so its body changes.
pub(super) fn may_have_grown_a_next(question: &Question, entry: &Entry) -> bool {
    let body = entry.body().trim_ascii_start();
    if body.first() != Some(&b'[') || names_next(entry) {
        return false;
    }
    let Ok(items) = serde_json::from_slice::<Vec<IgnoredAny>>(body) else {
        return false;
    };
    items.len() >= per_page(question.target())
}

fn names_next(entry: &Entry) -> bool {
    entry
        .headers
        .get_all(LINK)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("rel=\"next\""))
}

fn per_page(target: &str) -> usize {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    query
        .split('&')
        .filter_map(|parameter| parameter.strip_prefix("per_page="))
        .filter_map(|number| number.parse().ok())
        .find(|number| *number > 0)
        .unwrap_or(DEFAULT_PER_PAGE)
        .min(MAX_PER_PAGE)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use cache_core::{Source, Timestamp};
    use http::{HeaderMap, HeaderValue, Method, StatusCode};

    use super::*;

    #[track_caller]
    fn check(target: &str, body: &str, link: Option<&'static str>, expected: bool) {
        let mut headers = HeaderMap::new();
        if let Some(link) = link {
            headers.insert(LINK, HeaderValue::from_static(link));
        }
        let at = Timestamp::EPOCH;
        let body = Bytes::copy_from_slice(body.as_bytes());
        let entry = Entry::new(StatusCode::OK, headers, body, at, at, Source::Origin);
        let question = Question::builder(Method::GET, "api.github.com", target).build();
        assert_eq!(
            may_have_grown_a_next(&question, &entry),
            expected,
            "{target}"
        );
    }

    #[test]
    fn only_a_full_page_that_names_no_next_is_in_doubt() {
        let three = "[{\"a\":[1,2]},2,3]";
        let next = Some("<https://api.github.com/x?page=2>; rel=\"next\", <y>; rel=\"last\"");
        let prev = Some("<https://api.github.com/x?page=1>; rel=\"prev\"");
        check("/x?page=2&per_page=3", three, prev, true);
        check("/x?per_page=3", three, None, true);
        check("/x?per_page=3", three, next, false);
        check("/x?per_page=4", three, None, false);
        check("/x", three, None, false);
        check("/x?per_page=0", three, None, false);
        check(
            "/x?per_page=3",
            "{\"total_count\":3,\"a\":[1,2,3]}",
            None,
            false,
        );
        check("/x?per_page=3", "[1,2,3", None, false);
        let (full, hundred) = (vec!["1"; 30].join(","), vec!["1"; 100].join(","));
        check("/x", &format!("[{full}]"), None, true);
        check("/x?per_page=500", &format!(" [{hundred}]"), None, true);
    }
}
