//! What `observe` checks before a plugin runs, and hides of what it says.

use crate::{Exit, Failure, args::ObserveArgs, complain};
use tollgate::{Config, ConfigError, Error, Plugin, Redactor, RuntimeBuilder, schema::Validation};

/// The runtime's options with the limit of evidence and the redactor that the flags ask for.
pub fn guarded(args: &ObserveArgs, builder: RuntimeBuilder) -> Result<RuntimeBuilder, Failure> {
    let builder = builder.evidence_bytes(args.evidence_bytes);
    let wanted = args.redact || !args.redact_env.is_empty() || !args.redact_path.is_empty();
    Ok(if wanted {
        builder.redact(redactor(args)?)
    } else {
        builder
    })
}

fn redactor(args: &ObserveArgs) -> Result<Redactor, Failure> {
    let bad = |message: String| Failure(Exit::BadInput, message);
    let mut options = Redactor::builder();
    for name in &args.redact_env {
        // A variable that is not there, or that would not be hidden, is most likely a slip.
        let value =
            std::env::var(name).map_err(|error| bad(format!("--redact-env {name}: {error}")))?;
        if value.chars().count() < 4 {
            complain(format_args!(
                "note: the value of {name} is short, and hidden all the same"
            ));
        }
        options = options.short_value(value);
    }
    for path in &args.redact_path {
        options = options.path(path);
    }
    options.build().map_err(|error| bad(error.to_string()))
}

/// A config as the plugin will get it.
pub struct Prepared {
    pub config: Config,
    /// Why it was not held against the plugin's schema.
    pub unchecked: Option<Error>,
}

/// Fills a config in and holds it against the plugin's schema, as the flags say.
pub fn prepared(args: &ObserveArgs, plugin: &Plugin, config: Config) -> Result<Prepared, Failure> {
    let config = if args.fill_defaults {
        plugin.with_defaults(&config)?
    } else {
        config
    };
    let mut unchecked = None;
    if !args.no_validate {
        match plugin.validate(&config) {
            Ok(found) => refuse_invalid(plugin, found)?,
            // The plugin may well observe all the same; if not, that error says more.
            Err(error) => unchecked = Some(error),
        }
    }
    Ok(Prepared { config, unchecked })
}

fn refuse_invalid(plugin: &Plugin, found: Validation) -> Result<(), Failure> {
    for note in &found.notes {
        complain(format_args!(
            "note: in the schema of {}, {note}",
            plugin.name()
        ));
    }
    if found.is_valid() {
        return Ok(());
    }
    let error = Error::Config {
        plugin: plugin.name().into(),
        problem: ConfigError::Invalid(found.violations),
    };
    let message = format!("{error}; --no-validate runs the plugin all the same");
    Err(Failure(Exit::BadInput, message))
}
