//! A fleet that says what it was told to, and remembers what it was asked and given.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use async_trait::async_trait;
use parking_lot::Mutex;

use super::Gate;
use crate::port::{Ask, LeaseKey, Peers, Sealed, Verdict};

/// A fleet that says what was scripted, in that order, and then [`Verdict::Alone`].
#[derive(Debug, Default)]
pub struct FakePeers {
    script: Mutex<VecDeque<Verdict>>,
    asks: Mutex<Vec<Ask>>,
    offers: Mutex<Vec<(LeaseKey, Sealed)>>,
    behind: Mutex<Option<Gate>>,
    is_away: AtomicBool,
}

impl FakePeers {
    /// Appends to the script.
    pub fn script(&self, verdicts: impl IntoIterator<Item = Verdict>) {
        self.script.lock().extend(verdicts);
    }

    /// Makes the next verdicts wait for `gate`.
    pub fn hold(&self, gate: &Gate) {
        *self.behind.lock() = Some(gate.clone());
    }

    /// Makes the fleet unreachable from now on, or reachable again.
    pub fn leave(&self, is_away: bool) {
        self.is_away.store(is_away, SeqCst);
    }

    /// Returns what was asked, in order.
    pub fn asks(&self) -> Vec<Ask> {
        self.asks.lock().clone()
    }

    /// Returns what was offered, in order.
    pub fn offers(&self) -> Vec<(LeaseKey, Sealed)> {
        self.offers.lock().clone()
    }
}

#[async_trait]
impl Peers for FakePeers {
    async fn ask(&self, ask: Ask) -> Verdict {
        self.asks.lock().push(ask);
        let verdict = self.script.lock().pop_front();
        let gate = self.behind.lock().clone();
        if let Some(gate) = gate {
            gate.passed().await;
        }
        verdict.unwrap_or(Verdict::Alone)
    }

    fn offer(&self, key: LeaseKey, sealed: Sealed) {
        self.offers.lock().push((key, sealed));
    }

    fn is_reachable(&self) -> bool {
        !self.is_away.load(SeqCst)
    }
}
