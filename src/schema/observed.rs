//! Configs and the schemas of the plugins that are to get them.

use super::{Validation, fill_defaults, validate};
use crate::{
    config::Config,
    error::{Breach, ConfigError, Error},
    plugin::Plugin,
};
use serde_json::Value;
use std::sync::Arc;
use tollgate_abi::ConfigSchema;

impl Plugin {
    /// Holds a config against the plugin's schema. A plugin that has none takes any config.
    ///
    /// [`observe`](Self::observe) does not ask for this by itself, unless
    /// [`RuntimeBuilder::validate_configs`](crate::RuntimeBuilder::validate_configs) says so:
    /// plugins check what they are given, and to ask for a schema runs the plugin once more.
    ///
    /// # Errors
    ///
    /// As [`schema`](Self::schema).
    pub fn validate(&self, config: &Config) -> Result<Validation, Error> {
        let config = Value::Object(config.values().clone());
        Ok(match self.optional_schema()? {
            Some(schema) => validate(schema.document(), &config),
            None => Validation::default(),
        })
    }

    /// The config with what it leaves out and the plugin's schema has a default for; see
    /// [`fill_defaults`].
    ///
    /// # Errors
    ///
    /// As [`schema`](Self::schema).
    pub fn with_defaults(&self, config: &Config) -> Result<Config, Error> {
        let mut values = Value::Object(config.values().clone());
        if let Some(schema) = self.optional_schema()? {
            fill_defaults(schema.document(), &mut values);
        }
        // It was an object, and still is one.
        Ok(Config::try_from(values).unwrap_or_default())
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
        match self.schema() {
            Ok(schema) => Ok(Some(schema)),
            Err(Error::Breach {
                breach: Breach::NotExported,
                ..
            }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
