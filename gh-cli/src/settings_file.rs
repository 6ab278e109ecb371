//! The settings file: TOML, one flat key per setting, in lower case.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// Names that a settings file may give.
pub(crate) const NAMES: [&str; 22] = [
    "API_URL",
    "BOOTSTRAP_PEERS",
    "CA_FILE",
    "DEFAULT_TTL",
    "DIR",
    "ENABLE_P2P",
    "HTTP_ALLOW_HOSTS",
    "HTTP_LISTEN",
    "LISTEN_PORT",
    "LOG",
    "LOG_FORMAT",
    "MAX_AGE",
    "MAX_BYTES",
    "MAX_SIZE",
    "MDNS",
    "P2P_LISTEN",
    "P2P_SHARED_SECRET",
    "P2P_SHARED_SECRET_FILE",
    "SHARE",
    "SOCKET",
    "STALE_IF_ERROR",
    "STATE_DIR",
];

/// Why a settings file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsFileError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not TOML. The message has no excerpt: the line may hold a secret.
    #[error("{} is not TOML: {message}{}", path.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
    NotToml {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
        /// Where.
        line: Option<usize>,
    },
    /// A key is no setting.
    #[error("{key:?} in {} is no setting", path.display())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// A value is neither text, number, boolean nor a list of texts.
    #[error("{key} in {} is {kind}, which no setting takes", path.display())]
    BadValue {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What it is.
        kind: &'static str,
    },
}

/// Reads the settings file at `path`, as values by setting name. `None` when there is none.
pub(crate) fn read(path: &Path) -> Result<Option<BTreeMap<String, String>>, SettingsFileError> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(path, &text).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SettingsFileError::Unreadable {
            path: path.to_owned(),
            source,
        }),
    }
}

fn parse(path: &Path, text: &str) -> Result<BTreeMap<String, String>, SettingsFileError> {
    let path = || path.to_owned();
    let table: Table =
        text.parse()
            .map_err(|error: toml::de::Error| SettingsFileError::NotToml {
                path: path(),
                message: error.message().to_owned(),
                line: error
                    .span()
                    .map(|span| 1 + text[..span.start].matches('\n').count()),
            })?;
    let mut values = BTreeMap::new();
    for (key, value) in table {
        let name = key.to_ascii_uppercase();
        if !NAMES.contains(&&*name) || key != key.to_ascii_lowercase() {
            return Err(SettingsFileError::UnknownKey { path: path(), key });
        }
        let text = text_of(&value).ok_or_else(|| SettingsFileError::BadValue {
            path: path(),
            key,
            kind: value.type_str(),
        })?;
        values.insert(name, text);
    }
    Ok(values)
}

/// Returns a value as a flag would spell it.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(yes) => Some(yes.to_string()),
        Value::Array(items) => {
            let items: Option<Vec<_>> = items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect();
            items.map(|items| items.join(","))
        }
        Value::Datetime(_) | Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&[(&str, &str)], &str>) {
        let parsed = parse(Path::new("f.toml"), text).map_err(|error| error.to_string());
        let expected = expected
            .map(|pairs| {
                pairs
                    .iter()
                    .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                    .collect()
            })
            .map_err(str::to_owned);
        assert_eq!(parsed, expected, "{text}");
    }

    #[test]
    fn flat_keys_give_settings() {
        check(
            "max_size = 7\nmdns = false\ndefault_ttl = 0.5\nhttp_listen = ['127.0.0.1:1', '[::1]:1']\nlog = 'info'",
            Ok(&[
                ("DEFAULT_TTL", "0.5"),
                ("HTTP_LISTEN", "127.0.0.1:1,[::1]:1"),
                ("LOG", "info"),
                ("MAX_SIZE", "7"),
                ("MDNS", "false"),
            ]),
        );
        check("", Ok(&[]));
    }

    #[test]
    fn what_makes_no_sense_is_named_without_its_value() {
        check("max_sise = 7", Err("\"max_sise\" in f.toml is no setting"));
        check("MAX_SIZE = 7", Err("\"MAX_SIZE\" in f.toml is no setting"));
        check(
            "[cache]\nmax_size = 7",
            Err("\"cache\" in f.toml is no setting"),
        );
        check(
            "[dir]\nx = 7",
            Err("dir in f.toml is table, which no setting takes"),
        );
        let secret = parse(
            Path::new("f.toml"),
            "mdns = true\np2p_shared_secret = canary",
        )
        .unwrap_err()
        .to_string();
        assert!(
            secret.contains("line 2") && !secret.contains("canary"),
            "{secret}"
        );
    }

    #[test]
    fn every_setting_has_a_name_here() {
        let sources = gh_client::settings::Sources::default();
        let settings = gh_client::settings::Settings::resolve(&sources, || None).unwrap();
        for shown in settings.shown() {
            assert!(NAMES.contains(&shown.name), "{} is missing", shown.name);
        }
    }
}
