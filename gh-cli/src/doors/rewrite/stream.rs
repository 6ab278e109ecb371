//! A body that is rewritten while it is passed on.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};

use super::Rewriter;

/// Wraps a JSON body of unknown origin and length. Its own length is unknown: it changes with every match.
pub(crate) struct RewritingBody<B> {
    /// `None` once it ended.
    inner: Option<Pin<Box<B>>>,
    rewriter: Rewriter,
    /// Trailers that wait until what was held back has gone out.
    trailers: Option<Frame<Bytes>>,
}

impl<B> fmt::Debug for RewritingBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RewritingBody")
            .field("rewriter", &self.rewriter)
            .finish_non_exhaustive()
    }
}

impl<B> RewritingBody<B> {
    /// Passes `inner` on through `rewriter`.
    pub(crate) fn new(inner: B, rewriter: Rewriter) -> Self {
        Self {
            inner: Some(Box::pin(inner)),
            rewriter,
            trailers: None,
        }
    }

    /// Rewrites one chunk; the chunk itself comes back if nothing in it changes.
    fn rewrite(&mut self, chunk: Bytes) -> Bytes {
        let (n_before, began_clean) = (self.rewriter.n_replaced(), self.rewriter.holds_nothing());
        let mut out = Vec::with_capacity(chunk.len());
        self.rewriter.feed(&chunk, &mut out);
        let unchanged =
            began_clean && self.rewriter.holds_nothing() && self.rewriter.n_replaced() == n_before;
        if unchanged { chunk } else { out.into() }
    }

    fn finish(&mut self) -> Option<Bytes> {
        self.inner = None;
        let mut out = Vec::new();
        self.rewriter.finish(&mut out);
        (!out.is_empty()).then(|| out.into())
    }
}

impl<B: Body<Data = Bytes>> Body for RewritingBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        loop {
            let Some(inner) = &mut self.inner else {
                return Poll::Ready(self.trailers.take().map(Ok));
            };
            match ready!(inner.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(chunk) => {
                        let chunk = self.rewrite(chunk);
                        if !chunk.is_empty() {
                            return Poll::Ready(Some(Ok(Frame::data(chunk))));
                        }
                    }
                    Err(trailers) => {
                        self.trailers = Some(trailers);
                        if let Some(rest) = self.finish() {
                            return Poll::Ready(Some(Ok(Frame::data(rest))));
                        }
                    }
                },
                // Cut short is cut short: what was held back is not sent as if the body were whole.
                Some(Err(error)) => {
                    self.inner = None;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    if let Some(rest) = self.finish() {
                        return Poll::Ready(Some(Ok(Frame::data(rest))));
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_none() && self.trailers.is_none()
    }
}
