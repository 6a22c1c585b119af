//! Transcripts as the expectations of a test suite. It panics, since that is how a test fails.

use super::{Replay, ReplayError};
use crate::{
    config::Config,
    error::{ConfigError, Error},
    plugin::Plugin,
    printable::Printable,
};
use std::{fs, path::Path};

/// The variable that has [`assert`](fn@assert) record anew instead of comparing.
const UPDATE: &str = "TOLLGATE_UPDATE";

/// Where it is set, nothing is recorded: a test that records never fails.
const CI: &str = "CI";

/// Compares what a plugin does with the transcript in a file, offline. Where there is no file, or
/// with `TOLLGATE_UPDATE` set to `1`, `true` or `always` in the environment, the run is recorded
/// instead, in the world and with the grants of the plugin's runtime. Commit the file with the
/// test. Where `CI` is set, a file that is not there is an error, since it was not committed.
///
/// The config is the recorded one, and an empty one at first; [`assert_with`] takes another.
///
/// ```no_run
/// # let plugin: tollgate::Plugin = unimplemented!();
/// tollgate::replay::assert("tests/transcripts/hosts.jsonl", &plugin);
/// ```
///
/// # Panics
///
/// If the plugin does something else than the transcript says, with the difference; if the file
/// cannot be read or written; if `TOLLGATE_UPDATE` has another value (`0`, `false` and `never` are
/// as good as none).
#[track_caller]
pub fn assert(path: impl AsRef<Path>, plugin: &Plugin) {
    check(path.as_ref(), plugin, None);
}

/// As [`assert`](fn@assert), with this config. It must be the recorded one where nothing is recorded anew.
///
/// # Panics
///
/// As [`assert`](fn@assert).
#[track_caller]
pub fn assert_with(path: impl AsRef<Path>, plugin: &Plugin, config: &Config) {
    check(path.as_ref(), plugin, Some(config));
}

#[track_caller]
#[allow(clippy::panic)] // a test is told in no other way
fn check(path: &Path, plugin: &Plugin, config: Option<&Config>) {
    if let Err(problem) = compare_or_record(path, plugin, config) {
        panic!(
            "plugin {} and the transcript {}: {problem}\n\
             (to record it anew, run again with {UPDATE}=1, and commit the file)",
            Printable(plugin.name()),
            Printable(path.display())
        );
    }
}

fn compare_or_record(path: &Path, plugin: &Plugin, config: Option<&Config>) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let update = wants_update()?;
    if !path.exists() {
        if !update && is_set(CI) {
            return Err(format!(
                "there is no transcript, and none is recorded where {CI} is set; run the test locally first"
            ));
        }
        return record(path, plugin, &config.cloned().unwrap_or_default());
    }
    let replay = Replay::open(path);
    if update {
        // A file that is no transcript any more is replaced, too; its config is lost then.
        let recorded = replay.and_then(|replay| Ok(replay.config()?));
        let config = config.cloned().or(recorded.ok()).unwrap_or_default();
        return record(path, plugin, &config);
    }
    let replay = replay.map_err(|error| text(&error))?;
    let recorded = replay.config().map_err(|error| text(&error))?;
    if config.is_some_and(|config| *config != recorded) {
        return Err("it was recorded with another config".to_owned());
    }
    match replay.run(plugin) {
        Ok(_) => Ok(()),
        Err(ReplayError::Diverged(divergence)) => Err(divergence.to_string()),
        Err(error) => Err(text(&error)),
    }
}

/// Whether the environment asks for a new recording.
fn wants_update() -> Result<bool, String> {
    let value = std::env::var_os(UPDATE).unwrap_or_default();
    let value = value.to_string_lossy();
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "always" => Ok(true),
        "" | "0" | "false" | "never" => Ok(false),
        _ => Err(format!(
            "{UPDATE} is {value:?}, and must be 1, true or always to record, or 0, false or never"
        )),
    }
}

/// Whether a variable is set to anything but a no.
fn is_set(variable: &str) -> bool {
    let value = std::env::var_os(variable).unwrap_or_default();
    !(value.is_empty() || value == "0" || value.eq_ignore_ascii_case("false"))
}

fn record(path: &Path, plugin: &Plugin, config: &Config) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("cannot be recorded: {error}");
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(|error| failed(&error))?;
    }
    match plugin.record(config, path) {
        // It was not called, and there is nothing to compare with.
        Ok(Err(
            error @ (Error::Busy { .. }
            | Error::Config {
                problem: ConfigError::Invalid(_),
                ..
            }),
        )) => Err(failed(&error.report())),
        Ok(_) => Ok(()),
        Err(error) => Err(failed(&error)),
    }
}
