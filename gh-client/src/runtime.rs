//! The clock, and tasks, of a tokio runtime.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cache_core::Timestamp;
use cache_core::port::{BoxFuture, Runtime};

/// Clock, sleep and spawn of the tokio runtime that it is used in.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioRuntime;

impl Runtime for TokioRuntime {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one clock: everything else is handed its time"
    )]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        // Flights bound themselves: by the origin's time-out, and by one flight a question.
        drop(tokio::spawn(task));
    }
}
