//! Bodies from GitHub's own examples, with holes for the data set's values.
//!
//! `data/templates.json` holds one example per kind of object. It is compiled once per process into literal text and holes, so
//! that rendering a list of a hundred objects is a hundred passes of `push_str`.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::LazyLock;

use serde_json::value::RawValue;

use crate::clock::Time;

/// A compiled example.
#[derive(Debug)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(Box<str>),
    /// The name of a hole. One that stands for a whole JSON value starts with `=`.
    Hole(Box<str>),
}

static TEMPLATES: LazyLock<HashMap<String, Template>> = LazyLock::new(|| {
    let examples: HashMap<String, Box<RawValue>> =
        serde_json::from_str(include_str!("../data/templates.json"))
            .expect("templates.json is valid JSON");
    examples
        .into_iter()
        .map(|(kind, example)| (kind, Template::compile(example.get())))
        .collect()
});

/// Returns the template of a kind of object.
///
/// # Panics
///
/// If there is none: kinds are named in the code only, and a test renders each of them.
pub(crate) fn template(kind: &str) -> &'static Template {
    TEMPLATES
        .get(kind)
        .unwrap_or_else(|| panic!("templates.json has no {kind}"))
}

impl Template {
    fn compile(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find("{{") {
            let close = open + rest[open..].find("}}").expect("every hole is closed");
            let name = &rest[open + 2..close];
            // A hole for a whole value takes the quotes around it along.
            let quote = usize::from(name.starts_with('='));
            parts.push(Part::Text(rest[..open - quote].into()));
            parts.push(Part::Hole(name.into()));
            rest = &rest[close + 2 + quote..];
        }
        parts.push(Part::Text(rest.into()));
        Self { parts }
    }

    /// Writes the example to `out`, asking `fill` to write each hole.
    pub(crate) fn render(&self, out: &mut String, fill: &mut dyn FnMut(&str, &mut String)) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Hole(name) => fill(name, out),
            }
        }
    }
}

/// What can fill a hole for a whole JSON value.
pub(crate) trait Put {
    /// Writes the value as JSON.
    fn put(&self, out: &mut String);
}

/// Writes `value` to `out` as JSON.
pub(crate) fn put(out: &mut String, value: impl Put) {
    value.put(out);
}

impl<T: Put + ?Sized> Put for &T {
    fn put(&self, out: &mut String) {
        (**self).put(out);
    }
}

impl Put for str {
    fn put(&self, out: &mut String) {
        out.push('"');
        for c in self.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c if c < ' ' => write_to(out, format_args!("\\u{:04x}", u32::from(c))),
                c => out.push(c),
            }
        }
        out.push('"');
    }
}

impl Put for String {
    fn put(&self, out: &mut String) {
        self.as_str().put(out);
    }
}

impl Put for bool {
    fn put(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

impl Put for u64 {
    fn put(&self, out: &mut String) {
        write_to(out, format_args!("{self}"));
    }
}

impl Put for usize {
    fn put(&self, out: &mut String) {
        write_to(out, format_args!("{self}"));
    }
}

impl Put for Time {
    fn put(&self, out: &mut String) {
        write_to(out, format_args!("\"{self}\""));
    }
}

impl Put for serde_json::Value {
    fn put(&self, out: &mut String) {
        write_to(out, format_args!("{self}"));
    }
}

impl<T: Put> Put for Option<T> {
    fn put(&self, out: &mut String) {
        match self {
            Some(value) => value.put(out),
            None => out.push_str("null"),
        }
    }
}

impl<T: Put> Put for [T] {
    fn put(&self, out: &mut String) {
        put_list(out, self, Put::put);
    }
}

impl<T: Put> Put for Vec<T> {
    fn put(&self, out: &mut String) {
        self.as_slice().put(out);
    }
}

/// Writes a JSON array of which `each` writes the items.
pub(crate) fn put_list<T>(
    out: &mut String,
    items: impl IntoIterator<Item = T>,
    mut each: impl FnMut(T, &mut String),
) {
    out.push('[');
    for (idx, item) in items.into_iter().enumerate() {
        if idx > 0 {
            out.push(',');
        }
        each(item, out);
    }
    out.push(']');
}

/// Appends formatted text.
pub(crate) fn write_to(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text)
        .expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_for_values_take_their_quotes_along() {
        let template = Template::compile(r#"{"id":"{{=id}}","url":"/a/{{name}}{/b}"}"#);
        let mut out = String::new();
        template.render(&mut out, &mut |name, out| match name {
            "=id" => put(out, 7_u64),
            "name" => out.push('x'),
            other => panic!("no hole {other}"),
        });
        assert_eq!(out, r#"{"id":7,"url":"/a/x{/b}"}"#);
    }

    #[test]
    fn strings_are_escaped() {
        let mut out = String::new();
        put(&mut out, "a\"b\\c\n\u{1}");
        assert_eq!(out, r#""a\"b\\c\n\u0001""#);
    }
}
