//! `Link`: where the next page is (RFC 8288).

use http::HeaderMap;
use http::header::LINK;

/// Returns the target of the link with `rel="next"`.
pub(crate) fn next_page(headers: &HeaderMap) -> Option<String> {
    let values = headers
        .get_all(LINK)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(links)
        .find_map(|(target, parameters)| is_next(parameters).then(|| target.to_owned()))
}

/// Returns target and parameters of each link. Targets may hold commas, so they are cut at their brackets.
fn links(value: &str) -> impl Iterator<Item = (&str, &str)> {
    value
        .split('<')
        .skip(1)
        .filter_map(|link| link.split_once('>'))
}

fn is_next(parameters: &str) -> bool {
    parameters.split([';', ',']).any(|parameter| {
        let Some((name, value)) = parameter.split_once('=') else {
            return false;
        };
        name.trim().eq_ignore_ascii_case("rel")
            && value
                .trim()
                .trim_matches('"')
                .split_ascii_whitespace()
                .any(|rel| rel.eq_ignore_ascii_case("next"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &'static str, expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert(LINK, http::HeaderValue::from_static(value));
        assert_eq!(next_page(&headers).as_deref(), expected);
    }

    #[test]
    fn the_next_page_is_found_among_links() {
        check(
            "<https://api.github.com/user/1/repos?page=1>; rel=\"prev\", <https://api.github.com/user/1/repos?page=3>; rel=\"next\"",
            Some("https://api.github.com/user/1/repos?page=3"),
        );
        check("</a?x=1,2>; title=\"x\"; rel=next", Some("/a?x=1,2"));
        check(
            "<https://api.github.com/a?page=1>; rel=\"first\", </b>; rel=\"last\"",
            None,
        );
        check("", None);
    }
}
