//! Which hosts the unix door leads to.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use http::uri::Authority;
use tokio::time::Instant;
use url::{Host, Url};

/// GitHub's hosts that are no API.
const WEB_HOSTS: [&str; 2] = ["github.com", "uploads.github.com"];

/// Hosts below this one serve raw files, avatars and release assets.
const CONTENT_HOSTS: &str = ".githubusercontent.com";

/// How long a host that a `Location` named is let through.
pub(super) const LEARNED_FOR: Duration = Duration::from_secs(600);

/// Hosts remembered at once, of all users together.
pub(super) const MAX_LEARNED: usize = 256;

/// Last labels of names that are never public.
const PRIVATE_SUFFIXES: [&str; 8] = [
    "local",
    "localhost",
    "internal",
    "lan",
    "home",
    "corp",
    "private",
    "arpa",
];

/// GitHub's hosts.
#[derive(Debug)]
pub(super) struct Hosts(Vec<Authority>);

impl Hosts {
    /// Returns `api_hosts` and the hosts beside GitHub's own API.
    pub(super) fn new(api_hosts: Vec<Authority>) -> Self {
        let web_hosts = WEB_HOSTS.into_iter().map(Authority::from_static);
        Self(api_hosts.into_iter().chain(web_hosts).collect())
    }

    /// Returns `host` in lower case if it is GitHub's.
    pub(super) fn find(&self, host: &str) -> Option<Authority> {
        let known = self
            .0
            .iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(host));
        known.cloned().or_else(|| content_host(host))
    }
}

fn content_host(host: &str) -> Option<Authority> {
    let at = host.len().checked_sub(CONTENT_HOSTS.len())?;
    let (name, suffix) = (host.get(..at)?, host.get(at..)?);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    let matches = suffix.eq_ignore_ascii_case(CONTENT_HOSTS)
        && !name.is_empty()
        && name.bytes().all(plain)
        && !name.split('.').any(str::is_empty);
    matches.then(|| host.to_ascii_lowercase().parse().ok())?
}

/// Public hosts that GitHub just sent a user to.
#[derive(Debug, Default)]
pub(super) struct LearnedHosts {
    /// Guards the instants until which (user, host) is let through.
    until: Mutex<HashMap<(u32, Box<str>), Instant>>,
}

impl LearnedHosts {
    /// Lets `uid` reach the host of `location`, if that is public.
    pub(super) fn learn(&self, uid: u32, location: &HeaderValue, now: Instant) {
        let Some(host) = location.to_str().ok().and_then(public_host) else {
            return;
        };
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        if until.len() >= MAX_LEARNED {
            until.retain(|_, until| *until > now);
        }
        if until.len() >= MAX_LEARNED {
            let oldest = until.iter().min_by_key(|(_, until)| **until);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                until.remove(&oldest);
            }
        }
        until.insert((uid, host), now + LEARNED_FOR);
    }

    /// Tells whether `uid` may reach `host` now.
    pub(super) fn knows(&self, uid: u32, host: &str, now: Instant) -> bool {
        let key = (uid, host.to_ascii_lowercase().into());
        let until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.get(&key).is_some_and(|until| *until > now)
    }
}

/// Returns the host of an `https` URL with the usual port, if its name may be a public one. Numbers never are:
/// nothing that GitHub points at has only a number, while what is private often has.
fn public_host(location: &str) -> Option<Box<str>> {
    let url = Url::parse(location).ok()?;
    if url.scheme() != "https" || url.port().is_some() || !url.username().is_empty() {
        return None;
    }
    let Some(Host::Domain(name)) = url.host() else {
        return None;
    };
    let (_, last) = name.rsplit_once('.')?;
    let public =
        !last.is_empty() && !PRIVATE_SUFFIXES.contains(&last) && name.parse::<IpAddr>().is_err();
    public.then(|| name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn githubs_hosts_are_found_whatever_their_case() {
        let hosts = Hosts::new(vec![Authority::from_static("api.github.com")]);
        for (host, found) in [
            ("api.github.com", Some("api.github.com")),
            ("API.GitHub.com", Some("api.github.com")),
            ("github.com", Some("github.com")),
            ("uploads.github.com", Some("uploads.github.com")),
            (
                "Raw.githubusercontent.com",
                Some("raw.githubusercontent.com"),
            ),
            (
                "a.b.githubusercontent.com",
                Some("a.b.githubusercontent.com"),
            ),
            ("githubusercontent.com", None),
            (".githubusercontent.com", None),
            ("a..githubusercontent.com", None),
            ("evil@raw.githubusercontent.com", None),
            ("evil.com/.githubusercontent.com", None),
            ("xgithubusercontent.com", None),
            ("raw.githubusercontent.com.evil.example", None),
            ("github.com.", None),
            ("gist.github.com", None),
            ("", None),
            ("é.githubusercontent.com", None),
        ] {
            let answer = hosts.find(host);
            assert_eq!(answer.as_ref().map(Authority::as_str), found, "{host}");
        }
    }

    #[test]
    fn a_public_host_is_let_through_for_its_user_and_time_only() {
        let learned = LearnedHosts::default();
        let now = Instant::now();
        let location = HeaderValue::from_static("https://Store.blob.example.net/a?sig=x");
        learned.learn(7, &location, now);
        let later = now + LEARNED_FOR;
        assert!(learned.knows(7, "STORE.blob.example.net", now));
        assert!(!learned.knows(8, "store.blob.example.net", now));
        assert!(!learned.knows(7, "blob.example.net", now));
        assert!(!learned.knows(7, "store.blob.example.net", later));
    }

    #[test]
    fn hosts_that_may_be_private_are_never_learned() {
        for location in [
            "http://store.example.net/",
            "https://store.example.net:8443/",
            "https://user@store.example.net/",
            "https://127.0.0.1/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://[::1]/",
            "https://169.254.169.254/latest/meta-data",
            "https://localhost/",
            "https://router/",
            "https://printer.local/",
            "https://metadata.google.internal/",
            "https://store.example.net./",
            "/relative",
            "ftp://store.example.net/",
        ] {
            assert_eq!(public_host(location), None, "{location}");
        }
        assert_eq!(
            public_host("https://store.example.net:443/x").as_deref(),
            Some("store.example.net")
        );
    }

    #[test]
    fn the_number_of_learned_hosts_is_bounded_and_the_oldest_go() {
        let learned = LearnedHosts::default();
        let start = Instant::now();
        for n in 0..MAX_LEARNED + 10 {
            let location = format!("https://h{n}.example.net/");
            let now = start + Duration::from_millis(n as u64);
            learned.learn(1, &HeaderValue::try_from(location).unwrap(), now);
        }
        assert_eq!(learned.until.lock().unwrap().len(), MAX_LEARNED);
        assert!(!learned.knows(1, "h0.example.net", start));
        assert!(learned.knows(1, &format!("h{}.example.net", MAX_LEARNED + 9), start));
    }
}
