//! A thousand identical questions at once make one upstream request, on one node and in a fleet.

use anyhow::{Result, ensure};
use serde_json::json;

use super::{COMPRESSED_S, Stage, expect};
use crate::rig::{Address, Answer, Ask, Standin, until};

const N: usize = 1_000;

/// So long is the upstream request under way that all questions can arrive meanwhile.
const UPSTREAM_MS: u64 = 2_500;

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

    let cold = ask("/repos/octocat/Hello-World");
    let (upstream, _, _) = burst(&standin, &cold, &[a.http()], N).await?;
    expect("cold at one node", upstream, 1)?;
    stage.report(&format!(
        "{N} at one node, cold: {upstream} upstream request"
    ));

    let door = a.http();
    until("the entry is stale", || is_stale(&cold, &door)).await?;
    let (upstream, charged, conditional) = burst(&standin, &cold, &[a.http()], N).await?;
    expect(
        "stale at one node",
        (upstream, charged, conditional),
        (1, 0, 1),
    )?;
    stage.report(&format!(
        "{N} at one node, stale: {upstream} upstream request, {conditional} conditional, {charged} charged"
    ));

    let b = node("b").joins(&a).start().await?;
    a.wait_for_peers(1).await?;
    b.wait_for_peers(1).await?;
    let both = [a.http(), b.http()];
    for path in ["/repos/octo-org/public-1", "/repos/octo-org/public-2"] {
        let (upstream, _, _) = burst(&standin, &ask(path), &both, N / 2).await?;
        expect("cold at two nodes", upstream, 1)?;
        stage.report(&format!(
            "{} at each of two nodes, cold: {upstream} upstream request",
            N / 2
        ));
    }

    let (upstream, _, _) = burst(&standin, &cold, &[standin.http()], N).await?;
    expect("at the stand-in itself", upstream, N as u64)?;
    stage.report(&format!("{N} at the stand-in itself: {upstream} requests"));
    Ok(())
}

/// Asks `n` times at each address at once, and returns what the stand-in counted: all, charged, conditional.
async fn burst(
    standin: &Standin,
    ask: &Ask,
    addresses: &[Address],
    n: usize,
) -> Result<(u64, u64, u64)> {
    standin.reset().await?;
    standin
        .fault(&json!({"kind": "delay", "ms": UPSTREAM_MS}))
        .await?;
    let answers = ask.all_at_once(addresses, n).await?;
    let first: &Answer = &answers[0];
    for answer in &answers {
        ensure!(answer.status == 200, "not answered: {answer:?}");
        ensure!(answer.body.len() == first.body.len(), "bodies differ");
    }
    let counted = standin.counters().await?;
    standin.reset().await?;
    Ok((counted.requests, counted.charged, counted.conditional))
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
