//! SIGTERM finishes what is in flight; a restart finds what was stored.

use anyhow::Result;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{Stage, expect, expect_contains};
use crate::rig::{Ask, Standin, until};

pub(super) async fn run(stage: &Stage) -> Result<()> {
    let standin = stage.rig.standin(&[]).await?;
    let node = stage.rig.node("a", &standin).start().await?;
    let socket = node.socket().to_owned();
    let ask = |path: &str| Ask::get(path).token(standin.token("octocat"));
    standin
        .fault(&json!({"kind": "delay", "ms": 1_500}))
        .await?;
    let asking = [("octocat", node.unix()), ("hubot", node.http())].map(|(login, door)| {
        let ask = ask(&format!("/users/{login}"));
        tokio::spawn(async move { ask.at(&door).await })
    });
    let elsewhere = node.builder().clone();
    let command = tokio::spawn(async move {
        elsewhere
            .run(&["api", "users/octo-many", "-q", ".login"])
            .await
    });
    until("all three are upstream", || async {
        Ok((standin.counters().await?.in_flight == 3).then_some(()))
    })
    .await?;
    node.signal(Signal::TERM)?;
    expect("exit code", node.ended().await?, Some(0))?;
    for asked in asking {
        expect("a slow request", asked.await??.status.as_u16(), 200)?;
    }
    let command = command.await??;
    let ended = (command.code, command.stdout.as_str());
    expect(&command.stderr, ended, (Some(0), "octo-many\n"))?;
    expect("the socket is there", socket.exists(), false)?;
    stage.report(
        "SIGTERM: slow requests at both doors and a command are finished, exit 0, socket removed",
    );

    standin.reset().await?;
    let node = stage.rig.node("a", &standin).start().await?;
    let answer = ask("/users/octocat").at(&node.http()).await?;
    expect_contains("after a restart", answer.cache_status(), "detail=disk")?;
    expect("upstream requests", standin.counters().await?.requests, 0)?;
    stage.report("started again: from disk, 0 upstream requests");
    expect("exit code", node.terminate().await?, Some(0))?;
    two_terminals(stage, &standin).await
}

/// Two commands at once where no daemon runs: they start one, and it asks once.
async fn two_terminals(stage: &Stage, standin: &Standin) -> Result<()> {
    standin.reset().await?;
    let terminal = stage
        .rig
        .node("terminals", standin)
        .set("CACHE_START_DAEMON", "true")
        // It ends soon, even if this scenario fails before it ends it.
        .set("CACHE_IDLE_TIMEOUT", "5");
    let arguments = ["api", "users/octocat", "-q", ".login"];
    let (first, second) = tokio::try_join!(terminal.run(&arguments), terminal.run(&arguments))?;
    for run in [first, second] {
        let ended = (run.code, run.stdout.as_str());
        expect(&run.stderr, ended, (Some(0), "octocat\n"))?;
    }
    let upstream = standin.counters().await?.requests;
    expect("upstream requests", upstream, 1)?;
    let status = terminal.run(&["daemon", "status", "--json"]).await?;
    let status: Value = serde_json::from_str(&status.stdout)?;
    expect(
        "who started it",
        status["started_by"].as_str(),
        Some("command"),
    )?;
    expect("its HTTP door", &status["http"], &json!([]))?;
    let stopped = terminal.run(&["daemon", "stop"]).await?;
    expect(&stopped.stderr, stopped.code, Some(0))?;
    let gone = terminal.run(&["daemon", "status"]).await?;
    expect("after its end", gone.code, Some(1))?;
    stage.report(&format!(
        "two commands at once, no daemon before: one daemon, {upstream} upstream request; `daemon stop` ends it"
    ));
    Ok(())
}
