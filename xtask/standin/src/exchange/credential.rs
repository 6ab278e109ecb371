//! Which token a request carries.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};

use crate::config::Token;

/// What `Authorization` says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Credential<'a> {
    Anonymous,
    Known(&'a Token),
    /// A token that nobody has, or a scheme that is not understood.
    Unknown,
}

impl<'a> Credential<'a> {
    pub(crate) fn of(headers: &HeaderMap, tokens: &'a [Token]) -> Self {
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            return Self::Anonymous;
        };
        value
            .to_str()
            .ok()
            .and_then(secret)
            .and_then(|secret| tokens.iter().find(|token| token.secret == secret))
            .map_or(Self::Unknown, Self::Known)
    }

    pub(crate) fn token(&self) -> Option<&'a Token> {
        match self {
            Self::Known(token) => Some(token),
            _ => None,
        }
    }

    pub(crate) fn label(&self) -> &'a str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Known(token) => &token.label,
            Self::Unknown => "unknown",
        }
    }
}

/// Returns the token in `token X`, `Bearer X`, or Basic credentials with the token as password (or as user name alone).
fn secret(value: &str) -> Option<String> {
    let (scheme, rest) = value.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "token" | "bearer" => Some(rest.trim().to_owned()),
        "basic" => {
            let pair = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
            let (user, password) = pair.split_once(':')?;
            let is_alone = password.is_empty() || password == "x-oauth-basic";
            Some(if is_alone { user } else { password }.to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_in_every_scheme() {
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        for value in [
            "token abc".to_owned(),
            "Bearer abc".into(),
            "bearer abc".into(),
            basic("user:abc"),
            basic("abc:"),
            basic("abc:x-oauth-basic"),
        ] {
            assert_eq!(secret(&value).as_deref(), Some("abc"), "{value}");
        }
        assert_eq!(secret("Digest abc"), None);
    }
}
