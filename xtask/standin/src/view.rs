//! Objects as GitHub's REST API spells them.

use crate::model::{Account, AccountIdx, AccountKind, Repo};
use crate::template::{put, template};
use crate::world::{Viewer, World, node_id};

mod actions;
mod git;

mod issues;
mod releases;

pub(crate) use git::{diff, patch, totals};

/// Renders the objects of one world for one viewer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) world: &'a World,
    pub(crate) viewer: &'a Viewer<'a>,
    /// Root of REST URLs, without a slash at the end.
    pub(crate) api: &'a str,
    /// Root of upload URLs.
    pub(crate) uploads: &'a str,
}

/// Stops at a hole that the code does not know: a mistake of the code, found by the test that renders all kinds.
fn unknown_hole(name: &str) -> ! {
    panic!("no value for the hole {name}")
}

impl View<'_> {
    /// Renders a template, filling the roots itself.
    fn fill(&self, kind: &str, out: &mut String, rest: &mut dyn FnMut(&str, &mut String)) {
        template(kind).render(out, &mut |name, out| match name {
            "api" => out.push_str(self.api),
            "uploads" => out.push_str(self.uploads),
            name => rest(name, out),
        });
    }

    /// Renders a template of something that belongs to a repository.
    fn fill_in(
        &self,
        repo: &Repo,
        kind: &str,
        out: &mut String,
        rest: &mut dyn FnMut(&str, &mut String),
    ) {
        self.fill(kind, out, &mut |name, out| match name {
            "full_name" => out.push_str(&repo.full_name),
            name => rest(name, out),
        });
    }

    /// Writes an account as other objects embed it.
    pub(crate) fn user(&self, out: &mut String, idx: AccountIdx) {
        let account = &self.world.accounts[idx];
        self.fill("user", out, &mut |name, out| {
            self.account_hole(account, name, out);
        });
    }

    /// Writes an account as `/users/{username}` answers it.
    pub(crate) fn profile(&self, out: &mut String, idx: AccountIdx) {
        let account = &self.world.accounts[idx];
        self.fill("profile", out, &mut |name, out| {
            self.account_hole(account, name, out);
        });
    }

    /// Writes an account as `/user` answers it to its owner.
    pub(crate) fn me(&self, out: &mut String, idx: AccountIdx) {
        let account = &self.world.accounts[idx];
        self.fill("me", out, &mut |name, out| {
            self.account_hole(account, name, out);
        });
    }

    /// Writes an organization as `/orgs/{org}` answers it.
    pub(crate) fn organization(&self, out: &mut String, idx: AccountIdx) {
        let account = &self.world.accounts[idx];
        self.fill("organization", out, &mut |name, out| {
            self.account_hole(account, name, out);
        });
    }

    fn account_hole(&self, account: &Account, name: &str, out: &mut String) {
        let repos = |private: bool| {
            let mine = |repo: &&Repo| {
                self.world.accounts[repo.owner].id == account.id && repo.private == private
            };
            self.world.repos.iter().filter(mine).count()
        };
        match name {
            "login" => out.push_str(&account.login),
            "=login" => put(out, &account.login),
            "=id" => put(out, account.id),
            "=node_id" => put(out, account.node_id()),
            "=avatar_url" => put(out, account.avatar_url()),
            "=type" => put(out, account.kind.rest_name()),
            "=name" => put(out, &account.name),
            "=public_repos" => put(out, repos(false)),
            "=private_repos" => put(out, repos(true)),
            "=created_at" => put(out, account.created_at),
            "=updated_at" => put(out, account.updated_at),
            "=company" | "=location" | "=email" | "=bio" | "=twitter_username" => {
                put(out, None::<bool>);
            }
            "=blog" => put(out, ""),
            name => unknown_hole(name),
        }
    }

    /// Writes a repository as it is answered alone.
    pub(crate) fn repo_full(&self, out: &mut String, repo: &Repo) {
        self.fill_in(repo, "repo_full", out, &mut |name, out| match name {
            // GitHub names the organization only where the owner is one.
            "=organization"
                if self.world.accounts[repo.owner].kind != AccountKind::Organization =>
            {
                put(out, None::<bool>);
            }
            "=organization" => self.user(out, repo.owner),
            name => self.repo_hole(repo, name, out),
        });
    }

    /// Writes a repository as lists hold it.
    pub(crate) fn repo_min(&self, out: &mut String, repo: &Repo) {
        self.fill_in(repo, "repo_min", out, &mut |name, out| {
            self.repo_hole(repo, name, out);
        });
    }

    /// Writes a repository as a workflow run embeds it.
    pub(crate) fn repo_ref(&self, out: &mut String, repo: &Repo) {
        self.fill_in(repo, "repo_ref", out, &mut |name, out| {
            self.repo_hole(repo, name, out);
        });
    }

    fn repo_hole(&self, repo: &Repo, name: &str, out: &mut String) {
        match name {
            "=id" => put(out, repo.id),
            "=node_id" => put(out, node_id("Repository", repo.id)),
            "=name" => put(out, &repo.name),
            "=full_name" => put(out, &repo.full_name),
            "=owner" => self.user(out, repo.owner),
            "=private" => put(out, repo.private),
            "=description" => put(out, &repo.description),
            "=language" => put(out, repo.language),
            "=default_branch" => put(out, &repo.default_branch),
            "=open_issues_count" => put(out, repo.open_issues()),
            "=topics" => put(out, &repo.topics),
            "=archived" => put(out, repo.archived),
            "=visibility" => put(out, if repo.private { "private" } else { "public" }),
            "=pushed_at" => put(out, repo.pushed_at),
            "=created_at" => put(out, repo.created_at),
            "=updated_at" => put(out, repo.updated_at),
            "=stargazers_count" => put(out, repo.stars),
            "=forks_count" => put(out, repo.forks),
            "=size" => put(out, repo.commits.len()),
            "=permissions" => {
                let push = self.viewer.may_push(repo);
                let text = serde_json::json!({"admin": push, "maintain": push, "push": push, "triage": push, "pull": true});
                put(out, &text);
            }
            name => unknown_hole(name),
        }
    }
}

impl Account {
    pub(crate) fn avatar_url(&self) -> String {
        format!("https://avatars.githubusercontent.com/u/{}?v=4", self.id)
    }

    pub(crate) fn node_id(&self) -> String {
        node_id(self.kind.rest_name(), self.id)
    }
}

impl AccountKind {
    /// What the field `type` says.
    pub(crate) fn rest_name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Organization => "Organization",
            Self::Bot => "Bot",
        }
    }
}

impl View<'_> {
    /// Writes an example without holes but for the roots.
    pub(crate) fn plain(&self, out: &mut String, kind: &str) {
        self.fill(kind, out, &mut |name, _| unknown_hole(name));
    }
}
