//! Searching a text as it is, and as each [`Encoding`] decodes it, one in another.
//!
//! The decoded texts form a tree. It is walked in windows, so that its memory is bounded whatever
//! the length of the text, and each of its levels has a budget of bytes, so that it costs no more
//! than so many passes over the text whatever is in it.

use super::{
    assignments,
    automaton::Automaton,
    decode::Encoding,
    layer::Layer,
    pem,
    spans::{self, End, Spans, count},
    tokens,
    values::Search,
};
use std::{borrow::Cow, ops::Range};

/// How many bytes are decoded on each level for each byte of a text. The first is as many as all
/// encodings of it can have; in the others, garbage has no text to speak of, and what was written
/// by an encoder has little but that.
const BUDGETS: [usize; 3] = [16, 12, 8];

/// So much of a text is decoded at once, and so much of that again with the next window: no
/// shorter secret falls between two.
const WINDOW: usize = 128 << 10;
const OVERLAP: usize = 16 << 10;

/// How much longer a value may be when it is encoded, to be found across windows.
const LONGEST_ENCODING: usize = 8;

/// What is searched for.
pub(super) struct Searched<'a> {
    pub(super) values: &'a Search,
    /// Names that promise secrets, if what is known by its looks is searched for.
    pub(super) names: Option<&'a Automaton>,
}

impl Searched<'_> {
    /// Finds secrets in some bytes that need not be text.
    pub(super) fn find(&self, bytes: &[u8], end: End) -> Spans {
        let mut found = Spans::default();
        if self.names.is_none() && self.values.is_empty() {
            return found;
        }
        let mut bytes = Cow::Borrowed(bytes);
        if spans::holds_mark(&bytes) {
            spans::hide_marks(bytes.to_mut());
        }
        self.find_plain(&bytes, end, false, &mut found);
        for window in windows(bytes.len(), self.values.longest) {
            let is_last = window.end == bytes.len();
            let mut walk = Walk {
                searched: self,
                start: window.start,
                end: if is_last { end } else { End::Whole },
                left: BUDGETS.map(|budget| budget.saturating_mul(window.len())),
                found: &mut found,
            };
            let root = Place {
                bytes: bytes.get(window).unwrap_or_default(),
                decoded: None,
                below: None,
            };
            walk.decode(&root, 0);
        }
        found.merge();
        found
    }

    fn find_plain(&self, bytes: &[u8], end: End, is_decoded: bool, found: &mut Spans) {
        self.values.find(bytes, end, is_decoded, found);
        if let Some(names) = self.names {
            tokens::find(bytes, end, found);
            assignments::find(bytes, names, found);
            pem::find(bytes, found);
        }
    }
}

/// The stretches of a text of this length that are decoded at once.
fn windows(length: usize, longest: usize) -> impl Iterator<Item = Range<usize>> {
    let overlap = longest.saturating_mul(LONGEST_ENCODING).max(OVERLAP);
    let size = overlap
        .saturating_mul(4)
        .clamp(WINDOW, u32::MAX as usize / 4);
    let step = size.saturating_sub(overlap).max(1);
    let mut next = Some(0usize);
    std::iter::from_fn(move || {
        let start = next?;
        let end = start.saturating_add(size).min(length);
        next = (end < length).then_some(start + step);
        Some(start..end)
    })
}

/// A text of the tree, and the way back to the window that it was decoded from.
struct Place<'a> {
    bytes: &'a [u8],
    decoded: Option<&'a Layer>,
    below: Option<&'a Place<'a>>,
}

impl Place<'_> {
    /// Where in the window these bytes are.
    fn source(&self, bytes: &Range<usize>) -> Range<usize> {
        let mut bytes = bytes.clone();
        let mut place = Some(self);
        while let Some(here) = place {
            if let Some(layer) = here.decoded {
                bytes = layer.source(&bytes);
            }
            place = here.below;
        }
        bytes
    }
}

struct Walk<'a> {
    searched: &'a Searched<'a>,
    /// Where the window begins in the text.
    start: usize,
    end: End,
    /// The bytes that may still be decoded, by level.
    left: [usize; BUDGETS.len()],
    found: &'a mut Spans,
}

impl Walk<'_> {
    fn decode(&mut self, place: &Place<'_>, level: usize) {
        for encoding in Encoding::ALL {
            self.decode_as(encoding, place, level);
        }
    }

    fn decode_as(&mut self, encoding: Encoding, place: &Place<'_>, level: usize) {
        let length = place.bytes.len();
        let Some(left) = self.left.get_mut(level).filter(|left| length <= **left) else {
            return;
        };
        count(length);
        let Some(layer) = encoding.decode(place.bytes) else {
            return;
        };
        *left = left.saturating_sub(layer.bytes().len());
        let place = Place {
            bytes: layer.bytes(),
            decoded: Some(&layer),
            below: Some(place),
        };
        let mut found = Spans::default();
        if encoding == Encoding::Wrapped {
            self.searched.values.find_wrapped(&layer, &mut found);
        } else {
            let end = self.end;
            self.searched.find_plain(place.bytes, end, true, &mut found);
        }
        for span in found.iter() {
            let Range { start, end } = place.source(span);
            self.found.add(self.start + start..self.start + end);
        }
        if encoding == Encoding::Wrapped {
            // Digits are wrapped, too.
            self.decode_as(Encoding::Base64, &place, level);
            self.decode_as(Encoding::Hex, &place, level);
        } else {
            self.decode(&place, level + 1);
        }
    }
}
