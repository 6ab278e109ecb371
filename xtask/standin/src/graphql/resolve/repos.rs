//! Repositories.

use serde_json::{Value, json};

use super::{Resolved, capitals, is_descending, nodes, nothing, scalar, text, time};
use crate::graphql::connection::{connection, connection_with};
use crate::graphql::execute::{Execution, FieldError};
use crate::graphql::node::{Args, Gql, Node};
use crate::model::{AccountKind, Issue, Repo};
use crate::world::node_id;

impl<'a> Execution<'a> {
    pub(super) fn repo_field(&self, repo: &'a Repo, name: &str, args: &Args) -> Resolved<'a> {
        let owner = &self.world.accounts[repo.owner];
        let number = args.number("number");
        Ok(match name {
            "issue" | "pullRequest" | "issueOrPullRequest" => {
                let number = number.unwrap_or_default();
                let issue = repo.issue(number).filter(|issue| match name {
                    "issue" => issue.pull.is_none(),
                    "pullRequest" => issue.pull.is_some(),
                    _ => true,
                });
                let what = match name {
                    "issue" => "an Issue",
                    "pullRequest" => "a PullRequest",
                    _ => "an issue or pull request",
                };
                let issue = issue.ok_or_else(|| {
                    FieldError::not_found(format!(
                        "Could not resolve to {what} with the number of {number}."
                    ))
                })?;
                Gql::Node(Node::issue_or_pull(repo, issue))
            }
            "issues" => issue_connection(self, repo, args),
            "pullRequests" => pull_connection(repo, args),
            "id" => text(&node_id("Repository", repo.id)),
            "databaseId" => scalar(repo.id),
            "name" => text(&repo.name),
            "nameWithOwner" => text(&repo.full_name),
            "owner" => Gql::Node(Node::Account(owner)),
            "description" => scalar(repo.description.clone()),
            "url" => scalar(format!("https://github.com/{}", repo.full_name)),
            "resourcePath" => scalar(format!("/{}", repo.full_name)),
            "sshUrl" => scalar(format!("git@github.com:{}.git", repo.full_name)),
            "isPrivate" => scalar(repo.private),
            "isArchived" => scalar(repo.archived),
            "isInOrganization" => scalar(owner.kind == AccountKind::Organization),
            "isFork"
            | "isEmpty"
            | "isTemplate"
            | "isMirror"
            | "isDisabled"
            | "hasDiscussionsEnabled"
            | "deleteBranchOnMerge" => scalar(false),
            "hasIssuesEnabled" | "hasProjectsEnabled" | "hasWikiEnabled" | "mergeCommitAllowed"
            | "squashMergeAllowed" | "rebaseMergeAllowed" => scalar(true),
            "visibility" => text(if repo.private { "PRIVATE" } else { "PUBLIC" }),
            "createdAt" => time(repo.created_at),
            "updatedAt" => time(repo.updated_at),
            "pushedAt" => time(repo.pushed_at),
            "diskUsage" => scalar(repo.commits.len()),
            "forkCount" => scalar(repo.forks),
            "stargazerCount" => scalar(repo.stars),
            "viewerHasStarred" => scalar(self.viewer_account().is_some_and(|viewer| {
                repo.stargazers
                    .iter()
                    .any(|idx| self.world.accounts[*idx].id == viewer.id)
            })),
            "viewerPermission" => text(if self.viewer.may_push(repo) {
                "ADMIN"
            } else {
                "READ"
            }),
            "viewerCanAdminister" => scalar(self.viewer.may_push(repo)),
            "viewerDefaultMergeMethod" => text("MERGE"),
            "licenseInfo" => license(),
            "primaryLanguage" => repo.language.map_or(Gql::NULL, language),
            "languages" => languages(repo, args),
            "defaultBranchRef" => branch(repo, &repo.default_branch),
            "ref" => {
                let name = args.str("qualifiedName").unwrap_or_default();
                branch(repo, name.strip_prefix("refs/heads/").unwrap_or(name))
            }
            "refs" if args.str("refPrefix") == Some("refs/tags/") => {
                let tags = nodes(
                    repo.releases
                        .iter()
                        .map(|release| Node::Ref(repo, &release.tag, &release.sha)),
                );
                connection("RefConnection", "RefEdge", tags, args)
            }
            "refs" => {
                let query = args.str("query").unwrap_or_default();
                let branches = repo
                    .branches
                    .iter()
                    .filter(|branch| branch.name.contains(query));
                connection(
                    "RefConnection",
                    "RefEdge",
                    nodes(branches.map(|branch| Node::Ref(repo, &branch.name, &branch.sha))),
                    args,
                )
            }
            "object" => {
                let name = args
                    .str("oid")
                    .or(args.str("expression"))
                    .unwrap_or_default();
                repo.resolve(name)
                    .map_or(Gql::NULL, |commit| Gql::Node(Node::Commit(repo, commit)))
            }
            "stargazers" => {
                let users = nodes(
                    repo.stargazers
                        .iter()
                        .map(|idx| Node::Account(&self.world.accounts[*idx])),
                );
                connection("StargazerConnection", "StargazerEdge", users, args)
            }
            "assignableUsers" | "mentionableUsers" => {
                let users = self
                    .world
                    .accounts
                    .iter()
                    .filter(|account| account.kind == AccountKind::User);
                connection(
                    "UserConnection",
                    "UserEdge",
                    nodes(users.map(Node::Account)),
                    args,
                )
            }
            "watchers" => nothing("UserConnection", "UserEdge", args),
            "milestones" => nothing("MilestoneConnection", "MilestoneEdge", args),
            "repositoryTopics" => {
                let topics = repo.topics.iter().map(|name| topic(repo, name));
                connection(
                    "RepositoryTopicConnection",
                    "RepositoryTopicEdge",
                    topics.collect(),
                    args,
                )
            }
            "labels" => {
                let query = args.str("query").unwrap_or_default();
                let labels = repo
                    .labels
                    .iter()
                    .filter(|label| label.name.contains(query));
                connection(
                    "LabelConnection",
                    "LabelEdge",
                    nodes(labels.map(|label| Node::Label(repo, label))),
                    args,
                )
            }
            "label" => {
                let wanted = args.str("name").unwrap_or_default();
                repo.labels
                    .iter()
                    .find(|label| label.name == wanted)
                    .map_or(Gql::NULL, |label| Gql::Node(Node::Label(repo, label)))
            }
            "release" => {
                let wanted = args.str("tagName").unwrap_or_default();
                repo.releases
                    .iter()
                    .find(|release| release.tag == wanted)
                    .map_or(Gql::NULL, |release| Gql::Node(Node::Release(repo, release)))
            }
            "latestRelease" => super::releases::latest(repo)
                .map_or(Gql::NULL, |release| Gql::Node(Node::Release(repo, release))),
            "releases" => {
                let mut releases = nodes(
                    repo.releases
                        .iter()
                        .map(|release| Node::Release(repo, release)),
                );
                // Kept newest first.
                if !is_descending(args) {
                    releases.reverse();
                }
                connection("ReleaseConnection", "ReleaseEdge", releases, args)
            }
            _ => Gql::NULL,
        })
    }
}

fn language(name: &str) -> Gql<'static> {
    Gql::Object(
        "Language",
        vec![
            ("id", text(&node_id("Language", name))),
            ("name", text(name)),
            ("color", text("#dea584")),
        ],
    )
}

/// A language's size is on the edge to it.
fn languages<'w>(repo: &Repo, args: &Args) -> Gql<'w> {
    let size = repo.commits.len() * 1_000;
    let items: Vec<Gql<'w>> = repo.language.iter().map(|name| language(name)).collect();
    let total = vec![("totalSize", scalar(size))];
    let mut connection = connection_with(
        "LanguageConnection",
        "LanguageEdge",
        items,
        args,
        "totalCount",
        total,
    );
    if let Gql::Object(_, fields) = &mut connection {
        for edge in fields.iter_mut().filter(|(name, _)| *name == "edges") {
            if let Gql::List(edges) = &mut edge.1 {
                for edge in edges {
                    if let Gql::Object(_, fields) = edge {
                        fields.push(("size", scalar(size)));
                    }
                }
            }
        }
    }
    connection
}

/// Every repository has the license that the example of GitHub's description has.
fn license() -> Gql<'static> {
    let fields = [
        ("key", "mit"),
        ("name", "MIT License"),
        ("spdxId", "MIT"),
        ("url", "https://api.github.com/licenses/mit"),
    ];
    let mut fields: Vec<_> = fields
        .into_iter()
        .map(|(name, value)| (name, text(value)))
        .collect();
    fields.push(("id", text(&node_id("License", "mit"))));
    Gql::Object("License", fields)
}

fn topic<'w>(repo: &Repo, name: &str) -> Gql<'w> {
    let id = node_id("RepositoryTopic", format_args!("{}:{name}", repo.id));
    let topic = Gql::Object(
        "Topic",
        vec![("id", text(&node_id("Topic", name))), ("name", text(name))],
    );
    Gql::Object(
        "RepositoryTopic",
        vec![
            ("id", scalar(id)),
            ("topic", topic),
            ("url", scalar(format!("https://github.com/topics/{name}"))),
        ],
    )
}

fn branch<'w>(repo: &'w Repo, name: &str) -> Gql<'w> {
    let found = repo.branches.iter().find(|branch| branch.name == name);
    found.map_or(Gql::NULL, |branch| {
        Gql::Node(Node::Ref(repo, &branch.name, &branch.sha))
    })
}

/// Sorts as `orderBy` says; oldest first without it.
fn sort(issues: &mut [&Issue], args: &Args) {
    match args.within("orderBy", "field").and_then(Value::as_str) {
        Some("UPDATED_AT") => issues.sort_by_key(|issue| issue.updated_at),
        Some("COMMENTS") => issues.sort_by_key(|issue| issue.comments.len()),
        _ => issues.sort_by_key(|issue| issue.number),
    }
    if is_descending(args) {
        issues.reverse();
    }
}

fn issue_connection<'a>(execution: &Execution<'a>, repo: &'a Repo, args: &Args) -> Gql<'a> {
    let states = args.list("states");
    let author = args.within("filterBy", "createdBy").and_then(Value::as_str);
    let assignee = args.within("filterBy", "assignee").and_then(Value::as_str);
    let labels: Vec<String> = args
        .within("filterBy", "labels")
        .or(args.get("labels"))
        .and_then(|labels| serde_json::from_value(labels.clone()).ok())
        .unwrap_or_default();
    let mut issues: Vec<&'a Issue> = repo
        .issues
        .iter()
        .filter(|issue| issue.pull.is_none())
        .filter(|issue| {
            states
                .as_ref()
                .is_none_or(|states| states.contains(&issue.state().to_ascii_uppercase().as_str()))
        })
        .filter(|issue| {
            author.is_none_or(|login| execution.world.accounts[issue.user].login == login)
        })
        // Nobody is assigned to anything.
        .filter(|_| assignee.is_none())
        .filter(|issue| {
            labels.is_empty() || labels.iter().any(|label| issue.labels.contains(label))
        })
        .collect();
    sort(&mut issues, args);
    connection(
        "IssueConnection",
        "IssueEdge",
        nodes(issues.into_iter().map(|issue| Node::Issue(repo, issue))),
        args,
    )
}

fn pull_connection<'a>(repo: &'a Repo, args: &Args) -> Gql<'a> {
    let states = args.list("states");
    let labels = args.list("labels");
    let mut issues: Vec<&'a Issue> =
        repo.issues
            .iter()
            .filter(|issue| {
                issue.pull.as_ref().is_some_and(|pull| {
                    states.as_ref().is_none_or(|states| {
                        states.contains(&super::issues::pull_state(issue, pull))
                    }) && args
                        .str("baseRefName")
                        .is_none_or(|base| pull.base_ref == base)
                        && args
                            .str("headRefName")
                            .is_none_or(|head| pull.head_ref == head)
                })
            })
            .filter(|issue| {
                labels.as_ref().is_none_or(|labels| {
                    labels
                        .iter()
                        .any(|label| issue.labels.iter().any(|name| name == label))
                })
            })
            .collect();
    sort(&mut issues, args);
    let pulls = issues
        .into_iter()
        .map(|issue| Node::issue_or_pull(repo, issue));
    connection(
        "PullRequestConnection",
        "PullRequestEdge",
        nodes(pulls),
        args,
    )
}

/// What a status check or run concluded, in GraphQL's spelling.
pub(super) fn conclusion<'w>(conclusion: Option<&str>) -> Gql<'w> {
    conclusion.map_or(Gql::Json(json!(null)), capitals)
}
