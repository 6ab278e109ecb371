//! GraphQL queries and mutations.

use http::Method;
use serde_json::{Value, json};
use standin::{Fault, FaultKind, Token};

use crate::lab::{FETCHED, Lab, REPO};

fn description() -> Value {
    json!({
        "query": "query Read($name: String!) { repository(owner: \"octocat\", name: $name) { description stargazerCount } }",
        "variables": {"name": "Hello-World"},
    })
}

#[tokio::test]
async fn two_spellings_of_a_query_are_one() {
    let lab = Lab::new().await;
    let other = json!({
        "variables": {"name": "Hello-World"},
        "query": "query Read($name:String!){\n  repository(owner:\"octocat\",name:$name){ description, stargazerCount }\n}",
    });
    for (client, expected) in [(lab.octocat(), 1), (lab.direct(Token::OCTOCAT), 3)] {
        lab.standin.reset_counters();
        let first = client.graphql(&description()).await;
        assert!(first.json()["data"]["repository"].is_object(), "{first:?}");
        for query in [&description(), &other] {
            assert_eq!(client.graphql(query).await.body, first.body);
        }
        assert_eq!(lab.counters().requests, expected);
    }
    let octocat = lab.octocat();
    let features = [
        ("content-type", "application/json"),
        ("graphql-features", "sub_issues"),
    ];
    let body = description().to_string();
    let seen = octocat
        .ask(Method::POST, "/graphql", &features, &body)
        .await;
    Lab::check(&seen.unwrap(), FETCHED);
}

#[tokio::test]
async fn the_operation_that_is_named_is_the_one_that_counts() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let two = "query A { viewer { login } } query B { viewer { id } }";
    let ask = |name: &str| json!({"query": two, "operationName": name});
    let (a, b) = (
        octocat.graphql(&ask("A")).await,
        octocat.graphql(&ask("B")).await,
    );
    assert_ne!(a.body, b.body);
    assert!(
        octocat
            .graphql(&ask("A"))
            .await
            .outcome()
            .starts_with("hit")
    );
    assert_eq!(lab.counters().requests, 2);
    let hubot = lab.client(Token::HUBOT).graphql(&ask("A")).await;
    assert_eq!(hubot.json()["data"]["viewer"]["login"], "hubot");
}

#[tokio::test]
async fn errors_are_not_stored_and_a_spent_budget_is_a_limit() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let wrong = json!({"query": "{ repository(owner: \"octocat\", name: \"nowhere\") { id } }"});
    for _ in 0..2 {
        let seen = octocat.graphql(&wrong).await;
        assert!(seen.json()["errors"].is_array(), "{seen:?}");
        Lab::check(&seen, "fwd=uri-miss; fwd-status=200");
    }
    let good = octocat.graphql(&description()).await;
    lab.clock.advance(crate::lab::LATER);
    assert!(lab.standin.set_remaining("octocat", "graphql", 0));
    let seen = octocat.graphql(&description()).await;
    assert_eq!(seen.body, good.body);
    Lab::check(&seen, "fwd=stale; fwd-status=200; detail=rate-limited");
    assert_eq!(seen.header("x-ratelimit-resource"), "graphql");
}

#[tokio::test]
async fn a_mutation_spoils_what_it_may_have_changed() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let repository = octocat.get(REPO).await.json();
    let before = octocat.graphql(&description()).await.json();
    let star = json!({
        "query": "mutation($id: ID!) { addStar(input: {starrableId: $id}) { clientMutationId } }",
        "variables": {"id": repository["node_id"]},
    });
    let starred = octocat.graphql(&star).await;
    Lab::check(&starred, "fwd=method");
    assert!(starred.json()["errors"].is_null(), "{starred:?}");
    let after = octocat.graphql(&description()).await.json();
    let count = |answer: &Value| answer["data"]["repository"]["stargazerCount"].as_u64();
    assert_eq!(count(&after), count(&before).map(|n| n + 1));
    let stars = octocat.get(REPO).await.json()["stargazers_count"].as_u64();
    assert_eq!(
        stars,
        repository["stargazers_count"].as_u64().map(|n| n + 1)
    );
}

#[tokio::test]
async fn what_is_not_json_by_name_is_passed_on_as_it_is() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    let body = description().to_string();
    for kind in [
        "application/x-www-form-urlencoded",
        "application/graphql",
        "text/plain",
    ] {
        for _ in 0..2 {
            let kind = [("content-type", kind)];
            let sent = octocat.ask(Method::POST, "/graphql", &kind, &body);
            let seen = sent.await.unwrap();
            Lab::check(&seen, "fwd=method");
            assert!(seen.json()["data"].is_object());
        }
    }
    assert_eq!(lab.counters().requests, 6);
    // One that is too long to be looked at, too.
    let long = json!({"query": format!("{{ viewer {{ login }} }} #{}", "x".repeat(300_000))});
    Lab::check(&octocat.graphql(&long).await, "fwd=method");
    let budget = json!({"query": "{ rateLimit { remaining } }"});
    Lab::check(&octocat.graphql(&budget).await, "fwd=bypass");
}

#[tokio::test]
async fn a_query_that_github_gave_up_on_is_not_repeated_by_itself() {
    let lab = Lab::new().await;
    let octocat = lab.octocat();
    lab.standin
        .set_fault(Fault::new(FaultKind::Status { status: 502 }).times(1));
    assert_eq!(octocat.graphql(&description()).await.status, 502);
    assert_eq!(lab.counters().requests, 1);
}
