//! Hiding secrets in what leaves the runtime. The rule is the embedder's; this room applies it to
//! evidence and log lines.

use serde_json::Value;
use std::{fmt, sync::Arc};
use tollgate_abi::{ErrorDetail, Evidence};

type Rule = dyn Fn(&str) -> String + Send + Sync;

/// A rule that rewrites text, or none.
#[derive(Clone, Default)]
pub(crate) struct Redactor(Option<Arc<Rule>>);

impl Redactor {
    pub(crate) fn new(rule: impl Fn(&str) -> String + Send + Sync + 'static) -> Redactor {
        Redactor(Some(Arc::new(rule)))
    }

    pub(crate) fn is_active(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn text(&self, text: &mut String) {
        if let Some(rule) = &self.0 {
            *text = rule(text);
        }
    }

    pub(crate) fn evidence(&self, evidence: &mut Evidence) {
        if self.0.is_none() {
            return;
        }
        evidence
            .data
            .values_mut()
            .for_each(|value| self.value(value));
        if let Some(raw) = &mut evidence.raw {
            self.text(raw);
        }
        if let Some(message) = &mut evidence.message {
            self.text(message);
        }
        for value in evidence
            .metadata
            .iter_mut()
            .flat_map(|map| map.values_mut())
        {
            self.value(value);
        }
        if let Some(error) = &mut evidence.error {
            self.detail(error);
        }
    }

    /// Strings are rewritten; keys, numbers and booleans stay.
    fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(map) => map.values_mut().for_each(|item| self.value(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn detail(&self, error: &mut ErrorDetail) {
        self.text(&mut error.message);
        for value in error
            .details
            .iter_mut()
            .flat_map(serde_json::Map::values_mut)
        {
            self.value(value);
        }
        if let Some(wrapped) = &mut error.wrapped {
            self.detail(wrapped);
        }
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "Redactor(a rule)"
        } else {
            "Redactor(none)"
        })
    }
}
