//! Fills in the defaults of a schema.

use super::{
    budget::{Budget, SEARCH, ensure_memory},
    reference,
};
use crate::error::TooExpensive;
use crate::room;
use alloc::string::String;
use serde_json::{Map, Value};

/// The deepest nesting of schemas, references included.
const DEPTH: usize = 160;
/// Cost of each schema.
const VISIT: usize = 128;
/// Cost of each byte that is filled in.
const PER_BYTE: usize = 4;
/// Bytes that are filled in between two checks of the free memory. Each check leaves more than this
/// free.
const CHECK_EVERY: usize = 256 << 10;

/// Adds the defaults of a schema to a value.
pub(crate) fn fill(
    schema: &Value,
    value: &mut Value,
    budget: &mut Budget<'_>,
) -> Result<(), TooExpensive> {
    let mut filling = Filling {
        root: schema,
        budget,
        unchecked: 0,
    };
    filling.fill(schema, value, 0)
}

struct Filling<'a, 'b, 'd> {
    root: &'a Value,
    budget: &'b mut Budget<'d>,
    /// Bytes filled in since the last check of the free memory.
    unchecked: usize,
}

impl<'a> Filling<'a, '_, '_> {
    fn fill(
        &mut self,
        schema: &'a Value,
        value: &mut Value,
        depth: usize,
    ) -> Result<(), TooExpensive> {
        self.budget.spend(VISIT)?;
        let depth = deeper(depth)?;
        if let Some(referred) = self.referred(schema)? {
            self.fill(referred, value, depth)?;
        }
        let all = schema.get("allOf").and_then(Value::as_array);
        for schema in all.into_iter().flatten() {
            self.fill(schema, value, depth)?;
        }
        match value {
            Value::Object(map) => {
                let properties = schema.get("properties").and_then(Value::as_object);
                self.properties(properties, map, depth)
            }
            Value::Array(items) => {
                if let Some(schema) = schema.get("items") {
                    for item in items {
                        self.fill(schema, item, depth)?;
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn properties(
        &mut self,
        properties: Option<&'a Map<String, Value>>,
        map: &mut Map<String, Value>,
        depth: usize,
    ) -> Result<(), TooExpensive> {
        for (name, schema) in properties.into_iter().flatten() {
            self.budget.spend(SEARCH + name.len())?;
            match map.get_mut(name) {
                Some(value) => self.fill(schema, value, depth)?,
                // A default is used as it is: its own properties get no defaults.
                None => {
                    if let Some(default) = self.default(schema, depth)? {
                        let bytes = room::of_value(default).saturating_add(name.len());
                        self.budget.spend(bytes.saturating_mul(PER_BYTE))?;
                        self.unchecked = self.unchecked.saturating_add(bytes);
                        if self.unchecked > CHECK_EVERY {
                            ensure_memory(self.unchecked)?;
                            self.unchecked = 0;
                        }
                        map.insert(name.clone(), default.clone());
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns the default of a schema, or of the schema that it refers to.
    fn default(
        &mut self,
        mut schema: &'a Value,
        mut depth: usize,
    ) -> Result<Option<&'a Value>, TooExpensive> {
        loop {
            self.budget.spend(VISIT)?;
            if let Some(default) = schema.get("default") {
                return Ok(Some(default));
            }
            match self.referred(schema)? {
                Some(referred) => schema = referred,
                None => return Ok(None),
            }
            depth = deeper(depth)?;
        }
    }

    fn referred(&mut self, schema: &Value) -> Result<Option<&'a Value>, TooExpensive> {
        match schema.get("$ref").and_then(Value::as_str) {
            Some(to) => reference::resolve(self.root, to, self.budget),
            None => Ok(None),
        }
    }
}

fn deeper(depth: usize) -> Result<usize, TooExpensive> {
    if depth < DEPTH {
        Ok(depth + 1)
    } else {
        Err(TooExpensive::Depth { limit: DEPTH })
    }
}
