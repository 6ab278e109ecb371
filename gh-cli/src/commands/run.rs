//! `gh-mesh run`.

use crate::ask::{Api, AskFlags};
use crate::cli::Globals;
use crate::commands::api::placeholders::RepoFlag;
use crate::error::{Ending, Outcome, OutcomeExt as _};
use crate::listing::{self, MAX_PER_PAGE, age, encoded, text};
use crate::output::{self, Output, Table};

/// Look at workflow runs
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List(ListArgs),
    View(ViewArgs),
    Failed(FailedArgs),
}

/// List workflow runs, latest first
#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Only runs with this status or conclusion, such as queued, `in_progress`, failure, success
    #[arg(short, long, value_name = "STATUS")]
    status: Option<String>,
    /// Only runs of this branch
    #[arg(short, long, value_name = "BRANCH")]
    branch: Option<String>,
    #[command(flatten)]
    what: WhatArgs,
}

/// List workflow runs that failed, latest first
#[derive(Debug, clap::Args)]
struct FailedArgs {
    /// Only runs of this branch
    #[arg(short, long, value_name = "BRANCH")]
    branch: Option<String>,
    #[command(flatten)]
    what: WhatArgs,
}

#[derive(Debug, clap::Args)]
struct WhatArgs {
    /// List at most this many
    #[arg(short = 'L', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Print a JSON array; with these comma-separated fields only, or all of them
    #[arg(long, value_name = "FIELDS", num_args = 0..=1, default_missing_value = "")]
    json: Option<String>,
    #[command(flatten)]
    repo: RepoFlag,
    #[command(flatten)]
    ask: AskFlags,
}

/// Show a workflow run and its jobs
#[derive(Debug, clap::Args)]
struct ViewArgs {
    /// Number of the run, as `run list` shows it
    id: u64,
    /// Print JSON: the run, with these comma-separated fields only, or all of them, and its `jobs`
    #[arg(long, value_name = "FIELDS", num_args = 0..=1, default_missing_value = "")]
    json: Option<String>,
    #[command(flatten)]
    repo: RepoFlag,
    #[command(flatten)]
    ask: AskFlags,
}

/// Fields of `--json`, named as GitHub's REST API names them.
const FIELDS: [&str; 18] = [
    "actor",
    "conclusion",
    "created_at",
    "display_title",
    "event",
    "head_branch",
    "head_sha",
    "html_url",
    "id",
    "name",
    "path",
    "run_attempt",
    "run_number",
    "run_started_at",
    "status",
    "updated_at",
    "url",
    "workflow_id",
];

/// Those of a job.
const JOB_FIELDS: [&str; 9] = [
    "completed_at",
    "conclusion",
    "html_url",
    "id",
    "labels",
    "name",
    "runner_name",
    "started_at",
    "status",
];

/// A run has no more jobs than this (GitHub's limit on a matrix is 256).
const MAX_JOBS: u32 = 1024;

const OF: &str = "a workflow run";

/// Runs the command.
pub(crate) async fn run(globals: &Globals, args: &Args) -> Outcome {
    match &args.command {
        Command::List(args) => {
            list(
                globals,
                &args.what,
                args.status.as_deref(),
                args.branch.as_deref(),
            )
            .await
        }
        Command::Failed(args) => {
            list(globals, &args.what, Some("failure"), args.branch.as_deref()).await
        }
        Command::View(args) => view(globals, args).await,
    }
}

async fn list(
    globals: &Globals,
    args: &WhatArgs,
    status: Option<&str>,
    branch: Option<&str>,
) -> Outcome {
    let given = args.json.as_deref();
    let fields = given.map(|given| listing::parse_fields(given, &FIELDS, OF));
    let fields = fields.transpose()?;
    let repository = args.repo.find()?;
    let api = Api::open(globals, &args.ask, false).await?;
    let per_page = usize::try_from(args.limit).map_or(MAX_PER_PAGE, |n| n.min(MAX_PER_PAGE));
    let mut path = format!("{}/actions/runs?per_page={per_page}", repository.path());
    for (name, value) in [("status", status), ("branch", branch)] {
        if let Some(value) = value {
            path = format!("{path}&{name}={}", encoded(value));
        }
    }
    let runs = listing::items(&api, &path, Some("workflow_runs"), args.limit)
        .await
        .aim(|| format!("could not list workflow runs of {repository}"))?;
    let mut out = Output::stdout();
    if let Some(fields) = fields {
        let picked: Vec<_> = runs.iter().map(|run| listing::pick(run, &fields)).collect();
        out.json(&picked)?;
    } else {
        let head = [
            "STATUS", "TITLE", "WORKFLOW", "BRANCH", "EVENT", "ID", "STARTED",
        ];
        let mut table = Table::with_head(&head, 1);
        for run in &runs {
            table.row([
                state(run),
                text(run, "display_title"),
                text(run, "name"),
                text(run, "head_branch"),
                text(run, "event"),
                text(run, "id"),
                age(run, "created_at"),
            ]);
        }
        out.bytes(table.render(output::width()).as_bytes())?;
    }
    out.flush()?;
    Ok(Ending::Done)
}

async fn view(globals: &Globals, args: &ViewArgs) -> Outcome {
    let given = args.json.as_deref();
    let fields = given.map(|given| listing::parse_fields(given, &FIELDS, OF));
    let fields = fields.transpose()?;
    let repository = args.repo.find()?;
    let api = Api::open(globals, &args.ask, false).await?;
    let aim = || format!("could not show workflow run {} of {repository}", args.id);
    let path = format!("{}/actions/runs/{}", repository.path(), args.id);
    let run = listing::object(&api, &path).await.aim(aim)?;
    let path = format!("{path}/jobs?per_page={MAX_PER_PAGE}");
    let jobs = listing::items(&api, &path, Some("jobs"), MAX_JOBS)
        .await
        .aim(aim)?;
    let mut out = Output::stdout();
    if let Some(fields) = fields {
        let mut picked = listing::pick(&run, &fields);
        let jobs = jobs.iter().map(|job| listing::pick(job, &JOB_FIELDS));
        picked["jobs"] = jobs.collect();
        out.json(&picked)?;
    } else {
        out.line(&format!(
            "{} · {}",
            text(&run, "display_title"),
            text(&run, "name")
        ))?;
        out.line(&format!(
            "{}, attempt {}, by {} on {}, {}",
            state(&run),
            text(&run, "run_attempt"),
            text(&run, "event"),
            text(&run, "head_branch"),
            age(&run, "created_at"),
        ))?;
        out.line(&text(&run, "html_url"))?;
        out.line("")?;
        let mut table = Table::with_head(&["STATUS", "JOB", "RUNNER", "ID", "STARTED"], 1);
        for job in &jobs {
            table.row([
                state(job),
                text(job, "name"),
                text(job, "runner_name"),
                text(job, "id"),
                age(job, "started_at"),
            ]);
        }
        out.bytes(table.render(output::width()).as_bytes())?;
    }
    out.flush()?;
    Ok(Ending::Done)
}

/// Returns how a run or job ended, or what it does.
fn state(run: &serde_json::Value) -> String {
    match text(run, "conclusion") {
        conclusion if conclusion.is_empty() => text(run, "status"),
        conclusion => conclusion,
    }
}
