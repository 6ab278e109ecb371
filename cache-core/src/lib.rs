//! The heart of gh-mesh: what is asked, who asks, what is stored, and whether it may be used.
//!
//! Nothing here does I/O or knows about GitHub. Clocks, sleeping and spawning come through
//! [`port::Runtime`]; the origin, the disk, the fleet and the ciphers through the other ports.
//!
//! A request goes question → memory → disk → single flight → fleet → origin, and [`Cache`] is that way:
//!
//! ```
//! use cache_core::{Credential, Question};
//! use http::Method;
//!
//! let question = Question::builder(Method::GET, "api.github.com", "/repos/octocat/hello-world").build();
//! assert_eq!(question.target(), "/repos/octocat/hello-world");
//! assert!(Credential::anonymous().is_anonymous());
//! ```
//!
//! **Invariant:** an entry is reachable only through a [`CacheKey`], and a key holds the [`Audience`], so no code path can
//! forget to check who asks. The one look-up by question alone finds bodies to ask the origin about: whoever asks is
//! answered with one only after the origin's 304 to that very credential (proof of access).

mod audience;
mod body_id;
mod cache;
mod cache_status;
mod counters;
mod credential;
mod entry;
#[cfg(any(test, feature = "test-support"))]
pub mod fakes;
mod flight;
mod freshness;
mod key;
mod memory;
pub mod port;
mod question;
mod tag;
mod timestamp;

pub use audience::Audience;
pub use body_id::BodyId;
pub use cache::{
    Answer, Cache, CacheConfig, Directives, LookupError, Ports, Query, StatedLifetime, StoredAnswer,
};
pub use cache_status::{Forward, HitFrom, Outcome};
pub use counters::Stats;
pub use credential::Credential;
pub use entry::{Entry, Source};
pub use freshness::{Freshness, Lifetimes, freshness};
pub use key::CacheKey;
pub use question::{Question, QuestionBuilder, QuestionDigest};
pub use tag::Tag;
pub use timestamp::Timestamp;
