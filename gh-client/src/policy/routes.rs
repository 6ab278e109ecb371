//! The endpoint table as a tree, so that finding a route costs one walk down its path.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::table::Rule;

/// All that may follow one point of a path. `T` is what a rule gives, with its place in the table: the first rule wins.
#[derive(Debug)]
pub(super) struct Routes<T> {
    named: HashMap<&'static str, Routes<T>>,
    any: Option<Box<Routes<T>>>,
    end: Option<(usize, T)>,
    rest: Option<(usize, T)>,
}

/// A tree that is made when it is first needed.
pub(super) type LazyRoutes<T> = LazyLock<Routes<T>>;

impl<T: Copy> Routes<T> {
    /// Returns the tree of a table.
    pub(super) fn of(rules: &'static [Rule<T>]) -> Self {
        let mut routes = Self::empty();
        for (place, rule) in rules.iter().enumerate() {
            let mut at = &mut routes;
            let mut is_open = false;
            for segment in rule.path.split('/') {
                match segment {
                    "**" => is_open = true,
                    _ if segment.starts_with('{') => {
                        at = at.any.get_or_insert_with(|| Box::new(Self::empty()));
                    }
                    _ => at = at.named.entry(segment).or_insert_with(Self::empty),
                }
            }
            let slot = if is_open { &mut at.rest } else { &mut at.end };
            slot.get_or_insert((place, rule.gives));
        }
        routes
    }

    fn empty() -> Self {
        Self {
            named: HashMap::new(),
            any: None,
            end: None,
            rest: None,
        }
    }

    /// Returns what the first rule gives that matches `path`.
    pub(super) fn find(&self, path: &str) -> Option<T> {
        self.walk(path.trim_start_matches('/').split('/'))
            .map(|(_, gives)| gives)
    }

    fn walk(&self, mut segments: std::str::Split<'_, char>) -> Option<(usize, T)> {
        let Some(segment) = segments.next() else {
            return first(self.end, self.rest);
        };
        let named = self
            .named
            .get(segment)
            .and_then(|routes| routes.walk(segments.clone()));
        let any = self.any.as_ref().and_then(|routes| routes.walk(segments));
        first(self.rest, first(named, any))
    }
}

fn first<T: Copy>(a: Option<(usize, T)>, b: Option<(usize, T)>) -> Option<(usize, T)> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if a.0 <= b.0 { a } else { b }),
        (a, b) => a.or(b),
    }
}
