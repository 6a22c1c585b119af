//! Base64 and hex. A run of digits can have any alignment, so each run is decoded once for each. Only
//! the text in the result is kept.

use super::super::{SHORTEST, layer::Layer, spans::HIDDEN};
use alloc::vec::Vec;
use core::ops::Range;

/// A way to write bytes as digits.
struct Digits {
    /// How many bits a digit has.
    bits: u8,
    /// The number of alignments.
    places: usize,
    /// The value of each byte as a digit, or [`NONE`].
    values: [u8; 256],
    /// The maximum number of padding characters after the last digit.
    padding: usize,
}

static BASE64: Digits = Digits {
    bits: 6,
    places: 4,
    values: values(&[
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
    ]),
    padding: 2,
};

static HEX: Digits = Digits {
    bits: 4,
    places: 2,
    values: values(&[b"0123456789abcdef", b"0123456789ABCDEF"]),
    padding: 0,
};

/// The value of a byte that is not a digit.
const NONE: u8 = 0xFF;

/// The values of the digits of these alphabets.
#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler for alphabets of at most 64 digits"
)]
const fn values(alphabets: &[&[u8]]) -> [u8; 256] {
    let mut values = [NONE; 256];
    let mut alphabet = 0;
    while alphabet < alphabets.len() {
        let mut value = 0;
        while value < alphabets[alphabet].len() {
            values[alphabets[alphabet][value] as usize] = value as u8;
            value += 1;
        }
        alphabet += 1;
    }
    values
}

pub(super) fn base64(bytes: &[u8]) -> Option<Layer> {
    BASE64.decode(bytes)
}

pub(super) fn hex(bytes: &[u8]) -> Option<Layer> {
    HEX.decode(bytes)
}

impl Digits {
    fn decode(&self, bytes: &[u8]) -> Option<Layer> {
        // The minimum number of digits of a secret.
        let least = (SHORTEST * 8).div_ceil(self.bits.into());
        let mut layer = Layer::default();
        let mut decoded = Vec::new();
        for run in runs(bytes, |byte| self.value(byte) != NONE, least) {
            for skipped in 0..self.places {
                let digits = bytes.get(run.start + skipped..run.end);
                self.read(digits.unwrap_or_default(), &mut decoded);
                self.keep(bytes, &run, skipped, &decoded, &mut layer);
            }
        }
        (!layer.bytes().is_empty()).then_some(layer)
    }

    fn value(&self, byte: u8) -> u8 {
        self.values.get(usize::from(byte)).copied().unwrap_or(NONE)
    }

    fn read(&self, digits: &[u8], decoded: &mut Vec<u8>) {
        decoded.clear();
        let (mut value, mut bits) = (0u32, 0);
        for digit in digits {
            value = value << self.bits | u32::from(self.value(*digit));
            bits += self.bits;
            if bits >= 8 {
                bits -= 8;
                let [.., byte] = (value >> bits).to_be_bytes();
                decoded.push(byte);
            }
        }
    }

    /// Keeps the text of a decoded run that is long enough for a secret.
    fn keep(
        &self,
        bytes: &[u8],
        run: &Range<usize>,
        skipped: usize,
        decoded: &[u8],
        layer: &mut Layer,
    ) {
        let bits = usize::from(self.bits);
        let place = |at: usize| run.start + skipped + at * 8 / bits;
        let before = run.start.checked_sub(1).and_then(|at| bytes.get(at));
        for text in texts(decoded) {
            let is_last = text.end == decoded.len();
            // The last byte before it that begins with a digit.
            let start = text.start - text.start % 3;
            let shared = text.end - usize::from(is_last);
            layer.border(start == 0 && before == Some(&HIDDEN));
            let all_but_last = decoded.get(start..shared).unwrap_or_default();
            layer.digits(place(start), self.bits, all_but_last);
            if let Some(last) = decoded.get(shared..text.end).filter(|_| is_last) {
                // The padding after it belongs to it.
                let mut to = run.start + skipped + (text.end * 8).div_ceil(bits);
                let is_padding = |at: &usize| bytes.get(*at) == Some(&b'=');
                if to == run.end {
                    to += (to..to + self.padding).take_while(is_padding).count();
                }
                layer.escape(place(shared), to - place(shared), last);
            }
            layer.border(is_last && bytes.get(run.end) == Some(&HIDDEN));
        }
    }
}

/// The ranges of text without control characters that are long enough for a secret.
fn texts(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let is_control = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    let pieces = bytes.split_inclusive(is_control);
    let chunks = pieces.flat_map(|piece| piece.utf8_chunks());
    let mut at = 0;
    chunks.filter_map(move |chunk| {
        let start = at;
        let text = chunk.valid();
        let text = match text.as_bytes().last() {
            Some(last) if is_control(last) => text.get(..text.len() - 1).unwrap_or_default(),
            _ => text,
        };
        at += chunk.valid().len() + chunk.invalid().len();
        (text.chars().count() >= SHORTEST).then_some(start..start + text.len())
    })
}

/// The ranges of at least `least` digits.
fn runs(
    bytes: &[u8],
    is_digit: impl Fn(u8) -> bool,
    least: usize,
) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    core::iter::from_fn(move || {
        while at < bytes.len() {
            let start = at;
            let rest = bytes.get(start..).unwrap_or_default();
            let length = rest.iter().position(|byte| !is_digit(*byte));
            let length = length.unwrap_or(rest.len());
            at = start + length + 1;
            if length >= least {
                return Some(start..start + length);
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tollgate_abi::base64;

    /// Where in a layer these bytes are.
    fn place(layer: &Layer, wanted: &[u8]) -> Option<Range<usize>> {
        let at = layer
            .bytes()
            .windows(wanted.len())
            .position(|it| it == wanted)?;
        Some(layer.source(&(at..at + wanted.len())))
    }

    proptest! {
        #[test]
        fn text_is_found_at_each_place_of_either_base64_and_traced_to_its_digits(
            before in "[ (]?[A-Za-z0-9/+_-]{0,5}", bytes: Vec<u8>, text in "[a-z]{4,9}", after: Vec<u8>, padded: bool,
        ) {
            let bytes_before = bytes.len();
            let all = [bytes, text.clone().into_bytes(), after].concat();
            let mut digits = base64::encode(&all);
            if !padded {
                digits = digits.trim_end_matches('=').replace('+', "-").replace('/', "_");
            }
            let whole = before.clone() + &digits;
            let layer = base64(whole.as_bytes()).unwrap();
            let from = before.len() + bytes_before * 8 / 6;
            let end = bytes_before + text.len();
            let to = if end == all.len() { whole.len() } else { before.len() + (end * 8).div_ceil(6) };
            prop_assert_eq!(place(&layer, text.as_bytes()), Some(from..to));
            prop_assert!(layer.bytes().len() <= 4 * whole.len());
        }

        #[test]
        fn text_is_found_in_hex(before in "( |[0-9a-fA-F]{0,3})", text in "[a-z]{4,9}", after in "( |[0-9a-fA-F]{0,3})") {
            let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            let layer = hex(format!("{before}{digits}{after}").as_bytes()).unwrap();
            let from = before.len();
            prop_assert_eq!(place(&layer, text.as_bytes()), Some(from..from + digits.len()));
        }
    }
}
