//! Validates configs against the plugin's own schema, and fills in its defaults.

use super::{Config, Plugin, call::Allowance};
use crate::{
    error::{ConfigError, Error, ProtocolError},
    limits::Interrupted,
    room::{json_len, map_len},
    schema::{self, Budget, PatternCache, TooExpensive, Validation},
};
use core::time::Duration;
use serde_json::Value;

/// Which violations of a plugin's schema make a runtime refuse a config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigValidation {
    /// Values of a wrong type and values that are not allowed. A missing or unknown property reaches the
    /// plugin, which decides, as in Reglet; [`Plugin::validate`] lists these too.
    Lenient,
    /// All of them.
    Strict,
}

impl Plugin {
    /// Validates a config against the plugin's schema. A plugin without a schema accepts any config.
    ///
    /// [`observe`](Self::observe) does this only with
    /// [`RuntimeBuilder::validate_configs`](crate::RuntimeBuilder::validate_configs): reading the
    /// schema runs the plugin once more, and plugins check their configs themselves.
    ///
    /// The [deadline](crate::Limits::deadline) of a call and
    /// [a budget of its own](crate::schema#cost) limit the validation.
    ///
    /// # Errors
    ///
    /// As [`schema`](Self::schema), and [`ConfigError::TooExpensive`].
    pub fn validate(&self, config: &Config) -> Result<Validation, Error> {
        self.validate_within(config, &self.allowance())
    }

    fn validate_within(&self, config: &Config, allowance: &Allowance) -> Result<Validation, Error> {
        let value = Value::Object(config.values().clone());
        let validation = self.with_schema(config, allowance, |schema, patterns, budget| {
            schema::check(schema, &value, patterns, budget)
        })?;
        let mut validation = validation.unwrap_or_default();
        if let Some(redactor) = &self.parts().settings.observer.redactor {
            redactor.validation(&mut validation);
        }
        Ok(validation)
    }

    /// Returns the config with the schema's defaults for what it leaves out; see
    /// [`fill_defaults`](crate::schema::fill_defaults).
    ///
    /// # Errors
    ///
    /// As [`validate`](Self::validate).
    pub fn with_defaults(&self, config: &Config) -> Result<Config, Error> {
        let mut values = Value::Object(config.values().clone());
        self.with_schema(config, &self.allowance(), |schema, _, budget| {
            schema::fill(schema, &mut values, budget)
        })?;
        // It was an object, and still is one.
        Ok(Config::try_from(values).unwrap_or_default())
    }

    /// Returns an error if the config does not match the schema as far as it must.
    pub(super) fn require_valid(
        &self,
        config: &Config,
        validation: ConfigValidation,
        allowance: &Allowance,
    ) -> Result<(), Error> {
        let mut violations = self.validate_within(config, allowance)?.violations;
        if validation == ConfigValidation::Lenient {
            violations.retain(|violation| !violation.kind.is_lenient());
        }
        if violations.is_empty() {
            return Ok(());
        }
        Err(Error::Config {
            plugin: self.name().into(),
            problem: ConfigError::Invalid(violations),
        })
    }

    /// Runs `work` on the schema, within a budget and what the call allows. Returns `None` for a
    /// plugin without a schema.
    fn with_schema<T>(
        &self,
        config: &Config,
        allowance: &Allowance,
        work: impl FnOnce(&Value, &PatternCache, &mut Budget<'_>) -> Result<T, TooExpensive>,
    ) -> Result<Option<T>, Error> {
        let schema = match self.whole_schema(allowance) {
            Ok(schema) => schema,
            Err(Error::Protocol {
                error: ProtocolError::NotExported,
                ..
            }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let interrupt = &allowance.interrupt;
        let expired = || match interrupt.check() {
            Ok(()) => None,
            Err(Interrupted::Deadline(limit)) => Some(limit),
            Err(Interrupted::Cancelled) => Some(Duration::ZERO),
        };
        let schema = schema.document();
        let mut budget = Budget::new(json_len(schema), map_len(config.values()), &expired);
        let done = work(schema, &self.inner.patterns, &mut budget);
        done.map(Some)
            .map_err(|reason| match interrupt.is_cancelled() {
                true => self.interrupted(Interrupted::Cancelled),
                false => Error::Config {
                    plugin: self.name().into(),
                    problem: ConfigError::TooExpensive(reason),
                },
            })
    }
}
