//! The cache over real HTTP, in front of the stand-in for GitHub.

#![expect(
    clippy::unwrap_used,
    reason = "tests; the exception for them does not reach their helpers"
)]

mod audiences;
mod bodies;
mod collapsing;
mod conditions;
mod failing;
#[cfg(all(feature = "p2p", feature = "sqlite"))]
mod fleet;
mod graphql;
mod lab;
mod limits;
mod outcomes;
mod pages;
mod passing;
mod proving;
#[cfg(all(feature = "p2p", feature = "sqlite"))]
mod starting;
mod transport;
#[cfg(feature = "octocrab")]
mod typed;
mod writes;
