//! The first difference between a recording and its replay.

use crate::{
    error::Backtrace,
    printable::{Printable, write_printable},
};
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use serde_json::Value;

/// The first difference between a recording and its replay.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[non_exhaustive]
pub struct Divergence {
    /// The index of the effect that differs, counted from 0. The number of recorded effects means
    /// that the end differs.
    pub index: u64,
    /// What was recorded.
    pub expected: String,
    /// What the replay did instead.
    pub actual: String,
    /// The lines of the effects before it, at most three.
    pub before: Vec<String>,
    /// Possible causes: another module, another engine, a redactor.
    pub notes: Vec<String>,
    /// From where the effect that differs was requested, if the replay finds that out: see
    /// [`backtraces`](crate::RuntimeBuilder::backtraces).
    pub backtrace: Option<Backtrace>,
}

/// The most characters of a line that are shown.
const SHOWN: usize = 400;

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the replay diverged at effect {}", self.index)?;
        for line in &self.before {
            writeln!(f, "    {}", excerpt(line, 0))?;
        }
        // Long lines often differ only at the end.
        let same = same_length(&self.expected, &self.actual);
        let from = if same > SHOWN / 2 {
            same - SHOWN / 4
        } else {
            0
        };
        writeln!(f, "  - {}", excerpt(&self.expected, from))?;
        write!(f, "  + {}", excerpt(&self.actual, from))?;
        for note in &self.notes {
            write!(f, "\n  note: {}", Printable(note))?;
        }
        if let Some(backtrace) = &self.backtrace {
            write!(f, "\n  requested from\n{backtrace}")?;
        }
        Ok(())
    }
}

fn same_length(a: &str, b: &str) -> usize {
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b);
    same.count()
}

/// Returns a part of a line from a character on, safe to print.
fn excerpt(line: &str, from: usize) -> String {
    let mut text = String::new();
    if from > 0 {
        text.push('…');
    }
    let mut rest = line.chars().skip(from);
    let part: String = rest.by_ref().take(SHOWN).collect();
    // Writing to a string does not fail.
    let _ = write_printable(&mut text, &part, part.len());
    if rest.next().is_some() {
        text.push('…');
    }
    text
}

/// Lists the differences of two JSON values, each as `path: one -> other`.
pub(super) fn differences(one: &Value, other: &Value) -> Vec<String> {
    let mut differences = Differences::default();
    differences.collect(Some(one), Some(other));
    differences.found
}

/// The most differences that are listed.
const MOST: usize = 20;

/// Walks two values at once.
#[derive(Default)]
struct Differences<'a> {
    /// The current position; formatted only for a difference.
    path: Vec<Step<'a>>,
    found: Vec<String>,
}

enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

impl<'a> Differences<'a> {
    fn collect(&mut self, one: Option<&'a Value>, other: Option<&'a Value>) {
        match (one, other) {
            (Some(Value::Object(a)), Some(Value::Object(b))) => {
                let only_there = b.keys().filter(|key| !a.contains_key(*key));
                for key in a.keys().chain(only_there) {
                    self.step(Step::Key(key), a.get(key), b.get(key));
                }
            }
            (Some(Value::Array(a)), Some(Value::Array(b))) => {
                for index in 0..a.len().max(b.len()) {
                    self.step(Step::Index(index), a.get(index), b.get(index));
                }
            }
            _ if one == other => {}
            _ => {
                let text = |value: Option<&Value>| match value {
                    Some(value) => excerpt(&value.to_string(), 0),
                    None => "nothing".to_owned(),
                };
                let place = excerpt(&self.place(), 0);
                self.found
                    .push(format!("{place}: {} -> {}", text(one), text(other)));
            }
        }
    }

    fn step(&mut self, step: Step<'a>, one: Option<&'a Value>, other: Option<&'a Value>) {
        if self.found.len() < MOST {
            self.path.push(step);
            self.collect(one, other);
            self.path.pop();
        }
    }

    fn place(&self) -> String {
        let mut place = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) if place.is_empty() => place.push_str(key),
                Step::Key(key) => place.extend([".", key]),
                Step::Index(index) => place.push_str(&format!("[{index}]")),
            }
        }
        if place.is_empty() {
            place.push_str("the whole");
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_difference_is_reported_with_its_path() {
        let one = json!({ "status": true, "data": { "size": 3, "names": ["a", "b"] }, "old": 1 });
        let other = json!({ "status": true, "data": { "size": 4, "names": ["a"] }, "new": null });
        assert_eq!(
            differences(&one, &other),
            [
                "data.names[1]: \"b\" -> nothing",
                "data.size: 3 -> 4",
                "old: 1 -> nothing",
                "new: nothing -> null",
            ]
        );
        assert_eq!(differences(&one, &one), Vec::<String>::new());
    }

    #[test]
    fn a_long_line_is_shown_where_it_differs() {
        let long = "x".repeat(10_000);
        let divergence = Divergence {
            index: 2,
            expected: format!("{long}old"),
            actual: format!("{long}new"),
            before: vec!["one".into()],
            notes: vec!["why".into()],
            backtrace: None,
        };
        let text = divergence.to_string();
        assert!(
            text.contains("xold\n") && text.contains("xnew\n  note: why"),
            "{text}"
        );
        assert!(text.len() < 1000);
    }
}
