//! Releases and their assets.

use super::{View, unknown_hole};
use crate::model::{Asset, Release, Repo};
use crate::template::{put, put_list, write_to};
use crate::world::node_id;

impl View<'_> {
    pub(crate) fn release(&self, out: &mut String, repo: &Repo, release: &Release) {
        self.fill_in(repo, "release", out, &mut |name, out| match name {
            "release" => write_to(out, format_args!("{}", release.id)),
            "tag" => out.push_str(&release.tag),
            "=id" => put(out, release.id),
            "=node_id" => put(out, node_id("Release", release.id)),
            "=tag_name" => put(out, &release.tag),
            "=target_commitish" => put(out, &repo.default_branch),
            "=name" => put(out, &release.name),
            "=body" => put(out, &release.body),
            "=draft" => put(out, release.draft),
            "=prerelease" => put(out, release.prerelease),
            "=created_at" | "=published_at" => put(out, release.created_at),
            "=updated_at" => put(out, release.updated_at),
            "=author" => self.user(out, release.author),
            "=assets" => put_list(out, &release.assets, |asset, out| {
                self.asset(out, repo, release, asset);
            }),
            name => unknown_hole(name),
        });
    }

    pub(crate) fn asset(&self, out: &mut String, repo: &Repo, release: &Release, asset: &Asset) {
        self.fill_in(repo, "asset", out, &mut |name, out| match name {
            "asset" => write_to(out, format_args!("{}", asset.id)),
            "asset_name" => out.push_str(&asset.name),
            "tag" => out.push_str(&release.tag),
            "=id" => put(out, asset.id),
            "=node_id" => put(out, node_id("ReleaseAsset", asset.id)),
            "=name" => put(out, &asset.name),
            "=label" => put(out, None::<bool>),
            "=content_type" => put(out, &asset.content_type),
            "=size" => put(out, asset.size),
            "=digest" => put(
                out,
                asset.digest.as_ref().map(|hex| format!("sha256:{hex}")),
            ),
            "=download_count" => put(out, asset.downloads),
            "=uploader" => self.user(out, asset.uploader),
            "=created_at" | "=updated_at" => put(out, asset.created_at),
            name => unknown_hole(name),
        });
    }
}
