//! Where secrets are looked for in what a plugin answered: evidence, errors, denials.

use super::Redactor;
use crate::{
    effect::Denial,
    error::{Breach, Error, Fault},
};
use serde_json::{Map, Value};
use tollgate_abi::{ErrorDetail, Evidence, base64};

impl Redactor {
    /// Hides the secrets in a JSON value. Keys stay, and so do numbers, booleans and null, unless
    /// they are at a place that is hidden whole.
    pub fn redact_json(&self, value: &mut Value) {
        self.value(value, &mut String::new());
    }

    /// Hides the secrets in evidence: in its data, raw text, message, metadata and error.
    pub fn redact_evidence(&self, evidence: &mut Evidence) {
        self.map(&mut evidence.data, &mut String::new());
        let texts = [&mut evidence.raw, &mut evidence.message];
        texts.into_iter().flatten().for_each(|text| self.text(text));
        if let Some(metadata) = &mut evidence.metadata {
            self.map(metadata, &mut String::new());
        }
        if let Some(error) = &mut evidence.error {
            self.detail(error);
        }
    }

    fn map(&self, map: &mut Map<String, Value>, path: &mut String) {
        let length = path.len();
        for (key, value) in map {
            if length > 0 {
                path.push('.');
            }
            path.push_str(key);
            match value {
                Value::String(text) if key.ends_with("_b64") && !self.hides(path) => {
                    self.encoded(text);
                }
                _ => self.value(value, path),
            }
            path.truncate(length);
        }
    }

    fn value(&self, value: &mut Value, path: &mut String) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item, path)),
            Value::Object(map) => self.map(map, path),
            Value::Null => {}
            Value::String(text) if self.hides(path) => *text = self.mark(text.as_bytes()),
            Value::String(text) => self.text(text),
            Value::Bool(_) | Value::Number(_) if self.hides(path) => {
                *value = Value::String(self.mark(value.to_string().as_bytes()));
            }
            Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Whether what stands at this place is hidden whole.
    fn hides(&self, place: &str) -> bool {
        self.inner.paths.iter().any(|path| {
            let above = place.strip_suffix(path.as_str());
            above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
        })
    }

    /// A text that may be base64 of another one.
    fn encoded(&self, text: &mut String) {
        let Ok(bytes) = base64::decode(text) else {
            return self.text(text);
        };
        let hidden = self.redact_bytes(&bytes);
        if hidden == bytes {
            self.text(text);
        } else {
            *text = base64::encode(&hidden);
        }
    }

    /// The value of an attribute that a plugin logged under this key.
    pub(crate) fn attribute(&self, key: &str, value: &mut String) {
        if self.hides(key) {
            *value = self.mark(value.as_bytes());
        } else {
            self.text(value);
        }
    }

    fn detail(&self, error: &mut ErrorDetail) {
        self.text(&mut error.message);
        self.text(&mut error.code);
        if let Some(details) = &mut error.details {
            self.map(details, &mut String::new());
        }
        if let Some(stack) = &mut error.stack {
            self.encoded(stack);
        }
        if let Some(wrapped) = &mut error.wrapped {
            self.detail(wrapped);
        }
    }

    /// Hides the secrets in what a denial quotes of the plugin's wish.
    pub(crate) fn denial(&self, denial: &mut Denial) {
        self.text(denial.wish.as_mut_string());
        self.text(denial.needs.as_mut_string());
    }

    /// Hides the secrets in what an error quotes of the guest.
    pub(crate) fn error(&self, mut error: Error) -> Error {
        match &mut error {
            Error::Fault {
                fault: Fault::Trap(text) | Fault::Host(text),
                ..
            } => self.text(text.as_mut_string()),
            Error::Breach { breach, .. } => match breach {
                Breach::NotJson(text) | Breach::WrongShape(text) => self.text(text.as_mut_string()),
                Breach::HostTooOld { wanted } => self.text(wanted.as_mut_string()),
                Breach::Reported(detail) => self.detail(detail),
                _ => {}
            },
            _ => {}
        }
        error
    }
}
