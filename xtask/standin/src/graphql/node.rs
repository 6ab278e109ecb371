//! What execution walks over: objects, lists and plain values, and the arguments of fields.

use graphql_parser::query::Value as Literal;
use serde_json::{Map, Value, json};

use super::schema::TypeDef;
use crate::model::{
    Account, AccountKind, Asset, Comment, Commit, Issue, Job, Label, Pull, Release, Repo, Review,
    Run, Workflow,
};

/// A value that a field resolved to.
#[derive(Clone, Debug)]
pub(super) enum Gql<'w> {
    Json(Value),
    Node(Node<'w>),
    List(Vec<Gql<'w>>),
    /// An object of this type with these fields.
    Object(&'static str, Vec<(&'static str, Gql<'w>)>),
}

impl Gql<'_> {
    pub(super) const NULL: Self = Self::Json(Value::Null);
}

/// An object with fields of its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Node<'w> {
    Query,
    Account(&'w Account),
    Repo(&'w Repo),
    Issue(&'w Repo, &'w Issue),
    Pull(&'w Repo, &'w Issue, &'w Pull),
    Comment(&'w Repo, &'w Issue, &'w Comment),
    Review(&'w Repo, &'w Issue, &'w Pull, &'w Review),
    Label(&'w Repo, &'w Label),
    Release(&'w Repo, &'w Release),
    Asset(&'w Repo, &'w Release, &'w Asset),
    Commit(&'w Repo, &'w Commit),
    /// A commit as a pull request lists it.
    PullCommit(&'w Repo, &'w Issue, &'w Commit),
    /// A branch: its name and what it points at.
    Ref(&'w Repo, &'w str, &'w str),
    Rollup(&'w Repo, &'w Commit),
    CheckRun(&'w Repo, &'w Run, &'w Job),
    CheckSuite(&'w Repo, &'w Run),
    WorkflowRun(&'w Repo, &'w Run),
    Workflow(&'w Repo, &'w Workflow),
    /// A type of the schema.
    Type(&'static TypeDef),
}

impl Node<'_> {
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Query => "Query",
            Self::Account(account) => match account.kind {
                AccountKind::User => "User",
                AccountKind::Organization => "Organization",
                AccountKind::Bot => "Bot",
            },
            Self::Repo(_) => "Repository",
            Self::Issue(..) => "Issue",
            Self::Pull(..) => "PullRequest",
            Self::Comment(..) => "IssueComment",
            Self::Review(..) => "PullRequestReview",
            Self::Label(..) => "Label",
            Self::Release(..) => "Release",
            Self::Asset(..) => "ReleaseAsset",
            Self::Commit(..) => "Commit",
            Self::PullCommit(..) => "PullRequestCommit",
            Self::Ref(..) => "Ref",
            Self::Rollup(..) => "StatusCheckRollup",
            Self::CheckRun(..) => "CheckRun",
            Self::CheckSuite(..) => "CheckSuite",
            Self::WorkflowRun(..) => "WorkflowRun",
            Self::Workflow(..) => "Workflow",
            Self::Type(_) => "__Type",
        }
    }
}

impl<'w> Node<'w> {
    /// Returns an issue as what it is: an issue or a pull request.
    pub(super) fn issue_or_pull(repo: &'w Repo, issue: &'w Issue) -> Self {
        match &issue.pull {
            Some(pull) => Self::Pull(repo, issue, pull),
            None => Self::Issue(repo, issue),
        }
    }
}

/// The arguments of one field, with variables put in.
#[derive(Debug)]
pub(super) struct Args(Map<String, Value>);

impl Args {
    pub(super) fn new(
        arguments: &[(String, Literal<'_, String>)],
        variables: &Map<String, Value>,
    ) -> Self {
        Self(
            arguments
                .iter()
                .map(|(name, value)| (name.clone(), to_json(value, variables)))
                .collect(),
        )
    }

    /// Returns an argument that was given and is not null.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn str(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.as_u64()
    }

    /// Returns a list, which may be given as its only item.
    pub(super) fn list(&self, name: &str) -> Option<Vec<&str>> {
        match self.get(name)? {
            Value::Array(items) => Some(items.iter().filter_map(Value::as_str).collect()),
            Value::String(item) => Some(vec![item]),
            _ => None,
        }
    }

    /// Returns a field of an argument that is an object.
    pub(super) fn within(&self, name: &str, field: &str) -> Option<&Value> {
        self.get(name)?.get(field).filter(|value| !value.is_null())
    }
}

/// Returns a literal as JSON, with variables put in.
pub(super) fn to_json(value: &Literal<'_, String>, variables: &Map<String, Value>) -> Value {
    match value {
        Literal::Variable(name) => variables.get(name).cloned().unwrap_or_default(),
        Literal::Int(number) => json!(number.as_i64()),
        Literal::Float(number) => json!(number),
        Literal::String(text) | Literal::Enum(text) => json!(text),
        Literal::Boolean(value) => json!(value),
        Literal::Null => Value::Null,
        Literal::List(items) => items.iter().map(|item| to_json(item, variables)).collect(),
        Literal::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, value)| (name.clone(), to_json(value, variables)))
                .collect(),
        ),
    }
}

impl Args {
    /// No arguments.
    pub(super) fn none() -> Self {
        Self(Map::new())
    }
}
