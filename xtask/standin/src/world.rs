//! Everything that can be asked for, and who may see it.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::clock::Time;
use crate::config::{DataSet, Token};
use crate::model::{Account, AccountIdx, Issue, Repo, Run};

mod generate;
mod tick;

/// The data behind the answers.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) accounts: Vec<Account>,
    pub(crate) repos: Vec<Repo>,
    /// Lower-case full name → position in `repos`.
    by_name: HashMap<String, usize>,
    by_id: HashMap<u64, usize>,
    /// The next id of anything made by a request.
    next_id: u64,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Viewer<'a> {
    /// `None` without a token.
    pub(crate) token: Option<&'a Token>,
}

impl Viewer<'_> {
    /// Whether the viewer may see `repo` at all.
    pub(crate) fn sees(&self, repo: &Repo) -> bool {
        !repo.private || self.may_push(repo)
    }

    /// Whether the viewer may change `repo`: it is a private one it may see, its own, or a public one of an owner of such.
    pub(crate) fn may_push(&self, repo: &Repo) -> bool {
        self.token.is_some_and(|token| {
            let owner = repo.owner_login();
            let mut listed = token.private_repos.iter();
            if repo.private {
                return listed.any(|name| name.eq_ignore_ascii_case(&repo.full_name));
            }
            let is_member = listed.any(|name| {
                name.split('/')
                    .next()
                    .is_some_and(|login| login.eq_ignore_ascii_case(owner))
            });
            is_member || owner.eq_ignore_ascii_case(&token.login)
        })
    }
}

impl World {
    /// Returns the data set that `sizes` describes.
    pub(crate) fn generate(sizes: &DataSet) -> Self {
        let (accounts, repos) = generate::generate(sizes);
        let by_name = repos
            .iter()
            .enumerate()
            .map(|(idx, repo)| (repo.full_name.to_ascii_lowercase(), idx))
            .collect();
        let by_id = repos
            .iter()
            .enumerate()
            .map(|(idx, repo)| (repo.id, idx))
            .collect();
        Self {
            accounts,
            repos,
            by_name,
            by_id,
            next_id: 9_000_000_000,
        }
    }

    /// Returns a fresh id.
    pub(crate) fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Returns where the repository `full_name` is, in any case of letters.
    pub(crate) fn repo_idx(&self, full_name: &str) -> Option<usize> {
        self.by_name.get(&full_name.to_ascii_lowercase()).copied()
    }

    pub(crate) fn repo_by_id(&self, id: u64) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn account(&self, login: &str) -> Option<AccountIdx> {
        self.accounts
            .iter()
            .position(|account| account.login.eq_ignore_ascii_case(login))
    }

    /// Returns the repositories of one owner that `viewer` may see.
    pub(crate) fn repos_of<'a>(
        &'a self,
        owner: AccountIdx,
        viewer: &'a Viewer<'a>,
    ) -> impl Iterator<Item = &'a Repo> {
        self.repos
            .iter()
            .filter(move |repo| repo.owner == owner && viewer.sees(repo))
    }
}

impl Repo {
    /// Returns the login of the owner.
    pub(crate) fn owner_login(&self) -> &str {
        self.full_name.split('/').next().unwrap_or_default()
    }

    pub(crate) fn issue(&self, number: u64) -> Option<&Issue> {
        // Numbers count from 1 without gaps.
        self.issues
            .get(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    pub(crate) fn issue_mut(&mut self, number: u64) -> Option<&mut Issue> {
        self.issues
            .get_mut(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    pub(crate) fn run(&self, id: u64) -> Option<&Run> {
        self.runs.iter().find(|run| run.id == id)
    }

    pub(crate) fn run_mut(&mut self, id: u64) -> Option<&mut Run> {
        self.runs.iter_mut().find(|run| run.id == id)
    }

    pub(crate) fn open_issues(&self) -> usize {
        self.issues
            .iter()
            .filter(|issue| issue.closed_at.is_none())
            .count()
    }

    /// Returns the commit that a full hash, a unique prefix of at least seven digits, a branch or a tag names.
    pub(crate) fn resolve(&self, name: &str) -> Option<&crate::model::Commit> {
        let name = name
            .strip_prefix("refs/heads/")
            .or_else(|| name.strip_prefix("heads/"))
            .unwrap_or(name);
        let sha = self
            .branches
            .iter()
            .find(|branch| branch.name == name)
            .map(|branch| branch.sha.as_str())
            .or_else(|| {
                self.releases
                    .iter()
                    .find(|release| release.tag == name)
                    .map(|release| release.sha.as_str())
            })
            .unwrap_or(if name == "HEAD" {
                &self.commits.first()?.sha
            } else {
                name
            });
        if sha.len() < 7 {
            return None;
        }
        let of_pulls = self
            .issues
            .iter()
            .filter_map(|issue| issue.pull.as_ref())
            .flat_map(|pull| &pull.commits);
        self.commits
            .iter()
            .chain(of_pulls)
            .find(|commit| commit.sha.starts_with(sha))
    }

    /// Marks the repository as changed: its `updated_at` moves by a second at least, so that its tag changes.
    pub(crate) fn touch(&mut self, now: Time) {
        self.updated_at = now.max(self.updated_at.plus(1));
    }
}

impl Issue {
    /// Marks the issue as changed; see [`Repo::touch`].
    pub(crate) fn touch(&mut self, now: Time) {
        self.updated_at = now.max(self.updated_at.plus(1));
    }
}

impl Run {
    /// Marks the run as changed; see [`Repo::touch`].
    pub(crate) fn touch(&mut self, now: Time) {
        self.updated_at = now.max(self.updated_at.plus(1));
    }
}

/// Returns GitHub's (older, still accepted) form of a node id.
pub(crate) fn node_id(kind: &str, id: impl std::fmt::Display) -> String {
    STANDARD.encode(format!("{:03}:{kind}{id}", kind.len()))
}

/// Splits a node id into its kind and the object's own id.
pub(crate) fn parse_node_id(text: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
    let (len, rest) = text.split_once(':')?;
    let len: usize = len.parse().ok()?;
    Some((rest.get(..len)?.to_owned(), rest.get(len..)?.to_owned()))
}
