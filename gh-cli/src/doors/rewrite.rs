//! Links of an answer that point at GitHub, turned to the door that the client used.
//!
//! A client that was given `http://127.0.0.1:9180` as its base follows `Link`, `Location` and the `url` fields of
//! JSON bodies. Were those left alone, its second request would leave for GitHub directly. Only the HTTP door does
//! this; on the unix socket clients keep naming GitHub's hosts.
//!
//! Bodies are rewritten as bytes, by a small state machine over JSON tokens: nothing is parsed into a tree or
//! serialised again, so all that is not a link stays as GitHub wrote it.
//!
//! **Invariant:** the output depends on the bytes of the input alone, never on how they were cut into chunks.

mod headers;
mod stored;
mod stream;

use std::sync::Arc;

pub(super) use headers::{rewrite_links, rewrite_location};
pub(super) use stored::{Rewritten, RewrittenBodies};
pub(super) use stream::RewritingBody;

/// The roots that are replaced.
///
/// A root matches where it is followed by `/`, `?`, `#`, `{` or the end of the string, so that
/// `https://api.github.com.example` is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Roots(Vec<Box<[u8]>>);

impl Roots {
    /// Takes roots such as `https://api.github.com` or `https://ghe.example/api/v3`; a slash at the end is dropped.
    pub(crate) fn new<I: IntoIterator<Item: AsRef<str>>>(roots: I) -> Self {
        let mut roots: Vec<Box<[u8]>> = roots
            .into_iter()
            .map(|root| Box::from(root.as_ref().trim_end_matches('/').as_bytes()))
            .collect();
        roots.retain(|root| !root.is_empty());
        // Longest first: where one root begins with another, the longer one is meant.
        roots.sort_by_key(|root| std::cmp::Reverse(root.len()));
        roots.dedup();
        Self(roots)
    }

    /// Returns the length of the root that `text` starts with.
    fn match_len(&self, text: &[u8]) -> Option<usize> {
        self.0
            .iter()
            .find(|root| {
                text.starts_with(root) && text.get(root.len()).is_none_or(|&byte| ends_root(byte))
            })
            .map(|root| root.len())
    }

    fn contains(&self, text: &[u8]) -> bool {
        self.0.iter().any(|root| **root == *text)
    }

    fn has_beginning(&self, text: &[u8]) -> bool {
        self.0.iter().any(|root| root.starts_with(text))
    }
}

/// Tells whether a root may be followed by `byte`.
const fn ends_root(byte: u8) -> bool {
    matches!(byte, b'/' | b'?' | b'#' | b'{')
}

/// Where the machine stands in the JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Between strings. What the last tokens were decides what the next string is.
    Outside(Last),
    /// In a string that may turn out to be a key.
    Text,
    /// In a string, just after a backslash.
    Escape,
    /// In the value of a URL key, with all of its bytes so far held back.
    Candidate,
}

/// The token before the place, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    /// The string that just ended, if it names a URL.
    UrlString,
    /// A colon after such a string.
    UrlColon,
    Other,
}

/// Rewrites the URLs of one JSON text, in chunks of any size.
///
/// Replaced are the roots at the start of string values whose key is `url` or ends in `_url`, `html_url` excepted
/// (that one points at pages for people). Keys count as they are written: an escaped `\u0075rl` is not taken for
/// `url`. A text that is not JSON passes with all its bytes; at worst something that looks like a link in it is
/// replaced too.
///
/// Memory is bounded: what is held back between chunks is shorter than the longest root, and of keys only the last
/// eight bytes are kept.
#[derive(Debug)]
pub(crate) struct Rewriter {
    roots: Arc<Roots>,
    base: Box<str>,
    place: Place,
    /// Length of the current string, and its last eight bytes with the newest lowest.
    text_len: usize,
    text_tail: u64,
    /// Bytes of a candidate that were taken from the input and not yet passed on.
    held: Vec<u8>,
    /// Length of the longest root that `held` starts with and that ended properly.
    confirmed: usize,
    n_replaced: usize,
}

/// [`Rewriter::text_len`] of a string that cannot be a key. It stays so, because lengths saturate.
const NO_KEY: usize = usize::MAX;

impl Rewriter {
    /// Replaces `roots` by `base`, which has no slash at the end.
    pub(crate) fn new(roots: Arc<Roots>, base: impl Into<Box<str>>) -> Self {
        Self {
            roots,
            base: base.into(),
            place: Place::Outside(Last::Other),
            text_len: 0,
            text_tail: 0,
            held: Vec::new(),
            confirmed: 0,
            n_replaced: 0,
        }
    }

    /// Returns how many roots were replaced so far.
    pub(crate) fn n_replaced(&self) -> usize {
        self.n_replaced
    }

    /// Tells whether all that was fed has been passed on.
    pub(crate) fn holds_nothing(&self) -> bool {
        self.held.is_empty()
    }

    /// Ends the text: appends what was held back.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        self.release(out);
    }

    /// Takes the next chunk and appends what can be said about it to `out`.
    pub(crate) fn feed(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        // `chunk[passed..at]` is what has been looked at and goes out unchanged.
        let (mut at, mut passed) = (0, 0);
        while at < chunk.len() {
            let byte = chunk[at];
            match self.place {
                Place::Outside(last) => {
                    at += 1;
                    self.place = match (byte, last) {
                        (b'"', Last::UrlColon) => {
                            out.extend_from_slice(&chunk[passed..at]);
                            passed = at;
                            Place::Candidate
                        }
                        (b'"', _) => {
                            self.text_len = 0;
                            self.text_tail = 0;
                            Place::Text
                        }
                        (b':', Last::UrlString) => Place::Outside(Last::UrlColon),
                        (b' ' | b'\n' | b'\r' | b'\t', last) => Place::Outside(last),
                        _ => Place::Outside(Last::Other),
                    };
                }
                Place::Text => {
                    let rest = &chunk[at..];
                    let stop = rest.iter().position(|&byte| byte == b'"' || byte == b'\\');
                    let text = &rest[..stop.unwrap_or(rest.len())];
                    self.note_text(text);
                    at += text.len();
                    if let Some(&stop) = chunk.get(at) {
                        at += 1;
                        self.place = if stop == b'\\' {
                            self.note_text(&[stop]);
                            Place::Escape
                        } else if self.text_names_url() {
                            Place::Outside(Last::UrlString)
                        } else {
                            Place::Outside(Last::Other)
                        };
                    }
                }
                Place::Escape => {
                    // Whatever is escaped, a quote above all, does not end the string.
                    self.note_text(&[byte]);
                    at += 1;
                    self.place = Place::Text;
                }
                Place::Candidate => {
                    if self.extend_candidate(byte) {
                        at += 1;
                    } else {
                        self.release(out);
                        // The rest of the value is text; it cannot be a key, because a key never follows a colon.
                        self.place = Place::Text;
                    }
                    passed = at;
                }
            }
        }
        out.extend_from_slice(&chunk[passed..]);
    }

    /// Holds `byte` back if a root may still begin with all of it; otherwise decides about what is held.
    fn extend_candidate(&mut self, byte: u8) -> bool {
        if self.roots.contains(&self.held) && (ends_root(byte) || byte == b'"') {
            self.confirmed = self.held.len();
        }
        self.held.push(byte);
        if self.roots.has_beginning(&self.held) {
            return true;
        }
        self.held.pop();
        false
    }

    /// Passes on what is held, with the confirmed root replaced.
    fn release(&mut self, out: &mut Vec<u8>) {
        if self.confirmed > 0 {
            out.extend_from_slice(self.base.as_bytes());
            self.n_replaced += 1;
        }
        out.extend_from_slice(&self.held[self.confirmed..]);
        self.held.clear();
        self.confirmed = 0;
        self.text_len = NO_KEY;
    }

    fn note_text(&mut self, text: &[u8]) {
        self.text_len = self.text_len.saturating_add(text.len());
        for &byte in &text[text.len().saturating_sub(8)..] {
            self.text_tail = self.text_tail << 8 | u64::from(byte);
        }
    }

    /// Tells whether the string that just ended is `url` or ends in `_url`, and is not `html_url`.
    fn text_names_url(&self) -> bool {
        const URL: u64 = u64::from_be_bytes(*b"\0\0\0\0\0url");
        const TAIL: u64 = u64::from_be_bytes(*b"\0\0\0\0_url");
        const HTML: u64 = u64::from_be_bytes(*b"html_url");
        match self.text_len {
            NO_KEY => false,
            3 => self.text_tail == URL,
            8 if self.text_tail == HTML => false,
            _ => self.text_tail & 0xffff_ffff == TAIL,
        }
    }
}

/// Rewrites a whole text. Returns `None` when nothing in it matches.
pub(crate) fn rewrite_whole(roots: &Arc<Roots>, base: &str, text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rewriter = Rewriter::new(Arc::clone(roots), base);
    rewriter.feed(text, &mut out);
    rewriter.finish(&mut out);
    (rewriter.n_replaced() > 0).then_some(out)
}

#[cfg(test)]
mod tests;
