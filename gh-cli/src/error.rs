//! How a command ends: exit codes, and errors with their causes and what to do next.
//!
//! The one place where errors of other crates are given a kind and hints.

use std::fmt;
use std::io;
use std::process::ExitCode;

use gh_client::settings::SettingError;
use gh_client::{NodeError, StateError};

/// How a command ended. The discriminants are the documented exit codes; 130 is the shell's word for an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Ending {
    /// All is done.
    Done = 0,
    /// Something failed.
    Failed = 1,
    /// The command line, a variable or a settings file makes no sense.
    Usage = 2,
    /// GitHub wants to know who asks (as GitHub's own `gh` exits).
    NeedsAuthentication = 4,
    /// GitHub gave no answer, and nothing stored could stand in for it.
    Offline = 5,
    /// The rate limit is used up.
    RateLimited = 6,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        Self::from(ending as u8)
    }
}

/// The exit codes, as `--help` prints them.
pub(crate) const EXIT_CODES_HELP: &str = "\
Exit codes: 0 done, 1 failed, 2 bad invocation, 4 needs authentication, 5 offline and not stored, 6 rate limited, \
130 interrupted";

/// Why a command ended early.
#[derive(Debug)]
pub(crate) struct CommandError {
    ending: Ending,
    /// The aim, then its causes.
    error: anyhow::Error,
    hints: Vec<String>,
}

/// What commands return.
pub(crate) type Outcome<T = Ending> = Result<T, CommandError>;

impl CommandError {
    /// Returns an error with its exit code.
    pub(crate) fn new(ending: Ending, error: impl Into<anyhow::Error>) -> Self {
        Self {
            ending,
            error: error.into(),
            hints: Vec::new(),
        }
    }

    /// Returns an error that is a sentence of our own.
    pub(crate) fn message(ending: Ending, message: impl fmt::Display) -> Self {
        Self::new(ending, anyhow::Error::msg(message.to_string()))
    }

    /// Adds what to do next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Puts what was to be done in front of why it was not.
    #[must_use]
    pub(crate) fn aim(mut self, aim: impl fmt::Display + Send + Sync + 'static) -> Self {
        self.error = self.error.context(aim);
        self
    }

    /// Returns the aim and its causes on one line, for a warning.
    pub(crate) fn said(&self) -> String {
        let chain: Vec<_> = self.error.chain().map(ToString::to_string).collect();
        chain.join(": ")
    }

    /// Returns how the command ends.
    pub(crate) fn ending(&self) -> Ending {
        self.ending
    }

    /// Tells whether the reader of our output went away, which is no failure: `gh-mesh … | head`.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        let as_io = self.error.downcast_ref::<io::Error>();
        as_io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chain = self.error.chain().map(ToString::to_string);
        let mut said = chain.next().unwrap_or_default();
        write!(f, "error: {said}")?;
        for cause in chain {
            // Some libraries repeat their cause in their own message.
            if !said.ends_with(&cause) {
                write!(f, "\n  caused by: {cause}")?;
                said = cause;
            }
        }
        for (n, hint) in self.hints.iter().enumerate() {
            write!(f, "{}hint: {hint}", if n == 0 { "\n\n" } else { "\n" })?;
        }
        Ok(())
    }
}

/// Adds to the errors of others what a command knows.
pub(crate) trait OutcomeExt<T> {
    /// Says what was to be done.
    fn aim(self, aim: impl FnOnce() -> String) -> Outcome<T>;
}

impl<T, E: Into<CommandError>> OutcomeExt<T> for Result<T, E> {
    fn aim(self, aim: impl FnOnce() -> String) -> Outcome<T> {
        self.map_err(|error| error.into().aim(aim()))
    }
}

impl From<anyhow::Error> for CommandError {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Ending::Failed, error)
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        Self::new(Ending::Failed, error)
    }
}

impl From<SettingError> for CommandError {
    fn from(error: SettingError) -> Self {
        Self::new(Ending::Usage, error)
            .hint("`gh-mesh config` shows every setting and where it came from")
    }
}

impl From<NodeError> for CommandError {
    fn from(error: NodeError) -> Self {
        let (ending, hint) = match &error {
            NodeError::Keys(_) => (Ending::Usage, Some("`gh-mesh keygen` makes a good secret")),
            NodeError::CaFile { .. } => (Ending::Failed, Some("CACHE_CA_FILE names the file")),
            NodeError::Mesh(_) => (
                Ending::Failed,
                Some(
                    "`--p2p-port 0` takes any free port, and `--p2p false` runs without the fleet",
                ),
            ),
            NodeError::State(StateError::Locked { .. }) => (
                Ending::Failed,
                Some(
                    "`gh-mesh stats` shows what that one does; another needs `--cache-dir` and `--state-dir` of its own",
                ),
            ),
            NodeError::State(_) => (
                Ending::Failed,
                Some("`--state-dir` names another directory for what this node is"),
            ),
            _ => (Ending::Failed, None),
        };
        let made = Self::new(ending, error);
        match hint {
            Some(hint) => made.hint(hint),
            None => made,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_aim_the_causes_and_what_to_do() {
        let cause = io::Error::new(io::ErrorKind::AddrInUse, "address in use");
        let error = CommandError::from(anyhow::Error::new(cause).context("could not bind"))
            .aim("could not open the HTTP door")
            .hint("take another port")
            .hint("or none");
        insta::assert_snapshot!(error.to_string(), @r"
        error: could not open the HTTP door
          caused by: could not bind
          caused by: address in use

        hint: take another port
        hint: or none
        ");
        assert_eq!(error.ending(), Ending::Failed);
    }

    #[test]
    fn a_reader_that_went_away_is_told_from_other_failures() {
        let of = |kind| {
            CommandError::from(io::Error::from(kind))
                .aim("could not print")
                .is_broken_pipe()
        };
        assert!(of(io::ErrorKind::BrokenPipe));
        assert!(!of(io::ErrorKind::StorageFull));
    }
}
