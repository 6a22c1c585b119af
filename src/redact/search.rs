//! Searching a text and everything that can be decoded from it by nested [`Encoding`]s.
//!
//! The decoded texts form a tree. The text is searched in windows, so that memory is bounded, and each
//! level of the tree has a budget of bytes, so that a search costs a bounded number of passes over the
//! text.

use super::{
    SHORTEST, assignments,
    automaton::Automaton,
    decode::Encoding,
    layer::Layer,
    pem,
    spans::{self, Spans, TextEnd, count},
    tokens,
    values::ValueSearch,
};
use crate::content_hash::Keys;
use alloc::{borrow::Cow, vec::Vec};
use core::ops::Range;

/// How many bytes are decoded on each level for each byte of a text. The first budget is enough for all
/// encodings. The others are enough for what an encoder wrote: random input decodes to little text.
const BUDGETS: [usize; 3] = [16, 24, 24];

/// The length of a window in bytes, and of its overlap with the next one. A secret that is shorter than
/// the overlap is always within one window.
const WINDOW: usize = 128 << 10;
const OVERLAP: usize = 16 << 10;

/// How many times longer than the value an encoding may be to be found across windows.
const LONGEST_ENCODING: usize = 8;

/// A search for secrets.
pub(super) struct SecretSearch<'a> {
    pub(super) values: &'a ValueSearch,
    /// Names that are assigned secrets; `None` if recognized formats are not searched for.
    pub(super) names: Option<&'a Automaton>,
}

impl SecretSearch<'_> {
    /// Finds secrets in bytes, which need not be UTF-8.
    pub(super) fn find(&self, bytes: &[u8], end: TextEnd) -> Spans {
        let mut found = Spans::default();
        if self.names.is_none() && self.values.is_empty() {
            return found;
        }
        let mut bytes = Cow::Borrowed(bytes);
        if spans::next_mark(&bytes, 0).is_some() {
            spans::hide_marks(bytes.to_mut());
        }
        self.find_plain(&bytes, end, false, &mut found);
        // An encoded secret is longer than the shortest secret.
        let windows = windows(bytes.len(), self.values.longest);
        for window in windows.filter(|window| window.len() > SHORTEST) {
            let is_last = window.end == bytes.len();
            let (start, length) = (window.start, window.len());
            let tree = DecodeTree {
                search: self,
                text: bytes.get(window).unwrap_or_default(),
                end: if is_last { end } else { TextEnd::Whole },
                left: BUDGETS.map(|budget| budget.saturating_mul(length)),
                decoded: Vec::new(),
                found: Spans::default(),
            };
            for span in tree.search().iter() {
                found.add(start + span.start..start.saturating_add(span.end));
            }
        }
        found.merge();
        found
    }

    fn find_plain(&self, bytes: &[u8], end: TextEnd, is_decoded: bool, found: &mut Spans) {
        self.values.find(bytes, end, is_decoded, found);
        if let Some(names) = self.names {
            tokens::find(bytes, end, found);
            assignments::find(bytes, names, found);
            pem::find(bytes, found);
        }
    }
}

/// The windows of a text of this length.
fn windows(length: usize, longest: usize) -> impl Iterator<Item = Range<usize>> {
    let overlap = longest.saturating_mul(LONGEST_ENCODING).max(OVERLAP);
    let size = overlap
        .saturating_mul(4)
        .clamp(WINDOW, u32::MAX as usize / 4);
    let step = size.saturating_sub(overlap).max(1);
    let mut next = Some(0usize);
    core::iter::from_fn(move || {
        let start = next?;
        let end = start.saturating_add(size).min(length);
        next = (end < length).then_some(start + step);
        Some(start..end)
    })
}

/// A window of a text, and everything that is decoded from it.
struct DecodeTree<'a> {
    search: &'a SecretSearch<'a>,
    text: &'a [u8],
    end: TextEnd,
    /// How many bytes may still be decoded, by level.
    left: [usize; BUDGETS.len()],
    /// In the order of levels, so that the first levels are decoded first.
    decoded: Vec<Decoded>,
    found: Spans,
}

/// A decoded text of the tree.
struct Decoded {
    encoding: Encoding,
    layer: Layer,
    hash: u64,
    level: usize,
    /// The text that it was decoded from; `None` for the window.
    from: Option<usize>,
}

impl DecodeTree<'_> {
    fn search(mut self) -> Spans {
        for encoding in Encoding::ALL {
            self.decode(encoding, None, 0);
        }
        let mut next = 0;
        while let Some(from) = self.decoded.get(next) {
            let level = from.level + 1;
            // An unwrapped text was decoded with its own level.
            if from.encoding != Encoding::Wrapped && level < BUDGETS.len() {
                for encoding in Encoding::ALL {
                    self.decode(encoding, Some(next), level);
                }
            }
            next += 1;
        }
        self.found
    }

    /// Decodes a text, and searches the result unless there was the same result before.
    fn decode(&mut self, encoding: Encoding, from: Option<usize>, level: usize) {
        let bytes = match from.and_then(|from| self.decoded.get(from)) {
            Some(decoded) => decoded.layer.bytes(),
            None => self.text,
        };
        let Some(left) = self
            .left
            .get_mut(level)
            .filter(|left| bytes.len() <= **left)
        else {
            return;
        };
        count(bytes.len());
        let Some(layer) = encoding.decode(bytes) else {
            return;
        };
        *left = left.saturating_sub(layer.bytes().len());
        count(layer.bytes().len());
        let hash = Keys::default().hash(layer.bytes());
        // The same text was decoded before, on this or another level.
        let is_known = self.decoded.iter().any(|known| {
            (known.encoding, known.hash) == (encoding, hash) && known.layer.bytes() == layer.bytes()
        });
        if is_known {
            return;
        }
        let number = self.decoded.len();
        self.decoded.push(Decoded {
            encoding,
            layer,
            hash,
            level,
            from,
        });
        self.search_decoded(number);
        if encoding == Encoding::Wrapped {
            // Base64 and hex can be wrapped too.
            self.decode(Encoding::Base64, Some(number), level);
            self.decode(Encoding::Hex, Some(number), level);
        }
    }

    fn search_decoded(&mut self, number: usize) {
        let Some(Decoded {
            encoding, layer, ..
        }) = self.decoded.get(number)
        else {
            return;
        };
        let mut found = Spans::default();
        if *encoding == Encoding::Wrapped {
            self.search.values.find_wrapped(layer, &mut found);
        } else {
            self.search
                .find_plain(layer.bytes(), self.end, true, &mut found);
        }
        for span in found.iter() {
            let span = self.source(number, span);
            self.found.add(span);
        }
    }

    /// The range of the window from which some bytes of a decoded text come.
    fn source(&self, number: usize, bytes: &Range<usize>) -> Range<usize> {
        let mut bytes = bytes.clone();
        let mut next = Some(number);
        while let Some(decoded) = next.and_then(|number| self.decoded.get(number)) {
            bytes = decoded.layer.source(&bytes);
            next = decoded.from;
        }
        bytes
    }
}
