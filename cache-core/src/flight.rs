//! Single flight: one asks, the rest wait.
//!
//! The leader runs in a task of its own, so that a caller who hangs up does not take the others' answer along. What it
//! brings is published once to all followers; what may be nobody else's goes to the one caller who started it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use http::StatusCode;
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use crate::memory::KeyMap;
use crate::port::{PortError, StreamedBody};
use crate::{CacheKey, Entry, QuestionDigest, Tag, Timestamp};

/// How a flight got what it brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// It was in memory after all: another flight landed while this one started.
    Memory,
    /// A peer held it.
    Peer,
    /// Another member of the fleet asked the origin for it.
    Fleet,
    /// The origin sent it.
    Fetched { stored: bool },
    /// The origin said that it is current.
    Revalidated,
    /// The origin said that another audience's body is current for this credential too.
    Proved,
    /// It is stale, and the origin failed.
    StaleIfError { status: StatusCode },
    /// It is stale, and the origin refused by a rate limit.
    RefusedByLimit { status: StatusCode },
}

/// What a flight brings for everybody who waits.
#[derive(Clone, Debug)]
pub(crate) enum Landed {
    /// An answer.
    Entry { entry: Arc<Entry>, how: How },
    /// Each follower has to ask for itself; the caller who started the flight has the answer.
    EachForItself,
    /// No answer.
    Failed(Arc<PortError>),
}

/// What a flight brings for the caller who started it alone.
#[derive(Debug)]
pub(crate) enum Private {
    /// A response that is passed on while it arrives.
    Streamed(http::Response<StreamedBody>),
    /// A complete response.
    Whole(Arc<Entry>),
}

/// One question under way.
#[derive(Debug)]
pub(crate) struct Flight {
    id: u64,
    landed: watch::Receiver<Option<Landed>>,
    /// Whether the origin has been asked already: whoever demands an answer newer than its own request must not join.
    /// Written under the lock of the flights, so that whoever joined before it is older than the request.
    sent: AtomicBool,
    /// By which tags a write finds it.
    tags: Arc<[Tag]>,
}

impl Flight {
    /// Waits for the flight to land. `None`: its leader ended without a word (a panic).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the flight and its other followers alone.
    pub(crate) async fn landed(&self) -> Option<Landed> {
        let mut landed = self.landed.clone();
        landed.wait_for(Option::is_some).await.ok()?.clone()
    }
}

/// What the leader of a flight holds: dropping it ends the flight.
#[derive(Debug)]
pub(crate) struct Takeoff {
    pub(crate) flight: Arc<Flight>,
    flights: Arc<Flights>,
    key: CacheKey,
    landing: watch::Sender<Option<Landed>>,
    private: Option<oneshot::Sender<Private>>,
}

impl Takeoff {
    /// Notes that the origin is being asked: whatever it says is newer than everybody who has joined so far.
    pub(crate) fn mark_sent(&self) {
        let _map = self.flights.map.lock();
        self.flight.sent.store(true, Relaxed);
    }

    /// Publishes what the flight brings, and ends it. What was published before stands.
    pub(crate) fn land(&self, landed: Landed) {
        // Before those who wait go on: whom this does not suit must not join the same flight again.
        self.close();
        self.publish(landed);
    }

    /// Publishes something to go on with while the flight goes on: whoever joins meanwhile is given it at once.
    pub(crate) fn land_early(&self, landed: Landed) {
        // It is older than whoever comes now, also where the origin was not asked yet.
        self.mark_sent();
        self.publish(landed);
    }

    fn publish(&self, landed: Landed) {
        self.landing.send_if_modified(|slot| {
            let first = slot.is_none();
            if first {
                *slot = Some(landed);
            }
            first
        });
    }

    /// Lets nobody join any more.
    fn close(&self) {
        let mut map = self.flights.map.lock();
        // A `no-cache` request or an invalidation may have put another flight in its place.
        if map
            .get(&self.key)
            .is_some_and(|flight| flight.id == self.flight.id)
        {
            map.remove(&self.key);
        }
    }

    /// Tells whether something was published already.
    pub(crate) fn has_landed(&self) -> bool {
        self.landing.borrow().is_some()
    }

    /// Gives the starting caller an answer that is nobody else's, and sends the followers to ask for themselves.
    pub(crate) fn land_privately(&mut self, private: Private) {
        if let Some(tx) = self.private.take() {
            // The caller may have hung up, or the flight refreshes behind: then nobody wants this.
            let _ = tx.send(private);
        }
        self.land(Landed::EachForItself);
    }
}

impl Drop for Takeoff {
    fn drop(&mut self) {
        // A leader that panics lands nowhere; those who wait hear of it when `landing` drops after this.
        self.close();
    }
}

/// How a caller takes part.
#[derive(Debug)]
pub(crate) enum Seat {
    /// It has to run the flight.
    Leader(Takeoff, oneshot::Receiver<Private>),
    /// It waits for one under way.
    Follower(Arc<Flight>),
}

/// All flights under way.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    /// Guards the flights by key; held for a look-up only.
    map: Mutex<KeyMap<Arc<Flight>>>,
    /// Questions that are not collapsed, each until an instant; held for a look-up only.
    uncollapsed: Mutex<HashMap<QuestionDigest, Timestamp>>,
    next_id: AtomicU64,
}

/// At most this many questions are remembered as not to be collapsed; beyond it the soonest to end is forgotten.
const MAX_UNCOLLAPSED: usize = 1024;

impl Flights {
    /// Joins the flight for `key`, or starts one.
    ///
    /// With `only_unsent` a flight that has asked the origin already is not joined but replaced.
    pub(crate) fn join(
        self: &Arc<Self>,
        key: CacheKey,
        only_unsent: bool,
        tags: &Arc<[Tag]>,
    ) -> Seat {
        let mut map = self.map.lock();
        if let Some(flight) = map.get(&key)
            && !(only_unsent && flight.sent.load(Relaxed))
        {
            return Seat::Follower(Arc::clone(flight));
        }
        let (landing, landed) = watch::channel(None);
        let (private, private_rx) = oneshot::channel();
        let id = self.next_id.fetch_add(1, Relaxed);
        let flight = Arc::new(Flight {
            id,
            landed,
            sent: AtomicBool::new(false),
            tags: Arc::clone(tags),
        });
        map.insert(key, Arc::clone(&flight));
        let takeoff = Takeoff {
            flight,
            flights: Arc::clone(self),
            key,
            landing,
            private: Some(private),
        };
        Seat::Leader(takeoff, private_rx)
    }

    /// Lets nobody join the flights that carry one of `tags` any more. They go on for those who wait already.
    pub(crate) fn close_tagged(&self, tags: &[Tag]) {
        self.map
            .lock()
            .retain(|_, flight| !flight.tags.iter().any(|tag| tags.contains(tag)));
    }

    /// Lets nobody join any flight under way. They go on for those who wait already.
    pub(crate) fn close_all(&self) {
        self.map.lock().clear();
    }

    /// Tells whether a flight for `key` is under way.
    pub(crate) fn is_under_way(&self, key: &CacheKey) -> bool {
        self.map.lock().contains_key(key)
    }

    /// Notes that answers to `question` are nobody else's, so that waiting for one is in vain.
    pub(crate) fn do_not_collapse(
        &self,
        question: QuestionDigest,
        now: Timestamp,
        lasting: Duration,
    ) {
        let mut uncollapsed = self.uncollapsed.lock();
        if uncollapsed.len() >= MAX_UNCOLLAPSED {
            uncollapsed.retain(|_, until| *until > now);
        }
        if uncollapsed.len() >= MAX_UNCOLLAPSED
            && let Some(soonest) = uncollapsed
                .iter()
                .min_by_key(|(_, until)| **until)
                .map(|(question, _)| *question)
        {
            uncollapsed.remove(&soonest);
        }
        uncollapsed.insert(question, now.saturating_add(lasting));
    }

    /// Tells whether requests for `question` go each for itself.
    pub(crate) fn is_uncollapsed(&self, question: QuestionDigest, now: Timestamp) -> bool {
        self.uncollapsed
            .lock()
            .get(&question)
            .is_some_and(|until| *until > now)
    }

    /// Returns how many flights are under way.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.map.lock().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Audience;

    fn key() -> CacheKey {
        CacheKey::from_parts(QuestionDigest::from_bytes([1; 32]), Audience::ANONYMOUS)
    }

    fn lead(flights: &Arc<Flights>) -> Takeoff {
        match flights.join(key(), false, &Arc::from([])) {
            Seat::Leader(takeoff, _) => takeoff,
            Seat::Follower(_) => panic!("nobody leads yet"),
        }
    }

    /// Regression: whom the landing did not suit joined the same flight again, and then asked for itself.
    #[test]
    fn nobody_joins_a_flight_that_has_landed() {
        let flights = Arc::<Flights>::default();
        let landed = lead(&flights);
        landed.land(Landed::EachForItself);
        let next = lead(&flights);
        drop(landed);
        assert!(flights.is_under_way(&key()), "the next one is left alone");
        drop(next);
        assert_eq!(flights.len(), 0);
    }

    #[test]
    fn a_flight_that_landed_early_is_joined_but_not_by_who_demands_newer() {
        let flights = Arc::<Flights>::default();
        let early = lead(&flights);
        early.land_early(Landed::EachForItself);
        early.land(Landed::Failed(Arc::new(PortError::new(
            crate::port::PortErrorKind::TimedOut,
            "origin",
            "late",
        ))));
        let early = lead(&flights);
        early.land_early(Landed::EachForItself);
        let tags = Arc::from([]);
        assert!(matches!(
            flights.join(key(), false, &tags),
            Seat::Follower(_)
        ));
        assert!(matches!(flights.join(key(), true, &tags), Seat::Leader(..)));
    }

    #[test]
    fn questions_that_are_not_collapsed_are_bounded_and_forgotten_in_time() {
        let flights = Flights::default();
        let question = |n: usize| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            QuestionDigest::from_bytes(bytes)
        };
        let at = |n: usize| Timestamp::from_millis(n as u64);
        let minute = Duration::from_secs(60);
        for n in 0..=MAX_UNCOLLAPSED {
            flights.do_not_collapse(question(n), at(n), minute);
        }
        assert_eq!(flights.uncollapsed.lock().len(), MAX_UNCOLLAPSED);
        let now = at(MAX_UNCOLLAPSED);
        assert!(!flights.is_uncollapsed(question(0), now), "the soonest");
        assert!(flights.is_uncollapsed(question(1), now));
        assert!(!flights.is_uncollapsed(question(1), at(60_001)));
    }
}
