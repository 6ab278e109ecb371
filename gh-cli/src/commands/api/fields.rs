//! The parameters of `-f` and `-F`, as GitHub's `gh` reads them.

use std::fs;
use std::io::Read as _;

use serde_json::{Map, Value};

use super::placeholders::Placeholders;
use crate::error::{CommandError, Ending, Outcome};

/// One `key=value`, and whether the value is typed.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) text: String,
    pub(crate) is_typed: bool,
}

/// Reads all fields into one object. Keys nest: `a[b]=1`, `a[]=1`, `a[][b]=1`.
pub(crate) fn parse(
    fields: &[Field],
    placeholders: &mut Placeholders,
) -> Outcome<Map<String, Value>> {
    let mut object = Map::new();
    for field in fields {
        let (key, value) = match field.text.split_once('=') {
            Some((key, value)) if field.is_typed => (key, typed(value, placeholders)?),
            Some((key, value)) => (key, Value::from(value)),
            // `a[]` alone is the empty list.
            None if field.text.ends_with("[]") => (&*field.text, Value::Null),
            None => {
                let message = format!(
                    "field {:?} requires a value separated by an '=' sign",
                    field.text
                );
                return Err(CommandError::message(Ending::Usage, message));
            }
        };
        let is_empty_list = !field.text.contains('=');
        let (name, path) = split_key(key).ok_or_else(|| {
            CommandError::message(
                Ending::Usage,
                format!("field key {key:?} has brackets that do not match"),
            )
        })?;
        let slot = object.entry(name).or_insert(Value::Null);
        place(slot, &path, value, is_empty_list).map_err(|what| {
            CommandError::message(Ending::Usage, format!("field {key:?} {what}"))
        })?;
    }
    Ok(object)
}

/// Returns the query string that `fields` make: sorted by key, as `gh` sends it.
pub(crate) fn query(fields: &Map<String, Value>) -> Outcome<String> {
    let mut pairs = Vec::new();
    for (key, value) in fields {
        match value {
            Value::Array(items) => {
                for item in items {
                    pairs.push((format!("{key}[]"), scalar(key, item)?));
                }
            }
            value => pairs.push((key.clone(), scalar(key, value)?)),
        }
    }
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish())
}

fn scalar(key: &str, value: &Value) -> Outcome<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Null => Ok(String::new()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        Value::Array(_) | Value::Object(_) => Err(CommandError::message(
            Ending::Usage,
            format!("field {key:?} cannot be part of a query string"),
        )),
    }
}

/// Returns the value of `-F`: `true`, `false`, `null` and whole numbers are themselves, `@file` is the file's text.
fn typed(text: &str, placeholders: &mut Placeholders) -> Outcome<Value> {
    if let Some(path) = text.strip_prefix('@') {
        return Ok(Value::from(read_text(path)?));
    }
    Ok(match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Null,
        _ => match text.parse::<i64>() {
            Ok(number) => Value::from(number),
            Err(_) => Value::from(placeholders.fill(text)?),
        },
    })
}

fn read_text(path: &str) -> Outcome<String> {
    String::from_utf8(read_bytes(path)?)
        .map_err(|_| CommandError::message(Ending::Usage, format!("{path} is not text")))
}

/// Returns what is in the file at `path`, or in standard input for `-`.
pub(crate) fn read_bytes(path: &str) -> Outcome<Vec<u8>> {
    let read = if path == "-" {
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .map(|_| bytes)
    } else {
        fs::read(path)
    };
    read.map_err(|error| {
        CommandError::new(Ending::Failed, error).aim(format!("could not read {path}"))
    })
}

/// A step into a nested value.
#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    Key(&'a str),
    Append,
}

/// Splits `a[b][]` into its name and its steps.
fn split_key(key: &str) -> Option<(&str, Vec<Step<'_>>)> {
    let Some(start) = key.find('[').filter(|start| *start > 0) else {
        return Some((key, Vec::new()));
    };
    let (name, mut rest) = key.split_at(start);
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (inner, after) = rest.strip_prefix('[')?.split_once(']')?;
        if inner.contains('[') {
            return None;
        }
        steps.push(if inner.is_empty() {
            Step::Append
        } else {
            Step::Key(inner)
        });
        rest = after;
    }
    Some((name, steps))
}

fn place(
    slot: &mut Value,
    path: &[Step<'_>],
    value: Value,
    is_empty_list: bool,
) -> Result<(), String> {
    match path {
        [] => {
            if matches!(slot, Value::Array(_) | Value::Object(_)) {
                return Err("is given twice, once with parts and once without".to_owned());
            }
            *slot = value;
            Ok(())
        }
        [Step::Append, rest @ ..] => {
            if slot.is_null() {
                *slot = Value::Array(Vec::new());
            }
            let Value::Array(items) = slot else {
                return Err("is a list here and something else before".to_owned());
            };
            if rest.is_empty() && is_empty_list {
                return Ok(());
            }
            // `a[][x]=1 a[][y]=2` is one object; a key that it has already begins the next.
            if let [Step::Key(key), ..] = rest
                && let Some(last @ Value::Object(_)) = items.last_mut()
                && (last.get(*key).is_none() || rest.len() > 1)
            {
                return place(last, rest, value, is_empty_list);
            }
            items.push(Value::Null);
            let last = items.last_mut().expect("one was just added");
            place(last, rest, value, is_empty_list)
        }
        [Step::Key(key), rest @ ..] => {
            if slot.is_null() {
                *slot = Value::Object(Map::new());
            }
            let Value::Object(object) = slot else {
                return Err("has parts here and is something else before".to_owned());
            };
            place(
                object.entry(*key).or_insert(Value::Null),
                rest,
                value,
                is_empty_list,
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(fields: &[(&str, bool)], expected: Result<&str, &str>) {
        let fields: Vec<_> = fields
            .iter()
            .map(|(text, is_typed)| Field {
                text: (*text).to_owned(),
                is_typed: *is_typed,
            })
            .collect();
        let parsed = parse(&fields, &mut Placeholders::of("octo", "hello"));
        match (parsed, expected) {
            (Ok(object), Ok(expected)) => assert_eq!(Value::Object(object).to_string(), expected),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (parsed, _) => panic!("{fields:?} gave {parsed:?}"),
        }
    }

    #[test]
    fn typed_fields_have_types_and_raw_ones_are_text() {
        check(
            &[
                ("a=true", true),
                ("b=null", true),
                ("c=-7", true),
                ("d=1.5", true),
                ("e=x", true),
                ("f=true", false),
            ],
            Ok(r#"{"a":true,"b":null,"c":-7,"d":"1.5","e":"x","f":"true"}"#),
        );
        check(
            &[("a={owner}/{repo}", true), ("b={owner}", false)],
            Ok(r#"{"a":"octo/hello","b":"{owner}"}"#),
        );
        check(
            &[("a=b=c", false), ("d=", true)],
            Ok(r#"{"a":"b=c","d":""}"#),
        );
    }

    #[test]
    fn keys_nest() {
        check(
            &[("a[b][c]=1", true), ("a[b][d]=2", true)],
            Ok(r#"{"a":{"b":{"c":1,"d":2}}}"#),
        );
        check(
            &[("a[]=x", false), ("a[]=y", false)],
            Ok(r#"{"a":["x","y"]}"#),
        );
        check(&[("a[]", false)], Ok(r#"{"a":[]}"#));
        check(
            &[("a[][n]=1", true), ("a[][m]=2", true), ("a[][n]=3", true)],
            Ok(r#"{"a":[{"n":1,"m":2},{"n":3}]}"#),
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        check(&[("a", false)], Err("requires a value"));
        check(&[("a[b=1", false)], Err("do not match"));
        check(
            &[("a=1", false), ("a[]=2", false)],
            Err("something else before"),
        );
        check(&[("a[]=1", false), ("a=2", false)], Err("given twice"));
        check(
            &[("a=@/no/such/file", true)],
            Err("could not read /no/such/file"),
        );
    }

    #[test]
    fn queries_are_sorted_and_escaped() {
        let fields = serde_json::json!({"q": "a b&c", "n": 2, "l": ["x", "y"], "z": null});
        assert_eq!(
            query(fields.as_object().unwrap()).unwrap(),
            "l%5B%5D=x&l%5B%5D=y&n=2&q=a+b%26c&z="
        );
        assert!(query(serde_json::json!({"a": {"b": 1}}).as_object().unwrap()).is_err());
    }
}
