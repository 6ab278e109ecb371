//! `gh-mesh id`.

use gh_client::Node;
use serde::{Deserialize, Serialize};

use crate::cli::Globals;
use crate::context::{self, TokenFrom};
use crate::daemon;
use crate::error::{Ending, Outcome, OutcomeExt as _};
use crate::flags::PlaceFlags;
use crate::output::Output;

/// Show this node's name in the fleet, and where it can be dialed
///
/// Asks the daemon. Where none runs the name is the one in the state directory, made on first use, and there are no
/// addresses.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::doc_markdown,
    reason = "this is the help, where variables and keys stand plain"
)]
pub(crate) struct Args {
    /// Print JSON: {peer_id, addrs}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    places: PlaceFlags,
}

#[derive(Debug, Serialize, Deserialize)]
struct Id {
    peer_id: String,
    addrs: Vec<String>,
}

/// Runs the command.
pub(crate) async fn run(globals: &Globals, args: &Args) -> Outcome {
    let settings = context::settings(globals, args.places.given(), TokenFrom::Environment, None)?;
    let id = match daemon::page(&settings, "id").await? {
        Some(page) => serde_json::from_slice(&page)
            .map_err(anyhow::Error::from)
            .aim(|| "could not read the daemon's id".to_owned())?,
        None => Id {
            peer_id: Node::peer_id_of(&settings)?,
            addrs: Vec::new(),
        },
    };
    let mut out = Output::stdout();
    if args.json {
        out.json(&id)?;
    } else {
        out.line(&id.peer_id)?;
        for addr in &id.addrs {
            out.line(addr)?;
        }
    }
    out.flush()?;
    Ok(Ending::Done)
}
