//! How a member is set up.

use std::fmt;

use crate::defaults::HELD_BYTES;

/// How a member is set up. Every value is decided by the caller; nothing is read from the environment.
#[derive(Clone)]
pub struct MeshConfig {
    /// Seed of the ed25519 key that is this member's identity. Keep it between runs, and use it on one machine only.
    pub identity_seed: [u8; 32],
    /// The fleet's lock: the prologue of every Noise handshake. Members with another one cannot connect.
    pub prologue: [u8; 32],
    /// Where to listen.
    pub listen: Listen,
    /// Addresses of other members, as multiaddrs with or without `/p2p/…`. One is enough: the others are learned.
    pub bootstrap: Vec<String>,
    /// Whether to look for members on the local network with mDNS, which tells the network this member's name and
    /// addresses.
    pub mdns: bool,
    /// What this member calls itself, as in `gh-mesh/0.1.0`.
    pub agent: String,
    /// Bytes of envelopes kept for others. Default: [`HELD_BYTES`].
    pub held_bytes: usize,
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// This TCP port on all interfaces, IPv4 and IPv6; 0 means any. A port that is taken is an error.
    Port(u16),
    /// This TCP port on all interfaces, or the next one that is free.
    PortOrNext(u16),
    /// These multiaddrs.
    Addrs(Vec<String>),
}

impl MeshConfig {
    /// Returns a configuration that listens on any port of all interfaces, and knows nobody.
    pub fn new(identity_seed: [u8; 32], prologue: [u8; 32]) -> Self {
        Self {
            identity_seed,
            prologue,
            listen: Listen::Port(0),
            bootstrap: Vec::new(),
            mdns: false,
            agent: concat!("gh-mesh/", env!("CARGO_PKG_VERSION")).to_owned(),
            held_bytes: HELD_BYTES,
        }
    }
}

impl fmt::Debug for MeshConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the seed and the prologue: both are secrets.
        f.debug_struct("MeshConfig")
            .field("listen", &self.listen)
            .field("bootstrap", &self.bootstrap)
            .field("mdns", &self.mdns)
            .field("agent", &self.agent)
            .field("held_bytes", &self.held_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_form_shows_no_secret() {
        let text = format!("{:?}", MeshConfig::new([0xAB; 32], [0xCD; 32]));
        assert!(!text.contains("171") && !text.contains("205"), "{text}");
    }
}
