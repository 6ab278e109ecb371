//! Real swarms on loopback TCP, several members in one process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod exchange;
mod failures;
mod fleet;
mod joining;
mod strangers;
mod wire_by_hand;
