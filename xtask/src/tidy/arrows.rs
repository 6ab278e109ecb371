//! Which crate may depend on which, and which third-party crate has one owner.

use anyhow::Result;
use serde::Deserialize;

use crate::command::{cargo, output};

/// The arrows of `docs/architecture.md`: each workspace package with the ones that it may depend on at run time.
const ARROWS: &[(&str, &[&str])] = &[
    ("cache-core", &[]),
    ("cache-crypto", &["cache-core"]),
    ("cache-store", &["cache-core"]),
    ("cache-p2p", &["cache-core"]),
    (
        "gh-client",
        &["cache-core", "cache-crypto", "cache-store", "cache-p2p"],
    ),
    (
        "gh-cli",
        &[
            "cache-core",
            "cache-crypto",
            "cache-store",
            "cache-p2p",
            "gh-client",
        ],
    ),
    (
        "benches",
        &[
            "cache-core",
            "cache-crypto",
            "cache-store",
            "cache-p2p",
            "gh-client",
        ],
    ),
    ("standin", &[]),
    ("xtask", &[]),
];

/// Third-party crates that one package alone may name, so that it can be swapped there.
const OWNED: &[(&str, &str)] = &[
    ("libp2p", "cache-p2p"),
    ("libp2p-stream", "cache-p2p"),
    ("rusqlite", "cache-store"),
    ("aes-gcm", "cache-crypto"),
    ("pbkdf2", "cache-crypto"),
    ("hkdf", "cache-crypto"),
    ("octocrab", "gh-client"),
];

/// What `gh-client` without its features must not bring.
const HEAVY: &[&str] = &["libp2p", "rusqlite", "octocrab"];

/// The part of `cargo metadata` that is looked at.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    path: Option<String>,
}

/// Returns the arrows that the tables do not have.
pub(crate) fn faults(metadata: &Metadata) -> Vec<String> {
    let mut faults = Vec::new();
    for package in &metadata.packages {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package.name) else {
            faults.push(format!(
                "package {} is not in the table of arrows",
                package.name
            ));
            continue;
        };
        for dependency in &package.dependencies {
            // Tests may drive anything; what is shipped may not.
            let is_run_time = dependency.kind.as_deref() != Some("dev");
            if is_run_time
                && dependency.path.is_some()
                && !allowed.contains(&dependency.name.as_str())
            {
                faults.push(format!(
                    "{} may not depend on {}",
                    package.name, dependency.name
                ));
            }
            let owner = OWNED
                .iter()
                .find(|(owned, _)| *owned == dependency.name)
                .map(|(_, owner)| *owner);
            if is_run_time
                && let Some(owner) = owner
                && owner != package.name
            {
                faults.push(format!(
                    "{} names {}, which belongs to {owner} alone",
                    package.name, dependency.name
                ));
            }
        }
    }
    faults
}

/// Returns the heavy crates that `gh-client` brings although none of its features asks for them.
pub(crate) fn heavy_without_features() -> Result<Vec<String>> {
    let tree = output(&mut cargo(&[
        "tree",
        "--package",
        "gh-client",
        "--no-default-features",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--locked",
    ]))?;
    let names: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    Ok(HEAVY
        .iter()
        .filter(|heavy| names.contains(heavy))
        .map(|heavy| format!("gh-client without features still brings {heavy}"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(package: &str, dependency: &str, kind: &str, path: &str) -> Metadata {
        let json = format!(
            r#"{{"packages":[{{"name":"{package}","dependencies":[{{"name":"{dependency}","kind":{kind},"path":{path}}}]}}]}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn an_arrow_that_the_table_does_not_have_is_a_fault() {
        let own = r#""/somewhere""#;
        assert!(faults(&metadata("cache-crypto", "cache-core", "null", own)).is_empty());
        assert_eq!(
            faults(&metadata("cache-core", "gh-client", "null", own)),
            ["cache-core may not depend on gh-client"]
        );
        assert_eq!(
            faults(&metadata("cache-p2p", "cache-crypto", r#""build""#, own)),
            ["cache-p2p may not depend on cache-crypto"]
        );
        assert!(faults(&metadata("gh-cli", "standin", r#""dev""#, own)).is_empty());
        assert_eq!(
            faults(&metadata("new-crate", "serde", "null", "null")),
            ["package new-crate is not in the table of arrows"]
        );
    }

    #[test]
    fn a_crate_with_an_owner_is_named_nowhere_else() {
        assert!(faults(&metadata("cache-p2p", "libp2p", "null", "null")).is_empty());
        assert_eq!(
            faults(&metadata("gh-cli", "libp2p", "null", "null")),
            ["gh-cli names libp2p, which belongs to cache-p2p alone"]
        );
    }
}
