//! Releases and their assets.

use crate::call::{Answer, Call, Media};
use crate::model::{Asset, Release, Repo};
use crate::signed;
use crate::world::World;

pub(crate) fn list(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    Some(call.page(
        &call.canonical(repo),
        None,
        &repo.releases,
        |release, out| {
            call.view(world).release(out, repo, release);
        },
    ))
}

fn answer(call: &Call<'_>, world: &World, wanted: impl Fn(&Release) -> bool) -> Option<Answer> {
    let repo = call.repo(world)?;
    let release = repo.releases.iter().find(|release| wanted(release))?;
    Some(
        call.one(world, |view, out| view.release(out, repo, release))
            .modified_at(release.updated_at),
    )
}

pub(crate) fn latest(call: &Call<'_>, world: &World) -> Option<Answer> {
    answer(call, world, |release| !release.draft && !release.prerelease)
}

pub(crate) fn by_tag(call: &Call<'_>, world: &World) -> Option<Answer> {
    answer(call, world, |release| release.tag == call.param("tag"))
}

pub(crate) fn one(call: &Call<'_>, world: &World) -> Option<Answer> {
    let id = call.number("release_id")?;
    answer(call, world, |release| release.id == id)
}

pub(crate) fn assets(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    let id = call.number("release_id")?;
    let release = repo.releases.iter().find(|release| release.id == id)?;
    Some(call.page(
        &call.canonical(repo),
        None,
        &release.assets,
        |asset, out| {
            call.view(world).asset(out, repo, release, asset);
        },
    ))
}

fn find(repo: &Repo, id: u64) -> Option<(&Release, &Asset)> {
    repo.releases
        .iter()
        .flat_map(|release| release.assets.iter().map(move |asset| (release, asset)))
        .find(|(_, asset)| asset.id == id)
}

pub(crate) fn asset(call: &Call<'_>, world: &World) -> Option<Answer> {
    let repo = call.repo(world)?;
    let (release, asset) = find(repo, call.number("asset_id")?)?;
    if call.media == Media::Octets {
        let path = format!("/github-production-release-asset/{}/{}", repo.id, asset.id);
        return Some(Answer::redirect(&signed::url(
            "release-assets.githubusercontent.com",
            &path,
            asset.size,
            call.now,
        )));
    }
    Some(
        call.one(world, |view, out| view.asset(out, repo, release, asset))
            .modified_at(asset.created_at),
    )
}

/// Adds an uploaded asset to the release `id`.
pub(crate) fn add_asset(
    call: &Call<'_>,
    world: &mut World,
    id: u64,
    name: String,
    size: u64,
    digest: String,
) -> Option<Answer> {
    let idx = call.repo_idx(world)?;
    let uploader = world.account(&call.viewer.token?.login)?;
    let asset = Asset {
        id: world.fresh_id(),
        name,
        content_type: "application/octet-stream".into(),
        size,
        digest: Some(digest),
        downloads: 0,
        uploader,
        created_at: call.now,
    };
    let release = world.repos[idx]
        .releases
        .iter_mut()
        .find(|release| release.id == id)?;
    release.updated_at = call.now.max(release.updated_at.plus(1));
    release.assets.push(asset.clone());
    let repo = &world.repos[idx];
    let release = repo.releases.iter().find(|release| release.id == id)?;
    Some(
        call.one(world, |view, out| view.asset(out, repo, release, &asset))
            .with_status(http::StatusCode::CREATED)
            .untagged(),
    )
}
