//! Keywords for strings, numbers and counts.

use super::{
    keywords::{Halt, Keyword},
    numbers,
    words::{quoted, short},
};
use crate::{error::ViolationKind, printable::counted};
use core::cmp::Ordering;
use serde_json::{Number, Value};

impl<'a> Keyword<'_, 'a, '_, '_, '_, '_> {
    pub(super) fn count(&mut self, argument: &Value, count: usize, what: &str) -> Result<(), Halt> {
        let bound = as_count(argument).ok_or(Halt::NotSupported)?;
        let (word, holds) = if self.name.starts_with("min") {
            ("least", count >= bound)
        } else {
            ("most", count <= bound)
        };
        if !holds {
            let kind = match self.name {
                "minProperties" => ViolationKind::Missing,
                _ => ViolationKind::Value,
            };
            let bound = counted(bound, what);
            self.violated_as(kind, || {
                format!("must have at {word} {bound}, but has {count}")
            });
        }
        Ok(())
    }

    pub(super) fn length(&mut self, argument: &Value, text: &str) -> Result<(), Halt> {
        self.check.budget.spend(text.len())?;
        self.count(argument, text.chars().count(), "character")
    }

    pub(super) fn bound(&mut self, argument: &Value, number: &Number) -> Result<(), Halt> {
        let Value::Number(bound) = argument else {
            return Err(Halt::NotSupported);
        };
        let order = numbers::compare(number, bound).ok_or(Halt::NotSupported)?;
        let (holds, words) = match self.name {
            "minimum" => (order != Ordering::Less, "at least"),
            "maximum" => (order != Ordering::Greater, "at most"),
            "exclusiveMinimum" => (order == Ordering::Greater, "more than"),
            _ => (order == Ordering::Less, "less than"),
        };
        if !holds {
            self.violated(|| format!("must be {words} {bound}"));
        }
        Ok(())
    }

    pub(super) fn multiple(&mut self, argument: &Value, number: &Number) -> Result<(), Halt> {
        let Value::Number(step) = argument else {
            return Err(Halt::NotSupported);
        };
        if !numbers::is_multiple(number, step).ok_or(Halt::NotSupported)? {
            self.violated(|| format!("must be a multiple of {step}"));
        }
        Ok(())
    }

    pub(super) fn pattern(&mut self, argument: &'a Value, text: &str) -> Result<(), Halt> {
        let pattern = argument.as_str().ok_or(Halt::NotSupported)?;
        if self.matches(pattern, text)? == Some(false) {
            self.violated(|| format!("must match the pattern {}", short(argument)));
        }
        Ok(())
    }

    /// Returns whether a pattern matches anywhere in `text`; for an unsupported pattern `None`, with
    /// a note.
    pub(super) fn matches(&mut self, pattern: &'a str, text: &str) -> Result<Option<bool>, Halt> {
        let budget = &mut *self.check.budget;
        let compiled = self.check.patterns.get(pattern, budget)?;
        Ok(match compiled.matches(text, budget)? {
            Ok(matches) => Some(matches),
            Err(why) => {
                let note = || format!("the pattern {}: {why}", quoted(pattern));
                self.check.note(note)?;
                None
            }
        })
    }
}

/// Reads a count; `2.0` is a count, too.
pub(super) fn as_count(value: &Value) -> Option<usize> {
    let count = value.as_u64().or_else(|| {
        let number = value
            .as_f64()
            .filter(|number| libm::trunc(*number) == *number)?;
        format!("{number:.0}").parse().ok()
    })?;
    Some(usize::try_from(count).unwrap_or(usize::MAX))
}
