//! A node that dies or hangs while the other asks costs a moment, never an answer.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use rustix::process::Signal;
use tokio::time::Instant;

use super::{Stage, expect, expect_contains};
use crate::rig::{Ask, Node, Standin, TIME_LIMIT, timed};

/// What an answer may take while the owner is gone; most of it is what a busy machine takes.
const BOUND: Duration = Duration::from_secs(2);

/// Questions asked in a row: about half of them are owned by the node that is gone.
const N: usize = 8;

pub(super) async fn run(stage: &Stage) -> Result<()> {
    let standin = stage.rig.standin(&[]).await?;
    let a = stage.rig.node("a", &standin).start().await?;
    let b = stage.rig.node("b", &standin).joins(&a).start().await?;
    b.wait_for_peers(1).await?;
    let mut questions = Questions {
        standin: &standin,
        next: 1,
    };

    let with_peer = questions.slowest(&b).await?;
    a.signal(Signal::STOP)?;
    let stopped = questions.slowest(&b).await?;
    stage.report(&report("SIGSTOP", stopped, with_peer));
    let demoted = questions.slowest(&b).await?;
    stage.report(&report("still stopped", demoted, with_peer));

    a.signal(Signal::CONT)?;
    a.wait_for_peers(1).await?;
    b.wait_for_peers(1).await?;
    let took = questions.are_shared(&b, &a).await?;
    stage.report(&shared("SIGCONT", took));

    a.kill().await?;
    let killed = questions.slowest(&b).await?;
    stage.report(&report("SIGKILL", killed, with_peer));
    b.wait_for_peers(0).await?;

    let a = stage.rig.node("a", &standin).joins(&b).start().await?;
    a.wait_for_peers(1).await?;
    b.wait_for_peers(1).await?;
    let took = questions.are_shared(&b, &a).await?;
    stage.report(&shared("started again", took));
    Ok(())
}

fn report(what: &str, slowest: Duration, before: Duration) -> String {
    let ms = |duration: Duration| duration.as_secs_f64() * 1_000.0;
    format!(
        "{what}: {N} of {N} answered, the slowest in {:.0} ms ({:.0} ms before)",
        ms(slowest),
        ms(before)
    )
}

fn shared(what: &str, took: Duration) -> String {
    format!(
        "{what}: connected, and after {:.1} s what one asked the other has, {N} of {N}",
        took.as_secs_f64()
    )
}

/// Questions that nobody asked before.
struct Questions<'a> {
    standin: &'a Standin,
    next: usize,
}

impl Questions<'_> {
    fn next(&mut self) -> Ask {
        let path = format!("/repos/octo-many/repo-{:03}", self.next);
        self.next += 1;
        Ask::get(&path).token(self.standin.token("octocat"))
    }

    /// Asks some at `node`, and returns how long the slowest took.
    async fn slowest(&mut self, node: &Node) -> Result<Duration> {
        let mut slowest = Duration::ZERO;
        for _ in 0..N {
            let (took, answer) = timed(self.next().at(&node.http())).await;
            let answer = answer?;
            expect("answered", answer.status.as_u16(), 200)?;
            expect_contains("asked upstream", answer.cache_status(), "fwd=uri-miss")?;
            ensure!(took < BOUND, "an answer took {took:?}");
            slowest = slowest.max(took);
        }
        Ok(slowest)
    }

    /// Asks some at `first`, then at `second`, until only the first costs upstream requests. Returns how long that took:
    /// whom a node found silent it passes over for a while.
    async fn are_shared(&mut self, first: &Node, second: &Node) -> Result<Duration> {
        let start = Instant::now();
        while start.elapsed() < TIME_LIMIT {
            self.standin.reset().await?;
            for _ in 0..N {
                let ask = self.next();
                let asked = ask.at(&first.unix()).await?;
                let shared = ask.at(&second.unix()).await?;
                expect("the same body", shared.body, asked.body)?;
            }
            if self.standin.counters().await?.requests == N as u64 {
                return Ok(start.elapsed());
            }
        }
        bail!("not shared within {TIME_LIMIT:?}")
    }
}
