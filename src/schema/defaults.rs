//! Filling in what a schema has defaults for.

use super::reference;
use serde_json::Value;

/// How deep schemas are followed, references included.
const DEPTH: usize = 100;
/// Places that are looked at.
const STEPS: usize = 100_000;
/// Bytes of JSON that are filled in: as much as a config may have.
const BYTES: usize = 1 << 20;

pub(super) fn fill(schema: &Value, value: &mut Value) {
    let mut filling = Filling {
        root: schema,
        steps: STEPS,
        bytes: BYTES,
    };
    filling.fill(schema, value, DEPTH);
}

struct Filling<'a> {
    root: &'a Value,
    steps: usize,
    bytes: usize,
}

impl<'a> Filling<'a> {
    fn fill(&mut self, schema: &'a Value, value: &mut Value, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        let Some(steps) = self.steps.checked_sub(1) else {
            return;
        };
        self.steps = steps;
        let referred = self.referred(schema);
        let all = schema.get("allOf").and_then(Value::as_array);
        for schema in referred.into_iter().chain(all.into_iter().flatten()) {
            self.fill(schema, value, depth);
        }
        match value {
            Value::Object(map) => {
                let properties = schema.get("properties").and_then(Value::as_object);
                for (name, schema) in properties.into_iter().flatten() {
                    match map.get_mut(name) {
                        Some(value) => self.fill(schema, value, depth),
                        // What is filled in is whole: its author could have written more.
                        None => {
                            if let Some(default) = self.default(schema, depth) {
                                map.insert(name.clone(), default.clone());
                            }
                        }
                    }
                }
            }
            Value::Array(items) => {
                if let Some(schema) = schema.get("items") {
                    items
                        .iter_mut()
                        .for_each(|item| self.fill(schema, item, depth));
                }
            }
            _ => {}
        }
    }

    /// The default of a schema, or of the one that it refers to.
    fn default(&mut self, mut schema: &'a Value, depth: usize) -> Option<&'a Value> {
        for _ in 0..depth {
            self.steps = self.steps.checked_sub(1)?;
            if let Some(default) = schema.get("default") {
                self.bytes = self.bytes.checked_sub(default.to_string().len())?;
                return Some(default);
            }
            schema = self.referred(schema)?;
        }
        None
    }

    fn referred(&self, schema: &Value) -> Option<&'a Value> {
        reference::resolve(self.root, schema.get("$ref")?.as_str()?)
    }
}
