//! Replacing secrets in the types that the runtime returns: evidence, descriptions, schemas, errors,
//! denials, attributes of log lines.

use super::{HiddenPath, Redactor};
use crate::{
    effect::{Denial, DenialReason},
    error::{Error, Fault, LoadError, Problem, ProtocolError},
    printable::Text,
};
#[cfg(feature = "schema")]
use crate::{
    error::ConfigError,
    schema::{Validation, Violation},
};
use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
};
use core::sync::atomic::Ordering;
use serde_json::{Map, Value};
use tollgate_abi::{ConfigSchema, ErrorDetail, Evidence, PluginInfo, base64, host::LogAttr};

impl Redactor {
    /// Replaces the secrets in a JSON value: in its strings and keys, numbers that are values, and the
    /// values at the paths of the redactor.
    pub fn redact_json(&self, value: &mut Value) {
        self.with_paths().value(value);
    }

    /// Replaces the secrets in evidence: in its data, raw text, message, metadata and error.
    pub fn redact_evidence(&self, evidence: &mut Evidence) {
        self.with_paths().map(&mut evidence.data);
        let texts = [&mut evidence.raw, &mut evidence.message];
        texts.into_iter().flatten().for_each(|text| self.text(text));
        if let Some(metadata) = &mut evidence.metadata {
            self.with_paths().map(metadata);
        }
        if let Some(error) = &mut evidence.error {
            self.detail(error);
        }
    }

    /// A walk through JSON with the paths of the redactor.
    fn with_paths(&self) -> JsonWalk<'_> {
        JsonWalk {
            redactor: self,
            paths: &self.inner.paths,
            path: String::new(),
        }
    }

    /// Replaces the secrets in JSON without regard to paths.
    fn document(&self, value: &mut Value) {
        let mut json = JsonWalk {
            paths: &[],
            ..self.with_paths()
        };
        json.value(value);
    }

    /// Replaces the secrets in a log attribute.
    pub(crate) fn attribute(&self, attr: &mut LogAttr) {
        if hides(&self.inner.paths, &attr.key) {
            attr.value = self.mark(attr.value.as_bytes());
        } else {
            self.text(&mut attr.value);
        }
        self.key(&mut attr.key);
        self.key(&mut attr.kind);
    }

    fn detail(&self, error: &mut ErrorDetail) {
        let mut next = Some(error);
        while let Some(error) = next {
            self.text(&mut error.message);
            self.text(&mut error.kind);
            self.text(&mut error.code);
            if let Some(details) = &mut error.details {
                self.with_paths().map(details);
            }
            if let Some(stack) = &mut error.stack {
                self.encoded(stack);
            }
            next = error.wrapped.as_deref_mut();
        }
    }

    /// Replaces the secrets in a text that may be base64 of another one.
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

    /// Returns a plugin's description with its secrets replaced.
    pub(crate) fn info(&self, info: &PluginInfo) -> PluginInfo {
        let mut info = info.clone();
        for text in [
            &mut info.name,
            &mut info.version,
            &mut info.description,
            &mut info.sdk_version,
            &mut info.min_host_version,
        ] {
            self.text(text);
        }
        for capability in &mut info.capabilities {
            self.text(&mut capability.kind);
            self.text(&mut capability.pattern);
        }
        let documents = [&mut info.services, &mut info.grant_set];
        let documents = documents.into_iter().flatten();
        documents.for_each(|document| self.document(document));
        info
    }

    /// Returns the schema with its secrets replaced; unchanged if it has none.
    pub(crate) fn schema(&self, schema: &ConfigSchema) -> ConfigSchema {
        let mut document = schema.document().clone();
        self.document(&mut document);
        // Only the text has repeated keys and all digits of a number.
        if document == *schema.document() && self.redact(schema.raw()) == schema.raw() {
            return schema.clone();
        }
        // A schema that was parsed and written can be parsed again.
        ConfigSchema::parse(&document.to_string()).unwrap_or_else(|_| schema.clone())
    }

    fn guest_text(&self, text: &mut Text) {
        self.text(text.as_mut_string());
    }

    /// Hides the secrets in what a validation quotes of the schema.
    #[cfg(feature = "schema")]
    pub(crate) fn validation(&self, found: &mut Validation) {
        found
            .violations
            .iter_mut()
            .for_each(|it| self.violation(it));
        found
            .notes
            .iter_mut()
            .for_each(|note| self.guest_text(note));
    }

    #[cfg(feature = "schema")]
    fn violation(&self, violation: &mut Violation) {
        self.guest_text(&mut violation.path);
        self.guest_text(&mut violation.message);
    }

    /// Replaces the secrets in what a denial quotes of the plugin's request.
    pub(crate) fn denial(&self, denial: &mut Denial) {
        self.guest_text(&mut denial.request);
        self.guest_text(&mut denial.needs);
        denial
            .also
            .iter_mut()
            .for_each(|grant| self.guest_text(grant));
        if let DenialReason::Address { refusal } = &mut denial.reason {
            self.guest_text(refusal);
        }
    }

    /// Replaces the secrets in what an error quotes of the guest.
    pub(crate) fn error(&self, mut error: Error) -> Error {
        match &mut error {
            Error::Fault {
                fault: Fault::Trap(text) | Fault::Host(text),
                ..
            } => self.guest_text(text),
            Error::Protocol { error, .. } => match error {
                ProtocolError::NotJson(text) | ProtocolError::WrongShape(text) => {
                    self.guest_text(text)
                }
                ProtocolError::HostTooOld { wanted } => self.guest_text(wanted),
                ProtocolError::Reported(detail) => self.detail(detail),
                _ => {}
            },
            Error::Load { problem, .. } => match problem {
                LoadError::NotWasm(text)
                | LoadError::Compile(text)
                | LoadError::NotEnabled { place: text, .. } => self.guest_text(text),
                LoadError::Contract(problems) => {
                    problems
                        .iter_mut()
                        .for_each(|problem| self.problem(problem));
                }
                _ => {}
            },
            #[cfg(feature = "schema")]
            Error::Config {
                problem: ConfigError::Invalid(violations),
                ..
            } => violations.iter_mut().for_each(|it| self.violation(it)),
            _ => {}
        }
        error
    }

    fn problem(&self, problem: &mut Problem) {
        if let Problem::UnknownImport { module, name, .. }
        | Problem::ImportType { module, name, .. } = problem
        {
            self.guest_text(module);
            self.guest_text(name);
        }
        if let Problem::Foreign(foreign) = problem {
            self.guest_text(&mut foreign.module);
            self.guest_text(&mut foreign.name);
        }
    }
}

/// Whether the value at `path` is replaced.
fn hides(paths: &[HiddenPath], path: &str) -> bool {
    let mut hides = false;
    for hidden in paths {
        let above = path.strip_suffix(hidden.text.as_str());
        if above.is_some_and(|above| above.is_empty() || above.ends_with('.')) {
            hidden.matched.store(true, Ordering::Relaxed);
            hides = true;
        }
    }
    hides
}

/// A walk through a JSON value.
struct JsonWalk<'a> {
    redactor: &'a Redactor,
    paths: &'a [HiddenPath],
    /// The path of the current value: keys separated by dots.
    path: String,
}

impl JsonWalk<'_> {
    fn map(&mut self, map: &mut Map<String, Value>) {
        let length = self.path.len();
        for (key, value) in map.iter_mut() {
            if length > 0 {
                self.path.push('.');
            }
            self.path.push_str(key);
            match value {
                Value::String(text) if key.ends_with("_b64") && !hides(self.paths, &self.path) => {
                    self.redactor.encoded(text);
                }
                _ => self.value(value),
            }
            self.path.truncate(length);
        }
        self.keys(map);
    }

    fn value(&mut self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(map) => self.map(map),
            Value::Null => {}
            Value::String(text) if hides(self.paths, &self.path) => {
                *text = self.redactor.mark(text.as_bytes());
            }
            Value::String(text) => self.redactor.text(text),
            Value::Bool(_) if !hides(self.paths, &self.path) => {}
            Value::Number(number)
                if !hides(self.paths, &self.path)
                    && !self.redactor.inner.values.search().is_in(number) => {}
            Value::Bool(_) | Value::Number(_) => {
                *value = Value::String(self.redactor.mark(value.to_string().as_bytes()));
            }
        }
    }

    /// Replaces the secrets in the keys. No entry is lost: if several keys become equal, all except the
    /// first get a number.
    fn keys(&self, map: &mut Map<String, Value>) {
        let mut hidden = BTreeMap::new();
        for key in map.keys() {
            let mut new = key.clone();
            self.redactor.key(&mut new);
            if new != *key {
                hidden.insert(key.clone(), new);
            }
        }
        let mut next = BTreeMap::<String, u64>::new();
        for (old, new) in hidden {
            let Some(value) = map.remove(&old) else {
                continue;
            };
            let number = next.entry(new.clone()).or_insert(1);
            let mut key = new.clone();
            while map.contains_key(&key) {
                *number += 1;
                key = format!("{new} {number}");
            }
            map.insert(key, value);
        }
    }
}
