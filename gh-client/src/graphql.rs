//! GraphQL requests: which of them are queries, and when two are the same query.

use graphql_parser::query::{
    Definition, Document, OperationDefinition, Selection, SelectionSet, parse_query,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A longer request is passed on unread.
pub(crate) const MAX_REQUEST_BYTES: usize = 256 << 10;

/// A document nested deeper is passed on: parsing recurses.
const MAX_DEPTH: usize = 64;

/// What a GraphQL request is to a cache.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// A query, identified by its canonical document, operation name and variables.
    Query {
        /// SHA-256 over those.
        identity: [u8; 32],
    },
    /// No mutation, and not to be kept: passed on.
    Harmless,
    /// A mutation, or not understood and so perhaps one: passed on, and it spoils what is stored.
    Mutation,
}

/// Returns what the request with this body is.
///
/// The text prefix decides nothing: documents hold several operations, fragments and names, and `operationName` picks.
pub(crate) fn classify(body: &[u8]) -> Request {
    let Ok(Value::Object(request)) = serde_json::from_slice::<Value>(body) else {
        return Request::Mutation;
    };
    let Some(text) = request.get("query").and_then(Value::as_str) else {
        return Request::Mutation;
    };
    // What cannot be read here, GitHub may read; but no document writes without this word.
    let unread = if text.contains("mutation") {
        Request::Mutation
    } else {
        Request::Harmless
    };
    let name = request
        .get("operationName")
        .and_then(Value::as_str)
        .filter(|name| !name.is_empty());
    if depth(text) > MAX_DEPTH {
        return unread;
    }
    let Ok(document) = parse_query::<&str>(text) else {
        return unread;
    };
    match operation(&document, name) {
        Some(OperationDefinition::Mutation(_)) => Request::Mutation,
        Some(OperationDefinition::Query(_) | OperationDefinition::SelectionSet(_)) => {
            if mentions_budget(&document) {
                return Request::Harmless;
            }
            let mut hasher = Sha256::new();
            let mut put = |part: &[u8]| {
                hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
                hasher.update(part);
            };
            put(document.to_string().as_bytes());
            put(name.unwrap_or_default().as_bytes());
            // Everything else that was said: variables, and extensions that this code knows nothing about.
            for (key, value) in sorted(&request) {
                if key != "query" && key != "operationName" && !is_empty(value) {
                    put(key.as_bytes());
                    put(canonical(value).as_bytes());
                }
            }
            Request::Query {
                identity: hasher.finalize().into(),
            }
        }
        _ => unread,
    }
}

/// Returns the operation that `name` picks, or the only one.
fn operation<'d>(
    document: &'d Document<'d, &'d str>,
    name: Option<&str>,
) -> Option<&'d OperationDefinition<'d, &'d str>> {
    let mut operations = document
        .definitions
        .iter()
        .filter_map(|definition| match definition {
            Definition::Operation(operation) => Some(operation),
            Definition::Fragment(_) => None,
        });
    match name {
        None => {
            let only = operations.next()?;
            operations.next().is_none().then_some(only)
        }
        Some(name) => operations.find(|operation| {
            let own = match operation {
                OperationDefinition::Query(operation) => operation.name,
                OperationDefinition::Mutation(operation) => operation.name,
                OperationDefinition::Subscription(operation) => operation.name,
                OperationDefinition::SelectionSet(_) => None,
            };
            own == Some(name)
        }),
    }
}

/// Tells whether a document asks for `rateLimit`, whose answer is out of date when it arrives.
fn mentions_budget<'d>(document: &Document<'d, &'d str>) -> bool {
    document
        .definitions
        .iter()
        .any(|definition| match definition {
            Definition::Fragment(fragment) => selects_budget(&fragment.selection_set),
            Definition::Operation(operation) => match operation {
                OperationDefinition::SelectionSet(set) => selects_budget(set),
                OperationDefinition::Query(query) => selects_budget(&query.selection_set),
                OperationDefinition::Mutation(_) | OperationDefinition::Subscription(_) => false,
            },
        })
}

fn selects_budget<'d>(set: &SelectionSet<'d, &'d str>) -> bool {
    set.items.iter().any(|item| match item {
        Selection::Field(field) => {
            field.name == "rateLimit" || selects_budget(&field.selection_set)
        }
        Selection::InlineFragment(fragment) => selects_budget(&fragment.selection_set),
        Selection::FragmentSpread(_) => false,
    })
}

/// Returns how deep braces, brackets and parentheses nest. Strings may make it larger, never smaller.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'{' | b'[' | b'(' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(object) => object.is_empty(),
        _ => false,
    }
}

fn sorted(object: &serde_json::Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut members: Vec<_> = object.iter().collect();
    members.sort_by_key(|(key, _)| *key);
    members
}

/// Returns `value` as JSON with sorted keys.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let members: Vec<_> = sorted(object)
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!(
            "[{}]",
            items.iter().map(canonical).collect::<Vec<_>>().join(",")
        ),
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn classified(body: &Value) -> Request {
        classify(body.to_string().as_bytes())
    }

    fn identity(body: &Value) -> [u8; 32] {
        match classified(body) {
            Request::Query { identity } => identity,
            other => panic!("{other:?} for {body}"),
        }
    }

    #[test]
    fn layout_and_order_of_variables_do_not_matter_and_everything_else_does() {
        let base = identity(
            &json!({"query": "query A($x: Int) { viewer { login } }", "variables": {"a": 1, "b": {"c": 2, "d": 3}}}),
        );
        let same = json!({"variables": {"b": {"d": 3, "c": 2}, "a": 1}, "query": "query A( $x:Int ){\n  viewer{ login }\n}"});
        assert_eq!(identity(&same), base);
        for other in [
            json!({"query": "query A($x: Int) { viewer { id } }", "variables": {"a": 1, "b": {"c": 2, "d": 3}}}),
            json!({"query": "query A($x: Int) { viewer { login } }", "variables": {"a": 2, "b": {"c": 2, "d": 3}}}),
            json!({"query": "query A($x: Int) { viewer { login } }"}),
            json!({"query": "query A($x: Int) { viewer { login } }", "operationName": "A", "variables": {"a": 1, "b": {"c": 2, "d": 3}}}),
        ] {
            assert_ne!(identity(&other), base, "{other}");
        }
    }

    #[test]
    fn the_picked_operation_decides_not_the_text() {
        let two = "query Read { viewer { login } } mutation Write { addStar(input: {}) { clientMutationId } }";
        assert!(matches!(
            classified(&json!({"query": two, "operationName": "Read"})),
            Request::Query { .. }
        ));
        assert_eq!(
            classified(&json!({"query": two, "operationName": "Write"})),
            Request::Mutation
        );
        assert_eq!(classified(&json!({"query": two})), Request::Mutation);
        let fragment_first =
            "fragment F on User { login } mutation { addStar(input: {}) { clientMutationId } }";
        assert_eq!(
            classified(&json!({"query": fragment_first})),
            Request::Mutation
        );
        assert!(matches!(
            classified(&json!({"query": "{ viewer { login } }"})),
            Request::Query { .. }
        ));
    }

    #[test]
    fn budgets_subscriptions_and_nonsense_are_passed_on() {
        let deep = format!("{}a{}", "{a".repeat(2000), "}".repeat(2000));
        for body in [
            json!({"query": "{ rateLimit { remaining } }"}),
            json!({"query": "query { ...F } fragment F on Query { rateLimit { remaining } }"}),
            json!({"query": "subscription { x }"}),
            json!({"query": "query {"}),
            json!({"query": deep}),
        ] {
            assert_eq!(classified(&body), Request::Harmless, "{body}");
        }
    }

    #[test]
    fn what_cannot_be_read_may_be_a_mutation() {
        for body in [
            json!({"query": 1}),
            json!([{"query": "{ viewer { login } }"}]),
            json!({"query": "mutation {"}),
            json!({"query": format!("mutation {{ a{} }}", "[".repeat(100))}),
        ] {
            assert_eq!(classified(&body), Request::Mutation, "{body}");
        }
        assert_eq!(classify(b"\xff"), Request::Mutation);
    }
}
