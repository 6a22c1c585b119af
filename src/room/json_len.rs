//! How many bytes of JSON a value has, counted without writing it.

use alloc::string::String;
use core::fmt::{self, Write as _};
use serde_json::{Map, Value};

/// The bytes of compact JSON of a value.
pub(crate) fn json_len(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(true) => 4,
        Value::Bool(false) => 5,
        Value::Number(number) => {
            let mut length = Length(0);
            // Counting never fails.
            let _ = write!(length, "{number}");
            length.0
        }
        Value::String(text) => text_len(text),
        Value::Array(items) => {
            let inner: usize = items.iter().map(|item| json_len(item) + 1).sum();
            (inner + 1).max(2)
        }
        Value::Object(map) => map_len(map),
    }
}

/// Counts the bytes that are written to it.
struct Length(usize);

impl fmt::Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

/// The bytes of compact JSON of an object.
pub(crate) fn map_len(map: &Map<String, Value>) -> usize {
    let entries = map.iter();
    let inner: usize = entries.map(|(key, value)| entry_len(key, value)).sum();
    (inner + 1).max(2)
}

/// The bytes of `"key":value` and the comma or bracket behind it.
pub(crate) fn entry_len(key: &str, value: &Value) -> usize {
    text_len(key) + json_len(value) + 2
}

/// The bytes of a text as JSON, with its quotes.
pub(crate) fn text_len(text: &str) -> usize {
    // Most texts hold nothing to escape, and one comparison for each byte shows it.
    let is_plain = |byte: &u8| *byte >= 0x20 && *byte != b'"' && *byte != b'\\';
    if text.as_bytes().iter().filter(|byte| is_plain(byte)).count() == text.len() {
        return 2 + text.len();
    }
    2 + text.bytes().map(byte_len).sum::<usize>()
}

/// The bytes that one byte of a text takes up within a JSON string.
pub(crate) fn byte_len(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\x08' | b'\t' | b'\n' | b'\x0c' | b'\r' => 2,
        0..0x20 => 6,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,9}".prop_map(Value::from),
            "[\u{0}-\u{7f}é]{0,9}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-z\"\u{1}]{0,3}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_is_as_long_as_it_is_written(value in any_json()) {
            prop_assert_eq!(json_len(&value), value.to_string().len());
            if let Value::Object(map) = &value {
                prop_assert_eq!(map_len(map), value.to_string().len());
            }
        }
    }
}
