//! The doors: how requests come in.
//!
//! A door is an acceptor in front of the one service that answers everything. It knows nothing about caching: it
//! decides who may ask, turns what a client sent into a request with an absolute URI, and sends the answer back,
//! streaming both ways.
//!
//! - [`unix`]: a socket for its owner; `Host` says which of GitHub's hosts is meant, and nothing is rewritten.
//! - [`http`]: a loopback address that stands for the API; links in the answers are turned to it.
//!
//! **Invariants:** no door adds a credential to a request. A credential goes only to the host that its request named.

pub(crate) mod connections;
mod framing;
pub(crate) mod guard;
pub(crate) mod http;
pub(crate) mod refusal;
pub(crate) mod relay;
pub(crate) mod rewrite;
pub(crate) mod unix;

#[cfg(test)]
mod testing;
