//! What every command begins with: the settings, and who may say what.

use std::collections::BTreeMap;
use std::path::PathBuf;

use gh_client::settings::{Provenance, Settings, Sources};

use crate::cli::Globals;
use crate::error::{CommandError, Ending, Outcome};
use crate::flags::Given;
use crate::gh;
use crate::settings_file::{self, SettingsFileError};

/// Whether a command needs a GitHub token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenFrom {
    /// Only what the environment has.
    Environment,
    /// The environment, else GitHub's own `gh`.
    EnvironmentOrGh,
}

/// What one `-v` shows: our own words, without those of the libraries.
const VERBOSE: &str = "info,gh_mesh=debug,gh_client=debug,cache_core=debug,cache_crypto=debug,cache_p2p=debug,cache_store=debug";

/// Reads all settings for one command. `hostname` stands for `GH_HOST`, as the flag of `gh` does.
pub(crate) fn settings(
    globals: &Globals,
    given: Given,
    token_from: TokenFrom,
    hostname: Option<&str>,
) -> Outcome<Settings> {
    let mut sources = Sources::from_environment();
    sources.flags = given;
    match globals.verbose {
        0 => {}
        1 => drop(sources.flags.insert("LOG".to_owned(), VERBOSE.to_owned())),
        _ => drop(sources.flags.insert("LOG".to_owned(), "trace".to_owned())),
    }
    if let Some(hostname) = hostname {
        sources
            .environment
            .insert("GH_HOST".to_owned(), hostname.to_owned());
    }
    sources.file = file(globals, &sources.environment)?;
    let host = sources.environment.get("GH_HOST").cloned();
    let fallback = || match token_from {
        TokenFrom::Environment => None,
        TokenFrom::EnvironmentOrGh => gh::auth_token(host.as_deref()),
    };
    Ok(Settings::resolve(&sources, fallback)?)
}

/// Returns the tracing filter of a command, which is quieter than the daemon unless somebody asked for more.
pub(crate) fn log_of_command(settings: &Settings) -> String {
    let is_default = settings
        .shown()
        .iter()
        .any(|shown| shown.name == "LOG" && shown.provenance == Provenance::Default);
    if is_default {
        "warn".to_owned()
    } else {
        settings.log.clone()
    }
}

type SettingsFile = Option<(PathBuf, BTreeMap<String, String>)>;

fn file(globals: &Globals, environment: &BTreeMap<String, String>) -> Outcome<SettingsFile> {
    let variable = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let given = globals.config.clone().or_else(|| {
        variable("GH_MESH_CONFIG")
            .or_else(|| variable("CACHE_CONFIG"))
            .map(PathBuf::from)
    });
    let default = || {
        let base = variable("XDG_CONFIG_HOME")
            .filter(|path| path.starts_with('/'))
            .map(PathBuf::from);
        let base =
            base.or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".config")))?;
        Some(base.join("gh-mesh/config.toml"))
    };
    let is_given = given.is_some();
    let Some(path) = given.or_else(default) else {
        return Ok(None);
    };
    let values = settings_file::read(&path).map_err(|error| {
        let is_unknown = matches!(error, SettingsFileError::UnknownKey { .. });
        let error = CommandError::new(Ending::Usage, error).aim("could not read the settings");
        if !is_unknown {
            return error;
        }
        let names: Vec<_> = settings_file::NAMES
            .iter()
            .map(|name| name.to_ascii_lowercase())
            .collect();
        error.hint(format!("settings are {}", names.join(", ")))
    })?;
    match values {
        Some(values) => Ok(Some((path, values))),
        None if is_given => {
            let message = format!("{} does not exist", path.display());
            Err(CommandError::message(Ending::Usage, message).aim("could not read the settings"))
        }
        None => Ok(None),
    }
}
