//! What is not cacheable streams through, both ways, and is never held in memory.

use anyhow::{Result, ensure};
use serde_json::Value;

use super::{Stage, expect};
use crate::rig::Ask;

const LENGTH: u64 = 100_000_000;
const MAX_GROWTH_BYTES: u64 = 20_000_000;

pub(super) async fn run(stage: &Stage) -> Result<()> {
    let standin = stage.rig.standin(&[]).await?;
    let node = stage.rig.node("a", &standin).alone().start().await?;
    let token = standin.token("octocat");
    let down = Ask::get(&format!("/_standin/bytes/{LENGTH}")).token(token);
    let up = Ask::post_zeros("/_standin/upload", LENGTH).token(token);
    let direct_down = down.measured_at(&standin.http()).await?;
    expect("the stand-in's own", direct_down.length, LENGTH)?;
    let direct_up: Value = up.at(&standin.http()).await?.json()?;
    for (door, address) in [("unix", node.unix()), ("HTTP", node.http())] {
        // What the first request makes once is not growth.
        Ask::get("/_standin/bytes/1000000")
            .token(token)
            .measured_at(&address)
            .await?;
        node.process().reset_peak()?;
        let before = node.process().peak_bytes()?;
        expect("down", &down.measured_at(&address).await?, &direct_down)?;
        let after_down = node.process().peak_bytes()?;
        expect("up", &up.at(&address).await?.json()?, &direct_up)?;
        let after_up = node.process().peak_bytes()?;
        let grown = [after_down, after_up].map(|after| after.saturating_sub(before));
        ensure!(
            grown.iter().all(|grown| *grown < MAX_GROWTH_BYTES),
            "{door} door: memory grew by {grown:?} bytes from {before}"
        );
        stage.report(&format!(
            "{door} door: {} MB down and up, the same SHA-256; memory grew by {} MB",
            LENGTH / 1_000_000,
            grown[1] / 1_000_000
        ));
    }
    Ok(())
}
