//! What the tests share: a clock that stands still, a sealer that hides, and entries made from numbers.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cache_core::port::{BoxFuture, Runtime};
use cache_core::{Audience, CacheKey, Entry, Question, Source, Tag, Timestamp};
use cache_store::{RowSealer, SqliteStore, StoreConfig};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use sha2::{Digest, Sha256};

/// 2025-01-01.
pub(crate) const START: u64 = 1_735_689_600_000;

/// A clock that moves when told.
#[derive(Debug)]
pub(crate) struct TestClock(AtomicU64);

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(START)))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0
            .fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

impl Runtime for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        unreachable!("the store never sleeps")
    }

    fn spawn(&self, _: BoxFuture<'static, ()>) {
        unreachable!("the store has threads, no tasks")
    }
}

/// A sealer that hides and authenticates, from one hash function. Not for use outside tests.
#[derive(Debug)]
pub(crate) struct TestSealer(pub(crate) &'static str);

impl TestSealer {
    fn hash(&self, label: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut hasher = Sha256::new();
        for part in [self.0.as_bytes(), label.as_bytes()].iter().chain(parts) {
            hasher.update(part.len().to_be_bytes());
            hasher.update(part);
        }
        hasher.finalize().into()
    }

    /// The keystream depends on the tag, which depends on what is sealed.
    fn xor(&self, tag: &[u8], data: &[u8]) -> Vec<u8> {
        let blocks = data.chunks(32).enumerate();
        let apply = |(idx, block): (usize, &[u8])| {
            let stream = self.hash("stream", &[tag, &idx.to_be_bytes()]);
            block
                .iter()
                .zip(stream)
                .map(|(byte, key)| byte ^ key)
                .collect::<Vec<u8>>()
        };
        blocks.flat_map(apply).collect()
    }
}

impl RowSealer for TestSealer {
    fn seal(&self, row_identity: &[u8], plain: &[u8]) -> Vec<u8> {
        let tag = self.hash("tag", &[row_identity, plain]);
        [tag.as_slice(), &self.xor(&tag, plain)].concat()
    }

    fn open(&self, row_identity: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (tag, data) = sealed.split_first_chunk::<32>()?;
        let plain = self.xor(tag, data);
        (self.hash("tag", &[row_identity, &plain]) == *tag).then_some(plain)
    }

    fn name(&self, what: &[u8]) -> [u8; 32] {
        self.hash("name", &[what])
    }
}

pub(crate) fn config(dir: &Path) -> StoreConfig {
    StoreConfig::new(dir)
}

/// Opens a store in `dir` with a clock of its own.
#[track_caller]
pub(crate) fn open(dir: &Path) -> SqliteStore {
    open_with(config(dir), TestClock::new())
}

#[track_caller]
pub(crate) fn open_with(config: StoreConfig, clock: Arc<TestClock>) -> SqliteStore {
    SqliteStore::open(config, Arc::new(TestSealer("a key")), clock).expect("the store opens")
}

pub(crate) fn question(n: usize) -> Question {
    Question::builder(
        Method::GET,
        "api.github.com",
        format!("/repos/octocat/number-{n}"),
    )
    .build()
}

/// The key of question `n` for audience `audience`.
pub(crate) fn key(n: usize, audience: u8) -> CacheKey {
    CacheKey::new(&question(n), Audience::from_bytes([audience; 16]))
}

/// A body that says which one it is, some 600 bytes long.
pub(crate) fn body(n: usize) -> Bytes {
    let line = format!("{{\"id\":{n},\"full_name\":\"octocat/number-{n}\",\"private\":false}},");
    Bytes::from(line.repeat(10))
}

/// A body of `len` bytes that does not compress.
pub(crate) fn noise(n: usize, len: usize) -> Bytes {
    let block = |idx: usize| Sha256::digest([n.to_be_bytes(), idx.to_be_bytes()].concat());
    (0..len.div_ceil(32)).flat_map(block).take(len).collect()
}

pub(crate) fn entry(body: Bytes) -> Entry {
    let mut headers = HeaderMap::new();
    headers.insert("etag", HeaderValue::from_static("W/\"0123456789abcdef\""));
    headers.insert(
        "content-type",
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    let (requested_at, received_at) = (
        Timestamp::from_millis(START),
        Timestamp::from_millis(START + 120),
    );
    Entry::new(
        StatusCode::OK,
        headers,
        body,
        requested_at,
        received_at,
        Source::Origin,
    )
}

pub(crate) fn tagged(body: Bytes, tags: &[&str]) -> Entry {
    entry(body).with_tags(tags.iter().map(|tag| Tag::of(tag)).collect())
}

/// Compares what matters: `Entry` has no equality of its own.
#[track_caller]
pub(crate) fn assert_same(found: &Entry, expected: &Entry) {
    assert_eq!(found.body(), expected.body());
    assert_eq!(found.headers, expected.headers);
    assert_eq!(found.status, expected.status);
    assert_eq!(
        (found.requested_at, found.received_at),
        (expected.requested_at, expected.received_at)
    );
    assert_eq!(
        (found.source, &found.tags),
        (expected.source, &expected.tags)
    );
}

/// Runs a future to its end.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}
