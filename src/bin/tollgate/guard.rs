//! The redactor of `observe`, and its validation of the config.

use crate::{Exit, Failure, args::ObserveArgs, note, output::warn};
use std::env::VarError;
use tollgate::{
    Config, ConfigError, Error, Plugin, Redactor, RedactorError,
    printable::counted,
    schema::{Validation, Violation},
};

/// Builds the redactor that the flags request.
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
        // An unset variable, or a value that cannot be redacted, is most likely a mistake.
        let value = std::env::var(name).map_err(|error| match error {
            VarError::NotPresent => bad(format!("--redact-env {name}: {error}")),
            // The error's text quotes the secret.
            VarError::NotUnicode(_) => bad(format!("--redact-env {name}: the value is not UTF-8")),
        })?;
        redactor.add_value(&value).map_err(|error| match error {
            RedactorError::ShortValue {
                characters,
                minimum,
                ..
            } => bad(format!(
                "--redact-env {name}: the trimmed value has {}; it needs at least {minimum}",
                counted(characters, "character")
            )),
            error => bad(format!("--redact-env {name}: {error}")),
        })?;
    }
    Ok(Some(redactor))
}

/// Reports the redaction paths that matched nothing.
pub fn report_unmatched(redactor: Option<&Redactor>) {
    for path in redactor.map(Redactor::unmatched_paths).unwrap_or_default() {
        note(format_args!("--redact-path {path} matched nothing"));
    }
}

/// The config that the plugin receives.
pub struct Prepared {
    pub config: Config,
    /// Why it was not validated.
    pub unchecked: Option<Error>,
}

/// Fills in defaults and validates the config, as the flags request.
pub fn prepared(args: &ObserveArgs, plugin: &Plugin, config: Config) -> Result<Prepared, Failure> {
    let config = if args.fill_defaults {
        plugin.with_defaults(&config)?
    } else {
        config
    };
    let mut unchecked = None;
    if !args.no_validate {
        match plugin.validate(&config) {
            Ok(validation) => require_valid(plugin, validation, args.strict)?,
            Err(error @ Error::Config { .. }) => return Err(rejected(&error)),
            // The plugin may still run; if it fails, that error is more useful.
            Err(error) => unchecked = Some(error),
        }
    }
    Ok(Prepared { config, unchecked })
}

/// Reports violations that the plugin decides as warnings, and fails for the others.
fn require_valid(plugin: &Plugin, validation: Validation, strict: bool) -> Result<(), Failure> {
    let name = plugin.name();
    for text in &validation.notes {
        note(format_args!("schema of {name}: {text}"));
    }
    let is_warning = |violation: &Violation| violation.kind.is_lenient() && !strict;
    let (warnings, errors): (Vec<_>, Vec<_>) =
        validation.violations.into_iter().partition(is_warning);
    for warning in &warnings {
        warn(format_args!("warning: config of {name}: {warning}"));
    }
    if errors.is_empty() {
        if !warnings.is_empty() {
            note("the plugin decides about these; --strict makes them errors");
        }
        return Ok(());
    }
    let error = Error::Config {
        plugin: name.into(),
        problem: ConfigError::Invalid(errors),
    };
    Err(rejected(&error))
}

fn rejected(error: &Error) -> Failure {
    let message = format!(
        "{}; use --no-validate to skip config validation",
        error.report()
    );
    Failure::new(Exit::BadInput, message)
}
