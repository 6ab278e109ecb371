//! A node with another secret is not let in, and does no harm.

use anyhow::Result;
use rustix::process::Signal;

use super::{Stage, expect};
use crate::rig::{Ask, until};

pub(super) async fn run(stage: &Stage) -> Result<()> {
    let standin = stage.rig.standin(&[]).await?;
    let a = stage.rig.node("a", &standin).start().await?;
    let b = stage.rig.node("b", &standin).joins(&a).start().await?;
    b.wait_for_peers(1).await?;
    let c = stage
        .rig
        .node("c", &standin)
        .joins(&a)
        .set(
            "CACHE_P2P_SHARED_SECRET",
            "the secret of another fleet 0123456789",
        )
        .set("CACHE_LOG", "info,cache_p2p=debug")
        .start()
        .await?;
    until("the stranger was turned away", || async {
        Ok(c.process().log().contains("dial failed").then_some(()))
    })
    .await?;
    let peers = [&a, &b, &c];
    let mut connected = Vec::new();
    for node in peers {
        connected.push(node.count("connected_peers").await?);
    }
    expect("peers of A, B and the stranger", connected, vec![1, 1, 0])?;

    standin.reset().await?;
    let ask = Ask::get("/repos/octocat/Hello-World").token(standin.token("octocat"));
    for node in peers {
        expect("answered", ask.at(&node.http()).await?.status.as_u16(), 200)?;
    }
    let counted = standin.counters().await?.requests;
    expect("one request for A and B, one for the stranger", counted, 2)?;
    stage.report(&format!(
        "another secret: 0 peers for the stranger, 1 each for the others, all answer ({counted} upstream requests)"
    ));
    c.signal(Signal::TERM)?;
    expect("the stranger's exit code", c.ended().await?, Some(0))?;
    Ok(())
}
