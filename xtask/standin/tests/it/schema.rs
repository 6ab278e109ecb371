//! Answers against the response schemas of GitHub's own description.

use std::collections::HashMap;

use http::Method;
use serde_json::{Map, Value};
use standin::Token;

use crate::client::{Client, start};

struct Schemas {
    operations: Map<String, Value>,
    definitions: Map<String, Value>,
}

impl Schemas {
    fn load() -> Self {
        let mut all: HashMap<String, Map<String, Value>> =
            serde_json::from_str(include_str!("../../data/schemas.json")).unwrap();
        Self {
            operations: all.remove("operations").unwrap(),
            definitions: all.remove("definitions").unwrap(),
        }
    }

    /// Returns what is wrong with `value`, each with where. `OpenAPI` 3.0's subset of JSON Schema, as far as responses use it.
    fn faults(&self, schema: &Value, value: &Value, at: &str) -> Vec<String> {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            return self.faults(&self.definitions[name], value, at);
        }
        if value.is_null() && self.is_nullable(schema) {
            return Vec::new();
        }
        let mut faults = Vec::new();
        for part in list(schema, "allOf") {
            faults.extend(self.faults(part, value, at));
        }
        for keyword in ["anyOf", "oneOf"] {
            let options = list(schema, keyword);
            let tried: Vec<_> = options
                .iter()
                .map(|option| self.faults(option, value, at))
                .collect();
            if !tried.is_empty() && !tried.iter().any(Vec::is_empty) {
                faults.extend(tried.into_iter().min_by_key(Vec::len).unwrap_or_default());
            }
        }
        if let Some(wanted) = schema.get("type").and_then(Value::as_str) {
            let fits = match wanted {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_i64() || value.is_u64(),
                "number" => value.is_number(),
                other => panic!("unknown type {other}"),
            };
            if !fits {
                faults.push(format!("{at} is {value} and not of type {wanted}"));
            }
        }
        if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
            && !allowed.contains(value)
        {
            faults.push(format!("{at} is {value} and not one of {allowed:?}"));
        }
        if let Some(object) = value.as_object() {
            for name in list(schema, "required").iter().filter_map(Value::as_str) {
                if !object.contains_key(name) {
                    faults.push(format!("{at} lacks {name}"));
                }
            }
            for (name, property) in schema
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                if let Some(value) = object.get(name) {
                    faults.extend(self.faults(property, value, &format!("{at}.{name}")));
                }
            }
        }
        if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
            for (idx, value) in values.iter().enumerate() {
                faults.extend(self.faults(items, value, &format!("{at}[{idx}]")));
            }
        }
        faults
    }

    fn is_nullable(&self, schema: &Value) -> bool {
        let referred = schema
            .get("$ref")
            .and_then(Value::as_str)
            .map(|name| &self.definitions[name]);
        schema.get("nullable") == Some(&Value::Bool(true))
            || referred.is_some_and(|referred| self.is_nullable(referred))
            || ["anyOf", "oneOf"].iter().any(|keyword| list(schema, keyword).iter().any(|option| self.is_nullable(option)))
            // A schema that says nothing allows everything.
            || schema.as_object().is_some_and(Map::is_empty)
    }
}

fn list<'v>(schema: &'v Value, keyword: &str) -> &'v [Value] {
    schema
        .get(keyword)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

#[tokio::test]
async fn every_answer_fits_the_schema_that_github_publishes_for_it() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    let repo = "/repos/octo-org/private-1";
    let first = |list: Value, key: &str| list[key][0]["id"].as_u64().unwrap();
    let run = first(
        octocat
            .get(&format!("{repo}/actions/runs?per_page=1&status=success"))
            .await
            .json(),
        "workflow_runs",
    );
    let job = first(
        octocat
            .get(&format!("{repo}/actions/runs/{run}/jobs"))
            .await
            .json(),
        "jobs",
    );
    let runner = first(
        octocat.get(&format!("{repo}/actions/runners")).await.json(),
        "runners",
    );
    let sha = octocat
        .get(&format!("{repo}/commits?per_page=1"))
        .await
        .json()[0]["sha"]
        .as_str()
        .unwrap()
        .to_owned();
    let schemas = Schemas::load();
    let gets = [
        ("repo", repo.to_owned()),
        ("repo", "/repos/octocat/Hello-World".into()),
        ("repos", "/users/octo-many/repos?per_page=100".into()),
        ("org_repos", "/orgs/octo-org/repos".into()),
        ("my_repos", "/user/repos".into()),
        ("runs", format!("{repo}/actions/runs?per_page=100")),
        ("run", format!("{repo}/actions/runs/{run}")),
        ("workflows", format!("{repo}/actions/workflows")),
        ("jobs", format!("{repo}/actions/runs/{run}/jobs")),
        ("job", format!("{repo}/actions/jobs/{job}")),
        ("runners", format!("{repo}/actions/runners")),
        ("runners", "/orgs/octo-org/actions/runners".into()),
        ("runner", format!("{repo}/actions/runners/{runner}")),
        ("artifacts", format!("{repo}/actions/artifacts")),
        ("issues", format!("{repo}/issues?state=all&per_page=100")),
        ("issue", format!("{repo}/issues/1")),
        ("issue", format!("{repo}/issues/4")),
        ("comments", format!("{repo}/issues/5/comments")),
        ("pulls", format!("{repo}/pulls?state=all&per_page=100")),
        ("pull", format!("{repo}/pulls/4")),
        ("files", format!("{repo}/pulls/4/files")),
        ("pull_commits", format!("{repo}/pulls/4/commits")),
        ("reviews", format!("{repo}/pulls/4/reviews")),
        ("releases", format!("{repo}/releases")),
        ("release", format!("{repo}/releases/latest")),
        ("release", format!("{repo}/releases/tags/v1.0.0")),
        ("branches", format!("{repo}/branches?per_page=100")),
        ("branch", format!("{repo}/branches/main")),
        ("commits", format!("{repo}/commits?per_page=100")),
        ("commit", format!("{repo}/commits/{sha}")),
        ("check_runs", format!("{repo}/commits/{sha}/check-runs")),
        ("combined_status", format!("{repo}/commits/{sha}/status")),
        ("tags", format!("{repo}/tags")),
        ("labels", format!("{repo}/labels")),
        ("label", format!("{repo}/labels/good%20first%20issue")),
        ("ref", format!("{repo}/git/ref/heads/main")),
        ("contents", format!("{repo}/contents/README.md")),
        ("contents", format!("{repo}/contents/src")),
        ("events", format!("{repo}/events")),
        ("rate_limit", "/rate_limit".into()),
        ("me", "/user".into()),
        ("user", "/users/hubot".into()),
        ("org", "/orgs/octo-org".into()),
        ("root", "/".into()),
        ("meta", "/meta".into()),
        ("versions", "/versions".into()),
        ("search_repos", "/search/repositories?q=octo".into()),
    ];
    let mut faults = Vec::new();
    for (kind, path) in &gets {
        let answer = octocat.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        faults.extend(schemas.faults(&schemas.operations[*kind], &answer.json(), path));
    }
    let token = octocat
        .post(
            &format!("{repo}/actions/runners/registration-token"),
            Value::Null,
        )
        .await;
    assert_eq!(token.status, 201);
    faults.extend(schemas.faults(
        &schemas.operations["registration_token"],
        &token.json(),
        "registration token",
    ));
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults[..faults.len().min(30)].join("\n")
    );
    let checked: std::collections::HashSet<_> = gets
        .iter()
        .map(|(kind, _)| *kind)
        .chain(["registration_token"])
        .collect();
    assert_eq!(
        checked.len(),
        schemas.operations.len(),
        "every schema is used"
    );
}

#[tokio::test]
async fn lists_and_single_objects_agree() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    for (list, key, one) in [
        (
            "/repos/octo-org/public-1/issues",
            None,
            "/repos/octo-org/public-1/issues/{number}",
        ),
        (
            "/repos/octo-org/public-1/releases",
            None,
            "/repos/octo-org/public-1/releases/{id}",
        ),
        (
            "/repos/octo-org/public-1/actions/runs",
            Some("workflow_runs"),
            "/repos/octo-org/public-1/actions/runs/{id}",
        ),
        (
            "/repos/octo-org/public-1/labels",
            None,
            "/repos/octo-org/public-1/labels/{name}",
        ),
    ] {
        let page = octocat.get(list).await.json();
        let item = &key.map_or(&page, |key| &page[key])[0];
        let mut path = one.to_owned();
        for name in ["number", "id", "name"] {
            path = path.replace(
                &format!("{{{name}}}"),
                item[name].to_string().trim_matches('"'),
            );
        }
        assert_eq!(octocat.get(&path).await.json(), *item, "{path}");
    }
}

#[tokio::test]
async fn unknown_and_unseen_things_are_githubs_404() {
    let standin = start().await;
    let hubot = Client::with_token(&standin, Token::HUBOT);
    for path in [
        "/nope",
        "/repos/octo-org/nope",
        "/repos/octo-org/private-2",
        "/repos/octo-org/private-2/issues/1",
        "/repositories/1296008",
        "/user/repos/",
    ] {
        let answer = hubot.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json()["message"], "Not Found", "{path}");
        assert_eq!(answer.header("etag"), "", "{path}");
    }
    assert_eq!(hubot.get("/repos/octo-org/private-1").await.status, 200);
    assert_eq!(
        Client::anonymous(&standin)
            .get("/repos/octo-org/private-1")
            .await
            .status,
        404
    );
    let unknown = Client::with_token(&standin, "ghp_nobody")
        .get("/repos/octo-org/public-1")
        .await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.json()["message"].clone()),
        (401, "Bad credentials".into())
    );
    let version = hubot
        .clone()
        .and("x-github-api-version", "1999-01-01")
        .get("/user")
        .await;
    assert_eq!(version.status, 400);
}

#[tokio::test]
async fn accept_picks_the_body_and_head_answers_like_get() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    let raw = octocat
        .clone()
        .and("accept", "application/vnd.github.raw+json")
        .get("/repos/octo-org/public-1/contents/README.md")
        .await;
    assert!(raw.body.starts_with(b"# public-1"));
    let diff = octocat
        .clone()
        .and("accept", "application/vnd.github.diff")
        .get("/repos/octo-org/public-1/pulls/4")
        .await;
    assert!(diff.body.starts_with(b"diff --git"));
    assert_eq!(diff.header("x-github-media-type"), "github.v3; param=diff");
    let get = octocat.get("/repos/octo-org/public-1").await;
    let head = octocat
        .send(Method::HEAD, "/repos/octo-org/public-1", Value::Null)
        .await;
    assert_eq!(head.status, 200);
    assert!(head.body.is_empty());
    for name in ["etag", "content-length", "content-type", "last-modified"] {
        assert_eq!(get.header(name), head.header(name), "{name}");
    }
}
