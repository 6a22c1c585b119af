//! The ranges of a text that will be replaced. All searches collect their ranges first; then these are
//! merged and replaced at once. So no search reads the replacement of another one, and overlapping
//! secrets are replaced completely.

use alloc::{string::String, vec::Vec};
use core::ops::Range;

/// Whether a text is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextEnd {
    Whole,
    /// The rest was cut off: what may be the start of a secret counts as one.
    Cut,
}

/// Overwrites the replacement of an earlier redaction during a search, so that nothing is found in it
/// and words next to it have unknown ends. UTF-8 never contains this byte.
pub(super) const HIDDEN: u8 = 0xFE;

/// Separates texts that were decoded separately, so that nothing is found across it. UTF-8 never
/// contains this byte.
pub(super) const BORDER: u8 = 0xFF;

/// The text that replaces a secret.
pub(super) const MARK: &str = "[REDACTED]";

/// The start of a keyed hash that replaces a secret, and the number of digits after it.
pub(super) const HASH: &str = "[hmac:";
pub(super) const HASH_DIGITS: usize = 32;

/// The length of the longest replacement.
pub(super) const LONGEST_MARK: usize = HASH.len() + HASH_DIGITS + 1;

/// Overwrites all replacements of earlier redactions with [`HIDDEN`].
pub(super) fn hide_marks(bytes: &mut [u8]) {
    let mut from = 0;
    while let Some(mark) = next_mark(bytes, from) {
        from = mark.end;
        if let Some(mark) = bytes.get_mut(mark) {
            mark.fill(HIDDEN);
        }
    }
}

/// The first replacement of an earlier redaction at or after `from`.
pub(super) fn next_mark(bytes: &[u8], mut from: usize) -> Option<Range<usize>> {
    while let Some(at) = position(bytes, from, b'[') {
        if let Some(length) = bytes.get(at..).and_then(mark_length) {
            return Some(at..at + length);
        }
        from = at + 1;
    }
    None
}

/// The length of the replacement at the start of some bytes.
fn mark_length(bytes: &[u8]) -> Option<usize> {
    if bytes.starts_with(MARK.as_bytes()) {
        return Some(MARK.len());
    }
    let (digits, rest) = bytes
        .strip_prefix(HASH.as_bytes())?
        .split_at_checked(HASH_DIGITS)?;
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (digits.iter().all(is_digit) && rest.first() == Some(&b']')).then_some(LONGEST_MARK)
}

/// Ranges of bytes, in any order until they are merged.
#[derive(Default)]
pub(super) struct Spans(Vec<Range<usize>>);

impl Spans {
    pub(super) fn add(&mut self, mut span: Range<usize>) {
        if span.is_empty() {
            return;
        }
        if self.0.try_reserve(1).is_err() {
            // Without memory for another span, everything is replaced.
            self.0.clear();
            span = 0..usize::MAX;
        }
        match self.0.last_mut() {
            // There may be a span at each byte.
            Some(last) if span.start < last.end && last.start < span.end => {
                last.start = last.start.min(span.start);
                last.end = last.end.max(span.end);
            }
            _ => self.0.push(span),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Range<usize>> {
        self.0.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sorts the spans and joins those that overlap. Adjacent spans stay separate.
    pub(super) fn merge(&mut self) {
        count(self.0.len());
        self.0.sort_by_key(|span| (span.start, span.end));
        self.0.dedup_by(|next, span| {
            let overlaps = next.start < span.end;
            if overlaps {
                span.end = span.end.max(next.end);
            }
            overlaps
        });
    }

    /// The bytes with each span replaced by the result of `mark`, which has at most `most` bytes. The
    /// spans must be merged. Without memory for the result, everything is replaced.
    pub(super) fn replace(
        &self,
        bytes: &[u8],
        most: usize,
        mark: impl Fn(&[u8]) -> String,
    ) -> Vec<u8> {
        let mut out = Vec::new();
        let longest = self.0.len().saturating_mul(most);
        if out
            .try_reserve(bytes.len().saturating_add(longest))
            .is_err()
        {
            return mark(bytes).into_bytes();
        }
        let mut from = 0;
        for span in &self.0 {
            let end = span.end.min(bytes.len());
            out.extend_from_slice(bytes.get(from..span.start).unwrap_or_default());
            out.extend_from_slice(mark(bytes.get(span.start..end).unwrap_or_default()).as_bytes());
            from = end;
        }
        out.extend_from_slice(bytes.get(from..).unwrap_or_default());
        out
    }

    /// The text with each span replaced by `#`.
    #[cfg(test)]
    pub(super) fn shown(&self, text: &str) -> String {
        let bytes = self.replace(text.as_bytes(), 1, |_| "#".to_owned());
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn position(bytes: &[u8], from: usize, wanted: u8) -> Option<usize> {
    let found = bytes.get(from..)?.iter().position(|byte| *byte == wanted)?;
    Some(from + found)
}

/// Counts the bytes that a search reads, for tests of its cost.
#[cfg(not(test))]
pub(super) fn count(_: usize) {}

#[cfg(test)]
thread_local!(static COUNTED: core::cell::Cell<usize> = const { core::cell::Cell::new(0) });

#[cfg(test)]
pub(super) fn count(bytes: usize) {
    COUNTED.set(COUNTED.get() + bytes);
}

/// Returns the count, and resets it.
#[cfg(test)]
pub(super) fn counted() -> usize {
    COUNTED.take()
}

/// The first position of `wanted` in `bytes` at or after `from`.
pub(super) fn find(bytes: &[u8], from: usize, wanted: &[u8]) -> Option<usize> {
    let mut windows = bytes.get(from..)?.windows(wanted.len());
    let found = windows.position(|window| window == wanted);
    count(found.unwrap_or(bytes.len() - from));
    Some(from + found?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, spans: &[Range<usize>]) -> String {
        let mut all = Spans::default();
        spans.iter().for_each(|span| all.add(span.clone()));
        all.merge();
        all.shown(text)
    }

    #[test]
    fn what_overlaps_is_one_and_neighbours_are_two() {
        assert_eq!(shown("xababax", &[1..4, 3..6]), "x#x");
        assert_eq!(shown("xababax", &[3..6, 1..4]), "x#x");
        assert_eq!(shown("abab", &[2..4, 0..2]), "##");
        assert_eq!(shown("abcdef", &[4..5, 0..1, 0..5, 2..2]), "#f");
    }

    #[test]
    fn marks_are_known_whole() {
        let hash = format!("{HASH}{}]", "0a".repeat(16));
        let hidden = |text: &str| {
            let mut bytes = text.as_bytes().to_vec();
            hide_marks(&mut bytes);
            assert_eq!(
                next_mark(text.as_bytes(), 0).is_some(),
                bytes != text.as_bytes()
            );
            bytes.iter().filter(|byte| **byte == HIDDEN).count()
        };
        assert_eq!(
            hidden(&format!("[{MARK}] x{hash}")),
            MARK.len() + hash.len()
        );
        assert_eq!(
            hidden(&format!("[REDACTED [redacted] {}", hash.to_uppercase())),
            0
        );
        assert_eq!(hidden(&hash[..38]), 0);
    }
}
