//! What the demo prints.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::load::Sample;
use crate::rig::Counters;

/// The counts of one load.
#[derive(Debug)]
pub(crate) struct Report {
    /// Requests that clients made.
    pub(crate) asked: u64,
    /// Requests that reached the stand-in.
    pub(crate) upstream: u64,
    /// Of those, charged to the rate limit.
    pub(crate) charged: u64,
    kinds: Vec<(&'static str, u64)>,
    latencies: Vec<Duration>,
}

/// Counters of a node, and what they are called here.
const KINDS: &[(&str, &str)] = &[
    ("local_hits", "hits in memory or on disk"),
    ("peer_hits", "hits at the other machine"),
    ("collapsed", "collapsed into another's request"),
    ("revalidated", "revalidated, 304"),
    ("misses", "fetched"),
    ("bypassed", "passed on untouched"),
];

impl Report {
    pub(crate) fn with_mesh(
        counters: &Counters,
        nodes: &[Value],
        samples: Vec<Sample>,
    ) -> Result<Self> {
        let sum = |field: &str| -> Result<u64> {
            nodes
                .iter()
                .map(|stats| {
                    stats[field]
                        .as_u64()
                        .with_context(|| format!("no {field} in {stats}"))
                })
                .sum()
        };
        let kinds = KINDS
            .iter()
            .map(|(field, name)| Ok((*name, sum(field)?)))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            asked: sum("total_requests")?,
            upstream: counters.requests,
            charged: counters.charged,
            kinds,
            latencies: sorted(samples),
        })
    }

    pub(crate) fn direct(counters: &Counters, samples: Vec<Sample>) -> Self {
        Self {
            asked: counters.requests,
            upstream: counters.requests,
            charged: counters.charged,
            kinds: Vec::new(),
            latencies: sorted(samples),
        }
    }

    fn quantile(&self, per_hundred: usize) -> String {
        match self.latencies.get(self.latencies.len() * per_hundred / 100) {
            Some(latency) => format!("{:.1} ms", latency.as_secs_f64() * 1000.0),
            None => "-".to_owned(),
        }
    }
}

fn sorted(samples: Vec<Sample>) -> Vec<Duration> {
    let mut latencies: Vec<Duration> = samples.into_iter().map(|Sample(took)| took).collect();
    latencies.sort();
    latencies
}

/// Prints both, side by side.
pub(crate) fn print(with: &Report, direct: &Report) {
    let row =
        |name: &str, with: &str, direct: &str| say(&format!("{name:<36} {with:>14} {direct:>18}"));
    row("", "with gh-mesh", "without gh-mesh");
    row("asked", &with.asked.to_string(), &direct.asked.to_string());
    row(
        "upstream",
        &with.upstream.to_string(),
        &direct.upstream.to_string(),
    );
    row(
        "charged to the rate limit",
        &with.charged.to_string(),
        &direct.charged.to_string(),
    );
    row(
        "saved",
        &with.asked.saturating_sub(with.upstream).to_string(),
        "0",
    );
    row("latency p50", &with.quantile(50), &direct.quantile(50));
    row("latency p95", &with.quantile(95), &direct.quantile(95));
    say("");
    for (name, count) in &with.kinds {
        row(name, &count.to_string(), "");
    }
}

/// Prints a line of results.
#[expect(clippy::print_stdout, reason = "results of the task")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}
