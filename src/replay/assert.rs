//! Snapshot tests with transcripts. The functions panic, as a test's assertions do.

use super::{Replay, Tolerance};
use crate::{
    error::{ConfigError, Error},
    plugin::{Config, Plugin},
    printable::Printable,
};
use alloc::string::String;
use std::{fs, path::Path};

/// The variable that makes [`assert`](fn@assert) record instead of compare.
const UPDATE: &str = "TOLLGATE_UPDATE";

/// The variable that disables the first recording: a test that records never fails.
const CI: &str = "CI";

/// Replays a transcript and panics if the plugin behaves differently. If the file does not exist, or
/// the environment variable `TOLLGATE_UPDATE` is `1`, `true` or `always`, it records a run instead,
/// in the world and with the grants of the plugin's runtime. Commit the file with the test. If the
/// environment variable `CI` is set, a missing file is an error.
///
/// The config is the recorded one, or empty for the first recording; [`assert_with`] takes another.
///
/// ```no_run
/// # let plugin: tollgate::Plugin = unimplemented!();
/// tollgate::replay::assert("tests/transcripts/hosts.jsonl", &plugin);
/// ```
///
/// # Panics
///
/// If the run differs from the transcript, with the first difference; if the file cannot be read or
/// written; if `TOLLGATE_UPDATE` has an unknown value (`0`, `false` and `never` count as unset).
#[track_caller]
pub fn assert(path: impl AsRef<Path>, plugin: &Plugin) {
    check(path.as_ref(), plugin, AssertOptions::new());
}

/// Options for [`assert_with`]: a config, a [`Tolerance`], or both.
///
/// ```
/// use tollgate::{Config, replay::{AssertOptions, Tolerance}};
///
/// let options = AssertOptions::new()
///     .config(Config::new().set("path", "/etc/hosts"))
///     .tolerance(Tolerance::Behavior);
/// ```
#[derive(Clone, Debug, Default)]
pub struct AssertOptions {
    config: Option<Config>,
    tolerance: Tolerance,
}

impl AssertOptions {
    /// Options like those of [`assert`](fn@assert).
    #[must_use]
    pub fn new() -> AssertOptions {
        AssertOptions::default()
    }

    /// The config of the run. A replay panics if the recorded config differs.
    #[must_use]
    pub fn config(self, config: Config) -> AssertOptions {
        AssertOptions {
            config: Some(config),
            ..self
        }
    }

    /// What is compared.
    #[must_use]
    pub fn tolerance(self, tolerance: Tolerance) -> AssertOptions {
        AssertOptions { tolerance, ..self }
    }
}

impl From<&Config> for AssertOptions {
    fn from(config: &Config) -> AssertOptions {
        AssertOptions::new().config(config.clone())
    }
}

impl From<Tolerance> for AssertOptions {
    fn from(tolerance: Tolerance) -> AssertOptions {
        AssertOptions::new().tolerance(tolerance)
    }
}

/// As [`assert`](fn@assert), with a config or a tolerance.
///
/// ```no_run
/// # let plugin: tollgate::Plugin = unimplemented!();
/// use tollgate::{Config, replay::{Tolerance, assert_with}};
///
/// let config = Config::new().set("path", "/etc/hosts");
/// assert_with("tests/transcripts/hosts.jsonl", &plugin, &config);
/// // A plugin that is built anew for each test: its fuel and its memory differ.
/// assert_with("tests/transcripts/hosts.jsonl", &plugin, Tolerance::Behavior);
/// ```
///
/// # Panics
///
/// As [`assert`](fn@assert).
#[track_caller]
pub fn assert_with(path: impl AsRef<Path>, plugin: &Plugin, options: impl Into<AssertOptions>) {
    check(path.as_ref(), plugin, options.into());
}

#[track_caller]
#[expect(clippy::panic, reason = "an assertion of a test fails this way")]
fn check(path: &Path, plugin: &Plugin, options: AssertOptions) {
    if let Err(problem) = compare_or_record(path, plugin, options) {
        panic!(
            "plugin {} and the transcript {}: {problem}\n\
             (to replace the transcript, run again with {UPDATE}=1 and commit the file)",
            Printable(plugin.name()),
            Printable(path.display())
        );
    }
}

fn compare_or_record(path: &Path, plugin: &Plugin, options: AssertOptions) -> Result<(), String> {
    let AssertOptions { config, tolerance } = options;
    let update = wants_update()?;
    if !path.exists() {
        if !update && is_set(CI) {
            return Err(format!(
                "the file does not exist, and nothing is recorded while {CI} is set; run the test locally and commit the file"
            ));
        }
        return record(path, plugin, &config.unwrap_or_default());
    }
    let replay = Replay::open(path);
    if update {
        // An unreadable transcript is replaced, too; its config is lost.
        let recorded = replay.and_then(|replay| Ok(replay.config()?));
        let config = config.or(recorded.ok()).unwrap_or_default();
        return record(path, plugin, &config);
    }
    let replay = replay.map_err(|error| error.report())?;
    let recorded = replay.config().map_err(|error| error.to_string())?;
    if config.is_some_and(|config| config != recorded) {
        return Err("the recorded config differs".to_owned());
    }
    match replay.backtraces(true).tolerance(tolerance).run(plugin) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.report()),
    }
}

/// Returns whether the environment requests a new recording.
fn wants_update() -> Result<bool, String> {
    let value = std::env::var_os(UPDATE).unwrap_or_default();
    let value = value.to_string_lossy();
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "always" => Ok(true),
        "" | "0" | "false" | "never" => Ok(false),
        _ => Err(format!(
            "{UPDATE} is {value:?}; expected 1, true or always to record, or 0, false or never"
        )),
    }
}

/// Returns whether a variable is set to anything but 0 or false.
fn is_set(variable: &str) -> bool {
    let value = std::env::var_os(variable).unwrap_or_default();
    !(value.is_empty() || value == "0" || value.eq_ignore_ascii_case("false"))
}

fn record(path: &Path, plugin: &Plugin, config: &Config) -> Result<(), String> {
    let failed = |error: &dyn core::fmt::Display| format!("cannot record: {error}");
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(|error| failed(&error))?;
    }
    match plugin.record(config, path) {
        // The run finds that a config is too large, and records it.
        Ok(Err(Error::Config {
            problem: ConfigError::TooLarge { .. },
            ..
        })) => Ok(()),
        // There was no run.
        Ok(Err(error @ (Error::Busy { .. } | Error::Config { .. }))) => {
            Err(failed(&error.report()))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(failed(&error)),
    }
}
