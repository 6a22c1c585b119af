//! Configs as a plugin's schema describes them, and also just outside of that; and configs changed as trees.

use super::random::Random;
use serde_json::{Map, Number, Value, json};

/// Makes configs of a schema.
pub struct Shapes {
    schema: Value,
    /// Words that texts may be.
    words: Vec<String>,
}

/// How deep a made value nests.
const DEEPEST: u32 = 6;

impl Shapes {
    pub fn new(schema: Value, tokens: &[Vec<u8>]) -> Shapes {
        let words = tokens
            .iter()
            .filter_map(|token| String::from_utf8(token.clone()).ok());
        Shapes {
            schema,
            words: words.collect(),
        }
    }

    /// The configs to begin with: nothing, what is required, and everything there is.
    pub fn seeds(&self, random: &mut Random) -> Vec<Vec<u8>> {
        const MADE: usize = 24;
        let mut seeds = vec![b"{}".to_vec()];
        for which in 0..MADE {
            // Half of them have every property.
            let every = which % 2 == 0;
            seeds.push(self.make(&self.schema, random, 0, every).to_string().into());
        }
        seeds
    }

    /// A new config.
    pub fn fresh(&self, random: &mut Random) -> Vec<u8> {
        let every = random.one_in(2);
        self.make(&self.schema, random, 0, every).to_string().into()
    }

    /// Follows a reference within the schema.
    fn resolve<'a>(&'a self, mut schema: &'a Value) -> &'a Value {
        for _ in 0..8 {
            let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
                break;
            };
            let target = reference
                .strip_prefix('#')
                .and_then(|path| self.schema.pointer(path));
            match target {
                Some(target) => schema = target,
                None => break,
            }
        }
        schema
    }

    fn make(&self, schema: &Value, random: &mut Random, depth: u32, every: bool) -> Value {
        let schema = self.resolve(schema);
        if depth >= DEEPEST {
            return json!(null);
        }
        // Just outside: a value of any type.
        if depth > 0 && random.one_in(24) {
            return any(random);
        }
        for key in ["enum", "examples"] {
            if let Some(values) = schema.get(key).and_then(Value::as_array)
                && (key == "enum" || random.one_in(3))
                && let Some(value) = random.pick(values)
            {
                return value.clone();
            }
        }
        for key in ["const", "default"] {
            if let Some(value) = schema.get(key)
                && (key == "const" || random.one_in(3))
            {
                return value.clone();
            }
        }
        for key in ["anyOf", "oneOf", "allOf"] {
            if let Some(one) = schema
                .get(key)
                .and_then(Value::as_array)
                .and_then(|all| random.pick(all))
            {
                return self.make(one, random, depth + 1, every);
            }
        }
        let ty = match schema.get("type") {
            Some(Value::String(ty)) => ty.as_str(),
            Some(Value::Array(types)) => {
                random.pick(types).and_then(Value::as_str).unwrap_or("null")
            }
            _ if schema.get("properties").is_some() => "object",
            _ if schema.get("items").is_some() => "array",
            _ if depth == 0 => "object",
            _ => return any(random),
        };
        match ty {
            "object" => self.object(schema, random, depth, every),
            "array" => {
                let len = bounded(schema, "minItems", "maxItems", random, 4);
                let items = schema.get("items").unwrap_or(&Value::Null);
                (0..len.min(64))
                    .map(|_| self.make(items, random, depth + 1, every))
                    .collect()
            }
            "string" if random.one_in(3) && !self.words.is_empty() => {
                random.pick(&self.words).cloned().into()
            }
            "string" => string(schema, random).into(),
            "integer" => number(schema, random).into(),
            "number" if random.one_in(2) => {
                let value =
                    f64::from(i32::try_from(number(schema, random)).unwrap_or(i32::MAX)) + 0.5;
                Number::from_f64(value).map_or(Value::Null, Value::Number)
            }
            "number" => number(schema, random).into(),
            "boolean" => random.one_in(2).into(),
            _ => Value::Null,
        }
    }

    fn object(&self, schema: &Value, random: &mut Random, depth: u32, every: bool) -> Value {
        let mut object = Map::new();
        let required = schema.get("required").and_then(Value::as_array);
        let is_required =
            |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
        for (name, property) in schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let leave_out = if is_required(name) {
                random.one_in(32)
            } else {
                !every && random.one_in(2)
            };
            if !leave_out {
                object.insert(name.clone(), self.make(property, random, depth + 1, every));
            }
        }
        Value::Object(object)
    }

    /// Changes a config as a tree; `None` if it is no JSON.
    pub fn change(&self, input: &[u8], random: &mut Random) -> Option<Vec<u8>> {
        let mut value: Value = serde_json::from_slice(input).ok()?;
        for _ in 0..=random.below(3) {
            self.change_at(&mut value, &self.schema, random, 0);
        }
        Some(value.to_string().into())
    }

    fn change_at(&self, value: &mut Value, schema: &Value, random: &mut Random, depth: u32) {
        let schema = self.resolve(schema);
        let deeper = !random.one_in(4);
        match value {
            Value::Object(members) if deeper && !members.is_empty() => {
                let at = random.below(members.len());
                let Some(name) = members.keys().nth(at).cloned() else {
                    return;
                };
                if random.one_in(12) {
                    members.remove(&name);
                    return;
                }
                let property = schema.get("properties").and_then(|all| all.get(&name));
                if let Some(member) = members.get_mut(&name) {
                    self.change_at(member, property.unwrap_or(&Value::Null), random, depth + 1);
                }
            }
            Value::Array(items) if deeper && !items.is_empty() => {
                let at = random.below(items.len());
                if random.one_in(6) {
                    let copy = items.get(at).cloned().unwrap_or_default();
                    items.insert(at, copy);
                } else if random.one_in(6) {
                    items.remove(at);
                } else if let Some(item) = items.get_mut(at) {
                    self.change_at(
                        item,
                        schema.get("items").unwrap_or(&Value::Null),
                        random,
                        depth + 1,
                    );
                }
            }
            Value::Object(members) => {
                let properties = schema.get("properties").and_then(Value::as_object);
                let names: Vec<&String> = properties
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| name)
                    .collect();
                if let Some(name) = random.pick(&names)
                    && let Some(property) = properties.and_then(|all| all.get(*name))
                {
                    members.insert(
                        (*name).clone(),
                        self.make(property, random, depth + 1, true),
                    );
                }
            }
            Value::Number(old) if random.one_in(2) => {
                let old = old.as_i64().unwrap_or(0);
                let near = i64::try_from(random.below(16)).unwrap_or(0) - 8;
                *value = match random.below(3) {
                    0 => old.wrapping_add(near).into(),
                    1 => old.wrapping_mul(2).into(),
                    _ => old.wrapping_neg().into(),
                };
            }
            Value::String(text) if random.one_in(2) => change_text(text, random),
            value => *value = self.make(schema, random, depth.max(1), false),
        }
    }
}

fn change_text(text: &mut String, random: &mut Random) {
    let mut letters: Vec<char> = text.chars().collect();
    let at = random.below(letters.len() + 1);
    let one = char::from(b' ' + random.byte() % 95);
    match random.below(4) {
        0 if at < letters.len() => drop(letters.remove(at)),
        1 => letters.extend(letters.clone().into_iter().take(64)),
        2 if at < letters.len() => letters.splice(at..=at, [one]).for_each(drop),
        _ => letters.insert(at, one),
    }
    *text = letters.into_iter().collect();
}

/// A value of any type.
fn any(random: &mut Random) -> Value {
    match random.below(8) {
        0 => Value::Null,
        1 => true.into(),
        2 => random.next().into(),
        3 => (-1).into(),
        4 => json!([]),
        5 => json!({}),
        6 => 0.5.into(),
        _ => "x".into(),
    }
}

/// A length within bounds, or just outside.
fn bounded(schema: &Value, least: &str, most: &str, random: &mut Random, usual: u64) -> u64 {
    let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
    let least = bound(least).unwrap_or(0);
    let most = bound(most).unwrap_or(least.saturating_add(usual)).min(4096);
    match random.below(8) {
        0 => least,
        1 => most,
        2 => most.saturating_add(1),
        3 => least.saturating_sub(1),
        _ => {
            let span = usize::try_from(most.saturating_sub(least)).unwrap_or(0);
            least + random.below(span + 1) as u64
        }
    }
}

fn number(schema: &Value, random: &mut Random) -> i64 {
    const USUAL: [i64; 12] = [0, 1, -1, 2, 10, 80, 255, 256, 443, 65535, 65536, 1 << 31];
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64).map(whole);
    let least = bound("minimum").or(bound("exclusiveMinimum"));
    let most = bound("maximum").or(bound("exclusiveMaximum"));
    let near = [-1, 0, 1].get(random.below(3)).copied().unwrap_or(0);
    match (least, most, random.below(4)) {
        (Some(least), _, 0) => least.saturating_add(near),
        (_, Some(most), 1) => most.saturating_add(near),
        (Some(least), Some(most), _) => {
            let span = usize::try_from(most.saturating_sub(least)).unwrap_or(0);
            least.saturating_add(i64::try_from(random.below(span.saturating_add(1))).unwrap_or(0))
        }
        _ => random.pick(&USUAL).copied().unwrap_or(0),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a bound beyond all integers is the last of them"
)]
fn whole(number: f64) -> i64 {
    number as i64
}

fn string(schema: &Value, random: &mut Random) -> String {
    let format = schema.get("format").and_then(Value::as_str);
    let usual = match format {
        Some("date-time") => "2026-01-01T00:00:00Z",
        Some("date") => "2026-01-01",
        Some("time") => "00:00:00Z",
        Some("email") => "a@example.com",
        Some("hostname") => "example.com",
        Some("ipv4") => "192.0.2.1",
        Some("ipv6") => "2001:db8::1",
        Some("uri" | "url") => "https://example.com/a?b=c",
        Some("uuid") => "00000000-0000-4000-8000-000000000000",
        _ => "",
    };
    if !usual.is_empty() && !random.one_in(6) {
        return usual.to_owned();
    }
    let len = bounded(schema, "minLength", "maxLength", random, 12);
    (0..len)
        .map(|_| char::from(b'a' + random.byte() % 26))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configs_are_made_of_the_schema() {
        let schema = json!({ "type": "object", "required": ["mode"], "properties": {
            "mode": { "enum": ["fast", "slow"] },
            "port": { "type": "integer", "minimum": 1, "maximum": 9 },
            "tags": { "type": "array", "items": { "$ref": "#/$defs/tag" } } },
            "$defs": { "tag": { "type": "string", "minLength": 2 } } });
        let (shapes, mut random) = (Shapes::new(schema, &[]), Random::new(1));
        let seeds = shapes.seeds(&mut random);
        let fresh = (0..200).map(|_| shapes.fresh(&mut random));
        let made: Vec<Vec<u8>> = seeds.iter().cloned().chain(fresh).collect();
        let text: Vec<_> = made.iter().map(|it| String::from_utf8_lossy(it)).collect();
        // Inside the bounds, and just outside of them.
        for part in [
            "\"fast\"",
            "\"slow\"",
            "\"port\":5",
            "\"port\":10",
            "\"port\":0",
        ] {
            assert!(text.iter().any(|it| it.contains(part)), "{part}: {text:?}");
        }
        for seed in &seeds {
            let changed = shapes.change(seed, &mut random).unwrap();
            assert!(serde_json::from_slice::<Value>(&changed).is_ok());
        }
    }
}
