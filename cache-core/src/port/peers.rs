//! The fleet: who asks the origin, and what others already hold.

use std::fmt;

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::Sealed;
use crate::{Audience, Timestamp};

/// The name of a question on the wire: a keyed hash without the audience.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WireKey(pub [u8; 32]);

impl fmt::Debug for WireKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WireKey(")?;
        self.0[..4]
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…)")
    }
}

/// What a lease is for: one question of one audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseKey {
    /// Whose question.
    pub audience: Audience,
    /// Which question.
    pub wire_key: WireKey,
}

/// A question to the fleet.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What is asked for.
    pub key: LeaseKey,
    /// Only an entry created at or after this instant is an answer.
    pub fresh_since: Timestamp,
    /// Set for a question that must not ask the origin (`only-if-cached`): the fleet then never grants a lease.
    pub only_if_held: bool,
}

/// What the fleet says to an [`Ask`].
#[derive(Debug)]
pub enum Verdict {
    /// A member holds an entry that is new enough.
    Found(Sealed),
    /// The caller is to ask the origin, and to say through the lease what came of it.
    Granted(Lease),
    /// Another member asked the origin meanwhile; this came of it.
    Waited(Settled),
    /// Nobody to ask, nobody answered in time, or nothing is held: the caller is on its own.
    Alone,
}

/// What came of asking the origin, for those who wait.
#[derive(Clone, Debug)]
pub enum Settled {
    /// An entry: fetched, or shown to be current.
    Entry(Sealed),
    /// The answer is nobody else's: each waiting member asks for itself (401, `no-store`, too large, a stream).
    EachForItself,
    /// The origin failed or could not be reached. One waiting member is granted the next try.
    Failed,
}

/// The time-bounded right to ask the origin for the fleet.
///
/// Dropping it unsettled counts as [`Settled::Failed`], so a leader that panics holds nobody up.
#[derive(Debug)]
pub struct Lease {
    settle: Option<oneshot::Sender<Settled>>,
}

impl Lease {
    /// Returns a lease, and what its adapter hears from it: the outcome, or an error when it was dropped.
    pub fn new() -> (Self, oneshot::Receiver<Settled>) {
        let (tx, rx) = oneshot::channel();
        (Self { settle: Some(tx) }, rx)
    }

    /// Says what came of asking the origin. Never blocks; the adapter carries it to those who wait.
    pub fn settle(mut self, outcome: Settled) {
        if let Some(tx) = self.settle.take() {
            // The adapter may have given the lease up (deadline, shutdown): then nobody waits for this.
            let _ = tx.send(outcome);
        }
    }
}

/// The rest of the fleet, as the cache sees it.
#[async_trait]
pub trait Peers: Send + Sync + 'static {
    /// Asks the fleet for `ask`. Never fails: whatever goes wrong is [`Verdict::Alone`], within a bounded time.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future withdraws the question; a lease granted meanwhile is given back.
    async fn ask(&self, ask: Ask) -> Verdict;

    /// Offers an entry that this node fetched without a lease, so that others find it. Never blocks.
    fn offer(&self, key: LeaseKey, sealed: Sealed);

    /// Tells whether asking can be of use now: false costs nothing, and spares sealing what nobody will take.
    fn is_reachable(&self) -> bool;
}

/// No fleet.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPeers;

#[async_trait]
impl Peers for NoPeers {
    async fn ask(&self, _: Ask) -> Verdict {
        Verdict::Alone
    }

    fn offer(&self, _: LeaseKey, _: Sealed) {}

    fn is_reachable(&self) -> bool {
        false
    }
}
