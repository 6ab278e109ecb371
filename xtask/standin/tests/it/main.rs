//! The stand-in from outside, over real connections.

#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it does not expect"
)]

mod client;
mod conditional;
mod faults;
mod graphql;
mod limits;
mod listeners;
mod pages;
mod schema;
mod streams;
mod writes;
