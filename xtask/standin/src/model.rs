//! The objects behind the answers. Views render them for REST and GraphQL; handlers change them.

use crate::clock::Time;

/// Position of an account in [`crate::world::World::accounts`]. Accounts are never removed.
pub(crate) type AccountIdx = usize;

/// A user, an organization or an app's bot.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: u64,
    pub(crate) login: String,
    pub(crate) kind: AccountKind,
    pub(crate) name: String,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccountKind {
    User,
    Organization,
    Bot,
}

#[derive(Clone, Debug)]
pub(crate) struct Repo {
    pub(crate) id: u64,
    pub(crate) owner: AccountIdx,
    pub(crate) name: String,
    /// `owner/name`.
    pub(crate) full_name: String,
    pub(crate) private: bool,
    pub(crate) archived: bool,
    pub(crate) description: Option<String>,
    pub(crate) language: Option<&'static str>,
    pub(crate) topics: Vec<String>,
    pub(crate) default_branch: String,
    pub(crate) stargazers: Vec<AccountIdx>,
    pub(crate) stars: u64,
    pub(crate) forks: u64,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
    pub(crate) pushed_at: Time,
    pub(crate) labels: Vec<Label>,
    /// Issues and pull requests, which share their numbers, oldest first.
    pub(crate) issues: Vec<Issue>,
    pub(crate) workflows: Vec<Workflow>,
    /// Newest first.
    pub(crate) runs: Vec<Run>,
    pub(crate) runners: Vec<Runner>,
    /// Newest first.
    pub(crate) releases: Vec<Release>,
    pub(crate) branches: Vec<Branch>,
    /// Newest first; each one's parent follows it.
    pub(crate) commits: Vec<Commit>,
    pub(crate) files: Vec<File>,
    /// Newest first.
    pub(crate) events: Vec<Event>,
}

#[derive(Clone, Debug)]
pub(crate) struct Label {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) color: String,
    pub(crate) description: Option<String>,
}

/// An issue or a pull request.
#[derive(Clone, Debug)]
pub(crate) struct Issue {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) user: AccountIdx,
    /// Names of the repository's labels.
    pub(crate) labels: Vec<String>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
    pub(crate) closed_at: Option<Time>,
    pub(crate) state_reason: Option<&'static str>,
    pub(crate) pull: Option<Pull>,
}

impl Issue {
    pub(crate) fn state(&self) -> &'static str {
        if self.closed_at.is_none() {
            "open"
        } else {
            "closed"
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Pull {
    pub(crate) head_ref: String,
    pub(crate) head_sha: String,
    pub(crate) base_ref: String,
    pub(crate) base_sha: String,
    pub(crate) draft: bool,
    pub(crate) merged_at: Option<Time>,
    pub(crate) merge_commit_sha: String,
    pub(crate) files: Vec<Change>,
    pub(crate) commits: Vec<Commit>,
    pub(crate) reviews: Vec<Review>,
}

/// What a commit or a pull request does to one file.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) path: String,
    pub(crate) status: &'static str,
    pub(crate) additions: u64,
    pub(crate) deletions: u64,
    pub(crate) blob_sha: String,
    pub(crate) patch: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) user: AccountIdx,
    pub(crate) body: String,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
}

#[derive(Clone, Debug)]
pub(crate) struct Review {
    pub(crate) id: u64,
    pub(crate) user: AccountIdx,
    pub(crate) body: String,
    pub(crate) state: &'static str,
    pub(crate) submitted_at: Time,
}

#[derive(Clone, Debug)]
pub(crate) struct Workflow {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) created_at: Time,
}

#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) id: u64,
    pub(crate) number: u64,
    /// Position in the repository's workflows.
    pub(crate) workflow: usize,
    pub(crate) branch: String,
    pub(crate) head_sha: String,
    pub(crate) event: &'static str,
    pub(crate) title: String,
    pub(crate) status: &'static str,
    pub(crate) conclusion: Option<&'static str>,
    pub(crate) attempt: u64,
    pub(crate) actor: AccountIdx,
    pub(crate) created_at: Time,
    pub(crate) started_at: Time,
    pub(crate) updated_at: Time,
    pub(crate) jobs: Vec<Job>,
    pub(crate) artifacts: Vec<Artifact>,
}

#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) status: &'static str,
    pub(crate) conclusion: Option<&'static str>,
    pub(crate) created_at: Time,
    pub(crate) started_at: Time,
    pub(crate) completed_at: Option<Time>,
    pub(crate) runner: Option<u64>,
    pub(crate) labels: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Artifact {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) created_at: Time,
}

#[derive(Clone, Debug)]
pub(crate) struct Runner {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) os: &'static str,
    pub(crate) online: bool,
    pub(crate) busy: bool,
    pub(crate) labels: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Release {
    pub(crate) id: u64,
    pub(crate) tag: String,
    pub(crate) sha: String,
    pub(crate) name: String,
    pub(crate) body: String,
    pub(crate) draft: bool,
    pub(crate) prerelease: bool,
    pub(crate) author: AccountIdx,
    pub(crate) created_at: Time,
    pub(crate) updated_at: Time,
    pub(crate) assets: Vec<Asset>,
}

#[derive(Clone, Debug)]
pub(crate) struct Asset {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) size: u64,
    /// Hex SHA-256 of the bytes, where known.
    pub(crate) digest: Option<String>,
    pub(crate) downloads: u64,
    pub(crate) uploader: AccountIdx,
    pub(crate) created_at: Time,
}

#[derive(Clone, Debug)]
pub(crate) struct Branch {
    pub(crate) name: String,
    pub(crate) sha: String,
    pub(crate) protected: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Commit {
    pub(crate) sha: String,
    pub(crate) tree: String,
    pub(crate) parent: Option<String>,
    pub(crate) message: String,
    pub(crate) author: AccountIdx,
    pub(crate) date: Time,
    pub(crate) changes: Vec<Change>,
}

#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) sha: String,
    pub(crate) text: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) id: u64,
    pub(crate) actor: AccountIdx,
    pub(crate) created_at: Time,
    /// The commit pushed, or `None` for a star.
    pub(crate) pushed: Option<String>,
}
