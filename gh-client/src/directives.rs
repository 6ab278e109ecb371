//! Request directives (RFC 9111 §5.2.1).

use std::time::Duration;

use cache_core::Directives;
use http::HeaderMap;
use http::header::{CACHE_CONTROL, PRAGMA};

/// What `Cache-Control` of a request says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Requested {
    /// What the cache has to obey.
    pub(crate) directives: Directives,
    /// `no-store`: the cache is not to be used at all.
    pub(crate) no_store: bool,
}

/// Reads the directives of a request. Unknown ones are ignored (RFC 9111 §5.2.3), and so is an argument that is no number.
pub(crate) fn requested(headers: &HeaderMap) -> Requested {
    let mut requested = Requested::default();
    let directives = &mut requested.directives;
    let mut any = false;
    for value in headers
        .get_all(CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
    {
        for item in value.split(',') {
            any = true;
            let (name, argument) = item
                .split_once('=')
                .map_or((item, None), |(name, value)| (name, Some(value)));
            let seconds = || {
                let digits = argument?.trim().trim_matches('"');
                // "If a cache receives a delta-seconds value greater than the greatest integer it can represent […] it
                // MUST consider the value to be […] 2147483648 or the greatest" (RFC 9111 §1.2.2).
                let all_digits =
                    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                all_digits.then(|| Duration::from_secs(digits.parse().unwrap_or(2_147_483_648)))
            };
            match name.trim().to_ascii_lowercase().as_str() {
                "no-cache" => directives.no_cache = true,
                "no-store" => requested.no_store = true,
                "only-if-cached" => directives.only_if_cached = true,
                "max-age" => directives.max_age = seconds(),
                "min-fresh" => directives.min_fresh = seconds(),
                "max-stale" => {
                    // "If no value is assigned to max-stale, then the client will accept a stale response of any age."
                    directives.max_stale = if argument.is_none() {
                        Some(Duration::MAX)
                    } else {
                        seconds()
                    };
                }
                _ => {}
            }
        }
    }
    if !any
        && headers
            .get_all(PRAGMA)
            .iter()
            .any(|value| value.as_bytes().eq_ignore_ascii_case(b"no-cache"))
    {
        directives.no_cache = true;
    }
    requested
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: &'static str) -> Requested {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, value.parse().unwrap());
        requested(&headers)
    }

    #[test]
    fn directives_are_read_and_nonsense_is_ignored() {
        let read = parse("No-Cache, max-age=5, min-fresh=\"6\", foo=bar, max-stale");
        assert!(read.directives.no_cache && !read.no_store);
        assert_eq!(read.directives.max_age, Some(Duration::from_secs(5)));
        assert_eq!(read.directives.min_fresh, Some(Duration::from_secs(6)));
        assert_eq!(read.directives.max_stale, Some(Duration::MAX));
        assert_eq!(
            parse("max-age=soon, max-age").directives,
            Directives::default()
        );
        assert_eq!(
            parse("max-age=99999999999999999999").directives.max_age,
            Some(Duration::from_secs(2_147_483_648))
        );
        assert!(parse("no-store").no_store);
        assert!(parse("only-if-cached").directives.only_if_cached);
    }

    #[test]
    fn pragma_counts_only_without_cache_control() {
        let mut headers = HeaderMap::new();
        headers.insert(PRAGMA, "no-cache".parse().unwrap());
        assert!(requested(&headers).directives.no_cache);
        headers.insert(CACHE_CONTROL, "max-age=5".parse().unwrap());
        assert!(!requested(&headers).directives.no_cache);
    }
}
