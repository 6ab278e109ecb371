//! Log lines, on stderr.

use gh_client::settings::LogFormat;
use tracing_subscriber::EnvFilter;

use crate::error::{CommandError, Ending, Outcome};

/// Starts to write log lines that pass `filter`.
pub(crate) fn start(filter: &str, format: LogFormat) -> Outcome<()> {
    let quiet = if filter.starts_with("info") {
        "libp2p_swarm=warn,"
    } else {
        ""
    };
    let filter = EnvFilter::try_new(format!("{quiet}{filter}")).map_err(|error| {
        CommandError::new(Ending::Usage, error)
            .aim(format!("CACHE_LOG is {filter:?}, which is no filter"))
            .hint("a filter is a level such as `debug`, or levels by module such as `info,gh_client=debug`")
    })?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => subscriber.with_ansi(false).try_init(),
        LogFormat::Json => subscriber.json().try_init(),
    };
    started.map_err(|error| CommandError::from(anyhow::Error::from_boxed(error)))
}
