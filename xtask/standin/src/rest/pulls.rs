//! Pull requests.

use super::issues::{matches_state, sort};
use crate::call::{Answer, Call, Media};
use crate::model::{Issue, Pull, Repo};
use crate::view::{diff, patch};
use crate::world::World;

pub(crate) fn list(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    let wanted = |issue: &&Issue| {
        issue.pull.as_ref().is_some_and(|pull| {
            matches_state(call, issue)
                && call.query("base").is_none_or(|base| pull.base_ref == base)
                && call
                    .query("head")
                    .is_none_or(|head| head.ends_with(&format!(":{}", pull.head_ref)))
        })
    };
    let mut issues: Vec<&Issue> = repo.issues.iter().filter(wanted).collect();
    sort(call, &mut issues);
    Some(
        call.page(&call.canonical(repo), None, &issues, |issue, out| {
            if let Some(pull) = &issue.pull {
                call.view(world).pull(out, repo, issue, pull);
            }
        }),
    )
}

/// Returns the pull request of the path.
fn find<'w>(call: &Call<'_>, world: &'w World) -> Option<(&'w Repo, &'w Issue, &'w Pull)> {
    let repo = call.repo(world)?;
    let issue = repo.issue(call.number("pull_number")?)?;
    Some((repo, issue, issue.pull.as_ref()?))
}

pub(crate) fn one(call: &Call<'_>, world: &World) -> Option<Answer> {
    let (repo, issue, pull) = find(call, world)?;
    Some(match call.media {
        Media::Diff => Answer::text(
            diff(&pull.files),
            "application/vnd.github.diff; charset=utf-8",
        ),
        Media::Patch => Answer::text(
            pull.commits
                .iter()
                .map(|commit| patch(&call.view(world), commit))
                .collect(),
            "application/vnd.github.patch; charset=utf-8",
        ),
        _ => call
            .one(world, |view, out| view.pull_full(out, repo, issue, pull))
            .modified_at(issue.updated_at),
    })
}

pub(crate) fn files(call: &Call<'_>, world: &World) -> Option<Answer> {
    let (repo, _, pull) = find(call, world)?;
    Some(
        call.page(&call.canonical(repo), None, &pull.files, |change, out| {
            call.view(world).change(out, repo, &pull.head_sha, change);
        }),
    )
}

pub(crate) fn commits(call: &Call<'_>, world: &World) -> Option<Answer> {
    let (repo, _, pull) = find(call, world)?;
    Some(
        call.page(&call.canonical(repo), None, &pull.commits, |commit, out| {
            call.view(world).commit(out, repo, commit);
        }),
    )
}

pub(crate) fn reviews(call: &Call<'_>, world: &World) -> Option<Answer> {
    let (repo, issue, pull) = find(call, world)?;
    Some(
        call.page(&call.canonical(repo), None, &pull.reviews, |review, out| {
            call.view(world).review(out, repo, issue, pull, review);
        }),
    )
}
