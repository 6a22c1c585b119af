//! Formats violations and notes. Quotations from a schema are shortened.

use super::numbers;
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};
use serde_json::{Map, Value};

/// The most characters of a key or a pattern that are shown.
const KEY: usize = 100;
/// The most characters of a value that are shown, about.
const VALUE: usize = 200;
/// The most characters of a path to a value that are shown.
const PATH: usize = 1000;
/// The most names that are listed.
const NAMES: usize = 20;

/// The first characters of a text.
pub(super) fn excerpt(text: &str) -> String {
    shortened(text, KEY)
}

/// The first characters of a path, however deep it leads.
pub(super) fn path(path: impl core::fmt::Display) -> String {
    shortened(&path.to_string(), PATH)
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The first characters of a text, in quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", excerpt(text))
}

/// Returns the beginning of a value's JSON.
pub(super) fn short(wanted: &Value) -> String {
    let mut text = String::new();
    begin(wanted, &mut text);
    shortened(&text, VALUE)
}

/// Writes whole values until the text is long enough.
fn begin(value: &Value, out: &mut String) {
    if out.len() > VALUE * 4 {
        return;
    }
    match value {
        Value::String(text) => out.push_str(&Value::from(shortened(text, VALUE)).to_string()),
        Value::Array(items) => {
            out.push('[');
            for (number, item) in items.iter().take(VALUE).enumerate() {
                out.push_str(if number == 0 { "" } else { "," });
                begin(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (number, (key, value)) in map.iter().take(VALUE).enumerate() {
                out.push_str(if number == 0 { "" } else { "," });
                out.push_str(&Value::from(shortened(key, VALUE)).to_string());
                out.push(':');
                begin(value, out);
            }
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

/// The first values of a list.
pub(super) fn short_list(wanted: &[Value]) -> String {
    let mut text = String::from("[");
    for (number, value) in wanted.iter().take(NAMES).enumerate() {
        text.push_str(if number == 0 { "" } else { "," });
        begin(value, &mut text);
    }
    shortened(&(text + "]"), VALUE)
}

/// The first names of a map.
pub(super) fn names(known: &Map<String, Value>) -> String {
    let mut names: Vec<String> = known.keys().take(NAMES).map(|name| quoted(name)).collect();
    if known.len() > names.len() {
        names.push("…".to_owned());
    }
    names.join(", ")
}

pub(super) fn is_kind(value: &Value, kind: &str) -> bool {
    match (kind, value) {
        ("integer", Value::Number(number)) => numbers::is_integer(number),
        _ => kind_of(value) == kind,
    }
}

pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

pub(super) fn with_article(kind: &str) -> String {
    match kind {
        "null" => "null".to_owned(),
        "array" | "integer" | "object" => format!("an {kind}"),
        kind => format!("a {kind}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_long_is_shown_in_part() {
        assert_eq!(
            short(&json!({"a": [1, "b", null]})),
            r#"{"a":[1,"b",null]}"#
        );
        let long = "é".repeat(100_000);
        let wide = Value::from(vec![long.as_str(); 1000]);
        for value in [
            json!(long),
            wide.clone(),
            json!({&long: wide}),
            json!([[[wide]]]),
        ] {
            let shown = short(&value);
            assert!(
                shown.chars().count() <= VALUE + 1 && shown.ends_with('…'),
                "{shown}"
            );
        }
        let shown = path(&long);
        assert!(shown.chars().count() == PATH + 1 && shown.ends_with('…'));
        assert_eq!(path("$.a[0]"), "$.a[0]");
        assert_eq!(quoted("a\n"), r#""a\n""#);
        assert!(quoted(&long).len() < 3 * KEY);
    }
}
