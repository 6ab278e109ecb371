//! Classes of `Accept` values: which ones GitHub answers with the same bytes.

use http::HeaderValue;

/// What the JSON class sends upstream, whatever its clients said.
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/vnd.github+json");

/// Media types that all get GitHub's plain JSON.
const JSON_TYPES: &[&str] = &[
    "*/*",
    "application/*",
    "application/json",
    "application/vnd.github+json",
    "application/vnd.github.v3+json",
];

/// Previews that have become the standard answer, so that asking for them changes nothing any more.
///
/// Source: the changelog entries and "API previews" pages of GitHub's documentation. A preview that is not here keeps
/// a class of its own.
const RETIRED_PREVIEWS: &[&str] = &[
    "ant-man",
    "antiope",
    "barred-rock",
    "cloak",
    "corsair",
    "dorian",
    "flash",
    "giant-sentry-fist",
    "groot",
    "hellcat",
    "inertia",
    "jean-grey",
    "korra",
    "london",
    "luke-cage",
    "lydian",
    "machine-man",
    "mercy",
    "merge-info",
    "mockingbird",
    "nebula",
    "sailor-v",
    "scarlet-witch",
    "shadow-cat",
    "sombra",
    "squirrel-girl",
    "starfox",
    "switcheroo",
    "symmetra",
    "wyandotte",
    "zzzax",
];

/// Returns the class of an `Accept` value: [`JSON`] for everything that means it, else the value itself.
pub(crate) fn class_of(accept: Option<&HeaderValue>) -> HeaderValue {
    let Some(value) = accept else { return JSON };
    if JSON_TYPES.iter().any(|name| value == name) {
        return JSON;
    }
    match value.to_str() {
        Ok(text)
            if text
                .split(',')
                .all(|item| item.trim().is_empty() || is_json(item)) =>
        {
            JSON
        }
        _ => value.clone(),
    }
}

fn is_json(item: &str) -> bool {
    let name = item
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    // A parameter other than the weight may select something (RFC 9110 §12.5.1).
    let only_weights = item.split(';').skip(1).all(|parameter| {
        let parameter = parameter.trim().to_ascii_lowercase();
        parameter.starts_with("q=") || parameter == "charset=utf-8"
    });
    if !only_weights {
        return false;
    }
    if JSON_TYPES.contains(&name.as_str()) {
        return true;
    }
    let Some(preview) = name.strip_prefix("application/vnd.github.") else {
        return false;
    };
    let preview = preview.strip_suffix("+json").unwrap_or(preview);
    preview
        .strip_suffix("-preview")
        .is_some_and(|preview| RETIRED_PREVIEWS.contains(&preview))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_json_is_one_class_and_nothing_else_is() {
        for same in [
            "",
            "*/*",
            "application/json",
            "application/json; charset=utf-8",
            "application/vnd.github+json",
            "application/vnd.github.v3+json",
            "application/vnd.github.merge-info-preview+json, application/vnd.github.nebula-preview",
            "application/vnd.github.mercy-preview+json",
            "application/vnd.github+json, */*;q=0.1",
        ] {
            assert_eq!(
                class_of(Some(&HeaderValue::from_str(same).unwrap())),
                JSON,
                "{same}"
            );
        }
        assert_eq!(class_of(None), JSON);
        for own in [
            "application/vnd.github.raw",
            "application/vnd.github.v3.diff",
            "application/vnd.github.star+json",
            "application/vnd.github.text-match+json",
            "application/vnd.github.full+json",
            "application/octet-stream",
            "text/html, */*",
            "application/vnd.github.unknown-preview+json",
            "application/json; version=2",
        ] {
            assert_eq!(class_of(Some(&HeaderValue::from_str(own).unwrap())), own);
        }
    }
}
