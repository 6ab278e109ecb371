//! Handlers of REST routes, by what they answer about.

pub(crate) mod accounts;
pub(crate) mod actions;
pub(crate) mod git;
pub(crate) mod issues;
pub(crate) mod misc;
pub(crate) mod pulls;
pub(crate) mod releases;
pub(crate) mod repos;
