//! `test`, `lint` and `ci`.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::command::{cargo, run, say};
use crate::integration;
use crate::tidy;

/// The feature sets of `gh-client` beside its defaults.
const FEATURES: &[&[&str]] = &[
    &["--no-default-features"],
    &["--no-default-features", "--features", "octocrab"],
];

/// Runs every test: those of all crates, the library without its features, and the suites over real processes.
pub(crate) fn test() -> Result<()> {
    run(&mut cargo(&["test", "--workspace", "--locked"]))?;
    for features in FEATURES {
        run(cargo(&["test", "--package", "gh-client", "--lib", "--locked"]).args(*features))?;
    }
    integration::integration(&integration::Args::default())
}

/// Checks format, lints, docs and the shape of the tree.
pub(crate) fn lint() -> Result<()> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    run(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]))?;
    run(
        cargo(&["doc", "--workspace", "--lib", "--no-deps", "--locked"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    tidy::tidy()?;
    deny()
}

/// Runs what CI runs. Green here means green there.
pub(crate) fn ci() -> Result<()> {
    lint()?;
    test()
}

/// Checks licenses, bans and sources of all dependencies. Its absence is an error in CI, and said elsewhere.
fn deny() -> Result<()> {
    let version = Command::new("cargo-deny")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    if version.is_ok_and(|status| status.success()) {
        return run(&mut cargo(&[
            "deny",
            "--offline",
            "check",
            "bans",
            "licenses",
            "sources",
        ]));
    }
    if std::env::var("CI").is_ok_and(|ci| ci == "true") {
        bail!("cargo-deny is not installed (`cargo install cargo-deny`)");
    }
    say("left out, not installed: cargo-deny (`cargo install cargo-deny`)");
    Ok(())
}
