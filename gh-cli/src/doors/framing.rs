//! Watches requests arrive and notes those that state their length twice.
//!
//! hyper takes two equal `Content-Length` lines, or one beside `Transfer-Encoding`, and hands on a request that no
//! longer shows it. Two parties that read such a request differently see different requests after it (RFC 9112
//! §11.2), so the doors refuse it, and for that it has to be seen before hyper does.
//!
//! The watch only ever adds a refusal: where it loses its place it stops looking, and hyper's own checks remain.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Longest line that is looked at when it arrives in pieces. Length fields are shorter.
const MAX_LINE_BYTES: usize = 128;

/// Set once a connection has carried a request with two lengths; never reset.
#[derive(Clone, Debug, Default)]
pub(super) struct TwoLengths(Arc<AtomicBool>);

impl TwoLengths {
    /// Tells whether any request on the connection had two lengths.
    pub(super) fn seen(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection whose incoming bytes are watched.
#[derive(Debug)]
pub(super) struct Watched<T> {
    io: T,
    watch: Watch,
    seen: TwoLengths,
}

impl<T> Watched<T> {
    /// Watches what is read from `io`.
    pub(super) fn new(io: T) -> Self {
        Self {
            io,
            watch: Watch::default(),
            seen: TwoLengths::default(),
        }
    }

    /// Returns what the watch has seen; shared with the watch.
    pub(super) fn two_lengths(&self) -> TwoLengths {
        self.seen.clone()
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        let this = &mut *self;
        if this.watch.look(&buf.filled()[before..]) {
            this.seen.0.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

/// What is expected next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// A line of a head; an empty one ends it.
    HeadLine,
    /// This many bytes of a body, after which a head follows.
    Body(u64),
    /// The line before a chunk.
    ChunkSize,
    /// This many bytes of a chunk with its line end.
    Chunk(u64),
    /// A line after the last chunk; an empty one ends the message.
    Trailer,
    /// The place is lost: nothing is looked at any more.
    Nothing,
}

/// The reader of one connection's requests, as far as their framing goes.
#[derive(Debug)]
struct Watch {
    expected: Expected,
    /// The beginning of a line whose end has not arrived, cut at [`MAX_LINE_BYTES`].
    line: Vec<u8>,
    in_head: bool,
    n_lengths: u32,
    n_codings: u32,
    length: Option<u64>,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            expected: Expected::HeadLine,
            line: Vec::new(),
            in_head: false,
            n_lengths: 0,
            n_codings: 0,
            length: None,
        }
    }
}

impl Watch {
    /// Looks at the next bytes. Returns whether a head among them stated two lengths.
    fn look(&mut self, mut bytes: &[u8]) -> bool {
        let mut seen = false;
        while !bytes.is_empty() {
            match self.expected {
                Expected::Nothing => break,
                Expected::Body(left) | Expected::Chunk(left) => {
                    let here =
                        usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    bytes = &bytes[here..];
                    let left = left - here as u64;
                    self.expected = match (self.expected, left) {
                        (Expected::Body(_), 0) => Expected::HeadLine,
                        (Expected::Body(_), left) => Expected::Body(left),
                        (_, 0) => Expected::ChunkSize,
                        (_, left) => Expected::Chunk(left),
                    };
                }
                Expected::HeadLine | Expected::ChunkSize | Expected::Trailer => {
                    let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
                        let room = MAX_LINE_BYTES - self.line.len();
                        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
                        break;
                    };
                    let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
                    bytes = rest;
                    if self.line.is_empty() {
                        seen |= self.end_line(line);
                    } else {
                        let mut whole = std::mem::take(&mut self.line);
                        let room = MAX_LINE_BYTES - whole.len();
                        whole.extend_from_slice(&line[..line.len().min(room)]);
                        seen |= self.end_line(&whole);
                        whole.clear();
                        self.line = whole;
                    }
                }
            }
        }
        seen
    }

    fn end_line(&mut self, line: &[u8]) -> bool {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match self.expected {
            Expected::HeadLine if !line.is_empty() => {
                if self.in_head {
                    self.note_field(line);
                } else {
                    self.in_head = true;
                }
            }
            // An empty line before a request line is allowed (RFC 9112 §2.2).
            Expected::HeadLine if !self.in_head => {}
            Expected::HeadLine => return self.end_head(),
            Expected::ChunkSize => self.expected = chunk_after(line),
            Expected::Trailer if line.is_empty() => self.expected = Expected::HeadLine,
            _ => {}
        }
        false
    }

    fn note_field(&mut self, line: &[u8]) {
        // Cheap first: of all common fields only these two have a colon there.
        if line.get(14) == Some(&b':') && line[..14].eq_ignore_ascii_case(b"content-length") {
            self.n_lengths += 1;
            self.length = std::str::from_utf8(&line[15..])
                .ok()
                .and_then(|value| value.trim().parse().ok());
        } else if line.get(17) == Some(&b':')
            && line[..17].eq_ignore_ascii_case(b"transfer-encoding")
        {
            self.n_codings += 1;
        }
    }

    fn end_head(&mut self) -> bool {
        let two_lengths = self.n_lengths + self.n_codings > 1;
        self.expected = match (self.n_lengths, self.n_codings, self.length) {
            (0, 0, _) | (1, 0, Some(0)) => Expected::HeadLine,
            (1, 0, Some(length)) => Expected::Body(length),
            // Whatever codings are named, hyper takes only a message whose last one is `chunked`.
            (0, 1, _) => Expected::ChunkSize,
            _ => Expected::Nothing,
        };
        (self.in_head, self.n_lengths, self.n_codings, self.length) = (false, 0, 0, None);
        two_lengths
    }
}

/// Returns what follows the line before a chunk.
fn chunk_after(line: &[u8]) -> Expected {
    let digits = line
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let size = std::str::from_utf8(&line[..digits])
        .ok()
        .and_then(|digits| u64::from_str_radix(digits, 16).ok());
    match size {
        Some(0) => Expected::Trailer,
        Some(size) => size
            .checked_add(2)
            .map_or(Expected::Nothing, Expected::Chunk),
        None => Expected::Nothing,
    }
}

#[cfg(test)]
mod tests;
