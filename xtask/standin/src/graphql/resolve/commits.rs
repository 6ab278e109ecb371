//! Commits, branches, and the checks of commits.

use serde_json::json;

use super::repos::conclusion;
use super::{capitals, nodes, scalar, text, time};
use crate::graphql::connection::{connection, connection_with};
use crate::graphql::execute::Execution;
use crate::graphql::node::{Args, Gql, Node};
use crate::model::{Commit, Issue, Job, Repo, Run, Workflow};
use crate::view::totals;
use crate::world::node_id;

/// Digits of an abbreviated hash.
const ABBREVIATED: usize = 7;

impl<'a> Execution<'a> {
    pub(super) fn commit_field(
        &self,
        repo: &'a Repo,
        commit: &'a Commit,
        name: &str,
        args: &Args,
    ) -> Gql<'a> {
        let (additions, deletions) = totals(&commit.changes);
        let (headline, body) = commit
            .message
            .split_once("\n\n")
            .unwrap_or((&commit.message, ""));
        let author = || {
            let account = &self.world.accounts[commit.author];
            Gql::Object(
                "GitActor",
                vec![
                    ("name", text(&account.name)),
                    (
                        "email",
                        scalar(format!("{}@users.noreply.github.com", account.login)),
                    ),
                    ("date", time(commit.date)),
                    ("user", Gql::Node(Node::Account(account))),
                ],
            )
        };
        match name {
            "id" => text(&node_id("Commit", &commit.sha)),
            "oid" => text(&commit.sha),
            "abbreviatedOid" => text(&commit.sha[..ABBREVIATED]),
            "url" | "commitUrl" => scalar(format!(
                "https://github.com/{}/commit/{}",
                repo.full_name, commit.sha
            )),
            "repository" => Gql::Node(Node::Repo(repo)),
            "message" => text(&commit.message),
            "messageHeadline" => text(headline),
            "messageBody" => text(body),
            "committedDate" | "authoredDate" => time(commit.date),
            "author" | "committer" => author(),
            "authors" => connection("GitActorConnection", "GitActorEdge", vec![author()], args),
            "additions" => scalar(additions),
            "deletions" => scalar(deletions),
            "history" => {
                let from = repo
                    .commits
                    .iter()
                    .position(|candidate| candidate.sha == commit.sha)
                    .unwrap_or(repo.commits.len());
                let commits = nodes(
                    repo.commits[from..]
                        .iter()
                        .map(|commit| Node::Commit(repo, commit)),
                );
                connection("CommitHistoryConnection", "CommitEdge", commits, args)
            }
            "statusCheckRollup" => rollup(repo, commit),
            _ => Gql::NULL,
        }
    }
}

pub(super) fn pull_commit_field<'w>(
    repo: &'w Repo,
    issue: &Issue,
    commit: &'w Commit,
    name: &str,
) -> Gql<'w> {
    match name {
        "id" => text(&node_id(
            "PullRequestCommit",
            format_args!("{}:{}", issue.id, commit.sha),
        )),
        "commit" => Gql::Node(Node::Commit(repo, commit)),
        "url" => scalar(format!(
            "{}/commits/{}",
            super::issues::issue_url(repo, issue),
            commit.sha
        )),
        _ => Gql::NULL,
    }
}

pub(super) fn ref_field<'w>(repo: &'w Repo, branch: &'w str, sha: &'w str, name: &str) -> Gql<'w> {
    match name {
        "id" => text(&node_id(
            "Ref",
            format_args!("{}:refs/heads/{branch}", repo.id),
        )),
        "name" => text(branch),
        "prefix" => text(if repo.branches.iter().any(|known| known.name == branch) {
            "refs/heads/"
        } else {
            "refs/tags/"
        }),
        "repository" => Gql::Node(Node::Repo(repo)),
        "target" => repo
            .resolve(sha)
            .map_or(Gql::NULL, |commit| Gql::Node(Node::Commit(repo, commit))),
        _ => Gql::NULL,
    }
}

fn checks<'w>(repo: &'w Repo, commit: &Commit) -> Vec<(&'w Run, &'w Job)> {
    let runs = repo.runs.iter().filter(|run| run.head_sha == commit.sha);
    runs.flat_map(|run| run.jobs.iter().map(move |job| (run, job)))
        .collect()
}

/// Returns the rollup of a commit's checks; a commit without checks has none.
pub(super) fn rollup<'w>(repo: &'w Repo, commit: &'w Commit) -> Gql<'w> {
    if checks(repo, commit).is_empty() {
        return Gql::NULL;
    }
    Gql::Node(Node::Rollup(repo, commit))
}

pub(super) fn rollup_field<'w>(
    repo: &'w Repo,
    commit: &'w Commit,
    name: &str,
    args: &Args,
) -> Gql<'w> {
    let checks = checks(repo, commit);
    match name {
        "id" => text(&node_id("StatusCheckRollup", &commit.sha)),
        "state" => {
            let conclusions: Vec<_> = checks.iter().map(|(_, job)| job.conclusion).collect();
            let state = if conclusions.contains(&None) {
                "PENDING"
            } else if conclusions
                .iter()
                .all(|conclusion| *conclusion == Some("success"))
            {
                "SUCCESS"
            } else {
                "FAILURE"
            };
            text(state)
        }
        "contexts" => {
            let mut by_state: Vec<(&str, usize)> = Vec::new();
            for conclusion in checks.iter().filter_map(|(_, job)| job.conclusion) {
                match by_state.iter_mut().find(|(state, _)| *state == conclusion) {
                    Some((_, count)) => *count += 1,
                    None => by_state.push((conclusion, 1)),
                }
            }
            let counts = by_state.into_iter().map(|(state, count)| {
                Gql::Object(
                    "CheckRunStateCount",
                    vec![("state", capitals(state)), ("count", scalar(count))],
                )
            });
            let further = vec![
                ("checkRunCount", scalar(checks.len())),
                ("checkRunCountsByState", Gql::List(counts.collect())),
                ("statusContextCount", scalar(0)),
                ("statusContextCountsByState", Gql::List(Vec::new())),
            ];
            let items = nodes(
                checks
                    .into_iter()
                    .map(|(run, job)| Node::CheckRun(repo, run, job)),
            );
            connection_with(
                "StatusCheckRollupContextConnection",
                "StatusCheckRollupContextEdge",
                items,
                args,
                "totalCount",
                further,
            )
        }
        _ => Gql::NULL,
    }
}

pub(super) fn check_run_field<'w>(
    repo: &'w Repo,
    run: &'w Run,
    job: &'w Job,
    name: &str,
) -> Gql<'w> {
    let url = || {
        scalar(format!(
            "https://github.com/{}/actions/runs/{}/job/{}",
            repo.full_name, run.id, job.id
        ))
    };
    match name {
        "id" => text(&node_id("CheckRun", job.id)),
        "databaseId" => scalar(job.id),
        "name" => text(&job.name),
        "status" => capitals(job.status),
        "conclusion" => conclusion(job.conclusion),
        "startedAt" => time(job.started_at),
        "completedAt" => job.completed_at.map_or(Gql::NULL, time),
        "detailsUrl" | "url" => url(),
        "checkSuite" => Gql::Node(Node::CheckSuite(repo, run)),
        "isRequired" => scalar(false),
        _ => Gql::NULL,
    }
}

pub(super) fn check_suite_field<'w>(repo: &'w Repo, run: &'w Run, name: &str) -> Gql<'w> {
    match name {
        "id" => text(&node_id("CheckSuite", run.id)),
        "databaseId" => scalar(run.id),
        "status" => capitals(run.status),
        "conclusion" => conclusion(run.conclusion),
        "workflowRun" => Gql::Node(Node::WorkflowRun(repo, run)),
        _ => Gql::NULL,
    }
}

pub(super) fn workflow_run_field<'w>(repo: &'w Repo, run: &'w Run, name: &str) -> Gql<'w> {
    match name {
        "id" => text(&node_id("WorkflowRun", run.id)),
        "databaseId" => scalar(run.id),
        "runNumber" => scalar(run.number),
        "event" => text(run.event),
        "url" => scalar(format!(
            "https://github.com/{}/actions/runs/{}",
            repo.full_name, run.id
        )),
        "createdAt" => time(run.created_at),
        "updatedAt" => time(run.updated_at),
        "checkSuite" => Gql::Node(Node::CheckSuite(repo, run)),
        "workflow" => Gql::Node(Node::Workflow(repo, &repo.workflows[run.workflow])),
        _ => Gql::NULL,
    }
}

pub(super) fn workflow_field<'w>(repo: &Repo, workflow: &Workflow, name: &str) -> Gql<'w> {
    match name {
        "id" => text(&node_id("Workflow", workflow.id)),
        "databaseId" => Gql::Json(json!(workflow.id)),
        "name" => text(&workflow.name),
        "url" => scalar(format!(
            "https://github.com/{}/actions/workflows/{}",
            repo.full_name,
            workflow.path.rsplit('/').next().unwrap_or_default()
        )),
        _ => Gql::NULL,
    }
}
