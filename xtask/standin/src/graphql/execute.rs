//! Walks a selection over objects.

use std::collections::HashMap;

use graphql_parser::Pos;
use graphql_parser::query::{
    Directive, Field, FragmentDefinition, Selection, SelectionSet, TypeCondition,
};
use serde_json::{Map, Value, json};

use super::node::{Args, Gql, to_json};
use super::schema::is_a;
use crate::world::{Viewer, World};

/// Why a field could not be resolved.
#[derive(Debug)]
pub(super) struct FieldError {
    pub(super) kind: &'static str,
    pub(super) message: String,
}

impl FieldError {
    pub(super) fn not_found(message: String) -> Self {
        Self {
            kind: "NOT_FOUND",
            message,
        }
    }

    pub(super) fn json(&self, path: &[Value], at: Pos) -> Value {
        json!({
            "type": self.kind,
            "path": path,
            "locations": [{"line": at.line, "column": at.column}],
            "message": self.message,
        })
    }
}

/// One run of one operation.
pub(super) struct Execution<'a> {
    pub(super) world: &'a World,
    pub(super) viewer: &'a Viewer<'a>,
    /// State of the viewer's budget.
    pub(super) budget: &'a Value,
    fragments: &'a HashMap<&'a str, &'a FragmentDefinition<'static, String>>,
    variables: &'a Map<String, Value>,
    path: Vec<Value>,
    pub(super) errors: Vec<Value>,
}

/// Returns the body of an answer with this data.
pub(super) fn result(data: Value, errors: Vec<Value>) -> Value {
    let mut result = Map::new();
    result.insert("data".into(), data);
    if !errors.is_empty() {
        result.insert("errors".into(), Value::Array(errors));
    }
    Value::Object(result)
}

/// Returns the fields that a selection names directly.
pub(super) fn root_fields<'d>(
    selection: &'d SelectionSet<'static, String>,
) -> impl Iterator<Item = &'d Field<'static, String>> {
    selection.items.iter().filter_map(|item| match item {
        Selection::Field(field) => Some(field),
        _ => None,
    })
}

impl<'a> Execution<'a> {
    pub(super) fn new(
        world: &'a World,
        viewer: &'a Viewer<'a>,
        fragments: &'a HashMap<&'a str, &'a FragmentDefinition<'static, String>>,
        variables: &'a Map<String, Value>,
        budget: &'a Value,
    ) -> Self {
        Self {
            world,
            viewer,
            budget,
            fragments,
            variables,
            path: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// Returns the result of the whole operation.
    pub(super) fn finish(self, data: Value) -> Value {
        result(data, self.errors)
    }

    /// Returns what a selection picks of a value.
    pub(super) fn value(
        &mut self,
        value: &Gql<'a>,
        selection: &SelectionSet<'static, String>,
    ) -> Value {
        match value {
            Gql::Json(value) => value.clone(),
            Gql::List(items) => {
                let mut values = Vec::with_capacity(items.len());
                for (idx, item) in items.iter().enumerate() {
                    self.path.push(json!(idx));
                    values.push(self.value(item, selection));
                    self.path.pop();
                }
                Value::Array(values)
            }
            Gql::Node(_) | Gql::Object(..) => self.selection(value, selection),
        }
    }

    /// Returns what a selection picks of an object.
    pub(super) fn selection(
        &mut self,
        object: &Gql<'a>,
        selection: &SelectionSet<'static, String>,
    ) -> Value {
        let mut out = Map::new();
        self.select_into(&mut out, object, selection);
        Value::Object(out)
    }

    fn select_into(
        &mut self,
        out: &mut Map<String, Value>,
        object: &Gql<'a>,
        selection: &SelectionSet<'static, String>,
    ) {
        let type_name = match object {
            Gql::Node(node) => node.type_name(),
            Gql::Object(name, _) => name,
            Gql::Json(_) | Gql::List(_) => return,
        };
        for item in &selection.items {
            match item {
                Selection::Field(field) if self.is_included(&field.directives) => {
                    let key = field.alias.as_ref().unwrap_or(&field.name);
                    self.path.push(json!(key));
                    let value = self.field(object, type_name, field);
                    self.path.pop();
                    match out.get_mut(key) {
                        Some(earlier) => merge(earlier, value),
                        None => {
                            out.insert(key.clone(), value);
                        }
                    }
                }
                Selection::InlineFragment(fragment)
                    if self.is_included(&fragment.directives)
                        && applies(fragment.type_condition.as_ref(), type_name) =>
                {
                    self.select_into(out, object, &fragment.selection_set);
                }
                Selection::FragmentSpread(spread) if self.is_included(&spread.directives) => {
                    let fragment = self.fragments.get(spread.fragment_name.as_str()).copied();
                    if let Some(fragment) = fragment
                        .filter(|fragment| applies(Some(&fragment.type_condition), type_name))
                    {
                        self.select_into(out, object, &fragment.selection_set);
                    }
                }
                _ => {}
            }
        }
    }

    fn field(
        &mut self,
        object: &Gql<'a>,
        type_name: &'static str,
        field: &Field<'static, String>,
    ) -> Value {
        if field.name == "__typename" {
            return json!(type_name);
        }
        let args = Args::new(&field.arguments, self.variables);
        let resolved = match object {
            Gql::Node(node) => self.resolve(*node, &field.name, &args),
            Gql::Object(_, fields) => {
                let value = fields
                    .iter()
                    .find(|(name, _)| *name == field.name)
                    .map(|(_, value)| value.clone());
                Ok(value.unwrap_or(Gql::NULL))
            }
            Gql::Json(_) | Gql::List(_) => Ok(Gql::NULL),
        };
        match resolved {
            Ok(value) => self.value(&value, &field.selection_set),
            Err(error) => {
                self.errors.push(error.json(&self.path, field.position));
                Value::Null
            }
        }
    }

    /// Whether `@include` and `@skip` let a selection in.
    fn is_included(&self, directives: &[Directive<'_, String>]) -> bool {
        directives.iter().all(|directive| {
            let condition = directive
                .arguments
                .iter()
                .find(|(name, _)| name == "if")
                .map(|(_, value)| to_json(value, self.variables));
            let condition = condition.and_then(|value| value.as_bool()).unwrap_or(true);
            match directive.name.as_str() {
                "include" => condition,
                "skip" => !condition,
                _ => true,
            }
        })
    }
}

fn applies(condition: Option<&TypeCondition<'_, String>>, type_name: &str) -> bool {
    condition.is_none_or(|TypeCondition::On(wanted)| is_a(type_name, wanted))
}

/// Merges what two selections of the same field picked.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                match into.get_mut(&key) {
                    Some(earlier) => merge(earlier, value),
                    None => {
                        into.insert(key, value);
                    }
                }
            }
        }
        (Value::Array(into), Value::Array(from)) => into
            .iter_mut()
            .zip(from)
            .for_each(|(into, from)| merge(into, from)),
        _ => {}
    }
}
