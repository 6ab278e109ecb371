//! The endpoint table: the first rule whose path matches gives the class; what matches none is ordinary.
//!
//! `{name}` stands for one segment, a final `**` for any number of them, none included.

use super::Class::{self, Access, Activity, NeverStored, Polled, Runners};

/// One row.
#[derive(Debug)]
pub(super) struct Rule<T> {
    pub(super) path: &'static str,
    pub(super) gives: T,
}

const fn rule(path: &'static str, class: Class) -> Rule<Class> {
    Rule { path, gives: class }
}

const fn route(path: &'static str) -> Rule<()> {
    Rule { path, gives: () }
}

/// Routes for which GitHub refuses a good token with 401, because they want the credential of an app or installation.
pub(super) static OF_APPS: &[Rule<()>] = &[
    route("app/**"),
    route("app-manifests/**"),
    route("applications/**"),
    route("enterprises/{enterprise}/installation"),
    route("installation/**"),
    route("marketplace_listing/**"),
    route("orgs/{org}/installation"),
    route("repos/{owner}/{repo}/installation"),
    route("users/{user}/installation"),
];

/// Routes whose answers are about the caller: never shown to another, whatever GitHub would say.
pub(super) static ABOUT_THE_CALLER: &[Rule<()>] = &[
    route(""),
    route("app/**"),
    route("app-manifests/**"),
    route("applications/**"),
    route("feeds"),
    route("gists"),
    route("gists/starred"),
    route("gists/{gist_id}/star"),
    route("installation/**"),
    route("issues"),
    route("notifications/**"),
    route("orgs/{org}/installation"),
    route("orgs/{org}/issues"),
    route("rate_limit"),
    route("repos/{owner}/{repo}/installation"),
    route("repos/{owner}/{repo}/notifications"),
    route("repos/{owner}/{repo}/subscription"),
    route("repositories/{id}/installation"),
    route("repositories/{id}/notifications"),
    route("repositories/{id}/subscription"),
    route("user/**"),
];

pub(super) static RULES: &[Rule<Class>] = &[
    // About the caller's budget and identity in headers: out of date when it arrives, and `x-oauth-scopes` is the point.
    rule("", NeverStored),
    rule("rate_limit", NeverStored),
    // Redirects to signed URLs that live a minute or five.
    rule(
        "repos/{owner}/{repo}/actions/runs/{run_id}/logs",
        NeverStored,
    ),
    rule(
        "repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt}/logs",
        NeverStored,
    ),
    rule(
        "repos/{owner}/{repo}/actions/jobs/{job_id}/logs",
        NeverStored,
    ),
    rule(
        "repos/{owner}/{repo}/actions/artifacts/{artifact_id}/{archive_format}",
        NeverStored,
    ),
    rule("repos/{owner}/{repo}/tarball/**", NeverStored),
    rule("repos/{owner}/{repo}/zipball/**", NeverStored),
    rule(
        "repos/{owner}/{repo}/releases/assets/{asset_id}",
        NeverStored,
    ),
    // Secrets, their keys, and tokens.
    rule("repos/{owner}/{repo}/actions/secrets/**", NeverStored),
    rule("repos/{owner}/{repo}/codespaces/secrets/**", NeverStored),
    rule("repos/{owner}/{repo}/dependabot/secrets/**", NeverStored),
    rule(
        "repos/{owner}/{repo}/environments/{environment}/secrets/**",
        NeverStored,
    ),
    rule(
        "repositories/{id}/environments/{environment}/secrets/**",
        NeverStored,
    ),
    rule("orgs/{org}/actions/secrets/**", NeverStored),
    rule("orgs/{org}/codespaces/secrets/**", NeverStored),
    rule("orgs/{org}/dependabot/secrets/**", NeverStored),
    rule("user/codespaces/secrets/**", NeverStored),
    rule("app/**", NeverStored),
    rule("applications/**", NeverStored),
    // What governs polling itself.
    rule("events", Polled),
    rule("notifications/**", Polled),
    rule("repos/{owner}/{repo}/events", Polled),
    rule("repos/{owner}/{repo}/notifications", Polled),
    rule("networks/{owner}/{repo}/events", Polled),
    rule("orgs/{org}/events", Polled),
    rule("users/{user}/events/**", Polled),
    rule("users/{user}/received_events/**", Polled),
    // Self-hosted runners.
    rule("repos/{owner}/{repo}/actions/runners/**", Runners),
    rule("orgs/{org}/actions/runners/**", Runners),
    rule("orgs/{org}/actions/runner-groups/**", Runners),
    rule("enterprises/{enterprise}/actions/runners/**", Runners),
    // What people watch while it happens.
    rule("repos/{owner}/{repo}/actions/runs/**", Activity),
    rule("repos/{owner}/{repo}/actions/jobs/**", Activity),
    rule(
        "repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs",
        Activity,
    ),
    rule("repos/{owner}/{repo}/check-runs/**", Activity),
    rule("repos/{owner}/{repo}/check-suites/**", Activity),
    rule("repos/{owner}/{repo}/commits/{ref}/check-runs", Activity),
    rule("repos/{owner}/{repo}/commits/{ref}/check-suites", Activity),
    rule("repos/{owner}/{repo}/commits/{ref}/status", Activity),
    rule("repos/{owner}/{repo}/commits/{ref}/statuses", Activity),
    rule("repos/{owner}/{repo}/statuses/{ref}", Activity),
    // Who may do what.
    rule("repos/{owner}/{repo}/collaborators/**", Access),
    rule(
        "repos/{owner}/{repo}/branches/{branch}/protection/**",
        Access,
    ),
    rule("repos/{owner}/{repo}/rules/**", Access),
    rule("repos/{owner}/{repo}/rulesets/**", Access),
    rule("repos/{owner}/{repo}/environments/**", Access),
    rule("repos/{owner}/{repo}/actions/permissions/**", Access),
    rule("orgs/{org}/actions/permissions/**", Access),
    rule("orgs/{org}/rulesets/**", Access),
    rule("orgs/{org}/memberships/**", Access),
    rule("orgs/{org}/members/{user}", Access),
    rule("orgs/{org}/teams/{team}/memberships/{user}", Access),
    rule("orgs/{org}/teams/{team}/repos/{owner}/{repo}", Access),
    rule("teams/{team_id}/memberships/{user}", Access),
    rule("user/memberships/**", Access),
    rule("installation/**", Access),
];
