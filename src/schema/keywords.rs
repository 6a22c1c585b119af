//! Which function checks which keyword, and the keywords for values of any type. The others are in
//! `objects`, `lists` and `scalars`.

use super::{
    check::{Check, Found, Path},
    numbers,
    words::{is_kind, kind_of, short, short_list, with_article},
};
use crate::error::TooExpensive;
use serde_json::{Map, Value};

/// Keywords that ask nothing, or are read together with another one.
const SILENT: &[&str] = &[
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

/// Why a keyword was not applied to its end.
pub(super) enum Halt {
    /// What the keyword was given makes no sense.
    NotUnderstood,
    TooExpensive(TooExpensive),
}

impl From<TooExpensive> for Halt {
    fn from(reason: TooExpensive) -> Halt {
        Halt::TooExpensive(reason)
    }
}

/// Applies one keyword. `false` if it, or what it was given, is not understood.
pub(super) fn apply<'a>(
    check: &mut Check<'a, '_, '_>,
    schema: &'a Map<String, Value>,
    keyword: &str,
    argument: &'a Value,
    value: &Value,
    path: &Path<'_>,
    found: &mut Found<'_>,
) -> Result<bool, TooExpensive> {
    let mut at = At {
        check,
        schema,
        path,
        found,
    };
    let applied = match (keyword, value) {
        ("type", _) => at.kind(argument, value),
        ("enum", _) => at.one_of(argument, value),
        ("const", _) => at.constant(argument, value),
        ("allOf", _) => at.all_of(argument, value),
        ("anyOf" | "oneOf", _) => at.alternatives(keyword, argument, value),
        ("not", _) => at.not(argument, value),
        ("if", _) => at.condition(argument, value),

        ("required", Value::Object(map)) => at.required(argument, map, None),
        ("properties", Value::Object(map)) => at.properties(argument, map),
        ("additionalProperties", Value::Object(map)) => at.additional(argument, map),
        ("patternProperties", Value::Object(map)) => at.by_pattern(argument, map),
        ("propertyNames", Value::Object(map)) => at.names(argument, map),
        ("minProperties" | "maxProperties", Value::Object(map)) => {
            at.count(keyword, argument, map.len(), "properties")
        }
        ("dependentRequired" | "dependentSchemas", Value::Object(map)) => {
            at.dependent(argument, map, value)
        }

        ("items" | "prefixItems", Value::Array(items)) => at.items(keyword, argument, items),
        ("contains", Value::Array(items)) => at.contains(argument, items),
        ("uniqueItems", Value::Array(items)) => at.unique(argument, items),
        ("minItems" | "maxItems", Value::Array(items)) => {
            at.count(keyword, argument, items.len(), "items")
        }

        ("minLength" | "maxLength", Value::String(text)) => at.length(keyword, argument, text),
        ("pattern", Value::String(text)) => at.pattern(argument, text),

        (
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum",
            Value::Number(number),
        ) => at.bound(keyword, argument, number),
        ("multipleOf", Value::Number(number)) => at.multiple(argument, number),
        _ => return Ok(asks_nothing(keyword)),
    };
    match applied {
        Ok(()) => Ok(true),
        Err(Halt::NotUnderstood) => Ok(false),
        Err(Halt::TooExpensive(reason)) => Err(reason),
    }
}

/// Whether a keyword asks nothing of a value of this type: it is silent, or meant for other types.
fn asks_nothing(keyword: &str) -> bool {
    const OF_ONE_TYPE: &[&str] = &[
        "additionalProperties",
        "contains",
        "dependentRequired",
        "dependentSchemas",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "items",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "pattern",
        "patternProperties",
        "prefixItems",
        "properties",
        "propertyNames",
        "required",
        "uniqueItems",
    ];
    SILENT.contains(&keyword) || OF_ONE_TYPE.contains(&keyword) || keyword.starts_with("x-")
}

/// A keyword at work.
pub(super) struct At<'c, 'a, 'b, 'd, 'p, 'v> {
    pub(super) check: &'c mut Check<'a, 'b, 'd>,
    pub(super) schema: &'a Map<String, Value>,
    pub(super) path: &'p Path<'p>,
    pub(super) found: &'c mut Found<'v>,
}

/// The names of types.
const KINDS: [&str; 7] = [
    "array", "boolean", "integer", "null", "number", "object", "string",
];

impl<'a> At<'_, 'a, '_, '_, '_, '_> {
    pub(super) fn violated(&mut self, message: impl FnOnce() -> String) {
        self.found.add(self.path, message);
    }

    fn kind(&mut self, argument: &Value, value: &Value) -> Result<(), Halt> {
        let kinds = match argument {
            Value::Array(kinds) => kinds.as_slice(),
            kind => std::slice::from_ref(kind),
        };
        self.check.budget.spend(kinds.len().saturating_mul(64))?;
        let mut fits = false;
        for kind in kinds {
            let kind = kind.as_str().filter(|kind| KINDS.contains(kind));
            fits |= is_kind(value, kind.ok_or(Halt::NotUnderstood)?);
        }
        if !fits {
            self.violated(|| {
                let mut named: Vec<&str> = Vec::new();
                for kind in kinds.iter().filter_map(Value::as_str) {
                    if !named.contains(&kind) {
                        named.push(kind);
                    }
                }
                let wanted: Vec<String> = named.into_iter().map(with_article).collect();
                let is = with_article(kind_of(value));
                format!("must be {}, and is {is}", wanted.join(" or "))
            });
        }
        Ok(())
    }

    fn one_of(&mut self, argument: &Value, value: &Value) -> Result<(), Halt> {
        let allowed = argument.as_array().ok_or(Halt::NotUnderstood)?;
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
            self.check.value(schema, value, self.path, self.found)?;
        }
        Ok(())
    }

    fn alternatives(
        &mut self,
        keyword: &str,
        argument: &'a Value,
        value: &Value,
    ) -> Result<(), Halt> {
        let schemas = schemas(argument)?;
        if let [only] = schemas {
            self.check.value(only, value, self.path, self.found)?;
            return Ok(());
        }
        let mut fits = 0usize;
        for schema in schemas {
            fits += usize::from(self.check.fits(schema, value, self.path)?);
            if fits > 0 && keyword == "anyOf" {
                return Ok(());
            }
        }
        match fits {
            0 => self.violated(|| format!("fits none of {} alternatives", schemas.len())),
            1 => {}
            fits => self.violated(|| format!("fits {fits} alternatives, and must fit one")),
        }
        Ok(())
    }

    fn not(&mut self, argument: &'a Value, value: &Value) -> Result<(), Halt> {
        if self.check.fits(argument, value, self.path)? {
            self.violated(|| "is what the schema says it must not be".to_owned());
        }
        Ok(())
    }

    fn condition(&mut self, argument: &'a Value, value: &Value) -> Result<(), Halt> {
        let holds = self.check.fits(argument, value, self.path)?;
        if let Some(schema) = self.schema.get(if holds { "then" } else { "else" }) {
            self.check.value(schema, value, self.path, self.found)?;
        }
        Ok(())
    }
}

fn schemas(argument: &Value) -> Result<&[Value], Halt> {
    let schemas = argument.as_array().filter(|schemas| !schemas.is_empty());
    schemas.map(Vec::as_slice).ok_or(Halt::NotUnderstood)
}
