//! Workflow runs and what belongs to them.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{View, unknown_hole};
use crate::model::{Artifact, Job, Repo, Run, Runner, Workflow};
use crate::template::{put, write_to};
use crate::world::node_id;

/// How long artifacts are kept, in seconds.
const ARTIFACT_LIFETIME: i64 = 90 * 86_400;

impl View<'_> {
    pub(crate) fn run(&self, out: &mut String, repo: &Repo, run: &Run) {
        let workflow = &repo.workflows[run.workflow];
        self.fill_in(repo, "run", out, &mut |name, out| match name {
            // A run has one check suite, here of the same number.
            "run" | "check_suite" => write_to(out, format_args!("{}", run.id)),
            "workflow" => write_to(out, format_args!("{}", workflow.id)),
            "=id" | "=check_suite_id" => put(out, run.id),
            "=node_id" => put(out, node_id("WorkflowRun", run.id)),
            "=check_suite_node_id" => put(out, node_id("CheckSuite", run.id)),
            "=name" => put(out, &workflow.name),
            "=path" => put(out, &workflow.path),
            "=head_branch" => put(out, &run.branch),
            "=head_sha" => put(out, &run.head_sha),
            "=tree_sha" => put(out, repo.resolve(&run.head_sha).map(|commit| &*commit.tree)),
            "=run_number" => put(out, run.number),
            "=event" => put(out, run.event),
            "=display_title" => put(out, &run.title),
            "=status" => put(out, run.status),
            "=conclusion" => put(out, run.conclusion),
            "=workflow_id" => put(out, workflow.id),
            "=created_at" => put(out, run.created_at),
            "=updated_at" => put(out, run.updated_at),
            "=run_started_at" => put(out, run.started_at),
            "=run_attempt" => put(out, run.attempt),
            "=repository" => self.repo_ref(out, repo),
            "=actor" | "=triggering_actor" => self.user(out, run.actor),
            name => unknown_hole(name),
        });
    }

    pub(crate) fn workflow(&self, out: &mut String, repo: &Repo, workflow: &Workflow) {
        self.fill_in(repo, "workflow", out, &mut |name, out| match name {
            "workflow" => write_to(out, format_args!("{}", workflow.id)),
            "=id" => put(out, workflow.id),
            "=node_id" => put(out, node_id("Workflow", workflow.id)),
            "=name" => put(out, &workflow.name),
            "=path" => put(out, &workflow.path),
            "=created_at" | "=updated_at" => put(out, workflow.created_at),
            name => unknown_hole(name),
        });
    }

    pub(crate) fn job(&self, out: &mut String, repo: &Repo, run: &Run, job: &Job) {
        let runner = repo
            .runners
            .iter()
            .find(|runner| Some(runner.id) == job.runner);
        self.fill_in(repo, "job", out, &mut |name, out| match name {
            "run" => write_to(out, format_args!("{}", run.id)),
            "job" => write_to(out, format_args!("{}", job.id)),
            "=id" => put(out, job.id),
            "=run_id" => put(out, run.id),
            "=node_id" => put(out, node_id("CheckRun", job.id)),
            "=head_sha" => put(out, &run.head_sha),
            "=head_branch" => put(out, &run.branch),
            "=status" => put(out, job.status),
            "=conclusion" => put(out, job.conclusion),
            "=created_at" => put(out, job.created_at),
            "=started_at" => put(out, job.started_at),
            "=completed_at" => put(out, job.completed_at),
            "=name" => put(out, &job.name),
            "=labels" => put(out, &job.labels),
            "=runner_id" => put(out, job.runner),
            "=runner_name" => put(out, runner.map(|runner| &*runner.name)),
            "=run_attempt" => put(out, run.attempt),
            "=workflow_name" => put(out, &repo.workflows[run.workflow].name),
            "=steps" => put(out, steps(job)),
            name => unknown_hole(name),
        });
    }

    pub(crate) fn runner(&self, out: &mut String, runner: &Runner) {
        self.fill("runner", out, &mut |name, out| match name {
            "=id" => put(out, runner.id),
            "=name" => put(out, &runner.name),
            "=os" => put(out, runner.os),
            "=status" => put(out, if runner.online { "online" } else { "offline" }),
            "=busy" => put(out, runner.busy),
            "=labels" => {
                let labels = runner.labels.iter().zip(1_u64..);
                put(
                    out,
                    labels
                        .map(|(name, id)| json!({"id": id, "name": name, "type": "read-only"}))
                        .collect::<Vec<_>>(),
                );
            }
            name => unknown_hole(name),
        });
    }

    pub(crate) fn artifact(&self, out: &mut String, repo: &Repo, run: &Run, artifact: &Artifact) {
        self.fill_in(repo, "artifact", out, &mut |name, out| match name {
            "artifact" => write_to(out, format_args!("{}", artifact.id)),
            "digest" => out.push_str(&hex::encode(Sha256::digest(artifact.id.to_string()))),
            "=id" => put(out, artifact.id),
            "=node_id" => put(out, node_id("Artifact", artifact.id)),
            "=name" => put(out, &artifact.name),
            "=size" => put(out, artifact.size),
            "=created_at" => put(out, artifact.created_at),
            "=expires_at" => put(out, artifact.created_at.plus(ARTIFACT_LIFETIME)),
            "=workflow_run" => {
                let text = json!({
                    "id": run.id, "repository_id": repo.id, "head_repository_id": repo.id,
                    "head_branch": run.branch, "head_sha": run.head_sha,
                });
                put(out, &text);
            }
            name => unknown_hole(name),
        });
    }

    /// Writes a job as the check run that it also is.
    pub(crate) fn check_run(&self, out: &mut String, repo: &Repo, run: &Run, job: &Job) {
        self.fill_in(repo, "check_run", out, &mut |name, out| match name {
            "check_run" => write_to(out, format_args!("{}", job.id)),
            "=id" => put(out, job.id),
            "=node_id" => put(out, node_id("CheckRun", job.id)),
            "=head_sha" => put(out, &run.head_sha),
            "=status" => put(out, job.status),
            "=conclusion" => put(out, job.conclusion),
            "=started_at" => put(out, job.started_at),
            "=completed_at" => put(out, job.completed_at),
            "=name" => put(out, &job.name),
            "=check_suite_id" => put(out, run.id),
            name => unknown_hole(name),
        });
    }
}

fn steps(job: &Job) -> Vec<serde_json::Value> {
    ["Set up job", "Run actions/checkout@v4", "Complete job"]
        .iter()
        .zip(1_u64..)
        .map(|(name, number)| {
            json!({
                "name": name, "status": job.status, "conclusion": job.conclusion, "number": number,
                "started_at": job.started_at.to_string(), "completed_at": job.completed_at.map(|at| at.to_string()),
            })
        })
        .collect()
}
