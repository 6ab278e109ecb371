//! What GitHub is, to a cache: its routes and their lifetimes, its tags and limits, and the way to it.
//!
//! [`CacheLayer`] puts a [`cache_core::Cache`] in front of any HTTP client; [`GitHub`] is the whole, wired: the cache,
//! the fleet, the way out and a typed API over octocrab.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let gh = gh_client::GitHub::from_env().await?;
//! let repos = gh.list_repos("octocat").await?;
//! println!("{} repositories, hit rate {:.1}%", repos.len(), gh.cache().stats().hit_rate() * 100.0);
//! # Ok(())
//! # }
//! ```
//!
//! **Invariant:** a credential goes only to the host that its request named, and that host is one of the configured
//! APIs or one of GitHub's own.

mod body;
mod credential;
mod directives;
mod etag;
mod explain;
#[cfg(feature = "octocrab")]
mod github;
mod graphql;
mod gunzip;
mod headers;
mod layer;
mod limits;
mod media;
#[cfg(all(feature = "p2p", feature = "sqlite"))]
mod node;
mod origin;
mod policy;
mod query;
mod runtime;
mod service;
pub mod settings;
mod share;
#[cfg(all(feature = "p2p", feature = "sqlite"))]
mod state;
mod transport;
mod upstream;

pub use body::CacheBody;
pub use explain::{Explanation, explain, spoiled_by_write};
#[cfg(feature = "octocrab")]
pub use github::{GitHub, GitHubBuilder, GitHubError};
pub use layer::CacheLayer;
pub use limits::Budget;
#[cfg(all(feature = "p2p", feature = "sqlite"))]
pub use node::{Node, NodeError, NodeId, NodeStats, Peer};
pub use policy::PolicyConfig;
pub use runtime::TokioRuntime;
pub use service::{CacheService, ServiceConfig, ServiceError};
pub use share::Share;
#[cfg(all(feature = "p2p", feature = "sqlite"))]
pub use state::StateError;
pub use upstream::{
    ApiRoot, ApiRootError, LearnedHost, Upstream, UpstreamConfig, UpstreamError, is_web_host,
};
