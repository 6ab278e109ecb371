//! `cargo xtask demo`: the main job, offline: two nodes in front of a stand-in for GitHub, driven by real clients, and
//! then the same load without gh-mesh.
//!
//! Lifetimes are compressed by one public setting: with `CACHE_MAX_AGE` of [`LIFETIME_S`] seconds an answer that GitHub
//! calls fresh for 60 seconds is revalidated as if [`FACTOR`] times as much time had passed.

mod load;
mod report;

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::ValueEnum as _;

use crate::rig::{self, Address, Binaries, Clients, Node, Profile, Rig, Standin};
use load::{Machine, Sample};
use report::Report;

/// The compressed lifetime, for `CACHE_MAX_AGE`.
const LIFETIME_S: u64 = 5;
/// By how much that is shorter than the 60 seconds that GitHub states.
const FACTOR: u64 = 60 / LIFETIME_S;
/// How long the stand-in takes for an answer, in milliseconds: about what GitHub takes.
const LATENCY_MS: u64 = 50;
/// Clients of one machine that ask the same question at the same moment.
const BURST: usize = 100;

/// What can be chosen.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run the binaries of this profile
    #[arg(long, value_enum, default_value = "release")]
    profile: Profile,
}

/// Runs the demo.
pub(crate) fn demo(args: &Args) -> Result<()> {
    rig::block_on(run(args))
}

async fn run(args: &Args) -> Result<()> {
    let binaries = Binaries::build(args.profile)?;
    let clients = Clients::find().await?;
    let rig = Rig::new(&binaries)?;
    let latency = LATENCY_MS.to_string();
    let standin = rig.standin(&["--latency-ms", &latency]).await?;
    let (first, second) = start_nodes(&rig, &standin).await?;

    let profile = args
        .profile
        .to_possible_value()
        .map_or_else(String::new, |value| value.get_name().to_owned());
    report::say(&format!(
        "A stand-in for GitHub that takes {LATENCY_MS} ms for an answer, and two nodes ({profile} build) with one token.\n\
         Lifetimes are compressed {FACTOR} times (CACHE_MAX_AGE={LIFETIME_S}).\nClients: {}.\n",
        load::describe(&clients),
    ));

    standin.reset().await?;
    let token = standin.token("octocat");
    let with = [
        Machine::new(&rig, "machine-1", first.unix(), first.http(), token)?,
        Machine::new(&rig, "machine-2", second.unix(), second.http(), token)?,
    ];
    let samples = load_with_pause(&clients, &with).await?;
    let with_mesh = Report::with_mesh(
        &standin.counters().await?,
        &[first.stats().await?, second.stats().await?],
        samples,
    )?;

    standin.reset().await?;
    let without = [
        Machine::new(&rig, "direct-1", standin.unix(), standin.http(), token)?,
        Machine::new(&rig, "direct-2", standin.unix(), standin.http(), token)?,
    ];
    let samples = load_with_pause(&clients, &without).await?;
    let direct = Report::direct(&standin.counters().await?, samples);

    report::print(&with_mesh, &direct);
    // The demo is a promise as well: it fails when it does not hold.
    ensure!(
        with_mesh.asked == direct.asked,
        "the two loads differ: {} and {}",
        with_mesh.asked,
        direct.asked
    );
    ensure!(
        with_mesh.upstream < direct.upstream / 4,
        "gh-mesh saved less than three quarters of the requests"
    );
    ensure!(
        with_mesh.charged <= with_mesh.upstream,
        "more was charged than was asked"
    );
    Ok(())
}

async fn start_nodes(rig: &Rig, standin: &Standin) -> Result<(Node, Node)> {
    let lifetime = LIFETIME_S.to_string();
    let first = rig
        .node("node-1", standin)
        .set("CACHE_MAX_AGE", &lifetime)
        .start()
        .await?;
    let second = rig
        .node("node-2", standin)
        .set("CACHE_MAX_AGE", &lifetime)
        .joins(&first)
        .start()
        .await?;
    second.wait_for_peers(1).await?;
    first.wait_for_peers(1).await?;
    Ok((first, second))
}

/// Two rounds, the second when every answer of the first has become stale, and nothing has changed upstream.
async fn load_with_pause(clients: &Clients, machines: &[Machine; 2]) -> Result<Vec<Sample>> {
    let mut samples = load::round(clients, machines).await?;
    load::burst(machines, BURST).await?;
    tokio::time::sleep(Duration::from_secs(LIFETIME_S + 1)).await;
    samples.extend(load::round(clients, machines).await?);
    Ok(samples)
}

/// Returns `address` as clients write it.
fn url(address: &Address) -> String {
    format!("http://{address}")
}
