//! Tags of answers, and which of them a write spoils (RFC 9111 §4.4).
//!
//! What a write touches beyond its own path cannot always be told from outside. Where it cannot, more is dropped than
//! had to be: that costs requests, the other way costs wrong answers.

use std::sync::Arc;

use cache_core::Tag;
use http::Method;

/// The web site's host, to which git pushes go.
const WEB: &str = "github.com";
/// The host that release assets are uploaded to.
const UPLOADS: &str = "uploads.github.com";
const API: &str = crate::upstream::ApiRoot::GITHUB;

/// Returns the tags of answers to `path` on `host`: by them writes find what they spoil.
pub(crate) fn tags_of(host: &str, path: &str) -> Arc<[Tag]> {
    let everything = everything_of(host);
    if let Some(runners) = runners_of(host, path) {
        return match repository_in(path) {
            Some((owner, name)) => [
                everything,
                runners,
                repository(host, owner, name),
                owner_of(host, owner),
            ]
            .into(),
            None => [everything, runners, lists_of(host)].into(),
        };
    }
    match repository_in(path) {
        Some((owner, name)) => [
            everything,
            repository(host, owner, name),
            owner_of(host, owner),
        ]
        .into(),
        None if path == "/graphql" => [everything, graphql_of(host)].into(),
        // `/repositories/ID/…` names no owner, and lists show many repositories: any write may touch them.
        None => [everything, lists_of(host)].into(),
    }
}

/// Returns the tags that a request of `method` for `path` on `host` spoils; none for one that changes nothing.
pub(crate) fn spoiled_by(method: &Method, host: &str, path: &str) -> Vec<Tag> {
    if method.is_safe() || changes_nothing(path) {
        return Vec::new();
    }
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (host, &segments[..]) {
        (WEB, [owner, name, "git-receive-pack"]) => {
            let name = name.strip_suffix(".git").unwrap_or(name);
            return with_lists(API, [repository(API, owner, name)]);
        }
        (WEB, _) => return Vec::new(),
        (UPLOADS, _) => return spoiled_by(method, API, path),
        _ => {}
    }
    if let Some(runners) = runners_of(host, path) {
        return vec![runners];
    }
    if path.contains('%') {
        // Another spelling of what is stored under a name.
        return vec![everything_of(host)];
    }
    match &segments[..] {
        // Into another owner's hands, or a new repository of whoever asks.
        ["repos", _, _, "forks" | "generate" | "transfer"] | ["user", "repos"] => {
            vec![everything_of(host)]
        }
        // Renamed, a repository is another one of its owner.
        ["repos", owner, _] => with_lists(host, [owner_of(host, owner)]),
        ["repos", owner, name, ..] | ["user", "starred" | "subscriptions", owner, name] => {
            with_lists(host, [repository(host, owner, name)])
        }
        // Members, teams and what they may.
        ["orgs", org, ..] => with_lists(host, [owner_of(host, org)]),
        ["notifications" | "gists" | "user" | "users", ..] => with_lists(host, []),
        _ => vec![everything_of(host)],
    }
}

/// Returns the tag that every answer of `host` carries.
pub(crate) fn everything_of(host: &str) -> Tag {
    Tag::of(&format!("host {host}"))
}

/// Writes that make a token or render a text. Autoscalers make tokens all the time.
///
/// Whole routes, never a word somewhere in the path: branches, labels and files may be called anything.
fn changes_nothing(path: &str) -> bool {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let is_token = |name: &str| matches!(name, "registration-token" | "remove-token");
    match segments[..] {
        ["repos", _, _, "actions", "runners", made]
        | [
            "repositories" | "orgs" | "enterprises",
            _,
            "actions",
            "runners",
            made,
        ] => is_token(made),
        ["app", "installations", _, "access_tokens"] => true,
        [first, ..] => matches!(first, "applications" | "markdown"),
        [] => false,
    }
}

/// Returns the tag of a repository's or organization's runners, if `path` is about those alone.
fn runners_of(host: &str, path: &str) -> Option<Tag> {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let n_owner = match segments[..] {
        ["repos", _, _, "actions", "runners", ..] => 3,
        [
            "repositories" | "orgs" | "enterprises",
            _,
            "actions",
            "runners",
            ..,
        ] => 2,
        _ => return None,
    };
    let owner = segments[..n_owner].join("/");
    (!path.contains('%')).then(|| Tag::of(&format!("runners {host}/{owner}/actions/runners")))
}

/// Returns owner and name in `/repos/{owner}/{name}…`, if they are spelled plainly.
fn repository_in(path: &str) -> Option<(&str, &str)> {
    let mut segments = path.strip_prefix("/repos/")?.splitn(3, '/');
    let (owner, name) = (segments.next()?, segments.next()?);
    (!owner.contains('%') && !name.contains('%')).then_some((owner, name))
}

fn with_lists<const N: usize>(host: &str, tags: [Tag; N]) -> Vec<Tag> {
    let mut tags = tags.to_vec();
    tags.extend([lists_of(host), graphql_of(host)]);
    tags
}

fn repository(host: &str, owner: &str, name: &str) -> Tag {
    Tag::of(&format!("repository {host}/{owner}/{name}"))
}

fn owner_of(host: &str, owner: &str) -> Tag {
    Tag::of(&format!("owner {host}/{owner}"))
}

fn lists_of(host: &str) -> Tag {
    Tag::of(&format!("lists {host}"))
}

fn graphql_of(host: &str) -> Tag {
    Tag::of(&format!("graphql {host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks what a POST to `written` does to the answers of the API.
    #[track_caller]
    fn check(host: &str, written: &str, spoiled: &[&str], spared: &[&str]) {
        let tags = spoiled_by(&Method::POST, host, written);
        let touches = |path: &str| tags_of(API, path).iter().any(|tag| tags.contains(tag));
        for path in spoiled {
            assert!(touches(path), "{written} spoils {path}");
        }
        for path in spared {
            assert!(!touches(path), "{written} spares {path}");
        }
    }

    const LISTS: [&str; 4] = [
        "/user/repos",
        "/repositories/1/issues",
        "/graphql",
        "/search/issues",
    ];

    #[test]
    fn a_write_spoils_its_repository_lists_and_queries_and_no_other_repository() {
        let own = ["/repos/octo/hello", "/repos/OCTO/Hello/issues/1/comments"];
        check(
            API,
            "/repos/Octo/hello/issues",
            &own,
            &["/repos/octo/other"],
        );
        check(API, "/repos/Octo/hello/issues", &LISTS, &[]);
        check(
            API,
            "/user/starred/octo/hello",
            &own,
            &["/repos/octo/other"],
        );
        check(UPLOADS, "/repos/octo/hello/releases/1/assets", &own, &[]);
        check(WEB, "/octo/hello.git/git-receive-pack", &own, &[]);
        check(WEB, "/octo/hello.git/git-upload-pack", &[], &own);
    }

    #[test]
    fn a_write_whose_reach_is_unknown_spoils_more() {
        let any = ["/repos/octo/hello/issues", "/repos/other/one"];
        check(API, "/repositories/1/issues", &any, &[]);
        check(API, "/repos/octo/hel%6Co/issues", &any, &[]);
        check(API, "/repos/octo/hello/forks", &any, &[]);
        check(API, "/user/repos", &any, &LISTS[..0]);
        check(API, "/teams/1/repos/o/r", &any, &[]);
        check(API, "/orgs/octo/members/u", &any[..1], &any[1..]);
        check(
            API,
            "/repos/octo/hello",
            &["/repos/octo/renamed"],
            &any[1..],
        );
        check(API, "/gists", &["/gists"], &any);
        // A name in another spelling is found by whatever spoils lists.
        check(API, "/repos/a/b/issues", &["/repos/octo/hel%6Co"], &[]);
    }

    #[test]
    fn runners_come_and_go_without_touching_anything_else() {
        let runners = [
            "/repos/octo/hello/actions/runners",
            "/repos/octo/hello/actions/runners/5/labels",
        ];
        let others = ["/repos/octo/hello/actions/runs", "/user/repos"];
        check(
            API,
            "/repos/octo/hello/actions/runners/generate-jitconfig",
            &runners,
            &others,
        );
        check(
            API,
            "/repos/octo/hello/actions/runners/registration-token",
            &[],
            &runners,
        );
        check(
            API,
            "/orgs/octo/actions/runners/5",
            &["/orgs/octo/actions/runners"],
            &runners,
        );
        check(API, "/repos/octo/hello/dispatches", &runners, &[]);
        check(API, "/app/installations/1/access_tokens", &[], &others);
        check(API, "/orgs/octo/actions/runner-groups/1", &LISTS, &[]);
    }

    /// Regression: words that routes end in were looked for anywhere, so files, branches and labels called so spoiled
    /// nothing.
    #[test]
    fn what_people_call_their_files_and_branches_decides_nothing() {
        for path in [
            "/repos/octo/hello/contents/docs/access_tokens",
            "/repos/octo/hello/git/refs/heads/remove-token",
            "/repos/octo/hello/labels/registration-token",
            "/repos/octo/hello/contents/.github/actions/runners/action.yml",
        ] {
            check(
                API,
                path,
                &[
                    "/repos/octo/hello",
                    "/repos/octo/hello/branches",
                    "/user/repos",
                ],
                &[],
            );
        }
    }

    #[test]
    fn reads_spoil_nothing() {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert!(spoiled_by(&method, API, "/repos/o/r").is_empty());
        }
    }
}
