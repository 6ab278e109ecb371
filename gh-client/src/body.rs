//! The body of an answer: whole and shared, or passed on while it arrives.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use cache_core::port::{BoxError, StreamedBody};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, BodyStream, Full, StreamBody};

/// The body of an answer. A stored one is never copied: it is a reference into the cache.
#[derive(Debug)]
pub struct CacheBody(Kind);

#[derive(Debug)]
enum Kind {
    Whole(Option<Bytes>),
    Streamed(StreamedBody),
}

impl CacheBody {
    /// Returns a body of these bytes.
    pub fn whole(bytes: Bytes) -> Self {
        Self(Kind::Whole(if bytes.is_empty() {
            None
        } else {
            Some(bytes)
        }))
    }

    /// Returns a body that is passed on while it arrives.
    pub fn streamed(body: StreamedBody) -> Self {
        Self(Kind::Streamed(body))
    }

    /// Returns the whole body if it is at hand and not yet taken; `None` for one that streams.
    pub fn as_whole(&self) -> Option<Bytes> {
        match &self.0 {
            Kind::Whole(bytes) => Some(bytes.clone().unwrap_or_default()),
            Kind::Streamed(_) => None,
        }
    }
}

impl Body for CacheBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.get_mut().0 {
            Kind::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Streamed(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.is_none(),
            Kind::Streamed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Kind::Streamed(body) => body.size_hint(),
        }
    }
}

/// What came of reading a body up to a limit.
pub(crate) enum Gathered {
    /// All of it.
    Whole(Bytes),
    /// It goes on beyond the limit: the body as it was, what was read included.
    TooLong(StreamedBody),
}

/// Reads a body to its end, if that comes within `limit` bytes. `expected` is room made beforehand.
pub(crate) async fn gathered(
    mut body: StreamedBody,
    limit: usize,
    expected: usize,
) -> Result<Gathered, BoxError> {
    let mut read = BytesMut::with_capacity(expected);
    while let Some(frame) = body.frame().await {
        // Trailers say nothing that is kept.
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        read.extend_from_slice(&data);
        if read.len() > limit {
            return Ok(Gathered::TooLong(rejoined(read.freeze(), body)));
        }
    }
    Ok(Gathered::Whole(read.freeze()))
}

/// Returns a body that begins with what was read already.
fn rejoined(read: Bytes, rest: StreamedBody) -> StreamedBody {
    use futures::StreamExt as _;
    let start = futures::stream::iter([Ok(Frame::data(read))]);
    BodyExt::boxed(StreamBody::new(start.chain(BodyStream::new(rest))))
}

/// Returns bytes as a body of the streamed kind.
pub(crate) fn body_of(bytes: Bytes) -> StreamedBody {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}
