//! Clock, sleep and spawn.

use std::pin::Pin;
use std::time::Duration;

use crate::Timestamp;

/// A boxed future, as `async_trait` makes them.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Time and tasks. The one place where the cache meets a clock.
pub trait Runtime: Send + Sync + 'static {
    /// Returns the present instant. May step back; callers saturate.
    fn now(&self) -> Timestamp;

    /// Returns a future that completes after `duration`. Dropping it cancels the timer.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Runs `task` to its end, whoever waits for it or not.
    fn spawn(&self, task: BoxFuture<'static, ()>);
}
