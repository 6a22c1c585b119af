//! What a plugin is given: an object of JSON values.

use crate::{answer, byte_order_mark, error::ConfigError};
use alloc::string::{String, ToString};
use core::str::FromStr;
use serde::Serialize;
use serde_json::{Map, Value};

/// The config of one call: a JSON object.
///
/// ```
/// use tollgate::Config;
///
/// let config: Config = r#"{"path":"/etc/hosts"}"#.parse()?;
/// assert_eq!(config, Config::new().set("path", "/etc/hosts"));
/// assert_eq!("null".parse::<Config>()?, Config::new());
/// assert!("[1]".parse::<Config>().is_err());
/// # Ok::<(), tollgate::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config(Map<String, Value>);

impl Config {
    /// An empty config.
    #[must_use]
    pub fn new() -> Config {
        Config::default()
    }

    /// The same config with `key` set to `value`.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl Into<Value>) -> Config {
        self.0.insert(key.into(), value.into());
        self
    }

    /// A config from anything that serialises to a JSON object, such as a struct or a map.
    ///
    /// ```
    /// #[derive(serde::Serialize)]
    /// struct Watch { path: String }
    ///
    /// let watch = Watch { path: "/etc/hosts".into() };
    /// let config = tollgate::Config::from_serialize(&watch)?;
    /// assert_eq!(config, tollgate::Config::new().set("path", "/etc/hosts"));
    /// assert!(tollgate::Config::from_serialize(&7).is_err());
    /// # Ok::<(), tollgate::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConfigError::NotSerializable`] if it cannot be serialised, and
    /// [`ConfigError::NotAnObject`] if it serialises to something else than an object.
    pub fn from_serialize(values: &impl Serialize) -> Result<Config, ConfigError> {
        let value = serde_json::to_value(values)
            .map_err(|error| ConfigError::NotSerializable(error.to_string().into()))?;
        Config::try_from(value)
    }

    /// The values by key.
    #[must_use]
    pub fn values(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl From<Map<String, Value>> for Config {
    fn from(values: Map<String, Value>) -> Config {
        Config(values)
    }
}

/// `null` is an empty config: plugins write defaults into the object they are given.
impl TryFrom<Value> for Config {
    type Error = ConfigError;

    fn try_from(value: Value) -> Result<Config, ConfigError> {
        match value {
            Value::Object(values) => Ok(Config(values)),
            Value::Null => Ok(Config::default()),
            Value::Bool(_) => Err(ConfigError::NotAnObject("a boolean")),
            Value::Number(_) => Err(ConfigError::NotAnObject("a number")),
            Value::String(_) => Err(ConfigError::NotAnObject("a string")),
            Value::Array(_) => Err(ConfigError::NotAnObject("an array")),
        }
    }
}

impl FromStr for Config {
    type Err = ConfigError;

    fn from_str(json: &str) -> Result<Config, ConfigError> {
        let json = byte_order_mark::skip(json);
        answer::check_text(json).map_err(|problem| ConfigError::NotJson(problem.into()))?;
        let value: Value = serde_json::from_str(json)
            .map_err(|error| ConfigError::NotJson(error.to_string().into()))?;
        Config::try_from(value)
    }
}
