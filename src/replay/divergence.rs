//! Where a replay left the path of its recording, told so that a person sees the difference.

use crate::printable::{Printable, write_printable};
use serde_json::Value;
use std::fmt;

/// The first difference between a recording and its replay.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct Divergence {
    /// The effect at which they part, counted from 0. The number of all recorded effects means
    /// that they part at the end.
    pub index: u64,
    /// What was recorded.
    pub expected: String,
    /// What the replay came to instead.
    pub actual: String,
    /// The last effects that were the same, at most three, each as its line.
    pub before: Vec<String>,
    /// What may explain it: another module, another engine, a redactor.
    pub notes: Vec<String>,
}

/// So much of one line is shown.
const SHOWN: usize = 400;

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the replay diverged at effect {}", self.index)?;
        for line in &self.before {
            writeln!(f, "    {}", shown(line, 0))?;
        }
        // Long lines are often the same for long.
        let same = same_length(&self.expected, &self.actual);
        let from = if same > SHOWN / 2 {
            same - SHOWN / 4
        } else {
            0
        };
        writeln!(f, "  - {}", shown(&self.expected, from))?;
        write!(f, "  + {}", shown(&self.actual, from))?;
        for note in &self.notes {
            write!(f, "\n  note: {}", Printable(note))?;
        }
        Ok(())
    }
}

fn same_length(a: &str, b: &str) -> usize {
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b);
    same.count()
}

/// A part of a line, beginning at a character, safe to print.
fn shown(line: &str, from: usize) -> String {
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

/// The places at which two JSON values differ, each as `path: one -> other`.
pub(super) fn differences(one: &Value, other: &Value) -> Vec<String> {
    let mut differences = Differences::default();
    differences.collect(Some(one), Some(other));
    differences.found
}

/// So many are enough to see what is going on.
const MOST: usize = 20;

/// A walk over two values at once, which reads each part of them once.
#[derive(Default)]
struct Differences<'a> {
    /// Where the walk is; written out only where there is a difference.
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
                    Some(value) => shown(&value.to_string(), 0),
                    None => "nothing".to_owned(),
                };
                let place = shown(&self.place(), 0);
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
    fn each_place_that_differs_is_told_with_its_path() {
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
        };
        let text = divergence.to_string();
        assert!(
            text.contains("xold\n") && text.contains("xnew\n  note: why"),
            "{text}"
        );
        assert!(text.len() < 1000);
    }
}
