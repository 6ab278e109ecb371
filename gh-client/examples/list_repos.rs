//! Lists the repositories of an owner through the cache: GitHub is asked once per fleet, later runs by nobody.
//!
//! ```text
//! GH_TOKEN=… cargo run -p gh-client --example list_repos -- octocat
//! ```

#![expect(clippy::print_stdout, reason = "the list is what the program is for")]

use gh_client::{GitHub, GitHubError};

#[tokio::main]
async fn main() -> Result<(), GitHubError> {
    let owner = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "octocat".to_owned());
    // Disk, fleet and token as the environment says: CACHE_DIR, CACHE_BOOTSTRAP_PEERS, GH_TOKEN and so on.
    let gh = GitHub::from_env().await?;
    let repos = gh.list_repos(&owner).await?;
    for repository in &repos {
        println!("{}", repository.name);
    }
    let stats = gh.cache().stats();
    println!(
        "{} repositories, hit rate {:.1}%, {} requests to GitHub",
        repos.len(),
        stats.hit_rate() * 100.0,
        stats.api_calls_made
    );
    if let Some(node) = gh.node() {
        // Writes what is queued for the disk, and leaves the fleet.
        node.shutdown().await;
    }
    Ok(())
}
