//! The places in a text that will be hidden: collected by many searches, merged, then replaced at
//! once, so that no search sees what another has put in a secret's place, and no secret's end is
//! left over because another one was found in it first.

use std::ops::Range;

/// Whether a text ends where its author ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Whole,
    /// The rest was cut off: what may be the beginning of a secret is one.
    Cut,
}

/// Ranges of bytes, in any order until they are merged.
#[derive(Default)]
pub(super) struct Spans(Vec<Range<usize>>);

impl Spans {
    pub(super) fn add(&mut self, span: Range<usize>) {
        if !span.is_empty() {
            self.0.push(span);
        }
    }

    #[cfg(feature = "regex")]
    pub(super) fn extend(&mut self, spans: impl Iterator<Item = Range<usize>>) {
        spans.for_each(|span| self.add(span));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds each occurrence of `value`, also those that overlap.
    pub(super) fn add_value(&mut self, bytes: &[u8], value: &[u8], end: End) {
        let Some((first, rest)) = value.split_first() else {
            return;
        };
        let mut from = 0;
        while let Some(found) = position(bytes, from, *first) {
            let behind = bytes.get(found + 1..).unwrap_or_default();
            let seen = behind.len().min(rest.len());
            let is_it = behind.get(..seen) == rest.get(..seen);
            if is_it && (seen == rest.len() || end == End::Cut) {
                self.add(found..found + 1 + seen);
            }
            from = found + 1;
        }
    }

    /// Puts the spans in order and joins those that overlap. Neighbours stay apart.
    pub(super) fn merge(&mut self) {
        self.0.sort_by_key(|span| (span.start, span.end));
        self.0.dedup_by(|next, span| {
            let overlaps = next.start < span.end;
            if overlaps {
                span.end = span.end.max(next.end);
            }
            overlaps
        });
    }

    /// The text with each span replaced. The spans are merged, and lie at borders of characters:
    /// what was searched for is text.
    pub(super) fn replace_in(&self, text: &str, mark: impl Fn(&str) -> String) -> String {
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for span in &self.0 {
            out.push_str(text.get(from..span.start).unwrap_or_default());
            out.push_str(&mark(text.get(span.clone()).unwrap_or_default()));
            from = span.end;
        }
        out.push_str(text.get(from..).unwrap_or_default());
        out
    }

    /// As [`replace_in`](Self::replace_in), for bytes.
    pub(super) fn replace_bytes(&self, bytes: &[u8], mark: impl Fn(&[u8]) -> String) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        let mut from = 0;
        for span in &self.0 {
            out.extend_from_slice(bytes.get(from..span.start).unwrap_or_default());
            out.extend_from_slice(mark(bytes.get(span.clone()).unwrap_or_default()).as_bytes());
            from = span.end;
        }
        out.extend_from_slice(bytes.get(from..).unwrap_or_default());
        out
    }
}

fn position(bytes: &[u8], from: usize, wanted: u8) -> Option<usize> {
    let found = bytes.get(from..)?.iter().position(|byte| *byte == wanted)?;
    Some(from + found)
}

/// Where `wanted` begins in `bytes`, at `from` or later.
pub(super) fn find(bytes: &[u8], from: usize, wanted: &[u8]) -> Option<usize> {
    let mut windows = bytes.get(from..)?.windows(wanted.len());
    Some(from + windows.position(|window| window == wanted)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str, values: &[&str], end: End) -> String {
        let mut spans = Spans::default();
        for value in values {
            spans.add_value(text.as_bytes(), value.as_bytes(), end);
        }
        spans.merge();
        spans.replace_in(text, |_| "#".to_owned())
    }

    #[test]
    fn what_overlaps_is_one_and_neighbours_are_two() {
        assert_eq!(hidden("xababax", &["aba"], End::Whole), "x#x");
        assert_eq!(hidden("xabcdx", &["abc", "bcd"], End::Whole), "x#x");
        assert_eq!(hidden("abab", &["ab"], End::Whole), "##");
        assert_eq!(hidden("éß", &["ß"], End::Whole), "é#");
    }

    #[test]
    fn the_beginning_of_a_value_counts_where_the_text_was_cut() {
        assert_eq!(hidden("my hunt", &["hunter2"], End::Whole), "my hunt");
        assert_eq!(hidden("my hunt", &["hunter2"], End::Cut), "my #");
        assert_eq!(hidden("my hunt!", &["hunter2"], End::Cut), "my hunt!");
    }
}
