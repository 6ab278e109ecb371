//! The commands, one module each.

pub(crate) mod api;
pub(crate) mod cache;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod daemon;
pub(crate) mod doctor;
pub(crate) mod env;
pub(crate) mod explain;
pub(crate) mod id;
pub(crate) mod keygen;
pub(crate) mod man;
pub(crate) mod peers;
pub(crate) mod repo;
pub(crate) mod run;
pub(crate) mod runner;
pub(crate) mod serve;
pub(crate) mod setup;
pub(crate) mod stats;
