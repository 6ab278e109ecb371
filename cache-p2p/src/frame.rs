//! Frames over an exchange stream.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::message::Message;
use crate::wire::{self, PREFIX_BYTES, Refused};

/// Bytes read at a time, and the first allocation of a long tail: a claimed length allocates nothing.
const READ_BYTES: usize = 16 << 10;

/// Why no further frame can be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("the stream ended or broke")]
    Io(#[from] io::Error),
    #[error("a frame was refused")]
    Refused(#[from] Refused),
}

/// Reads frames.
#[derive(Debug)]
pub(crate) struct FrameReader<R> {
    stream: R,
    /// Read and not yet taken.
    buffer: BytesMut,
    chunk: Box<[u8]>,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(crate) fn new(stream: R) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
            chunk: vec![0; READ_BYTES].into_boxed_slice(),
        }
    }

    /// Reads the next frame. `progressed` is called for each further part of a frame that does not come at once.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a frame read in part is lost.
    pub(crate) async fn next(
        &mut self,
        mut progressed: impl FnMut(),
    ) -> Result<Message, ReadError> {
        self.fill_to(PREFIX_BYTES).await?;
        let mut prefix = [0; PREFIX_BYTES];
        self.buffer.copy_to_slice(&mut prefix);
        let lengths = wire::lengths(prefix)?;
        self.fill_to(lengths.head).await?;
        let partial = wire::decode_head(&self.buffer[..lengths.head], lengths.tail)?;
        self.buffer.advance(lengths.head);
        if lengths.tail == 0 {
            return Ok(partial.with_tail(Bytes::new()));
        }
        // In an allocation of its own: an envelope may be kept for long, and must not pin the read buffer.
        let mut tail = BytesMut::with_capacity(lengths.tail.min(READ_BYTES));
        let at_hand = self.buffer.len().min(lengths.tail);
        tail.extend_from_slice(&self.buffer[..at_hand]);
        self.buffer.advance(at_hand);
        while tail.len() < lengths.tail {
            let wanted = (lengths.tail - tail.len()).min(READ_BYTES);
            let n = read_some(&mut self.stream, &mut self.chunk[..wanted]).await?;
            tail.extend_from_slice(&self.chunk[..n]);
            progressed();
        }
        Ok(partial.with_tail(tail.freeze()))
    }

    async fn fill_to(&mut self, n: usize) -> io::Result<()> {
        while self.buffer.len() < n {
            let n = read_some(&mut self.stream, &mut self.chunk).await?;
            self.buffer.extend_from_slice(&self.chunk[..n]);
        }
        Ok(())
    }
}

async fn read_some(stream: &mut (impl AsyncRead + Unpin), into: &mut [u8]) -> io::Result<usize> {
    match stream.read(into).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        n => Ok(n),
    }
}

/// Gathers messages and writes them as frames.
#[derive(Debug)]
pub(crate) struct FrameWriter<W> {
    stream: W,
    batch: BytesMut,
}

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    pub(crate) fn new(stream: W) -> Self {
        Self {
            stream,
            batch: BytesMut::new(),
        }
    }

    /// Bytes gathered and not yet written.
    pub(crate) fn pending_bytes(&self) -> usize {
        self.batch.len()
    }

    /// Adds `message`. A long envelope is written through at once, without a copy. Returns false, with nothing
    /// written, for a message that no frame can hold.
    pub(crate) async fn add(&mut self, message: Message) -> io::Result<bool> {
        let Some(tail) = wire::encode(message, &mut self.batch) else {
            return Ok(false);
        };
        if tail.len() < READ_BYTES {
            self.batch.extend_from_slice(&tail);
        } else {
            self.stream.write_all(&self.batch).await?;
            self.batch.clear();
            self.stream.write_all(&tail).await?;
        }
        Ok(true)
    }

    /// Writes what was gathered.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.batch).await?;
        self.batch.clear();
        self.stream.flush().await
    }

    /// Ends the stream in this direction.
    pub(crate) async fn close(mut self) -> io::Result<()> {
        self.flush().await?;
        self.stream.close().await
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::io::Cursor;

    use super::*;

    #[test]
    fn stream_cut_anywhere_ends_in_an_error_and_not_in_a_message() {
        let mut bytes = BytesMut::new();
        wire::encode(
            Message::Members {
                addrs: vec!["/ip4/1.2.3.4/tcp/9".into()],
            },
            &mut bytes,
        )
        .unwrap();
        for cut in 0..bytes.len() {
            let error =
                block_on(FrameReader::new(Cursor::new(&bytes[..cut])).next(|| ())).unwrap_err();
            assert!(matches!(error, ReadError::Io(_)), "{cut}: {error}");
        }
        assert!(block_on(FrameReader::new(Cursor::new(&bytes[..])).next(|| ())).is_ok());
    }
}
