//! Releases and their assets.

use super::{nodes, scalar, text, time};
use crate::graphql::connection::connection;
use crate::graphql::execute::Execution;
use crate::graphql::node::{Args, Gql, Node};
use crate::model::{Asset, Release, Repo};
use crate::world::node_id;

/// Returns the release that counts as the latest: the newest that is neither a draft nor a prerelease.
pub(super) fn latest(repo: &Repo) -> Option<&Release> {
    repo.releases
        .iter()
        .find(|release| !release.draft && !release.prerelease)
}

impl<'a> Execution<'a> {
    pub(super) fn release_field(
        &self,
        repo: &'a Repo,
        release: &'a Release,
        name: &str,
        args: &Args,
    ) -> Gql<'a> {
        match name {
            "id" => text(&node_id("Release", release.id)),
            "databaseId" => scalar(release.id),
            "name" => text(&release.name),
            "tagName" => text(&release.tag),
            "description" => text(&release.body),
            "url" => scalar(format!(
                "https://github.com/{}/releases/tag/{}",
                repo.full_name, release.tag
            )),
            "isDraft" => scalar(release.draft),
            "isPrerelease" => scalar(release.prerelease),
            "isLatest" => scalar(latest(repo).is_some_and(|latest| latest.id == release.id)),
            "immutable" => scalar(false),
            "createdAt" | "publishedAt" => time(release.created_at),
            "updatedAt" => time(release.updated_at),
            "author" => Gql::Node(Node::Account(&self.world.accounts[release.author])),
            "tagCommit" => repo
                .resolve(&release.sha)
                .map_or(Gql::NULL, |commit| Gql::Node(Node::Commit(repo, commit))),
            "releaseAssets" => {
                let wanted = args.str("name");
                let assets = release
                    .assets
                    .iter()
                    .filter(|asset| wanted.is_none_or(|name| asset.name == name));
                connection(
                    "ReleaseAssetConnection",
                    "ReleaseAssetEdge",
                    nodes(assets.map(|asset| Node::Asset(repo, release, asset))),
                    args,
                )
            }
            _ => Gql::NULL,
        }
    }
}

pub(super) fn asset_field<'w>(
    repo: &Repo,
    release: &Release,
    asset: &Asset,
    name: &str,
) -> Gql<'w> {
    let full_name = &repo.full_name;
    match name {
        "id" => text(&node_id("ReleaseAsset", asset.id)),
        "name" => text(&asset.name),
        "size" => scalar(asset.size),
        "contentType" => text(&asset.content_type),
        "downloadCount" => scalar(asset.downloads),
        "downloadUrl" => scalar(format!(
            "https://github.com/{full_name}/releases/download/{}/{}",
            release.tag, asset.name
        )),
        "url" => scalar(format!(
            "https://api.github.com/repos/{full_name}/releases/assets/{}",
            asset.id
        )),
        "createdAt" | "updatedAt" => time(asset.created_at),
        _ => Gql::NULL,
    }
}
