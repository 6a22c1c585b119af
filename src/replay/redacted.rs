//! The texts of a transcript as the embedder's redactor leaves them.

use super::{Comparison, Divergence, lines::unwritable};
use crate::{effect::json, redact::Redactor};
use serde::Serialize;
use serde_json::{Value, value::RawValue};
use std::{collections::BTreeMap, io};
use tollgate_abi::base64;

/// The keys of JSON that is not the format's own: what a function of the embedder's was asked, and
/// what it answered.
const MADE_ELSEWHERE: [&str; 2] = ["request", "json"];

/// What rewrites the texts of a transcript, or leaves them as they are.
#[derive(Clone)]
pub(super) struct Texts(pub(super) Option<Redactor>);

impl Texts {
    /// Whether a redactor sees the texts.
    pub(super) fn are_redacted(&self) -> bool {
        self.0.is_some()
    }

    /// The JSON of an effect as it stands in a transcript.
    pub(super) fn plain(value: &impl Serialize) -> Value {
        serde_json::to_value(value).unwrap_or_default()
    }

    /// The JSON of an effect or a reply, rewritten, and the large bytes that it names now. `bytes`
    /// are those that it carries.
    pub(super) fn rewrite(&self, value: &impl Serialize, bytes: &[&[u8]]) -> (Value, Vec<Vec<u8>>) {
        // Large bytes are named by digest, behind which the redactor would not see them.
        let mut named = BTreeMap::new();
        let mut large = Vec::new();
        for bytes in bytes.iter().filter(|bytes| bytes.len() >= json::LARGE) {
            let kept = self.bytes(bytes);
            let written = serde_json::to_value(json::Body(&kept)).unwrap_or_default();
            named.insert(json::digest_text(bytes), written);
            if kept.len() >= json::LARGE {
                large.push(kept);
            }
        }
        let mut value = Texts::plain(value);
        self.value(&mut value, &named);
        (value, large)
    }

    /// The config as it is recorded.
    pub(super) fn config(&self, text: String) -> io::Result<Box<RawValue>> {
        let Some(redactor) = &self.0 else {
            return RawValue::from_string(text).map_err(unwritable);
        };
        let mut config: Value = serde_json::from_str(&text).map_err(unwritable)?;
        redactor.redact_json(&mut config);
        RawValue::from_string(config.to_string()).map_err(unwritable)
    }

    /// What a replay shows of its recording and of the plugin.
    pub(super) fn divergence(&self, divergence: &mut Divergence) {
        for text in [&mut divergence.expected, &mut divergence.actual]
            .into_iter()
            .chain(&mut divergence.before)
        {
            *text = self.text(text);
        }
    }

    /// What a comparison shows of its recording and of the plugin.
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

    /// Rewrites every string, and whole values that a guest or the embedder's functions made; other
    /// keys and numbers are the format's own.
    fn value(&self, value: &mut Value, named: &BTreeMap<String, Value>) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item, named)),
            Value::Object(fields) => match super::digests::as_digest(fields) {
                Some(digest) if named.contains_key(digest) => {
                    *value = named.get(digest).cloned().unwrap_or_default();
                }
                // Bytes that are no text.
                None if fields.len() == 1 && fields.contains_key("base64") => {
                    if let Some(Value::String(text)) = fields.get_mut("base64")
                        && let Ok(bytes) = base64::decode(text)
                    {
                        *text = base64::encode(&self.bytes(&bytes));
                    }
                }
                _ => fields.iter_mut().for_each(|(key, field)| match &self.0 {
                    Some(redactor) if MADE_ELSEWHERE.contains(&key.as_str()) => {
                        redactor.redact_json(field);
                    }
                    _ => self.value(field, named),
                }),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}
