//! What the compiler does not check in source files.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::command::{output, root};

/// Past this a file holds more than one idea; tests may be longer.
const MAX_LINES: usize = 500;
const MAX_TEST_LINES: usize = 900;

/// Returns the faults of all Rust sources and manifests that git tracks.
pub(crate) fn faults() -> Result<Vec<String>> {
    let listed = output(
        std::process::Command::new("git")
            .args(["ls-files", "*.rs", "*Cargo.toml"])
            .current_dir(root()),
    )?;
    let mut faults = Vec::new();
    for path in listed.lines() {
        let full = root().join(path);
        if !full.exists() {
            continue;
        }
        let text = std::fs::read_to_string(&full).with_context(|| format!("cannot read {path}"))?;
        faults.extend(faults_of(path, &text));
    }
    Ok(faults)
}

fn faults_of(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if path.ends_with("Cargo.toml") {
        if path != "Cargo.toml" && !text.contains("[lints]\nworkspace = true") {
            faults.push(format!("{path} does not inherit the workspace's lints"));
        }
        return faults;
    }
    if Path::new(path)
        .file_name()
        .is_some_and(|name| name == "mod.rs")
    {
        faults.push(format!("{path}: modules are name.rs beside name/"));
    }
    let is_test = path.contains("/tests/") || path.ends_with("tests.rs");
    let (lines, limit) = (
        text.lines().count(),
        if is_test { MAX_TEST_LINES } else { MAX_LINES },
    );
    if lines > limit {
        faults.push(format!(
            "{path} has {lines} lines, over {limit}: find the seam"
        ));
    }
    if !text.starts_with("//!") && !is_test && !path.ends_with("build.rs") {
        faults.push(format!(
            "{path} does not begin with a line that says what it is"
        ));
    }
    for (number, line) in text.lines().enumerate() {
        let code = line.trim_start();
        for banned in [
            "#[allow(",
            "#![allow(",
            concat!("#[ig", "nore"),
            concat!("#[should", "_panic"),
        ] {
            if code.starts_with(banned) {
                faults.push(format!("{path}:{}: {banned} is not used here", number + 1));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_finds_its_fault() {
        let long = format!("//! x\n{}", "let x;\n".repeat(MAX_LINES));
        for (path, text, part) in [
            ("a/src/mod.rs", "//! x", "modules are"),
            ("a/src/lib.rs", "fn x() {}", "does not begin"),
            ("a/src/lib.rs", long.as_str(), "find the seam"),
            (
                "a/src/lib.rs",
                "//! x\n    #[allow(dead_code)]",
                "a/src/lib.rs:2: #[allow(",
            ),
            ("a/Cargo.toml", "[package]", "lints"),
        ] {
            let faults = faults_of(path, text);
            assert!(
                faults.len() == 1 && faults[0].contains(part),
                "{path}: {faults:?}"
            );
        }
        assert!(faults_of("a/src/lib.rs", "//! x\n").is_empty());
        assert!(faults_of("a/tests/it/main.rs", "fn x() {}\n").is_empty());
    }
}
