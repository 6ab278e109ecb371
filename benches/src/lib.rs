//! Workloads that the criterion suites share: seeded, so that every run measures the same.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cache_core::port::{NoPeers, NoStore, Origin, OriginAnswer, OriginRequest, PortError, Readers};
use cache_core::{
    Cache, CacheConfig, Credential, Directives, Entry, Lifetimes, Ports, Query, Question, Source,
    Timestamp,
};
use cache_crypto::{FleetKeys, FleetSealer, Identity};
use gh_client::TokioRuntime;
use http::header::{CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

/// Bytes of the body that the figures are about.
pub const BODY_BYTES: usize = 5 * 1024;

/// Returns a body of `size` bytes of JSON-like text, the same for the same `seed`.
pub fn body(seed: u64, size: usize) -> Bytes {
    let mut state = seed;
    let mut text = String::with_capacity(size + 64);
    text.push('[');
    while text.len() < size {
        // A linear congruential generator (Knuth, MMIX): digits that compress about as well as ids do.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        text.push_str("{\"id\":");
        text.push_str(&(state >> 33).to_string());
        text.push_str(",\"private\":false,\"name\":\"hello-world\"},");
    }
    text.truncate(size);
    text.into()
}

/// Returns the question that is asked for object number `n`.
pub fn question(n: u64) -> Question {
    Question::builder(
        Method::GET,
        "api.github.com",
        format!("/repos/octo-org/repository-{n}"),
    )
    .build()
}

/// Returns the headers that GitHub sends with an object, as far as they are stored.
pub fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    headers.insert(
        ETAG,
        HeaderValue::from_static(
            "W/\"09dc54dc03e2e556eac3b0aeec31a70ffc04dc18a985144174d184815fe6ddea\"",
        ),
    );
    headers
}

/// Returns an entry as the origin would have sent it at `now`.
pub fn entry(seed: u64, now: Timestamp) -> Entry {
    Entry::new(
        StatusCode::OK,
        headers(),
        body(seed, BODY_BYTES),
        now,
        now,
        Source::Origin,
    )
}

/// Returns a credential.
pub fn credential() -> Credential {
    Credential::new(b"ghp_benchmark", b"Bearer ghp_benchmark".to_vec())
}

/// Returns a cache in memory, without disk and fleet.
pub fn cache() -> Cache {
    let sealer = FleetSealer::new(
        Arc::new(FleetKeys::local()),
        Identity::generate(),
        Timestamp::EPOCH,
    );
    let ports = Ports {
        store: Arc::new(NoStore),
        peers: Arc::new(NoPeers),
        sealer: Arc::new(sealer),
        runtime: Arc::new(TokioRuntime),
    };
    Cache::new(
        CacheConfig {
            max_entries: 20_000,
            ..CacheConfig::default()
        },
        ports,
    )
}

/// Returns the query for `question` as the service would ask it.
pub fn query(question: Arc<Question>) -> Query {
    let hour = Duration::from_secs(3600);
    Query {
        question,
        credential: credential(),
        stated: None,
        lifetimes: Lifetimes {
            fresh: hour,
            ..Lifetimes::default()
        },
        directives: Directives::default(),
        tags: Arc::new([]),
        readers: Some(Readers::Credential),
        provable: false,
    }
}

/// An origin that answers every question with a body of [`BODY_BYTES`].
#[derive(Clone, Copy, Debug)]
pub struct BodyOrigin;

impl Origin for BodyOrigin {
    fn fetch<'life, 'answer>(
        &'life self,
        _: OriginRequest,
    ) -> cache_core::port::BoxFuture<'answer, Result<OriginAnswer, PortError>>
    where
        'life: 'answer,
        Self: 'answer,
    {
        Box::pin(async {
            Ok(OriginAnswer::Whole {
                status: StatusCode::OK,
                headers: headers(),
                body: body(1, BODY_BYTES),
                disposition: cache_core::port::Disposition::Store,
            })
        })
    }
}
