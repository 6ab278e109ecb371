//! A thousand identical questions at once make one upstream request, on one node and in a fleet.

use std::fmt;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::{COMPRESSED_S, Stage, expect};
use crate::rig::{Address, Ask, Standin, timed, until};

const N: usize = 1_000;

/// So long is the upstream request under way. Who arrives later is answered from the entry.
const UPSTREAM_MS: u64 = 1_500;

pub(super) async fn run(stage: &Stage) -> Result<()> {
    let standin = stage.rig.standin(&[]).await?;
    let max_age = COMPRESSED_S.to_string();
    let node = |name| {
        stage
            .rig
            .node(name, &standin)
            .set("CACHE_MAX_AGE", &max_age)
    };
    let a = node("a").start().await?;
    let ask = |path| Ask::get(path).token(standin.token("octocat"));

    let question = ask("/repos/octocat/Hello-World");
    let door = a.http();
    let cold = burst(&standin, &question, std::slice::from_ref(&door), N).await?;
    expect("cold at one node", cold.upstream, 1)?;
    stage.report(&format!("{N} at one node, cold: {cold}"));

    until("the entry is stale", || is_stale(&question, &door)).await?;
    let stale = burst(&standin, &question, std::slice::from_ref(&door), N).await?;
    expect(
        "stale at one node",
        (stale.upstream, stale.charged, stale.conditional),
        (1, 0, 1),
    )?;
    stage.report(&format!("{N} at one node, stale: {stale}"));

    let b = node("b").joins(&a).start().await?;
    a.wait_for_peers(1).await?;
    b.wait_for_peers(1).await?;
    let both = [a.http(), b.http()];
    // Two questions: most likely each node owns one.
    for path in ["/repos/octo-org/public-1", "/repos/octo-org/public-2"] {
        let fleet = burst(&standin, &ask(path), &both, N / 2).await?;
        expect("cold at two nodes", fleet.upstream, 1)?;
        stage.report(&format!("{} at each of two nodes, cold: {fleet}", N / 2));
    }

    let direct = burst(&standin, &question, &[standin.http()], N).await?;
    expect("at the stand-in itself", direct.upstream, N as u64)?;
    stage.report(&format!("{N} at the stand-in itself: {direct}"));
    Ok(())
}

/// What one burst came to.
struct Burst {
    took: Duration,
    upstream: u64,
    charged: u64,
    conditional: u64,
    /// Answers that waited for another's request.
    collapsed: usize,
}

impl fmt::Display for Burst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} upstream ({} charged, {} conditional), {} collapsed, in {:.1} s",
            self.upstream,
            self.charged,
            self.conditional,
            self.collapsed,
            self.took.as_secs_f64()
        )
    }
}

/// Asks `n` times at each address at once.
async fn burst(standin: &Standin, ask: &Ask, addresses: &[Address], n: usize) -> Result<Burst> {
    standin.reset().await?;
    let delay = json!({"kind": "delay", "ms": UPSTREAM_MS});
    standin.fault(&delay).await?;
    let (took, answers) = timed(ask.all_at_once(addresses, n)).await;
    let answers = answers?;
    for answer in &answers {
        ensure!(answer.status == 200, "not answered: {answer:?}");
        expect("length", answer.body.len(), answers[0].body.len())?;
    }
    let counted = standin.counters().await?;
    standin.reset().await?;
    Ok(Burst {
        took,
        upstream: counted.requests,
        charged: counted.charged,
        conditional: counted.conditional,
        collapsed: answers
            .iter()
            .filter(|answer| answer.cache_status().contains("collapsed"))
            .count(),
    })
}

/// Tells whether the node would have to ask, without making it ask.
async fn is_stale(ask: &Ask, address: &Address) -> Result<Option<()>> {
    let answer = ask
        .clone()
        .header("cache-control", "only-if-cached")
        .at(address)
        .await?;
    Ok((answer.status == 504).then_some(()))
}
