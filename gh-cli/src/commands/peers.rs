//! `gh-mesh peers`.

use cache_core::port::Runtime as _;
use gh_client::TokioRuntime;
use serde::Deserialize;

use crate::cli::Globals;
use crate::context::{self, TokenFrom};
use crate::daemon;
use crate::error::{Ending, Outcome, OutcomeExt as _};
use crate::flags::PlaceFlags;
use crate::output::{self, Output, Table};

/// List the members of the fleet that the daemon is connected to
#[derive(Debug, clap::Args)]
#[expect(
    clippy::doc_markdown,
    reason = "this is the help, where variables and keys stand plain"
)]
pub(crate) struct Args {
    /// Print JSON: [{peer_id, addrs, rtt_ms, agent, since}], `since` in seconds since 1970
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    places: PlaceFlags,
}

#[derive(Debug, Deserialize)]
#[expect(
    clippy::struct_field_names,
    reason = "the names are those of the JSON fields"
)]
struct Peer {
    peer_id: String,
    addrs: Vec<String>,
    rtt_ms: Option<f64>,
    agent: String,
    since: u64,
}

/// Runs the command.
pub(crate) async fn run(globals: &Globals, args: &Args) -> Outcome {
    let settings = context::settings(globals, args.places.given(), TokenFrom::Environment, None)?;
    let page = daemon::required_page(&settings, "peers").await?;
    let mut out = Output::stdout();
    if args.json {
        out.line(String::from_utf8_lossy(&page).trim_end())?;
    } else {
        let peers: Vec<Peer> = serde_json::from_slice(&page)
            .map_err(anyhow::Error::from)
            .aim(|| "could not read the daemon's peers".to_owned())?;
        let now = TokioRuntime.now().as_millis() / 1000;
        let mut table =
            Table::with_head(&["PEER", "ADDRESS", "ROUND TRIP", "AGENT", "CONNECTED"], 1);
        for peer in peers {
            table.row([
                peer.peer_id,
                peer.addrs.first().cloned().unwrap_or_default(),
                peer.rtt_ms
                    .map_or_else(String::new, |rtt| format!("{rtt:.1} ms")),
                peer.agent,
                output::human_age(now.saturating_sub(peer.since)),
            ]);
        }
        out.bytes(table.render(output::width()).as_bytes())?;
    }
    out.flush()?;
    Ok(Ending::Done)
}
