//! Bodies: whole, streamed and broken.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream;
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use sha2::{Digest, Sha256};

/// The error that ends a body early.
#[derive(Debug, thiserror::Error)]
#[error("the stand-in was told to break the connection")]
pub(crate) struct Broken;

pub(crate) type Body = UnsyncBoxBody<Bytes, Broken>;

/// The test pattern repeats after this many bytes.
const CHUNK: usize = 64 * 1024;

pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never: Infallible| match never {})
        .boxed_unsync()
}

/// One period of the test pattern: bytes that do not compress to nothing.
fn chunk() -> Bytes {
    static CHUNK_BYTES: std::sync::LazyLock<Bytes> = std::sync::LazyLock::new(|| {
        let blocks = (0..CHUNK / 32).flat_map(|number| Sha256::digest(number.to_le_bytes()));
        blocks.collect()
    });
    CHUNK_BYTES.clone()
}

/// Returns the test pattern's first `len` bytes, chunk by chunk.
fn pattern_chunks(len: u64) -> impl Iterator<Item = Bytes> {
    let mut left = len;
    std::iter::from_fn(move || {
        let take = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        left -= take as u64;
        (take > 0).then(|| chunk().slice(..take))
    })
}

/// Returns a body of the test pattern's first `len` bytes, made as it is read.
pub(crate) fn pattern(len: u64) -> Body {
    let frames = stream::iter(pattern_chunks(len).map(|bytes| Ok(Frame::data(bytes))));
    Sized {
        inner: StreamBody::new(frames).boxed_unsync(),
        left: len,
    }
    .boxed_unsync()
}

/// Returns the hex SHA-256 of the test pattern's first `len` bytes, as `/_standin/bytes/{len}` streams them.
pub fn pattern_sha256(len: u64) -> String {
    let mut hash = Sha256::new();
    pattern_chunks(len).for_each(|bytes| hash.update(&bytes));
    hex::encode(hash.finalize())
}

/// Returns a body that claims to be `bytes` and breaks in the middle.
pub(crate) fn truncated(bytes: &Bytes) -> Body {
    let half = bytes.slice(..bytes.len() / 2);
    let frames = stream::iter([Ok(Frame::data(half)), Err(Broken)]);
    Sized {
        inner: StreamBody::new(frames).boxed_unsync(),
        left: bytes.len() as u64,
    }
    .boxed_unsync()
}

/// A body whose length is known from elsewhere.
struct Sized {
    inner: Body,
    left: u64,
}

impl http_body::Body for Sized {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let frame = Pin::new(&mut self.inner).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            let len = frame.data_ref().map_or(0, Bytes::len);
            self.left = self.left.saturating_sub(len as u64);
        }
        frame
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }
}
