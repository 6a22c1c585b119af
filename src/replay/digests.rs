//! Replaces the digests in the lines of a transcript by the large bytes that they stand for.

use alloc::{string::String, vec::Vec};
use serde_json::{Map, Value};

/// The effects and answers that carry bytes, and their fields; an empty list means that the value
/// itself is the bytes. Elsewhere an object with a digest is data of a guest or an embedder:
/// expanding it would let a short line use the same large bytes many times.
pub(super) type ByteFields = [(&'static str, &'static [&'static str]); 4];
pub(super) const IN_EFFECTS: ByteFields = [
    ("write_at", &["bytes"]),
    ("write_file", &["content"]),
    ("exchange", &["send"]),
    ("http", &["body"]),
];
pub(super) const IN_ANSWERS: ByteFields = [
    ("bytes", &[]),
    ("exchanged", &["received"]),
    ("fetched", &["body"]),
    ("ran", &["stdout", "stderr"]),
];

/// Returns the fields of an effect or an answer that hold bytes.
pub(super) fn byte_fields<'a>(value: &'a mut Value, places: &ByteFields) -> Vec<&'a mut Value> {
    let Value::Object(kinds) = value else {
        return Vec::new();
    };
    let bytes = kinds.iter_mut().flat_map(|(kind, body)| {
        match (places.iter().find(|place| place.0 == kind), body) {
            (None, _) => Vec::new(),
            (Some((_, [])), body) => vec![body],
            (Some((_, names)), Value::Object(fields)) => {
                let named = fields
                    .iter_mut()
                    .filter(|(name, _)| names.contains(&name.as_str()));
                named.map(|(_, field)| field).collect()
            }
            (Some(_), _) => Vec::new(),
        }
    });
    bytes.collect()
}

/// Replaces each digest by its bytes.
pub(super) fn restore(
    value: &mut Value,
    places: &ByteFields,
    blob: &mut dyn FnMut(&str) -> Option<Value>,
) -> Result<(), String> {
    for field in byte_fields(value, places) {
        if let Some(digest) = field.as_object().and_then(as_digest) {
            let content = blob(digest);
            *field = content
                .ok_or_else(|| format!("no line before it holds the bytes with digest {digest}"))?;
        }
    }
    Ok(())
}

pub(super) fn as_digest(fields: &Map<String, Value>) -> Option<&str> {
    match fields.get("sha256") {
        Some(Value::String(digest)) if fields.len() == 1 => Some(digest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::{Answer, Effect, json};
    use std::time::Duration;

    #[test]
    fn large_bytes_are_found_wherever_effects_and_answers_carry_them() {
        let large = vec![b'x'; json::LARGE];
        let timeout = Duration::ZERO;
        let effects = [
            Effect::WriteAt {
                handle: 0,
                offset: None,
                bytes: large.clone(),
            },
            Effect::WriteFile {
                path: String::new(),
                content: large.clone(),
                mode: crate::effect::WriteMode::Replace,
            },
            Effect::Exchange {
                host: String::new(),
                port: 1,
                send: large.clone(),
                receive: 1,
                timeout,
            },
            Effect::Http {
                method: String::new(),
                url: String::new(),
                headers: Vec::new(),
                body: large.clone(),
                body_limit: 1,
                timeout,
            },
        ];
        assert_eq!(effects.len(), IN_EFFECTS.len());
        for effect in effects {
            let mut written = serde_json::to_value(&effect).unwrap();
            let found = byte_fields(&mut written, &IN_EFFECTS);
            assert_eq!(found.len(), effect.bytes().len(), "{effect:?}");
            assert!(
                found
                    .iter()
                    .all(|field| as_digest(field.as_object().unwrap()).is_some())
            );
        }
        let here = "0.0.0.0:0".parse().unwrap();
        let answers = [
            Answer::Bytes(large.clone()),
            Answer::Exchanged(crate::effect::Exchanged {
                received: large.clone(),
                truncated: false,
                remote: here,
                local: here,
                timed_out: false,
                connect_time: timeout,
            }),
            Answer::Fetched(crate::effect::HttpResponse {
                status: 200,
                protocol: String::new(),
                headers: Vec::new(),
                body: large.clone(),
                truncated: false,
                took: timeout,
            }),
            Answer::Ran(crate::effect::CommandOutput {
                stdout: large.clone(),
                stderr: large,
                ..Default::default()
            }),
        ];
        assert_eq!(answers.len(), IN_ANSWERS.len());
        for answer in answers {
            let mut written = serde_json::to_value(&answer).unwrap();
            let found = byte_fields(&mut written, &IN_ANSWERS);
            assert_eq!(found.len(), answer.bytes().len(), "{answer:?}");
            assert!(
                found
                    .iter()
                    .all(|field| as_digest(field.as_object().unwrap()).is_some())
            );
        }
    }
}
