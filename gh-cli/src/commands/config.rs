//! `gh-mesh config`.

use gh_client::settings::{Provenance, Settings};
use serde_json::json;

use crate::cli::Globals;
use crate::context::{self, TokenFrom};
use crate::error::{Ending, Outcome};
use crate::flags::SettingFlags;
use crate::output::{self, Output, Table};

/// Show every setting and where it came from
///
/// Takes the flags of `serve`, to show what it would do. Secrets are shown as `(set)`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print JSON: {version, settings: [{name, value, source, from}]}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingFlags,
}

/// Runs the command.
pub(crate) fn run(globals: &Globals, args: &Args) -> Outcome {
    let settings = context::settings(
        globals,
        args.settings.given(),
        TokenFrom::EnvironmentOrGh,
        None,
    )?;
    let rows = rows(&settings);
    let mut out = Output::stdout();
    if args.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| json!({"name": row.name, "value": row.value, "source": row.source, "from": row.from}))
            .collect();
        out.json(&json!({"version": 1, "settings": rows}))?;
    } else {
        let mut table = Table::with_head(&["SETTING", "VALUE", "FROM"], 1);
        for row in rows {
            let from = row.from.map_or_else(
                || row.source.to_owned(),
                |from| format!("{} {from}", row.source),
            );
            table.row([row.name, row.value, from]);
        }
        out.bytes(table.render(output::width()).as_bytes())?;
    }
    out.flush()?;
    Ok(Ending::Done)
}

struct Row {
    name: String,
    value: String,
    source: &'static str,
    from: Option<String>,
}

fn rows(settings: &Settings) -> Vec<Row> {
    let mut rows: Vec<_> = settings
        .shown()
        .iter()
        .map(|shown| {
            let (source, from) = match &shown.provenance {
                Provenance::Default => ("default", None),
                Provenance::File(path) => ("file", Some(path.display().to_string())),
                Provenance::Environment(variable) => ("environment", Some(variable.clone())),
                Provenance::Flag(name) if name == "LOG" => ("flag", Some("--verbose".to_owned())),
                Provenance::Flag(name) => ("flag", Some(crate::flags::flag_of(name))),
            };
            Row {
                name: shown.name.to_ascii_lowercase(),
                value: shown.value.clone(),
                source,
                from,
            }
        })
        .collect();
    rows.push(Row {
        name: "github_token".to_owned(),
        value: if settings.token.is_some() {
            "(set)"
        } else {
            "none"
        }
        .to_owned(),
        source: "environment",
        from: Some("GH_TOKEN, GITHUB_TOKEN, or gh auth token".to_owned()),
    });
    rows
}
