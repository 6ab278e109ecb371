//! A node that dies or hangs while the other asks costs a moment, never an answer.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use rustix::process::Signal;
use serde_json::json;
use tokio::time::Instant;

use super::{Stage, expect, expect_contains};
use crate::rig::{Ask, Node, Standin, TIME_LIMIT, timed, until};

/// What an answer may take while the owner is gone; most of it is what a busy machine takes.
const BOUND: Duration = Duration::from_secs(2);

/// So long upstream takes where a request has to be caught in flight.
const UPSTREAM: Duration = Duration::from_millis(800);

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

    let extra = questions.asker_gone(&a, &b, Signal::STOP).await?;
    stage.report(&extra_wait("SIGSTOP", extra));
    a.signal(Signal::CONT)?;
    a.wait_for_peers(1).await?;
    b.wait_for_peers(1).await?;
    questions.are_shared(&b, &a).await?;
    let extra = questions.asker_gone(&a, &b, Signal::KILL).await?;
    stage.report(&extra_wait("SIGKILL", extra));
    expect("it was killed", a.ended().await?, None)?;
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

fn extra_wait(what: &str, extra: Duration) -> String {
    format!(
        "{what} of the one that asks upstream: the one that waits for it is answered, {:.0} ms later than upstream takes",
        extra.as_secs_f64() * 1_000.0
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
        let path = format!("/repos/octocat/Hello-World/labels?page={}", self.next);
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

    /// Stops `asker` while it asks upstream and `waiter` waits for the same. Returns how much longer than upstream takes
    /// the waiter waited after that.
    async fn asker_gone(&mut self, asker: &Node, waiter: &Node, how: Signal) -> Result<Duration> {
        self.standin.reset().await?;
        let delay = json!({"kind": "delay", "ms": UPSTREAM.as_millis()});
        self.standin.fault(&delay).await?;
        let ask = self.next();
        let at = |node: &Node| {
            let (ask, door) = (ask.clone(), node.http());
            tokio::spawn(async move { ask.at(&door).await })
        };
        let asking = at(asker);
        until("the asker's request is upstream", || async {
            Ok((self.standin.counters().await?.in_flight == 1).then_some(()))
        })
        .await?;
        let waiting = at(waiter);
        // A question sent later was answered, so that one has arrived.
        waiter.stats().await?;
        asker.signal(how)?;
        let (took, answer) = timed(waiting).await;
        asking.abort();
        let answer = answer??;
        expect("answered", answer.status.as_u16(), 200)?;
        ensure!(took < BOUND + UPSTREAM, "the answer took {took:?}");
        self.standin.reset().await?;
        Ok(took.saturating_sub(UPSTREAM))
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
