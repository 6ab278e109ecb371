//! The error that all ports share.

/// Any error, as a cause.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a port could not do what it was asked. Callers decide by [`PortError::kind`], people read the chain.
#[derive(Debug, thiserror::Error)]
#[error("{adapter}: {kind}")]
pub struct PortError {
    /// What the caller may conclude.
    pub kind: PortErrorKind,
    /// The adapter that failed, as in `origin` or `store`.
    pub adapter: &'static str,
    /// The cause.
    #[source]
    pub source: Option<BoxError>,
}

/// What a caller may conclude from a failed port call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PortErrorKind {
    /// Nothing was sent: no connection could be made.
    #[error("no connection")]
    Unreachable,
    /// No answer within the time allowed.
    #[error("no answer in time")]
    TimedOut,
    /// The answer began or was awaited, and broke off.
    #[error("the answer broke off")]
    Interrupted,
    /// The request itself cannot be sent.
    #[error("the request cannot be sent")]
    Unsendable,
    /// What was read back is damaged.
    #[error("what was read back is damaged")]
    Corrupt,
    /// The adapter is not working now.
    #[error("not working now")]
    Unavailable,
}

impl PortError {
    /// Returns an error of `kind` from `adapter` with its cause.
    pub fn new(kind: PortErrorKind, adapter: &'static str, source: impl Into<BoxError>) -> Self {
        Self {
            kind,
            adapter,
            source: Some(source.into()),
        }
    }

    /// Returns the messages of the error and all its causes, joined by `: `.
    pub fn chain(&self) -> String {
        let mut out = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let text = error.to_string();
            if !out.ends_with(&text) {
                out.push_str(": ");
                out.push_str(&text);
            }
            cause = error.source();
        }
        out
    }
}
