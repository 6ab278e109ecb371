//! `gh-mesh runner`.

use serde_json::Value;

use crate::ask::{Api, AskFlags};
use crate::cli::Globals;
use crate::commands::api::placeholders::RepoFlag;
use crate::error::{Ending, Outcome, OutcomeExt as _};
use crate::listing::{self, MAX_PER_PAGE, encoded, text};
use crate::output::{self, Output, Table};

/// Look at self-hosted runners
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List(ListArgs),
}

/// List the self-hosted runners of a repository or an organization
///
/// GitHub shows them to administrators only.
#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Those of this organization
    #[arg(long, value_name = "ORG", conflicts_with = "repo")]
    org: Option<String>,
    /// List at most this many
    #[arg(short = 'L', long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Print a JSON array; with these comma-separated fields only, or all of them
    #[arg(long, value_name = "FIELDS", num_args = 0..=1, default_missing_value = "")]
    json: Option<String>,
    #[command(flatten)]
    repo: RepoFlag,
    #[command(flatten)]
    ask: AskFlags,
}

/// Fields of `--json`, named as GitHub's REST API names them; `labels` are names.
const FIELDS: [&str; 6] = ["busy", "id", "labels", "name", "os", "status"];

/// Runs the command.
pub(crate) async fn run(globals: &Globals, args: &Args) -> Outcome {
    match &args.command {
        Command::List(args) => list(globals, args).await,
    }
}

async fn list(globals: &Globals, args: &ListArgs) -> Outcome {
    let given = args.json.as_deref();
    let fields = given.map(|given| listing::parse_fields(given, &FIELDS, "a runner"));
    let fields = fields.transpose()?;
    let (whose, path) = if let Some(org) = &args.org {
        (org.clone(), format!("orgs/{}", encoded(org)))
    } else {
        let repository = args.repo.find()?;
        (repository.to_string(), repository.path())
    };
    let api = Api::open(globals, &args.ask, false).await?;
    let path = format!("{path}/actions/runners?per_page={MAX_PER_PAGE}");
    let mut runners = listing::items(&api, &path, Some("runners"), args.limit)
        .await
        .aim(|| format!("could not list runners of {whose}"))?;
    for runner in &mut runners {
        let labels = runner["labels"].as_array().into_iter().flatten();
        let labels: Vec<_> = labels.map(|label| label["name"].clone()).collect();
        runner["labels"] = labels.into();
    }
    let mut out = Output::stdout();
    if let Some(fields) = fields {
        let picked: Vec<_> = runners
            .iter()
            .map(|runner| listing::pick(runner, &fields))
            .collect();
        out.json(&picked)?;
    } else {
        let mut table = Table::with_head(&["NAME", "STATUS", "OS", "LABELS", "ID"], 3);
        for runner in &runners {
            let mut status = text(runner, "status");
            if runner["busy"] == Value::Bool(true) {
                status.push_str(", busy");
            }
            let labels = runner["labels"].as_array().into_iter().flatten();
            let labels: Vec<_> = labels.filter_map(Value::as_str).collect();
            let labels = labels
                .join(",")
                .chars()
                .filter(|c| !c.is_control())
                .collect();
            table.row([
                text(runner, "name"),
                status,
                text(runner, "os"),
                labels,
                text(runner, "id"),
            ]);
        }
        out.bytes(table.render(output::width()).as_bytes())?;
    }
    out.flush()?;
    Ok(Ending::Done)
}
