//! Two nodes with one token: one asks for both, revalidating is free, and a change reaches both in time.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use tokio::time::Instant;

use super::{COMPRESSED_S, FACTOR, Stage, expect, expect_contains};
use crate::rig::{Answer, Ask, until};

/// What a change may take beyond the lifetime, on a busy machine.
const SLACK: Duration = Duration::from_secs(1);

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
    let b = node("b").joins(&a).start().await?;
    a.wait_for_peers(1).await?;
    b.wait_for_peers(1).await?;
    // Bodies are compared, so over the door that rewrites none.
    let nodes = [a.unix(), b.unix()];
    let ask = |path: &str| Ask::get(path).token(standin.token("octocat"));
    stage.report(&format!(
        "lifetimes are compressed by {FACTOR}: CACHE_MAX_AGE={COMPRESSED_S}"
    ));

    // Several questions, so that each node owns some of them.
    let paths: Vec<String> = (1..=8)
        .map(|n| format!("/repos/octo-many/repo-{n:03}"))
        .collect();
    standin.reset().await?;
    for path in &paths {
        let answers = ask(path).all_at_once(&nodes, 1).await?;
        ensure!(answers.iter().all(|answer| answer.status == 200));
    }
    let counted = standin.counters().await?;
    expect("cold, at both at once", counted.requests, 8)?;
    stage.report(&format!(
        "{} questions at both at once, cold: {} upstream requests",
        paths.len(),
        counted.requests
    ));

    for path in &paths {
        for address in &nodes {
            until("the entry is stale", || async {
                let only_stored = ask(path).header("cache-control", "only-if-cached");
                Ok((only_stored.at(address).await?.status == 504).then_some(()))
            })
            .await?;
        }
    }
    standin.reset().await?;
    for path in &paths {
        for address in &nodes {
            expect(
                "revalidated",
                ask(path).at(address).await?.status.as_u16(),
                200,
            )?;
        }
    }
    let counted = standin.counters().await?;
    expect(
        "all, conditional, charged",
        (counted.requests, counted.conditional, counted.charged),
        (8, 8, 0),
    )?;
    stage.report(&format!(
        "the same, stale: {} upstream requests for {} questions at two nodes, {} charged",
        counted.requests,
        paths.len(),
        counted.charged
    ));

    let counted_before = b.count("peer_hits").await?;
    let (peer_hits, upstream) = peer_hits(&nodes, &ask, &standin).await?;
    stage.report(&format!(
        "8 questions at A, then at B: {peer_hits} from the peer, {upstream} upstream requests"
    ));
    let counted = b.count("peer_hits").await? - counted_before;
    expect("peer hits that stats count", counted, peer_hits)?;

    let path = &paths[0];
    let before = ask(path).at(&nodes[0]).await?;
    standin
        .touch(&json!({"repo": "octo-many/repo-001"}))
        .await?;
    let start = Instant::now();
    let limit = Duration::from_secs(COMPRESSED_S) + SLACK;
    for (name, address) in ["A", "B"].iter().zip(&nodes) {
        until("the change arrives", || async {
            let now: Answer = ask(path).at(address).await?;
            Ok((now.body != before.body).then_some(()))
        })
        .await?;
        let took = start.elapsed();
        ensure!(took < limit, "{name} showed the change after {took:?}");
        stage.report(&format!(
            "a change upstream is seen at {name} after {:.1} s",
            took.as_secs_f64()
        ));
    }
    Ok(())
}

/// Asks new questions at the first node, then at the second. Returns how many the second got from its peer, and how
/// many upstream requests all made.
async fn peer_hits(
    nodes: &[crate::rig::Address],
    ask: &impl Fn(&str) -> Ask,
    standin: &crate::rig::Standin,
) -> Result<(u64, u64)> {
    standin.reset().await?;
    let paths: Vec<String> = (11..=18)
        .map(|n| format!("/repos/octo-many/repo-{n:03}"))
        .collect();
    let mut bodies = Vec::new();
    for path in &paths {
        let first = ask(path).at(&nodes[0]).await?;
        expect_contains("at A", first.cache_status(), "fwd=uri-miss; fwd-status=200")?;
        bodies.push(first.body);
    }
    let mut peer_hits = 0;
    for (path, body) in paths.iter().zip(bodies) {
        let second = ask(path).at(&nodes[1]).await?;
        expect("the same body", second.body.clone(), body)?;
        expect_contains("at B", second.cache_status(), "detail=peer")?;
        peer_hits += 1;
    }
    let upstream = standin.counters().await?.requests;
    expect("upstream requests", upstream, 8)?;
    Ok((peer_hits, upstream))
}
