//! When a daemon that nobody asked for has nothing more to do.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::doors::unix::OpenConnections;

/// When the daemon was last asked something.
#[derive(Debug)]
pub(crate) struct Activity(Mutex<Instant>);

impl Activity {
    /// Counts from now.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    /// Notes that somebody asks now.
    pub(crate) fn note(&self) {
        *self.0.lock() = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock()
    }
}

/// Waits until nothing was asked for `limit`, no connection is open, and `is_wanted` says that no client relies on
/// the daemon.
///
/// # Cancel safety
///
/// Dropping the future loses nothing.
pub(crate) async fn idle(
    activity: &Activity,
    connections: &OpenConnections,
    limit: Duration,
    is_wanted: impl Fn() -> bool,
) {
    loop {
        tokio::time::sleep_until(activity.last() + limit).await;
        if connections.count() > 0 || is_wanted() {
            activity.note();
        } else if activity.last().elapsed() >= limit {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(1800);

    #[tokio::test(start_paused = true)]
    async fn what_was_asked_last_counts() {
        let (activity, start) = (Activity::new(), Instant::now());
        let connections = OpenConnections::none();
        let asked = async {
            tokio::time::sleep(LIMIT / 2).await;
            activity.note();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = idle(&activity, &connections, LIMIT, || false) => {}
            () = asked => {}
        }
        assert_eq!(start.elapsed(), LIMIT * 3 / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_daemon_that_clients_rely_on_stays() {
        let (activity, start, times) = (Activity::new(), Instant::now(), Cell::new(0));
        let is_wanted = || {
            times.set(times.get() + 1);
            times.get() < 4
        };
        idle(&activity, &OpenConnections::none(), LIMIT, is_wanted).await;
        assert_eq!(start.elapsed(), LIMIT * 4);
    }
}
