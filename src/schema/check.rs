//! One walk over a schema and a value, with a budget. What each keyword means is in `keywords`.

use crate::printable::Text;

use super::{Validation, Violation, keywords, pattern::Patterns, reference};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The most violations and the most notes that are kept.
const MOST: usize = 100;

/// Steps that one validation may take, about one for each keyword at each place: some hundredths
/// of a second.
const STEPS: u64 = 1_000_000;

/// How deep schemas may nest, references included.
const DEPTH: usize = 100;

pub(super) fn run(schema: &Value, value: &Value) -> Validation {
    let mut check = Check {
        root: schema,
        notes: BTreeSet::new(),
        steps: STEPS,
        depth: 0,
        patterns: Patterns::default(),
    };
    let mut found = Found::default();
    check.value(schema, value, &Path::ROOT, &mut found);
    if check.steps == 0 {
        // What was found in alternatives after the budget was spent means nothing.
        check.note("the rest of the schema: it takes too long to check");
    }
    Validation {
        violations: found.0,
        notes: check.notes.into_iter().map(Text::from).collect(),
    }
}

/// Where in the value the walk is.
pub(super) struct Path<'a> {
    above: Option<&'a Path<'a>>,
    step: Step<'a>,
}

enum Step<'a> {
    Root,
    Key(&'a str),
    Item(usize),
}

impl<'a> Path<'a> {
    const ROOT: Path<'static> = Path {
        above: None,
        step: Step::Root,
    };

    pub(super) fn key(&'a self, key: &'a str) -> Path<'a> {
        Path {
            above: Some(self),
            step: Step::Key(key),
        }
    }

    pub(super) fn item(&'a self, number: usize) -> Path<'a> {
        Path {
            above: Some(self),
            step: Step::Item(number),
        }
    }
}

impl std::fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(above) = self.above {
            above.fmt(f)?;
        }
        match self.step {
            Step::Root => f.write_str("$"),
            Step::Item(number) => write!(f, "[{number}]"),
            Step::Key(key) if is_plain(key) => write!(f, ".{key}"),
            Step::Key(key) => write!(f, "[{}]", Value::from(key)),
        }
    }
}

fn is_plain(key: &str) -> bool {
    let mut characters = key.chars();
    characters
        .next()
        .is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|character| character.is_alphanumeric() || character == '_')
}

/// The violations of one schema.
#[derive(Default)]
pub(super) struct Found(Vec<Violation>);

impl Found {
    pub(super) fn add(&mut self, path: &Path<'_>, message: impl Into<String>) {
        if self.0.len() < MOST {
            self.0.push(Violation {
                path: path.to_string().into(),
                message: message.into().into(),
            });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn append(&mut self, other: Found) {
        let room = MOST.saturating_sub(self.0.len());
        self.0.extend(other.0.into_iter().take(room));
    }
}

pub(super) struct Check<'a> {
    pub(super) root: &'a Value,
    notes: BTreeSet<String>,
    steps: u64,
    depth: usize,
    pub(super) patterns: Patterns,
}

impl<'a> Check<'a> {
    /// Holds `value` against `schema`.
    pub(super) fn value(
        &mut self,
        schema: &'a Value,
        value: &Value,
        path: &Path<'_>,
        found: &mut Found,
    ) {
        if !self.spend(1) {
            return;
        }
        if self.depth >= DEPTH {
            self.note("a schema within schemas more than 100 deep");
            return;
        }
        self.depth += 1;
        match schema {
            Value::Bool(true) => {}
            Value::Bool(false) => found.add(path, "must not be there"),
            Value::Object(schema) => self.object(schema, value, path, found),
            _ => self.note("a schema that is neither an object nor true or false"),
        }
        self.depth -= 1;
    }

    fn object(
        &mut self,
        schema: &'a Map<String, Value>,
        value: &Value,
        path: &Path<'_>,
        found: &mut Found,
    ) {
        for (keyword, argument) in schema {
            if !self.spend(1) {
                return;
            }
            let understood = if keyword == "$ref" {
                match argument
                    .as_str()
                    .and_then(|to| reference::resolve(self.root, to))
                {
                    Some(schema) => {
                        self.value(schema, value, path, found);
                        true
                    }
                    None => false,
                }
            } else {
                keywords::apply(self, schema, keyword, argument, value, path, found)
            };
            if !understood {
                self.note(&format!("the keyword {keyword:?}"));
            }
        }
    }

    /// What `schema` finds, without counting it yet.
    pub(super) fn alone(&mut self, schema: &'a Value, value: &Value, path: &Path<'_>) -> Found {
        let mut found = Found::default();
        self.value(schema, value, path, &mut found);
        found
    }

    /// Takes steps from the budget; whether there were enough.
    pub(super) fn spend(&mut self, steps: usize) -> bool {
        self.steps = self.steps.saturating_sub(steps as u64);
        self.steps > 0
    }

    /// Whether the budget is spent: verdicts on alternatives mean nothing any more.
    pub(super) fn is_spent(&self) -> bool {
        self.steps == 0
    }

    pub(super) fn note(&mut self, unchecked: &str) {
        if self.notes.len() < MOST {
            let unchecked: String = unchecked.chars().take(200).collect();
            self.notes.insert(format!("not checked: {unchecked}"));
        }
    }
}
