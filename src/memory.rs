//! Memory for what a guest sends: how much a value takes, and whether it is to be had. Much of what
//! is built of it (maps, compiled patterns) allocates without asking, and an allocation that fails
//! ends the process.

use serde_json::Value;

/// Bytes of a node of a map, which holds up to eleven entries.
const NODE: usize = 640;
/// Bytes of an entry of a large map, whose nodes are half empty.
const ENTRY: usize = 128;

/// About the bytes that a copy of a value takes.
pub(crate) fn of(value: &Value) -> usize {
    let own = size_of::<Value>();
    match value {
        Value::String(text) => own + text.len(),
        Value::Array(items) => own + items.iter().map(of).sum::<usize>(),
        Value::Object(map) if !map.is_empty() => {
            let entries = map.iter();
            let entries = entries.map(|(key, value)| ENTRY + key.len() + of(value));
            own + NODE + entries.sum::<usize>()
        }
        _ => own,
    }
}

/// Whether so many bytes can be allocated now.
pub(crate) fn is_available(bytes: usize) -> bool {
    let mut probe = Vec::<u8>::new();
    let reserved = probe.try_reserve_exact(bytes);
    // Nothing else keeps the compiler from leaving the allocation out.
    std::hint::black_box(probe.as_ptr());
    reserved.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_and_nodes_count() {
        assert_eq!(of(&json!([1, "abc"])), 3 * size_of::<Value>() + 3);
        assert!(of(&json!({"": 0})) > 600);
    }

    #[test]
    fn what_no_machine_has_is_not_available() {
        assert!(is_available(0) && is_available(1000));
        assert!(!is_available(usize::MAX / 4) && !is_available(usize::MAX));
    }
}
