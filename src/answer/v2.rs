//! Reads answers of protocol version 2 into the types of version 1, without loss.

use super::{Manifest, not_json, parse, reported_error, short, wrong_shape};
use crate::{
    capability::{GrantSet, GrantSetError},
    error::ProtocolError,
};
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};
use tollgate_abi::{Capability, ConfigSchema, ErrorDetail, Evidence, well_formed};

/// The schema as the plugin sent it.
#[derive(Deserialize)]
struct RawSchema<'a> {
    #[serde(borrow, default)]
    config_schema: Option<&'a RawValue>,
}

pub(crate) fn read_manifest(bytes: &[u8]) -> Result<Manifest, ProtocolError> {
    let mut document: Value = parse(bytes)?;
    if let Some(error) = reported_error(&document) {
        return Err(ProtocolError::Reported(error));
    }
    let mut info = super::info(&document)?;
    let mut present = |key: &str| {
        let value = document.get_mut(key).map(Value::take);
        value.filter(|value| !value.is_null())
    };
    info.services = present("services");
    if let Some(grants) = present("capabilities") {
        info.capabilities = capabilities(&grants)?;
        info.grant_set = Some(grants);
    }
    let text = well_formed(bytes);
    let raw: RawSchema<'_> = serde_json::from_str(&text).map_err(wrong_shape)?;
    let schema = match raw.config_schema.map(RawValue::get) {
        None | Some("null") => None,
        Some(text) => {
            let parsed = ConfigSchema::parse(text);
            Some(parsed.map_err(|error| not_json(text.as_bytes(), &error))?)
        }
    };
    Ok(Manifest { info, schema })
}

fn capabilities(grants: &Value) -> Result<Vec<Capability>, ProtocolError> {
    let set = GrantSet::deserialize(grants)
        .map_err(|error| wrong_shape(format_args!("capabilities: {error}")))?;
    let wanted = set.capabilities().map_err(|error| match error {
        GrantSetError::TooMany(error) => ProtocolError::TooManyCapabilities(error),
        error => wrong_shape(format_args!("capabilities: {error}")),
    })?;
    let text =
        |capability: &crate::Capability| Capability::new(capability.kind(), capability.pattern());
    Ok(wanted.iter().map(text).collect())
}

const SUCCESS: &str = "success";
const WORDS: [&str; 3] = [SUCCESS, "failure", "error"];

/// Reads the result of `_observe`: `{timestamp, status, data, message, error, metadata}`, with a
/// status of `success`, `failure` or `error`.
pub(crate) fn read_result(bytes: &[u8]) -> Result<Evidence, ProtocolError> {
    let Value::Object(mut document) = parse(bytes)? else {
        return Err(ProtocolError::WrongShape(
            "the result is not an object".into(),
        ));
    };
    let mut take = |name: &str| {
        let key = document.keys().find(|key| key.eq_ignore_ascii_case(name));
        let key = key.cloned()?;
        document.remove(&key).filter(|value| !value.is_null())
    };
    let word = match take("status") {
        Some(Value::String(word)) if WORDS.contains(&word.as_str()) => word,
        // After a panic, the guest kit returns evidence of version 1.
        Some(Value::Bool(_)) => return parse(bytes),
        other => {
            let found = other.map_or("nothing".to_owned(), |value| value.to_string());
            return Err(wrong_shape(format_args!(
                "the status is {}; expected one of {WORDS:?}",
                short(found)
            )));
        }
    };
    let message: Option<String> = shape("message", take("message"))?;
    let metadata: Option<Map<String, Value>> = shape("metadata", take("metadata"))?;
    let mut error: Option<ErrorDetail> = shape("error", take("error"))?;
    if error.is_none() && word != SUCCESS {
        // A caller that reads only the error still sees the message of a failed check.
        error = message.clone().map(|message| ErrorDetail {
            message,
            ..ErrorDetail::default()
        });
    }
    Ok(Evidence {
        status: word == SUCCESS,
        error,
        timestamp: shape("timestamp", take("timestamp"))?.unwrap_or_default(),
        data: shape("data", take("data"))?.unwrap_or_default(),
        raw: None,
        status_word: Some(word),
        message: message.filter(|message| !message.is_empty()),
        metadata,
    })
}

fn shape<T: serde::de::DeserializeOwned>(
    name: &str,
    value: Option<Value>,
) -> Result<Option<T>, ProtocolError> {
    let Some(value) = value else {
        return Ok(None);
    };
    serde_json::from_value(value)
        .map(Some)
        .map_err(|error| wrong_shape(format_args!("{name}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_the_message_and_the_metadata_are_kept() {
        let evidence = read_result(
            br#"{"timestamp":"2026-02-03T04:05:06Z","status":"failure","data":{"n":1},
                "message":"too many","metadata":{"duration_ns":7}}"#,
        )
        .unwrap();
        assert!(!evidence.status);
        assert_eq!(evidence.error.unwrap().to_string(), "too many");
        assert_eq!(evidence.status_word.as_deref(), Some("failure"));
        assert_eq!(evidence.metadata.unwrap()["duration_ns"], 7);
        assert_eq!(evidence.data["n"], 1);
        let evidence = read_result(
            br#"{"timestamp":"2026-02-03T04:05:06Z","status":"success","message":"all well"}"#,
        )
        .unwrap();
        assert!(evidence.status && evidence.error.is_none());
        assert_eq!(evidence.message.as_deref(), Some("all well"));
    }

    #[test]
    fn a_result_without_a_known_status_is_of_the_wrong_shape() {
        for result in [
            "{}",
            r#"{"status":"fine"}"#,
            r#"{"status":1}"#,
            "[]",
            "null",
        ] {
            let read = read_result(result.as_bytes());
            assert!(
                matches!(read, Err(ProtocolError::WrongShape(_))),
                "{result}"
            );
        }
        let read = read_result(br#"{"status":"success","timestamp":"yesterday"}"#);
        assert!(matches!(read, Err(ProtocolError::WrongShape(_))));
    }

    #[test]
    fn a_manifest_is_a_description_and_a_schema() {
        let text = r#"{"name":"n","version":"1","config_schema":{ "type":"object" },
            "capabilities":{"fs":{"rules":[{"read":["/etc/**"]}]}},"services":null}"#;
        let Manifest { info, schema } = read_manifest(text.as_bytes()).unwrap();
        assert_eq!(info.capabilities, [Capability::new("fs", "read:/etc/**")]);
        assert!(info.grant_set.is_some() && info.services.is_none());
        assert_eq!(schema.unwrap().raw(), r#"{ "type":"object" }"#);
        let bare =
            read_manifest(br#"{"name":"n","config_schema":null,"capabilities":{}}"#).unwrap();
        assert!(bare.schema.is_none() && bare.info.capabilities.is_empty());
        let bad = read_manifest(
            br#"{"capabilities":{"network":{"rules":[{"hosts":["a"],"ports":["-1"]}]}}}"#,
        );
        assert!(matches!(bad, Err(ProtocolError::WrongShape(_))));
    }
}
