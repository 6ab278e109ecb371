//! Runs the stand-in until told to stop. Prints one line of JSON when it is ready.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use serde_json::json;
use standin::{Config, Links, Standin, TagFormula};
use tokio::signal::unix::{SignalKind, signal};

/// Stand in for GitHub's API, offline
///
/// Listens on loopback only. When ready, prints one line of JSON with the bound addresses and the known tokens.
/// Ends on SIGTERM, SIGINT, and with --until-stdin-closes at the end of its input.
#[derive(Debug, Parser)]
#[command(name = "standin")]
struct Args {
    /// Listen for plain HTTP here; port 0 takes any
    #[arg(long, value_name = "ADDRESS")]
    tcp: Option<SocketAddr>,
    /// Listen for plain HTTP on this unix socket
    #[arg(long, value_name = "PATH")]
    unix: Option<PathBuf>,
    /// Listen for TLS here
    #[arg(long, value_name = "ADDRESS")]
    tls: Option<SocketAddr>,
    /// Write the certificate of the TLS listener's authority here, in PEM
    #[arg(long, value_name = "PATH", requires = "tls")]
    ca_out: Option<PathBuf>,
    /// Add this much time to each request
    #[arg(long, value_name = "N", default_value_t = 0)]
    latency_ms: u64,
    /// Make entity tags this way
    #[arg(long, value_enum, default_value = "observed")]
    tags: TagsArg,
    /// Give URLs in answers this root
    #[arg(long, value_enum, default_value = "github")]
    links: LinksArg,
    /// Allow this many requests per hour without a token
    #[arg(long, value_name = "N", default_value_t = 60)]
    anonymous_per_hour: u64,
    /// Allow this many requests per hour with one
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    per_hour: u64,
    /// Draw the data from this seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// End when the input does
    #[arg(long)]
    until_stdin_closes: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TagsArg {
    Observed,
    Salted,
    Random,
    Absent,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LinksArg {
    Github,
    Listener,
}

impl Args {
    fn config(&self) -> Config {
        let mut config = Config {
            tcp: self.tcp,
            unix: self.unix.clone(),
            tls: self.tls,
            ca_out: self.ca_out.clone(),
            latency: Duration::from_millis(self.latency_ms),
            tags: match self.tags {
                TagsArg::Observed => TagFormula::Observed,
                TagsArg::Salted => TagFormula::Salted,
                TagsArg::Random => TagFormula::Random,
                TagsArg::Absent => TagFormula::Absent,
            },
            links: match self.links {
                LinksArg::Github => Links::GitHub,
                LinksArg::Listener => Links::Listener,
            },
            anonymous_per_hour: self.anonymous_per_hour,
            per_hour: self.per_hour,
            ..Config::default()
        };
        config.data.seed = self.seed;
        config
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mut terminate = signal(SignalKind::terminate()).context("could not wait for signals")?;
    let standin = Standin::start(args.config())
        .await
        .context("could not start")?;
    announce(&standin).context("could not say where it listens")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
        () = stdin_closed(), if args.until_stdin_closes => {}
    }
    standin.shutdown().await;
    // A thread that waits for input would keep the runtime from ending.
    std::process::exit(0)
}

fn announce(standin: &Standin) -> std::io::Result<()> {
    let tokens = standin.tokens().iter().map(|token| {
        json!({"label": token.label, "token": token.secret, "login": token.login, "private_repos": token.private_repos})
    });
    let ready = json!({
        "http": standin.tcp_addr().map(|_| standin.http_url()),
        "unix": standin.unix_path(),
        "https": standin.tls_addr().map(|address| format!("https://{address}")),
        "tokens": tokens.collect::<Vec<_>>(),
    });
    let mut out = std::io::stdout().lock();
    writeln!(out, "{ready}")?;
    out.flush()
}

async fn stdin_closed() {
    let read = tokio::task::spawn_blocking(|| {
        std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink())
    });
    // An input that cannot be read is as good as closed.
    let _ = read.await;
}
