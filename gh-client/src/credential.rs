//! Credentials as requests carry them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use cache_core::Credential;
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// Returns the credential that `headers` carry.
///
/// `token X` and `Bearer X` are the same credential; upstream gets `Bearer`, so that one entity tag fits both. `Basic` is a
/// credential of its own and goes verbatim, since GitHub treats app ids and secrets in it differently from tokens.
pub(crate) fn credential_of(headers: &HeaderMap) -> Credential {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Credential::anonymous();
    };
    let value = value.as_bytes();
    let Some((scheme, rest)) = split_scheme(value) else {
        return Credential::new(value, value.to_vec());
    };
    if scheme.eq_ignore_ascii_case(b"token") || scheme.eq_ignore_ascii_case(b"bearer") {
        return from_token(rest);
    }
    if scheme.eq_ignore_ascii_case(b"basic") {
        // The whole pair identifies the caller: the same password under another user name may be another credential.
        let pair = BASE64.decode(rest).unwrap_or_else(|_| rest.to_vec());
        return Credential::new(&pair, value.to_vec());
    }
    Credential::new(value, value.to_vec())
}

/// Returns the credential of a bare token.
pub(crate) fn from_token(token: &[u8]) -> Credential {
    let mut authorization = Vec::with_capacity(7 + token.len());
    authorization.extend_from_slice(b"Bearer ");
    authorization.extend_from_slice(token);
    Credential::new(token, authorization)
}

fn split_scheme(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = value.iter().position(|byte| *byte == b' ')?;
    let rest = value[at..].trim_ascii();
    (!rest.is_empty()).then_some((&value[..at], rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(value: &str) -> Credential {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        credential_of(&headers)
    }

    #[test]
    fn token_and_bearer_are_one_credential_and_go_upstream_as_bearer() {
        let (token, bearer) = (credential("token ghp_x"), credential("bearer  ghp_x"));
        assert_eq!(token.fingerprint(), bearer.fingerprint());
        assert_eq!(token.authorization().unwrap(), "Bearer ghp_x");
        assert_eq!(bearer.authorization().unwrap(), "Bearer ghp_x");
    }

    #[test]
    fn basic_goes_verbatim_and_is_a_credential_of_its_own() {
        let basic = credential("Basic dXNlcjpnaHBfeA==");
        assert_eq!(basic.authorization().unwrap(), "Basic dXNlcjpnaHBfeA==");
        assert_ne!(basic.fingerprint(), credential("token ghp_x").fingerprint());
    }

    #[test]
    fn no_header_is_anonymous_and_an_odd_one_is_not() {
        assert!(credential_of(&HeaderMap::new()).is_anonymous());
        assert!(!credential("whatever").is_anonymous());
        assert!(!credential("Bearer ").is_anonymous());
    }
}
