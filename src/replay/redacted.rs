//! Applies the embedder's redactor to a transcript.

use super::{Comparison, Divergence};
use crate::{effect::json, redact::Redactor};
use alloc::{
    borrow::ToOwned,
    boxed::Box,
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};
use serde::Serialize;
use serde_json::{Value, value::RawValue};
use tollgate_abi::base64;

/// The keys of JSON that is not part of the format: requests and replies of host functions of the
/// embedder.
const FOREIGN: [&str; 2] = ["request", "json"];

/// Rewrites the texts of a transcript if there is a redactor.
#[derive(Clone)]
pub(super) struct Texts(pub(super) Option<Redactor>);

impl Texts {
    /// Returns whether there is a redactor.
    pub(super) fn are_redacted(&self) -> bool {
        self.0.is_some()
    }

    /// The JSON of an effect, not redacted.
    pub(super) fn plain(value: &impl Serialize) -> Value {
        serde_json::to_value(value).unwrap_or_default()
    }

    /// Returns the redacted JSON of an effect or a reply that carries `bytes`, and the redacted large
    /// bytes that the JSON refers to by digest.
    pub(super) fn rewrite(&self, value: &impl Serialize, bytes: &[&[u8]]) -> (Value, Vec<Vec<u8>>) {
        // The JSON holds digests of large bytes, so these are redacted separately.
        let mut named = BTreeMap::new();
        let mut large = Vec::new();
        for bytes in bytes.iter().filter(|bytes| bytes.len() >= json::LARGE) {
            let redacted = self.bytes(bytes);
            let written = serde_json::to_value(json::Body(&redacted)).unwrap_or_default();
            named.insert(json::digest_text(bytes), written);
            if redacted.len() >= json::LARGE {
                large.push(redacted);
            }
        }
        let mut value = Texts::plain(value);
        self.value(&mut value, &named);
        (value, large)
    }

    /// The redacted config.
    pub(super) fn config(&self, text: String) -> serde_json::Result<Box<RawValue>> {
        let Some(redactor) = &self.0 else {
            return RawValue::from_string(text);
        };
        let mut config: Value = serde_json::from_str(&text)?;
        redactor.redact_json(&mut config);
        RawValue::from_string(config.to_string())
    }

    /// Redacts a divergence.
    pub(super) fn divergence(&self, divergence: &mut Divergence) {
        for text in [&mut divergence.expected, &mut divergence.actual]
            .into_iter()
            .chain(&mut divergence.before)
        {
            *text = self.text(text);
        }
    }

    /// Redacts a comparison.
    pub(super) fn comparison(&self, comparison: &mut Comparison) {
        for text in (comparison.new_effects.iter_mut())
            .chain(&mut comparison.missing_effects)
            .chain(&mut comparison.answers)
        {
            *text = self.text(text);
        }
    }

    pub(super) fn text(&self, text: &str) -> String {
        match &self.0 {
            Some(redactor) => redactor.redact(text),
            None => text.to_owned(),
        }
    }

    fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        match &self.0 {
            Some(redactor) => redactor.redact_bytes(bytes),
            None => bytes.to_vec(),
        }
    }

    /// Rewrites strings everywhere, and keys and numbers too in values that are not part of the
    /// format.
    fn value(&self, value: &mut Value, named: &BTreeMap<String, Value>) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item, named)),
            Value::Object(fields) => match super::digests::as_digest(fields) {
                Some(digest) if named.contains_key(digest) => {
                    *value = named.get(digest).cloned().unwrap_or_default();
                }
                // Bytes that are not UTF-8.
                None if fields.len() == 1 && fields.contains_key("base64") => {
                    if let Some(Value::String(text)) = fields.get_mut("base64")
                        && let Ok(bytes) = base64::decode(text)
                    {
                        *text = base64::encode(&self.bytes(&bytes));
                    }
                }
                _ => fields.iter_mut().for_each(|(key, field)| match &self.0 {
                    Some(redactor) if FOREIGN.contains(&key.as_str()) => {
                        redactor.redact_json(field);
                    }
                    _ => self.value(field, named),
                }),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}
