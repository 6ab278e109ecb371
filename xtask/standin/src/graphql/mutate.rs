//! Mutations: what they change, and what their payloads show.

use serde_json::{Value, json};

use super::execute::FieldError;
use super::node::{Args, Gql, Node};
use crate::clock::Time;
use crate::model::{AccountIdx, Repo};
use crate::rest::issues;
use crate::world::{Viewer, World, parse_node_id};

/// What a mutation changed, by where it is, so that the world can be borrowed anew to show it.
#[derive(Debug)]
pub(super) struct Payload {
    type_name: &'static str,
    field: &'static str,
    repo: usize,
    /// Number of the issue or pull request, unless it was the repository itself.
    number: Option<u64>,
    client_mutation_id: Value,
}

fn forbidden() -> FieldError {
    FieldError {
        kind: "FORBIDDEN",
        message: "Resource not accessible by personal access token".into(),
    }
}

fn unresolved(id: &str) -> FieldError {
    FieldError::not_found(format!(
        "Could not resolve to a node with the global id of '{id}'"
    ))
}

/// Carries out one mutation.
pub(super) fn mutate(
    world: &mut World,
    viewer: &Viewer<'_>,
    name: &str,
    args: &Args,
    now: Time,
) -> Result<Payload, FieldError> {
    let input = |field: &str| {
        args.within("input", field)
            .and_then(Value::as_str)
            .map(String::from)
    };
    let required = |field: &str| input(field).unwrap_or_default();
    let user = viewer
        .token
        .and_then(|token| world.account(&token.login))
        .ok_or_else(forbidden)?;
    let payload = |type_name, field, repo, number| Payload {
        type_name,
        field,
        repo,
        number,
        client_mutation_id: json!(input("clientMutationId")),
    };
    Ok(match name {
        "addStar" | "removeStar" => {
            let repo = find_repo(world, viewer, &required("starrableId"))?;
            star(&mut world.repos[repo], user, name == "addStar", now);
            let type_name = if name == "addStar" {
                "AddStarPayload"
            } else {
                "RemoveStarPayload"
            };
            payload(type_name, "starrable", repo, None)
        }
        "createIssue" => {
            let repo = find_repo(world, viewer, &required("repositoryId"))?;
            let id = world.fresh_id();
            let number = issues::open(
                &mut world.repos[repo],
                id,
                user,
                &required("title"),
                input("body").as_deref(),
                now,
            );
            payload("CreateIssuePayload", "issue", repo, Some(number))
        }
        "closeIssue" | "reopenIssue" => {
            let (repo, number) = find_issue(world, viewer, &required("issueId"))?;
            if !viewer.may_push(&world.repos[repo]) {
                return Err(forbidden());
            }
            if let Some(issue) = world.repos[repo].issue_mut(number) {
                issues::set_state(issue, name == "reopenIssue", now);
            }
            let type_name = if name == "closeIssue" {
                "CloseIssuePayload"
            } else {
                "ReopenIssuePayload"
            };
            payload(type_name, "issue", repo, Some(number))
        }
        "addComment" => {
            let (repo, number) = find_issue(world, viewer, &required("subjectId"))?;
            let id = world.fresh_id();
            if let Some(issue) = world.repos[repo].issue_mut(number) {
                issues::comment(issue, id, user, &required("body"), now);
            }
            payload("AddCommentPayload", "subject", repo, Some(number))
        }
        other => {
            return Err(FieldError::not_found(format!(
                "Mutation '{other}' is not known"
            )));
        }
    })
}

fn star(repo: &mut Repo, user: AccountIdx, add: bool, now: Time) {
    let had = repo.stargazers.contains(&user);
    repo.stargazers.retain(|known| *known != user);
    if add {
        repo.stargazers.push(user);
    }
    match (had, add) {
        (false, true) => repo.stars += 1,
        (true, false) => repo.stars -= 1,
        _ => return,
    }
    repo.touch(now);
}

fn find_repo(world: &World, viewer: &Viewer<'_>, id: &str) -> Result<usize, FieldError> {
    let number = parse_node_id(id)
        .filter(|(kind, _)| kind == "Repository")
        .and_then(|(_, number)| number.parse().ok());
    number
        .and_then(|number| world.repo_by_id(number))
        .filter(|idx| viewer.sees(&world.repos[*idx]))
        .ok_or_else(|| unresolved(id))
}

fn find_issue(world: &World, viewer: &Viewer<'_>, id: &str) -> Result<(usize, u64), FieldError> {
    let number: Option<u64> = parse_node_id(id)
        .filter(|(kind, _)| kind == "Issue" || kind == "PullRequest")
        .and_then(|(_, number)| number.parse().ok());
    let mut repos = world
        .repos
        .iter()
        .enumerate()
        .filter(|(_, repo)| viewer.sees(repo));
    repos
        .find_map(|(idx, repo)| {
            Some((
                idx,
                repo.issues
                    .iter()
                    .find(|issue| Some(issue.id) == number)?
                    .number,
            ))
        })
        .ok_or_else(|| unresolved(id))
}

impl Payload {
    /// Returns the payload as an object to select from.
    pub(super) fn into_gql(self, world: &World) -> Gql<'_> {
        let repo = &world.repos[self.repo];
        let issue = self.number.and_then(|number| repo.issue(number));
        let changed =
            Gql::Node(issue.map_or(Node::Repo(repo), |issue| Node::issue_or_pull(repo, issue)));
        let mut fields = vec![
            ("clientMutationId", Gql::Json(self.client_mutation_id)),
            (self.field, changed),
        ];
        if let (true, Some((issue, comment))) = (
            self.type_name == "AddCommentPayload",
            issue.and_then(|issue| Some((issue, issue.comments.last()?))),
        ) {
            let edge = vec![
                ("cursor", Gql::Json(json!(comment.id.to_string()))),
                ("node", Gql::Node(Node::Comment(repo, issue, comment))),
            ];
            fields.push(("commentEdge", Gql::Object("IssueCommentEdge", edge)));
        }
        Gql::Object(self.type_name, fields)
    }
}
