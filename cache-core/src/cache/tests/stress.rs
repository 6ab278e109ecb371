//! Many tasks on real threads: random keys, random writes, random failures. No clock but a logical one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use async_trait::async_trait;
use http::HeaderMap;
use parking_lot::Mutex as PlainMutex;

use super::*;
use crate::port::{BoxFuture, NoPeers, OriginAnswer, OriginRequest, PortError};

const N_KEYS: usize = 8;
const N_TASKS: u64 = 64;
const N_STEPS: u64 = 300;

/// Each look at the clock is a millisecond later.
#[derive(Default)]
struct Ticks(AtomicU64);

impl Runtime for Ticks {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_000_000 + self.0.fetch_add(1, SeqCst))
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }
}

/// One resource at the origin.
#[derive(Default)]
struct Resource {
    version: u64,
    /// The version below which no request that begins now may be answered.
    floor: u64,
    n_under_way: u64,
}

#[derive(Default)]
struct World {
    with_writes: bool,
    resources: PlainMutex<HashMap<String, Resource>>,
    noise: AtomicU64,
}

impl World {
    /// A weak but sufficient source of chance, the same in every run but for the threads.
    fn chance(&self, one_in: u64) -> bool {
        let n = self.noise.fetch_add(0x9E37_79B9_7F4A_7C15, SeqCst);
        let mixed = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed >> 33).is_multiple_of(one_in)
    }

    async fn dawdle(&self) {
        while !self.chance(4) {
            tokio::task::yield_now().await;
        }
    }
}

#[async_trait]
impl Origin for World {
    async fn fetch(&self, request: OriginRequest) -> Result<OriginAnswer, PortError> {
        let name = request.question.target().to_owned();
        let version = {
            let mut resources = self.resources.lock();
            let resource = resources.entry(name.clone()).or_default();
            resource.n_under_way += 1;
            // A request that left before a write is no answer to what comes after it: then there may be two.
            assert!(
                self.with_writes || resource.n_under_way == 1,
                "two requests for {name} under way"
            );
            resource.version
        };
        self.dawdle().await;
        self.resources.lock().get_mut(&name).unwrap().n_under_way -= 1;
        if self.chance(16) {
            return Err(PortError::new(PortErrorKind::TimedOut, "origin", "chance"));
        }
        Ok(OriginAnswer::Whole {
            status: http::StatusCode::OK,
            headers: HeaderMap::new(),
            body: version.to_string().into(),
            disposition: Disposition::Store,
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn for_each_key_there_is_one_request_at_a_time() {
    run(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_older_than_the_last_write_that_ended_before_the_request() {
    run(true).await;
}

async fn run(with_writes: bool) {
    let store = Arc::<FakeStore>::default();
    let config = CacheConfig {
        max_entries: N_KEYS - 2,
        ..CacheConfig::default()
    };
    let ports = Ports {
        store: store.clone(),
        peers: Arc::new(NoPeers),
        sealer: Arc::<FakeSealer>::default(),
        runtime: Arc::<Ticks>::default(),
    };
    let cache = Cache::new(config, ports);
    let world = Arc::new(World {
        with_writes,
        ..World::default()
    });
    let tasks = (0..N_TASKS).map(|_| {
        let (cache, world) = (cache.clone(), Arc::clone(&world));
        tokio::spawn(async move {
            for _ in 0..N_STEPS {
                step(&cache, &world).await;
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    // What still flies behind answers that were given lands, too: a flight left behind would hang here.
    while cache.inner.flights.len() > 0 {
        tokio::task::yield_now().await;
    }
    let stats = cache.stats();
    assert!(
        stats.local_hits > 0 && stats.collapsed > 0 && stats.misses > 0 && stats.stale_served > 0,
        "the test has to meet every case: {stats:?}"
    );
}

async fn step(cache: &Cache, world: &Arc<World>) {
    let name = format!("/{}", world.noise.load(SeqCst) % N_KEYS as u64);
    let mut query = query_of(&name, "token");
    query.lifetimes = Lifetimes {
        fresh: Duration::from_millis(400),
        stale_while_revalidate: Duration::from_millis(100),
        stale_if_error: Duration::from_millis(2000),
    };
    if world.with_writes && world.chance(12) {
        let version = {
            let mut resources = world.resources.lock();
            let resource = resources.entry(name.clone()).or_default();
            resource.version += 1;
            resource.version
        };
        cache.invalidate(&query.tags).await;
        let mut resources = world.resources.lock();
        let resource = resources.get_mut(&name).unwrap();
        resource.floor = resource.floor.max(version);
        return;
    }
    let floor = world.resources.lock().get(&name).map_or(0, |it| it.floor);
    let origin: Arc<dyn Origin> = world.clone();
    if let Ok(Answer::Stored(answer)) = cache.answer(query, &origin).await {
        let version: u64 = std::str::from_utf8(answer.entry.body())
            .unwrap()
            .parse()
            .unwrap();
        assert!(
            version >= floor,
            "{name}: version {version} after a write that made it {floor}, as {}",
            answer.outcome
        );
    }
}
