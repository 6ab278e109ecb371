//! Reading single values, by kind.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::share::Share;

use super::{HttpListen, LogFormat, Provenance, SettingError, Shown, Sources};

/// Reads values by name and remembers what it read.
pub(super) struct Reader<'s> {
    sources: &'s Sources,
    shown: Vec<Shown>,
}

impl<'s> Reader<'s> {
    pub(super) fn new(sources: &'s Sources) -> Self {
        Self {
            sources,
            shown: Vec::new(),
        }
    }

    pub(super) fn into_shown(mut self) -> Vec<Shown> {
        self.shown.sort_by_key(|shown| shown.name);
        self.shown
    }

    /// Returns the value of `name` and where it was said. An empty variable is not set, as in a shell's `VAR= command`.
    fn raw(&self, name: &str) -> (Option<&'s str>, Provenance) {
        raw(self.sources, name)
    }

    pub(super) fn is_given(&self, name: &str) -> bool {
        self.raw(name).0.is_some()
    }

    /// Notes the value that is in force.
    pub(super) fn show(&mut self, name: &'static str, value: String) {
        let provenance = match self.raw(name) {
            (Some(_), provenance) => provenance,
            (None, _) => Provenance::Default,
        };
        self.shown.push(Shown {
            name,
            value,
            provenance,
        });
    }

    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        let value = self.raw(name).0.map(str::to_owned);
        self.show(name, value.clone().unwrap_or_default());
        value
    }

    /// Returns a comma-separated list.
    pub(super) fn texts(&mut self, name: &'static str) -> Vec<String> {
        let items = items(self.raw(name).0);
        self.show(name, items.join(","));
        items
    }

    pub(super) fn list<T>(
        &mut self,
        name: &'static str,
        wanted: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, SettingError> {
        let (value, provenance) = self.raw(name);
        let items = items(value);
        let parsed = items
            .iter()
            .map(|item| {
                parse(item).map_err(|reason| {
                    error(name, &provenance, item, &format!("{wanted}: {reason}"))
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        self.show(name, items.join(","));
        Ok(parsed)
    }

    pub(super) fn boolean(
        &mut self,
        name: &'static str,
        default: bool,
    ) -> Result<bool, SettingError> {
        let value = self.parsed(name, "true or false", |text| {
            match text.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => Some(true),
                "false" | "0" | "no" | "off" => Some(false),
                _ => None,
            }
        })?;
        let value = value.unwrap_or(default);
        self.show(name, value.to_string());
        Ok(value)
    }

    pub(super) fn number<T: FromStr + ToString>(
        &mut self,
        name: &'static str,
        default: T,
    ) -> Result<T, SettingError> {
        let value = self
            .parsed(name, "a whole number in range", |text| text.parse().ok())?
            .unwrap_or(default);
        self.show(name, value.to_string());
        Ok(value)
    }

    pub(super) fn duration(
        &mut self,
        name: &'static str,
    ) -> Result<Option<Duration>, SettingError> {
        let value = self.parsed(name, "a time in seconds, such as 300 or 0.5", |text| {
            let seconds: f64 = text.strip_suffix('s').unwrap_or(text).parse().ok()?;
            Duration::try_from_secs_f64(seconds).ok()
        })?;
        self.show(
            name,
            value.map_or_else(
                || "none".to_owned(),
                |value| format!("{} s", value.as_secs_f64()),
            ),
        );
        Ok(value)
    }

    pub(super) fn bytes(&mut self, name: &'static str, default: u64) -> Result<u64, SettingError> {
        let value = self.parsed(name, "a size, such as 512MiB", |text| {
            let split = text
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(text.len());
            let (digits, unit) = text.split_at(split);
            let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
                "" | "b" => 1,
                "k" | "kb" | "kib" => 1 << 10,
                "m" | "mb" | "mib" => 1 << 20,
                "g" | "gb" | "gib" => 1 << 30,
                "t" | "tb" | "tib" => 1 << 40,
                _ => return None,
            };
            digits.parse::<u64>().ok()?.checked_mul(factor)
        })?;
        let value = value.unwrap_or(default);
        self.show(name, value.to_string());
        Ok(value)
    }

    pub(super) fn path(&mut self, name: &'static str) -> Option<PathBuf> {
        let value = self.raw(name).0?;
        let home = self.sources.environment.get("HOME");
        Some(match (value.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
            _ => PathBuf::from(value),
        })
    }

    pub(super) fn http_listen(&mut self) -> Result<HttpListen, SettingError> {
        let name = "HTTP_LISTEN";
        let (value, provenance) = self.raw(name);
        let items = items(value);
        let listen = match &items[..] {
            [] => HttpListen::Default,
            [only] if only.eq_ignore_ascii_case("off") => HttpListen::Off,
            given => {
                let addresses = given
                    .iter()
                    .map(|item| {
                        let item = item.replace("localhost:", "127.0.0.1:");
                        item.parse().map_err(|_| {
                            error(
                                name,
                                &provenance,
                                &item,
                                "an address and port, such as 127.0.0.1:9180, or off",
                            )
                        })
                    })
                    .collect::<Result<_, _>>()?;
                HttpListen::Given(addresses)
            }
        };
        self.show(
            name,
            if items.is_empty() {
                "127.0.0.1:9180,[::1]:9180".to_owned()
            } else {
                items.join(",")
            },
        );
        Ok(listen)
    }

    pub(super) fn log_format(&mut self) -> Result<LogFormat, SettingError> {
        let name = "LOG_FORMAT";
        let format = self.parsed(name, "text or json", |text| match text {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        })?;
        let format = format.unwrap_or(LogFormat::Text);
        self.show(
            name,
            if format == LogFormat::Text {
                "text"
            } else {
                "json"
            }
            .to_owned(),
        );
        Ok(format)
    }

    /// The values that would let more leave this node are known, and refused until they do.
    pub(super) fn share(&mut self) -> Result<Share, SettingError> {
        let name = "SHARE";
        let (value, provenance) = self.raw(name);
        let share = match value.map(str::trim) {
            None => Share::default(),
            Some("token") => Share::Token,
            Some("proved") => Share::Proved,
            Some(later @ ("fleet" | "open")) => {
                return Err(error(
                    name,
                    &provenance,
                    later,
                    "available yet; token and proved are",
                ));
            }
            Some(other) => return Err(error(name, &provenance, other, "token or proved")),
        };
        self.show(name, share.to_string());
        Ok(share)
    }

    fn parsed<T>(
        &self,
        name: &str,
        wanted: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, SettingError> {
        let (value, provenance) = self.raw(name);
        let Some(value) = value else { return Ok(None) };
        parse(value.trim())
            .map(Some)
            .ok_or_else(|| error(name, &provenance, value, wanted))
    }
}

pub(super) fn raw<'s>(sources: &'s Sources, name: &str) -> (Option<&'s str>, Provenance) {
    let flag = sources.flags.get(name).map(String::as_str);
    if flag.is_some() {
        return (flag, Provenance::Flag(name.to_owned()));
    }
    for prefix in ["GH_MESH_", "CACHE_"] {
        let variable = format!("{prefix}{name}");
        if let Some(value) = sources.environment.get(&variable)
            && !value.is_empty()
        {
            return (Some(value), Provenance::Environment(variable));
        }
    }
    if let Some((path, lines)) = &sources.file
        && let Some(value) = lines.get(name)
    {
        return (Some(value), Provenance::File(path.clone()));
    }
    (None, Provenance::Default)
}

pub(super) fn error(
    name: &str,
    provenance: &Provenance,
    value: &str,
    wanted: &str,
) -> SettingError {
    let given_as = match provenance {
        Provenance::Default => name.to_owned(),
        Provenance::File(path) => format!("{} in {}", name.to_ascii_lowercase(), path.display()),
        Provenance::Environment(variable) => variable.clone(),
        Provenance::Flag(name) => format!("--{}", flag_name(name)),
    };
    SettingError {
        given_as,
        value: value.to_owned(),
        wanted: wanted.to_owned(),
    }
}

/// Returns the flag of a setting where it is not just the name in lower case (the table of settings).
fn flag_name(name: &str) -> String {
    match name {
        "ENABLE_P2P" => "p2p".to_owned(),
        "LISTEN_PORT" => "p2p-port".to_owned(),
        "BOOTSTRAP_PEERS" => "bootstrap".to_owned(),
        "DIR" => "cache-dir".to_owned(),
        "MAX_SIZE" => "max-entries".to_owned(),
        "HTTP_LISTEN" => "http".to_owned(),
        "HTTP_ALLOW_HOSTS" => "allow-host".to_owned(),
        other => other.to_ascii_lowercase().replace('_', "-"),
    }
}

fn items(value: Option<&str>) -> Vec<String> {
    value
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}
