//! Workflow runs, jobs, runners and artifacts.

use http::StatusCode;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::accounts::organization;
use super::repos::refuse_unless_writer;
use crate::call::{Answer, Call};
use crate::model::{Artifact, Job, Repo, Run, Runner};
use crate::signed;
use crate::world::World;

/// Size of a log archive, in bytes.
const LOGS_SIZE: u64 = 50_000;
/// How long a registration token lasts, in seconds.
const REGISTRATION_LIFETIME: i64 = 3_600;
/// Where logs and artifacts are downloaded from.
const DOWNLOADS: &str = "results-receiver.actions.githubusercontent.com";

pub(crate) fn runs(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    Some(list_runs(call, world, repo, None))
}

fn list_runs(call: &Call<'_>, world: &World, repo: &Repo, workflow: Option<usize>) -> Answer {
    let wanted = |run: &&Run| {
        workflow.is_none_or(|idx| run.workflow == idx)
            && call
                .query("status")
                .is_none_or(|status| run.status == status || run.conclusion == Some(status))
            && call
                .query("branch")
                .is_none_or(|branch| run.branch == branch)
            && call.query("event").is_none_or(|event| run.event == event)
            && call.query("head_sha").is_none_or(|sha| run.head_sha == sha)
            && call
                .query("actor")
                .is_none_or(|login| world.accounts[run.actor].login == login)
    };
    let runs: Vec<&Run> = repo.runs.iter().filter(wanted).collect();
    call.page(
        &call.canonical(repo),
        Some("workflow_runs"),
        &runs,
        |run, out| {
            call.view(world).run(out, repo, run);
        },
    )
}

fn find_run<'w>(call: &Call<'_>, world: &'w World) -> Option<(&'w Repo, &'w Run)> {
    let repo = call.repo(world)?;
    Some((repo, repo.run(call.number("run_id")?)?))
}

pub(crate) fn run(call: &Call<'_>, world: &World) -> Option<Answer> {
    let (repo, run) = find_run(call, world)?;
    Some(call.one(world, |view, out| view.run(out, repo, run)))
}

pub(crate) fn jobs(call: &Call<'_>, world: &World) -> Option<Answer> {
    let (repo, run) = find_run(call, world)?;
    Some(call.page(
        &call.canonical(repo),
        Some("jobs"),
        &run.jobs,
        |job, out| {
            call.view(world).job(out, repo, run, job);
        },
    ))
}

fn find_job<'w>(call: &Call<'_>, repo: &'w Repo) -> Option<(&'w Run, &'w Job)> {
    let id = call.number("job_id")?;
    repo.runs
        .iter()
        .flat_map(|run| run.jobs.iter().map(move |job| (run, job)))
        .find(|(_, job)| job.id == id)
}

pub(crate) fn job(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    let (run, job) = find_job(call, repo)?;
    Some(call.one(world, |view, out| view.job(out, repo, run, job)))
}

pub(crate) fn job_logs(call: &Call<'_>, world: &World) -> Option<Answer> {
    let (_, job) = find_job(call, call.repo(world)?)?;
    Some(Answer::redirect(&signed::url(
        DOWNLOADS,
        &format!("/logs/job/{}", job.id),
        LOGS_SIZE,
        call.now,
    )))
}

pub(crate) fn run_logs(call: &Call<'_>, world: &World) -> Option<Answer> {
    let (_, run) = find_run(call, world)?;
    Some(Answer::redirect(&signed::url(
        DOWNLOADS,
        &format!("/logs/run/{}", run.id),
        LOGS_SIZE,
        call.now,
    )))
}

pub(crate) fn run_artifacts(call: &Call<'_>, world: &World) -> Option<Answer> {
    let (repo, run) = find_run(call, world)?;
    Some(call.page(
        &call.canonical(repo),
        Some("artifacts"),
        &run.artifacts,
        |artifact, out| {
            call.view(world).artifact(out, repo, run, artifact);
        },
    ))
}

fn all_artifacts(repo: &Repo) -> Vec<(&Run, &Artifact)> {
    repo.runs
        .iter()
        .flat_map(|run| run.artifacts.iter().map(move |artifact| (run, artifact)))
        .collect()
}

pub(crate) fn artifacts(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    Some(call.page(
        &call.canonical(repo),
        Some("artifacts"),
        &all_artifacts(repo),
        |(run, artifact), out| {
            call.view(world).artifact(out, repo, run, artifact);
        },
    ))
}

pub(crate) fn artifact_zip(call: &Call<'_>, world: &World) -> Option<Answer> {
    let id = call.number("artifact_id")?;
    let (_, artifact) = all_artifacts(call.repo(world)?)
        .into_iter()
        .find(|(_, artifact)| artifact.id == id)?;
    (call.param("format") == "zip").then(|| {
        Answer::redirect(&signed::url(
            DOWNLOADS,
            &format!("/artifacts/{id}.zip"),
            artifact.size,
            call.now,
        ))
    })
}

/// Starts a finished run again.
pub(crate) fn rerun(call: &Call<'_>, world: &mut World) -> Option<Answer> {
    let idx = call.repo_idx(world)?;
    if let Some(refusal) = refuse_unless_writer(call, world) {
        return Some(refusal);
    }
    let run = world.repos[idx].run_mut(call.number("run_id")?)?;
    if run.status != "completed" {
        return Some(Answer::refusal(
            StatusCode::FORBIDDEN,
            "This workflow is already running",
        ));
    }
    (run.status, run.conclusion) = ("queued", None);
    run.attempt += 1;
    run.touch(call.now);
    run.started_at = run.updated_at;
    for job in &mut run.jobs {
        (job.status, job.conclusion, job.completed_at, job.runner) = ("queued", None, None, None);
    }
    Some(
        Answer::json("{}".into())
            .with_status(StatusCode::CREATED)
            .untagged(),
    )
}

/// Stops an unfinished run.
pub(crate) fn cancel(call: &Call<'_>, world: &mut World) -> Option<Answer> {
    let idx = call.repo_idx(world)?;
    if let Some(refusal) = refuse_unless_writer(call, world) {
        return Some(refusal);
    }
    let run = world.repos[idx].run_mut(call.number("run_id")?)?;
    if run.status == "completed" {
        return Some(Answer::refusal(
            StatusCode::CONFLICT,
            "Cannot cancel a workflow run that is completed.",
        ));
    }
    (run.status, run.conclusion) = ("completed", Some("cancelled"));
    run.touch(call.now);
    for job in run.jobs.iter_mut().filter(|job| job.status != "completed") {
        (job.status, job.conclusion, job.completed_at) =
            ("completed", Some("cancelled"), Some(run.updated_at));
    }
    Some(
        Answer::json("{}".into())
            .with_status(StatusCode::ACCEPTED)
            .untagged(),
    )
}

pub(crate) fn workflows(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    Some(call.page(
        &call.canonical(repo),
        Some("workflows"),
        &repo.workflows,
        |workflow, out| {
            call.view(world).workflow(out, repo, workflow);
        },
    ))
}

/// Returns the workflow that an id or a file name names.
fn find_workflow(call: &Call<'_>, repo: &Repo) -> Option<usize> {
    let wanted = call.param("workflow_id");
    repo.workflows.iter().position(|workflow| {
        workflow.id.to_string() == wanted || workflow.path.rsplit('/').next() == Some(wanted)
    })
}

pub(crate) fn workflow(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    let workflow = &repo.workflows[find_workflow(call, repo)?];
    Some(call.one(world, |view, out| view.workflow(out, repo, workflow)))
}

pub(crate) fn workflow_runs(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    Some(list_runs(
        call,
        world,
        repo,
        Some(find_workflow(call, repo)?),
    ))
}

pub(crate) fn runners(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    // Runners are shown to administrators only.
    if let Some(refusal) = refuse_unless_writer(call, world) {
        return Some(refusal);
    }
    Some(call.page(
        &call.canonical(repo),
        Some("runners"),
        &repo.runners,
        |runner, out| call.view(world).runner(out, runner),
    ))
}

pub(crate) fn runner(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    if let Some(refusal) = refuse_unless_writer(call, world) {
        return Some(refusal);
    }
    let id = call.number("runner_id")?;
    let runner = repo.runners.iter().find(|runner| runner.id == id)?;
    Some(call.one(world, |view, out| view.runner(out, runner)))
}

/// Returns the runners of an organization: those of its first repository here, for who sees any of its private ones.
fn runners_of_org<'w>(call: &Call<'_>, world: &'w World) -> Option<&'w [Runner]> {
    let owner = organization(call, world)?;
    let mut repos = world.repos.iter().filter(|repo| repo.owner == owner);
    repos
        .clone()
        .any(|repo| repo.private && call.viewer.may_push(repo))
        .then_some(())?;
    repos.next().map(|repo| repo.runners.as_slice())
}

pub(crate) fn org_runners(call: &Call<'_>, world: &World) -> Option<Answer> {
    let runners = runners_of_org(call, world)?;
    let path = format!(
        "/organizations/{}/actions/runners",
        world.accounts[organization(call, world)?].id
    );
    Some(call.page(&path, Some("runners"), runners, |runner, out| {
        call.view(world).runner(out, runner);
    }))
}

pub(crate) fn org_runner(call: &Call<'_>, world: &World) -> Option<Answer> {
    let id = call.number("runner_id")?;
    let runner = runners_of_org(call, world)?
        .iter()
        .find(|runner| runner.id == id)?;
    Some(call.one(world, |view, out| view.runner(out, runner)))
}

pub(crate) fn registration_token(call: &Call<'_>, world: &mut World) -> Option<Answer> {
    if let Some(refusal) = refuse_unless_writer(call, world) {
        return Some(refusal);
    }
    call.repo(world)?;
    Some(fresh_registration_token(call, world))
}

pub(crate) fn org_registration_token(call: &Call<'_>, world: &mut World) -> Option<Answer> {
    runners_of_org(call, world)?;
    Some(fresh_registration_token(call, world))
}

fn fresh_registration_token(call: &Call<'_>, world: &mut World) -> Answer {
    let digest = hex::encode_upper(Sha256::digest(world.fresh_id().to_string()));
    let body = json!({"token": &digest[..29], "expires_at": call.now.plus(REGISTRATION_LIFETIME).to_string()});
    Answer::json(body.to_string())
        .with_status(StatusCode::CREATED)
        .untagged()
}
