//! `tidy`: the shape of the tree, read from `cargo metadata` and the sources.

mod arrows;
mod sources;

use anyhow::{Result, bail};

use crate::command::{cargo, output, say};

/// Checks the tree, and fails with every fault found.
pub(crate) fn tidy() -> Result<()> {
    let metadata = output(&mut cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--locked",
    ]))?;
    let mut faults = arrows::faults(&serde_json::from_str(&metadata)?);
    faults.extend(arrows::heavy_without_features()?);
    faults.extend(sources::faults()?);
    if !faults.is_empty() {
        bail!("tidy found {} faults:\n{}", faults.len(), faults.join("\n"));
    }
    say("tidy: the tree is as it should be");
    Ok(())
}
