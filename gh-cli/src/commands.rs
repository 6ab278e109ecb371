//! The commands, one module each.

pub(crate) mod api;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod id;
pub(crate) mod keygen;
pub(crate) mod man;
pub(crate) mod peers;
pub(crate) mod repo;
pub(crate) mod serve;
pub(crate) mod stats;
