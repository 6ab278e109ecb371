//! The fleet: encrypted links between members, who asks the origin, and who holds the answer already.
//!
//! A [`Mesh`] is one member. It listens, dials the members it knows, learns of others from them, and implements
//! [`Peers`](cache_core::port::Peers) for the cache: an ask goes to the owner of the question, which answers with an
//! entry, grants the right to ask the origin to one member, or lets the others wait for what that one gets.
//! Envelopes are opaque bytes here; what they hold, and for whom they are sealed, is not this crate's business.
//!
//! ```no_run
//! # async fn example(runtime: std::sync::Arc<dyn cache_core::port::Runtime>) -> Result<(), cache_p2p::StartError> {
//! use cache_p2p::{Listen, Mesh, MeshConfig};
//!
//! let mut config = MeshConfig::new([7; 32], [9; 32]);
//! config.listen = Listen::PortOrNext(9000);
//! config.bootstrap = vec!["/dns/runners.example/tcp/9000".to_owned()];
//! let mesh = Mesh::start(config, runtime).await?;
//! println!("{} listens on {:?}", mesh.peer_id(), mesh.addrs());
//! mesh.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! **Invariant:** correctness never depends on the fleet. Two members that disagree about the owner ask the origin
//! twice; they never get a wrong answer.
//! **Invariant:** decisions are made by state machines without sockets, tasks or clocks (`node` and below); what does
//! I/O (`network`, `session`) decides nothing.

mod address;
mod asks;
mod config;
pub mod defaults;
mod demotion;
mod dialer;
mod frame;
mod held;
mod lease;
mod lock;
mod mesh;
mod message;
mod metrics;
mod moment;
mod network;
mod node;
mod peer_id;
mod rank;
mod session;
mod shared;
mod swarm;
mod wire;

pub use address::StartError;
pub use asks::AloneReason;
pub use config::{Listen, MeshConfig};
pub use mesh::Mesh;
pub use metrics::MeshMetrics;
pub use peer_id::{ParsePeerIdError, PeerId};
pub use shared::PeerInfo;
