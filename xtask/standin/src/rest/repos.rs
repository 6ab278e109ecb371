//! Repositories, their labels, files and events.

use http::{HeaderName, StatusCode};
use serde_json::{Value, json};

use crate::call::{Answer, Call, Media};
use crate::model::{File, Label};
use crate::signed;
use crate::template::put;
use crate::world::World;

/// What `X-Poll-Interval` says, in seconds.
const POLL_INTERVAL: &str = "60";
/// Size of an archive, in bytes.
const ARCHIVE_SIZE: u64 = 1_000_000;

pub(crate) fn one(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    Some(
        call.one(world, |view, out| view.repo_full(out, repo))
            .modified_at(repo.updated_at),
    )
}

pub(crate) fn update(call: &Call<'_>, world: &mut World) -> Option<Answer> {
    let idx = call.repo_idx(world)?;
    if let Some(refusal) = refuse_unless_writer(call, world) {
        return Some(refusal);
    }
    let repo = &mut world.repos[idx];
    if let Some(description) = call.body.get("description") {
        repo.description = description.as_str().map(String::from);
    }
    if let Some(archived) = call.body.get("archived").and_then(Value::as_bool) {
        repo.archived = archived;
    }
    repo.touch(call.now);
    one(call, world)
}

/// Returns the refusal of a write by a viewer that may only read.
pub(crate) fn refuse_unless_writer(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    if call.viewer.token.is_none() {
        return Some(super::accounts::unauthenticated());
    }
    (!call.viewer.may_push(repo)).then(|| {
        Answer::refusal(
            StatusCode::FORBIDDEN,
            "Must have admin rights to Repository.",
        )
    })
}

pub(crate) fn topics(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    Some(Answer::json(json!({"names": repo.topics}).to_string()))
}

pub(crate) fn languages(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    let languages: serde_json::Map<String, Value> = repo
        .language
        .iter()
        .map(|name| ((*name).to_owned(), json!(repo.commits.len() * 1_000)))
        .collect();
    Some(Answer::json(Value::Object(languages).to_string()))
}

pub(crate) fn events(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    let mut answer = call.page(&call.canonical(repo), None, &repo.events, |event, out| {
        call.view(world).event(out, repo, event);
    });
    answer.set(HeaderName::from_static("x-poll-interval"), POLL_INTERVAL);
    answer.last_modified = repo.events.first().map(|event| event.created_at);
    Some(answer)
}

pub(crate) fn stargazers(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    Some(
        call.page(&call.canonical(repo), None, &repo.stargazers, |idx, out| {
            call.view(world).user(out, *idx);
        }),
    )
}

pub(crate) fn labels(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    Some(
        call.page(&call.canonical(repo), None, &repo.labels, |label, out| {
            call.view(world).label(out, repo, label);
        }),
    )
}

pub(crate) fn label(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    let label = repo
        .labels
        .iter()
        .find(|label| label.name.eq_ignore_ascii_case(call.param("name")))?;
    Some(call.one(world, |view, out| view.label(out, repo, label)))
}

pub(crate) fn create_label(call: &Call<'_>, world: &mut World) -> Option<Answer> {
    let idx = call.repo_idx(world)?;
    if let Some(refusal) = refuse_unless_writer(call, world) {
        return Some(refusal);
    }
    let Some(name) = call.body.get("name").and_then(Value::as_str) else {
        return Some(invalid("Label", "name"));
    };
    let label = Label {
        id: world.fresh_id(),
        name: name.into(),
        color: call
            .body
            .get("color")
            .and_then(Value::as_str)
            .unwrap_or("ededed")
            .into(),
        description: call
            .body
            .get("description")
            .and_then(Value::as_str)
            .map(String::from),
    };
    world.repos[idx].labels.push(label.clone());
    let repo = &world.repos[idx];
    Some(
        call.one(world, |view, out| view.label(out, repo, &label))
            .with_status(StatusCode::CREATED),
    )
}

pub(crate) fn delete_label(call: &Call<'_>, world: &mut World) -> Option<Answer> {
    let idx = call.repo_idx(world)?;
    if let Some(refusal) = refuse_unless_writer(call, world) {
        return Some(refusal);
    }
    let repo = &mut world.repos[idx];
    let position = repo
        .labels
        .iter()
        .position(|label| label.name.eq_ignore_ascii_case(call.param("name")))?;
    let name = repo.labels.remove(position).name;
    for issue in repo
        .issues
        .iter_mut()
        .filter(|issue| issue.labels.contains(&name))
    {
        issue.labels.retain(|label| *label != name);
        issue.touch(call.now);
    }
    Some(Answer::empty(StatusCode::NO_CONTENT))
}

/// GitHub's refusal of a body that lacks a field.
pub(crate) fn invalid(resource: &str, field: &str) -> Answer {
    let body = json!({
        "message": "Validation Failed",
        "errors": [{"resource": resource, "code": "missing_field", "field": field}],
        "documentation_url": "https://docs.github.com/rest",
        "status": "422",
    });
    Answer::json(body.to_string())
        .with_status(StatusCode::UNPROCESSABLE_ENTITY)
        .untagged()
}

pub(crate) fn contents(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    let reference = call.query("ref").unwrap_or(&repo.default_branch);
    repo.resolve(reference)?;
    let path = call.param("path");
    if let Some(file) = repo.files.iter().find(|file| file.path == path) {
        return Some(file_answer(call, world, file));
    }
    let below: Vec<&File> = repo
        .files
        .iter()
        .filter(|file| match file.path.rsplit_once('/') {
            Some((directory, _)) => directory == path,
            None => path.is_empty(),
        })
        .collect();
    if below.is_empty() {
        return None;
    }
    let mut out = String::new();
    crate::template::put_list(&mut out, below, |file, out| {
        call.view(world).content_entry(out, repo, reference, file);
    });
    Some(Answer::json(out))
}

pub(crate) fn readme(call: &Call<'_>, world: &World) -> Option<Answer> {
    let file = call
        .repo(world)?
        .files
        .iter()
        .find(|file| file.path == "README.md")?;
    Some(file_answer(call, world, file))
}

fn file_answer(call: &Call<'_>, world: &World, file: &File) -> Answer {
    let Some(repo) = call.repo(world) else {
        return Answer::refusal(StatusCode::NOT_FOUND, "Not Found");
    };
    match call.media {
        Media::Raw => Answer::text(
            file.text.clone(),
            "application/vnd.github.raw+json; charset=utf-8",
        ),
        Media::Html => {
            let mut name = String::new();
            put(&mut name, &file.path);
            let text = file.text.replace('&', "&amp;").replace('<', "&lt;");
            Answer::text(
                format!("<div id=\"file\" data-path={name}><pre>{text}</pre></div>"),
                "application/vnd.github.html+json; charset=utf-8",
            )
        }
        _ => {
            let reference = call.query("ref").unwrap_or(&repo.default_branch);
            call.one(world, |view, out| view.content(out, repo, reference, file))
                .modified_at(repo.pushed_at)
        }
    }
}

pub(crate) fn archive(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    let reference = match call.param("ref") {
        "" => &repo.default_branch,
        given => given,
    };
    repo.resolve(reference)?;
    let kind = if call.tail.starts_with("tarball") {
        "legacy.tar.gz"
    } else {
        "legacy.zip"
    };
    let path = format!("/{}/{kind}/refs/heads/{reference}", repo.full_name);
    Some(Answer::redirect(&signed::url(
        "codeload.github.com",
        &path,
        ARCHIVE_SIZE,
        call.now,
    )))
}
