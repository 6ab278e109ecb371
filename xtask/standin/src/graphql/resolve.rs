//! Fields of objects, by the object's type.

use serde_json::{Value, json};

use super::connection::{connection, connection_with};
use super::execute::{Execution, FieldError};
use super::introspect;
use super::node::{Args, Gql, Node};
use crate::clock::Time;
use crate::model::{Account, AccountKind, Repo};
use crate::rest::misc::{find_issues, find_repos};
use crate::world::parse_node_id;

mod commits;
mod issues;
mod releases;
mod repos;

pub(super) type Resolved<'w> = Result<Gql<'w>, FieldError>;

/// Shorthands for the values that resolvers return.
fn text(text: &str) -> Gql<'static> {
    Gql::Json(json!(text))
}

fn scalar<'w>(value: impl Into<Value>) -> Gql<'w> {
    Gql::Json(value.into())
}

fn time<'w>(time: Time) -> Gql<'w> {
    Gql::Json(json!(time.to_string()))
}

/// An enum value: GraphQL spells in capitals what REST spells in small letters.
fn capitals<'w>(text: &str) -> Gql<'w> {
    Gql::Json(json!(text.to_ascii_uppercase()))
}

fn nodes<'w>(nodes: impl IntoIterator<Item = Node<'w>>) -> Vec<Gql<'w>> {
    nodes.into_iter().map(Gql::Node).collect()
}

/// A connection of which there is never anything, because the data set has no such objects.
fn nothing<'w>(name: &'static str, edge: &'static str, args: &Args) -> Gql<'w> {
    connection(name, edge, Vec::new(), args)
}

impl<'a> Execution<'a> {
    /// Resolves one field of one object. Documents were validated, so every name is one of the type's.
    pub(super) fn resolve(&self, node: Node<'a>, name: &str, args: &Args) -> Resolved<'a> {
        Ok(match node {
            Node::Query => return self.query_field(name, args),
            Node::Account(account) => self.account_field(account, name, args),
            Node::Repo(repo) => return self.repo_field(repo, name, args),
            Node::Issue(repo, issue) => self.issue_field(repo, issue, name, args),
            Node::Pull(repo, issue, pull) => self.pull_field(repo, issue, pull, name, args),
            Node::Comment(repo, issue, comment) => self.comment_field(repo, issue, comment, name),
            Node::Review(repo, issue, pull, review) => {
                self.review_field(repo, issue, pull, review, name)
            }
            Node::Label(repo, label) => issues::label_field(repo, label, name),
            Node::Release(repo, release) => self.release_field(repo, release, name, args),
            Node::Asset(repo, release, asset) => releases::asset_field(repo, release, asset, name),
            Node::Commit(repo, commit) => self.commit_field(repo, commit, name, args),
            Node::PullCommit(repo, issue, commit) => {
                commits::pull_commit_field(repo, issue, commit, name)
            }
            Node::Ref(repo, branch, sha) => commits::ref_field(repo, branch, sha, name),
            Node::Rollup(repo, commit) => commits::rollup_field(repo, commit, name, args),
            Node::CheckRun(repo, run, job) => commits::check_run_field(repo, run, job, name),
            Node::CheckSuite(repo, run) => commits::check_suite_field(repo, run, name),
            Node::WorkflowRun(repo, run) => commits::workflow_run_field(repo, run, name),
            Node::Workflow(repo, workflow) => commits::workflow_field(repo, workflow, name),
            Node::Type(definition) => introspect::type_field(definition, name),
        })
    }

    fn query_field(&self, name: &str, args: &Args) -> Resolved<'a> {
        let login = args.str("login").unwrap_or_default();
        Ok(match name {
            "viewer" => self
                .viewer_account()
                .map_or(Gql::NULL, |account| Gql::Node(Node::Account(account))),
            "repository" => {
                let full_name = format!(
                    "{}/{}",
                    args.str("owner").unwrap_or_default(),
                    args.str("name").unwrap_or_default()
                );
                return self.repository(&full_name);
            }
            "repositoryOwner" => match self.account(login) {
                Some(account) if account.kind != AccountKind::Bot => {
                    Gql::Node(Node::Account(account))
                }
                _ => Gql::NULL,
            },
            "user" => return self.account_of(login, AccountKind::User, "a User"),
            "organization" => {
                return self.account_of(login, AccountKind::Organization, "an Organization");
            }
            "node" => return self.by_id(args.str("id").unwrap_or_default()),
            "nodes" => {
                let ids = args.list("ids").unwrap_or_default();
                Gql::List(
                    ids.into_iter()
                        .map(|id| self.by_id(id))
                        .collect::<Result<_, _>>()?,
                )
            }
            "search" => self.search(args),
            "rateLimit" => self.rate_limit(),
            "__schema" => introspect::schema(),
            "__type" => introspect::named(args.str("name").unwrap_or_default()),
            _ => Gql::NULL,
        })
    }

    fn account(&self, login: &str) -> Option<&'a Account> {
        self.world
            .account(login)
            .map(|idx| &self.world.accounts[idx])
    }

    pub(super) fn viewer_account(&self) -> Option<&'a Account> {
        self.account(&self.viewer.token?.login)
    }

    fn account_of(&self, login: &str, kind: AccountKind, what: &str) -> Resolved<'a> {
        self.account(login)
            .filter(|account| account.kind == kind)
            .map(|account| Gql::Node(Node::Account(account)))
            .ok_or_else(|| {
                FieldError::not_found(format!(
                    "Could not resolve to {what} with the login of '{login}'."
                ))
            })
    }

    fn repository(&self, full_name: &str) -> Resolved<'a> {
        self.world
            .repo_idx(full_name)
            .map(|idx| &self.world.repos[idx])
            .filter(|repo| self.viewer.sees(repo))
            .map(|repo| Gql::Node(Node::Repo(repo)))
            .ok_or_else(|| {
                FieldError::not_found(format!(
                    "Could not resolve to a Repository with the name '{full_name}'."
                ))
            })
    }

    fn by_id(&self, id: &str) -> Resolved<'a> {
        let unknown = || {
            FieldError::not_found(format!(
                "Could not resolve to a node with the global id of '{id}'"
            ))
        };
        let (kind, number) = parse_node_id(id).ok_or_else(unknown)?;
        let number: u64 = number.parse().map_err(|_| unknown())?;
        let mut seen = self
            .world
            .repos
            .iter()
            .filter(|repo| self.viewer.sees(repo));
        let found = match kind.as_str() {
            "Repository" => seen.find(|repo| repo.id == number).map(Node::Repo),
            "Issue" | "PullRequest" => seen.find_map(|repo| {
                let issue = repo.issues.iter().find(|issue| issue.id == number)?;
                Some(Node::issue_or_pull(repo, issue))
            }),
            "Release" => seen.find_map(|repo| {
                Some(Node::Release(
                    repo,
                    repo.releases.iter().find(|release| release.id == number)?,
                ))
            }),
            "WorkflowRun" => seen.find_map(|repo| Some(Node::WorkflowRun(repo, repo.run(number)?))),
            "User" | "Organization" | "Bot" => self
                .world
                .accounts
                .iter()
                .find(|account| account.id == number)
                .map(Node::Account),
            _ => None,
        };
        found.map(Gql::Node).ok_or_else(unknown)
    }

    fn search(&self, args: &Args) -> Gql<'a> {
        let phrase = args.str("query").unwrap_or_default();
        let kind = args.str("type").unwrap_or_default();
        let mut counts = vec![
            ("issueCount", 0),
            ("repositoryCount", 0),
            ("userCount", 0),
            ("discussionCount", 0),
        ];
        let found = match kind {
            "REPOSITORY" => nodes(
                find_repos(self.world, self.viewer, phrase)
                    .into_iter()
                    .map(Node::Repo),
            ),
            "ISSUE" | "ISSUE_ADVANCED" => nodes(
                find_issues(self.world, self.viewer, phrase)
                    .into_iter()
                    .map(|(repo, issue)| Node::issue_or_pull(repo, issue)),
            ),
            "USER" => {
                let hits = self
                    .world
                    .accounts
                    .iter()
                    .filter(|account| account.login.contains(phrase));
                nodes(hits.map(Node::Account))
            }
            _ => Vec::new(),
        };
        let own = match kind {
            "REPOSITORY" => "repositoryCount",
            "USER" => "userCount",
            _ => "issueCount",
        };
        counts.retain(|(name, _)| *name != own);
        let further = counts
            .into_iter()
            .map(|(name, count)| (name, scalar(count)))
            .collect();
        connection_with(
            "SearchResultItemConnection",
            "SearchResultItemEdge",
            found,
            args,
            own,
            further,
        )
    }

    fn rate_limit(&self) -> Gql<'a> {
        let number = |name: &str| Gql::Json(self.budget.get(name).cloned().unwrap_or_default());
        let reset = self
            .budget
            .get("reset")
            .and_then(Value::as_i64)
            .unwrap_or_default();
        Gql::Object(
            "RateLimit",
            vec![
                ("limit", number("limit")),
                ("used", number("used")),
                ("remaining", number("remaining")),
                ("resetAt", time(Time(reset))),
                ("cost", scalar(1)),
                ("nodeCount", scalar(0)),
            ],
        )
    }

    fn account_field(&self, account: &'a Account, name: &str, args: &Args) -> Gql<'a> {
        match name {
            "id" => text(&account.node_id()),
            "databaseId" => scalar(account.id),
            "login" => text(&account.login),
            "name" => text(&account.name),
            "email" if account.kind == AccountKind::User => text(""),
            "url" => scalar(format!("https://github.com/{}", account.login)),
            "resourcePath" => scalar(format!("/{}", account.login)),
            "avatarUrl" => scalar(account.avatar_url()),
            "createdAt" => time(account.created_at),
            "updatedAt" => time(account.updated_at),
            "isViewer" => scalar(
                self.viewer_account()
                    .is_some_and(|viewer| viewer.id == account.id),
            ),
            "repository" => {
                let full_name =
                    format!("{}/{}", account.login, args.str("name").unwrap_or_default());
                self.repository(&full_name).unwrap_or(Gql::NULL)
            }
            "repositories" => self.repositories(account, args),
            _ => Gql::NULL,
        }
    }

    fn repositories(&self, account: &Account, args: &Args) -> Gql<'a> {
        let privacy = args.str("privacy").or(args.str("visibility"));
        let flag = |name: &str| args.get(name).and_then(Value::as_bool);
        let mut repos: Vec<&'a Repo> = self
            .world
            .repos
            .iter()
            .filter(|repo| {
                self.world.accounts[repo.owner].id == account.id && self.viewer.sees(repo)
            })
            .filter(|repo| privacy.is_none_or(|privacy| (privacy == "PRIVATE") == repo.private))
            .filter(|repo| {
                flag("isArchived").is_none_or(|archived| archived == repo.archived)
                    && flag("isFork") != Some(true)
            })
            .collect();
        match args.within("orderBy", "field").and_then(Value::as_str) {
            Some("PUSHED_AT") => repos.sort_by_key(|repo| repo.pushed_at),
            Some("UPDATED_AT") => repos.sort_by_key(|repo| repo.updated_at),
            Some("STARGAZERS") => repos.sort_by_key(|repo| repo.stars),
            Some("NAME") => repos.sort_by_key(|repo| repo.name.to_ascii_lowercase()),
            _ => repos.sort_by_key(|repo| repo.created_at),
        }
        if is_descending(args) {
            repos.reverse();
        }
        let disk_usage = ("totalDiskUsage", scalar(repos.len()));
        let items = nodes(repos.into_iter().map(Node::Repo));
        connection_with(
            "RepositoryConnection",
            "RepositoryEdge",
            items,
            args,
            "totalCount",
            vec![disk_usage],
        )
    }
}

/// Whether `orderBy` says so.
fn is_descending(args: &Args) -> bool {
    args.within("orderBy", "direction").and_then(Value::as_str) == Some("DESC")
}
