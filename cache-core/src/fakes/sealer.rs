//! A sealer without ciphers: audiences are plain hashes, envelopes are numbers.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::port::{Readers, Rejected, Sealed, Sealer, WireKey};
use crate::{Audience, CacheKey, Credential, Entry, Question, Timestamp};

/// Seals by remembering: an envelope is the number of the entry it stands for. Nodes of one fleet share one.
#[derive(Debug, Default)]
pub struct FakeSealer {
    sealed: Mutex<Vec<(CacheKey, Entry)>>,
    n_opened: AtomicU64,
}

impl FakeSealer {
    /// Returns how many envelopes were opened, or tried.
    pub fn n_opened(&self) -> u64 {
        self.n_opened.load(SeqCst)
    }

    /// Returns how many envelopes were made.
    pub fn n_sealed(&self) -> usize {
        self.sealed.lock().len()
    }

    /// Returns an envelope that does not open.
    pub fn forged(created_at: Timestamp) -> Sealed {
        Sealed {
            envelope: Bytes::from_static(b"forged"),
            created_at,
        }
    }
}

impl Sealer for FakeSealer {
    /// The first half of the fingerprint.
    fn audience(&self, credential: &Credential) -> Audience {
        let Some(fingerprint) = credential.fingerprint() else {
            return Audience::ANONYMOUS;
        };
        let mut bytes = [0; Audience::LEN];
        bytes.copy_from_slice(&fingerprint[..Audience::LEN]);
        Audience::from_bytes(bytes)
    }

    fn wire_key(&self, question: &Question) -> WireKey {
        WireKey(*question.digest().as_bytes())
    }

    fn seal(
        &self,
        question: &Question,
        credential: &Credential,
        entry: &Entry,
        _: Readers,
    ) -> Option<Sealed> {
        let key = CacheKey::new(question, self.audience(credential));
        let mut sealed = self.sealed.lock();
        sealed.push((key, entry.clone()));
        Some(Sealed {
            envelope: Bytes::copy_from_slice(&sealed.len().to_be_bytes()),
            created_at: entry.requested_at,
        })
    }

    fn open(
        &self,
        envelope: &[u8],
        question: &Question,
        credential: &Credential,
        _: Timestamp,
    ) -> Result<Entry, Rejected> {
        self.n_opened.fetch_add(1, SeqCst);
        let n = envelope.try_into().map(usize::from_be_bytes);
        let n = n.map_err(|_| Rejected::Forged)?;
        let sealed = self.sealed.lock();
        let (key, entry) = sealed.get(n.wrapping_sub(1)).ok_or(Rejected::Forged)?;
        if key.question() != question.digest() {
            return Err(Rejected::OtherQuestion);
        }
        if key.audience() != self.audience(credential) {
            return Err(Rejected::NotForUs);
        }
        Ok(entry.clone())
    }
}
