//! Configs and the schemas of the plugins that are to get them.

use super::{Config, Plugin};
use crate::{
    error::{ConfigError, Error, ProtocolError},
    limits::Deadline,
    schema::{TooExpensive, Validation, fill_defaults_within, validate_within},
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
        let Some(schema) = self.optional_schema()? else {
            return Ok(Validation::default());
        };
        let value = Value::Object(config.values().clone());
        let mut found =
            self.in_time(|late| validate_within(schema.document(), &value, self.patterns(), late))?;
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
        if let Some(schema) = self.optional_schema()? {
            self.in_time(|late| fill_defaults_within(schema.document(), &mut values, late))?;
        }
        // It was an object, and still is one.
        Ok(Config::try_from(values).unwrap_or_default())
    }

    /// Does something within the deadline that a call has.
    fn in_time<T>(
        &self,
        work: impl FnOnce(&dyn Fn() -> Option<Duration>) -> Result<T, TooExpensive>,
    ) -> Result<T, Error> {
        let deadline = self.parts().settings.limits.deadline.map(Deadline::after);
        let late = || {
            let passed = deadline.filter(|deadline| deadline.passed());
            passed.map(Deadline::limit)
        };
        work(&late).map_err(|reason| Error::Config {
            plugin: self.name().into(),
            problem: ConfigError::TooExpensive(reason),
        })
    }

    /// Refuses a config that is not as the schema says.
    pub(crate) fn demand_valid(&self, config: &Config) -> Result<(), Error> {
        let found = self.validate(config)?;
        if found.is_valid() {
            return Ok(());
        }
        Err(Error::Config {
            plugin: self.name().into(),
            problem: ConfigError::Invalid(found.violations),
        })
    }

    fn optional_schema(&self) -> Result<Option<Arc<ConfigSchema>>, Error> {
        match self.whole_schema() {
            Ok(schema) => Ok(Some(schema)),
            Err(Error::Protocol {
                error: ProtocolError::NotExported,
                ..
            }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
