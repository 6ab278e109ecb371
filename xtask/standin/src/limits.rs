//! Primary rate limits: one budget per identity and resource, renewed when its window ends.

use std::collections::HashMap;

use http::{HeaderMap, HeaderValue};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::clock::Time;
use crate::config::{Config, Token};
use crate::routes::Resource;

const HOUR: i64 = 3_600;
const MINUTE: i64 = 60;

/// Whose budget a request draws on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Payer {
    /// All tokens of one user.
    User(String),
    /// One installation token, by its label.
    Installation(String),
    /// Requests without a (valid) token from one source.
    Anonymous(String),
}

impl Payer {
    pub(crate) fn of(token: Option<&Token>, source: &str) -> Self {
        match token {
            None => Self::Anonymous(source.into()),
            Some(token) if token.is_installation() => Self::Installation(token.label.clone()),
            Some(token) => Self::User(token.login.clone()),
        }
    }
}

/// The state of one budget.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    limit: u64,
    used: u64,
    reset: Time,
    resource: Resource,
}

impl Budget {
    pub(crate) fn is_spent(&self) -> bool {
        self.used >= self.limit
    }

    fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }

    pub(crate) fn write_headers(&self, headers: &mut HeaderMap) {
        for (name, value) in [
            ("x-ratelimit-limit", self.limit),
            ("x-ratelimit-remaining", self.remaining()),
            ("x-ratelimit-used", self.used),
            ("x-ratelimit-reset", self.reset.0.unsigned_abs()),
        ] {
            headers.insert(name, HeaderValue::from(value));
        }
        headers.insert(
            "x-ratelimit-resource",
            HeaderValue::from_static(self.resource.name()),
        );
    }

    pub(crate) fn json(&self) -> Value {
        json!({"limit": self.limit, "used": self.used, "remaining": self.remaining(), "reset": self.reset.0})
    }
}

/// All budgets.
#[derive(Debug)]
pub(crate) struct Limits {
    per_hour: u64,
    anonymous_per_hour: u64,
    budgets: Mutex<HashMap<(Payer, Resource), Budget>>,
}

impl Limits {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            per_hour: config.per_hour,
            anonymous_per_hour: config.anonymous_per_hour,
            budgets: Mutex::default(),
        }
    }

    /// Returns the budget after `points` were drawn from it.
    pub(crate) fn draw(
        &self,
        payer: &Payer,
        token: Option<&Token>,
        resource: Resource,
        points: u64,
        now: Time,
    ) -> Budget {
        let mut budgets = self.budgets.lock();
        let budget = budgets
            .entry((payer.clone(), resource))
            .or_insert_with(|| self.fresh(payer, token, resource, now));
        if budget.reset <= now {
            *budget = self.fresh(payer, token, resource, now);
        }
        budget.used = (budget.used + points).min(budget.limit);
        *budget
    }

    /// Sets how much is left of a budget, for tests that need it spent.
    pub(crate) fn set_remaining(
        &self,
        payer: &Payer,
        token: Option<&Token>,
        resource: Resource,
        remaining: u64,
        now: Time,
    ) {
        self.draw(payer, token, resource, 0, now);
        if let Some(budget) = self.budgets.lock().get_mut(&(payer.clone(), resource)) {
            budget.used = budget.limit.saturating_sub(remaining);
        }
    }

    pub(crate) fn reset(&self) {
        self.budgets.lock().clear();
    }

    fn fresh(&self, payer: &Payer, token: Option<&Token>, resource: Resource, now: Time) -> Budget {
        let anonymous = matches!(payer, Payer::Anonymous(_));
        let hourly = if anonymous {
            self.anonymous_per_hour
        } else {
            token
                .and_then(|token| token.per_hour)
                .unwrap_or(self.per_hour)
        };
        let (limit, window) = match resource {
            Resource::Core => (hourly, HOUR),
            Resource::Search => (if anonymous { 10 } else { 30 }, MINUTE),
            Resource::GraphQl => (if anonymous { 0 } else { hourly }, HOUR),
            Resource::RunnerRegistration => (10_000, HOUR),
        };
        Budget {
            limit,
            used: 0,
            reset: now.plus(window),
            resource,
        }
    }
}
