//! The schema of a config: the text as the plugin sent it, and the fields in it. The host validates
//! configs.

use alloc::{collections::BTreeSet, string::String, vec::Vec};
use serde_json::Value;

/// The result of `schema`.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigSchema {
    raw: String,
    document: Value,
}

shape! {
    /// One top-level property of a config.
    pub struct Field, non_exhaustive {
        /// The key in the config.
        pub name: String = "name",
        /// The JSON Schema type; several are joined with `|`. Empty if the schema names no type.
        pub kind: String = "type",
        /// For people; empty if the schema has none.
        pub description: String = "description",
        /// Whether the schema lists the key under `required`.
        pub required: bool = "required",
    }
}

impl Eq for Field {}

impl ConfigSchema {
    /// Reads a JSON Schema document, keeping its text (with halves of surrogate pairs replaced, as by
    /// [`well_formed`](crate::well_formed), so that any program can read it).
    ///
    /// # Errors
    ///
    /// If `raw` is not one JSON document.
    pub fn parse(raw: &str) -> Result<ConfigSchema, crate::JsonError> {
        let raw = crate::well_formed(raw.as_bytes());
        let document = crate::from_json(raw.as_bytes())?;
        Ok(ConfigSchema {
            raw: raw.into_owned(),
            document,
        })
    }

    /// Returns the text as the plugin sent it.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Returns the parsed document.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Returns the top-level properties in name order.
    pub fn fields(&self) -> Vec<Field> {
        // Both may be as long as a schema may be.
        let required: BTreeSet<&str> = self
            .document
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let properties = self.document.get("properties").and_then(Value::as_object);
        properties
            .into_iter()
            .flatten()
            .map(|(name, property)| Field {
                name: name.clone(),
                kind: type_word(property.get("type")),
                description: property
                    .get("description")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .into(),
                required: required.contains(name.as_str()),
            })
            .collect()
    }
}

fn type_word(kind: Option<&Value>) -> String {
    match kind {
        Some(Value::String(word)) => word.clone(),
        Some(Value::Array(words)) => words
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join("|"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    #[test]
    fn fields_are_read_out_of_the_schema() {
        let raw = r#"{ "type":"object", "required":["path"],
            "properties":{"path":{"type":"string","description":"a file"},"mode":{"type":["string","null"]},"any":true} }"#;
        let schema = ConfigSchema::parse(raw).unwrap();
        assert_eq!(schema.raw(), raw);
        let fields = schema.fields();
        let path = fields.iter().find(|field| field.name == "path").unwrap();
        assert!(path.required && path.kind == "string" && path.description == "a file");
        let mode = fields.iter().find(|field| field.name == "mode").unwrap();
        assert!(!mode.required && mode.kind == "string|null");
        assert_eq!(fields.len(), 3);
        assert!(ConfigSchema::parse("true").unwrap().fields().is_empty());
        assert!(ConfigSchema::parse("{").is_err());
    }

    /// Each property searched in the list of required ones would take ten thousand million steps.
    #[test]
    fn many_fields_are_read_one_by_one() {
        let names: Vec<String> = (0..100_000)
            .map(|name| alloc::format!("{name:09}"))
            .collect();
        let properties: serde_json::Map<String, Value> = names
            .iter()
            .map(|name| (name.clone(), Value::Null))
            .collect();
        let schema = serde_json::json!({"required": names, "properties": properties});
        let fields = ConfigSchema::parse(&schema.to_string()).unwrap().fields();
        assert_eq!(fields.len(), 100_000);
        assert!(fields.iter().all(|field| field.required));
    }
}
