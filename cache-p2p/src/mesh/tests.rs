use std::time::{Duration, SystemTime};

use cache_core::port::BoxFuture;
use cache_core::{Audience, Timestamp};

use super::*;
use crate::Listen;

struct TokioRuntime;

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

async fn start(number: u8, bootstrap: Vec<String>) -> Mesh {
    let mut config = MeshConfig::new([number; 32], [0; 32]);
    config.listen = Listen::Addrs(vec!["/ip4/127.0.0.1/tcp/0".to_owned()]);
    config.bootstrap = bootstrap;
    Mesh::start(config, Arc::new(TokioRuntime)).await.unwrap()
}

#[tokio::test]
async fn network_that_panics_is_started_anew_on_the_same_address_and_asks_go_on() {
    let a = start(1, vec![]).await;
    let b = start(2, a.addrs()).await;
    let addrs = a.addrs();
    let key = LeaseKey {
        audience: Audience::ANONYMOUS,
        wire_key: WireKey([5; 32]),
    };
    let ask = Ask {
        key,
        fresh_since: Timestamp::EPOCH,
        only_if_held: false,
    };
    let all = async {
        for round in 1..=3 {
            a.wait_for_peers(1).await;
            b.wait_for_peers(1).await;
            a.commands.send(Command::Panic).await.unwrap();
            b.wait_for_peers(0).await;
            // Alone or granted, but answered.
            drop(a.ask(ask.clone()).await);
            b.wait_for_peers(1).await;
            assert_eq!(a.metrics().restarts, round);
        }
        a.wait_for_peers(1).await;
        assert_eq!(a.addrs(), addrs);
        drop(b.ask(ask.clone()).await);
    };
    tokio::time::timeout(Duration::from_secs(30), all)
        .await
        .unwrap();
}
