//! One call: its config, options and cancellation as C gives them, and its outcome as C gets it.

use crate::{
    arguments::{invalid_options, optional_text, options},
    cancel::{CancelHandle, cancel},
    error::Failure,
    events::Denied,
    memory::give_json,
    options::ByName,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{ffi::c_char, num::NonZero};
use tollgate::{Call, Cancel, Config, Error, Limits, Observation};

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct CallOptions {
    limits: ByName,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ManyOptions {
    limits: ByName,
    threads: Option<NonZero<usize>>,
}

/// What holds for a call beside its config.
pub(crate) struct Settings {
    limits: Option<Limits>,
    cancel: Option<Cancel>,
}

impl Settings {
    /// # Safety
    ///
    /// The text is NULL or ends with NUL, the handle is NULL or alive.
    pub(crate) unsafe fn read(
        json: *const c_char,
        handle: *const CancelHandle,
        runtime: &Limits,
    ) -> Result<Settings, Failure> {
        // SAFETY: the caller promises it.
        let (options, cancel) = unsafe { (options::<CallOptions>(json)?, cancel(handle)) };
        Settings::new(&options.limits, cancel, runtime)
    }

    /// The same for many calls, on so many threads.
    ///
    /// # Safety
    ///
    /// As [`read`](Settings::read).
    pub(crate) unsafe fn read_many(
        json: *const c_char,
        handle: *const CancelHandle,
        runtime: &Limits,
    ) -> Result<(Settings, Option<NonZero<usize>>), Failure> {
        // SAFETY: the caller promises it.
        let (options, cancel) = unsafe { (options::<ManyOptions>(json)?, cancel(handle)) };
        let settings = Settings::new(&options.limits, cancel, runtime)?;
        Ok((settings, options.threads))
    }

    /// What is not named is as the runtime has it.
    fn new(named: &ByName, cancel: Option<Cancel>, runtime: &Limits) -> Result<Settings, Failure> {
        let mut limits = runtime.clone();
        named.set(&mut limits)?;
        if limits.stack != runtime.stack || limits.module != runtime.module {
            return Err(invalid_options(
                &"the stack and the limits of modules hold for the runtime, and cannot be changed for a call",
            ));
        }
        let limits = (!named.is_empty()).then_some(limits);
        Ok(Settings { limits, cancel })
    }

    /// A call with this config.
    pub(crate) fn call(&self, config: Config) -> Call<'static> {
        let call = Call::from(config).cancel(self.cancel.clone());
        match &self.limits {
            Some(limits) => call.limits(limits.clone()),
            None => call,
        }
    }
}

/// # Safety
///
/// The config is NULL or ends with NUL.
pub(crate) unsafe fn read_config(config: *const c_char) -> Result<Config, Failure> {
    // SAFETY: the caller promises it.
    parse_config(unsafe { optional_text(config, "config") }?.unwrap_or("{}"))
}

pub(crate) fn parse_config(text: &str) -> Result<Config, Failure> {
    let config = text.parse();
    config.map_err(|error| Failure::bad("config", format!("invalid config: {error}")))
}

/// The observation of a call as JSON, with what it was denied; without a timestamp and raw text that its evidence
/// does not have.
pub(crate) fn observation(seen: &Observation, denied: &Denied) -> Value {
    let mut json = json!(seen);
    if let Some(evidence) = json.get_mut("evidence").and_then(Value::as_object_mut) {
        if seen.evidence.timestamp == Default::default() {
            evidence.remove("timestamp");
        }
        if seen.evidence.raw.is_none() {
            evidence.remove("raw");
        }
    }
    if let Value::Object(fields) = &mut json {
        fields.insert("denied".to_owned(), denied.denials().into());
    }
    json
}

/// The failure of a call, with the grants that it was denied.
pub(crate) fn failure(error: Error, denied: &Denied) -> Failure {
    Failure {
        grants: denied.grants(),
        ..error.into()
    }
}

/// Gives the outcome of a call to C.
pub(crate) fn answer(
    outcome: Result<Observation, Error>,
    denied: &Denied,
) -> Result<*mut c_char, Failure> {
    match outcome {
        Ok(seen) => give_json(&observation(&seen, denied).to_string()),
        Err(error) => Err(failure(error, denied)),
    }
}
