//! Reading what a plugin answered: bytes to info, schema and evidence, with an own error for each
//! way in which they can be wrong.

mod host_version;
mod v2;

pub(crate) use v2::{Manifest, read_manifest, read_result};

use crate::error::Breach;
use serde_json::Value;
use tollgate_abi::{ConfigSchema, ErrorDetail, Evidence, JsonError, PluginInfo, from_json};

/// As deep as JSON may nest; the parser's own limit.
const MAX_DEPTH: usize = 127;

/// As many values as an answer may hold.
pub(crate) const MAX_VALUES: usize = 1_000_000;

pub(crate) fn read_info(bytes: &[u8]) -> Result<PluginInfo, Breach> {
    let document: Value = parse(bytes)?;
    if let Some(error) = reported_error(&document) {
        return Err(Breach::Reported(error));
    }
    info(&document)
}

fn info(document: &Value) -> Result<PluginInfo, Breach> {
    let info = PluginInfo::from_value(document)
        .ok_or_else(|| Breach::WrongShape("the description is not an object".into()))?;
    host_version::check(&info.min_host_version)?;
    Ok(info)
}

pub(crate) fn read_schema(bytes: &[u8]) -> Result<ConfigSchema, Breach> {
    let text = utf8(bytes)?;
    check_values(bytes)?;
    let schema = ConfigSchema::parse(text).map_err(|error| not_json(bytes, &error))?;
    match reported_error(schema.document()) {
        Some(error) => Err(Breach::Reported(error)),
        None => Ok(schema),
    }
}

pub(crate) fn read_evidence(bytes: &[u8]) -> Result<Evidence, Breach> {
    parse(bytes)
}

fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Breach> {
    utf8(bytes)?;
    check_values(bytes)?;
    from_json(bytes).map_err(|error| not_json(bytes, &error))
}

fn utf8(bytes: &[u8]) -> Result<&str, Breach> {
    std::str::from_utf8(bytes).map_err(|error| Breach::NotUtf8 {
        at: error.valid_up_to(),
    })
}

fn not_json(bytes: &[u8], error: &JsonError) -> Breach {
    let depth = nesting(bytes);
    if depth > MAX_DEPTH {
        Breach::TooDeep {
            depth,
            limit: MAX_DEPTH,
        }
    } else if error.is_shape() {
        Breach::WrongShape(error.to_string())
    } else {
        Breach::NotJson(error.to_string())
    }
}

/// Each value takes up to a hundred times the bytes in memory that it takes as text.
fn check_values(bytes: &[u8]) -> Result<(), Breach> {
    if bytes.len() <= MAX_VALUES {
        return Ok(());
    }
    // A value ends with a comma or a bracket.
    let values = outside_strings(bytes)
        .filter(|byte| matches!(byte, b',' | b']' | b'}'))
        .count();
    if values <= MAX_VALUES {
        return Ok(());
    }
    // What cannot be read at all is told first.
    let depth = nesting(bytes);
    if depth > MAX_DEPTH {
        return Err(Breach::TooDeep {
            depth,
            limit: MAX_DEPTH,
        });
    }
    Err(Breach::TooManyValues {
        values,
        limit: MAX_VALUES,
    })
}

/// The bytes of a JSON text that stand in no string.
pub(crate) fn outside_strings(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let (mut in_string, mut escaped) = (false, false);
    bytes.iter().copied().filter(move |byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ => return !in_string,
        }
        false
    })
}

/// How deep brackets nest outside strings.
fn nesting(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0usize);
    for byte in outside_strings(bytes) {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Plugins of the Go SDK answer with evidence when they panicked or were never registered, also
/// where they should describe themselves.
fn reported_error(document: &Value) -> Option<ErrorDetail> {
    let object = document.as_object()?;
    let get = |name: &str| {
        let mut entries = object.iter();
        let entry = entries.find(|(key, _)| key.eq_ignore_ascii_case(name));
        entry.map(|(_, value)| value)
    };
    // The status is a word in the newer generation.
    if !matches!(get("status")?, Value::Bool(_) | Value::String(_)) {
        return None;
    }
    let error = get("error").filter(|error| error.is_object())?;
    serde_json::from_value(error.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_counted_outside_strings() {
        assert_eq!(nesting(br#"{"a[[[\"[":[[1],"{"]}"#), 3);
        assert_eq!(nesting(b"]]]["), 1);
    }

    #[test]
    fn a_schema_about_status_and_error_is_no_error() {
        let schema = br#"{"type":"object","properties":{"status":{},"error":{}}}"#;
        assert!(read_schema(schema).is_ok());
    }
}
