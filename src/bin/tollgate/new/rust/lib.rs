//! The plugin {{name}}: is a variable of the environment set, and to what?

use std::borrow::Cow;
use tollgate_abi::guest::{
    Error, Evidence, Info, Plugin,
    host::{self, Level},
    schema_of,
};

tollgate_abi::config! {
    struct Config {
        /// The variable to look at.
        variable: String = "HOME".into(),
    }
}

struct IsSet;

tollgate_abi::plugin!(IsSet);

impl Plugin for IsSet {
    type Config = Config;

    const INFO: Info = Info {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        description: env!("CARGO_PKG_DESCRIPTION"),
        capabilities: &[("env", "HOME")],
    };

    fn schema() -> Cow<'static, str> {
        schema_of::<Config>()
    }

    fn observe(config: Config) -> Result<Evidence, Error> {
        // A denial becomes evidence, which names the grant that is missing.
        let value = host::env(&config.variable)?;
        host::log(Level::Info, config.variable.as_str(), vec![]);
        Ok(Evidence::new(value.is_some())
            .with("variable", config.variable)
            .with("is_set", value.is_some())
            .with("value", value.unwrap_or_default()))
    }
}

/// They describe what the plugin does now. Change them together with it.
#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_abi::guest::{ErrorKind, Script};

    #[test]
    fn a_variable_that_is_set_is_reported() {
        let host = Script::new().variable("HOME", "/somewhere");
        let evidence = host.observe::<IsSet>(r#"{"variable":"HOME"}"#);
        assert!(evidence.status, "not set: {:?}", evidence.error);
        assert_eq!(evidence.data["value"], "/somewhere");
    }

    #[test]
    fn a_denial_is_passed_on() {
        let host = Script::new().fail("env_get", ErrorKind::Denied, "not granted");
        let evidence = host.observe::<IsSet>("{}");
        let error = evidence.error.expect("the error of the host is passed on");
        assert_eq!(error.message, "not granted");
    }
}
