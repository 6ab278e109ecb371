//! Issues, pull requests, comments and labels.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::git::totals;
use super::{View, unknown_hole};
use crate::model::{Comment, Issue, Label, Pull, Repo, Review};
use crate::template::{put, put_list, write_to};
use crate::world::node_id;

impl View<'_> {
    pub(crate) fn issue(&self, out: &mut String, repo: &Repo, issue: &Issue) {
        let kind = if issue.pull.is_some() {
            "issue_of_pull"
        } else {
            "issue"
        };
        self.fill_in(repo, kind, out, &mut |name, out| {
            self.issue_hole(repo, issue, name, out);
        });
    }

    fn issue_hole(&self, repo: &Repo, issue: &Issue, name: &str, out: &mut String) {
        match name {
            "number" => write_to(out, format_args!("{}", issue.number)),
            "=id" => put(out, issue.id),
            "=node_id" => put(out, issue.node_id()),
            "=number" => put(out, issue.number),
            "=state" => put(out, issue.state()),
            "=title" => put(out, &issue.title),
            "=body" => put(out, &issue.body),
            "=user" => self.user(out, issue.user),
            "=labels" => put_list(out, &issue.labels, |name, out| {
                match repo.labels.iter().find(|label| label.name == *name) {
                    Some(label) => self.label(out, repo, label),
                    None => put(out, name),
                }
            }),
            "=comments" => put(out, issue.comments.len()),
            "=created_at" => put(out, issue.created_at),
            "=updated_at" => put(out, issue.updated_at),
            "=closed_at" => put(out, issue.closed_at),
            "=state_reason" => put(out, issue.state_reason),
            "=merged_at" => put(out, issue.pull.as_ref().and_then(|pull| pull.merged_at)),
            "=draft" => put(out, issue.pull.as_ref().is_some_and(|pull| pull.draft)),
            name => unknown_hole(name),
        }
    }

    /// Writes a pull request as lists hold it.
    pub(crate) fn pull(&self, out: &mut String, repo: &Repo, issue: &Issue, pull: &Pull) {
        self.fill_in(repo, "pull", out, &mut |name, out| {
            self.pull_hole(repo, issue, pull, name, out);
        });
    }

    /// Writes a pull request as it is answered alone.
    pub(crate) fn pull_full(&self, out: &mut String, repo: &Repo, issue: &Issue, pull: &Pull) {
        self.fill_in(repo, "pull_full", out, &mut |name, out| {
            self.pull_hole(repo, issue, pull, name, out);
        });
    }

    fn pull_hole(&self, repo: &Repo, issue: &Issue, pull: &Pull, name: &str, out: &mut String) {
        let (added, deleted) = totals(&pull.files);
        match name {
            "sha" => out.push_str(&pull.head_sha),
            "=merge_commit_sha" => put(out, &pull.merge_commit_sha),
            "=head" => self.pull_side(out, repo, &pull.head_ref, &pull.head_sha),
            "=base" => self.pull_side(out, repo, &pull.base_ref, &pull.base_sha),
            "=merged" => put(out, pull.merged_at.is_some()),
            "=mergeable" => put(out, issue.closed_at.is_none()),
            "=mergeable_state" => put(
                out,
                if issue.closed_at.is_none() {
                    "clean"
                } else {
                    "unknown"
                },
            ),
            "=commits" => put(out, pull.commits.len()),
            "=additions" => put(out, added),
            "=deletions" => put(out, deleted),
            "=changed_files" => put(out, pull.files.len()),
            name => self.issue_hole(repo, issue, name, out),
        }
    }

    fn pull_side(&self, out: &mut String, repo: &Repo, reference: &str, sha: &str) {
        self.fill("pull_side", out, &mut |name, out| match name {
            "owner_login" => out.push_str(&self.world.accounts[repo.owner].login),
            "ref" => out.push_str(reference),
            "=ref" => put(out, reference),
            "=sha" => put(out, sha),
            "=owner" => self.user(out, repo.owner),
            "=repo" => self.repo_min(out, repo),
            name => unknown_hole(name),
        });
    }

    pub(crate) fn comment(&self, out: &mut String, repo: &Repo, issue: &Issue, comment: &Comment) {
        self.fill_in(repo, "comment", out, &mut |name, out| match name {
            "number" => write_to(out, format_args!("{}", issue.number)),
            "comment" => write_to(out, format_args!("{}", comment.id)),
            "=id" => put(out, comment.id),
            "=node_id" => put(out, node_id("IssueComment", comment.id)),
            "=body" => put(out, &comment.body),
            "=user" => self.user(out, comment.user),
            "=created_at" => put(out, comment.created_at),
            "=updated_at" => put(out, comment.updated_at),
            name => unknown_hole(name),
        });
    }

    pub(crate) fn review(
        &self,
        out: &mut String,
        repo: &Repo,
        issue: &Issue,
        pull: &Pull,
        review: &Review,
    ) {
        self.fill_in(repo, "review", out, &mut |name, out| match name {
            "number" => write_to(out, format_args!("{}", issue.number)),
            "review" => write_to(out, format_args!("{}", review.id)),
            "=id" => put(out, review.id),
            "=node_id" => put(out, node_id("PullRequestReview", review.id)),
            "=user" => self.user(out, review.user),
            "=body" => put(out, &review.body),
            "=state" => put(out, review.state),
            "=submitted_at" => put(out, review.submitted_at),
            "=commit_id" => put(out, &pull.head_sha),
            name => unknown_hole(name),
        });
    }

    pub(crate) fn label(&self, out: &mut String, repo: &Repo, label: &Label) {
        self.fill_in(repo, "label", out, &mut |name, out| match name {
            "label" => write_to(
                out,
                format_args!("{}", utf8_percent_encode(&label.name, NON_ALPHANUMERIC)),
            ),
            "=id" => put(out, label.id),
            "=node_id" => put(out, node_id("Label", label.id)),
            "=name" => put(out, &label.name),
            "=description" => put(out, &label.description),
            "=color" => put(out, &label.color),
            "=default" => put(out, ["bug", "enhancement"].contains(&label.name.as_str())),
            name => unknown_hole(name),
        });
    }
}

impl Issue {
    pub(crate) fn node_id(&self) -> String {
        let kind = if self.pull.is_some() {
            "PullRequest"
        } else {
            "Issue"
        };
        node_id(kind, self.id)
    }
}
