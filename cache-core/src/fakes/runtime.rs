//! A runtime on tokio's clock, which a test can pause, advance and step.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

use crate::Timestamp;
use crate::port::{BoxFuture, Runtime};

/// Tokio's clock, which a test can pause, and its tasks. The present can be made to step.
#[derive(Debug)]
pub struct FakeRuntime {
    started: Instant,
    step_ms: AtomicI64,
}

/// Where the clock starts: 2020-09-13T12:26:40Z.
const START_MS: u64 = 1_600_000_000_000;

impl Default for FakeRuntime {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            step_ms: AtomicI64::new(0),
        }
    }
}

impl FakeRuntime {
    /// Makes the wall clock step by this many seconds, as a correction by NTP does. Timers do not notice.
    pub fn step(&self, by_s: i64) {
        self.step_ms.fetch_add(by_s * 1000, Relaxed);
    }
}

impl Runtime for FakeRuntime {
    fn now(&self) -> Timestamp {
        let now = Timestamp::from_millis(START_MS).saturating_add(self.started.elapsed());
        let step_ms = self.step_ms.load(Relaxed);
        Timestamp::from_millis(now.as_millis().saturating_add_signed(step_ms))
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }
}
