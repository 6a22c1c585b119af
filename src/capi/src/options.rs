//! The options of a runtime, as JSON.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};
#[cfg(feature = "schema")]
use tollgate::ConfigValidation;
use tollgate::{
    FuelLimit, Limits, MemoryLimit, Redactor, Runtime, RuntimeBuilder, printable::Printable,
};

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    #[serde(deserialize_with = "fuel")]
    fuel: FuelLimit,
    memory_mb: i64,
    deadline_ms: u64,
    evidence_bytes: Option<u32>,
    /// By name, as `Limits::set` takes them.
    limits: BTreeMap<String, Value>,
    validate: Validate,
    redact: bool,
    secrets: Vec<String>,
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
            _ => Err(serde::de::Error::custom(
                "\"validate\" is true, false, \"strict\" or \"lenient\"",
            )),
        }
    }
}

/// `null` is no limit; without the key, the default holds.
fn fuel<'de, D: Deserializer<'de>>(from: D) -> Result<FuelLimit, D::Error> {
    let units = Option::<u64>::deserialize(from)?;
    Ok(units.map_or(FuelLimit::Unlimited, FuelLimit::Units))
}

pub(crate) fn builder(json: &str) -> Result<RuntimeBuilder, String> {
    let wrong =
        |error: &dyn std::fmt::Display| format!("the options cannot be used: {}", Printable(error));
    let options: Options = serde_json::from_str(json).map_err(|error| wrong(&error))?;
    let memory = match options.memory_mb {
        0 => MemoryLimit::default(),
        -1 => MemoryLimit::UNLIMITED,
        megabytes => u32::try_from(megabytes)
            .ok()
            .and_then(|megabytes| MemoryLimit::from_megabytes(megabytes).ok())
            .ok_or_else(|| {
                wrong(&format!(
                    "invalid WASM memory limit: memory_mb is {megabytes}, and must be -1 to 4096"
                ))
            })?,
    };
    let mut limits = Limits {
        fuel: options.fuel,
        memory,
        deadline: (options.deadline_ms > 0).then(|| Duration::from_millis(options.deadline_ms)),
        ..Limits::default()
    };
    if let Some(bytes) = options.evidence_bytes {
        limits.evidence_bytes = Some(bytes).filter(|bytes| *bytes > 0);
    }
    for (name, value) in &options.limits {
        let text = match value {
            Value::Null => "none".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        limits.set(name, &text).map_err(|error| wrong(&error))?;
    }
    let mut builder = Runtime::builder().limits(limits);
    #[cfg(not(feature = "schema"))]
    if !matches!(options.validate, Validate::No) {
        return Err(wrong(
            &"\"validate\" needs a build with the feature `schema`",
        ));
    }
    #[cfg(feature = "schema")]
    match options.validate {
        Validate::No => {}
        Validate::Lenient => builder = builder.validate_configs(ConfigValidation::Lenient),
        Validate::Strict => builder = builder.validate_configs(ConfigValidation::Strict),
    }
    if options.redact || !options.secrets.is_empty() {
        let mut redactor = Redactor::builder();
        if !options.redact {
            redactor = redactor.without_tokens();
        }
        for secret in options.secrets {
            redactor = redactor.short_value(secret);
        }
        builder = builder.redactor(redactor.build().map_err(|error| wrong(&error))?);
    }
    Ok(builder)
}
