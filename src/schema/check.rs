//! Walks a schema and a value together, within a budget. `keywords` implements each keyword.

use super::{
    Validation, Violation,
    budget::{Budget, SEARCH},
    keywords::Keyword,
    pattern::{PatternCache, Patterns},
    reference,
    words::{self, excerpt},
};
use crate::error::{TooExpensive, ViolationKind};
use crate::printable::Text;
use alloc::{borrow::ToOwned, collections::BTreeSet, string::String, vec::Vec};
use serde_json::{Map, Value};

/// The most violations and the most notes that a validation reports.
const MOST: usize = 100;

/// The deepest nesting of schemas, references included.
const DEPTH: usize = 160;

/// Cost of each schema and each keyword.
const VISIT: usize = 64;
/// Cost of each note.
const NOTE: usize = 1024;

/// Validates a value against a schema.
pub(crate) fn check<'a>(
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
    let mut violations = Violations::Collect(&mut found);
    check.value(schema, value, &Path::ROOT, &mut violations)?;
    Ok(Validation {
        violations: found,
        notes: check.notes.into_iter().map(Text::from).collect(),
    })
}

/// The position in the value.
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
impl core::fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
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

/// Returns whether the first bytes of a key can be written without quotes.
fn is_plain(key: &str, bytes: usize) -> bool {
    let mut characters = key.chars().take(bytes);
    characters
        .next()
        .is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|character| character.is_alphanumeric() || character == '_')
}

/// The violations found so far.
pub(super) enum Violations<'v> {
    /// Collects messages, up to the limit.
    Collect(&'v mut Vec<Violation>),
    /// Records only whether there is a violation.
    Detect(bool),
    /// Records only the worst kind of violation.
    Grade(Option<ViolationKind>),
}

impl Violations<'_> {
    pub(super) fn add(
        &mut self,
        path: &Path<'_>,
        kind: ViolationKind,
        message: impl FnOnce() -> String,
    ) {
        match self {
            Violations::Collect(violations) => {
                if violations.len() >= MOST {
                    // What no plugin can read is reported before what it may accept.
                    let lenient = violations.iter().rposition(|other| other.kind.is_lenient());
                    match lenient {
                        Some(at) if !kind.is_lenient() => drop(violations.remove(at)),
                        _ => return,
                    }
                }
                violations.push(Violation {
                    path: words::path(path).into(),
                    message: message().into(),
                    kind,
                });
            }
            Violations::Detect(found) => *found = true,
            Violations::Grade(worst) => *worst = (*worst).max(Some(kind)),
        }
    }

    /// Returns whether further violations would change nothing.
    fn is_complete(&self) -> bool {
        match self {
            Violations::Collect(violations) => {
                violations.len() >= MOST && violations.iter().all(|it| !it.kind.is_lenient())
            }
            Violations::Detect(found) => *found,
            Violations::Grade(worst) => *worst == Some(ViolationKind::Value),
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
    /// Validates `value` against `schema`.
    pub(super) fn value(
        &mut self,
        schema: &'a Value,
        value: &Value,
        path: &Path<'_>,
        violations: &mut Violations<'_>,
    ) -> Result<(), TooExpensive> {
        self.budget.spend(VISIT)?;
        if self.depth >= DEPTH {
            return Err(TooExpensive::Depth { limit: DEPTH });
        }
        self.depth += 1;
        match schema {
            Value::Bool(true) => {}
            Value::Bool(false) => {
                violations.add(path, ViolationKind::Value, || "is not allowed".to_owned())
            }
            Value::Object(schema) => self.object(schema, value, path, violations)?,
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
        violations: &mut Violations<'_>,
    ) -> Result<(), TooExpensive> {
        for (keyword, argument) in schema {
            if violations.is_complete() {
                break;
            }
            self.budget.spend(VISIT)?;
            let supported = if keyword == "$ref" {
                match self.referred(argument)? {
                    Some(schema) => {
                        self.value(schema, value, path, violations)?;
                        true
                    }
                    None => false,
                }
            } else {
                let mut applied = Keyword {
                    check: self,
                    schema,
                    name: keyword,
                    path,
                    violations,
                };
                applied.apply(argument, value)?
            };
            if !supported {
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

    /// Returns whether `value` matches `schema`.
    pub(super) fn matches(
        &mut self,
        schema: &'a Value,
        value: &Value,
        path: &Path<'_>,
    ) -> Result<bool, TooExpensive> {
        let mut violations = Violations::Detect(false);
        self.value(schema, value, path, &mut violations)?;
        Ok(!violations.is_complete())
    }

    /// Returns the worst kind of violation of `schema` by `value`; `None` if it matches.
    pub(super) fn grade(
        &mut self,
        schema: &'a Value,
        value: &Value,
        path: &Path<'_>,
    ) -> Result<Option<ViolationKind>, TooExpensive> {
        let mut violations = Violations::Grade(None);
        self.value(schema, value, path, &mut violations)?;
        match violations {
            Violations::Grade(worst) => Ok(worst),
            Violations::Collect(_) | Violations::Detect(_) => Ok(None),
        }
    }

    /// Looks up a name in a map.
    pub(super) fn get<'m>(
        &mut self,
        map: &'m Map<String, Value>,
        name: &str,
    ) -> Result<Option<&'m Value>, TooExpensive> {
        self.budget.spend(SEARCH + name.len())?;
        Ok(map.get(name))
    }

    /// Records what was not checked, once.
    pub(super) fn note(&mut self, unchecked: impl FnOnce() -> String) -> Result<(), TooExpensive> {
        if self.notes.len() < MOST {
            self.budget.spend(NOTE)?;
            self.notes.insert(format!("not checked: {}", unchecked()));
        }
        Ok(())
    }
}
