//! The freshest known rate limits, by credential and resource.

use std::collections::HashMap;

use cache_core::Audience;
use http::{HeaderMap, HeaderValue};
use parking_lot::RwLock;

use crate::headers::{
    RATE_LIMIT, RATE_REMAINING, RATE_RESET, RATE_RESOURCE, RATE_USED, digits, number,
};

/// At most this many credentials are remembered; beyond it the one whose windows end first is forgotten.
const MAX_CREDENTIALS: usize = 1024;

/// At most this many resources of one credential are remembered. GitHub names about ten.
const MAX_RESOURCES: usize = 32;

/// What GitHub said last about one budget (its rate-limit headers).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The resource: `core`, `search`, `graphql`, …
    pub resource: String,
    /// Requests allowed in the window.
    pub limit: u64,
    /// Requests left in the window.
    pub remaining: u64,
    /// When the window ends, in seconds since the Unix epoch.
    pub reset: u64,
}

/// All budgets that were heard of.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    /// Guards the budgets; held for one look-up.
    budgets: RwLock<HashMap<Audience, Vec<Budget>>>,
}

impl Limits {
    /// Learns from a response's headers.
    ///
    /// Backends disagree: of one window the least `remaining` is kept, and a later `reset` is a new window.
    pub(crate) fn learn(&self, audience: Audience, headers: &HeaderMap) {
        let (Some(limit), Some(remaining), Some(reset)) = (
            number(headers, &RATE_LIMIT),
            number(headers, &RATE_REMAINING),
            number(headers, &RATE_RESET),
        ) else {
            return;
        };
        let resource = headers
            .get(RATE_RESOURCE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("core");
        let mut all = self.budgets.write();
        if all.len() >= MAX_CREDENTIALS && !all.contains_key(&audience) {
            let ends = |budgets: &Vec<Budget>| budgets.iter().map(|budget| budget.reset).max();
            let first = all.iter().min_by_key(|(_, budgets)| ends(budgets));
            if let Some(first) = first.map(|(audience, _)| *audience) {
                all.remove(&first);
            }
        }
        let budgets = all.entry(audience).or_default();
        let Some(budget) = budgets
            .iter_mut()
            .find(|budget| budget.resource == resource)
        else {
            if budgets.len() < MAX_RESOURCES {
                budgets.push(Budget {
                    resource: resource.to_owned(),
                    limit,
                    remaining,
                    reset,
                });
            }
            return;
        };
        if reset > budget.reset {
            (budget.limit, budget.remaining, budget.reset) = (limit, remaining, reset);
        } else if reset == budget.reset {
            (budget.limit, budget.remaining) = (limit, remaining.min(budget.remaining));
        }
    }

    /// Writes the freshest known limits for a request into its response, or none.
    pub(crate) fn write(
        &self,
        audience: Audience,
        resource: &'static str,
        headers: &mut HeaderMap,
    ) {
        let budgets = self.budgets.read();
        let Some(budget) = budgets
            .get(&audience)
            .and_then(|budgets| budgets.iter().find(|budget| budget.resource == resource))
        else {
            return;
        };
        headers.insert(RATE_LIMIT, digits(budget.limit));
        headers.insert(RATE_REMAINING, digits(budget.remaining));
        headers.insert(
            RATE_USED,
            digits(budget.limit.saturating_sub(budget.remaining)),
        );
        headers.insert(RATE_RESET, digits(budget.reset));
        headers.insert(RATE_RESOURCE, HeaderValue::from_static(resource));
    }

    /// Returns all budgets, by resource.
    pub(crate) fn all(&self) -> Vec<(Audience, Budget)> {
        let budgets = self.budgets.read();
        let mut all: Vec<_> = budgets
            .iter()
            .flat_map(|(audience, budgets)| {
                budgets.iter().map(|budget| (*audience, budget.clone()))
            })
            .collect();
        all.sort_by(|a, b| (a.0, &a.1.resource).cmp(&(b.0, &b.1.resource)));
        all
    }
}

/// Returns the resource that GitHub counts a request of `path` against.
pub(crate) fn resource_of(path: &str) -> &'static str {
    match path {
        "/graphql" => "graphql",
        "/search/code" => "code_search",
        _ if path.starts_with("/search/") => "search",
        _ => "core",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(remaining: u64, reset: u64) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(RATE_LIMIT, digits(5000));
        headers.insert(RATE_REMAINING, digits(remaining));
        headers.insert(RATE_RESET, digits(reset));
        headers
    }

    #[test]
    fn the_least_remaining_of_a_window_is_kept_and_a_later_window_replaces_it() {
        let (limits, audience) = (Limits::default(), Audience::from_bytes([1; 16]));
        let remaining = |limits: &Limits| limits.all()[0].1.remaining;
        limits.learn(audience, &headers(10, 100));
        limits.learn(audience, &headers(12, 100));
        assert_eq!(remaining(&limits), 10);
        limits.learn(audience, &headers(4999, 200));
        limits.learn(audience, &headers(1, 100));
        assert_eq!(remaining(&limits), 4999);
        let mut said = HeaderMap::new();
        limits.write(audience, "core", &mut said);
        assert_eq!(said[RATE_REMAINING], "4999");
        limits.write(Audience::ANONYMOUS, "core", &mut HeaderMap::new());
        let mut none = HeaderMap::new();
        limits.write(Audience::ANONYMOUS, "core", &mut none);
        assert!(
            none.is_empty(),
            "another credential's limits are nobody's business"
        );
    }
}
