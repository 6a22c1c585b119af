//! Reads a plugin's answers: description, schema and evidence, with a separate error for each kind of
//! defect.

mod host_version;
mod truncate;
#[cfg_attr(not(feature = "reglet-v2"), path = "v2_left_out.rs")]
mod v2;

pub(crate) use truncate::cut;
pub use truncate::{Truncation, truncate_evidence};
pub(crate) use v2::{read_manifest, read_result};

use crate::{
    capability::check_declared,
    error::ProtocolError,
    printable::Text,
    room::{self, MAX_VALUES},
};
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
};
use core::fmt::Display;
use serde::Deserialize as _;
use serde_json::Value;
use tollgate_abi::{
    ConfigSchema, ErrorDetail, Evidence, JsonError, PluginInfo, from_json, well_formed,
};

/// The deepest nesting of JSON, which is the parser's limit.
const MAX_DEPTH: usize = 127;

/// The most bytes of a message about an answer, which may quote the answer.
const MAX_MESSAGE: usize = 1024;

/// The result of `_manifest`: a description and a schema.
pub(crate) struct Manifest {
    pub(crate) info: PluginInfo,
    /// `None` if the manifest has no schema.
    pub(crate) schema: Option<ConfigSchema>,
}

pub(crate) fn read_info(bytes: &[u8]) -> Result<PluginInfo, ProtocolError> {
    let document: Value = parse(bytes)?;
    if let Some(error) = reported_error(&document) {
        return Err(ProtocolError::Reported(error));
    }
    info(&document)
}

fn info(document: &Value) -> Result<PluginInfo, ProtocolError> {
    let info = PluginInfo::from_value(document)
        .ok_or_else(|| ProtocolError::WrongShape("the description is not an object".into()))?;
    host_version::check(&info.min_host_version)?;
    check_declared(&info.capabilities).map_err(ProtocolError::TooManyCapabilities)?;
    Ok(info)
}

pub(crate) fn read_schema(bytes: &[u8]) -> Result<ConfigSchema, ProtocolError> {
    check_values(bytes)?;
    let schema =
        ConfigSchema::parse(&well_formed(bytes)).map_err(|error| not_json(bytes, &error))?;
    match reported_error(schema.document()) {
        Some(error) => Err(ProtocolError::Reported(error)),
        None => Ok(schema),
    }
}

pub(crate) fn read_evidence(bytes: &[u8]) -> Result<Evidence, ProtocolError> {
    parse(bytes)
}

fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, ProtocolError> {
    check_values(bytes)?;
    from_json(bytes).map_err(|error| not_json(bytes, &error))
}

fn not_json(bytes: &[u8], error: &JsonError) -> ProtocolError {
    let depth = nesting(bytes);
    if depth > MAX_DEPTH {
        ProtocolError::TooDeep {
            depth,
            limit: MAX_DEPTH,
        }
    } else if error.is_shape() {
        wrong_shape(error)
    } else {
        ProtocolError::NotJson(short(error))
    }
}

fn wrong_shape(error: impl Display) -> ProtocolError {
    ProtocolError::WrongShape(short(error))
}

fn short(message: impl Display) -> Text {
    let mut message = message.to_string();
    cut(&mut message, MAX_MESSAGE, "…");
    message.into()
}

/// Returns an error for JSON that takes much more memory than its text.
fn check_values(bytes: &[u8]) -> Result<(), ProtocolError> {
    // JSON has fewer values than bytes, even though an object counts for several.
    if bytes.len() <= MAX_VALUES || room::most_values(bytes) <= MAX_VALUES {
        return Ok(());
    }
    let values = room::values(bytes);
    if values <= MAX_VALUES {
        return Ok(());
    }
    // Excessive nesting takes precedence.
    let depth = nesting(bytes);
    if depth > MAX_DEPTH {
        return Err(ProtocolError::TooDeep {
            depth,
            limit: MAX_DEPTH,
        });
    }
    Err(ProtocolError::TooManyValues {
        values,
        limit: MAX_VALUES,
    })
}

/// Checks a text that does not come from a plugin.
pub(crate) fn check_text(text: &str) -> Result<(), String> {
    match check_values(text.as_bytes()) {
        Err(ProtocolError::TooManyValues { values, limit }) => Err(format!(
            "{values} JSON values, more than the limit of {limit}"
        )),
        Err(error) => Err(error.to_string()),
        Ok(()) => room::check_reading(text.as_bytes())
            .map_err(|_| "the host ran out of memory".to_owned()),
    }
}

/// Returns the depth of nested brackets outside strings.
fn nesting(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0usize);
    for byte in room::outside_strings(bytes) {
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

/// Returns the error in evidence. Plugins of the Go SDK return evidence from every export after a
/// panic, or if no plugin is registered.
fn reported_error(document: &Value) -> Option<ErrorDetail> {
    let object = document.as_object()?;
    let get = |name: &str| {
        let mut entries = object.iter();
        let entry = entries.find(|(key, _)| key.eq_ignore_ascii_case(name));
        entry.map(|(_, value)| value)
    };
    // In protocol version 2 the status is a string.
    if !matches!(get("status")?, Value::Bool(_) | Value::String(_)) {
        return None;
    }
    let error = get("error").filter(|error| error.is_object())?;
    ErrorDetail::deserialize(error).ok()
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
    fn messages_are_short_however_long_the_answer() {
        let long = "é".repeat(1 << 20);
        for answer in [
            format!(r#"{{"status":"{long}"}}"#),
            format!(r#"{{"error":{{"message":[]}},"data":"{long}"}}"#),
        ] {
            for read in [
                read_evidence(answer.as_bytes()),
                read_result(answer.as_bytes()),
            ] {
                let Err(ProtocolError::WrongShape(message)) = read else {
                    panic!("{read:?}")
                };
                assert!(message.as_str().len() < 2 * MAX_MESSAGE, "{message}");
            }
        }
    }

    #[test]
    fn objects_count_for_more_than_what_is_in_them() {
        let read = |item: &str, items: usize| {
            let answer = format!("{{\"data\":{{\"a\":[{}]}}}}", vec![item; items].join(","));
            read_evidence(answer.as_bytes()).map(drop)
        };
        assert_eq!(read("0", 990_000), Ok(()));
        assert_eq!(read(r#"{"":0}"#, 140_000), Ok(()));
        assert_eq!(read("{ }", 490_000), Ok(()));
        for (item, items) in [("0", 1_000_001), ("[0]", 500_001), (r#"{"":0}"#, 143_000)] {
            let refused = read(item, items);
            assert!(
                matches!(refused, Err(ProtocolError::TooManyValues { .. })),
                "{refused:?}"
            );
        }
        assert_eq!(read("\"{{{{,,,,\"", 400_000), Ok(()));
    }

    #[test]
    fn a_schema_about_status_and_error_is_no_error() {
        let schema = br#"{"type":"object","properties":{"status":{},"error":{}}}"#;
        assert!(read_schema(schema).is_ok());
    }
}
