//! Commits, branches, tags and references.

use crate::call::{Answer, Call, Media};
use crate::model::{Commit, Job, Repo, Run};
use crate::template::put_list;
use crate::view::{diff, patch};
use crate::world::World;

pub(crate) fn branches(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    Some(call.page(
        &call.canonical(repo),
        None,
        &repo.branches,
        |branch, out| {
            call.view(world).branch(out, repo, branch);
        },
    ))
}

pub(crate) fn branch(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    let branch = repo
        .branches
        .iter()
        .find(|branch| branch.name == call.param("branch"))?;
    Some(call.one(world, |view, out| view.branch_full(out, repo, branch)))
}

pub(crate) fn commits(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    let head = repo.resolve(call.query("sha").unwrap_or(&repo.default_branch))?;
    // History is linear here: a commit's ancestors are what follows it.
    let from = repo
        .commits
        .iter()
        .position(|commit| commit.sha == head.sha)
        .unwrap_or(0);
    Some(call.page(
        &call.canonical(repo),
        None,
        &repo.commits[from..],
        |commit, out| {
            call.view(world).commit(out, repo, commit);
        },
    ))
}

pub(crate) fn commit(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    let commit: &Commit = repo.resolve(call.param("ref"))?;
    Some(match call.media {
        Media::Diff => Answer::text(
            diff(&commit.changes),
            "application/vnd.github.diff; charset=utf-8",
        ),
        Media::Patch => Answer::text(
            patch(&call.view(world), commit),
            "application/vnd.github.patch; charset=utf-8",
        ),
        _ => call
            .one(world, |view, out| view.commit_full(out, repo, commit))
            .modified_at(commit.date),
    })
}

fn runs_of<'w>(repo: &'w Repo, sha: &str) -> Vec<&'w Run> {
    repo.runs.iter().filter(|run| run.head_sha == sha).collect()
}

pub(crate) fn check_runs(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    let commit = repo.resolve(call.param("ref"))?;
    let jobs: Vec<(&Run, &Job)> = runs_of(repo, &commit.sha)
        .into_iter()
        .flat_map(|run| run.jobs.iter().map(move |job| (run, job)))
        .collect();
    Some(call.page(
        &call.canonical(repo),
        Some("check_runs"),
        &jobs,
        |(run, job), out| {
            call.view(world).check_run(out, repo, run, job);
        },
    ))
}

pub(crate) fn combined_status(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    let commit = repo.resolve(call.param("ref"))?;
    let runs = runs_of(repo, &commit.sha);
    Some(call.one(world, |view, out| {
        view.combined_status(out, repo, commit, &runs);
    }))
}

pub(crate) fn tags(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    Some(call.page(
        &call.canonical(repo),
        None,
        &repo.releases,
        |release, out| {
            call.view(world).tag(out, repo, release);
        },
    ))
}

/// Returns every reference with what it points at.
fn references(repo: &Repo) -> Vec<(String, &str)> {
    let heads = repo
        .branches
        .iter()
        .map(|branch| (format!("refs/heads/{}", branch.name), branch.sha.as_str()));
    let tags = repo
        .releases
        .iter()
        .map(|release| (format!("refs/tags/{}", release.tag), release.sha.as_str()));
    heads.chain(tags).collect()
}

pub(crate) fn reference(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    let wanted = format!("refs/{}", call.param("ref"));
    let (full, sha) = references(repo)
        .into_iter()
        .find(|(full, _)| *full == wanted)?;
    Some(call.one(world, |view, out| view.reference(out, repo, &full, sha)))
}

pub(crate) fn matching_refs(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    let prefix = format!("refs/{}", call.param("ref"));
    let found = references(repo)
        .into_iter()
        .filter(|(full, _)| full.starts_with(&prefix));
    let mut out = String::new();
    put_list(&mut out, found, |(full, sha), out| {
        call.view(world).reference(out, repo, &full, sha);
    });
    Some(Answer::json(out))
}
