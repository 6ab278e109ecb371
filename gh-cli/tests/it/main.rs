//! Drives the real `gh-mesh` against the stand-in for GitHub.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod api;
mod config;
mod daemon;
mod help;
mod listings;
mod stopping;
mod support;
