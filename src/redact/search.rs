//! Searching a text as it is, and as each [`Encoding`] decodes it, one in another.
//!
//! The decoded texts form a tree. It is walked in windows, so that its memory is bounded whatever
//! the length of the text, and each of its levels has a budget of bytes, so that it costs no more
//! than so many passes over the text whatever is in it.

use super::{
    SHORTEST, assignments,
    automaton::Automaton,
    decode::Encoding,
    layer::Layer,
    pem,
    spans::{self, End, Spans, count},
    tokens,
    values::Search,
};
use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hasher as _},
    ops::Range,
};

/// How many bytes are decoded on each level for each byte of a text. The first is as many as all
/// encodings of it can have; in the others, garbage has no text to speak of, and what was written
/// by an encoder has little but that.
const BUDGETS: [usize; 3] = [16, 24, 24];

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
        if spans::next_mark(&bytes, 0).is_some() {
            spans::hide_marks(bytes.to_mut());
        }
        self.find_plain(&bytes, end, false, &mut found);
        // Whatever is encoded is longer than the shortest secret.
        let windows = windows(bytes.len(), self.values.longest);
        for window in windows.filter(|window| window.len() > SHORTEST) {
            let is_last = window.end == bytes.len();
            let (start, length) = (window.start, window.len());
            let tree = Tree {
                searched: self,
                text: bytes.get(window).unwrap_or_default(),
                end: if is_last { end } else { End::Whole },
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

/// A window of a text, and all that is decoded from it.
struct Tree<'a> {
    searched: &'a Searched<'a>,
    text: &'a [u8],
    end: End,
    /// The bytes that may still be decoded, by level.
    left: [usize; BUDGETS.len()],
    /// Level by level, so that what is near to the text is decoded first.
    decoded: Vec<Decoded>,
    found: Spans,
}

/// A decoded text of the tree.
struct Decoded {
    encoding: Encoding,
    layer: Layer,
    hash: u64,
    level: usize,
    /// The text that it was decoded from; `None` is the window.
    from: Option<usize>,
}

impl Tree<'_> {
    fn search(mut self) -> Spans {
        for encoding in Encoding::ALL {
            self.decode(encoding, None, 0);
        }
        let mut next = 0;
        while let Some(from) = self.decoded.get(next) {
            let level = from.level + 1;
            // What was unwrapped was decoded at once.
            if from.encoding != Encoding::Wrapped && level < BUDGETS.len() {
                for encoding in Encoding::ALL {
                    self.decode(encoding, Some(next), level);
                }
            }
            next += 1;
        }
        self.found
    }

    /// Decodes a text, and searches what comes out unless it came out before.
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
        let mut hasher = DefaultHasher::new();
        hasher.write(layer.bytes());
        let hash = hasher.finish();
        // Nothing of what this encoding has to decode was in the encoding around it.
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
            // Digits are wrapped, too.
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
            self.searched.values.find_wrapped(layer, &mut found);
        } else {
            self.searched
                .find_plain(layer.bytes(), self.end, true, &mut found);
        }
        for span in found.iter() {
            let span = self.source(number, span);
            self.found.add(span);
        }
    }

    /// Where in the window some bytes of a decoded text are.
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
