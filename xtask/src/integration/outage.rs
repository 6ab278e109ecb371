//! GitHub down, GitHub failing, the budget spent: answered from what is held, and labelled; else refused as asked for.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::{Stage, expect, expect_contains};
use crate::rig::{Address, Answer, Ask, Standin, timed, until};

/// GitHub silent for 5 seconds is taken for failing; the rest is for a busy machine.
const PATIENCE_BOUND: Duration = Duration::from_secs(8);

/// What an answer may take that nobody has to be asked for, on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(2);

pub(super) async fn run(stage: &Stage) -> Result<()> {
    let standin = stage.rig.standin(&[]).await?;
    let node = stage
        .rig
        .node("a", &standin)
        .alone()
        .set("CACHE_MAX_AGE", "1")
        .start()
        .await?;
    let held = Held {
        ask: Ask::get("/repos/octocat/Hello-World").token(standin.token("octocat")),
        door: node.http(),
    };
    let never_asked = Ask::get("/repos/octo-org/public-1").token(standin.token("octocat"));
    let first = held.ask.at(&held.door).await?;

    for (what, fault, status) in [
        (
            "503",
            json!({"kind": "status", "status": 503}),
            "fwd-status=503",
        ),
        (
            "a broken connection",
            json!({"kind": "reset"}),
            "fwd-status=504",
        ),
    ] {
        held.is_stale().await?;
        standin.reset().await?;
        standin.fault(&fault).await?;
        let answer = held.answer(&first).await?;
        expect_contains(what, answer.cache_status(), "fwd=stale")?;
        expect_contains(what, answer.cache_status(), status)?;
        expect_contains(what, answer.cache_status(), "detail=stale-if-error")?;
        let counted = standin.counters().await?.requests;
        stage.report(&format!(
            "{what}: {} ({counted} upstream requests)",
            answer.cache_status()
        ));
        standin.reset().await?;
    }

    silence(stage, &standin, &held).await?;

    let only_stored = never_asked
        .clone()
        .header("cache-control", "only-if-cached");
    let answer = only_stored.at(&held.door).await?;
    expect("only-if-cached", answer.status.as_u16(), 504)?;
    expect("upstream", standin.counters().await?.requests, 0)?;
    stage.report("only-if-cached, not stored: 504, 0 upstream requests");

    spent(stage, &standin, &held, &first, &never_asked).await?;
    down(stage, &standin, &held, &first, &never_asked).await
}

/// GitHub says nothing: the first waits out its patience, the next do not wait at all, and one request is under way.
async fn silence(stage: &Stage, standin: &Standin, held: &Held) -> Result<()> {
    // A question of its own: its request stays under way, and nobody asks it anew before that ends.
    let held = Held {
        ask: Ask::get("/repos/octo-org/public-2").token(standin.token("octocat")),
        door: held.door.clone(),
    };
    let first = held.ask.at(&held.door).await?;
    held.is_stale().await?;
    standin.reset().await?;
    let delay = json!({"kind": "delay", "ms": 20_000});
    standin.fault(&delay).await?;
    let mut waited = Vec::new();
    for _ in 0..2 {
        let (took, answer) = timed(held.answer(&first)).await;
        let answer = answer?;
        expect_contains("silent", answer.cache_status(), "fwd-status=504")?;
        expect_contains("silent", answer.cache_status(), "detail=stale-if-error")?;
        waited.push(took);
    }
    ensure!(
        waited[0] < PATIENCE_BOUND && waited[1] < AT_ONCE,
        "answered after {waited:?}"
    );
    expect("upstream", standin.counters().await?.in_flight, 1)?;
    stage.report(&format!(
        "silence: the held one after {:.1} s, then after {:.1} s, stale-if-error; 1 upstream request",
        waited[0].as_secs_f64(),
        waited[1].as_secs_f64()
    ));
    standin.reset().await
}

/// What the node has, and how it is asked for.
struct Held {
    ask: Ask,
    door: Address,
}

impl Held {
    /// Waits until the node would have to ask.
    async fn is_stale(&self) -> Result<()> {
        let only_stored = self.ask.clone().header("cache-control", "only-if-cached");
        until("the entry is stale", || async {
            Ok((only_stored.at(&self.door).await?.status == 504).then_some(()))
        })
        .await
    }

    /// Asks, and makes sure that what is held is the answer.
    async fn answer(&self, first: &Answer) -> Result<Answer> {
        let answer = self.ask.at(&self.door).await?;
        expect("status", answer.status, first.status)?;
        expect("body", &answer.body, &first.body)?;
        Ok(answer)
    }
}

/// The budget is spent: what is held answers, what is not is refused as GitHub refuses it.
async fn spent(
    stage: &Stage,
    standin: &Standin,
    held: &Held,
    first: &Answer,
    never_asked: &Ask,
) -> Result<()> {
    held.is_stale().await?;
    standin.reset().await?;
    standin.core_budget("octocat", 0).await?;
    let refused = never_asked.at(&held.door).await?;
    expect("not held", refused.status.as_u16(), 403)?;
    let before = standin.counters().await?.requests;
    let answer = held.answer(first).await?;
    expect_contains("spent", answer.cache_status(), "detail=rate-limited")?;
    let after = standin.counters().await?.requests;
    stage.report(&format!(
        "budget spent: not held 403; held {} ({} upstream requests)",
        answer.cache_status(),
        after - before
    ));
    standin.reset().await?;
    Ok(())
}

/// Nobody listens upstream.
async fn down(
    stage: &Stage,
    standin: &Standin,
    held: &Held,
    first: &Answer,
    never_asked: &Ask,
) -> Result<()> {
    held.is_stale().await?;
    standin.down(60_000).await?;
    let answer = held.answer(first).await?;
    expect_contains("down", answer.cache_status(), "detail=")?;
    let refused = never_asked.at(&held.door).await?;
    expect("not held", refused.status.as_u16(), 502)?;
    stage.report(&format!(
        "down: not held {}; held {}",
        refused.status.as_u16(),
        answer.cache_status()
    ));
    Ok(())
}
