//! What each keyword asks of a value.

use super::{
    check::{Check, Found, Path},
    numbers,
};
use serde_json::{Map, Number, Value};
use std::{cmp::Ordering, collections::BTreeSet};

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

/// Applies one keyword. `false` if it, or what it was given, is not understood.
pub(super) fn apply<'a>(
    check: &mut Check<'a>,
    schema: &'a Map<String, Value>,
    keyword: &str,
    argument: &'a Value,
    value: &Value,
    path: &Path<'_>,
    found: &mut Found,
) -> bool {
    let mut at = At {
        check,
        schema,
        path,
        found,
    };
    let understood = match (keyword, value) {
        ("type", _) => at.kind(argument, value),
        ("enum", _) => at.one_of(argument, value),
        ("const", _) => at.constant(argument, value),
        ("allOf" | "anyOf" | "oneOf", _) => at.alternatives(keyword, argument, value),
        ("not", _) => at.not(argument, value),
        ("if", _) => at.condition(argument, value),

        ("required", Value::Object(map)) => at.required(argument, map, ""),
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

        ("minLength" | "maxLength", Value::String(text)) => {
            at.count(keyword, argument, text.chars().count(), "characters")
        }
        ("pattern", Value::String(text)) => at.pattern(argument, text),

        (
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum",
            Value::Number(number),
        ) => at.bound(keyword, argument, number),
        ("multipleOf", Value::Number(number)) => at.multiple(argument, number),
        _ => Some(()).filter(|()| asks_nothing(keyword)),
    };
    understood.is_some()
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

/// A keyword at work. Methods answer `None` if what the keyword was given makes no sense.
struct At<'c, 'a, 'p> {
    check: &'c mut Check<'a>,
    schema: &'a Map<String, Value>,
    path: &'p Path<'p>,
    found: &'c mut Found,
}

impl<'a> At<'_, 'a, '_> {
    fn violated(&mut self, message: impl Into<String>) {
        self.found.add(self.path, message);
    }

    fn kind(&mut self, argument: &Value, value: &Value) -> Option<()> {
        let kinds: Vec<&str> = match argument {
            Value::String(kind) => vec![kind],
            Value::Array(kinds) => kinds.iter().map(Value::as_str).collect::<Option<_>>()?,
            _ => return None,
        };
        const KINDS: [&str; 7] = [
            "array", "boolean", "integer", "null", "number", "object", "string",
        ];
        if !kinds.iter().all(|kind| KINDS.contains(kind)) {
            return None;
        }
        if !kinds.iter().any(|kind| is_kind(value, kind)) {
            let wanted: Vec<String> = kinds.iter().map(|kind| with_article(kind)).collect();
            self.violated(format!(
                "must be {}, and is {}",
                wanted.join(" or "),
                with_article(kind_of(value))
            ));
        }
        Some(())
    }

    fn one_of(&mut self, argument: &Value, value: &Value) -> Option<()> {
        let allowed = argument.as_array()?;
        self.check.spend(allowed.len());
        if !allowed.iter().any(|allowed| numbers::equal(allowed, value)) {
            let shown = Value::from(allowed.iter().take(20).cloned().collect::<Vec<_>>());
            self.violated(format!("must be one of {}", short(&shown)));
        }
        Some(())
    }

    fn constant(&mut self, argument: &Value, value: &Value) -> Option<()> {
        if !numbers::equal(argument, value) {
            self.violated(format!("must be {}", short(argument)));
        }
        Some(())
    }

    fn alternatives(&mut self, keyword: &str, argument: &'a Value, value: &Value) -> Option<()> {
        let schemas = argument.as_array().filter(|schemas| !schemas.is_empty())?;
        let mut fits = 0;
        let mut nearest: Option<Found> = None;
        for schema in schemas {
            let found = self.check.alone(schema, value, self.path);
            if self.check.is_spent() {
                return Some(());
            }
            match keyword {
                "allOf" => self.found.append(found),
                _ if found.is_empty() => fits += 1,
                _ => nearest = Some(found),
            }
        }
        match (keyword, fits, nearest) {
            ("anyOf" | "oneOf", 0, Some(nearest)) if schemas.len() == 1 => {
                self.found.append(nearest)
            }
            ("anyOf", 0, _) => {
                self.violated(format!("fits none of {} alternatives", schemas.len()))
            }
            ("oneOf", 0, _) => {
                self.violated(format!("fits none of {} alternatives", schemas.len()))
            }
            ("oneOf", 2.., _) => {
                self.violated(format!("fits {fits} alternatives, and must fit one"))
            }
            _ => {}
        }
        Some(())
    }

    fn not(&mut self, argument: &'a Value, value: &Value) -> Option<()> {
        let fits = self.check.alone(argument, value, self.path).is_empty();
        if fits && !self.check.is_spent() {
            self.violated("is what the schema says it must not be");
        }
        Some(())
    }

    fn condition(&mut self, argument: &'a Value, value: &Value) -> Option<()> {
        let holds = self.check.alone(argument, value, self.path).is_empty();
        if self.check.is_spent() {
            return Some(());
        }
        if let Some(schema) = self.schema.get(if holds { "then" } else { "else" }) {
            self.check.value(schema, value, self.path, self.found);
        }
        Some(())
    }

    fn required(&mut self, argument: &Value, map: &Map<String, Value>, why: &str) -> Option<()> {
        let names: Vec<&str> = argument
            .as_array()?
            .iter()
            .map(Value::as_str)
            .collect::<Option<_>>()?;
        self.check.spend(names.len());
        for name in names {
            if !map.contains_key(name) {
                self.found.add(
                    &self.path.key(name),
                    format!("is required{why}, and missing"),
                );
            }
        }
        Some(())
    }

    fn properties(&mut self, argument: &'a Value, map: &Map<String, Value>) -> Option<()> {
        for (name, schema) in argument.as_object()? {
            if let Some(value) = map.get(name) {
                self.check
                    .value(schema, value, &self.path.key(name), self.found);
            }
        }
        Some(())
    }

    fn by_pattern(&mut self, argument: &'a Value, map: &Map<String, Value>) -> Option<()> {
        for (pattern, schema) in argument.as_object()? {
            for (name, value) in map {
                if self.matches(pattern, name) == Some(true) {
                    self.check
                        .value(schema, value, &self.path.key(name), self.found);
                }
            }
        }
        Some(())
    }

    fn additional(&mut self, argument: &'a Value, map: &Map<String, Value>) -> Option<()> {
        let known = self.schema.get("properties").and_then(Value::as_object);
        let patterns = self
            .schema
            .get("patternProperties")
            .and_then(Value::as_object);
        for (name, value) in map {
            if known.is_some_and(|known| known.contains_key(name)) {
                continue;
            }
            // A pattern that cannot be read may be meant for this name.
            let mut patterns = patterns.into_iter().flat_map(Map::keys);
            if patterns.any(|pattern| self.matches(pattern, name) != Some(false)) {
                continue;
            }
            let path = self.path.key(name);
            if argument == &Value::Bool(false) {
                let message = match known {
                    Some(known) if !known.is_empty() => {
                        format!("is unknown; known are {}", list(known))
                    }
                    _ => "is unknown".to_owned(),
                };
                self.found.add(&path, message);
            } else {
                self.check.value(argument, value, &path, self.found);
            }
        }
        Some(())
    }

    fn names(&mut self, argument: &'a Value, map: &Map<String, Value>) -> Option<()> {
        for name in map.keys() {
            let found = self
                .check
                .alone(argument, &Value::from(name.as_str()), self.path);
            if !found.is_empty() && !self.check.is_spent() {
                self.found
                    .add(&self.path.key(name), "has a name that is not allowed");
            }
        }
        Some(())
    }

    fn dependent(
        &mut self,
        argument: &'a Value,
        map: &Map<String, Value>,
        value: &Value,
    ) -> Option<()> {
        for (name, needs) in argument.as_object()? {
            if !map.contains_key(name) {
                continue;
            }
            if needs.is_array() {
                self.required(needs, map, &format!(" beside {name:?}"))?;
            } else {
                self.check.value(needs, value, self.path, self.found);
            }
        }
        Some(())
    }

    /// `prefixItems` are for the first items, `items` for the rest (an older draft gave `items` a
    /// list to mean the former).
    fn items(&mut self, keyword: &str, argument: &'a Value, items: &[Value]) -> Option<()> {
        if let Value::Array(schemas) = argument {
            for (number, (schema, item)) in schemas.iter().zip(items).enumerate() {
                self.check
                    .value(schema, item, &self.path.item(number), self.found);
            }
            return Some(());
        }
        if keyword == "prefixItems" {
            return None;
        }
        let before = self.schema.get("prefixItems").and_then(Value::as_array);
        for (number, item) in items.iter().enumerate().skip(before.map_or(0, Vec::len)) {
            self.check
                .value(argument, item, &self.path.item(number), self.found);
        }
        Some(())
    }

    fn contains(&mut self, argument: &'a Value, items: &[Value]) -> Option<()> {
        let mut fits = 0usize;
        for item in items {
            fits += usize::from(self.check.alone(argument, item, self.path).is_empty());
            if self.check.is_spent() {
                return Some(());
            }
        }
        let bound = |name: &str| self.schema.get(name).and_then(as_count);
        let (least, most) = (bound("minContains").unwrap_or(1), bound("maxContains"));
        if fits < least || most.is_some_and(|most| fits > most) {
            let most = most
                .map(|most| format!(" and at most {most}"))
                .unwrap_or_default();
            self.violated(format!(
                "must contain at least {least}{most} items of a certain kind, and has {fits}"
            ));
        }
        Some(())
    }

    fn unique(&mut self, argument: &Value, items: &[Value]) -> Option<()> {
        if argument.as_bool()? {
            self.check.spend(items.len());
            let mut seen = BTreeSet::new();
            if let Some(number) = items
                .iter()
                .position(|item| !seen.insert(numbers::canonical(item)))
            {
                self.found.add(
                    &self.path.item(number),
                    "is in the list before, and must not be twice",
                );
            }
        }
        Some(())
    }

    fn count(&mut self, keyword: &str, argument: &Value, count: usize, what: &str) -> Option<()> {
        let bound = as_count(argument)?;
        let (word, fits) = if keyword.starts_with("min") {
            ("least", count >= bound)
        } else {
            ("most", count <= bound)
        };
        if !fits {
            self.violated(format!(
                "must have at {word} {bound} {what}, and has {count}"
            ));
        }
        Some(())
    }

    fn bound(&mut self, keyword: &str, argument: &Value, number: &Number) -> Option<()> {
        let Value::Number(bound) = argument else {
            return None;
        };
        let order = numbers::compare(number, bound)?;
        let (fits, words) = match keyword {
            "minimum" => (order != Ordering::Less, "at least"),
            "maximum" => (order != Ordering::Greater, "at most"),
            "exclusiveMinimum" => (order == Ordering::Greater, "more than"),
            _ => (order == Ordering::Less, "less than"),
        };
        if !fits {
            self.violated(format!("must be {words} {bound}"));
        }
        Some(())
    }

    fn multiple(&mut self, argument: &Value, number: &Number) -> Option<()> {
        let Value::Number(step) = argument else {
            return None;
        };
        if !numbers::is_multiple(number, step)? {
            self.violated(format!("must be a multiple of {step}"));
        }
        Some(())
    }

    fn pattern(&mut self, argument: &Value, text: &str) -> Option<()> {
        let pattern = argument.as_str()?;
        if self.matches(pattern, text) == Some(false) {
            self.violated(format!("must match the pattern {}", short(argument)));
        }
        Some(())
    }

    /// Whether a pattern matches somewhere in `text`; `None`, with a note, if nobody can tell.
    fn matches(&mut self, pattern: &str, text: &str) -> Option<bool> {
        self.check.spend(1 + text.len() / 64);
        match self.check.patterns.matches(pattern, text) {
            Ok(matches) => Some(matches),
            Err(why) => {
                self.check.note(&format!("the pattern {pattern:?}: {why}"));
                None
            }
        }
    }
}

/// A number of things; `2.0` is one, too.
fn as_count(value: &Value) -> Option<usize> {
    let count = value.as_u64().or_else(|| {
        let number = value.as_f64().filter(|number| number.fract() == 0.0)?;
        format!("{number:.0}").parse().ok()
    })?;
    Some(usize::try_from(count).unwrap_or(usize::MAX))
}

fn is_kind(value: &Value, kind: &str) -> bool {
    match (kind, value) {
        ("integer", Value::Number(number)) => numbers::is_integer(number),
        _ => kind_of(value) == kind,
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn with_article(kind: &str) -> String {
    match kind {
        "null" => "null".to_owned(),
        "array" | "integer" | "object" => format!("an {kind}"),
        kind => format!("a {kind}"),
    }
}

/// What the schema wants, short enough to print.
fn short(wanted: &Value) -> String {
    let text = wanted.to_string();
    match text.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

fn list(known: &Map<String, Value>) -> String {
    let mut names: Vec<String> = known
        .keys()
        .take(20)
        .map(|name| format!("{name:?}"))
        .collect();
    if known.len() > names.len() {
        names.push("…".to_owned());
    }
    names.join(", ")
}
