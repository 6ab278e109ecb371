//! `gh-mesh completions`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::error::{Ending, Outcome};
use crate::output::Output;

/// Print the completions of a shell
///
/// For bash: `gh-mesh completions bash > ~/.local/share/bash-completion/completions/gh-mesh`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "gh-mesh", &mut script);
    let mut out = Output::stdout();
    out.bytes(&script)?;
    out.flush()?;
    Ok(Ending::Done)
}
