//! Values as a table for people: a row for each text, number and truth value, with the path to it.

use serde_json::Value;

/// One row.
pub struct Row {
    pub path: String,
    pub value: String,
}

/// The most characters of a path that the values of other rows are moved to the right for.
const MOST_PATH: usize = 40;

/// Adds the rows of a value at a path.
pub fn add(rows: &mut Vec<Row>, path: &str, value: &Value) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                add(rows, &join(path, name), value);
            }
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (number, item) in items.iter().enumerate() {
                add(rows, &join(path, &number.to_string()), item);
            }
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(cell).collect();
            rows.push(Row {
                path: path.to_owned(),
                value: items.join(", "),
            });
        }
        value => rows.push(Row {
            path: path.to_owned(),
            value: cell(value),
        }),
    }
}

fn join(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Object(fields) if fields.is_empty() => "-".to_owned(),
        value => value.to_string(),
    }
}

/// The lines of a table.
pub fn lines(rows: &[Row]) -> impl Iterator<Item = String> {
    let widths = rows.iter().map(|row| row.path.chars().count());
    let width = widths
        .filter(|width| *width <= MOST_PATH)
        .max()
        .unwrap_or(0);
    rows.iter()
        .map(move |Row { path, value }| format!("{path:width$}  {value}"))
}
