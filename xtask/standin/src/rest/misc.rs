//! Answers about the API itself, and searches.

use crate::call::{Answer, Call};
use crate::model::{Issue, Repo};
use crate::template::write_to;
use crate::world::World;

/// Versions of the REST API that are served; the last is what a request without a version gets.
pub(crate) const VERSIONS: [&str; 2] = ["2026-03-10", "2022-11-28"];
/// Searches answer at most this many results.
const MAX_RESULTS: usize = 1_000;

#[expect(clippy::unnecessary_wraps, reason = "handlers are all of one type")]
pub(crate) fn root(call: &Call<'_>, world: &World) -> Option<Answer> {
    Some(call.one(world, |view, out| view.plain(out, "root")))
}

#[expect(clippy::unnecessary_wraps, reason = "handlers are all of one type")]
pub(crate) fn meta(call: &Call<'_>, world: &World) -> Option<Answer> {
    Some(call.one(world, |view, out| view.plain(out, "meta")))
}

#[expect(clippy::unnecessary_wraps, reason = "handlers are all of one type")]
pub(crate) fn versions(_call: &Call<'_>, _world: &World) -> Option<Answer> {
    Some(Answer::json(serde_json::json!(VERSIONS).to_string()))
}

#[expect(clippy::unnecessary_wraps, reason = "handlers are all of one type")]
pub(crate) fn zen(_call: &Call<'_>, _world: &World) -> Option<Answer> {
    Some(
        Answer::text(
            "Keep it logically awesome.".into(),
            "text/plain;charset=utf-8",
        )
        .untagged(),
    )
}

/// A search phrase: words and `key:value` qualifiers.
struct Phrase {
    words: Vec<String>,
    qualifiers: Vec<(String, String)>,
}

impl Phrase {
    fn parse(text: &str) -> Self {
        // Groups are written with parentheses; without `OR` they change nothing.
        let words = text
            .split_whitespace()
            .map(|word| word.trim_matches(['(', ')']).to_lowercase());
        let words = words.filter(|word| !word.is_empty() && word != "and");
        let (qualifiers, words) = words.partition::<Vec<_>, _>(|word| word.contains(':'));
        let split = |word: String| {
            let (key, value) = word.split_once(':').unwrap_or((&word, ""));
            (key.to_owned(), value.trim_matches('"').to_owned())
        };
        Self {
            words,
            qualifiers: qualifiers.into_iter().map(split).collect(),
        }
    }

    fn matches_repo(&self, repo: &Repo) -> bool {
        let owner = repo.owner_login();
        self.words.iter().all(|word| {
            let hit = |text: &str| text.to_lowercase().contains(word.as_str());
            hit(&repo.full_name) || repo.description.as_deref().is_some_and(hit)
        }) && self
            .qualifiers
            .iter()
            .all(|(key, value)| match key.as_str() {
                "user" | "org" => owner.eq_ignore_ascii_case(value),
                "repo" => repo.full_name.eq_ignore_ascii_case(value),
                "language" => repo
                    .language
                    .is_some_and(|language| language.eq_ignore_ascii_case(value)),
                "is" if value == "private" => repo.private,
                "is" if value == "public" => !repo.private,
                _ => true,
            })
    }

    fn matches_issue(&self, issue: &Issue) -> bool {
        self.words
            .iter()
            .all(|word| issue.title.to_lowercase().contains(word.as_str()))
            && self
                .qualifiers
                .iter()
                .all(|(key, value)| match (key.as_str(), value.as_str()) {
                    ("is" | "type", "issue") => issue.pull.is_none(),
                    ("is" | "type", "pr" | "pull-request") => issue.pull.is_some(),
                    ("is", "merged") => issue
                        .pull
                        .as_ref()
                        .is_some_and(|pull| pull.merged_at.is_some()),
                    ("is" | "state", "open" | "closed") => issue.state() == value,
                    ("label", label) => issue
                        .labels
                        .iter()
                        .any(|name| name.eq_ignore_ascii_case(label)),
                    _ => true,
                })
    }
}

/// Returns the issues and pull requests that the viewer sees and the phrase matches.
pub(crate) fn find_issues<'w>(
    world: &'w World,
    viewer: &crate::world::Viewer<'_>,
    phrase: &str,
) -> Vec<(&'w Repo, &'w Issue)> {
    let phrase = Phrase::parse(phrase);
    // Words are looked for in issues; only the place is the repository's matter.
    let place = Phrase {
        words: Vec::new(),
        qualifiers: phrase
            .qualifiers
            .iter()
            .filter(|(key, _)| ["repo", "user", "org"].contains(&key.as_str()))
            .cloned()
            .collect(),
    };
    let mut found: Vec<_> = world
        .repos
        .iter()
        .filter(|repo| viewer.sees(repo) && place.matches_repo(repo))
        .flat_map(|repo| repo.issues.iter().map(move |issue| (repo, issue)))
        .filter(|(_, issue)| phrase.matches_issue(issue))
        .collect();
    found.sort_by_key(|(_, issue)| std::cmp::Reverse(issue.created_at));
    found
}

/// Returns the repositories that the viewer sees and the phrase matches.
pub(crate) fn find_repos<'w>(
    world: &'w World,
    viewer: &crate::world::Viewer<'_>,
    phrase: &str,
) -> Vec<&'w Repo> {
    let phrase = Phrase::parse(phrase);
    world
        .repos
        .iter()
        .filter(|repo| viewer.sees(repo) && phrase.matches_repo(repo))
        .collect()
}

#[expect(clippy::unnecessary_wraps, reason = "handlers are all of one type")]
pub(crate) fn search_repos(call: &Call<'_>, world: &World) -> Option<Answer> {
    let Some(phrase) = call.query("q") else {
        return Some(super::repos::invalid("Search", "q"));
    };
    let found = find_repos(world, call.viewer, phrase);
    Some(results(
        call,
        "/search/repositories",
        &found,
        |repo, out| {
            call.view(world).repo_min(out, repo);
            add_score(out);
        },
    ))
}

#[expect(clippy::unnecessary_wraps, reason = "handlers are all of one type")]
pub(crate) fn search_issues(call: &Call<'_>, world: &World) -> Option<Answer> {
    let Some(phrase) = call.query("q") else {
        return Some(super::repos::invalid("Search", "q"));
    };
    let found = find_issues(world, call.viewer, phrase);
    Some(results(
        call,
        "/search/issues",
        &found,
        |(repo, issue), out| {
            call.view(world).issue(out, repo, issue);
            add_score(out);
        },
    ))
}

/// Adds the field that only search results have.
fn add_score(out: &mut String) {
    out.truncate(out.len() - 1);
    out.push_str(",\"score\":1.0}");
}

fn results<T>(
    call: &Call<'_>,
    path: &str,
    found: &[T],
    mut each: impl FnMut(&T, &mut String),
) -> Answer {
    let reachable = &found[..found.len().min(MAX_RESULTS)];
    // Pages as everywhere, in another wrapping.
    let mut answer = call
        .page(path, None, reachable, |item, out| each(item, out))
        .untagged();
    if let crate::call::Payload::Text(items, _) = &mut answer.payload {
        let mut body = String::new();
        write_to(
            &mut body,
            format_args!(
                "{{\"total_count\":{},\"incomplete_results\":false,\"items\":{items}}}",
                found.len()
            ),
        );
        *items = body;
    }
    answer
}
