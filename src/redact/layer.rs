//! A text that was decoded from another one, and the source of each of its bytes.

use super::spans::{BORDER, HIDDEN};
use alloc::vec::Vec;
use core::ops::Range;

/// A decoded text.
#[derive(Default)]
pub(super) struct Layer {
    bytes: Vec<u8>,
    pieces: Vec<Piece>,
    /// The positions before which white space with a line break was removed.
    breaks: Vec<u32>,
}

/// A stretch of a decoded text: where it begins, and where its source begins.
#[derive(Clone, Copy)]
struct Piece {
    at: u32,
    from: u32,
    unit: Unit,
}

/// How the bytes of a stretch were encoded.
#[derive(Clone, Copy)]
enum Unit {
    /// The first `bytes` were written together as `length` bytes, the others unencoded.
    Escape { length: u8, bytes: u8 },
    /// As digits of `bits` bits; the first byte begins with a digit.
    Digits { bits: u8 },
}

/// A position in a window as `u32`. Windows are shorter than 4 GB.
fn short(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl Layer {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The positions before which white space with a line break was removed, in order.
    pub(super) fn breaks(&self) -> impl Iterator<Item = usize> {
        self.breaks.iter().map(|at| *at as usize)
    }

    /// Notes that white space with a line break was removed before the next byte.
    pub(super) fn break_here(&mut self) {
        self.breaks.push(short(self.bytes.len()));
    }

    fn piece(&mut self, from: usize, unit: Unit) {
        self.pieces.push(Piece {
            at: short(self.bytes.len()),
            from: short(from),
            unit,
        });
    }

    /// Appends bytes that are unencoded at `from` in the source.
    pub(super) fn copy(&mut self, from: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let goes_on = self.pieces.last().is_some_and(|piece| {
            matches!(piece.unit, Unit::Escape { .. })
                && piece.range(short(self.bytes.len())).start == from
        });
        if !goes_on {
            let (length, bytes) = (0, 0);
            self.piece(from, Unit::Escape { length, bytes });
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends bytes that are written as `length` bytes at `from` in the source.
    pub(super) fn escape(&mut self, from: usize, length: usize, bytes: &[u8]) {
        let small = |length| u8::try_from(length).unwrap_or(u8::MAX);
        let (length, count) = (small(length), small(bytes.len()));
        let bytes_of = Unit::Escape {
            length,
            bytes: count,
        };
        self.piece(from, bytes_of);
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends bytes that are written as digits of `bits` bits at `from` in the source.
    pub(super) fn digits(&mut self, from: usize, bits: u8, bytes: &[u8]) {
        self.piece(from, Unit::Digits { bits });
        self.bytes.extend_from_slice(bytes);
    }

    /// Separates what follows from what is before it. Next to a replaced secret, words have unknown
    /// ends.
    pub(super) fn border(&mut self, is_marked: bool) {
        let byte = if is_marked { HIDDEN } else { BORDER };
        self.escape(0, 0, &[byte]);
    }

    /// The bytes, to be changed in place.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// The range of the source of these bytes.
    pub(super) fn source(&self, bytes: &Range<usize>) -> Range<usize> {
        let source_of = |at: usize| {
            let at = short(at);
            let next = self.pieces.partition_point(|piece| piece.at <= at);
            let piece = next.checked_sub(1).and_then(|last| self.pieces.get(last));
            piece.map_or(0..0, |piece| piece.range(at))
        };
        let last = source_of(bytes.end.saturating_sub(1));
        source_of(bytes.start).start..last.end
    }
}

impl Piece {
    /// The range of the source of the byte at `at`.
    fn range(&self, at: u32) -> Range<usize> {
        let (from, at) = (self.from as usize, at.saturating_sub(self.at) as usize);
        match self.unit {
            Unit::Escape { length, bytes } => {
                let (length, bytes) = (usize::from(length), usize::from(bytes));
                match at.checked_sub(bytes) {
                    None => from..from + length,
                    Some(after) => from + length + after..from + length + after + 1,
                }
            }
            Unit::Digits { bits } => {
                let bits = usize::from(bits).max(1);
                from + at * 8 / bits..from + ((at + 1) * 8).div_ceil(bits)
            }
        }
    }
}
