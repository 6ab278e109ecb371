//! `gh-mesh man`.

use clap::CommandFactory as _;
use clap_mangen::Man;

use crate::cli::Cli;
use crate::error::{Ending, Outcome};
use crate::output::Output;

/// Runs the command: prints the page of the command itself, then those of its subcommands.
pub(crate) fn run() -> Outcome {
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page)?;
    for subcommand in command.get_subcommands() {
        Man::new(subcommand.clone()).render(&mut page)?;
    }
    let mut out = Output::stdout();
    out.bytes(&page)?;
    out.flush()?;
    Ok(Ending::Done)
}
