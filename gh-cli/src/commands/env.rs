//! `gh-mesh env`.

use std::net::SocketAddr;

use crate::cli::Globals;
use crate::context::{self, TokenFrom};
use crate::daemon;
use crate::error::{CommandError, Ending, Outcome, OutcomeExt as _};
use crate::flags::PlaceFlags;
use crate::output::Output;

/// Print what points clients at the daemon's doors
///
/// For a shell: eval "$(gh-mesh env)". The HTTP address is the one that the daemon says, over its socket, to have
/// open, so that no other program that listens on the port is given tokens.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::doc_markdown,
    reason = "this is the help, where variables and keys stand plain"
)]
pub(crate) struct Args {
    /// Print lines for the file of GitHub Actions: gh-mesh env --github-actions >> "$GITHUB_ENV"
    #[arg(long)]
    github_actions: bool,
    #[command(flatten)]
    places: PlaceFlags,
}

/// Runs the command.
pub(crate) async fn run(globals: &Globals, args: &Args) -> Outcome {
    let aim = || "could not say what clients need".to_owned();
    let settings = context::settings(globals, args.places.given(), TokenFrom::Environment, None)?;
    let server = daemon::server(&settings).await.aim(aim)?;
    let server = server.ok_or_else(|| daemon::not_running(&settings).aim(aim()))?;
    let base = server.http.first().map(|address| base(*address));
    let mut out = Output::stdout();
    match (base, args.github_actions) {
        (Some(base), true) => {
            for (name, value) in variables(&base) {
                out.line(&format!("{name}={value}"))?;
            }
        }
        (None, true) => {
            return Err(
                CommandError::message(Ending::Failed, "the daemon has no HTTP door")
                    .aim(aim())
                    .hint("`gh-mesh serve` opens one"),
            );
        }
        (base, false) => {
            let socket = server.socket.display().to_string();
            out.line(&format!(
                "# gh: gh config set http_unix_socket {}",
                quoted(&socket)
            ))?;
            match base {
                Some(base) => {
                    for (name, value) in variables(&base) {
                        out.line(&format!("export {name}={}", quoted(&value)))?;
                    }
                    out.line(
                        "# Octokit: new Octokit({ baseUrl: process.env.GITHUB_API_URL, auth })",
                    )?;
                    out.line(
                        "# PyGithub: Github(base_url=os.environ[\"GITHUB_API_URL\"], auth=auth)",
                    )?;
                    out.line(
                        "# Terraform reads GITHUB_BASE_URL, or base_url of provider \"github\"",
                    )?;
                }
                None => out.line("# no HTTP door is open; `gh-mesh serve` opens one")?,
            }
        }
    }
    out.flush()?;
    Ok(Ending::Done)
}

/// What clients read, and what it should be.
fn variables(base: &str) -> [(&'static str, String); 3] {
    [
        ("GITHUB_API_URL", base.to_owned()),
        ("GITHUB_GRAPHQL_URL", format!("{base}/graphql")),
        ("GITHUB_BASE_URL", format!("{base}/")),
    ]
}

fn base(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        // It listens on loopback, too.
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}")
}

/// Returns a text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
