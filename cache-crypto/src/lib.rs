//! What leaves a node of gh-mesh, and how it is protected: fleet keys, identities and sealed envelopes.
//!
//! The only crate that names a cipher. It knows nothing of GitHub, of sockets or of clocks: every instant is an
//! argument. Its main face is [`FleetSealer`], the [`Sealer`](cache_core::port::Sealer) of a node.
//!
//! ```
//! use std::sync::Arc;
//!
//! use bytes::Bytes;
//! use cache_core::port::{Readers, Sealer};
//! use cache_core::{Credential, Entry, Question, Source, Timestamp};
//! use cache_crypto::{FleetKeys, FleetSealer, Identity, generate_secret};
//! use http::{HeaderMap, Method, StatusCode};
//!
//! let keys = Arc::new(FleetKeys::from_secret(&generate_secret())?);
//! let now = Timestamp::from_millis(1_700_000_000_000);
//! let sealer = FleetSealer::new(keys, Identity::generate(), now);
//!
//! let question = Question::builder(Method::GET, "api.github.com", "/repos/octocat/hello-world").build();
//! let credential = Credential::new(b"token", b"Bearer token".to_vec());
//! let body = Bytes::from_static(b"{}");
//! let entry = Entry::new(StatusCode::OK, HeaderMap::new(), body, now, now, Source::Origin);
//!
//! let sealed = sealer.seal(&question, &credential, &entry, Readers::Credential).expect("small enough to leave");
//! let opened = sealer.open(&sealed.envelope, &question, &credential, now)?;
//! assert_eq!(opened.body(), entry.body());
//!
//! let other = Credential::new(b"other", b"Bearer other".to_vec());
//! assert!(sealer.open(&sealed.envelope, &question, &other, now).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **Invariant:** no general decoder touches bytes that are not authenticated yet. The envelope is parsed by hand;
//! zstd and bincode see only what a member of the fleet signed and sealed, and work within limits even then.

mod compression;
mod envelope;
mod fleet_keys;
mod identity;
mod keyed_hash;
mod payload;
mod reject_counters;
mod row_key;
mod seal_key;
mod sealer;
mod steering;

pub use envelope::{Envelope, MAX_BODY_BYTES, MAX_ENVELOPE_BYTES, MAX_TAG_HASHES, TagHash};
pub use fleet_keys::{
    FleetKeys, KeyError, KeyId, MIN_SECRET_CHARS, SECRET_PREFIX, generate_secret,
};
pub use identity::{Identity, PEER_ID_LEN, PublicKey, SIGNATURE_LEN};
pub use reject_counters::RejectCounters;
pub use row_key::RowKey;
pub use sealer::FleetSealer;
