//! Ports for tests: in memory, on tokio's clock (pause it), with logs of what they were asked.
//!
//! Exported under the feature `test-support`. Nothing here panics unless it was told to.

mod origin;
mod peers;
mod runtime;
mod sealer;
mod store;

pub use origin::{FakeOrigin, Gate, Reply};
pub use peers::FakePeers;
pub use runtime::FakeRuntime;
pub use sealer::FakeSealer;
pub use store::FakeStore;
