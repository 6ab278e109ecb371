//! SIGTERM finishes what is in flight; a restart finds what was stored.

use anyhow::Result;
use rustix::process::Signal;
use serde_json::json;

use super::{Stage, expect, expect_contains};
use crate::rig::{Ask, until};

pub(super) async fn run(stage: &Stage) -> Result<()> {
    let standin = stage.rig.standin(&[]).await?;
    let node = stage.rig.node("a", &standin).start().await?;
    let socket = node.socket().to_owned();
    let ask = Ask::get("/users/octocat").token(standin.token("octocat"));
    standin
        .fault(&json!({"kind": "delay", "ms": 1_500}))
        .await?;
    let doors = [node.unix(), node.http()];
    let asking = tokio::spawn(async move { ask.all_at_once(&doors, 2).await });
    until("the request is upstream", || async {
        Ok((standin.counters().await?.in_flight > 0).then_some(()))
    })
    .await?;
    node.signal(Signal::TERM)?;
    expect("exit code", node.ended().await?, Some(0))?;
    let answers = asking.await??;
    for answer in &answers {
        expect("the slow request", answer.status.as_u16(), 200)?;
        expect("its body", &answer.json()?["login"], &json!("octocat"))?;
    }
    expect("the socket is there", socket.exists(), false)?;
    stage.report(&format!(
        "SIGTERM: {} slow requests answered, exit 0, socket removed",
        answers.len()
    ));

    standin.reset().await?;
    let node = stage.rig.node("a", &standin).start().await?;
    let answer = Ask::get("/users/octocat")
        .token(standin.token("octocat"))
        .at(&node.http())
        .await?;
    expect_contains("after a restart", answer.cache_status(), "detail=disk")?;
    expect("upstream requests", standin.counters().await?.requests, 0)?;
    stage.report("started again: from disk, 0 upstream requests");
    expect("exit code", node.terminate().await?, Some(0))?;
    Ok(())
}
