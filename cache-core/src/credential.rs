//! The credential of one request.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

/// What a request proves itself with: nothing, or the value of an `Authorization` header.
///
/// Cheap to clone. The bytes are wiped when the last clone drops, and no `Debug` or `Display` shows them.
#[derive(Clone)]
pub struct Credential(Option<Arc<Secret>>);

struct Secret {
    /// The whole value to send upstream, scheme included.
    authorization: Zeroizing<Vec<u8>>,
    /// SHA-256 of the token alone, whatever scheme carried it.
    fingerprint: [u8; 32],
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.fingerprint.zeroize();
    }
}

impl Credential {
    /// Returns the absence of a credential.
    pub const fn anonymous() -> Self {
        Self(None)
    }

    /// Returns a credential that identifies itself by `token` and is sent upstream as `authorization`.
    ///
    /// Two credentials with the same `token` are the same credential, whatever scheme carried it.
    pub fn new(token: &[u8], authorization: Vec<u8>) -> Self {
        Self(Some(Arc::new(Secret {
            authorization: Zeroizing::new(authorization),
            fingerprint: Sha256::digest(token).into(),
        })))
    }

    /// Tells whether there is no credential.
    pub fn is_anonymous(&self) -> bool {
        self.0.is_none()
    }

    /// Returns SHA-256 of the token, or `None` for an anonymous request. It is as secret as the token.
    pub fn fingerprint(&self) -> Option<&[u8; 32]> {
        self.0.as_ref().map(|secret| &secret.fingerprint)
    }

    /// Returns the `Authorization` value to send upstream, marked sensitive.
    ///
    /// `None` for an anonymous request, and for bytes that no header may carry.
    pub fn authorization(&self) -> Option<HeaderValue> {
        let secret = self.0.as_ref()?;
        let mut value = HeaderValue::from_bytes(&secret.authorization).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_anonymous() {
            "Credential(anonymous)"
        } else {
            "Credential(redacted)"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_token() {
        let credential = Credential::new(b"ghp_canary", b"Bearer ghp_canary".to_vec());
        let shown = format!("{credential:?} {:?}", credential.authorization());
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn the_scheme_is_no_part_of_the_identity() {
        let bearer = Credential::new(b"t", b"Bearer t".to_vec());
        let token = Credential::new(b"t", b"token t".to_vec());
        assert_eq!(bearer.fingerprint(), token.fingerprint());
    }
}
