//! What keeps a node from starting, and what a command says that cannot be done: message, hint and exit code.

use std::os::unix::net::UnixListener;

use anyhow::{Context as _, Result};

use super::{Stage, expect, expect_contains};
use crate::rig::{Ask, NodeBuilder};

pub(super) async fn run(stage: &Stage) -> Result<()> {
    let standin = stage.rig.standin(&[]).await?;
    let running = stage.rig.node("running", &standin).start().await?;
    let taken_http = running.http().to_string();
    let taken_p2p = running
        .p2p()
        .first()
        .and_then(|addr| addr.split("/p2p/").next())
        .context("it listens for the fleet")?;
    let live_socket = running.socket().display().to_string();
    let other = stage.rig.node("other", &standin);
    let mut checked = 0;
    let mut check = async |what: &str, node: &NodeBuilder, args: &[&str], code, parts: &[&str]| {
        let run = node.run(args).await?;
        expect(&format!("{what}: {run:?}"), run.code, Some(code))?;
        expect(what, run.stdout.as_str(), "")?;
        for part in parts {
            expect_contains(what, &run.stderr, part)?;
        }
        checked += 1;
        anyhow::Ok(())
    };

    check(
        "an unknown flag",
        &other,
        &["serve", "--prot"],
        2,
        &["--prot"],
    )
    .await?;
    check(
        "no number",
        &other,
        &["serve", "--max-age", "soon"],
        2,
        &["--max-age", "soon"],
    )
    .await?;
    check(
        "a variable that makes no sense",
        &other.clone().set("CACHE_MDNS", "perhaps"),
        &["serve"],
        2,
        &["CACHE_MDNS", "perhaps"],
    )
    .await?;
    check(
        "a short secret",
        &other.clone().set("CACHE_P2P_SHARED_SECRET", "short"),
        &["serve"],
        2,
        &["keygen"],
    )
    .await?;
    check(
        "the HTTP port is taken",
        &other,
        &["serve", "--http", &taken_http],
        1,
        &[&taken_http, "--http"],
    )
    .await?;
    check(
        "the fleet's port is taken",
        &other,
        &["serve", "--p2p-listen", taken_p2p],
        1,
        &[taken_p2p, "hint:"],
    )
    .await?;
    check(
        "the socket is served",
        &other,
        &["serve", "--socket", &live_socket],
        1,
        &[&live_socket, "--socket"],
    )
    .await?;
    check(
        "the same node twice",
        running.builder(),
        &["serve"],
        1,
        &["another gh-mesh process"],
    )
    .await?;
    let long = format!("/tmp/{}/gh-mesh.sock", "x".repeat(120));
    check(
        "a long path",
        &other,
        &["serve", "--socket", &long],
        1,
        &["--socket"],
    )
    .await?;
    let nobody = other.clone().set("CACHE_API_URL", "http://127.0.0.1:1");
    check("nobody upstream", &nobody, &["api", "user"], 5, &["error:"]).await?;
    let anonymous = other.clone().unset("GH_TOKEN").set("PATH", "/nowhere");
    check(
        "no credentials",
        &anonymous,
        &["api", "user"],
        4,
        &["GH_TOKEN"],
    )
    .await?;
    check("no daemon", &other, &["stats"], 1, &["gh-mesh serve"]).await?;
    // What was asked for in vain broke nothing.
    expect("still there", running.count("connected_peers").await?, 0)?;
    stage.report(&format!(
        "{checked} failures: exit code, stderr, nothing on stdout"
    ));

    let stale = stage.rig.path("stale.sock");
    drop(UnixListener::bind(&stale)?);
    let socket = stale.display().to_string();
    let node = other.clone().set("CACHE_SOCKET", &socket).start().await?;
    let ask = Ask::get("/users/octocat").token(standin.token("octocat"));
    expect(
        "over a stale socket",
        ask.at(&node.unix()).await?.status.as_u16(),
        200,
    )?;
    expect("exit code", node.terminate().await?, Some(0))?;
    stage.report("a socket left behind is replaced");

    let node = anonymous.start().await?;
    expect_contains("alone", &node.process().log(), "CACHE_P2P_SHARED_SECRET")
        .or_else(|_| expect("with a secret of its own", node.p2p().len(), 1))?;
    let anonymous = Ask::get("/users/octocat").at(&node.http()).await?;
    expect("anonymous", anonymous.status.as_u16(), 200)?;
    stage.report("a node without credentials serves");
    Ok(())
}
