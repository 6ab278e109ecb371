//! Filters in the language of jq, printed as GitHub's `gh` prints them.

use std::io::Write;

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
use jaq_json::write::{Pp, write};
use jaq_json::{Val, read};

use crate::error::{CommandError, Ending, Outcome};

/// A compiled filter.
pub(crate) struct Filter(jaq_core::Filter<data::JustLut<Val>>);

impl std::fmt::Debug for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Filter")
    }
}

impl Filter {
    /// Compiles `code`.
    pub(crate) fn compile(code: &str) -> Outcome<Self> {
        let wrong = |what: String| {
            CommandError::message(Ending::Usage, what)
                .aim(format!("could not read the jq filter {code:?}"))
        };
        let defs = jaq_core::defs()
            .chain(jaq_std::defs())
            .chain(jaq_json::defs());
        let funs = jaq_core::funs()
            .chain(jaq_std::funs())
            .chain(jaq_json::funs());
        let arena = Arena::default();
        let modules = Loader::new(defs)
            .load(&arena, File { code, path: () })
            .map_err(|errors| {
                wrong(
                    errors
                        .iter()
                        .map(|(_, error)| load_error(error))
                        .collect::<Vec<_>>()
                        .join("; "),
                )
            })?;
        let filter = Compiler::default()
            .with_funs(funs)
            .compile(modules)
            .map_err(|errors| {
                let undefined = errors.iter().flat_map(|(_, errors)| errors);
                let undefined =
                    undefined.map(|(name, kind)| format!("undefined {}: {name}", kind.as_str()));
                wrong(undefined.collect::<Vec<_>>().join("; "))
            })?;
        Ok(Self(filter))
    }

    /// Runs the filter over one JSON text and prints each value on its line: text as it is, `null` as nothing,
    /// all else as JSON with sorted keys.
    pub(crate) fn run(&self, json: &[u8], out: &mut dyn Write) -> Outcome<()> {
        let input = read::parse_single(json)
            .map_err(|error| failed(&format!("the answer is no JSON: {error}")))?;
        let ctx = Ctx::<data::JustLut<Val>>::new(&self.0.lut, Vars::new([]));
        let pp = Pp {
            sort_keys: true,
            ..Pp::default()
        };
        for value in self.0.id.run((ctx, input)).map(unwrap_valr) {
            match value.map_err(|error| failed(&error.to_string()))? {
                Val::Null => {}
                Val::TStr(text) | Val::BStr(text) => out.write_all(&text)?,
                value => write(out, &pp, 0, &value)?,
            }
            out.write_all(b"\n")?;
        }
        Ok(())
    }
}

fn failed(what: &str) -> CommandError {
    CommandError::message(Ending::Failed, what).aim("could not filter the answer")
}

fn load_error(error: &jaq_core::load::Error<&str>) -> String {
    use jaq_core::load::Error;
    let found = |text: &str| match text.chars().next() {
        Some(_) => format!("at {:?}", text.chars().take(20).collect::<String>()),
        None => "at the end".to_owned(),
    };
    let said: Vec<_> = match error {
        Error::Io(errors) => errors
            .iter()
            .map(|(path, error)| format!("cannot load {path}: {error}"))
            .collect(),
        Error::Lex(errors) => errors
            .iter()
            .map(|(expected, text)| format!("expected {} {}", expected.as_str(), found(text)))
            .collect(),
        Error::Parse(errors) => errors
            .iter()
            .map(|(expected, text)| format!("expected {} {}", expected.as_str(), found(text)))
            .collect(),
    };
    said.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, json: &str, expected: Result<&str, &str>) {
        let mut out = Vec::new();
        let ran = Filter::compile(code).and_then(|filter| filter.run(json.as_bytes(), &mut out));
        let ran = ran
            .map(|()| String::from_utf8(out).unwrap())
            .map_err(|error| error.to_string());
        match (ran, expected) {
            (Ok(printed), Ok(expected)) => assert_eq!(printed, expected, "{code}"),
            (Err(said), Err(part)) => assert!(said.contains(part), "{code}: {said}"),
            (ran, _) => panic!("{code}: {ran:?}"),
        }
    }

    #[test]
    fn values_are_printed_as_gh_does() {
        check(
            ".[].a",
            r#"[{"a":"x y"},{"a":1},{"a":null},{"a":true},{"a":1.5}]"#,
            Ok("x y\n1\n\ntrue\n1.5\n"),
        );
        check(
            "{b: .b, a: .a}",
            r#"{"a":[1,{"d":"\n","c":2}],"b":"é"}"#,
            Ok("{\"a\":[1,{\"c\":2,\"d\":\"\\n\"}],\"b\":\"é\"}\n"),
        );
        check(
            ".[] | select(.n > 1) | .n",
            r#"[{"n":1},{"n":9007199254740993}]"#,
            Ok("9007199254740993\n"),
        );
        check(
            "map(.n) | add | @text \"sum \\(.)\"",
            r#"[{"n":1},{"n":2}]"#,
            Ok("sum 3\n"),
        );
        check("empty", "{}", Ok(""));
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        check(".[", "[]", Err("could not read the jq filter"));
        check(
            "nothing_like_it",
            "[]",
            Err("undefined filter: nothing_like_it"),
        );
        check(".a", "[]", Err("could not filter the answer"));
        check(".", "<html>", Err("the answer is no JSON"));
    }
}
