//! Issues and their comments.

use http::StatusCode;
use serde_json::Value;

use super::accounts::unauthenticated;
use super::repos::invalid;
use crate::call::{Answer, Call};
use crate::model::{AccountIdx, Comment, Issue, Repo};
use crate::template::put_list;
use crate::world::World;

pub(crate) fn list(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    let wanted = |issue: &&Issue| {
        matches_state(call, issue)
            && call.query("labels").is_none_or(|names| {
                names
                    .split(',')
                    .all(|name| issue.labels.iter().any(|label| label == name))
            })
            && call
                .query("creator")
                .is_none_or(|login| world.accounts[issue.user].login == login)
    };
    let mut issues: Vec<&Issue> = repo.issues.iter().filter(wanted).collect();
    sort(call, &mut issues);
    Some(
        call.page(&call.canonical(repo), None, &issues, |issue, out| {
            call.view(world).issue(out, repo, issue);
        }),
    )
}

/// Whether an issue or pull request has the state that the list asks for.
pub(super) fn matches_state(call: &Call<'_>, issue: &Issue) -> bool {
    match call.query("state").unwrap_or("open") {
        "all" => true,
        state => issue.state() == state,
    }
}

/// Newest first unless the request says otherwise.
pub(super) fn sort(call: &Call<'_>, issues: &mut [&Issue]) {
    match call.query("sort") {
        Some("updated") => issues.sort_by_key(|issue| issue.updated_at),
        Some("comments") => issues.sort_by_key(|issue| issue.comments.len()),
        _ => issues.sort_by_key(|issue| issue.number),
    }
    if call.query("direction") != Some("asc") {
        issues.reverse();
    }
}

pub(crate) fn one(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    let issue = repo.issue(call.number("issue_number")?)?;
    Some(
        call.one(world, |view, out| view.issue(out, repo, issue))
            .modified_at(issue.updated_at),
    )
}

pub(crate) fn comments(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    let issue = repo.issue(call.number("issue_number")?)?;
    Some(call.page(
        &call.canonical(repo),
        None,
        &issue.comments,
        |comment, out| {
            call.view(world).comment(out, repo, issue, comment);
        },
    ))
}

pub(crate) fn labels(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    let issue = repo.issue(call.number("issue_number")?)?;
    let of_issue = repo
        .labels
        .iter()
        .filter(|label| issue.labels.contains(&label.name));
    let mut out = String::new();
    put_list(&mut out, of_issue, |label, out| {
        call.view(world).label(out, repo, label);
    });
    Some(Answer::json(out))
}

fn author(call: &Call<'_>, world: &World) -> Option<AccountIdx> {
    world.account(&call.viewer.token?.login)
}

/// Adds an issue and returns its number.
pub(crate) fn open(
    repo: &mut Repo,
    id: u64,
    user: AccountIdx,
    title: &str,
    body: Option<&str>,
    now: crate::clock::Time,
) -> u64 {
    let number = repo.issues.len() as u64 + 1;
    repo.issues.push(Issue {
        id,
        number,
        title: title.into(),
        body: body.map(String::from),
        user,
        labels: Vec::new(),
        comments: Vec::new(),
        created_at: now,
        updated_at: now,
        closed_at: None,
        state_reason: None,
        pull: None,
    });
    number
}

pub(crate) fn create(call: &Call<'_>, world: &mut World) -> Option<Answer> {
    let idx = call.repo_idx(world)?;
    let Some(user) = author(call, world) else {
        return Some(unauthenticated());
    };
    let Some(title) = call.body.get("title").and_then(Value::as_str) else {
        return Some(invalid("Issue", "title"));
    };
    let id = world.fresh_id();
    let body = call.body.get("body").and_then(Value::as_str);
    let number = open(&mut world.repos[idx], id, user, title, body, call.now);
    set_labels(call, world, idx, number);
    let repo = &world.repos[idx];
    let issue = repo.issue(number)?;
    Some(
        call.one(world, |view, out| view.issue(out, repo, issue))
            .with_status(StatusCode::CREATED)
            .untagged(),
    )
}

fn set_labels(call: &Call<'_>, world: &mut World, idx: usize, number: u64) {
    let Some(names) = call.body.get("labels").and_then(Value::as_array) else {
        return;
    };
    let repo = &mut world.repos[idx];
    let known = |name: &Value| {
        let name = name.as_str().or_else(|| name.get("name")?.as_str())?;
        repo.labels
            .iter()
            .find(|label| label.name == name)
            .map(|label| label.name.clone())
    };
    let names: Vec<String> = names.iter().filter_map(known).collect();
    if let Some(issue) = repo.issue_mut(number) {
        issue.labels = names;
    }
}

/// Opens or closes an issue.
pub(crate) fn set_state(issue: &mut Issue, open: bool, now: crate::clock::Time) {
    if open {
        (issue.closed_at, issue.state_reason) = (None, Some("reopened"));
    } else if issue.closed_at.is_none() {
        (issue.closed_at, issue.state_reason) = (Some(now), Some("completed"));
    }
    issue.touch(now);
}

pub(crate) fn update(call: &Call<'_>, world: &mut World) -> Option<Answer> {
    let idx = call.repo_idx(world)?;
    if let Some(refusal) = super::repos::refuse_unless_writer(call, world) {
        return Some(refusal);
    }
    let number = call.number("issue_number")?;
    set_labels(call, world, idx, number);
    let issue = world.repos[idx].issue_mut(number)?;
    if let Some(title) = call.body.get("title").and_then(Value::as_str) {
        issue.title = title.into();
    }
    if let Some(body) = call.body.get("body") {
        issue.body = body.as_str().map(String::from);
    }
    match call.body.get("state").and_then(Value::as_str) {
        Some("open") if issue.closed_at.is_some() => set_state(issue, true, call.now),
        Some("closed") => set_state(issue, false, call.now),
        _ => issue.touch(call.now),
    }
    one(call, world)
}

/// Adds a comment.
pub(crate) fn comment(
    issue: &mut Issue,
    id: u64,
    user: AccountIdx,
    body: &str,
    now: crate::clock::Time,
) {
    issue.comments.push(Comment {
        id,
        user,
        body: body.into(),
        created_at: now,
        updated_at: now,
    });
    issue.touch(now);
}

pub(crate) fn create_comment(call: &Call<'_>, world: &mut World) -> Option<Answer> {
    let idx = call.repo_idx(world)?;
    let Some(user) = author(call, world) else {
        return Some(unauthenticated());
    };
    let number = call.number("issue_number")?;
    let Some(body) = call.body.get("body").and_then(Value::as_str) else {
        return Some(invalid("IssueComment", "body"));
    };
    let id = world.fresh_id();
    comment(
        world.repos[idx].issue_mut(number)?,
        id,
        user,
        body,
        call.now,
    );
    let repo = &world.repos[idx];
    let issue = repo.issue(number)?;
    let added = issue.comments.last()?;
    Some(
        call.one(world, |view, out| view.comment(out, repo, issue, added))
            .with_status(StatusCode::CREATED)
            .untagged(),
    )
}

pub(crate) fn remove_label(call: &Call<'_>, world: &mut World) -> Option<Answer> {
    let idx = call.repo_idx(world)?;
    if let Some(refusal) = super::repos::refuse_unless_writer(call, world) {
        return Some(refusal);
    }
    let issue = world.repos[idx].issue_mut(call.number("issue_number")?)?;
    let position = issue
        .labels
        .iter()
        .position(|name| name == call.param("name"))?;
    issue.labels.remove(position);
    issue.touch(call.now);
    labels(call, world)
}
