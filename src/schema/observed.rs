//! Configs and the schemas of the plugins that are to get them.

use super::{PatternCache, TooExpensive, Validation, budget::Budget, check, defaults};
use crate::{
    config::Config,
    error::{ConfigError, Error, ProtocolError},
    json_len::{json_len, map_len},
    limits::Interrupted,
    plugin::{Allowance, Plugin},
};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tollgate_abi::ConfigSchema;

impl Plugin {
    /// Holds a config against the plugin's schema. A plugin that has none takes any config.
    ///
    /// [`observe`](Self::observe) does not ask for this by itself, unless
    /// [`RuntimeBuilder::validate_configs`](crate::RuntimeBuilder::validate_configs) says so:
    /// plugins check what they are given, and to ask for a schema runs the plugin once more.
    ///
    /// The validation has the [deadline](crate::Limits::deadline) of a call, and
    /// [its own budget](crate::schema#cost).
    ///
    /// # Errors
    ///
    /// As [`schema`](Self::schema), and [`ConfigError::TooExpensive`].
    pub fn validate(&self, config: &Config) -> Result<Validation, Error> {
        self.validate_within(config, &self.allowance())
    }

    fn validate_within(&self, config: &Config, allowance: &Allowance) -> Result<Validation, Error> {
        let Some(schema) = self.optional_schema(allowance)? else {
            return Ok(Validation::default());
        };
        let value = Value::Object(config.values().clone());
        let mut found =
            self.on_a_budget(&schema, config, allowance, |schema, patterns, budget| {
                check::run(schema, &value, patterns, budget)
            })?;
        if let Some(redactor) = &self.parts().settings.observer.redactor {
            redactor.validation(&mut found);
        }
        Ok(found)
    }

    /// The config with what it leaves out and the plugin's schema has a default for; see
    /// [`fill_defaults`](crate::schema::fill_defaults).
    ///
    /// # Errors
    ///
    /// As [`validate`](Self::validate).
    pub fn with_defaults(&self, config: &Config) -> Result<Config, Error> {
        let mut values = Value::Object(config.values().clone());
        let allowance = &self.allowance();
        if let Some(schema) = self.optional_schema(allowance)? {
            self.on_a_budget(&schema, config, allowance, |schema, _, budget| {
                defaults::fill(schema, &mut values, budget)
            })?;
        }
        // It was an object, and still is one.
        Ok(Config::try_from(values).unwrap_or_default())
    }

    /// Does something with the schema on the budget and within the deadline that a call has.
    fn on_a_budget<T>(
        &self,
        schema: &ConfigSchema,
        config: &Config,
        allowance: &Allowance,
        work: impl FnOnce(&Value, &PatternCache, &mut Budget<'_>) -> Result<T, TooExpensive>,
    ) -> Result<T, Error> {
        let interrupt = &allowance.interrupt;
        let late = || match interrupt.check() {
            Ok(()) => None,
            Err(Interrupted::Deadline(limit)) => Some(limit),
            Err(Interrupted::Cancelled) => Some(Duration::ZERO),
        };
        let schema = schema.document();
        let mut budget = Budget::new(json_len(schema), map_len(config.values()), &late);
        let done = work(schema, self.patterns(), &mut budget);
        done.map_err(|reason| match interrupt.is_cancelled() {
            true => self.interrupted(Interrupted::Cancelled),
            false => Error::Config {
                plugin: self.name().into(),
                problem: ConfigError::TooExpensive(reason),
            },
        })
    }

    /// Refuses a config that is not as the schema says.
    pub(crate) fn demand_valid(&self, config: &Config, allowance: &Allowance) -> Result<(), Error> {
        let found = self.validate_within(config, allowance)?;
        if found.is_valid() {
            return Ok(());
        }
        Err(Error::Config {
            plugin: self.name().into(),
            problem: ConfigError::Invalid(found.violations),
        })
    }

    fn optional_schema(&self, allowance: &Allowance) -> Result<Option<Arc<ConfigSchema>>, Error> {
        match self.whole_schema(allowance) {
            Ok(schema) => Ok(Some(schema)),
            Err(Error::Protocol {
                error: ProtocolError::NotExported,
                ..
            }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
