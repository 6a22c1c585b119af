//! Maps each keyword to the function that checks it, and checks the keywords for values of any type.
//! The others are in `objects`, `lists` and `scalars`.

use super::{
    check::{Check, Path, Violations},
    numbers,
    words::{is_kind, kind_of, short, short_list, with_article},
};
use crate::{
    error::{TooExpensive, ViolationKind},
    printable::counted,
};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use serde_json::{Map, Value};

/// Keywords that do not affect validity, or that another keyword reads.
const ANNOTATIONS: &[&str] = &[
    "$anchor",
    "$comment",
    "$defs",
    "$id",
    "$schema",
    "$vocabulary",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "default",
    "definitions",
    "deprecated",
    "description",
    "else",
    "examples",
    "format",
    "maxContains",
    "minContains",
    "readOnly",
    "then",
    "title",
    "writeOnly",
];

/// Why a keyword was not applied.
pub(super) enum Halt {
    /// The argument of the keyword is invalid.
    NotSupported,
    TooExpensive(TooExpensive),
}

impl From<TooExpensive> for Halt {
    fn from(reason: TooExpensive) -> Halt {
        Halt::TooExpensive(reason)
    }
}

/// One keyword of a schema, applied to a value.
pub(super) struct Keyword<'c, 'a, 'b, 'd, 'p, 'v> {
    pub(super) check: &'c mut Check<'a, 'b, 'd>,
    /// The schema that the keyword is part of.
    pub(super) schema: &'a Map<String, Value>,
    pub(super) name: &'a str,
    pub(super) path: &'p Path<'p>,
    pub(super) violations: &'c mut Violations<'v>,
}

/// The names of types.
const KINDS: [&str; 7] = [
    "array", "boolean", "integer", "null", "number", "object", "string",
];

impl<'a> Keyword<'_, 'a, '_, '_, '_, '_> {
    /// Applies the keyword. Returns `false` if the keyword or its argument is not supported.
    pub(super) fn apply(
        &mut self,
        argument: &'a Value,
        value: &Value,
    ) -> Result<bool, TooExpensive> {
        // A keyword for one type allows every value of another type.
        let (object, list) = (value.as_object(), value.as_array());
        let (text, number) = (value.as_str(), value.as_number());
        let allowed = Ok(());
        let applied = match self.name {
            "type" => self.kind(argument, value),
            "enum" => self.one_of(argument, value),
            "const" => self.constant(argument, value),
            "allOf" => self.all_of(argument, value),
            "anyOf" | "oneOf" => self.alternatives(argument, value),
            "not" => self.not(argument, value),
            "if" => self.condition(argument, value),

            "required" => object.map_or(allowed, |map| self.required(argument, map, None)),
            "properties" => object.map_or(allowed, |map| self.properties(argument, map)),
            "additionalProperties" => object.map_or(allowed, |map| self.additional(argument, map)),
            "patternProperties" => object.map_or(allowed, |map| self.by_pattern(argument, map)),
            "propertyNames" => object.map_or(allowed, |map| self.names(argument, map)),
            "minProperties" | "maxProperties" => {
                object.map_or(allowed, |map| self.count(argument, map.len(), "property"))
            }
            "dependentRequired" | "dependentSchemas" => {
                object.map_or(allowed, |map| self.dependent(argument, map, value))
            }

            "items" | "prefixItems" => list.map_or(allowed, |items| self.items(argument, items)),
            "contains" => list.map_or(allowed, |items| self.contains(argument, items)),
            "uniqueItems" => list.map_or(allowed, |items| self.unique(argument, items)),
            "minItems" | "maxItems" => {
                list.map_or(allowed, |items| self.count(argument, items.len(), "item"))
            }

            "minLength" | "maxLength" => text.map_or(allowed, |text| self.length(argument, text)),
            "pattern" => text.map_or(allowed, |text| self.pattern(argument, text)),

            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => {
                number.map_or(allowed, |number| self.bound(argument, number))
            }
            "multipleOf" => number.map_or(allowed, |number| self.multiple(argument, number)),
            name => return Ok(ANNOTATIONS.contains(&name) || name.starts_with("x-")),
        };
        match applied {
            Ok(()) => Ok(true),
            Err(Halt::NotSupported) => Ok(false),
            Err(Halt::TooExpensive(reason)) => Err(reason),
        }
    }

    pub(super) fn violated(&mut self, message: impl FnOnce() -> String) {
        self.violated_as(ViolationKind::Value, message);
    }

    pub(super) fn violated_as(&mut self, kind: ViolationKind, message: impl FnOnce() -> String) {
        self.violations.add(self.path, kind, message);
    }

    fn kind(&mut self, argument: &Value, value: &Value) -> Result<(), Halt> {
        let kinds = match argument {
            Value::Array(kinds) => kinds.as_slice(),
            kind => core::slice::from_ref(kind),
        };
        self.check.budget.spend(kinds.len().saturating_mul(64))?;
        let mut matches = false;
        for kind in kinds {
            let kind = kind.as_str().filter(|kind| KINDS.contains(kind));
            matches |= is_kind(value, kind.ok_or(Halt::NotSupported)?);
        }
        if !matches {
            let found = match value {
                Value::Null => ViolationKind::Missing,
                _ => ViolationKind::Value,
            };
            self.violated_as(found, || {
                let mut named: Vec<&str> = Vec::new();
                for kind in kinds.iter().filter_map(Value::as_str) {
                    if !named.contains(&kind) {
                        named.push(kind);
                    }
                }
                let wanted: Vec<String> = named.into_iter().map(with_article).collect();
                let is = with_article(kind_of(value));
                format!("must be {}, but is {is}", wanted.join(" or "))
            });
        }
        Ok(())
    }

    fn one_of(&mut self, argument: &Value, value: &Value) -> Result<(), Halt> {
        let allowed = argument.as_array().ok_or(Halt::NotSupported)?;
        for allowed in allowed {
            if numbers::equal(allowed, value, self.check.budget)? {
                return Ok(());
            }
        }
        self.violated(|| format!("must be one of {}", short_list(allowed)));
        Ok(())
    }

    fn constant(&mut self, argument: &Value, value: &Value) -> Result<(), Halt> {
        if !numbers::equal(argument, value, self.check.budget)? {
            self.violated(|| format!("must be {}", short(argument)));
        }
        Ok(())
    }

    fn all_of(&mut self, argument: &'a Value, value: &Value) -> Result<(), Halt> {
        for schema in schemas(argument)? {
            self.check
                .value(schema, value, self.path, self.violations)?;
        }
        Ok(())
    }

    fn alternatives(&mut self, argument: &'a Value, value: &Value) -> Result<(), Halt> {
        let schemas = schemas(argument)?;
        if let [only] = schemas {
            self.check.value(only, value, self.path, self.violations)?;
            return Ok(());
        }
        let mut matches = 0usize;
        let mut mildest = ViolationKind::Value;
        for schema in schemas {
            match self.check.grade(schema, value, self.path)? {
                None if self.name == "anyOf" => return Ok(()),
                None => matches += 1,
                Some(kind) => mildest = mildest.min(kind),
            }
        }
        match matches {
            0 => self.violated_as(mildest, || {
                format!("matches none of {}", counted(schemas.len(), "alternative"))
            }),
            1 => {}
            more => self.violated(|| format!("matches {more} alternatives, but must match one")),
        }
        Ok(())
    }

    fn not(&mut self, argument: &'a Value, value: &Value) -> Result<(), Halt> {
        if self.check.matches(argument, value, self.path)? {
            self.violated(|| "matches a schema that it must not match".to_owned());
        }
        Ok(())
    }

    fn condition(&mut self, argument: &'a Value, value: &Value) -> Result<(), Halt> {
        let holds = self.check.matches(argument, value, self.path)?;
        if let Some(schema) = self.schema.get(if holds { "then" } else { "else" }) {
            self.check
                .value(schema, value, self.path, self.violations)?;
        }
        Ok(())
    }
}

fn schemas(argument: &Value) -> Result<&[Value], Halt> {
    let schemas = argument.as_array().filter(|schemas| !schemas.is_empty());
    schemas.map(Vec::as_slice).ok_or(Halt::NotSupported)
}
