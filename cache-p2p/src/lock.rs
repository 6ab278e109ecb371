//! The fleet's lock: Noise with the fleet's prologue.
//!
//! The prologue is hashed into the handshake, so two members with different ones cannot decrypt each other's second
//! message: a refusal that is certain, and told from every other failure.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::io::{AsyncRead, AsyncWrite};
use libp2p::core::UpgradeInfo;
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade};
use libp2p::noise;

use crate::metrics::Counters;

/// The Noise handshake, which counts wrong secrets.
#[derive(Clone)]
pub(crate) struct Lock {
    noise: noise::Config,
    counters: Arc<Counters>,
}

type Opening<T> =
    Pin<Box<dyn Future<Output = Result<(libp2p::PeerId, noise::Output<T>), noise::Error>> + Send>>;

impl Lock {
    pub(crate) fn new(
        identity: &libp2p::identity::Keypair,
        prologue: &[u8],
        counters: Arc<Counters>,
    ) -> Result<Self, noise::Error> {
        Ok(Self {
            noise: noise::Config::new(identity)?.with_prologue(prologue.to_vec()),
            counters,
        })
    }
}

impl UpgradeInfo for Lock {
    type Info = &'static str;
    type InfoIter = std::iter::Once<Self::Info>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.noise.protocol_info()
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> InboundConnectionUpgrade<T> for Lock {
    type Output = (libp2p::PeerId, noise::Output<T>);
    type Error = noise::Error;
    type Future = Opening<T>;

    fn upgrade_inbound(self, socket: T, info: Self::Info) -> Self::Future {
        let Self { noise, counters } = self;
        Box::pin(async move {
            noise
                .upgrade_inbound(socket, info)
                .await
                .inspect_err(|error| see(&counters, error))
        })
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> OutboundConnectionUpgrade<T> for Lock {
    type Output = (libp2p::PeerId, noise::Output<T>);
    type Error = noise::Error;
    type Future = Opening<T>;

    fn upgrade_outbound(self, socket: T, info: Self::Info) -> Self::Future {
        let Self { noise, counters } = self;
        Box::pin(async move {
            noise
                .upgrade_outbound(socket, info)
                .await
                .inspect_err(|error| see(&counters, error))
        })
    }
}

/// Counts a handshake that failed to decrypt. The type of the cause is of a crate that is not named here, so its
/// name is compared.
fn see(counters: &Counters, error: &noise::Error) {
    let cause = match error {
        noise::Error::Noise(cause) => format!("{cause:?}"),
        noise::Error::Io(error) => error
            .get_ref()
            .map(|cause| format!("{cause:?}"))
            .unwrap_or_default(),
        _ => return,
    };
    if cause == "Decrypt" && counters.wrong_secret.fetch_add(1, Ordering::Relaxed) == 0 {
        // Said once: the dialer tries again and again, and the counter tells how often.
        tracing::warn!("a machine that was dialed has another fleet secret, so they do not share");
    }
}
