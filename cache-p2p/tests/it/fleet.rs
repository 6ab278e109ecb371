//! Members for the tests, and the clock that they share with the machine.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use cache_core::port::{
    Ask, BoxFuture, Lease, LeaseKey, Peers, Runtime, Sealed, Settled, Verdict, WireKey,
};
use cache_core::{Audience, Timestamp};
use cache_p2p::{Listen, Mesh, MeshConfig, PeerId};
use tokio::task::JoinHandle;

/// How long anything may take before a test fails: long enough for a busy machine, and never waited for in a good run.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The prologue of the tests' fleet.
pub(crate) const PROLOGUE: [u8; 32] = [9; 32];

/// The machine's clock and timers.
pub(crate) struct TokioRuntime;

impl Runtime for TokioRuntime {
    #[expect(clippy::disallowed_methods, reason = "this is the tests' clock")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap())
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }
}

/// Returns the configuration of member `number`, which dials `bootstrap`.
pub(crate) fn config(number: u8, bootstrap: Vec<String>) -> MeshConfig {
    let mut config = MeshConfig::new([number; 32], PROLOGUE);
    config.listen = Listen::Addrs(vec!["/ip4/127.0.0.1/tcp/0".to_owned()]);
    config.bootstrap = bootstrap;
    config.agent = format!("test/{number}");
    config
}

/// Starts member `number`.
pub(crate) async fn start(number: u8, bootstrap: Vec<String>) -> Arc<Mesh> {
    start_with(config(number, bootstrap)).await
}

/// Starts a member.
pub(crate) async fn start_with(config: MeshConfig) -> Arc<Mesh> {
    Arc::new(
        Mesh::start(config, Arc::new(TokioRuntime))
            .await
            .expect("loopback can be listened on"),
    )
}

/// Starts members `first` and `second`, connected.
pub(crate) async fn pair(first: u8, second: u8) -> (Arc<Mesh>, Arc<Mesh>) {
    let a = start(first, vec![]).await;
    let b = start(second, a.addrs()).await;
    soon(a.wait_for_peers(1)).await;
    soon(b.wait_for_peers(1)).await;
    (a, b)
}

/// Waits for `event`, but not for ever.
#[track_caller]
pub(crate) fn soon<T>(event: impl Future<Output = T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        tokio::time::timeout(PATIENCE, event)
            .await
            .unwrap_or_else(|_| panic!("nothing happened, awaited at {caller}"))
    }
}

/// Returns the `n`th key that `mesh` regards as owned by `owner`.
pub(crate) fn key_owned_by(mesh: &Mesh, owner: PeerId, n: usize) -> LeaseKey {
    let keys = (0_u32..).map(|number| {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        WireKey(bytes)
    });
    let wire_key = keys
        .filter(|key| mesh.owner_of(key) == owner)
        .nth(n)
        .unwrap();
    LeaseKey {
        audience: Audience::ANONYMOUS,
        wire_key,
    }
}

/// Returns an ask for `key` that any entry satisfies.
pub(crate) fn any(key: LeaseKey) -> Ask {
    Ask {
        key,
        fresh_since: Timestamp::EPOCH,
        only_if_held: false,
    }
}

/// Returns an envelope of `len` bytes that are not all the same.
pub(crate) fn envelope(len: usize) -> Sealed {
    // Doubled rather than counted out: in a debug build that would hold up the members for longer than a keepalive.
    let mut bytes: Vec<u8> = (0..=250).collect();
    while bytes.len() < len {
        bytes.extend_from_within(..);
    }
    bytes.truncate(len);
    Sealed {
        envelope: Bytes::from(bytes),
        created_at: Timestamp::from_millis(1_000),
    }
}

/// Waits until `condition` holds, for conditions that nothing announces.
#[track_caller]
pub(crate) fn until(condition: impl Fn() -> bool) -> impl Future<Output = ()> {
    soon(async move {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
}

/// Unwraps a grant.
#[track_caller]
pub(crate) fn granted(verdict: Verdict) -> Lease {
    match verdict {
        Verdict::Granted(lease) => lease,
        other => panic!("not granted: {other:?}"),
    }
}

/// Unwraps the envelope of an answer.
#[track_caller]
pub(crate) fn entry(verdict: Verdict) -> Bytes {
    match verdict {
        Verdict::Found(sealed) | Verdict::Waited(Settled::Entry(sealed)) => sealed.envelope,
        other => panic!("no entry: {other:?}"),
    }
}

/// Asks `asker` in a task of its own, and returns once `owner` has told it to wait.
pub(crate) async fn ask_and_wait(asker: &Arc<Mesh>, owner: &Mesh, ask: Ask) -> JoinHandle<Verdict> {
    let waited = owner.metrics().owner_waited;
    let task = tokio::spawn({
        let asker = Arc::clone(asker);
        async move { asker.ask(ask).await }
    });
    until(|| owner.metrics().owner_waited > waited).await;
    task
}
