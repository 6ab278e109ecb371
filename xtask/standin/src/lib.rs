//! An offline stand-in for GitHub's API, shared by tests, benches and the demo.
//!
//! It speaks real HTTP on loopback only and behaves like GitHub where that matters to a cache: entity tags that depend on the
//! token, 304 answers that cost nothing with one, rate limits, `Link` headers by numeric ids, 404 for what may not be seen,
//! redirects to signed URLs, GraphQL. Its bodies are made from the examples in GitHub's own `OpenAPI` description. Everything is
//! generated from a seed: the same [`DataSet`] gives the same objects.
//!
//! ```
//! # async fn example() -> Result<(), standin::StartError> {
//! use standin::{Config, Fault, FaultKind, Standin};
//!
//! let standin = Standin::start(Config { tcp: Some(([127, 0, 0, 1], 0).into()), ..Config::default() }).await?;
//! let root = standin.http_url(); // http://127.0.0.1:PORT
//! standin.set_fault(Fault::new(FaultKind::Status { status: 503 }).times(1));
//! // … requests to `root` with `Token::OCTOCAT` …
//! assert_eq!(standin.counters().charged, 0);
//! standin.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! The same can be done over HTTP, under `/_standin/` of any listener; see [`admin`](self#admin-api).
//!
//! # Admin API
//!
//! | request | does |
//! | --- | --- |
//! | `GET /_standin/health` | answers `{"status":"ok"}` |
//! | `GET /_standin/counters` | answers [`Counters`] |
//! | `POST /_standin/reset` | forgets counters, faults and spent budgets; the data stays as it is |
//! | `POST /_standin/touch` | changes an object: `{"repo":"o/r"}`, with `"issue":7` or `"run":1` another one of it |
//! | `POST /_standin/tick` | moves every unfinished run one state on |
//! | `GET`, `POST`, `DELETE /_standin/faults` | lists faults, adds a [`Fault`], clears all |
//! | `POST /_standin/tags` | switches the formula: `{"tags":"observed"}`, `salted`, `random` or `absent` |
//! | `POST /_standin/budget` | `{"token":"octocat","resource":"core","remaining":0}` |
//! | `POST /_standin/down` | refuses connections on every listener for `{"for_ms":1000}` |
//! | `GET /_standin/bytes/{n}` | streams `n` bytes |
//! | `POST /_standin/upload` | answers length and SHA-256 of the body |

mod admin;
mod body;
mod call;
mod clock;
mod config;
mod counters;
mod exchange;
mod faults;
mod graphql;
mod limits;
mod model;
mod rest;
mod routes;
mod server;
mod signed;
mod tags;
mod template;
mod tls;
mod view;
mod world;

pub use body::pattern_sha256;
pub use config::{Config, DataSet, Links, TagFormula, Token};
pub use counters::{Count, Counters};
pub use faults::{Fault, FaultKind};
pub use server::{Standin, StartError};
