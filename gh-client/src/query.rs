//! Canonical targets: the path as sent, the query in one order.

use http::Uri;

/// Returns path and query of `uri` with the query's parameters sorted by name.
///
/// Parameters of one name keep their order, and every byte of names and values stays as sent: GitHub takes `%2F` and
/// `/` for different things. Sorting is stable and by the name as spelled, so `a=1&b=2` and `b=2&a=1` are one question.
pub(crate) fn canonical_target(uri: &Uri) -> String {
    let path = if uri.path().is_empty() {
        "/"
    } else {
        uri.path()
    };
    let Some(query) = uri.query().filter(|query| !query.is_empty()) else {
        return path.to_owned();
    };
    let mut parameters: Vec<&str> = query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .collect();
    parameters.sort_by_key(|parameter| parameter.split('=').next().unwrap_or_default());
    format!("{path}?{}", parameters.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_sorted_by_name_and_otherwise_left_alone() {
        for (given, expected) in [
            ("/a", "/a"),
            ("/a?", "/a"),
            ("/a?per_page=1&page=2", "/a?page=2&per_page=1"),
            ("/a?b=2&a=1&b=1", "/a?a=1&b=2&b=1"),
            ("/a%2Fb?x=%20+", "/a%2Fb?x=%20+"),
            ("/a?&b&a=", "/a?a=&b"),
        ] {
            let uri: Uri = format!("https://api.github.com{given}").parse().unwrap();
            assert_eq!(canonical_target(&uri), expected);
        }
    }
}
