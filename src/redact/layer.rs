//! A text that was decoded from another one, and where in that each of its bytes comes from.

use super::spans::{BORDER, HIDDEN};
use std::ops::Range;

/// A decoded text.
#[derive(Default)]
pub(super) struct Layer {
    bytes: Vec<u8>,
    pieces: Vec<Piece>,
    /// Before which bytes white space with a line break was dropped.
    breaks: Vec<u32>,
}

/// A stretch of a decoded text: from where it goes, and from where it was decoded.
#[derive(Clone, Copy)]
struct Piece {
    at: u32,
    from: u32,
    unit: Unit,
}

/// What of the source a decoded byte was.
#[derive(Clone, Copy)]
enum Unit {
    /// The first `bytes` were written as `length` bytes together, the others are themselves.
    Escape { length: u8, bytes: u8 },
    /// Each byte is some digits of so many bits, the first of which begins a digit.
    Digits { bits: u8 },
}

/// A place in a text that is decoded at once, which is never so long that it does not fit.
fn short(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl Layer {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Before which bytes white space with a line break was dropped, in order.
    pub(super) fn breaks(&self) -> impl Iterator<Item = usize> {
        self.breaks.iter().map(|at| *at as usize)
    }

    /// White space with a line break was dropped before the next byte.
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

    /// The source's bytes from `from` on are the next ones.
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

    /// `length` bytes of the source, at `from`, are written for these.
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

    /// These bytes were written as digits of so many bits from `from` on.
    pub(super) fn digits(&mut self, from: usize, bits: u8, bytes: &[u8]) {
        self.piece(from, Unit::Digits { bits });
        self.bytes.extend_from_slice(bytes);
    }

    /// What follows in the source is decoded by itself. Beside a mark, it is not known any more
    /// where a word began.
    pub(super) fn border(&mut self, is_marked: bool) {
        let byte = if is_marked { HIDDEN } else { BORDER };
        self.escape(0, 0, &[byte]);
    }

    /// The bytes, to be changed in place.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// What of the source these bytes were written as.
    pub(super) fn source(&self, bytes: &Range<usize>) -> Range<usize> {
        let place = |at: usize| {
            let at = short(at);
            let next = self.pieces.partition_point(|piece| piece.at <= at);
            let piece = next.checked_sub(1).and_then(|last| self.pieces.get(last));
            piece.map_or(0..0, |piece| piece.range(at))
        };
        let last = place(bytes.end.saturating_sub(1));
        place(bytes.start).start..last.end
    }
}

impl Piece {
    /// What of the source the byte at `at` was.
    fn range(&self, at: u32) -> Range<usize> {
        let (from, at) = (self.from as usize, at.saturating_sub(self.at) as usize);
        match self.unit {
            Unit::Escape { length, bytes } => {
                let (length, bytes) = (usize::from(length), usize::from(bytes));
                match at.checked_sub(bytes) {
                    None => from..from + length,
                    Some(behind) => from + length + behind..from + length + behind + 1,
                }
            }
            Unit::Digits { bits } => {
                let bits = usize::from(bits).max(1);
                from + at * 8 / bits..from + ((at + 1) * 8).div_ceil(bits)
            }
        }
    }
}
