//! Whom a stored body may serve beside the credential that it was fetched with.

use std::fmt;

/// What `CACHE_SHARE` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Share {
    /// Nobody.
    Token,
    /// On this node, whoever proves access: GitHub answers 304 to that credential for just this body.
    #[default]
    Proved,
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token => "token",
            Self::Proved => "proved",
        })
    }
}
