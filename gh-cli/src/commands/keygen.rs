//! `gh-mesh keygen`.

use crate::error::{Ending, Outcome};
use crate::output::Output;

/// Runs the command.
pub(crate) fn run() -> Outcome {
    let mut out = Output::stdout();
    out.line(&cache_crypto::generate_secret())?;
    out.flush()?;
    Ok(Ending::Done)
}
