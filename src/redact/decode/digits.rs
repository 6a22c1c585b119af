//! Base64 and hex. Where in a run of digits the first one is cannot be seen, so each run is read
//! from each of its first digits on; what comes out as no text at all is dropped.

use super::super::{SHORTEST, layer::Layer};
use std::ops::Range;

/// The fewest digits that a secret has.
const BASE64: usize = (SHORTEST * 8).div_ceil(6);
const HEX: usize = SHORTEST * 2;

pub(super) fn base64(bytes: &[u8]) -> Option<Layer> {
    let mut layer = Layer::default();
    for run in runs(bytes, |byte| base64_digit(byte).is_some(), BASE64) {
        let padding = bytes.get(run.end..).unwrap_or_default().iter().take(2);
        let padding = padding.take_while(|byte| **byte == b'=').count();
        for skipped in 0..4 {
            let from = run.start + skipped;
            let digits = bytes.get(from..run.end).unwrap_or_default();
            let count = digits.len() * 6 / 8;
            let before = begin(&mut layer, bytes, &run);
            let decoded = digits.chunks(4).flat_map(|group| {
                let group = group.iter().chain([b'A'; 4].iter()).take(4);
                let value = group.fold(0, |value: u32, digit| {
                    value << 6 | base64_digit(*digit).unwrap_or(0)
                });
                let [_, decoded @ ..] = value.to_be_bytes();
                decoded
            });
            let mut decoded = decoded.take(count);
            // The last byte was written with the padding behind it.
            layer.base64(from, decoded.by_ref().take(count.saturating_sub(1)));
            if let Some(last) = decoded.next() {
                let first = (count - 1) * 8 / 6;
                let end = digits.len() + padding;
                layer.escape(from + first, end - first, &[last]);
            }
            finish(&mut layer, bytes, &run, before);
        }
    }
    (!layer.bytes().is_empty()).then_some(layer)
}

pub(super) fn hex(bytes: &[u8]) -> Option<Layer> {
    let mut layer = Layer::default();
    for run in runs(bytes, |byte| hex_digit(byte).is_some(), HEX) {
        for skipped in 0..2 {
            let from = run.start + skipped;
            let digits = bytes.get(from..run.end).unwrap_or_default();
            let before = begin(&mut layer, bytes, &run);
            let decoded = digits.chunks_exact(2).map(|pair| {
                let value = pair.iter().fold(0, |value: u32, digit| {
                    value << 4 | hex_digit(*digit).unwrap_or(0)
                });
                let [.., byte] = value.to_be_bytes();
                byte
            });
            layer.hex(from, decoded);
            finish(&mut layer, bytes, &run, before);
        }
    }
    (!layer.bytes().is_empty()).then_some(layer)
}

/// The stretches of at least so many digits.
fn runs(
    bytes: &[u8],
    is_digit: impl Fn(u8) -> bool,
    least: usize,
) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
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

/// Begins what is decoded of a run.
fn begin(layer: &mut Layer, bytes: &[u8], run: &Range<usize>) -> (usize, usize) {
    let mark = layer.mark();
    let before = run.start.checked_sub(1).and_then(|at| bytes.get(at));
    layer.border(before.copied());
    mark
}

/// Ends it, or drops it if no secret can be in it.
fn finish(layer: &mut Layer, bytes: &[u8], run: &Range<usize>, begun: (usize, usize)) {
    let mut texts = layer.since(begun).utf8_chunks();
    if texts.any(|chunk| chunk.valid().chars().count() >= SHORTEST) {
        layer.border(bytes.get(run.end).copied());
    } else {
        layer.reset(begun);
    }
}

fn base64_digit(byte: u8) -> Option<u32> {
    let digit = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(digit.into())
}

fn hex_digit(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(16)
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
