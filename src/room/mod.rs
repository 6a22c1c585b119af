//! Fallible allocation of memory whose size a guest decides: what does not fit is an error of one
//! call, where the allocator would abort the process.
//!
//! Buffers of this crate are reserved fallibly. Where others allocate (the engine while it
//! compiles, the JSON parser), a block of about the size that they need is allocated and freed
//! first. Other threads may take that memory in between, and the estimate may be too low; so each
//! check asks for some more.

mod json_len;

pub(crate) use json_len::{byte_len, entry_len, json_len, map_len, text_len};

use alloc::{string::String, vec::Vec};
use serde_json::{Map, Value};
use tollgate_abi::{ErrorDetail, Evidence};

/// What must be left for the many small things that a call allocates.
const LEFT_OVER: usize = 512 << 10;

/// Texts up to this length are not checked: what is left over is enough for them.
const SHORT: usize = 2 << 10;

/// The most values that a JSON text of somebody else may hold. Each takes up to 112 bytes of memory
/// in addition to its text, so reading an answer takes up to 112 MB and its text.
pub(crate) const MAX_VALUES: usize = 1_000_000;

/// Where values may take so many bytes for each byte of their text, they are counted exactly.
const DENSE: usize = 64;

/// What a value takes in memory when JSON is read, with its share of the list that it is in, while
/// that is growing.
const VALUE: usize = 112;

/// An object that is not empty counts for so many values more: it takes memory for eleven entries
/// at once.
const OBJECT: u8 = 5;

/// Bytes of a node of a map, which holds up to eleven entries.
const NODE: usize = 640;
/// Bytes of an entry of a large map, whose nodes are half empty.
const ENTRY: usize = 128;

/// About the bytes that a copy of a value takes.
pub(crate) fn of_value(value: &Value) -> usize {
    let own = size_of::<Value>();
    match value {
        Value::String(text) => own + text.len(),
        Value::Array(items) => own + items.iter().map(of_value).sum::<usize>(),
        Value::Object(map) => own + of_map(map),
        _ => own,
    }
}

fn of_map(map: &Map<String, Value>) -> usize {
    if map.is_empty() {
        return 0;
    }
    let entries = map.iter();
    let entries = entries.map(|(key, value)| ENTRY + key.len() + of_value(value));
    NODE + entries.sum::<usize>()
}

/// Checks that there is memory for evidence as a JSON value, and for the line of a transcript that
/// the value is written to.
pub(crate) fn check_recording(evidence: &Evidence) -> Result<(), OutOfMemory> {
    let maps = [Some(&evidence.data), evidence.metadata.as_ref()];
    let maps = maps
        .into_iter()
        .flatten()
        .map(|map| (of_map(map), map_len(map)));
    let texts = [&evidence.raw, &evidence.message].into_iter().flatten();
    let texts = texts.map(|text| (text.len(), text_len(text)));
    let error = evidence.error.as_ref().map(of_error);
    let all = maps.chain(texts).chain(error);
    let (copied, written) = all.fold((0usize, 0usize), |(copied, written), (copy, text)| {
        (copied.saturating_add(copy), written.saturating_add(text))
    });
    // The line doubles while it grows.
    check(copied.saturating_add(written.saturating_mul(3)))
}

/// The bytes of a copy of an error, and of its JSON, about.
fn of_error(error: &ErrorDetail) -> (usize, usize) {
    let texts = [&error.message, &error.kind, &error.code];
    let texts = texts.into_iter().chain(&error.stack);
    let texts = texts.map(|text| (ENTRY + text.len(), ENTRY + text_len(text)));
    let details = error
        .details
        .as_ref()
        .map(|map| (of_map(map), map_len(map)));
    let wrapped = error.wrapped.as_deref().map(of_error);
    let all = texts.chain(details).chain(wrapped);
    all.fold((NODE, ENTRY), |sum, part| (sum.0 + part.0, sum.1 + part.1))
}

/// The machine has no memory left for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfMemory;

/// Checks that so many bytes can be allocated, and some are left over.
pub(crate) fn check(bytes: usize) -> Result<(), OutOfMemory> {
    check_exactly(bytes.saturating_add(LEFT_OVER))
}

/// Checks that so many bytes can be allocated, where an earlier check made sure that some are left
/// over.
pub(crate) fn check_exactly(wanted: usize) -> Result<(), OutOfMemory> {
    // The optimiser must not remove the allocation.
    let mut block = core::hint::black_box(reserved::<u8>(wanted)?);
    // Freed in two steps: when glibc frees a large block, it keeps freed blocks up to that size for
    // later allocations from then on.
    block.shrink_to(SHORT);
    core::hint::black_box(block);
    Ok(())
}

/// An empty list with room for so many items.
pub(crate) fn reserved<T>(count: usize) -> Result<Vec<T>, OutOfMemory> {
    let mut list = Vec::new();
    list.try_reserve_exact(count).map_err(|_| OutOfMemory)?;
    Ok(list)
}

/// Appends an item to a list.
pub(crate) fn push<T>(list: &mut Vec<T>, item: T) -> Result<(), OutOfMemory> {
    list.try_reserve(1).map_err(|_| OutOfMemory)?;
    list.push(item);
    Ok(())
}

/// A copy.
pub(crate) fn copy(bytes: &[u8]) -> Result<Vec<u8>, OutOfMemory> {
    let mut copy = reserved(bytes.len())?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

/// Checks that there is memory to parse this JSON.
pub(crate) fn check_reading(json: &[u8]) -> Result<(), OutOfMemory> {
    if json.len() <= SHORT {
        return Ok(());
    }
    let most = most_values(json);
    // Counted exactly where it makes a difference: where there is much outside of texts, or much in
    // them that looks like it.
    let values = match most.saturating_mul(VALUE) > json.len().saturating_mul(DENSE) {
        true => values(json),
        false => most,
    };
    // More are refused before they are read.
    let values = values.min(MAX_VALUES);
    // A text with escapes is put together in a buffer that doubles while it grows, and then copied; a
    // document with halves of surrogate pairs is copied first.
    let mut copies = if json.contains(&b'\\') { 5 } else { 2 };
    if str::from_utf8(json).is_err() {
        // Each byte may become the three of a replacement character, before it is parsed.
        copies = (copies + 1) * 3;
    }
    let texts = json.len().saturating_mul(copies);
    check(values.saturating_mul(VALUE).saturating_add(texts))
}

/// At least as many values as a JSON text has: what looks like the end of one within a string counts
/// too. Takes about an instruction for each byte.
pub(crate) fn most_values(json: &[u8]) -> usize {
    let weight = |byte: u8| {
        let ends = u8::from(byte == b',') + u8::from(byte == b']') + u8::from(byte == b'}');
        ends + OBJECT * u8::from(byte == b'{')
    };
    // The sum of so many fits into a byte, and is found without branches.
    let (blocks, rest) = json.as_chunks::<32>();
    let sum = |block: &[u8; 32]| block.iter().map(|byte| weight(*byte)).sum::<u8>();
    let blocks: usize = blocks.iter().map(|block| usize::from(sum(block))).sum();
    let rest: usize = rest.iter().map(|byte| usize::from(weight(*byte))).sum();
    blocks + rest
}

/// About how many values a JSON text has: each ends with a comma or a bracket.
pub(crate) fn values(bytes: &[u8]) -> usize {
    let mut values = 0;
    let mut before = b' ';
    for byte in outside_strings(bytes).filter(|byte| !byte.is_ascii_whitespace()) {
        values += usize::from(matches!(byte, b',' | b']' | b'}'));
        // What comes first in an object is a string or its end.
        if before == b'{' && byte != b'}' {
            values += usize::from(OBJECT);
        }
        before = byte;
    }
    values
}

/// The bytes of a JSON text that are outside strings.
pub(crate) fn outside_strings(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let (mut in_string, mut escaped) = (false, false);
    bytes.iter().copied().filter(move |byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ => return !in_string,
        }
        false
    })
}

/// Checks that there is memory to write these bytes as JSON, as text or in base64.
pub(crate) fn check_writing(bytes: &[u8]) -> Result<(), OutOfMemory> {
    // The text, the document, which doubles while it grows, and its escaped copy.
    let room_for = |written: usize| check(written.saturating_mul(4));
    if bytes.len() <= SHORT {
        return Ok(());
    }
    // A byte becomes six at most, if it is escaped.
    let escaped = |byte: &&u8| **byte < 0x20 || b"\"\\<>&".contains(byte);
    let escaped = bytes.iter().filter(escaped).count();
    let plain = bytes.len().saturating_add(bytes.len() / 2);
    room_for(plain.saturating_add(escaped.saturating_mul(5)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_had_is_an_error() {
        assert_eq!(check(usize::MAX), Err(OutOfMemory));
        assert_eq!(check(isize::MAX.unsigned_abs()), Err(OutOfMemory));
        assert!(reserved::<u64>(usize::MAX / 8).is_err());
        assert_eq!(check(1 << 10), Ok(()));
        assert_eq!(copy(b"bytes"), Ok(b"bytes".to_vec()));
    }

    #[test]
    fn texts_and_nodes_of_a_value_count() {
        let own = size_of::<Value>();
        assert_eq!(of_value(&serde_json::json!([1, "abc"])), 3 * own + 3);
        assert!(of_value(&serde_json::json!({"": 0})) > 600);
    }

    proptest::proptest! {
        #[test]
        fn the_quick_count_is_never_too_low(json in r#"[\[\]{},:"\\ a0]{0,100}"#) {
            proptest::prop_assert!(most_values(json.as_bytes()) >= values(json.as_bytes()));
        }
    }

    #[test]
    fn texts_of_any_length_can_be_looked_at() {
        for length in [0, 1, SHORT, SHORT + 1, 100_000] {
            for byte in [b',', b'a', 0] {
                let text = vec![byte; length];
                assert_eq!(check_reading(&text), Ok(()));
                assert_eq!(check_writing(&text), Ok(()));
            }
        }
    }
}
