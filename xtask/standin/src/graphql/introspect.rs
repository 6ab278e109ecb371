//! The schema about itself, which `gh` asks for to learn what a server can do.

use graphql_parser::schema::{InputValue, Type};
use serde_json::json;

use super::node::{Gql, Node};
use super::schema::{TypeDef, is_a, type_def, types};

fn text(text: &str) -> Gql<'static> {
    Gql::Json(json!(text))
}

/// Returns `__schema`.
pub(super) fn schema() -> Gql<'static> {
    let mut all: Vec<&'static TypeDef> = types().collect();
    all.sort_by_key(|definition| definition.name);
    Gql::Object(
        "__Schema",
        vec![
            ("queryType", named("Query")),
            ("mutationType", named("Mutation")),
            (
                "types",
                Gql::List(
                    all.into_iter()
                        .map(|definition| Gql::Node(Node::Type(definition)))
                        .collect(),
                ),
            ),
        ],
    )
}

/// Returns a type by name, or null.
pub(super) fn named(name: &str) -> Gql<'static> {
    type_def(name).map_or(Gql::NULL, |definition| Gql::Node(Node::Type(definition)))
}

/// Returns a field of `__Type`.
pub(super) fn type_field(definition: &'static TypeDef, name: &str) -> Gql<'static> {
    let when = |kinds: &[&str], list: Vec<Gql<'static>>| {
        if kinds.contains(&definition.kind) {
            Gql::List(list)
        } else {
            Gql::NULL
        }
    };
    match name {
        "kind" => text(definition.kind),
        "name" => text(definition.name),
        "fields" => {
            let fields = definition.fields.iter().map(|field| {
                let args = field.arguments.iter().map(input).collect();
                Gql::Object(
                    "__Field",
                    vec![
                        ("name", text(&field.name)),
                        ("args", Gql::List(args)),
                        ("type", reference(&field.field_type)),
                        ("isDeprecated", Gql::Json(json!(false))),
                    ],
                )
            });
            when(&["OBJECT", "INTERFACE"], fields.collect())
        }
        "interfaces" => when(
            &["OBJECT"],
            definition
                .interfaces
                .iter()
                .map(|name| named(name))
                .collect(),
        ),
        "possibleTypes" => {
            let possible = types().filter(|candidate| {
                candidate.kind == "OBJECT" && is_a(candidate.name, definition.name)
            });
            when(
                &["INTERFACE", "UNION"],
                possible.map(|candidate| named(candidate.name)).collect(),
            )
        }
        "enumValues" => {
            let values = definition.values.iter().map(|value| {
                Gql::Object(
                    "__EnumValue",
                    vec![
                        ("name", text(&value.name)),
                        ("isDeprecated", Gql::Json(json!(false))),
                    ],
                )
            });
            when(&["ENUM"], values.collect())
        }
        "inputFields" => when(
            &["INPUT_OBJECT"],
            definition.inputs.iter().map(input).collect(),
        ),
        _ => Gql::NULL,
    }
}

fn input(value: &'static InputValue<'static, String>) -> Gql<'static> {
    let default = value
        .default_value
        .as_ref()
        .map_or(Gql::NULL, |value| text(&value.to_string()));
    Gql::Object(
        "__InputValue",
        vec![
            ("name", text(&value.name)),
            ("type", reference(&value.value_type)),
            ("defaultValue", default),
        ],
    )
}

/// Returns a type as a field refers to it.
fn reference(of: &'static Type<'static, String>) -> Gql<'static> {
    let wrapped = |kind: &str, inner| {
        Gql::Object(
            "__Type",
            vec![("kind", text(kind)), ("ofType", reference(inner))],
        )
    };
    match of {
        Type::NamedType(name) => named(name),
        Type::ListType(inner) => wrapped("LIST", inner),
        Type::NonNullType(inner) => wrapped("NON_NULL", inner),
    }
}
