//! Schemas with values: any two JSON texts, which validation must survive, and schemas of some
//! keywords, for which it must say what a validator too simple to be wrong says.

use crate::input::Input;
use serde_json::{Map, Value, json};
use tollgate::schema::{fill_defaults, validate};

/// The first byte says which; a schema as text has its length before it.
pub fn schemas(data: &[u8]) {
    let mut input = Input(data);
    if input.byte() % 2 == 0 {
        any_text(&mut input);
    } else {
        compared(&mut input);
    }
}

fn any_text(input: &mut Input) {
    let schema = input.block();
    let (Ok(schema), Ok(mut value)) = (
        serde_json::from_slice::<Value>(schema),
        serde_json::from_slice::<Value>(input.0),
    ) else {
        return;
    };
    let found = validate(&schema, &value);
    assert_eq!(found, validate(&schema, &value));
    if let Ok(found) = &found {
        assert!(found.violations.len() <= 100 && found.notes.len() <= 100);
        for violation in &found.violations {
            assert!(violation.message.as_str().len() <= 10_000, "{violation}");
            assert!(violation.path.as_str().len() <= 100_000, "{violation}");
        }
    }
    let itself = json!({"const": value, "enum": [value]});
    assert!(validate(&itself, &value).is_ok_and(|found| found.is_valid()));
    // Once filled in, there is nothing more to fill in.
    if fill_defaults(&schema, &mut value).is_ok() {
        let filled = value.clone();
        if fill_defaults(&schema, &mut value).is_ok() && !nests_defaults(&schema) {
            assert_eq!(value, filled, "{schema}");
        }
    }
}

/// Whether a default may have objects, which the next time have defaults of their own.
fn nests_defaults(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => map.iter().any(|(key, value)| {
            (key == "default" && (value.is_object() || value.is_array())) || nests_defaults(value)
        }),
        Value::Array(items) => items.iter().any(nests_defaults),
        _ => false,
    }
}

fn compared(input: &mut Input) {
    let schema = schema(input, 4);
    let value = value(input, 4);
    let found = validate(&schema, &value).expect("it is small");
    assert!(found.notes.is_empty(), "{schema}: {:?}", found.notes);
    assert_eq!(
        found.is_valid(),
        is_valid(&schema, &value),
        "{schema} {value}: {:?}",
        found.violations
    );
}

const NAMES: &[&str] = &["a", "b", "é"];
const KINDS: &[&str] = &[
    "array", "boolean", "integer", "null", "number", "object", "string",
];

fn value(input: &mut Input, depth: usize) -> Value {
    let few = usize::from(input.byte() % 4);
    match input.byte() % 8 {
        0 => Value::Null,
        1 => json!(few % 2 == 0),
        2 => json!(few),
        3 => json!(few as f64 / 2.0),
        4 => json!(NAMES[few % 3].repeat(few)),
        5 | 6 if depth > 0 => (0..few).map(|_| value(input, depth - 1)).collect(),
        7 if depth > 0 => {
            let names = NAMES.iter().take(few);
            let entries = names.map(|name| ((*name).to_owned(), value(input, depth - 1)));
            Value::Object(entries.collect())
        }
        _ => json!(-1),
    }
}

fn schema(input: &mut Input, depth: usize) -> Value {
    let Some(depth) = depth.checked_sub(1) else {
        return json!(input.byte().is_multiple_of(2));
    };
    let mut keywords = Map::new();
    for _ in 0..1 + input.byte() % 3 {
        let few = usize::from(input.byte() % 4);
        let several = |input: &mut Input| -> Value {
            (0..1 + few % 3).map(|_| schema(input, depth)).collect()
        };
        let (keyword, argument) = match input.byte() % 22 {
            0 => ("type", json!(input.choose(KINDS))),
            1 => ("type", json!([input.choose(KINDS), input.choose(KINDS)])),
            2 => ("enum", (0..few).map(|_| value(input, 2)).collect()),
            3 => ("const", value(input, 2)),
            4 => ("allOf", several(input)),
            5 => ("anyOf", several(input)),
            6 => ("oneOf", several(input)),
            7 => ("not", schema(input, depth)),
            8 => ("required", json!(NAMES[..few.min(3)])),
            9 => {
                let names = NAMES.iter().take(few);
                let entries = names.map(|name| ((*name).to_owned(), schema(input, depth)));
                ("properties", Value::Object(entries.collect()))
            }
            10 => ("additionalProperties", schema(input, depth)),
            11 => ("items", schema(input, depth)),
            12 => ("minItems", json!(few)),
            13 => ("maxItems", json!(few)),
            14 => ("uniqueItems", json!(few % 2 == 0)),
            15 => ("contains", schema(input, depth)),
            16 => ("minimum", json!(few)),
            17 => ("exclusiveMaximum", json!(few as f64 / 2.0)),
            18 => ("minLength", json!(few)),
            19 => ("maxLength", json!(few)),
            20 => ("maxProperties", json!(few)),
            _ => {
                keywords.insert("then".into(), schema(input, depth));
                keywords.insert("else".into(), schema(input, depth));
                ("if", schema(input, depth))
            }
        };
        keywords.insert(keyword.into(), argument);
    }
    Value::Object(keywords)
}

/// JSON Schema, as it is written in its specification.
fn is_valid(schema: &Value, value: &Value) -> bool {
    let Value::Object(keywords) = schema else {
        return schema == &json!(true);
    };
    let all = |schemas: &Value| -> usize {
        let schemas = schemas.as_array().into_iter().flatten();
        schemas.filter(|schema| is_valid(schema, value)).count()
    };
    keywords.iter().all(|(keyword, argument)| {
        let count = |count: usize| count as u64;
        let bound = argument.as_u64().unwrap_or(0);
        match (keyword.as_str(), value) {
            ("type", _) => match argument {
                Value::Array(kinds) => kinds.iter().any(|kind| is_kind(value, kind)),
                kind => is_kind(value, kind),
            },
            ("enum", _) => {
                let mut allowed = argument.as_array().into_iter().flatten();
                allowed.any(|allowed| same(allowed, value))
            }
            ("const", _) => same(argument, value),
            ("allOf", _) => Some(all(argument)) == argument.as_array().map(Vec::len),
            ("anyOf", _) => all(argument) > 0,
            ("oneOf", _) => all(argument) == 1,
            ("not", _) => !is_valid(argument, value),
            ("if", _) => {
                let holds = is_valid(argument, value);
                let next = keywords.get(if holds { "then" } else { "else" });
                next.is_none_or(|next| is_valid(next, value))
            }
            ("required", Value::Object(map)) => {
                let mut names = argument.as_array().into_iter().flatten();
                names.all(|name| map.contains_key(name.as_str().unwrap_or_default()))
            }
            ("properties", Value::Object(map)) => map.iter().all(|(name, value)| {
                let schema = argument.get(name);
                schema.is_none_or(|schema| is_valid(schema, value))
            }),
            ("additionalProperties", Value::Object(map)) => map.iter().all(|(name, value)| {
                let known = keywords.get("properties").and_then(|known| known.get(name));
                known.is_some() || is_valid(argument, value)
            }),
            ("items", Value::Array(items)) => items.iter().all(|item| is_valid(argument, item)),
            ("minItems", Value::Array(items)) => count(items.len()) >= bound,
            ("maxItems", Value::Array(items)) => count(items.len()) <= bound,
            ("uniqueItems", Value::Array(items)) => {
                let pairs =
                    (0..items.len()).flat_map(|one| (0..one).map(move |other| (one, other)));
                argument == &json!(false)
                    || !pairs
                        .into_iter()
                        .any(|(one, other)| same(&items[one], &items[other]))
            }
            ("contains", Value::Array(items)) => items.iter().any(|item| is_valid(argument, item)),
            ("minimum", Value::Number(number)) => number.as_f64() >= argument.as_f64(),
            ("exclusiveMaximum", Value::Number(number)) => number.as_f64() < argument.as_f64(),
            ("minLength", Value::String(text)) => count(text.chars().count()) >= bound,
            ("maxLength", Value::String(text)) => count(text.chars().count()) <= bound,
            ("maxProperties", Value::Object(map)) => count(map.len()) <= bound,
            _ => true,
        }
    })
}

fn is_kind(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap_or_default() {
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "object" => value.is_object(),
        _ => value.is_string(),
    }
}

/// Whether two values are the same, where 1 and 1.0 are.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| one.0 == other.0 && same(one.1, other.1))
        }
        _ => one == other,
    }
}
