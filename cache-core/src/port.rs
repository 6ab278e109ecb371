//! Ports: what the cache needs from the outside, each a trait that an adapter implements.
//!
//! A failing port costs a warning and a trip to the origin, never the request. A miss, a stale copy or a refused
//! lease is a variant of the answer; `Err` means that the question could not be asked.

mod error;
mod origin;
mod peers;
mod runtime;
mod sealer;
mod store;

pub use error::{BoxError, PortError, PortErrorKind};
pub use origin::{Disposition, Origin, OriginAnswer, OriginRequest, StreamedBody, Validator};
pub use peers::{Ask, Lease, LeaseKey, NoPeers, Peers, Settled, Verdict, WireKey};
pub use runtime::{BoxFuture, Runtime};
pub use sealer::{Readers, Rejected, Sealed, Sealer};
pub use store::{NoStore, Store, StoreUsage};
