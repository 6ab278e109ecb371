//! Users, organizations and their repositories.

use http::StatusCode;

use crate::call::{Answer, Call};
use crate::model::{AccountIdx, AccountKind, Repo};
use crate::world::World;

pub(crate) fn me(call: &Call<'_>, world: &World) -> Option<Answer> {
    let Some(token) = call.viewer.token else {
        return Some(unauthenticated());
    };
    if token.is_installation() {
        return Some(Answer::refusal(
            StatusCode::FORBIDDEN,
            "Resource not accessible by integration",
        ));
    }
    let idx = world.account(&token.login)?;
    let updated_at = world.accounts[idx].updated_at;
    Some(
        call.one(world, |view, out| view.me(out, idx))
            .modified_at(updated_at),
    )
}

/// The refusal of what only a user can ask.
pub(crate) fn unauthenticated() -> Answer {
    Answer::refusal(StatusCode::UNAUTHORIZED, "Requires authentication")
}

#[expect(clippy::unnecessary_wraps, reason = "handlers are all of one type")]
pub(crate) fn my_repos(call: &Call<'_>, world: &World) -> Option<Answer> {
    let Some(token) = call.viewer.token else {
        return Some(unauthenticated());
    };
    let mut repos: Vec<&Repo> = world
        .repos
        .iter()
        .filter(|repo| call.viewer.may_push(repo))
        .collect();
    if token.is_installation() {
        repos.clear();
    }
    sort(call, &mut repos);
    Some(call.page("/user/repos", None, &repos, |repo, out| {
        call.view(world).repo_min(out, repo);
    }))
}

pub(crate) fn user(call: &Call<'_>, world: &World) -> Option<Answer> {
    let idx = world.account(call.param("username"))?;
    let updated_at = world.accounts[idx].updated_at;
    Some(
        call.one(world, |view, out| view.profile(out, idx))
            .modified_at(updated_at),
    )
}

pub(crate) fn user_repos(call: &Call<'_>, world: &World) -> Option<Answer> {
    let idx = world.account(call.param("username"))?;
    let path = format!("/user/{}/repos", world.accounts[idx].id);
    Some(repos_of(call, world, idx, &path, true))
}

pub(crate) fn org(call: &Call<'_>, world: &World) -> Option<Answer> {
    let idx = organization(call, world)?;
    let updated_at = world.accounts[idx].updated_at;
    Some(
        call.one(world, |view, out| view.organization(out, idx))
            .modified_at(updated_at),
    )
}

/// Returns the organization of the path.
pub(crate) fn organization(call: &Call<'_>, world: &World) -> Option<AccountIdx> {
    world
        .account(call.param("org"))
        .filter(|idx| world.accounts[*idx].kind == AccountKind::Organization)
}

pub(crate) fn org_repos(call: &Call<'_>, world: &World) -> Option<Answer> {
    let idx = organization(call, world)?;
    let path = format!("/organizations/{}/repos", world.accounts[idx].id);
    Some(repos_of(call, world, idx, &path, false))
}

/// Answers an owner's repositories: a user's list holds public ones only, an organization's all that the viewer sees.
fn repos_of(
    call: &Call<'_>,
    world: &World,
    owner: AccountIdx,
    path: &str,
    public_only: bool,
) -> Answer {
    let mut repos: Vec<&Repo> = world
        .repos_of(owner, call.viewer)
        .filter(|repo| !(public_only && repo.private))
        .filter(|repo| match call.query("type") {
            Some("private") => repo.private,
            Some("public") => !repo.private,
            _ => true,
        })
        .collect();
    sort(call, &mut repos);
    call.page(path, None, &repos, |repo, out| {
        call.view(world).repo_min(out, repo);
    })
}

fn sort(call: &Call<'_>, repos: &mut [&Repo]) {
    let by_name = !matches!(call.query("sort"), Some("created" | "updated" | "pushed"));
    match call.query("sort") {
        Some("created") => repos.sort_by_key(|repo| repo.created_at),
        Some("updated") => repos.sort_by_key(|repo| repo.updated_at),
        Some("pushed") => repos.sort_by_key(|repo| repo.pushed_at),
        _ => repos.sort_by_key(|repo| repo.full_name.to_ascii_lowercase()),
    }
    // Names go up and times go down unless the request says otherwise.
    if call
        .query("direction")
        .map_or(!by_name, |text| text == "desc")
    {
        repos.reverse();
    }
}
