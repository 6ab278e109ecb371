//! Cache keys: a question and who asks it.

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::{Audience, Question, QuestionDigest};

/// What an entry is found by: the digest of the question, and the audience.
///
/// Small and `Copy`; both halves are hashes, so its [`Hash`] feeds only eight bytes of each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CacheKey {
    question: QuestionDigest,
    audience: Audience,
}

impl CacheKey {
    /// Returns the key of `question` for `audience`.
    pub fn new(question: &Question, audience: Audience) -> Self {
        Self {
            question: question.digest(),
            audience,
        }
    }

    /// Returns the key made of parts read back from storage.
    pub const fn from_parts(question: QuestionDigest, audience: Audience) -> Self {
        Self { question, audience }
    }

    /// Returns the digest of the question.
    pub const fn question(&self) -> QuestionDigest {
        self.question
    }

    /// Returns the audience.
    pub const fn audience(&self) -> Audience {
        self.audience
    }
}

impl Hash for CacheKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.question.as_bytes()[..8]);
        state.write(&self.audience.as_bytes()[..8]);
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheKey({:?} for {})", self.question, self.audience)
    }
}
