//! Undoing gzip on the way to a client that did not ask for it.
//!
//! Upstream is always asked for gzip. An answer that is kept is decoded first; one that streams is decoded here.

use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use cache_core::port::{BoxError, StreamedBody};
use flate2::write::GzDecoder;
use http::HeaderMap;
use http::header::ACCEPT_ENCODING;
use http_body::{Body, Frame};

/// Coded bytes that are decoded at once: they become a thousand times as many at worst.
const STEP_BYTES: usize = 4 << 10;

/// Tells whether a request takes an answer coded with gzip (RFC 9110 §12.5.3).
///
/// Without `Accept-Encoding` any coding would do by the letter, but clients that say nothing decode nothing.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| {
            let (coding, weight) = item.split_once(';').unwrap_or((item, ""));
            let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
            let coding = coding.trim();
            (coding.eq_ignore_ascii_case("gzip") || coding == "*")
                && weight
                    .trim()
                    .parse::<f32>()
                    .is_ok_and(|weight| weight > 0.0)
        })
}

/// A body in plain, made of one coded with gzip.
pub(crate) struct Gunzip {
    coded: StreamedBody,
    /// What has arrived and is not decoded yet.
    arrived: Bytes,
    /// `None` once everything was decoded.
    decoder: Option<GzDecoder<Vec<u8>>>,
}

impl Gunzip {
    pub(crate) fn new(coded: StreamedBody) -> Self {
        Self {
            coded,
            arrived: Bytes::new(),
            decoder: Some(GzDecoder::new(Vec::new())),
        }
    }

    /// Decodes a step of what has arrived. Empty: nothing came of it yet.
    fn step(&mut self) -> std::io::Result<Vec<u8>> {
        let Some(decoder) = &mut self.decoder else {
            return Ok(Vec::new());
        };
        let n_bytes = self.arrived.len().min(STEP_BYTES);
        decoder.write_all(&self.arrived[..n_bytes])?;
        self.arrived.advance(n_bytes);
        Ok(std::mem::take(decoder.get_mut()))
    }
}

impl Body for Gunzip {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        loop {
            while !this.arrived.is_empty() {
                match this.step() {
                    Ok(plain) if plain.is_empty() => {}
                    Ok(plain) => return Poll::Ready(Some(Ok(Frame::data(plain.into())))),
                    Err(error) => return Poll::Ready(Some(Err(error.into()))),
                }
            }
            match ready!(Pin::new(&mut this.coded).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        this.arrived = data;
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    // Checks that the end was there, and the sum over everything.
                    let rest = this.decoder.take().map(GzDecoder::finish).transpose();
                    return Poll::Ready(match rest {
                        Ok(Some(rest)) if !rest.is_empty() => Some(Ok(Frame::data(rest.into()))),
                        Ok(_) => None,
                        Err(error) => Some(Err(error.into())),
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use http::HeaderValue;
    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    fn coded(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn in_pieces(bytes: &[u8], of: usize) -> StreamedBody {
        let frames: Vec<Result<_, BoxError>> = bytes
            .chunks(of)
            .map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece))))
            .collect();
        BodyExt::boxed(StreamBody::new(futures::stream::iter(frames)))
    }

    #[tokio::test]
    async fn whatever_the_pieces_the_plain_bytes_come_out() {
        let plain: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let coded = coded(&plain);
        for size in [1, 7, 4096, coded.len()] {
            let decoded = Gunzip::new(in_pieces(&coded, size)).collect().await;
            assert_eq!(decoded.unwrap().to_bytes(), plain, "pieces of {size}");
        }
    }

    #[tokio::test]
    async fn a_body_cut_short_or_garbled_is_an_error() {
        let coded = coded(&vec![7; 100_000]);
        let cut = Gunzip::new(in_pieces(&coded[..coded.len() - 5], 100)).collect();
        assert!(cut.await.is_err());
        assert!(
            Gunzip::new(in_pieces(b"no gzip", 100))
                .collect()
                .await
                .is_err()
        );
    }

    #[test]
    fn gzip_is_taken_only_by_whoever_says_so() {
        for (value, expected) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("*", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0", false),
            ("br", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
            assert_eq!(accepts_gzip(&headers), expected, "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
