//! `gh-mesh stats`.

use cache_core::port::Runtime as _;
use gh_client::TokioRuntime;
use serde::Deserialize;

use crate::cli::Globals;
use crate::context::{self, TokenFrom};
use crate::daemon;
use crate::error::{Ending, Outcome, OutcomeExt as _};
use crate::flags::PlaceFlags;
use crate::output::{Output, Table, human_bytes};

/// Show what the daemon's cache did since it started
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print JSON, with counts, plain bytes, and instants in seconds since 1970
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    places: PlaceFlags,
}

#[derive(Debug, Deserialize)]
struct Stats {
    total_requests: u64,
    local_hits: u64,
    peer_hits: u64,
    collapsed: u64,
    revalidated: u64,
    proved: u64,
    misses: u64,
    stale_served: u64,
    bypassed: u64,
    hit_rate: f64,
    api_calls_made: u64,
    api_calls_charged: u64,
    api_calls_saved: u64,
    entries: u64,
    max_entries: u64,
    bytes: u64,
    evictions: u64,
    expirations: u64,
    refused_connections: u64,
    p2p_enabled: bool,
    connected_peers: u64,
    cache_dir: String,
    rate_limits: Vec<RateLimit>,
}

#[derive(Debug, Deserialize)]
struct RateLimit {
    resource: String,
    limit: u64,
    remaining: u64,
    reset: u64,
}

/// Runs the command.
pub(crate) async fn run(globals: &Globals, args: &Args) -> Outcome {
    let settings = context::settings(globals, args.places.given(), TokenFrom::Environment, None)?;
    let page = daemon::required_page(&settings, "stats").await?;
    let mut out = Output::stdout();
    if args.json {
        out.line(String::from_utf8_lossy(&page).trim_end())?;
    } else {
        let stats: Stats = serde_json::from_slice(&page)
            .map_err(anyhow::Error::from)
            .aim(|| "could not read the daemon's stats".to_owned())?;
        out.bytes(render(&stats).as_bytes())?;
    }
    out.flush()?;
    Ok(Ending::Done)
}

fn render(stats: &Stats) -> String {
    let mut table = Table::default();
    let mut count = |name: &str, count: u64, note: String| {
        table.row([name.to_owned(), count.to_string(), note]);
    };
    count(
        "requests",
        stats.total_requests,
        format!(
            "{:.1}% answered without asking GitHub",
            stats.hit_rate * 100.0
        ),
    );
    count("  local hits", stats.local_hits, String::new());
    count("  peer hits", stats.peer_hits, String::new());
    count(
        "  collapsed",
        stats.collapsed,
        "waited for another's request".to_owned(),
    );
    count("  revalidated", stats.revalidated, "304, free".to_owned());
    count(
        "  proved",
        stats.proved,
        "304 for another audience's body, free".to_owned(),
    );
    count("  misses", stats.misses, String::new());
    count("  bypassed", stats.bypassed, "not cacheable".to_owned());
    count("  stale served", stats.stale_served, String::new());
    count(
        "requests to GitHub",
        stats.api_calls_made,
        format!(
            "{} charged, {} saved",
            stats.api_calls_charged, stats.api_calls_saved
        ),
    );
    count(
        "entries in memory",
        stats.entries,
        format!("of {}, {}", stats.max_entries, human_bytes(stats.bytes)),
    );
    count("  evicted", stats.evictions, String::new());
    count("  expired", stats.expirations, String::new());
    let fleet = if stats.p2p_enabled {
        String::new()
    } else {
        "the fleet is off".to_owned()
    };
    count("peers", stats.connected_peers, fleet);
    if stats.refused_connections > 0 {
        count(
            "refused",
            stats.refused_connections,
            "connections of other users".to_owned(),
        );
    }
    let now = TokioRuntime.now().as_millis() / 1000;
    for limit in &stats.rate_limits {
        let minutes = limit.reset.saturating_sub(now).div_ceil(60);
        let note = format!("of {}, reset in {minutes} min", limit.limit);
        count(
            &format!("left of {}", limit.resource),
            limit.remaining,
            note,
        );
    }
    let table = table.render(None);
    format!("{table}cache directory  {}\n", stats.cache_dir)
}
