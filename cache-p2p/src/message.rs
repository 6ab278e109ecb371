//! What members say to each other.

use std::time::Duration;

use cache_core::Timestamp;
use cache_core::port::{LeaseKey, Sealed};

/// The number of an ask, chosen by the asker and repeated by every answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct AskId(pub(crate) u64);

/// What tells one lease from every other: its owner's incarnation, and a counter that never repeats within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FencingToken {
    pub(crate) incarnation: u64,
    pub(crate) counter: u64,
}

/// What came of a lease.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Entry(Sealed),
    EachForItself,
    Failed,
    /// The lease was not used: its asker had withdrawn, or leaves.
    GivenBack,
}

/// One message on the exchange stream.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    Hello(Hello),
    Ask {
        id: AskId,
        key: LeaseKey,
        fresh_since: Timestamp,
        only_if_held: bool,
    },
    Withdraw {
        id: AskId,
    },
    Answer {
        id: AskId,
        answer: Answer,
    },
    Fill {
        token: FencingToken,
        key: LeaseKey,
        outcome: Outcome,
    },
    Offer {
        key: LeaseKey,
        sealed: Sealed,
    },
    Keepalive,
    Members {
        addrs: Vec<String>,
    },
    Goodbye,
}

/// What an owner says to an ask.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Held, and new enough. Final.
    Found(Sealed),
    /// The asker is to ask the origin. Final, and to be followed by a fill.
    Granted {
        token: FencingToken,
        valid_for: Duration,
    },
    /// Somebody else asks already; another answer follows.
    Waiting,
    /// What came of the lease that was waited for. Final.
    Told(Outcome),
    /// The asker is on its own. Final.
    Alone,
}

/// The first message in each direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    /// The newest version of the exchange that the sender speaks.
    pub(crate) version: u16,
    /// The oldest.
    pub(crate) oldest_version: u16,
    /// Drawn anew at each start.
    pub(crate) incarnation: u64,
    /// What the sender calls itself.
    pub(crate) agent: String,
    /// Where the sender can be dialed, each ending in `/p2p/…`.
    pub(crate) addrs: Vec<String>,
}
