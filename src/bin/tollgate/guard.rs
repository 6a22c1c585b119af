//! What `observe` checks before a plugin runs, and the redactor that its flags ask for.

use crate::{Exit, Failure, args::ObserveArgs, complain};
use std::env::VarError;
use tollgate::{Config, ConfigError, Error, Plugin, Redactor, RedactorError, schema::Validation};

/// The redactor that the flags ask for.
pub fn redactor(args: &ObserveArgs) -> Result<Option<Redactor>, Failure> {
    if !args.redact && args.redact_env.is_empty() && args.redact_path.is_empty() {
        return Ok(None);
    }
    let bad = |message: String| Failure::new(Exit::BadInput, message);
    let mut options = Redactor::builder();
    for path in &args.redact_path {
        options = options.path(path);
    }
    let redactor = options.build().map_err(|error| bad(error.to_string()))?;
    for name in &args.redact_env {
        // A variable that is not set, or whose value would not be hidden, is most likely a mistake.
        let value = std::env::var(name).map_err(|error| match error {
            VarError::NotPresent => bad(format!("--redact-env {name}: {error}")),
            // The error's own words quote the secret.
            VarError::NotUnicode(_) => bad(format!("--redact-env {name}: its value is not UTF-8")),
        })?;
        redactor.track(&value).map_err(|error| match error {
            RedactorError::ShortValue {
                characters,
                minimum,
                ..
            } => bad(format!(
                "--redact-env {name}: its value has {characters} characters without white space at its ends, and needs at least {minimum} to be hidden"
            )),
            error => bad(format!("--redact-env {name}: {error}")),
        })?;
    }
    Ok(Some(redactor))
}

/// Reports the paths to be redacted that matched nothing.
pub fn report_unmatched(redactor: Option<&Redactor>) {
    for path in redactor.map(Redactor::unmatched_paths).unwrap_or_default() {
        complain(format_args!("note: --redact-path {path} matched nothing"));
    }
}

/// A config as the plugin will get it.
pub struct Prepared {
    pub config: Config,
    /// Why it was not validated against the plugin's schema.
    pub unchecked: Option<Error>,
}

/// Fills in defaults and validates against the plugin's schema, as the flags ask for.
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
            Err(error @ Error::Config { .. }) => return Err(refused(&error)),
            // The plugin may still run; if it does not, its own error is more useful.
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
    Err(refused(&error))
}

fn refused(error: &Error) -> Failure {
    let message = format!(
        "{}; --no-validate runs the plugin all the same",
        error.report()
    );
    Failure::new(Exit::BadInput, message)
}
