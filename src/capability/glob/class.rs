//! `[...]` in a glob: a set of characters.

use super::program::Step;
use alloc::{boxed::Box, string::String, vec::Vec};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Class {
    negated: bool,
    ranges: Vec<(char, char)>,
}

impl Class {
    pub(super) fn contains(&self, character: char) -> bool {
        let named = |(low, high): &(char, char)| (*low..=*high).contains(&character);
        self.ranges.iter().any(named) != self.negated
    }

    /// Writes the text of the class.
    pub(super) fn write_to(&self, text: &mut String) {
        text.push('[');
        text.extend(self.negated.then_some('!'));
        for (low, high) in &self.ranges {
            text.push(*low);
            if low != high {
                text.extend(['-', *high]);
            }
        }
        text.push(']');
    }
}

/// Parses a class after its `[`. Returns its length with the `]` in bytes too.
///
/// `[^a]` means `[!a]`, as to a shell. The first character may be `]`.
pub(super) fn read_class(text: &str) -> Option<(Step, usize)> {
    let inside = text.strip_prefix(['!', '^']);
    let negated = inside.is_some();
    let inside = inside.unwrap_or(text);
    let first = inside.chars().next()?.len_utf8();
    let end = inside.get(first..)?.find([']', '/'])?.saturating_add(first);
    let (members, rest) = inside.split_at_checked(end)?;
    if members.starts_with('/') || !rest.starts_with(']') {
        return None;
    }
    let length = end.saturating_add(usize::from(negated)).saturating_add(1);
    let mut ranges = Vec::new();
    let mut characters = members.chars();
    while let Some(low) = characters.next() {
        let mut ahead = characters.clone();
        match (ahead.next(), ahead.next()) {
            (Some('-'), Some(high)) => {
                ranges.push((low, high));
                characters = ahead;
            }
            _ => ranges.push((low, low)),
        }
    }
    let step = match (negated, ranges.as_slice()) {
        // `[.]` is a dot, and not the directory itself.
        (false, [(low, high)]) if low == high && *low != '.' => Step::Char(*low),
        _ => Step::Class(Box::new(Class { negated, ranges })),
    };
    Some((step, length))
}
