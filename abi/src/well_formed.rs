//! JSON that is almost JSON: bytes that are not UTF-8, halves of surrogate pairs, and the zero at the end of a
//! text in C.

use alloc::{borrow::Cow, string::String};

/// What an invalid byte becomes.
const REPLACEMENT: char = '\u{FFFD}';

/// What an escape of half a pair becomes, which is as long.
const REPLACEMENT_ESCAPE: &str = "\\ufffd";

/// Returns the text of a JSON document, with each byte that is not UTF-8 and each escape of half a
/// surrogate pair (such as `\ud83d` alone) replaced by U+FFFD, as Go reads them, and without zero bytes at
/// its end. Copies only if something is replaced. What else is wrong with the document stays wrong.
pub fn well_formed(bytes: &[u8]) -> Cow<'_, str> {
    let text = bytes.iter().rposition(|byte| *byte != 0);
    let bytes = bytes
        .get(..text.map_or(0, |last| last + 1))
        .unwrap_or_default();
    match core::str::from_utf8(bytes) {
        Ok(text) => replace_halves(text).map_or(Cow::Borrowed(text), Cow::Owned),
        Err(_) => {
            let text = replace_bytes(bytes);
            Cow::Owned(replace_halves(&text).unwrap_or(text))
        }
    }
}

/// Replaces each byte that is not UTF-8. The standard library replaces several bytes by one character.
fn replace_bytes(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| REPLACEMENT));
    }
    text
}

/// Replaces escapes of half a pair; `None` if there is none. JSON has backslashes in strings only.
pub(crate) fn replace_halves(text: &str) -> Option<String> {
    let mut replaced = String::new();
    // What is before `from` is copied, what is before `at` is read.
    let (mut from, mut at) = (0, 0);
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('\\')) {
        let escape = at + found;
        match (unit(text, escape), unit(text, escape + 6)) {
            (Some(0xD800..0xDC00), Some(0xDC00..0xE000)) => at = escape + 12,
            (Some(0xD800..0xE000), _) => {
                if replaced.is_empty() {
                    replaced.reserve(text.len());
                }
                replaced.push_str(text.get(from..escape)?);
                replaced.push_str(REPLACEMENT_ESCAPE);
                at = escape + 6;
                from = at;
            }
            // What is escaped may be a backslash; a character of several bytes is not JSON.
            _ => {
                at = escape
                    + if text.is_char_boundary(escape + 2) {
                        2
                    } else {
                        1
                    }
            }
        }
    }
    if from == 0 {
        return None;
    }
    replaced.push_str(text.get(from..)?);
    Some(replaced)
}

/// The UTF-16 unit of the escape `\uXXXX` at a byte, if there is one.
fn unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..at.checked_add(6)?)?.strip_prefix("\\u")?;
    // A sign would be read too.
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::from_json;
    use alloc::{format, vec::Vec};
    use proptest::prelude::*;

    /// A part of a string: how it is written, and the UTF-16 that it means.
    fn part() -> impl Strategy<Value = (Vec<u8>, Vec<u16>)> {
        let raw = "[a é😀du8]".prop_map(|text: String| {
            let units = text.encode_utf16().collect();
            (text.into_bytes(), units)
        });
        let escape = (0xD7FF_u16..=0xE000, any::<bool>()).prop_map(|(unit, upper)| {
            let text = match upper {
                true => format!("\\u{unit:04X}"),
                false => format!("\\u{unit:04x}"),
            };
            (text.into_bytes(), [unit].into())
        });
        let pair = any::<char>().prop_map(|character| {
            let units: Vec<u16> = character.encode_utf16(&mut [0; 2]).to_vec();
            let escapes = units.iter().map(|unit| format!("\\u{unit:04x}"));
            (escapes.collect::<String>().into_bytes(), units)
        });
        let other = prop_oneof![
            Just((b"\\\\".to_vec(), Vec::from([0x5C]))),
            Just((b"\\\"".to_vec(), Vec::from([0x22]))),
            Just((b"\\n".to_vec(), Vec::from([0x0A]))),
        ];
        // Bytes that begin no character, nor go on with one.
        let byte = prop_oneof![Just(0xFF), Just(0xC0), Just(0xF8)];
        let invalid = byte.prop_map(|byte| (Vec::from([byte]), Vec::from([0xFFFD])));
        // A character that is cut off.
        let cut = Just((b"\xF0\x9F\x98".to_vec(), Vec::from([0xFFFD; 3])));
        prop_oneof![raw, escape.clone(), escape, pair, other, invalid, cut]
    }

    proptest! {
        #[test]
        fn it_means_the_utf16_that_is_written(parts in prop::collection::vec(part(), 0..12)) {
            let (written, units): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
            let document = [b"{\"", written.concat().as_slice(), b"\":0}"].concat();
            let meant = String::from_utf16_lossy(&units.concat());
            let read: serde_json::Map<String, serde_json::Value> = from_json(&document).unwrap();
            prop_assert_eq!(read.keys().next(), Some(&meant));
            let text = well_formed(&document);
            let again: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&again, &read);
            let terminated = [document.as_slice(), b"\0"].concat();
            prop_assert_eq!(&well_formed(&terminated), &text);
            prop_assert_eq!(&from_json::<serde_json::Map<_, _>>(&terminated).unwrap(), &read);
            let is_whole = core::str::from_utf8(&document)
                .is_ok_and(|text| serde_json::from_str::<serde_json::Value>(text).is_ok());
            prop_assert_eq!(matches!(text, Cow::Borrowed(_)), is_whole);
        }

        #[test]
        fn any_bytes_become_text(bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), Just(b'\\'), Just(b'u'), Just(b'd'), Just(b'8')], 0..40)
        ) {
            let text = well_formed(&bytes);
            prop_assert!(replace_halves(&text).is_none());
            // Whoever reads them anew finds nothing to replace.
            prop_assert_eq!(well_formed(text.as_bytes()), text.as_ref());
        }
    }
}
