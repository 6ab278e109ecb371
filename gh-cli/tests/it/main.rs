//! Drives the real `gh-mesh` against the stand-in for GitHub.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod actions;
mod api;
mod config;
mod daemon;
mod help;
mod listings;
mod pointing;
mod setup;
mod started;
mod stopping;
mod stored;
mod support;
