//! `POST /graphql`: parse, validate against the schema, execute over the same objects that REST shows.

use std::collections::HashMap;

use graphql_parser::query::{
    Definition, Document, FragmentDefinition, OperationDefinition, SelectionSet, VariableDefinition,
};
use parking_lot::RwLock;
use serde_json::{Map, Value, json};

use crate::call::Answer;
use crate::clock::Time;
use crate::world::{Viewer, World};

mod connection;
mod execute;
mod introspect;
mod mutate;
mod node;
mod resolve;
mod schema;
mod validate;

use execute::Execution;
use node::{Args, Gql, Node};

/// One operation with what it needs.
struct Operation<'d> {
    is_mutation: bool,
    selection: &'d SelectionSet<'static, String>,
    fragments: HashMap<&'d str, &'d FragmentDefinition<'static, String>>,
    variables: Map<String, Value>,
}

/// Answers a request for the GraphQL endpoint. `budget` tells the state of the viewer's budget for `rateLimit`.
pub(crate) fn answer(
    world: &RwLock<World>,
    viewer: &Viewer<'_>,
    body: &Value,
    now: Time,
    budget: impl Fn() -> Value,
) -> Answer {
    let Some(text) = body.get("query").and_then(Value::as_str) else {
        return Answer::refusal(
            http::StatusCode::BAD_REQUEST,
            "A query attribute must be specified and must be a string.",
        );
    };
    let result = match graphql_parser::parse_query::<String>(text) {
        Ok(document) => run(world, viewer, &document.into_static(), body, now, &budget()),
        Err(error) => failed(&[
            json!({"message": format!("Parse error: {error}"), "extensions": {"code": "parseError"}}),
        ]),
    };
    Answer::json(result.to_string()).untagged()
}

fn failed(errors: &[Value]) -> Value {
    json!({"errors": errors})
}

fn run(
    world: &RwLock<World>,
    viewer: &Viewer<'_>,
    document: &Document<'static, String>,
    body: &Value,
    now: Time,
    budget: &Value,
) -> Value {
    let operation = match choose(document, body) {
        Ok(operation) => operation,
        Err(message) => return failed(&[json!({"message": message})]),
    };
    let root = if operation.is_mutation {
        "Mutation"
    } else {
        "Query"
    };
    let errors = validate::validate(
        &operation.fragments,
        &operation.variables,
        operation.selection,
        root,
    );
    if !errors.is_empty() {
        return failed(&errors);
    }
    if !operation.is_mutation {
        let world = world.read();
        let mut execution = Execution::new(
            &world,
            viewer,
            &operation.fragments,
            &operation.variables,
            budget,
        );
        let data = execution.selection(&Gql::Node(Node::Query), operation.selection);
        return execution.finish(data);
    }
    // Mutations run one after another, each seeing what the one before did.
    let mut world = world.write();
    let (mut data, mut errors) = (Map::new(), Vec::new());
    for field in execute::root_fields(operation.selection) {
        let args = Args::new(&field.arguments, &operation.variables);
        let key = field.alias.as_ref().unwrap_or(&field.name).clone();
        match mutate::mutate(&mut world, viewer, &field.name, &args, now) {
            Ok(payload) => {
                let mut execution = Execution::new(
                    &world,
                    viewer,
                    &operation.fragments,
                    &operation.variables,
                    budget,
                );
                let payload = payload.into_gql(&world);
                data.insert(key, execution.value(&payload, &field.selection_set));
                errors.append(&mut execution.errors);
            }
            Err(error) => {
                errors.push(error.json(&[json!(key)], field.position));
                data.insert(key, Value::Null);
            }
        }
    }
    execute::result(Value::Object(data), errors)
}

/// Picks the operation that the request names.
fn choose<'d>(
    document: &'d Document<'static, String>,
    body: &Value,
) -> Result<Operation<'d>, String> {
    let mut fragments = HashMap::new();
    let mut operations = Vec::new();
    for definition in &document.definitions {
        match definition {
            Definition::Fragment(fragment) => {
                fragments.insert(fragment.name.as_str(), fragment);
            }
            Definition::Operation(operation) => operations.push(parts(operation)?),
        }
    }
    let wanted = body
        .get("operationName")
        .and_then(Value::as_str)
        .filter(|name| !name.is_empty());
    let position = match wanted {
        Some(name) => operations
            .iter()
            .position(|operation| operation.name == Some(name))
            .ok_or_else(|| format!("No operation named \"{name}\""))?,
        None if operations.len() == 1 => 0,
        None => return Err("An operation name is required".into()),
    };
    let chosen = &operations[position];
    let mut variables = Map::new();
    for definition in chosen.variables {
        let given = body
            .get("variables")
            .and_then(|variables| variables.get(&definition.name));
        let default = definition
            .default_value
            .as_ref()
            .map(|value| node::to_json(value, &Map::new()));
        variables.insert(
            definition.name.clone(),
            given.cloned().or(default).unwrap_or(Value::Null),
        );
    }
    Ok(Operation {
        is_mutation: chosen.is_mutation,
        selection: chosen.selection,
        fragments,
        variables,
    })
}

/// The parts of an operation, whichever way it is written.
struct Parts<'d> {
    name: Option<&'d str>,
    is_mutation: bool,
    variables: &'d [VariableDefinition<'static, String>],
    selection: &'d SelectionSet<'static, String>,
}

fn parts<'d>(operation: &'d OperationDefinition<'static, String>) -> Result<Parts<'d>, String> {
    match operation {
        OperationDefinition::SelectionSet(selection) => Ok(Parts {
            name: None,
            is_mutation: false,
            variables: &[],
            selection,
        }),
        OperationDefinition::Query(query) => Ok(Parts {
            name: query.name.as_deref(),
            is_mutation: false,
            variables: &query.variable_definitions,
            selection: &query.selection_set,
        }),
        OperationDefinition::Mutation(mutation) => Ok(Parts {
            name: mutation.name.as_deref(),
            is_mutation: true,
            variables: &mutation.variable_definitions,
            selection: &mutation.selection_set,
        }),
        OperationDefinition::Subscription(_) => {
            Err("Schema is not configured for subscriptions".into())
        }
    }
}
