//! One walk over a schema and a value, on a budget. What each keyword means is in `keywords`.

use super::{
    Validation, Violation,
    budget::{Budget, SEARCH},
    keywords,
    pattern::{PatternCache, Patterns},
    reference,
    words::{self, excerpt},
};
use crate::error::TooExpensive;
use crate::printable::Text;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The most violations and the most notes that are kept.
const MOST: usize = 100;

/// How deep schemas may nest, references included.
const DEPTH: usize = 160;

/// Steps for each schema and each keyword.
const VISIT: usize = 64;
/// Steps for each note.
const NOTE: usize = 1024;

/// Validates a value against a schema. What that cost is taken from the budget.
pub(super) fn run<'a>(
    schema: &'a Value,
    value: &Value,
    patterns: &'a PatternCache,
    budget: &mut Budget<'_>,
) -> Result<Validation, TooExpensive> {
    let mut check = Check {
        root: schema,
        notes: BTreeSet::new(),
        depth: 0,
        budget,
        patterns: Patterns::new(patterns),
    };
    let mut found = Vec::new();
    check.value(schema, value, &Path::ROOT, &mut Found::All(&mut found))?;
    Ok(Validation {
        violations: found,
        notes: check.notes.into_iter().map(Text::from).collect(),
    })
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

/// Long keys are shortened.
impl std::fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(above) = self.above {
            above.fmt(f)?;
        }
        match self.step {
            Step::Root => f.write_str("$"),
            Step::Item(number) => write!(f, "[{number}]"),
            Step::Key(key) => {
                let short = excerpt(key);
                if is_plain(key, short.len()) {
                    write!(f, ".{short}")
                } else {
                    write!(f, "[{}]", Value::from(short))
                }
            }
        }
    }
}

/// Whether a key can be written without quotes, by its first bytes.
fn is_plain(key: &str, bytes: usize) -> bool {
    let mut characters = key.chars().take(bytes);
    characters
        .next()
        .is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|character| character.is_alphanumeric() || character == '_')
}

/// What a walk is to find.
pub(super) enum Found<'v> {
    /// The violations, in words; no more than are kept.
    All(&'v mut Vec<Violation>),
    /// Whether there is any.
    Any(bool),
}

impl Found<'_> {
    pub(super) fn add(&mut self, path: &Path<'_>, message: impl FnOnce() -> String) {
        match self {
            Found::All(violations) if violations.len() < MOST => violations.push(Violation {
                path: words::path(path).into(),
                message: message().into(),
            }),
            Found::All(_) => {}
            Found::Any(found) => *found = true,
        }
    }

    /// Whether nothing that is found from now on changes anything.
    fn is_decided(&self) -> bool {
        match self {
            Found::All(violations) => violations.len() >= MOST,
            Found::Any(found) => *found,
        }
    }
}

pub(super) struct Check<'a, 'b, 'd> {
    root: &'a Value,
    notes: BTreeSet<String>,
    depth: usize,
    pub(super) budget: &'b mut Budget<'d>,
    pub(super) patterns: Patterns<'a>,
}

impl<'a> Check<'a, '_, '_> {
    /// Holds `value` against `schema`.
    pub(super) fn value(
        &mut self,
        schema: &'a Value,
        value: &Value,
        path: &Path<'_>,
        found: &mut Found<'_>,
    ) -> Result<(), TooExpensive> {
        self.budget.spend(VISIT)?;
        if self.depth >= DEPTH {
            return Err(TooExpensive::Depth { limit: DEPTH });
        }
        self.depth += 1;
        match schema {
            Value::Bool(true) => {}
            Value::Bool(false) => found.add(path, || "must not be there".to_owned()),
            Value::Object(schema) => self.object(schema, value, path, found)?,
            _ => self.note(|| "a schema that is neither an object nor true or false".to_owned())?,
        }
        self.depth -= 1;
        Ok(())
    }

    fn object(
        &mut self,
        schema: &'a Map<String, Value>,
        value: &Value,
        path: &Path<'_>,
        found: &mut Found<'_>,
    ) -> Result<(), TooExpensive> {
        for (keyword, argument) in schema {
            if found.is_decided() {
                break;
            }
            self.budget.spend(VISIT)?;
            let understood = if keyword == "$ref" {
                match self.referred(argument)? {
                    Some(schema) => {
                        self.value(schema, value, path, found)?;
                        true
                    }
                    None => false,
                }
            } else {
                keywords::apply(self, schema, keyword, argument, value, path, found)?
            };
            if !understood {
                self.note(|| format!("the keyword {}", words::quoted(keyword)))?;
            }
        }
        Ok(())
    }

    fn referred(&mut self, argument: &Value) -> Result<Option<&'a Value>, TooExpensive> {
        let Some(to) = argument.as_str() else {
            return Ok(None);
        };
        reference::resolve(self.root, to, self.budget)
    }

    /// Whether `value` is valid by `schema`.
    pub(super) fn fits(
        &mut self,
        schema: &'a Value,
        value: &Value,
        path: &Path<'_>,
    ) -> Result<bool, TooExpensive> {
        let mut found = Found::Any(false);
        self.value(schema, value, path, &mut found)?;
        Ok(!found.is_decided())
    }

    /// What a map has under a name.
    pub(super) fn get<'m>(
        &mut self,
        map: &'m Map<String, Value>,
        name: &str,
    ) -> Result<Option<&'m Value>, TooExpensive> {
        self.budget.spend(SEARCH + name.len())?;
        Ok(map.get(name))
    }

    /// Keeps what was not checked, once.
    pub(super) fn note(&mut self, unchecked: impl FnOnce() -> String) -> Result<(), TooExpensive> {
        if self.notes.len() < MOST {
            self.budget.spend(NOTE)?;
            self.notes.insert(format!("not checked: {}", unchecked()));
        }
        Ok(())
    }
}
