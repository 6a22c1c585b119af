//! Keywords for objects.

use super::{
    keywords::{Halt, Keyword},
    words::{names, quoted},
};
use crate::error::ViolationKind;
use alloc::{borrow::ToOwned, string::String};
use serde_json::{Map, Value};

impl<'a> Keyword<'_, 'a, '_, '_, '_, '_> {
    /// `because_of` is the property that makes the others required.
    pub(super) fn required(
        &mut self,
        argument: &Value,
        map: &Map<String, Value>,
        because_of: Option<&str>,
    ) -> Result<(), Halt> {
        let names = argument.as_array().ok_or(Halt::NotSupported)?;
        self.check.budget.spend(names.len())?;
        if !names.iter().all(Value::is_string) {
            return Err(Halt::NotSupported);
        }
        for name in names.iter().filter_map(Value::as_str) {
            if self.check.get(map, name)?.is_none() {
                let path = self.path.key(name);
                self.violations.add(&path, ViolationKind::Missing, || {
                    let of = because_of.map(|name| format!(", required by {}", quoted(name)));
                    format!("missing property{}", of.unwrap_or_default())
                });
            }
        }
        Ok(())
    }

    pub(super) fn properties(
        &mut self,
        argument: &'a Value,
        map: &Map<String, Value>,
    ) -> Result<(), Halt> {
        let schemas = argument.as_object().ok_or(Halt::NotSupported)?;
        // Iterate over the smaller one: schemas list many properties, and lists hold many small objects.
        if schemas.len() < map.len() {
            for (name, schema) in schemas {
                if let Some(value) = self.check.get(map, name)? {
                    self.property(name, schema, value)?;
                }
            }
        } else {
            for (name, value) in map {
                if let Some(schema) = self.check.get(schemas, name)? {
                    self.property(name, schema, value)?;
                }
            }
        }
        Ok(())
    }

    fn property(&mut self, name: &str, schema: &'a Value, value: &Value) -> Result<(), Halt> {
        let path = self.path.key(name);
        self.check.value(schema, value, &path, self.violations)?;
        Ok(())
    }

    pub(super) fn by_pattern(
        &mut self,
        argument: &'a Value,
        map: &Map<String, Value>,
    ) -> Result<(), Halt> {
        for (pattern, schema) in argument.as_object().ok_or(Halt::NotSupported)? {
            for (name, value) in map {
                if self.matches(pattern, name)? == Some(true) {
                    self.property(name, schema, value)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn additional(
        &mut self,
        argument: &'a Value,
        map: &Map<String, Value>,
    ) -> Result<(), Halt> {
        let schema = self.schema;
        let object = |key: &str| schema.get(key).and_then(Value::as_object);
        let (known, patterns) = (object("properties"), object("patternProperties"));
        for (name, value) in map {
            if let Some(known) = known
                && self.check.get(known, name)?.is_some()
            {
                continue;
            }
            if self.may_match(patterns, name)? {
                continue;
            }
            if argument == &Value::Bool(false) {
                let path = self.path.key(name);
                self.violations.add(&path, ViolationKind::Unknown, || {
                    let mut all = known.into_iter().flat_map(Map::keys);
                    match (all.find(|own| own.eq_ignore_ascii_case(name)), known) {
                        (Some(own), _) => {
                            format!("unknown property; did you mean {}?", quoted(own))
                        }
                        (None, Some(known)) if !known.is_empty() => {
                            format!("unknown property; expected one of: {}", names(known))
                        }
                        _ => "unknown property".to_owned(),
                    }
                });
            } else {
                self.property(name, argument, value)?;
            }
        }
        Ok(())
    }

    /// Returns whether one of the patterns matches. An unsupported pattern counts as a match.
    fn may_match(
        &mut self,
        patterns: Option<&'a Map<String, Value>>,
        name: &str,
    ) -> Result<bool, Halt> {
        for pattern in patterns.into_iter().flat_map(Map::keys) {
            if self.matches(pattern, name)? != Some(false) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn names(
        &mut self,
        argument: &'a Value,
        map: &Map<String, Value>,
    ) -> Result<(), Halt> {
        for name in map.keys() {
            self.check.budget.spend(name.len())?;
            let value = Value::from(name.as_str());
            if !self.check.matches(argument, &value, self.path)? {
                let path = self.path.key(name);
                self.violations.add(&path, ViolationKind::Unknown, || {
                    "property name is not allowed".to_owned()
                });
            }
        }
        Ok(())
    }

    pub(super) fn dependent(
        &mut self,
        argument: &'a Value,
        map: &Map<String, Value>,
        value: &Value,
    ) -> Result<(), Halt> {
        for (name, needs) in argument.as_object().ok_or(Halt::NotSupported)? {
            if self.check.get(map, name)?.is_none() {
                continue;
            }
            if needs.is_array() {
                self.required(needs, map, Some(name))?;
            } else {
                self.check.value(needs, value, self.path, self.violations)?;
            }
        }
        Ok(())
    }
}
