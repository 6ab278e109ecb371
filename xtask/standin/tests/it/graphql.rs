//! GraphQL, with the documents that real clients send.

use serde::Deserialize;
use serde_json::{Value, json};
use standin::Token;

use crate::client::{Client, start};

/// A document that `gh` was seen to send.
#[derive(Deserialize)]
struct Seen {
    gh: String,
    command: String,
    query: String,
    variables: Value,
}

async fn ask(client: &Client, query: &str, variables: Value) -> Value {
    let answer = client
        .post("/graphql", json!({"query": query, "variables": variables}))
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("etag"), "");
    answer.json()
}

#[tokio::test]
async fn what_gh_sends_is_answered_without_errors() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    let seen: Vec<Seen> =
        serde_json::from_str(include_str!("../../data/gh-documents.json")).unwrap();
    assert!(seen.len() >= 20);
    for Seen {
        gh,
        command,
        query,
        variables,
    } in seen
    {
        let answer = ask(&octocat, &query, variables).await;
        assert!(
            answer.get("errors").is_none(),
            "gh {gh} {command}: {}",
            answer["errors"]
        );
        let data = answer["data"].as_object().unwrap();
        assert!(
            data.values().all(|value| !value.is_null()),
            "gh {gh} {command}: {data:?}"
        );
    }
    assert_eq!(
        standin
            .counters()
            .sum(|kind| kind.route == "/graphql" && kind.charged),
        standin.counters().requests
    );
}

#[tokio::test]
async fn a_walk_by_cursor_sees_every_item_once() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    let query = "query($after: String) { repositoryOwner(login: \"octo-many\") { repositories(first: 100, after: $after, orderBy: {field: NAME, direction: ASC}) {
        totalCount edges { cursor node { name } } pageInfo { hasNextPage endCursor } } } }";
    let (mut names, mut after) = (std::collections::BTreeSet::new(), Value::Null);
    loop {
        let answer = ask(&octocat, query, json!({"after": after})).await;
        let page = &answer["data"]["repositoryOwner"]["repositories"];
        for edge in page["edges"].as_array().unwrap() {
            assert!(names.insert(edge["node"]["name"].as_str().unwrap().to_owned()));
        }
        if page["pageInfo"]["hasNextPage"] == false {
            assert_eq!(page["totalCount"], names.len());
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(names.len(), 260);
}

#[tokio::test]
async fn aliases_fragments_directives_and_type_names_work() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    let query = "query Both($no: Boolean!) { a: repository(owner: \"octo-org\", name: \"public-1\") { ...r }
        one: node(id: \"MDA0OlVzZXI1ODMyMzE=\") { __typename ... on User { login } ... on Repository { name } }
        n: repository(owner: \"octo-org\", name: \"public-1\") { issueOrPullRequest(number: 4) { __typename ... on PullRequest { headRefName } ... on Issue { title } }
          name @include(if: $no) url @skip(if: $no) owner { login } owner { __typename } } }
        fragment r on Repository { nameWithOwner isPrivate }";
    let data = ask(&octocat, query, json!({"no": false})).await["data"].clone();
    assert_eq!(
        data["a"],
        json!({"nameWithOwner": "octo-org/public-1", "isPrivate": false})
    );
    assert_eq!(
        data["one"],
        json!({"__typename": "User", "login": "octocat"})
    );
    assert_eq!(
        data["n"],
        json!({
            "issueOrPullRequest": {"__typename": "PullRequest", "headRefName": "patch-4"},
            "url": "https://github.com/octo-org/public-1",
            "owner": {"login": "octo-org", "__typename": "Organization"},
        })
    );
}

#[tokio::test]
async fn introspection_tells_what_the_schema_has() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    let query = "{ Issue: __type(name: \"Issue\") { fields(includeDeprecated: true) { name type { kind name ofType { name } } } }
        SearchType: __type(name: \"SearchType\") { enumValues { name } } Nope: __type(name: \"Nope\") { name }
        __schema { queryType { name } } }";
    let data = ask(&octocat, query, json!({})).await["data"].clone();
    let fields = data["Issue"]["fields"].as_array().unwrap();
    assert!(fields.iter().any(|field| field["name"] == "stateReason"));
    let title = fields
        .iter()
        .find(|field| field["name"] == "title")
        .unwrap();
    assert_eq!(
        title["type"],
        json!({"kind": "NON_NULL", "name": null, "ofType": {"name": "String"}})
    );
    assert!(
        data["SearchType"]["enumValues"]
            .as_array()
            .unwrap()
            .contains(&json!({"name": "ISSUE"}))
    );
    assert_eq!(
        (&data["Nope"], &data["__schema"]["queryType"]["name"]),
        (&Value::Null, &json!("Query"))
    );
}

#[tokio::test]
async fn mistakes_are_errors_with_status_200() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    for (query, message) in [
        (
            "{ viewer { nope } }",
            "Field 'nope' doesn't exist on type 'User'",
        ),
        ("{ viewer }", "Field must have selections"),
        (
            "{ viewer { login { x } } }",
            "Selections can't be made on scalars",
        ),
        (
            "{ viewer { ...f } }",
            "Fragment f was used, but not defined",
        ),
        (
            "{ repository(owner: $o, name: \"x\") { id } }",
            "Variable $o is used but not declared",
        ),
        ("{ viewer(x: 1) { login } }", "doesn't accept argument 'x'"),
        ("{", "Parse error"),
        (
            "query { viewer { ...f } } fragment f on User { ...f }",
            "nests too deep",
        ),
    ] {
        let answer = ask(&octocat, query, json!({})).await;
        assert!(answer.get("data").is_none(), "{query}");
        let found = answer["errors"][0]["message"].as_str().unwrap();
        assert!(found.contains(message), "{query}: {found}");
    }
    let hidden = ask(
        &Client::with_token(&standin, Token::HUBOT),
        "{ repository(owner: \"octo-org\", name: \"private-2\") { id } }",
        json!({}),
    )
    .await;
    assert_eq!(hidden["data"]["repository"], Value::Null);
    assert_eq!(
        (&hidden["errors"][0]["type"], &hidden["errors"][0]["path"]),
        (&json!("NOT_FOUND"), &json!(["repository"]))
    );
    let anonymous = Client::anonymous(&standin)
        .post("/graphql", json!({"query": "{viewer{login}}"}))
        .await;
    assert_eq!(anonymous.status, 401);
}

#[tokio::test]
async fn mutations_change_what_rest_shows() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    let repo = octocat.get("/repos/octo-org/public-1").await.json();
    let id = repo["node_id"].clone();
    let star = "mutation($id: ID!) { addStar(input: {starrableId: $id, clientMutationId: \"m\"}) { clientMutationId starrable { stargazerCount viewerHasStarred } } }";
    let starred = ask(&octocat, star, json!({"id": id})).await;
    assert_eq!(
        starred["data"]["addStar"],
        json!({"clientMutationId": "m", "starrable": {"stargazerCount": repo["stargazers_count"].as_u64().unwrap() + 1, "viewerHasStarred": true}})
    );
    assert_ne!(
        octocat.get("/repos/octo-org/public-1").await.json()["stargazers_count"],
        repo["stargazers_count"]
    );
    let create = "mutation($input: CreateIssueInput!) { createIssue(input: $input) { issue { id number state } } }";
    let created = ask(
        &octocat,
        create,
        json!({"input": {"repositoryId": id, "title": "From GraphQL"}}),
    )
    .await;
    let issue = &created["data"]["createIssue"]["issue"];
    let path = format!("/repos/octo-org/public-1/issues/{}", issue["number"]);
    assert_eq!(octocat.get(&path).await.json()["title"], "From GraphQL");
    let close = "mutation($id: ID!) { closeIssue(input: {issueId: $id}) { issue { state } } }";
    let closed = ask(&octocat, close, json!({"id": issue["id"]})).await;
    assert_eq!(closed["data"]["closeIssue"]["issue"]["state"], "CLOSED");
    assert_eq!(octocat.get(&path).await.json()["state"], "closed");
}
