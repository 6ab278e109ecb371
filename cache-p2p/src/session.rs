//! One exchange stream: hellos, then messages both ways until one side has enough.

use std::io;
use std::sync::Arc;

use futures::io::{AsyncReadExt, ReadHalf, WriteHalf};
use libp2p::Stream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::debug;

use crate::address::parse_told;
use crate::defaults::{
    HANDSHAKE_TIMEOUT, MAX_ADDRS_PER_MEMBER, MAX_AGENT_BYTES, SEND_QUEUE, WRITE_BATCH_BYTES,
    WRITE_TIMEOUT,
};
use crate::frame::{FrameReader, FrameWriter, ReadError};
use crate::message::{Hello, Message};
use crate::shared::{PeerInfo, Shared};
use crate::wire::{Refused, VERSIONS};
use crate::{PeerId, metrics};

/// Which side opened the stream: the member with the smaller name does, whoever dialed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Opener,
    Acceptor,
}

/// Why a session ended, or did not begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error("no hello in time")]
    NoHello,
    #[error("the other side speaks versions {oldest} to {newest}")]
    OtherVersion { oldest: u16, newest: u16 },
    #[error("a write took too long")]
    SlowReader,
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the stream broke")]
    Io(#[from] io::Error),
}

/// The peer at the other end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remote {
    pub(crate) peer: PeerId,
    /// Whether it is on this machine.
    pub(crate) is_loopback: bool,
}

/// Runs a session to its end. `Ok` when one side said goodbye, or this node replaced or stopped the link.
pub(crate) async fn run(
    shared: &Arc<Shared>,
    remote: Remote,
    stream: Stream,
    side: Side,
) -> Result<(), SessionError> {
    let (reader, writer) = stream.split();
    let mut reader = FrameReader::new(reader);
    let mut writer = FrameWriter::new(writer);
    // Streams that arrive together may be dropped without a word, so a stream counts only after a round trip.
    let hello = timeout(
        HANDSHAKE_TIMEOUT,
        exchange_hellos(shared, remote, &mut reader, &mut writer, side),
    )
    .await
    .map_err(|_| SessionError::NoHello)?
    .inspect_err(|error| count_refused(shared, remote, error))?;
    let (queue, messages) = mpsc::channel(SEND_QUEUE);
    let link = LinkGuard {
        shared,
        peer: remote.peer,
        generation: shared.link_up(info(shared, remote.peer, hello), remote.is_loopback, queue),
    };
    let ended = tokio::select! {
        read = read(shared, remote.peer, &mut reader) => read,
        written = write(writer, messages) => written,
    };
    drop(link);
    ended.inspect_err(|error| count_refused(shared, remote, error))
}

/// Takes the link down also when the task is aborted or panics.
struct LinkGuard<'a> {
    shared: &'a Shared,
    peer: PeerId,
    generation: u64,
}

impl Drop for LinkGuard<'_> {
    fn drop(&mut self) {
        self.shared.link_down(self.peer, self.generation);
    }
}

async fn exchange_hellos(
    shared: &Shared,
    remote: Remote,
    reader: &mut FrameReader<ReadHalf<Stream>>,
    writer: &mut FrameWriter<WriteHalf<Stream>>,
    side: Side,
) -> Result<Hello, SessionError> {
    if side == Side::Opener {
        say_hello(shared, remote, writer).await?;
    }
    let Message::Hello(hello) = reader.next(|| ()).await? else {
        return Err(ReadError::Refused(Refused::OutOfPlace).into());
    };
    if hello.oldest_version > VERSIONS.0 || hello.version < VERSIONS.1 {
        return Err(SessionError::OtherVersion {
            oldest: hello.oldest_version,
            newest: hello.version,
        });
    }
    if side == Side::Acceptor {
        say_hello(shared, remote, writer).await?;
    }
    Ok(hello)
}

async fn say_hello(
    shared: &Shared,
    remote: Remote,
    writer: &mut FrameWriter<WriteHalf<Stream>>,
) -> Result<(), SessionError> {
    writer
        .add(Message::Hello(shared.hello(remote.is_loopback)))
        .await?;
    writer.flush().await?;
    Ok(())
}

/// Returns what is believed of a hello: addresses of the sender itself, within bounds.
fn info(shared: &Shared, peer: PeerId, hello: Hello) -> PeerInfo {
    let Hello {
        mut agent, addrs, ..
    } = hello;
    agent.truncate(agent.floor_char_boundary(MAX_AGENT_BYTES));
    agent.retain(|c| !c.is_control());
    let mut addrs: Vec<_> = addrs
        .into_iter()
        .filter(|addr| parse_told(addr).is_some_and(|(of, _)| of == peer))
        .collect();
    addrs.truncate(MAX_ADDRS_PER_MEMBER);
    PeerInfo {
        peer_id: peer,
        addrs,
        rtt: None,
        agent,
        since: shared.runtime.now(),
    }
}

async fn read(
    shared: &Shared,
    from: PeerId,
    reader: &mut FrameReader<ReadHalf<Stream>>,
) -> Result<(), SessionError> {
    loop {
        match reader.next(|| shared.transferring(from)).await? {
            Message::Hello(_) => return Err(ReadError::Refused(Refused::OutOfPlace).into()),
            Message::Members { addrs } => shared.told_of(addrs),
            Message::Goodbye => return Ok(()),
            message => shared.received(from, message),
        }
    }
}

/// Writes what is queued, in batches, until the queue is closed and empty.
async fn write(
    mut writer: FrameWriter<WriteHalf<Stream>>,
    mut messages: mpsc::Receiver<Message>,
) -> Result<(), SessionError> {
    while let Some(first) = messages.recv().await {
        let batch = async {
            writer.add(first).await?;
            while writer.pending_bytes() < WRITE_BATCH_BYTES {
                let Ok(message) = messages.try_recv() else {
                    break;
                };
                writer.add(message).await?;
            }
            writer.flush().await
        };
        timeout(WRITE_TIMEOUT, batch)
            .await
            .map_err(|_| SessionError::SlowReader)??;
    }
    timeout(WRITE_TIMEOUT, writer.close())
        .await
        .map_err(|_| SessionError::SlowReader)??;
    Ok(())
}

fn count_refused(shared: &Shared, remote: Remote, error: &SessionError) {
    if let SessionError::Read(ReadError::Refused(reason)) = error {
        debug!(peer = %remote.peer, %reason, "frame refused");
        metrics::Counters::refused(&shared.counters, *reason);
    }
}
