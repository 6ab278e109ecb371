//! curl over the HTTP door: GitHub's own bytes with links that stay on the door, writes, refusals, `Cache-Status`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{Stage, expect, expect_contains};
use crate::rig::{Client, Node, Standin, run_to_end};

/// Answers of all kinds: objects, lists, with links, long ones, about the caller.
const PATHS: [&str; 9] = [
    "/user",
    "/repos/octocat/Hello-World",
    "/repos/octocat/Hello-World/issues?per_page=30&page=2",
    "/repos/octocat/Hello-World/pulls?state=all",
    "/repos/octocat/Hello-World/actions/runs?per_page=5",
    "/repos/octocat/Hello-World/releases",
    "/repos/octocat/Hello-World/contents/README.md",
    "/orgs/octo-org/repos",
    "/search/issues?q=repo:octocat/Hello-World",
];

pub(super) async fn run(stage: &Stage) -> Result<()> {
    let Some(client) = &stage.clients.curl else {
        stage.report("left out: curl is not installed");
        return Ok(());
    };
    // One is behind the node and names GitHub in its links; the other has the same data and names itself.
    let standin = stage.rig.standin(&[]).await?;
    let node = stage.rig.node("a", &standin).alone().start().await?;
    let curl = Curl {
        client,
        home: stage.rig.home("curl")?,
        token: standin.token("octocat").to_owned(),
    };
    same_bytes(stage, &curl, &standin, &node).await?;
    walk(stage, &curl, &standin, &node).await?;
    head_and_conditional(stage, &curl, &node).await?;
    write(stage, &curl, &node).await?;
    refusals(stage, &curl, &node).await
}

async fn same_bytes(stage: &Stage, curl: &Curl<'_>, standin: &Standin, node: &Node) -> Result<()> {
    let mirror = stage.rig.standin(&["--links", "listener"]).await?;
    for pass in ["first", "second"] {
        for path in PATHS {
            let what = format!("{path}, {pass}");
            let through = curl.get(&format!("{}{path}", node.http_url()), &[]).await?;
            let direct = curl
                .get(&format!("{}{path}", mirror.http_url()), &[])
                .await?;
            expect(&what, &through.status, &direct.status)?;
            let turned = turned(&direct.body, mirror.http_url(), &node.http_url());
            expect(&what, &through.body, &turned)?;
            let link = direct
                .header("link")
                .replace(mirror.http_url(), &node.http_url());
            expect(&what, through.header("link"), link.as_str())?;
            ensure!(
                through.header("cache-status").starts_with("gh-mesh; "),
                "{what}: no Cache-Status in {through:?}"
            );
            if pass == "second" {
                expect_contains(&what, through.header("cache-status"), "hit; ttl=")?;
            }
        }
    }
    let counted = standin.counters().await?;
    expect(&counted.kinds(), counted.requests, PATHS.len() as u64)?;
    stage.report(&format!(
        "{} paths twice: the bytes and links of GitHub under our address, Cache-Status on all; {} upstream requests",
        PATHS.len(),
        counted.requests
    ));
    Ok(())
}

/// Returns a body of the root `from` as the door gives it under the root `to`. Turned are values of `url` and `…_url`
/// that begin with the API's root; others are GitHub's own, and uploads go to a host of their own.
fn turned(body: &str, from: &str, to: &str) -> String {
    let value = format!(r#"":"{from}"#);
    let mut parts = body.split(&value);
    let mut turned = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let key = turned.rsplit('"').next().unwrap_or_default();
        let root = match key {
            "upload_url" => "https://uploads.github.com",
            "url" => to,
            _ if key.ends_with("_url") => to,
            _ => "https://api.github.com",
        };
        turned = [&turned, r#"":""#, root, part].concat();
    }
    turned
}

async fn walk(stage: &Stage, curl: &Curl<'_>, standin: &Standin, node: &Node) -> Result<()> {
    for pass in ["first", "second"] {
        let before = standin.counters().await?.requests;
        let mut next = Some(format!(
            "{}/users/octo-many/repos?per_page=50",
            node.http_url()
        ));
        let (mut pages, mut items) = (0, 0);
        while let Some(url) = next {
            ensure!(
                url.starts_with(&node.http_url()),
                "{url} leads away from the door"
            );
            let answer = curl.get(&url, &[]).await?;
            let page: Value = serde_json::from_str(&answer.body)?;
            items += page.as_array().context("a list")?.len();
            pages += 1;
            next = next_link(answer.header("link"));
        }
        let upstream = standin.counters().await?.requests - before;
        expect("pages and items", (pages, items), (6, 260))?;
        expect(pass, upstream, if pass == "first" { 6 } else { 0 })?;
        stage.report(&format!(
            "{pass} walk over {pages} pages and {items} items stays on the door: {upstream} upstream requests"
        ));
    }
    Ok(())
}

async fn head_and_conditional(stage: &Stage, curl: &Curl<'_>, node: &Node) -> Result<()> {
    let url = format!("{}/repos/octocat/Hello-World", node.http_url());
    let get = curl.get(&url, &[]).await?;
    let head = curl.get(&url, &["--head"]).await?;
    expect(
        "HEAD",
        (head.status.as_str(), head.body.as_str()),
        ("200", ""),
    )?;
    expect(
        "its length",
        head.header("content-length"),
        &get.body.len().to_string(),
    )?;
    expect_contains("HEAD", head.header("cache-status"), "hit; ttl=")?;
    expect("its tag", head.header("etag"), get.header("etag"))?;
    let condition = format!("If-None-Match: {}", get.header("etag"));
    let same = curl.get(&url, &["-H", &condition]).await?;
    expect(
        "conditional",
        (same.status.as_str(), same.body.as_str()),
        ("304", ""),
    )?;
    expect_contains("conditional", same.header("cache-status"), "hit; ttl=")?;
    stage.report("HEAD and If-None-Match are answered from the entry");
    Ok(())
}

async fn write(stage: &Stage, curl: &Curl<'_>, node: &Node) -> Result<()> {
    let url = format!("{}/repos/octocat/Hello-World/issues", node.http_url());
    let before = curl.get(&url, &[]).await?;
    let created = curl
        .get(&url, &["-d", r#"{"title":"made by curl"}"#])
        .await?;
    expect("POST", created.status.as_str(), "201")?;
    expect_contains("POST", created.header("cache-status"), "fwd=method")?;
    ensure!(
        created.body.contains(&format!("\"url\":\"{url}/")),
        "its URL leads away from the door: {created:?}"
    );
    let after = curl.get(&url, &[]).await?;
    ensure!(!before.body.contains("made by curl"));
    expect_contains("GET after POST", &after.body, "made by curl")?;
    stage.report(&format!(
        "POST, then GET shows it: {}",
        after.header("cache-status")
    ));
    Ok(())
}

async fn refusals(stage: &Stage, curl: &Curl<'_>, node: &Node) -> Result<()> {
    let url = format!("{}/repos/octocat/Hello-World", node.http_url());
    for header in [
        "Host: evil.example",
        "Host: api.github.com",
        "Origin: https://evil.example",
        "Origin: null",
        "Sec-Fetch-Site: cross-site",
    ] {
        let refused = curl.get(&url, &["-H", header]).await?;
        expect(header, refused.status.as_str(), "403")?;
        ensure!(
            !refused.body.contains("Hello-World"),
            "{header}: {refused:?}"
        );
        expect("no CORS", refused.header("access-control-allow-origin"), "")?;
    }
    let localhost = node.http_url().replace("127.0.0.1", "localhost");
    let let_in = curl
        .get(&format!("{localhost}/repos/octocat/Hello-World"), &[])
        .await?;
    expect("localhost", let_in.status.as_str(), "200")?;
    expect_contains(
        "its links",
        &let_in.body,
        &format!("{localhost}/repos/octocat/Hello-World"),
    )?;
    stage.report("5 wrong Host, Origin and Sec-Fetch-Site refused with 403; localhost is let in");
    Ok(())
}

/// Returns the URL of `rel="next"`.
fn next_link(link: &str) -> Option<String> {
    link.split(", ").find_map(|link| {
        let (url, rel) = link.split_once("; ")?;
        (rel == r#"rel="next""#).then(|| url.trim_matches(['<', '>']).to_owned())
    })
}

struct Curl<'a> {
    client: &'a Client,
    home: PathBuf,
    token: String,
}

/// An answer as curl prints it with `--include`.
#[derive(Debug)]
struct Printed {
    status: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Printed {
    fn header(&self, name: &str) -> &str {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }
}

impl Curl<'_> {
    async fn get(&self, url: &str, arguments: &[&str]) -> Result<Printed> {
        let mut command = self.client.command(&self.home);
        command
            .args([
                "--silent",
                "--show-error",
                "--include",
                "--noproxy",
                "*",
                "--user-agent",
                "walk/1",
            ])
            .args(["--header", &format!("Authorization: Bearer {}", self.token)])
            .args(arguments)
            .arg(url);
        let run = run_to_end(command).await?;
        expect(&format!("curl {url}: {}", run.stderr), run.code, Some(0))?;
        let (head, body) = run.stdout.split_once("\r\n\r\n").context("head and body")?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        Ok(Printed {
            status: status.context("a status line")?.to_owned(),
            headers: lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect(),
            body: body.to_owned(),
        })
    }
}
