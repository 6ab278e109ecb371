//! Sealing: keyed hashes and envelopes.

use bytes::Bytes;

use super::WireKey;
use crate::{Audience, Credential, Entry, Question, Timestamp};

/// For whom an entry that leaves the node is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Every node that has the fleet's secret.
    Fleet,
    /// Only nodes that also hold the credential it was fetched with.
    Credential,
}

/// An entry in the form in which it leaves the node.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The envelope. Opaque to whoever carries it.
    pub envelope: Bytes,
    /// When the request left whose answer showed the body to be current; the same instant stands in the envelope.
    pub created_at: Timestamp,
}

/// Why an envelope was not opened. A miss and a counter, never an error to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages are the docs")]
pub enum Rejected {
    #[error("the envelope is too large")]
    TooLarge,
    #[error("the envelope is cut short or has bytes left over")]
    Malformed,
    #[error("the envelope has a version, suite or flag unknown here")]
    UnknownVersion,
    #[error("the envelope is of another fleet")]
    OtherFleet,
    #[error("the envelope answers another question")]
    OtherQuestion,
    #[error("the envelope was created in the future")]
    FutureDated,
    #[error("the envelope's signature does not hold")]
    BadSignature,
    #[error("the envelope is sealed for a credential that is not at hand")]
    NotForUs,
    #[error("the envelope does not decrypt")]
    Forged,
    #[error("the envelope's content does not decompress within its limit")]
    Bomb,
    #[error("the envelope's content is not an entry")]
    BadPayload,
    #[error("the envelope's body does not have its content id")]
    WrongBody,
    #[error("the envelope's sender does not hold the credential it claims")]
    NoPossession,
}

/// Keyed hashes and envelopes. Pure computation, a few microseconds for a small entry; called inline.
pub trait Sealer: Send + Sync + 'static {
    /// Returns the audience of `credential`: the same for the same token on every node of the fleet.
    fn audience(&self, credential: &Credential) -> Audience;

    /// Returns the name under which the fleet knows `question`, which tells a stranger nothing about it.
    fn wire_key(&self, question: &Question) -> WireKey;

    /// Seals `entry`, which answered `question` for `credential`. `None` when it may not or cannot leave the node
    /// (no fleet, too large).
    fn seal(
        &self,
        question: &Question,
        credential: &Credential,
        entry: &Entry,
        readers: Readers,
    ) -> Option<Sealed>;

    /// Opens an envelope that a peer gave for `question` asked with `credential`, as of `now`.
    ///
    /// The entry that comes back belongs to the audience of `credential`: an envelope labelled with another audience
    /// is [`Rejected::NotForUs`].
    fn open(
        &self,
        envelope: &[u8],
        question: &Question,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<Entry, Rejected>;
}
