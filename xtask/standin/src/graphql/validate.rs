//! Whether a document asks for what there is. GitHub answers one that does not with errors only.

use std::collections::HashMap;

use graphql_parser::Pos;
use graphql_parser::query::{
    FragmentDefinition, Selection, SelectionSet, TypeCondition, Value as Literal,
};
use serde_json::{Map, Value, json};

use super::schema::{TypeDef, inner_name, type_def};

type Fragments<'d> = HashMap<&'d str, &'d FragmentDefinition<'static, String>>;

/// How deep fragments and fields may nest, so that a fragment that contains itself ends.
const MAX_DEPTH: usize = 40;

struct Validation<'a, 'd> {
    fragments: &'a Fragments<'d>,
    variables: &'a Map<String, Value>,
    errors: Vec<Value>,
}

/// Returns what is wrong with a selection on the type `root`.
pub(super) fn validate(
    fragments: &Fragments<'_>,
    variables: &Map<String, Value>,
    selection: &SelectionSet<'static, String>,
    root: &str,
) -> Vec<Value> {
    let mut validation = Validation {
        fragments,
        variables,
        errors: Vec::new(),
    };
    if let Some(root) = type_def(root) {
        validation.selection(selection, root, MAX_DEPTH);
    }
    validation.errors
}

impl Validation<'_, '_> {
    fn error(&mut self, at: Pos, code: &str, message: &str) {
        self.errors.push(json!({
            "message": message,
            "locations": [{"line": at.line, "column": at.column}],
            "extensions": {"code": code},
        }));
    }

    fn selection(
        &mut self,
        selection: &SelectionSet<'static, String>,
        on: &'static TypeDef,
        depth: usize,
    ) {
        if depth == 0 {
            self.error(
                selection.span.0,
                "infiniteLoop",
                "The document nests too deep",
            );
            return;
        }
        for item in &selection.items {
            match item {
                Selection::Field(field) => self.field(field, on, depth),
                Selection::InlineFragment(fragment) => {
                    let target =
                        self.condition(fragment.type_condition.as_ref(), fragment.position, on);
                    if let Some(target) = target {
                        self.selection(&fragment.selection_set, target, depth - 1);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let Some(fragment) = self.fragments.get(spread.fragment_name.as_str()).copied()
                    else {
                        let message = format!(
                            "Fragment {} was used, but not defined",
                            spread.fragment_name
                        );
                        self.error(spread.position, "useAndDefineFragment", &message);
                        continue;
                    };
                    if let Some(target) =
                        self.condition(Some(&fragment.type_condition), spread.position, on)
                    {
                        self.selection(&fragment.selection_set, target, depth - 1);
                    }
                }
            }
        }
    }

    fn condition(
        &mut self,
        condition: Option<&TypeCondition<'_, String>>,
        at: Pos,
        on: &'static TypeDef,
    ) -> Option<&'static TypeDef> {
        let Some(TypeCondition::On(name)) = condition else {
            return Some(on);
        };
        let found = type_def(name);
        if found.is_none() {
            self.error(
                at,
                "undefinedType",
                &format!("No such type {name}, so it can't be a fragment condition"),
            );
        }
        found
    }

    fn field(
        &mut self,
        field: &graphql_parser::query::Field<'static, String>,
        on: &'static TypeDef,
        depth: usize,
    ) {
        let target = match field.name.as_str() {
            "__typename" => return,
            "__type" | "__schema" if on.name == "Query" => type_def(if field.name == "__type" {
                "__Type"
            } else {
                "__Schema"
            }),
            name => {
                let Some(definition) = on.field(name) else {
                    self.error(
                        field.position,
                        "undefinedField",
                        &format!("Field '{name}' doesn't exist on type '{}'", on.name),
                    );
                    return;
                };
                for (argument, value) in &field.arguments {
                    if !definition
                        .arguments
                        .iter()
                        .any(|known| known.name == *argument)
                    {
                        let message =
                            format!("Field '{name}' doesn't accept argument '{argument}'");
                        self.error(field.position, "argumentNotAccepted", &message);
                    }
                    self.literal(field.position, value);
                }
                type_def(inner_name(&definition.field_type))
            }
        };
        let Some(target) = target else {
            return;
        };
        let is_bare = field.selection_set.items.is_empty();
        if target.is_composite() && is_bare {
            let message = format!(
                "Field must have selections (field '{}' returns {} but has no selections)",
                field.name, target.name
            );
            self.error(field.position, "selectionMismatch", &message);
        } else if !target.is_composite() && !is_bare {
            let message = format!(
                "Selections can't be made on scalars (field '{}' returns {})",
                field.name, target.name
            );
            self.error(field.position, "selectionMismatch", &message);
        } else {
            self.selection(&field.selection_set, target, depth - 1);
        }
    }

    fn literal(&mut self, at: Pos, value: &Literal<'_, String>) {
        match value {
            Literal::Variable(name) if !self.variables.contains_key(name) => {
                let message = format!("Variable ${name} is used but not declared");
                self.error(at, "variableNotDefined", &message);
            }
            Literal::List(items) => items.iter().for_each(|item| self.literal(at, item)),
            Literal::Object(fields) => fields.values().for_each(|value| self.literal(at, value)),
            _ => {}
        }
    }
}
