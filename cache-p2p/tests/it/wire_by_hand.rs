//! A member written from the protocol's description, without this crate's code: it says what honest ones never do.

use futures::io::{AsyncReadExt, AsyncWriteExt};
use futures::{FutureExt, StreamExt};
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::swarm::{self, Swarm};
use libp2p::{Stream, StreamProtocol, Transport, noise, tcp, yamux};
use tokio::task::JoinHandle;

use crate::fleet::PROLOGUE;
use cache_p2p::{Mesh, PeerId};

/// A stand-in with an exchange stream to a member.
pub(crate) struct StandIn {
    pub(crate) peer_id: PeerId,
    pub(crate) stream: Stream,
    swarm: JoinHandle<()>,
}

impl StandIn {
    /// Connects to `mesh`, and exchanges hellos.
    pub(crate) async fn join(mesh: &Mesh) -> Self {
        // The member with the smaller name opens the stream; the stand-in is that one.
        let smaller = |keypair: &Keypair| name(keypair) < mesh.peer_id();
        let keypair = (0..=255_u8)
            .map(|seed| Keypair::ed25519_from_bytes([seed; 32]).unwrap())
            .find(smaller)
            .expect("one of 256 names is smaller");
        let peer_id = name(&keypair);
        let noise = noise::Config::new(&keypair)
            .unwrap()
            .with_prologue(PROLOGUE.to_vec());
        let transport = tcp::tokio::Transport::default()
            .upgrade(Version::V1Lazy)
            .authenticate(noise)
            .multiplex(yamux::Config::default())
            .boxed();
        let behaviour = libp2p_stream::Behaviour::new();
        let mut control = behaviour.new_control();
        let local = keypair.public().to_peer_id();
        let mut swarm = Swarm::new(
            transport,
            behaviour,
            local,
            swarm::Config::with_tokio_executor(),
        );
        let addr: libp2p::Multiaddr = mesh.addrs()[0].parse().unwrap();
        swarm.dial(addr).unwrap();
        let swarm = tokio::spawn(async move {
            loop {
                swarm.select_next_some().map(drop).await;
            }
        });
        let remote = mesh.peer_id().to_string().parse().unwrap();
        let mut stream = control
            .open_stream(remote, StreamProtocol::new("/gh-mesh/exchange/1"))
            .await
            .unwrap();
        stream.write_all(&hello()).await.unwrap();
        stream.flush().await.unwrap();
        let mut prefix = [0; 10];
        stream.read_exact(&mut prefix).await.unwrap();
        let length = u32::from_be_bytes(prefix[..4].try_into().unwrap());
        assert_eq!(prefix[6..], [0; 4], "the answer to a hello is a hello");
        let mut rest = vec![0; usize::try_from(length).unwrap() - 6];
        stream.read_exact(&mut rest).await.unwrap();
        Self {
            peer_id,
            stream,
            swarm,
        }
    }

    /// Sends `bytes` as they are.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Reads until the other side ends the stream.
    pub(crate) async fn is_hung_up_on(&mut self) {
        let mut rest = Vec::new();
        // A reset is an end as well.
        let _ = self.stream.read_to_end(&mut rest).await;
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.swarm.abort();
    }
}

fn name(keypair: &Keypair) -> PeerId {
    keypair.public().to_peer_id().to_string().parse().unwrap()
}

/// A frame with `head` and `tail`.
pub(crate) fn frame(head: &[u8], tail: &[u8]) -> Vec<u8> {
    let length = u32::try_from(2 + head.len() + tail.len()).unwrap();
    let mut frame = length.to_be_bytes().to_vec();
    frame.extend(u16::try_from(head.len()).unwrap().to_be_bytes());
    frame.extend(head);
    frame.extend(tail);
    frame
}

/// Message 0, version 1 to 1, incarnation 5, agent `by hand`, no addresses.
pub(crate) fn hello() -> Vec<u8> {
    let mut head = 0_u32.to_be_bytes().to_vec();
    head.extend(1_u16.to_be_bytes());
    head.extend(1_u16.to_be_bytes());
    head.extend(5_u64.to_be_bytes());
    head.extend(7_u64.to_be_bytes());
    head.extend(b"by hand");
    head.extend(0_u64.to_be_bytes());
    frame(&head, &[])
}
