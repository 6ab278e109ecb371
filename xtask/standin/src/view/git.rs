//! Commits, branches, tags and files.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{View, unknown_hole};
use crate::clock::Time;
use crate::model::{Branch, Change, Commit, Event, File, Release, Repo, Run};
use crate::template::{put, put_list, write_to};
use crate::world::node_id;

impl View<'_> {
    pub(crate) fn commit(&self, out: &mut String, repo: &Repo, commit: &Commit) {
        self.fill_in(repo, "commit", out, &mut |name, out| {
            self.commit_hole(repo, commit, name, out);
        });
    }

    pub(crate) fn commit_full(&self, out: &mut String, repo: &Repo, commit: &Commit) {
        self.fill_in(repo, "commit_full", out, &mut |name, out| {
            self.commit_hole(repo, commit, name, out);
        });
    }

    fn commit_hole(&self, repo: &Repo, commit: &Commit, name: &str, out: &mut String) {
        let author = &self.world.accounts[commit.author];
        match name {
            "sha" => out.push_str(&commit.sha),
            "tree" => out.push_str(&commit.tree),
            "=node_id" => put(out, node_id("Commit", &commit.sha)),
            "=tree_sha" => put(out, &commit.tree),
            "=message" => put(out, &commit.message),
            "=author_name" => put(out, &author.name),
            "=author_email" => put(out, format!("{}@users.noreply.github.com", author.login)),
            "=date" => put(out, commit.date),
            "=author" | "=committer" => self.user(out, commit.author),
            "=parents" => put_list(out, &commit.parent, |parent, out| {
                self.fill_in(repo, "parent", out, &mut |name, out| match name {
                    "parent" => out.push_str(parent),
                    "=sha" => put(out, parent),
                    name => unknown_hole(name),
                });
            }),
            "=stats" => {
                let (added, deleted) = totals(&commit.changes);
                put(
                    out,
                    serde_json::json!({"additions": added, "deletions": deleted, "total": added + deleted}),
                );
            }
            "=files" => put_list(out, &commit.changes, |change, out| {
                self.change(out, repo, &commit.sha, change);
            }),
            name => unknown_hole(name),
        }
    }

    /// Writes what `sha` does to one file.
    pub(crate) fn change(&self, out: &mut String, repo: &Repo, sha: &str, change: &Change) {
        self.fill_in(repo, "file", out, &mut |name, out| match name {
            "sha" => out.push_str(sha),
            "file_path" => out.push_str(&change.path),
            "=blob_sha" => put(out, &change.blob_sha),
            "=filename" => put(out, &change.path),
            "=status" => put(out, change.status),
            "=additions" => put(out, change.additions),
            "=deletions" => put(out, change.deletions),
            "=changes" => put(out, change.additions + change.deletions),
            "=patch" => put(out, &change.patch),
            name => unknown_hole(name),
        });
    }

    pub(crate) fn branch(&self, out: &mut String, repo: &Repo, branch: &Branch) {
        self.fill_in(repo, "branch", out, &mut |name, out| {
            self.branch_hole(repo, branch, name, out);
        });
    }

    pub(crate) fn branch_full(&self, out: &mut String, repo: &Repo, branch: &Branch) {
        self.fill_in(repo, "branch_full", out, &mut |name, out| {
            self.branch_hole(repo, branch, name, out);
        });
    }

    fn branch_hole(&self, repo: &Repo, branch: &Branch, name: &str, out: &mut String) {
        match name {
            "sha" => out.push_str(&branch.sha),
            "branch" => out.push_str(&branch.name),
            "=name" => put(out, &branch.name),
            "=protected" => put(out, branch.protected),
            "=commit" => match repo.resolve(&branch.sha) {
                Some(commit) => self.commit(out, repo, commit),
                None => put(out, None::<bool>),
            },
            name => unknown_hole(name),
        }
    }

    pub(crate) fn tag(&self, out: &mut String, repo: &Repo, release: &Release) {
        self.fill_in(repo, "tag", out, &mut |name, out| match name {
            "sha" => out.push_str(&release.sha),
            "tag" => out.push_str(&release.tag),
            "=name" => put(out, &release.tag),
            "=node_id" => put(
                out,
                node_id("Ref", format_args!("{}:refs/tags/{}", repo.id, release.tag)),
            ),
            name => unknown_hole(name),
        });
    }

    /// Writes the reference `full` (`refs/…`) that points at `sha`.
    pub(crate) fn reference(&self, out: &mut String, repo: &Repo, full: &str, sha: &str) {
        self.fill_in(repo, "ref", out, &mut |name, out| match name {
            "sha" => out.push_str(sha),
            "ref" => out.push_str(full),
            "=node_id" => put(out, node_id("Ref", format_args!("{}:{full}", repo.id))),
            name => unknown_hole(name),
        });
    }

    /// Writes a file with its content.
    pub(crate) fn content(&self, out: &mut String, repo: &Repo, reference: &str, file: &File) {
        self.fill_in(repo, "content", out, &mut |name, out| {
            content_hole(repo, reference, file, name, out);
        });
    }

    /// Writes a file as its directory lists it.
    pub(crate) fn content_entry(
        &self,
        out: &mut String,
        repo: &Repo,
        reference: &str,
        file: &File,
    ) {
        self.fill_in(repo, "content_entry", out, &mut |name, out| {
            content_hole(repo, reference, file, name, out);
        });
    }

    /// Writes the combined status of a commit, made from the runs for it.
    pub(crate) fn combined_status(
        &self,
        out: &mut String,
        repo: &Repo,
        commit: &Commit,
        runs: &[&Run],
    ) {
        self.fill_in(repo, "combined_status", out, &mut |name, out| match name {
            "sha" => out.push_str(&commit.sha),
            "=sha" => put(out, &commit.sha),
            "=state" => {
                let states: Vec<_> = runs.iter().map(|run| status_state(run)).collect();
                let worst = ["failure", "pending"]
                    .into_iter()
                    .find(|state| states.contains(state));
                put(
                    out,
                    worst.unwrap_or(if states.is_empty() {
                        "pending"
                    } else {
                        "success"
                    }),
                );
            }
            "=total_count" => put(out, runs.len()),
            "=repository" => self.repo_min(out, repo),
            "=statuses" => put_list(out, runs, |run, out| {
                self.fill_in(repo, "status", out, &mut |name, out| match name {
                    "sha" => out.push_str(&commit.sha),
                    "=id" => put(out, run.id),
                    "=node_id" => put(out, node_id("StatusContext", run.id)),
                    "=state" => put(out, status_state(run)),
                    "=context" => put(out, format!("ci/{}", repo.workflows[run.workflow].name)),
                    "=created_at" => put(out, run.created_at),
                    "=updated_at" => put(out, run.updated_at),
                    name => unknown_hole(name),
                });
            }),
            name => unknown_hole(name),
        });
    }

    pub(crate) fn event(&self, out: &mut String, repo: &Repo, event: &Event) {
        let actor = &self.world.accounts[event.actor];
        let kind = if event.pushed.is_some() {
            "event_push"
        } else {
            "event_watch"
        };
        self.fill_in(repo, kind, out, &mut |name, out| match name {
            "actor" => out.push_str(&actor.login),
            "=id" => put(out, event.id.to_string()),
            "=created_at" => put(out, event.created_at),
            "=public" => put(out, !repo.private),
            "=repo_id" => put(out, repo.id),
            "=full_name" => put(out, &repo.full_name),
            "=actor_id" => put(out, actor.id),
            "=login" => put(out, &actor.login),
            "=avatar_url" => put(out, actor.avatar_url()),
            "=push_id" => put(out, event.id),
            "=ref" => put(out, format!("refs/heads/{}", repo.default_branch)),
            "=sha" => put(out, &event.pushed),
            "=before" => {
                let commit = event.pushed.as_deref().and_then(|sha| repo.resolve(sha));
                put(
                    out,
                    commit
                        .and_then(|commit| commit.parent.clone())
                        .unwrap_or("0".repeat(40)),
                );
            }
            name => unknown_hole(name),
        });
    }
}

fn content_hole(repo: &Repo, reference: &str, file: &File, name: &str, out: &mut String) {
    match name {
        "ref" => out.push_str(reference),
        "blob" => out.push_str(&file.sha),
        "file_path" => out.push_str(&file.path),
        "=name" => put(out, file.path.rsplit('/').next()),
        "=path" => put(out, &file.path),
        "=size" => put(out, file.text.len()),
        "=sha" => put(out, &file.sha),
        "=content" => put(out, format!("{}\n", STANDARD.encode(&file.text))),
        "=download_url" => put(
            out,
            format!(
                "https://raw.githubusercontent.com/{}/{reference}/{}",
                repo.full_name, file.path
            ),
        ),
        name => unknown_hole(name),
    }
}

/// Returns the lines added and deleted by all of `changes`.
pub(crate) fn totals(changes: &[Change]) -> (u64, u64) {
    changes.iter().fold((0, 0), |(added, deleted), change| {
        (added + change.additions, deleted + change.deletions)
    })
}

fn status_state(run: &Run) -> &'static str {
    match run.conclusion {
        None => "pending",
        Some("success") => "success",
        Some(_) => "failure",
    }
}

/// Returns changes as `git diff` would print them.
pub(crate) fn diff(changes: &[Change]) -> String {
    let mut out = String::new();
    for Change {
        path,
        patch,
        blob_sha,
        ..
    } in changes
    {
        write_to(
            &mut out,
            format_args!(
                "diff --git a/{path} b/{path}\nindex 0000000..{} 100644\n--- a/{path}\n+++ b/{path}\n{patch}\n",
                &blob_sha[..7]
            ),
        );
    }
    out
}

/// Returns a commit as `git format-patch` would print it.
pub(crate) fn patch(view: &View<'_>, commit: &Commit) -> String {
    let author = &view.world.accounts[commit.author];
    let date = Time::http_date(commit.date);
    format!(
        "From {} Mon Sep 17 00:00:00 2001\nFrom: {} <{}@users.noreply.github.com>\nDate: {date}\nSubject: [PATCH] {}\n\n---\n{}",
        commit.sha,
        author.name,
        author.login,
        commit.message,
        diff(&commit.changes)
    )
}
