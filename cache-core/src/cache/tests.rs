//! Behavior of lookups, through fakes of all ports and tokio's paused clock.

use std::time::Duration;

use futures_util::future::join_all;
use http::Method;
use http_body_util::BodyExt;

use super::*;
use crate::CacheKey;
use crate::fakes::{FakeOrigin, FakePeers, FakeRuntime, FakeSealer, FakeStore, Gate, Reply};
use crate::port::{Disposition, PortErrorKind};

mod collapsing;
mod counting;
mod failing;
mod fleet;
mod freshening;
mod keeping;
mod proving;
mod stress;

/// One node with all its ports.
struct Node {
    cache: Cache,
    runtime: Arc<FakeRuntime>,
    origin: Arc<FakeOrigin>,
    store: Arc<FakeStore>,
    peers: Arc<FakePeers>,
    sealer: Arc<FakeSealer>,
}

/// How one request was answered.
#[derive(Debug)]
struct Seen {
    outcome: String,
    body: String,
    entry: Option<Arc<Entry>>,
}

impl Node {
    fn new() -> Self {
        Self::with(CacheConfig::default())
    }

    fn with(config: CacheConfig) -> Self {
        Self::sharing(config, Arc::default())
    }

    fn sharing(config: CacheConfig, sealer: Arc<FakeSealer>) -> Self {
        let runtime = Arc::<FakeRuntime>::default();
        let store = Arc::<FakeStore>::default();
        let peers = Arc::<FakePeers>::default();
        let ports = Ports {
            store: store.clone(),
            peers: peers.clone(),
            sealer: sealer.clone(),
            runtime: runtime.clone(),
        };
        Self {
            cache: Cache::new(config, ports),
            runtime,
            origin: Arc::default(),
            store,
            peers,
            sealer,
        }
    }

    async fn ask(&self, query: &Query) -> Result<Answer, LookupError> {
        let origin: Arc<dyn Origin> = self.origin.clone();
        self.cache.answer(query.clone(), &origin).await
    }

    async fn get(&self, query: &Query) -> Seen {
        // On a paused clock an hour passes at once when nothing else can happen: a hang is a failure.
        let answered = tokio::time::timeout(secs(3600), self.ask(query)).await;
        match answered.expect("each request is answered") {
            Ok(Answer::Stored(answer)) => Seen {
                outcome: answer.outcome.to_string(),
                body: String::from_utf8(answer.entry.body().to_vec()).unwrap(),
                entry: Some(answer.entry),
            },
            Ok(Answer::Streamed(response, outcome)) => {
                let body = response.into_body().collect().await.unwrap().to_bytes();
                Seen {
                    outcome: outcome.to_string(),
                    body: String::from_utf8(body.to_vec()).unwrap(),
                    entry: None,
                }
            }
            Err(error) => Seen {
                outcome: "error".to_owned(),
                body: error.to_string(),
                entry: None,
            },
        }
    }

    /// Asks in a task of its own, and lets it get as far as it can now.
    async fn start(&self, query: &Query) -> tokio::task::JoinHandle<Seen> {
        let node = self.clone();
        let query = query.clone();
        let task = tokio::spawn(async move { node.get(&query).await });
        pass(0).await;
        task
    }

    async fn get_many(&self, n: usize, query: &Query) -> Vec<Seen> {
        join_all((0..n).map(|_| self.get(query))).await
    }

    /// What the origin would say to `query` now.
    fn current(&self, query: &Query) -> String {
        self.origin.body(&query.question, &query.credential)
    }

    fn key(&self, query: &Query) -> CacheKey {
        CacheKey::new(&query.question, self.cache.audience(&query.credential))
    }

    fn in_memory(&self, query: &Query) -> bool {
        self.cache.inner.memory.get(&self.key(query)).is_some()
    }

    fn on_disk(&self, query: &Query) -> bool {
        self.store.keys().contains(&self.key(query))
    }

    #[track_caller]
    fn check_calls(&self, n: usize) {
        assert_eq!(self.origin.n_requests(), n, "requests to the origin");
        assert_eq!(self.cache.inner.flights.len(), 0, "flights left behind");
    }
}

impl Clone for Node {
    fn clone(&self) -> Self {
        Self {
            cache: self.cache.clone(),
            runtime: self.runtime.clone(),
            origin: self.origin.clone(),
            store: self.store.clone(),
            peers: self.peers.clone(),
            sealer: self.sealer.clone(),
        }
    }
}

/// A private question of one token: fresh for 60 s, then 30 s behind, and 600 s instead of an error.
fn query_of(target: &str, token: &str) -> Query {
    let question = Question::builder(Method::GET, "api.example", target).build();
    Query {
        question: Arc::new(question),
        credential: Credential::new(token.as_bytes(), format!("Bearer {token}").into_bytes()),
        lifetimes: Lifetimes {
            fresh: Duration::from_secs(60),
            stale_while_revalidate: Duration::from_secs(30),
            stale_if_error: Duration::from_secs(600),
        },
        stated: None,
        directives: Directives::default(),
        tags: [Tag::of(target)].into(),
        readers: None,
        provable: false,
    }
}

fn query() -> Query {
    query_of("/a", "token")
}

fn anonymous() -> Query {
    Query {
        credential: Credential::anonymous(),
        ..query()
    }
}

/// A question whose answers may leave the node.
fn shared() -> Query {
    Query {
        readers: Some(Readers::Fleet),
        ..query()
    }
}

fn with(directives: Directives) -> Query {
    Query {
        directives,
        ..query()
    }
}

fn no_cache() -> Query {
    with(Directives {
        no_cache: true,
        ..Directives::default()
    })
}

fn only_if_cached() -> Directives {
    Directives {
        only_if_cached: true,
        ..Directives::default()
    }
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Lets time pass, and everything due by then happen.
async fn pass(s: u64) {
    tokio::time::sleep(secs(s) + Duration::from_millis(1)).await;
}

#[track_caller]
fn check(seen: &Seen, outcome: &str, body: &str) {
    assert_eq!((seen.outcome.as_str(), seen.body.as_str()), (outcome, body));
}

/// Checks that one of `seen` has the first outcome, and all others have the second.
#[track_caller]
fn check_one_and_others(seen: &[Seen], one: &str, others: &str) {
    let count = |outcome: &str| seen.iter().filter(|seen| seen.outcome == outcome).count();
    assert_eq!(
        (count(one), count(others)),
        (1, seen.len() - 1),
        "one `{one}`, and `{others}`; {:?} was seen first",
        seen[0]
    );
}

const FETCHED: &str = "fwd=uri-miss; fwd-status=200; stored";
const REVALIDATED: &str = "fwd=stale; fwd-status=304; detail=revalidated";
