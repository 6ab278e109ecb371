//! Several credentials at one node and in a fleet: nobody sees what GitHub would not show them.

use anyhow::{Result, ensure};

use super::{Stage, expect};
use crate::rig::{Address, Answer, Ask, Standin};

/// Seen by `octocat`, `hubot` and the installation.
const PRIVATE_1: &str = "/repos/octo-org/private-1";
/// Seen by `octocat` and the installation only.
const PRIVATE_2: &str = "/repos/octo-org/private-2";

pub(super) async fn run(stage: &Stage) -> Result<()> {
    let standin = stage.rig.standin(&[]).await?;
    let a = stage.rig.node("a", &standin).start().await?;
    let b = stage.rig.node("b", &standin).joins(&a).start().await?;
    b.wait_for_peers(1).await?;

    let mut asked = 0;
    // In this order whoever may not see something asks after somebody whose answer is held.
    for path in [
        PRIVATE_1,
        PRIVATE_2,
        "/repos/octo-org/private-1/issues?per_page=5",
    ] {
        for door in [a.http(), a.unix(), b.http()] {
            for label in ["octocat", "hubot", "octocat-narrow", "installation"] {
                as_direct(&standin, path, label, &door).await?;
                asked += 1;
            }
            let anonymous = Ask::get(path).at(&door).await?;
            expect("anonymous", anonymous.status.as_u16(), 404)?;
            no_trace_of_others(&anonymous)?;
            asked += 1;
        }
    }
    stage.report(&format!(
        "{asked} questions about private repositories by 5 credentials at two nodes: each as at GitHub itself"
    ));

    standin.reset().await?;
    let proved_before = a.count("proved").await?;
    let path = "/repos/octo-org/private-1/labels";
    let ask = |label: &str| Ask::get(path).token(standin.token(label));
    ask("octocat").at(&a.http()).await?;
    let other = ask("hubot").at(&a.http()).await?;
    expect("another who may see it", other.status.as_u16(), 200)?;
    let refused = ask("octocat-narrow").at(&a.http()).await?;
    expect("who may not see it", refused.status.as_u16(), 404)?;
    let counted = standin.counters().await?;
    expect("each asks for itself", counted.requests, 3)?;
    // Who proves that it may see what is held pays nothing.
    expect("proved", a.count("proved").await? - proved_before, 1)?;
    expect("charged", counted.charged, 2)?;
    stage.report(&format!(
        "a body fetched for one, given to another ({}), refused to the third: {} upstream, {} charged",
        other.cache_status(),
        counted.requests,
        counted.charged
    ));
    Ok(())
}

/// Asks at a door and at the stand-in itself, and makes sure that the answers are the same.
async fn as_direct(standin: &Standin, path: &str, label: &str, door: &Address) -> Result<()> {
    let ask = Ask::get(path).token(standin.token(label));
    let through = ask.at(door).await?;
    let direct = ask.at(&standin.http()).await?;
    let what = format!("{path} for {label} at {door}");
    expect(&what, through.status, direct.status)?;
    let to_github = |body: &[u8]| {
        String::from_utf8_lossy(body).replace(
            &format!("http://{}", door.authority()),
            "https://api.github.com",
        )
    };
    expect(&what, to_github(&through.body), to_github(&direct.body))?;
    if through.status == 404 {
        no_trace_of_others(&through)?;
    }
    Ok(())
}

/// Makes sure that a refusal does not tell that somebody else holds the question.
fn no_trace_of_others(answer: &Answer) -> Result<()> {
    let status = answer.cache_status();
    ensure!(
        status.contains("fwd=uri-miss") || status.contains("hit; ttl="),
        "the refusal says {status:?}"
    );
    ensure!(!status.contains("vary"), "the refusal says {status:?}");
    Ok(())
}
