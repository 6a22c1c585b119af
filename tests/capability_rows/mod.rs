//! The case files under `tests/cases`, one JSON object a line.

use serde_json::Value;

/// The rows of a file; a file without rows proves nothing and fails.
pub fn rows(file: &str) -> Vec<Value> {
    let path = format!("{}/tests/cases/{file}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    let rows: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    assert!(!rows.is_empty(), "{file} is empty");
    rows
}

/// The text under `key`; a row without it cannot be interpreted and fails.
#[allow(dead_code)] // Each test file is a crate of its own, and not all of them need single texts.
pub fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key]
        .as_str()
        .unwrap_or_else(|| panic!("no text {key} in {row}"))
}

/// The texts under `key`; none where it is absent or null.
#[allow(dead_code)] // Each test file is a crate of its own, and not all of them need lists.
pub fn texts(row: &Value, key: &str) -> Vec<String> {
    let list = row[key].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter()
        .map(|item| item.as_str().unwrap().to_owned())
        .collect()
}
