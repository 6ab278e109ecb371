//! Things that go wrong on request.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// A fault, and which requests it befalls. Faults stay until they are cleared or used up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What goes wrong.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// Template of the route, such as `/repos/{owner}/{repo}`, or the beginning of the path as sent. `None` means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Label of the token. `None` means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// How many more requests it befalls. `None` means until cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// The answer comes later by so many milliseconds.
    Delay {
        /// How much later.
        ms: u64,
    },
    /// The answer is an error with this status.
    Status {
        /// The status.
        status: u16,
    },
    /// The connection ends before the first byte of the answer.
    Reset,
    /// The connection ends after half of the body.
    Truncate,
    /// The secondary rate limit: 403 with `retry-after`.
    SecondaryLimit {
        /// Seconds to wait.
        retry_after: u64,
    },
    /// The token is not known any more: 401.
    Revoked,
    /// The answer says `Cache-Control: no-store`.
    NoStore,
    /// A JSON body is this many bytes larger, by spaces at its end.
    Larger {
        /// How many.
        bytes: usize,
    },
}

impl Fault {
    /// Returns a fault that befalls every request until it is cleared.
    pub fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            route: None,
            token: None,
            times: None,
        }
    }

    /// Limits the fault to a route; see [`Fault::route`].
    #[must_use]
    pub fn on(mut self, route: &str) -> Self {
        self.route = Some(route.into());
        self
    }

    /// Limits the fault to a token; see [`Fault::token`].
    #[must_use]
    pub fn for_token(mut self, label: &str) -> Self {
        self.token = Some(label.into());
        self
    }

    /// Limits how often the fault happens; see [`Fault::times`].
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    fn befalls(&self, route: &str, path: &str, token: &str) -> bool {
        self.times != Some(0)
            && self.token.as_deref().is_none_or(|label| label == token)
            && self
                .route
                .as_deref()
                .is_none_or(|wanted| wanted == route || path.starts_with(wanted))
    }
}

/// The faults in force.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(crate) fn add(&self, fault: Fault) {
        self.0.lock().push(fault);
    }

    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }

    pub(crate) fn list(&self) -> Vec<Fault> {
        self.0.lock().clone()
    }

    /// Returns what goes wrong with one request, using up faults that happen a limited number of times.
    pub(crate) fn take(&self, route: &str, path: &str, token: &str) -> Vec<FaultKind> {
        let mut faults = self.0.lock();
        let mut kinds = Vec::new();
        for fault in faults
            .iter_mut()
            .filter(|fault| fault.befalls(route, path, token))
        {
            if let Some(times) = &mut fault.times {
                *times -= 1;
            }
            kinds.push(fault.kind.clone());
        }
        faults.retain(|fault| fault.times != Some(0));
        kinds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_befall_their_route_and_token_as_often_as_said() {
        let faults = Faults::default();
        faults.add(
            Fault::new(FaultKind::Reset)
                .on("/meta")
                .for_token("hubot")
                .times(1),
        );
        assert_eq!(faults.take("/zen", "/zen", "hubot"), []);
        assert_eq!(faults.take("/meta", "/meta", "octocat"), []);
        assert_eq!(faults.take("/meta", "/meta", "hubot"), [FaultKind::Reset]);
        assert_eq!(faults.take("/meta", "/meta", "hubot"), []);
    }

    #[test]
    fn faults_are_read_from_flat_json() {
        let fault: Fault =
            serde_json::from_str(r#"{"kind":"status","status":503,"times":2}"#).unwrap();
        assert_eq!(
            fault,
            Fault::new(FaultKind::Status { status: 503 }).times(2)
        );
    }
}
