//! The options of a runtime, as JSON.

use crate::{arguments::invalid_options, error::Failure};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Value, value::RawValue};
use std::{collections::BTreeMap, fs};
#[cfg(feature = "schema")]
use tollgate::ConfigValidation;
#[cfg(feature = "net")]
use tollgate::world::System;
use tollgate::{
    ForkPolicy, Grants, Limits, Redactor, Runtime, RuntimeBuilder, printable::Printable,
    world::Simulated,
};

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Options {
    grants: Grants,
    limits: ByName,
    world: Option<Box<RawValue>>,
    ca_file: Option<String>,
    validate: Validate,
    redact: Redact,
    pub(crate) host_functions: Vec<Function>,
    backtraces: bool,
    audit: bool,
    fork: Option<bool>,
    idle_instances: Option<usize>,
    deterministic_init: Option<u64>,
}

/// A function that the embedder offers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Function {
    pub(crate) module: String,
    pub(crate) name: String,
    pub(crate) kind: String,
}

/// Limits by name, as `Limits::set` takes them: text, a number, or `null` for no limit.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct ByName(BTreeMap<String, Value>);

impl ByName {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn set(&self, limits: &mut Limits) -> Result<(), Failure> {
        for (name, value) in &self.0 {
            let text = match value {
                Value::Null => "none".to_owned(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let set = limits.set(name, &text);
            set.map_err(|error| invalid_options(&error))?;
        }
        Ok(())
    }
}

/// Whether configs are validated: `"strict"` is `true`.
#[derive(Default)]
enum Validate {
    #[default]
    No,
    Lenient,
    Strict,
}

impl<'de> Deserialize<'de> for Validate {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Validate, D::Error> {
        match Value::deserialize(from)? {
            Value::Bool(false) => Ok(Validate::No),
            Value::Bool(true) => Ok(Validate::Strict),
            Value::String(text) if text == "strict" => Ok(Validate::Strict),
            Value::String(text) if text == "lenient" => Ok(Validate::Lenient),
            _ => Err(D::Error::custom(
                "\"validate\" is true, false, \"strict\" or \"lenient\"",
            )),
        }
    }
}

/// What is hidden. `true` hides tokens, as an object without fields does.
#[derive(Default)]
struct Redact(Option<Hidden>);

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Hidden {
    tokens: bool,
    values: Vec<String>,
    paths: Vec<String>,
    patterns: Vec<String>,
    key: Option<String>,
}

impl Default for Hidden {
    fn default() -> Hidden {
        Hidden {
            tokens: true,
            values: Vec::new(),
            paths: Vec::new(),
            patterns: Vec::new(),
            key: None,
        }
    }
}

impl<'de> Deserialize<'de> for Redact {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Redact, D::Error> {
        match Value::deserialize(from)? {
            Value::Bool(false) => Ok(Redact(None)),
            Value::Bool(true) => Ok(Redact(Some(Hidden::default()))),
            hidden @ Value::Object(_) => {
                let hidden = serde_json::from_value(hidden);
                Ok(Redact(Some(hidden.map_err(D::Error::custom)?)))
            }
            _ => Err(D::Error::custom(
                "\"redact\" is true, false or an object with tokens, values, paths, patterns or key",
            )),
        }
    }
}

impl Hidden {
    fn redactor(self) -> Result<Redactor, Failure> {
        let mut redactor = Redactor::builder();
        if !self.tokens {
            redactor = redactor.without_tokens();
        }
        for value in self.values {
            redactor = redactor.short_value(value);
        }
        for path in self.paths {
            redactor = redactor.path(path);
        }
        #[cfg(feature = "regex")]
        for pattern in self.patterns {
            redactor = redactor.pattern(pattern);
        }
        #[cfg(not(feature = "regex"))]
        if !self.patterns.is_empty() {
            return Err(needs_feature("patterns", "regex"));
        }
        if let Some(key) = self.key {
            redactor = redactor.keyed_hash(key);
        }
        redactor.build().map_err(|error| invalid_options(&error))
    }
}

#[cfg(not(all(feature = "net", feature = "schema", feature = "regex")))]
fn needs_feature(option: &str, feature: &str) -> Failure {
    invalid_options(&format!(
        "\"{option}\" needs a build with the feature `{feature}`"
    ))
}

pub(crate) fn unreadable(path: &str, error: &std::io::Error) -> Failure {
    Failure::bad("io", format!("cannot read {}: {error}", Printable(path)))
}

/// This machine, where TLS trusts only the root certificates in a file.
#[cfg(feature = "net")]
fn with_roots(path: &str) -> Result<System, Failure> {
    let pem = fs::read(path).map_err(|error| unreadable(path, &error))?;
    let system = System::new().and_then(|system| system.with_roots(&pem));
    system.map_err(|error| unreadable(path, &error))
}

/// A world in memory: an object, or the name of a file with one.
fn simulated(json: &str) -> Result<Simulated, Failure> {
    if !json.starts_with('"') {
        return Simulated::from_json(json)
            .map_err(|error| invalid_options(&format!("world: {error}")));
    }
    let path: String = serde_json::from_str(json).map_err(|error| invalid_options(&error))?;
    let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
    Simulated::from_json(&text)
        .map_err(|error| invalid_options(&format!("world: {}: {error}", Printable(&path))))
}

impl Options {
    pub(crate) fn builder(self) -> Result<RuntimeBuilder, Failure> {
        let mut limits = Limits::default();
        self.limits.set(&mut limits)?;
        let mut builder = Runtime::builder()
            .limits(limits)
            .grants(self.grants)
            .backtraces(self.backtraces);
        #[cfg(not(feature = "net"))]
        if self.ca_file.is_some() {
            return Err(needs_feature("ca_file", "net"));
        }
        #[cfg(feature = "net")]
        if let Some(path) = &self.ca_file {
            if self.world.is_some() {
                return Err(invalid_options(
                    &"\"ca_file\" is for this machine, and a simulated world has no certificates",
                ));
            }
            let system = with_roots(path)?;
            builder = builder.world(move || system.clone());
        }
        if let Some(world) = self.world {
            let world = simulated(world.get())?;
            builder = builder.world(move || world.clone());
        }
        #[cfg(not(feature = "schema"))]
        if !matches!(self.validate, Validate::No) {
            return Err(needs_feature("validate", "schema"));
        }
        #[cfg(feature = "schema")]
        match self.validate {
            Validate::No => {}
            Validate::Lenient => builder = builder.validate_configs(ConfigValidation::Lenient),
            Validate::Strict => builder = builder.validate_configs(ConfigValidation::Strict),
        }
        if let Some(hidden) = self.redact.0 {
            builder = builder.redactor(hidden.redactor()?);
        }
        if self.audit {
            builder = builder.audit();
        }
        if self.fork == Some(false) {
            builder = builder.fork_policy(ForkPolicy::Never);
        }
        if let Some(most) = self.idle_instances {
            builder = builder.idle_instances(most);
        }
        if let Some(seed) = self.deterministic_init {
            builder = builder.deterministic_init(seed);
        }
        Ok(builder)
    }
}
