//! Steering: headers by which a lying peer could send the client's next request, and its token, to another place.
//!
//! `Link` is rebuilt on the *requested* path; only page and cursor parameters are taken from the peer, since real links
//! name another path (`/repositories/ID/…`) and could name any. `Location` is taken only to the requested host. Whatever
//! looks odd spoils the whole entry: a miss costs a request, a wrong guess a token.

use std::net::Ipv4Addr;

use cache_core::Question;
use http::header::{LINK, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The relations that are kept (RFC 8288 §3.3). Links of other relations are dropped: nobody pages by them.
const RELATIONS: [&str; 4] = ["next", "prev", "first", "last"];

/// Parameters that say where a page begins. What the request said about these never mixes with what the link says.
const POSITIONS: [&str; 4] = ["page", "after", "before", "cursor"];

/// Parameters that a link may repeat or replace, and that stay as requested where it does not.
const REFINEMENTS: [&str; 2] = ["per_page", "since"];

const MAX_HEADER_BYTES: usize = 8 * 1024;
const MAX_LINKS: usize = 16;
const MAX_VALUE_BYTES: usize = 1024;

/// How GitHub writes the first page of lists that page by `since`: a URI template, of no use to a client.
const SINCE_TEMPLATE: &str = "{?since}";

/// A header that points where it should not, or cannot be told to point anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Odd;

/// Rebuilds the URLs in `headers`, which came with an answer to `question`.
pub(crate) fn rebuild_urls(question: &Question, headers: &mut HeaderMap) -> Result<(), Odd> {
    if let Some(link) = single(headers, &LINK)? {
        match rebuilt_link(question, link)? {
            Some(link) => headers.insert(LINK, link),
            None => headers.remove(LINK),
        };
    }
    if let Some(location) = single(headers, &LOCATION)? {
        check_location(question, location)?;
    }
    Ok(())
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Odd> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() || value.len() > MAX_HEADER_BYTES {
        return Err(Odd);
    }
    value.to_str().map(Some).map_err(|_| Odd)
}

/// Returns `link` rebuilt, or `None` when nothing in it is kept.
fn rebuilt_link(question: &Question, link: &str) -> Result<Option<HeaderValue>, Odd> {
    let mut rebuilt = String::new();
    let mut seen = Vec::new();
    let mut rest = link;
    for _ in 0..MAX_LINKS {
        let (url, relation, after) = split_link(rest)?;
        if let Some(relation) = relation {
            if seen.contains(&relation) {
                return Err(Odd);
            }
            seen.push(relation);
            if !(relation == "first" && url.ends_with(SINCE_TEMPLATE)) {
                let separator = if rebuilt.is_empty() { "" } else { ", " };
                let url = rebuilt_url(question, url)?;
                rebuilt.extend([separator, "<", &url, ">; rel=\"", relation, "\""]);
            }
        }
        if after.is_empty() {
            let value = HeaderValue::try_from(&rebuilt).map_err(|_| Odd)?;
            return Ok((!rebuilt.is_empty()).then_some(value));
        }
        rest = after.strip_prefix(',').ok_or(Odd)?.trim_start_matches(' ');
    }
    Err(Odd)
}

/// Takes the first `<URL>; rel="…"` off `links`: its URL, its relation if that is kept, and what follows.
fn split_link(links: &str) -> Result<(&str, Option<&'static str>, &str), Odd> {
    let (url, mut rest) = links
        .strip_prefix('<')
        .and_then(|rest| rest.split_once('>'))
        .ok_or(Odd)?;
    let mut relation = None;
    let mut n_parameters = 0;
    while let Some(parameter) = rest.strip_prefix(';') {
        let (name, value) = parameter
            .trim_start_matches(' ')
            .split_once("=\"")
            .ok_or(Odd)?;
        let (value, after) = value.split_once('"').ok_or(Odd)?;
        // Escapes would let a value end elsewhere for others than for us.
        let is_plain = name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
            && !value.contains('\\');
        if !is_plain || name.is_empty() {
            return Err(Odd);
        }
        if name == "rel" && relation.replace(value).is_some() {
            return Err(Odd);
        }
        n_parameters += 1;
        rest = after;
    }
    let relation = relation.ok_or(Odd)?;
    if relation.is_empty() || relation.bytes().any(|byte| byte.is_ascii_whitespace()) {
        return Err(Odd);
    }
    let kept = RELATIONS
        .into_iter()
        .find(|kept| kept.eq_ignore_ascii_case(relation));
    // `anchor` and the like would change what a kept link means.
    if kept.is_some() && (n_parameters != 1 || kept != Some(relation)) {
        return Err(Odd);
    }
    Ok((url, kept, rest))
}

/// Returns the requested URL with the page and cursor parameters of `url`.
fn rebuilt_url(question: &Question, url: &str) -> Result<String, Odd> {
    let (scheme, path_and_query) = split_origin(question, url)?;
    let (path, query) = path_and_query
        .split_once('?')
        .unwrap_or((path_and_query, ""));
    if !is_plain_path(path) {
        return Err(Odd);
    }
    let mut taken: Vec<(&str, &str)> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !is_plain_query(pair) {
            return Err(Odd);
        }
        if !POSITIONS.contains(&name) && !REFINEMENTS.contains(&name) {
            continue;
        }
        if taken.iter().any(|(other, _)| *other == name) || !is_lawful(name, value) {
            return Err(Odd);
        }
        taken.push((name, value));
    }
    let (path, query) = question
        .target()
        .split_once('?')
        .unwrap_or((question.target(), ""));
    let stays = |pair: &&str| {
        let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
        !pair.is_empty()
            && !POSITIONS.contains(&name)
            && !taken.iter().any(|(other, _)| *other == name)
    };
    let pairs = query.split('&').filter(stays).map(str::to_owned);
    let query: Vec<_> = pairs
        .chain(taken.iter().map(|(name, value)| format!("{name}={value}")))
        .collect();
    let separator = if query.is_empty() { "" } else { "?" };
    let rebuilt = format!(
        "{scheme}://{}{path}{separator}{}",
        question.host(),
        query.join("&")
    );
    let is_safe = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'"' | b'\\');
    if path.starts_with('/') && rebuilt.bytes().all(is_safe) {
        Ok(rebuilt)
    } else {
        Err(Odd)
    }
}

fn check_location(question: &Question, location: &str) -> Result<(), Odd> {
    let (_, path_and_query) = split_origin(question, location)?;
    let (path, query) = path_and_query
        .split_once('?')
        .unwrap_or((path_and_query, ""));
    if is_plain_path(path) && is_plain_query(query) {
        Ok(())
    } else {
        Err(Odd)
    }
}

/// Returns scheme and path-and-query of `url` if it points to the requested host.
///
/// https only, lest a peer make a client send its token in clear; http is taken on loopback, where it stays inside.
fn split_origin<'a>(question: &Question, url: &'a str) -> Result<(&'static str, &'a str), Odd> {
    let (scheme, rest) = if let Some(rest) = url.strip_prefix("https://") {
        ("https", rest)
    } else {
        let rest = url
            .strip_prefix("http://")
            .filter(|_| is_loopback(question.host()))
            .ok_or(Odd)?;
        ("http", rest)
    };
    let (authority, _) = rest.split_once('/').ok_or(Odd)?;
    if !authority.eq_ignore_ascii_case(question.host()) {
        return Err(Odd);
    }
    Ok((scheme, &rest[authority.len()..]))
}

fn is_loopback(host: &str) -> bool {
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "0"));
    port.parse::<u16>().is_ok()
        && (name == "localhost"
            || name == "[::1]"
            || name
                .parse::<Ipv4Addr>()
                .is_ok_and(|address| address.is_loopback()))
}

/// Tells whether `path` means the same to every reader: no empty or dot segments, nothing encoded that hides one.
fn is_plain_path(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%+:@,".contains(&byte);
    let hides_one = |segment: &str| {
        let segment = segment.to_ascii_lowercase().replace("%2e", ".");
        segment.is_empty()
            || segment == "."
            || segment == ".."
            || segment.contains("%2f")
            || segment.contains("%5c")
    };
    path.bytes().all(is_plain)
        && has_whole_escapes(path)
        && path
            .strip_prefix('/')
            .is_some_and(|path| !path.split('/').any(hides_one))
}

fn is_plain_query(query: &str) -> bool {
    query
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._~%=&+:,/*!()[]|@".contains(&byte))
        && has_whole_escapes(query)
}

/// Tells whether each `%` begins an escape, and none stands for a control character.
fn has_whole_escapes(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let digits = after.as_bytes().first_chunk::<2>();
        digits.is_some_and(|[high, low]| {
            (b'2'..=b'9').contains(high) && low.is_ascii_hexdigit() || is_high_escape(*high, *low)
        })
    })
}

fn is_high_escape(high: u8, low: u8) -> bool {
    matches!(high, b'a'..=b'f' | b'A'..=b'F') && low.is_ascii_hexdigit()
}

/// Tells whether `value` is what GitHub would give the parameter `name`.
fn is_lawful(name: &str, value: &str) -> bool {
    if matches!(name, "page" | "per_page") {
        return (1..=10).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
    }
    (1..=MAX_VALUE_BYTES).contains(&value.len())
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~%=+:".contains(&byte))
}

#[cfg(test)]
mod tests;
