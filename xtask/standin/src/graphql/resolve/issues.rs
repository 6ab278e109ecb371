//! Issues, pull requests, and what people say on them.

use serde_json::json;

use super::{capitals, nodes, nothing, scalar, text, time};
use crate::graphql::connection::connection;
use crate::graphql::execute::Execution;
use crate::graphql::node::{Args, Gql, Node};
use crate::model::{AccountIdx, Comment, Issue, Label, Pull, Repo, Review};
use crate::view::totals;
use crate::world::node_id;

const REACTIONS: [&str; 8] = [
    "THUMBS_UP",
    "THUMBS_DOWN",
    "LAUGH",
    "HOORAY",
    "CONFUSED",
    "HEART",
    "ROCKET",
    "EYES",
];

/// Returns the state of a pull request, which GraphQL splits finer than REST.
pub(super) fn pull_state(issue: &Issue, pull: &Pull) -> &'static str {
    match (issue.closed_at, pull.merged_at) {
        (None, _) => "OPEN",
        (Some(_), None) => "CLOSED",
        (Some(_), Some(_)) => "MERGED",
    }
}

/// Nobody reacts to anything.
fn reaction_groups<'w>(args: &Args) -> Gql<'w> {
    let nobody = nothing("UserConnection", "UserEdge", args);
    let group = |content| {
        Gql::Object(
            "ReactionGroup",
            vec![
                ("content", text(content)),
                ("users", nobody.clone()),
                ("reactors", nobody.clone()),
            ],
        )
    };
    Gql::List(REACTIONS.into_iter().map(group).collect())
}

impl<'a> Execution<'a> {
    fn actor(&self, idx: AccountIdx) -> Gql<'a> {
        Gql::Node(Node::Account(&self.world.accounts[idx]))
    }

    pub(super) fn issue_field(
        &self,
        repo: &'a Repo,
        issue: &'a Issue,
        name: &str,
        args: &Args,
    ) -> Gql<'a> {
        match name {
            "id" => text(&issue.node_id()),
            "databaseId" => scalar(issue.id),
            "number" => scalar(issue.number),
            "title" => text(&issue.title),
            "body" | "bodyText" => text(issue.body.as_deref().unwrap_or_default()),
            "url" => scalar(issue_url(repo, issue)),
            "state" => capitals(issue.state()),
            "stateReason" => issue.state_reason.map_or(Gql::NULL, capitals),
            "closed" => scalar(issue.closed_at.is_some()),
            "closedAt" => issue.closed_at.map_or(Gql::NULL, time),
            "createdAt" => time(issue.created_at),
            "updatedAt" => time(issue.updated_at),
            "author" => self.actor(issue.user),
            "authorAssociation" => text("MEMBER"),
            "locked" | "isPinned" => scalar(false),
            "repository" => Gql::Node(Node::Repo(repo)),
            "subIssuesSummary" => Gql::Object(
                "SubIssuesSummary",
                vec![
                    ("total", scalar(0)),
                    ("completed", scalar(0)),
                    ("percentCompleted", scalar(0)),
                ],
            ),
            "reactionGroups" => reaction_groups(args),
            "assignees" => nothing("UserConnection", "UserEdge", args),
            "labels" => {
                let labels = repo
                    .labels
                    .iter()
                    .filter(|label| issue.labels.contains(&label.name));
                connection(
                    "LabelConnection",
                    "LabelEdge",
                    nodes(labels.map(|label| Node::Label(repo, label))),
                    args,
                )
            }
            "comments" => {
                let comments = issue
                    .comments
                    .iter()
                    .map(|comment| Node::Comment(repo, issue, comment));
                connection(
                    "IssueCommentConnection",
                    "IssueCommentEdge",
                    nodes(comments),
                    args,
                )
            }
            "projectCards" => nothing("ProjectCardConnection", "ProjectCardEdge", args),
            "projectItems" => nothing("ProjectV2ItemConnection", "ProjectV2ItemEdge", args),
            "subIssues" | "blockedBy" | "blocking" | "closingIssuesReferences" => {
                nothing("IssueConnection", "IssueEdge", args)
            }
            "closedByPullRequestsReferences" => {
                nothing("PullRequestConnection", "PullRequestEdge", args)
            }
            _ => Gql::NULL,
        }
    }

    pub(super) fn pull_field(
        &self,
        repo: &'a Repo,
        issue: &'a Issue,
        pull: &'a Pull,
        name: &str,
        args: &Args,
    ) -> Gql<'a> {
        let (additions, deletions) = totals(&pull.files);
        let commit = |sha: &str| {
            repo.resolve(sha)
                .map_or(Gql::NULL, |commit| Gql::Node(Node::Commit(repo, commit)))
        };
        match name {
            "fullDatabaseId" => scalar(issue.id.to_string()),
            "state" => text(pull_state(issue, pull)),
            "isDraft" => scalar(pull.draft),
            "isCrossRepository" | "isInMergeQueue" | "isMergeQueueEnabled" => scalar(false),
            "maintainerCanModify" => scalar(true),
            "mergeable" => text(if issue.closed_at.is_none() {
                "MERGEABLE"
            } else {
                "UNKNOWN"
            }),
            "mergeStateStatus" => text(if issue.closed_at.is_none() {
                "CLEAN"
            } else {
                "UNKNOWN"
            }),
            "merged" => scalar(pull.merged_at.is_some()),
            "mergedAt" => pull.merged_at.map_or(Gql::NULL, time),
            "mergedBy" => pull.merged_at.map_or(Gql::NULL, |_| self.actor(repo.owner)),
            "mergeCommit" | "potentialMergeCommit" => commit(&pull.merge_commit_sha),
            "additions" => scalar(additions),
            "deletions" => scalar(deletions),
            "changedFiles" => scalar(pull.files.len()),
            "baseRefName" => text(&pull.base_ref),
            "headRefName" => text(&pull.head_ref),
            "baseRefOid" => text(&pull.base_sha),
            "headRefOid" => text(&pull.head_sha),
            "headRef" => Gql::Node(Node::Ref(repo, &pull.head_ref, &pull.head_sha)),
            "baseRef" => Gql::Node(Node::Ref(repo, &pull.base_ref, &pull.base_sha)),
            "headRepository" => Gql::Node(Node::Repo(repo)),
            "headRepositoryOwner" => self.actor(repo.owner),
            "reviewDecision" => {
                if pull.reviews.is_empty() {
                    Gql::NULL
                } else {
                    text("APPROVED")
                }
            }
            "statusCheckRollup" => pull
                .commits
                .last()
                .map_or(Gql::NULL, |commit| super::commits::rollup(repo, commit)),
            "commits" => {
                let commits = pull
                    .commits
                    .iter()
                    .map(|commit| Node::PullCommit(repo, issue, commit));
                connection(
                    "PullRequestCommitConnection",
                    "PullRequestCommitEdge",
                    nodes(commits),
                    args,
                )
            }
            "files" => {
                let file = |change: &crate::model::Change| {
                    Gql::Object(
                        "PullRequestChangedFile",
                        vec![
                            ("path", text(&change.path)),
                            ("additions", scalar(change.additions)),
                            ("deletions", scalar(change.deletions)),
                            ("changeType", capitals(change.status)),
                        ],
                    )
                };
                connection(
                    "PullRequestChangedFileConnection",
                    "PullRequestChangedFileEdge",
                    pull.files.iter().map(file).collect(),
                    args,
                )
            }
            "reviewRequests" => nothing("ReviewRequestConnection", "ReviewRequestEdge", args),
            "reviews" | "latestReviews" => {
                let reviews = pull
                    .reviews
                    .iter()
                    .map(|review| Node::Review(repo, issue, pull, review));
                connection(
                    "PullRequestReviewConnection",
                    "PullRequestReviewEdge",
                    nodes(reviews),
                    args,
                )
            }
            name => self.issue_field(repo, issue, name, args),
        }
    }

    pub(super) fn comment_field(
        &self,
        repo: &Repo,
        issue: &Issue,
        comment: &'a Comment,
        name: &str,
    ) -> Gql<'a> {
        match name {
            "id" => text(&node_id("IssueComment", comment.id)),
            "databaseId" => scalar(comment.id),
            "author" => self.actor(comment.user),
            "authorAssociation" => text("MEMBER"),
            "body" | "bodyText" => text(&comment.body),
            "createdAt" => time(comment.created_at),
            "updatedAt" => time(comment.updated_at),
            "url" => scalar(format!(
                "{}#issuecomment-{}",
                issue_url(repo, issue),
                comment.id
            )),
            "includesCreatedEdit" => scalar(comment.updated_at != comment.created_at),
            "isMinimized" => scalar(false),
            "reactionGroups" => reaction_groups(&Args::none()),
            "viewerDidAuthor" => scalar(
                self.viewer_account()
                    .is_some_and(|viewer| viewer.id == self.world.accounts[comment.user].id),
            ),
            _ => Gql::NULL,
        }
    }

    pub(super) fn review_field(
        &self,
        repo: &'a Repo,
        issue: &Issue,
        pull: &Pull,
        review: &'a Review,
        name: &str,
    ) -> Gql<'a> {
        match name {
            "id" => text(&node_id("PullRequestReview", review.id)),
            "databaseId" => scalar(review.id),
            "author" => self.actor(review.user),
            "authorAssociation" => text("MEMBER"),
            "submittedAt" => time(review.submitted_at),
            "body" => text(&review.body),
            "state" => text(review.state),
            "commit" => repo
                .resolve(&pull.head_sha)
                .map_or(Gql::NULL, |commit| Gql::Node(Node::Commit(repo, commit))),
            "reactionGroups" => reaction_groups(&Args::none()),
            "url" => scalar(format!(
                "{}#pullrequestreview-{}",
                issue_url(repo, issue),
                review.id
            )),
            _ => Gql::NULL,
        }
    }
}

pub(super) fn issue_url(repo: &Repo, issue: &Issue) -> String {
    let kind = if issue.pull.is_some() {
        "pull"
    } else {
        "issues"
    };
    format!(
        "https://github.com/{}/{kind}/{}",
        repo.full_name, issue.number
    )
}

pub(super) fn label_field<'w>(repo: &Repo, label: &Label, name: &str) -> Gql<'w> {
    match name {
        "id" => text(&node_id("Label", label.id)),
        "name" => text(&label.name),
        "color" => text(&label.color),
        "description" => Gql::Json(json!(label.description)),
        "url" => scalar(format!(
            "https://github.com/{}/labels/{}",
            repo.full_name,
            label.name.replace(' ', "%20")
        )),
        "isDefault" => scalar(["bug", "enhancement"].contains(&label.name.as_str())),
        _ => Gql::NULL,
    }
}
