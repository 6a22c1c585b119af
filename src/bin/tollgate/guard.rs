//! What `observe` checks before a plugin runs, and hides of what it says.

use crate::{Exit, Failure, args::ObserveArgs, complain};
use tollgate::{Config, ConfigError, Error, Plugin, Redactor, RuntimeBuilder};

/// The runtime's options with the limit of evidence and the redactor that the flags ask for.
pub fn guarded(args: &ObserveArgs, builder: RuntimeBuilder) -> Result<RuntimeBuilder, Failure> {
    let builder = builder.evidence_bytes(args.evidence_bytes);
    let wanted = args.redact || !args.redact_env.is_empty() || !args.redact_path.is_empty();
    Ok(match wanted {
        true => builder.redact(redactor(args)?),
        false => builder,
    })
}

fn redactor(args: &ObserveArgs) -> Result<Redactor, Failure> {
    let bad = |message: String| Failure(Exit::BadInput, message);
    let mut options = Redactor::builder();
    for name in &args.redact_env {
        // A variable that is not there, or that would not be hidden, is most likely a slip.
        let value = std::env::var(name)
            .map_err(|error| bad(format!("--redact-env {name}: {error}")))?;
        if value.chars().count() < 4 {
            complain(&format!("note: the value of {name} is short, and hidden all the same"));
        }
        options = options.short_value(value);
    }
    for path in &args.redact_path {
        options = options.path(path);
    }
    options.build().map_err(|error| bad(error.to_string()))
}

/// The config as the plugin will get it, held against its schema.
pub fn prepared(args: &ObserveArgs, plugin: &Plugin, config: Config) -> Result<Config, Failure> {
    let config = match args.fill_defaults {
        true => plugin.with_defaults(&config)?,
        false => config,
    };
    if args.no_validate {
        return Ok(config);
    }
    let found = match plugin.validate(&config) {
        Ok(found) => found,
        Err(error) => {
            // The plugin may well observe all the same.
            complain(&format!("note: the config is not validated: {error}"));
            return Ok(config);
        }
    };
    for note in &found.notes {
        complain(&format!("note: in the schema of {}, {note}", plugin.name()));
    }
    if found.is_valid() {
        return Ok(config);
    }
    let error = Error::Config {
        plugin: plugin.name().to_owned(),
        problem: ConfigError::Invalid(found.violations),
    };
    Err(Failure(Exit::BadInput, format!("{error}; --no-validate runs the plugin all the same")))
}
