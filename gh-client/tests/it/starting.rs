//! Nodes and clients that start as the environment says, and what they say when they cannot.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use gh_client::settings::{Settings, Sources};
use gh_client::{Node, NodeError, StateError};
use standin::{Standin, Token};

use crate::lab::{self, Client, REPO};

/// Settings from variables, each written without its prefix.
pub(crate) fn settings(dir: &Path, standin: &Standin, more: &[(&str, &str)]) -> Settings {
    let (cache, state) = (dir.join("cache"), dir.join("state"));
    let root = standin.http_url();
    let mut environment: BTreeMap<String, String> = [
        ("DIR", cache.to_str().unwrap()),
        ("STATE_DIR", state.to_str().unwrap()),
        ("API_URL", &root),
        ("MDNS", "false"),
        ("P2P_LISTEN", "/ip4/127.0.0.1/tcp/0"),
    ]
    .iter()
    .chain(more)
    .map(|(name, value)| (format!("CACHE_{name}"), (*value).to_owned()))
    .collect();
    environment.insert("GH_TOKEN".to_owned(), Token::OCTOCAT.to_owned());
    let sources = Sources {
        environment,
        ..Sources::default()
    };
    Settings::resolve(&sources, || None).unwrap()
}

pub(crate) fn client(node: &Node, token: &str) -> Client {
    Client::new(node.service(), Some(format!("Bearer {token}")))
}

const ALONE: (&str, &str) = ("ENABLE_P2P", "false");

#[tokio::test]
async fn what_was_fetched_before_a_restart_is_on_disk_after_it() {
    let (dir, standin) = (tempfile::tempdir().unwrap(), lab::standin().await);
    let settings = settings(dir.path(), &standin, &[ALONE]);
    let node = Node::start(&settings).await.unwrap();
    assert_eq!(node.warnings(), [""; 0]);
    let body = client(&node, Token::OCTOCAT).get(REPO).await.body;
    node.shutdown().await;
    drop(node);
    let node = Node::start(&settings).await.unwrap();
    let seen = client(&node, Token::OCTOCAT).get(REPO).await;
    assert!(
        seen.outcome().ends_with("detail=disk"),
        "{}",
        seen.outcome()
    );
    assert_eq!(seen.body, body);
    assert_eq!(
        client(&node, Token::HUBOT).get(REPO).await.outcome(),
        lab::FETCHED
    );
    assert_eq!(standin.counters().requests, 2);
}

#[tokio::test]
async fn a_refused_credential_loses_what_is_on_disk_too() {
    let (dir, standin) = (tempfile::tempdir().unwrap(), lab::standin().await);
    let settings = settings(dir.path(), &standin, &[ALONE]);
    let node = Node::start(&settings).await.unwrap();
    let octocat = client(&node, Token::OCTOCAT);
    octocat.get(lab::PRIVATE).await;
    let revoked = standin::Fault::new(standin::FaultKind::Revoked);
    standin.set_fault(revoked.on("/user").times(1));
    assert_eq!(octocat.get("/user").await.status, 401);
    node.shutdown().await;
    drop(node);
    let node = Node::start(&settings).await.unwrap();
    let seen = client(&node, Token::OCTOCAT).get(lab::PRIVATE).await;
    assert_eq!(seen.outcome(), lab::FETCHED);
}

#[tokio::test]
async fn a_second_node_on_one_state_directory_is_refused_by_name() {
    let (dir, standin) = (tempfile::tempdir().unwrap(), lab::standin().await);
    let settings = settings(dir.path(), &standin, &[ALONE]);
    let node = Node::start(&settings).await.unwrap();
    let refused = Node::start(&settings).await.unwrap_err();
    assert!(
        matches!(refused, NodeError::State(StateError::Locked { .. })),
        "{refused:?}"
    );
    assert_eq!(refused.to_string(), "the state directory cannot be used");
    let cause = std::error::Error::source(&refused).unwrap().to_string();
    assert!(
        cause.starts_with("another gh-mesh process holds"),
        "{cause}"
    );
    drop(node);
    Node::start(&settings).await.unwrap();
}

#[tokio::test]
async fn without_a_disk_it_serves_from_memory_and_says_so_once() {
    let (dir, standin) = (tempfile::tempdir().unwrap(), lab::standin().await);
    // No directory can be made below a file, whoever asks.
    std::fs::write(dir.path().join("cache"), b"a file").unwrap();
    let settings = settings(dir.path(), &standin, &[ALONE]);
    let node = Node::start(&settings).await.unwrap();
    let [warning] = node.warnings() else {
        panic!("{:?}", node.warnings());
    };
    assert!(
        warning.starts_with("nothing is kept on disk, memory only: "),
        "{warning}"
    );
    let octocat = client(&node, Token::OCTOCAT);
    octocat.get(REPO).await;
    assert!(octocat.get(REPO).await.outcome().ends_with("detail=memory"));
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let (dir, standin) = (tempfile::tempdir().unwrap(), lab::standin().await);
    let missing = dir.path().join("missing.pem");
    let missing = settings(
        dir.path(),
        &standin,
        &[ALONE, ("CA_FILE", missing.to_str().unwrap())],
    );
    let refused = Node::start(&missing).await.unwrap_err().to_string();
    assert!(refused.starts_with("cannot read") && refused.ends_with("missing.pem"));
    std::fs::write(dir.path().join("file"), b"").unwrap();
    let below_a_file = dir.path().join("file/state");
    let below_a_file = settings(
        dir.path(),
        &standin,
        &[ALONE, ("STATE_DIR", below_a_file.to_str().unwrap())],
    );
    let refused = Node::start(&below_a_file).await.unwrap_err();
    assert!(matches!(
        refused,
        NodeError::State(StateError::Unusable { .. })
    ));
}

#[tokio::test]
async fn in_process_a_node_keeps_nothing_and_holds_nothing() {
    let (dir, standin) = (tempfile::tempdir().unwrap(), lab::standin().await);
    let settings = settings(dir.path(), &standin, &[]);
    let nodes = [
        Node::in_process(&settings).await.unwrap(),
        Node::in_process(&settings).await.unwrap(),
    ];
    for node in &nodes {
        client(node, Token::OCTOCAT).get(REPO).await;
    }
    assert_eq!(standin.counters().requests, 2);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[cfg(feature = "octocrab")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_env_takes_everything_from_the_environment() {
    let (dir, standin) = (tempfile::tempdir().unwrap(), lab::standin().await);
    let example = example();
    let run = || {
        Command::new(&example)
            .arg("octo-many")
            .env_clear()
            .env("HOME", dir.path())
            .env("GH_TOKEN", Token::OCTOCAT)
            .env("CACHE_API_URL", standin.http_url())
            .env("CACHE_MDNS", "false")
            .env("CACHE_P2P_LISTEN", "/ip4/127.0.0.1/tcp/0")
            .output()
            .unwrap()
    };
    for (hit_rate, requests) in [("0.0", 3), ("100.0", 0)] {
        let output = tokio::task::block_in_place(run);
        let text = String::from_utf8(output.stdout).unwrap();
        let expected =
            format!("260 repositories, hit rate {hit_rate}%, {requests} requests to GitHub");
        assert_eq!(
            text.lines().last(),
            Some(expected.as_str()),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert_eq!(standin.counters().requests, 3);
    assert!(dir.path().join(".cache/github_cli").is_dir());
}

/// Returns the example's program, made if this test was made without it.
#[cfg(feature = "octocrab")]
fn example() -> std::path::PathBuf {
    let tests = std::env::current_exe().unwrap();
    let profile = tests.ancestors().nth(2).unwrap();
    let example = profile.join("examples/list_repos");
    if !example.is_file() {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--package", "gh-client", "--example", "list_repos"])
            .status();
        assert!(built.unwrap().success());
    }
    example
}

#[tokio::test]
async fn what_another_token_fetched_before_a_restart_is_proved_from_disk() {
    let (dir, standin) = (tempfile::tempdir().unwrap(), lab::standin().await);
    let with_share = |share| settings(dir.path(), &standin, &[ALONE, ("SHARE", share)]);
    let node = Node::start(&with_share("proved")).await.unwrap();
    let target = format!("{}/languages", lab::PRIVATE);
    let body = client(&node, Token::OCTOCAT).get(&target).await.body;
    node.shutdown().await;
    drop(node);
    for (share, outcome) in [("token", lab::FETCHED), ("proved", lab::PROVED)] {
        let node = Node::start(&with_share(share)).await.unwrap();
        let token = if share == "token" {
            Token::INSTALLATION
        } else {
            lab::ROTATED
        };
        let seen = client(&node, token).get(&target).await;
        assert_eq!((seen.outcome(), &seen.body), (outcome, &body));
        node.shutdown().await;
    }
    assert_eq!(standin.counters().charged, 2);
}
