//! What was asked and how it was answered.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::Serialize;

/// One kind of exchange and how often it happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Method as sent.
    pub method: String,
    /// Template of the route, such as `/repos/{owner}/{repo}`; `unknown` if there is none.
    pub route: String,
    /// Label of the token; `anonymous` without one, `unknown` if it was refused.
    pub token: String,
    /// Status of the answer; 0 if the connection was broken instead.
    pub status: u16,
    /// Whether the primary limit was charged.
    pub charged: bool,
    /// Whether the request carried a validator.
    pub conditional: bool,
    /// How often.
    pub count: u64,
}

/// Everything counted since start or the last reset. Requests for `/_standin/` do not count.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counters {
    /// Requests received.
    pub requests: u64,
    /// Requests charged to a primary limit.
    pub charged: u64,
    /// Requests that carried a validator.
    pub conditional: u64,
    /// Answers with status 304.
    pub not_modified: u64,
    /// Requests being answered at this moment.
    pub in_flight: u64,
    /// The most requests that were being answered at one moment.
    pub max_in_flight: u64,
    /// Bytes of request bodies received.
    pub bytes_in: u64,
    /// Bytes of response bodies handed to connections, after compression.
    pub bytes_out: u64,
    /// The same requests by kind.
    pub kinds: Vec<Count>,
}

impl Counters {
    /// Returns how many requests went to `route` with `method`.
    pub fn count(&self, method: &str, route: &str) -> u64 {
        self.sum(|kind| kind.method == method && kind.route == route)
    }

    /// Returns how many requests were of the kinds that `wanted` picks.
    pub fn sum(&self, wanted: impl Fn(&Count) -> bool) -> u64 {
        self.kinds
            .iter()
            .filter(|kind| wanted(kind))
            .map(|kind| kind.count)
            .sum()
    }
}

/// What makes exchanges of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Kind {
    pub(crate) method: String,
    pub(crate) route: &'static str,
    pub(crate) token: String,
    pub(crate) status: u16,
    pub(crate) charged: bool,
    pub(crate) conditional: bool,
}

/// The live counters.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    kinds: Mutex<HashMap<Kind, u64>>,
    in_flight: AtomicU64,
    max_in_flight: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
}

/// Counts a request as in flight until dropped.
#[derive(Debug)]
pub(crate) struct InFlight<'a>(&'a Tally);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Tally {
    pub(crate) fn enter(&self) -> InFlight<'_> {
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.max_in_flight.fetch_max(now, Ordering::Relaxed);
        InFlight(self)
    }

    pub(crate) fn add(&self, kind: Kind) {
        *self.kinds.lock().entry(kind).or_default() += 1;
    }

    pub(crate) fn reset(&self) {
        self.kinds.lock().clear();
        let in_flight = self.in_flight.load(Ordering::Relaxed);
        self.max_in_flight.store(in_flight, Ordering::Relaxed);
        self.bytes_in.store(0, Ordering::Relaxed);
        self.bytes_out.store(0, Ordering::Relaxed);
    }

    pub(crate) fn counters(&self) -> Counters {
        let mut kinds: Vec<Count> = self
            .kinds
            .lock()
            .iter()
            .map(|(kind, count)| Count {
                method: kind.method.clone(),
                route: kind.route.into(),
                token: kind.token.clone(),
                status: kind.status,
                charged: kind.charged,
                conditional: kind.conditional,
                count: *count,
            })
            .collect();
        kinds.sort_by(|a, b| {
            (&a.route, &a.method, &a.token, a.status)
                .cmp(&(&b.route, &b.method, &b.token, b.status))
        });
        let mut counters = Counters {
            in_flight: self.in_flight.load(Ordering::Relaxed),
            max_in_flight: self.max_in_flight.load(Ordering::Relaxed),
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
            ..Counters::default()
        };
        counters.requests = kinds.iter().map(|kind| kind.count).sum();
        counters.kinds = kinds;
        counters.charged = counters.sum(|kind| kind.charged);
        counters.conditional = counters.sum(|kind| kind.conditional);
        counters.not_modified = counters.sum(|kind| kind.status == 304);
        counters
    }
}
