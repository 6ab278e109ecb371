//! `Link` and `Location`.

use http::HeaderValue;

use super::Roots;

/// Rewrites a `Location`: an absolute URL, or a relative one, which is left alone. Returns `None` if it stays.
pub(crate) fn rewrite_location(
    roots: &Roots,
    base: &str,
    value: &HeaderValue,
) -> Option<HeaderValue> {
    let text = value.as_bytes();
    let root_len = roots.match_len(text)?;
    let mut out = Vec::with_capacity(base.len() + text.len());
    out.extend_from_slice(base.as_bytes());
    out.extend_from_slice(&text[root_len..]);
    HeaderValue::from_maybe_shared(bytes::Bytes::from(out)).ok()
}

/// Rewrites a `Link` (RFC 8288 §3): the targets between `<` and `>`. Returns `None` if it stays.
pub(crate) fn rewrite_links(roots: &Roots, base: &str, value: &HeaderValue) -> Option<HeaderValue> {
    let text = value.as_bytes();
    let mut out = Vec::new();
    let (mut at, mut passed) = (0, 0);
    let mut quoted = false;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => quoted = !quoted,
            b'\\' if quoted => at += 1,
            b'<' if !quoted => {
                let target = &text[at..];
                let len = target.iter().position(|&byte| byte == b'>');
                let target = &target[..len.unwrap_or(target.len())];
                if let Some(root_len) = roots.match_len(target) {
                    out.extend_from_slice(&text[passed..at]);
                    out.extend_from_slice(base.as_bytes());
                    passed = at + root_len;
                }
                at += target.len();
            }
            _ => {}
        }
    }
    if passed == 0 {
        return None;
    }
    out.extend_from_slice(&text[passed..]);
    HeaderValue::from_maybe_shared(bytes::Bytes::from(out)).ok()
}
