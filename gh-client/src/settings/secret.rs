//! Secrets: the fleet's, and GitHub's tokens.

use std::fmt;
use std::path::Path;

use zeroize::Zeroizing;

use super::{Provenance, SettingError, Sources, read};
use crate::upstream::ApiRoot;

/// Fewer characters can be guessed offline from a captured handshake.
const MIN_SECRET_CHARS: usize = 32;

/// A text that is never shown, and wiped when it drops.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a secret, without the white space around it.
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.trim().to_owned()))
    }

    /// Returns the text. Where it goes from there is the caller's responsibility.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// What makes the fleet's keys, or why nothing does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FleetSecret {
    /// `P2P_SHARED_SECRET`, or the file it names.
    Explicit(Secret),
    /// The GitHub token: it unites the holders of this one token.
    Token(Secret),
    /// The only token at hand is minted for one job, so it would unite nobody.
    PerJobToken,
    /// The only token at hand is too short to be safe.
    ShortToken,
    /// Nothing at hand.
    None,
}

impl FleetSecret {
    /// Returns the secret, if there is one.
    pub fn secret(&self) -> Option<&Secret> {
        match self {
            Self::Explicit(secret) | Self::Token(secret) => Some(secret),
            Self::PerJobToken | Self::ShortToken | Self::None => None,
        }
    }

    pub(super) fn shown(&self) -> &'static str {
        match self {
            Self::Explicit(_) => "(set)",
            Self::Token(_) => "(the GitHub token)",
            Self::PerJobToken => "none: the GitHub token is minted for one job",
            Self::ShortToken => "none: the GitHub token is under 32 characters",
            Self::None => "none",
        }
    }
}

/// Returns the API host that requests go to which name none: that of `GH_HOST` if there is a root for it, else GitHub's.
pub(super) fn host(sources: &Sources, roots: &[ApiRoot]) -> String {
    let named = sources
        .environment
        .get("GH_HOST")
        .map(|host| host.trim().to_ascii_lowercase());
    // `gh` names a site of ghe.com without the label that its API has.
    let is_root = |host: &str| roots.iter().any(|root| root.host == host);
    named
        .and_then(|host| {
            let api = format!("api.{host}");
            [host, api].into_iter().find(|host| is_root(host))
        })
        .unwrap_or_else(|| ApiRoot::GITHUB.to_owned())
}

/// Returns the token of the environment for `host`, by the rules of `gh`: servers that are not GitHub's own have
/// variables of their own, so that no token reaches a host that it is not for.
pub(super) fn token(sources: &Sources, host: &str) -> Option<Secret> {
    let is_githubs = host == ApiRoot::GITHUB || host.ends_with(".ghe.com");
    let names: &[&str] = if is_githubs {
        &["GH_TOKEN", "GITHUB_TOKEN"]
    } else {
        &["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"]
    };
    names
        .iter()
        .filter_map(|name| sources.environment.get(*name))
        .find(|value| !value.trim().is_empty())
        .map(|value| Secret::new(value))
}

pub(super) fn fleet_secret(
    sources: &Sources,
    token: Option<&Secret>,
) -> Result<FleetSecret, SettingError> {
    let (direct, provenance) = read::raw(sources, "P2P_SHARED_SECRET");
    let (file, file_provenance) = read::raw(sources, "P2P_SHARED_SECRET_FILE");
    let explicit = match (direct, file) {
        (Some(text), _) => Some((Secret::new(text), provenance)),
        (None, Some(path)) => Some((from_file(path, &file_provenance)?, file_provenance)),
        (None, None) => None,
    };
    if let Some((secret, provenance)) = explicit {
        if secret.expose().chars().count() < MIN_SECRET_CHARS {
            let wanted = "at least 32 characters long; `gh-mesh keygen` makes one";
            return Err(read::error(
                "P2P_SHARED_SECRET",
                &provenance,
                "(secret)",
                wanted,
            ));
        }
        return Ok(FleetSecret::Explicit(secret));
    }
    Ok(match token {
        None => FleetSecret::None,
        Some(token) if token.expose().starts_with("ghs_") => FleetSecret::PerJobToken,
        Some(token) if token.expose().chars().count() < MIN_SECRET_CHARS => FleetSecret::ShortToken,
        Some(token) => FleetSecret::Token(token.clone()),
    })
}

fn from_file(path: &str, provenance: &Provenance) -> Result<Secret, SettingError> {
    match std::fs::read_to_string(Path::new(path)) {
        Ok(text) => Ok(Secret::new(&Zeroizing::new(text))),
        Err(reason) => {
            let wanted = format!("a file that can be read: {reason}");
            Err(read::error(
                "P2P_SHARED_SECRET_FILE",
                provenance,
                path,
                &wanted,
            ))
        }
    }
}
