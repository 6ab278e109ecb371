//! The wire form of messages: the one place that names bincode.
//!
//! A frame is `length (u32) ‖ head length (u16) ‖ head ‖ tail`, all big-endian, where length counts what follows it.
//! The head is a message in bincode with fixed-width integers; the tail is an envelope, verbatim, and empty for
//! messages without one.
//!
//! **Invariant:** no bytes make the decoder panic, or allocate more than the frame's own length.

use std::time::Duration;

use bincode::config::{BigEndian, Configuration, Fixint, Limit};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use cache_core::port::{LeaseKey, Sealed, WireKey};
use cache_core::{Audience, Timestamp};
use serde::{Deserialize, Serialize};

use crate::defaults::{MAX_ENVELOPE_BYTES, MAX_HEAD_BYTES};
use crate::message::{Answer, AskId, FencingToken, Hello, Message, Outcome};

/// The version of the exchange that this build speaks, and the oldest it understands.
pub(crate) const VERSIONS: (u16, u16) = (1, 1);

/// Bytes before the head.
pub(crate) const PREFIX_BYTES: usize = 6;

const HEAD_LIMIT: usize = MAX_HEAD_BYTES - 1;
const CONFIG: Configuration<BigEndian, Fixint, Limit<HEAD_LIMIT>> = bincode::config::standard()
    .with_big_endian()
    .with_fixed_int_encoding()
    .with_limit::<HEAD_LIMIT>();

/// Why a frame was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the frame is too long")]
    TooLong,
    #[error("the frame's lengths contradict each other")]
    BadLengths,
    #[error("the frame's head is not a message")]
    BadHead,
    #[error("the message has an envelope where none belongs, or lacks one")]
    BadTail,
    #[error("the message does not belong there")]
    OutOfPlace,
}

/// Lengths of one frame, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lengths {
    pub(crate) head: usize,
    pub(crate) tail: usize,
}

/// The head of a frame. Only ever appended to; a changed meaning is a new version.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Head {
    Hello {
        version: u16,
        oldest_version: u16,
        incarnation: u64,
        agent: String,
        addrs: Vec<String>,
    },
    Ask {
        id: u64,
        key: Key,
        fresh_since_ms: u64,
        only_if_held: bool,
    },
    Withdraw {
        id: u64,
    },
    Found {
        id: u64,
        created_ms: u64,
    },
    Granted {
        id: u64,
        token: Token,
        valid_for_ms: u64,
    },
    Waiting {
        id: u64,
    },
    Told {
        id: u64,
        outcome: Told,
    },
    Alone {
        id: u64,
    },
    Fill {
        token: Token,
        key: Key,
        outcome: Told,
    },
    Offer {
        key: Key,
        created_ms: u64,
    },
    Keepalive,
    Members {
        addrs: Vec<String>,
    },
    Goodbye,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Told {
    Entry { created_ms: u64 },
    EachForItself,
    Failed,
    GivenBack,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Key {
    audience: [u8; 16],
    wire_key: [u8; 32],
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Token {
    incarnation: u64,
    counter: u64,
}

/// Appends the frame of `message` to `out`, but for its tail, which is returned to be written after it.
///
/// `None` when the message is too long for a frame; `out` is then unchanged.
pub(crate) fn encode(message: Message, out: &mut BytesMut) -> Option<Bytes> {
    let (head, tail) = to_wire(message);
    let head = bincode::serde::encode_to_vec(&head, CONFIG).ok()?;
    let head_len = u16::try_from(head.len()).ok()?;
    if tail.len() > MAX_ENVELOPE_BYTES {
        return None;
    }
    let length = u32::try_from(2 + head.len() + tail.len()).ok()?;
    out.put_u32(length);
    out.put_u16(head_len);
    out.put_slice(&head);
    Some(tail)
}

/// Reads the lengths of a frame from its first bytes.
pub(crate) fn lengths(prefix: [u8; PREFIX_BYTES]) -> Result<Lengths, Refused> {
    let mut prefix = &prefix[..];
    let length = usize::try_from(prefix.get_u32()).map_err(|_| Refused::TooLong)?;
    let head = usize::from(prefix.get_u16());
    let tail = length.checked_sub(2 + head).ok_or(Refused::BadLengths)?;
    if tail > MAX_ENVELOPE_BYTES {
        return Err(Refused::TooLong);
    }
    Ok(Lengths { head, tail })
}

/// Reads the head of a frame whose tail has `tail_len` bytes. The message is complete only with
/// [`PartialMessage::with_tail`].
pub(crate) fn decode_head(head: &[u8], tail_len: usize) -> Result<PartialMessage, Refused> {
    let (decoded, used): (Head, usize) =
        bincode::serde::decode_from_slice(head, CONFIG).map_err(|_| Refused::BadHead)?;
    if used != head.len() {
        return Err(Refused::BadHead);
    }
    if decoded.has_tail() != (tail_len > 0) {
        return Err(Refused::BadTail);
    }
    Ok(PartialMessage(decoded))
}

/// A message whose envelope has not arrived yet.
#[derive(Debug)]
pub(crate) struct PartialMessage(Head);

impl PartialMessage {
    /// Returns the message with its envelope.
    pub(crate) fn with_tail(self, tail: Bytes) -> Message {
        from_wire(self.0, tail)
    }
}

impl Head {
    fn has_tail(&self) -> bool {
        match self {
            Self::Found { .. } | Self::Offer { .. } => true,
            Self::Told { outcome, .. } | Self::Fill { outcome, .. } => {
                matches!(outcome, Told::Entry { .. })
            }
            _ => false,
        }
    }
}

fn to_wire(message: Message) -> (Head, Bytes) {
    let head = match message {
        Message::Hello(Hello {
            version,
            oldest_version,
            incarnation,
            agent,
            addrs,
        }) => Head::Hello {
            version,
            oldest_version,
            incarnation,
            agent,
            addrs,
        },
        Message::Ask {
            id,
            key,
            fresh_since,
            only_if_held,
        } => Head::Ask {
            id: id.0,
            key: key.into(),
            fresh_since_ms: fresh_since.as_millis(),
            only_if_held,
        },
        Message::Withdraw { id } => Head::Withdraw { id: id.0 },
        Message::Answer {
            id: AskId(id),
            answer,
        } => match answer {
            Answer::Found(sealed) => {
                return (
                    Head::Found {
                        id,
                        created_ms: sealed.created_at.as_millis(),
                    },
                    sealed.envelope,
                );
            }
            Answer::Granted { token, valid_for } => Head::Granted {
                id,
                token: token.into(),
                valid_for_ms: u64::try_from(valid_for.as_millis()).unwrap_or(u64::MAX),
            },
            Answer::Waiting => Head::Waiting { id },
            Answer::Told(outcome) => {
                let (outcome, tail) = told(outcome);
                return (Head::Told { id, outcome }, tail);
            }
            Answer::Alone => Head::Alone { id },
        },
        Message::Fill {
            token,
            key,
            outcome,
        } => {
            let (outcome, tail) = told(outcome);
            return (
                Head::Fill {
                    token: token.into(),
                    key: key.into(),
                    outcome,
                },
                tail,
            );
        }
        Message::Offer { key, sealed } => {
            return (
                Head::Offer {
                    key: key.into(),
                    created_ms: sealed.created_at.as_millis(),
                },
                sealed.envelope,
            );
        }
        Message::Keepalive => Head::Keepalive,
        Message::Members { addrs } => Head::Members { addrs },
        Message::Goodbye => Head::Goodbye,
    };
    (head, Bytes::new())
}

fn from_wire(head: Head, tail: Bytes) -> Message {
    let answer = |id, answer| Message::Answer {
        id: AskId(id),
        answer,
    };
    match head {
        Head::Hello {
            version,
            oldest_version,
            incarnation,
            agent,
            addrs,
        } => Message::Hello(Hello {
            version,
            oldest_version,
            incarnation,
            agent,
            addrs,
        }),
        Head::Ask {
            id,
            key,
            fresh_since_ms,
            only_if_held,
        } => Message::Ask {
            id: AskId(id),
            key: key.into(),
            fresh_since: Timestamp::from_millis(fresh_since_ms),
            only_if_held,
        },
        Head::Withdraw { id } => Message::Withdraw { id: AskId(id) },
        Head::Found { id, created_ms } => answer(id, Answer::Found(sealed(tail, created_ms))),
        Head::Granted {
            id,
            token,
            valid_for_ms,
        } => {
            let valid_for = Duration::from_millis(valid_for_ms);
            answer(
                id,
                Answer::Granted {
                    token: token.into(),
                    valid_for,
                },
            )
        }
        Head::Waiting { id } => answer(id, Answer::Waiting),
        Head::Told { id, outcome } => answer(id, Answer::Told(outcome_of(outcome, tail))),
        Head::Alone { id } => answer(id, Answer::Alone),
        Head::Fill {
            token,
            key,
            outcome,
        } => Message::Fill {
            token: token.into(),
            key: key.into(),
            outcome: outcome_of(outcome, tail),
        },
        Head::Offer { key, created_ms } => Message::Offer {
            key: key.into(),
            sealed: sealed(tail, created_ms),
        },
        Head::Keepalive => Message::Keepalive,
        Head::Members { addrs } => Message::Members { addrs },
        Head::Goodbye => Message::Goodbye,
    }
}

fn told(outcome: Outcome) -> (Told, Bytes) {
    match outcome {
        Outcome::Entry(sealed) => (
            Told::Entry {
                created_ms: sealed.created_at.as_millis(),
            },
            sealed.envelope,
        ),
        Outcome::EachForItself => (Told::EachForItself, Bytes::new()),
        Outcome::Failed => (Told::Failed, Bytes::new()),
        Outcome::GivenBack => (Told::GivenBack, Bytes::new()),
    }
}

fn outcome_of(told: Told, tail: Bytes) -> Outcome {
    match told {
        Told::Entry { created_ms } => Outcome::Entry(sealed(tail, created_ms)),
        Told::EachForItself => Outcome::EachForItself,
        Told::Failed => Outcome::Failed,
        Told::GivenBack => Outcome::GivenBack,
    }
}

fn sealed(envelope: Bytes, created_ms: u64) -> Sealed {
    Sealed {
        envelope,
        created_at: Timestamp::from_millis(created_ms),
    }
}

impl From<LeaseKey> for Key {
    fn from(key: LeaseKey) -> Self {
        Self {
            audience: *key.audience.as_bytes(),
            wire_key: key.wire_key.0,
        }
    }
}

impl From<Key> for LeaseKey {
    fn from(key: Key) -> Self {
        Self {
            audience: Audience::from_bytes(key.audience),
            wire_key: WireKey(key.wire_key),
        }
    }
}

impl From<FencingToken> for Token {
    fn from(token: FencingToken) -> Self {
        Self {
            incarnation: token.incarnation,
            counter: token.counter,
        }
    }
}

impl From<Token> for FencingToken {
    fn from(token: Token) -> Self {
        Self {
            incarnation: token.incarnation,
            counter: token.counter,
        }
    }
}

#[cfg(test)]
mod tests;
