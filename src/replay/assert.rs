//! Transcripts as the expectations of a test suite. This is the only part that writes files, and
//! it panics, since that is how a test fails.

use super::{Replay, ReplayError};
use crate::{config::Config, plugin::Plugin, printable::Printable};
use std::{fs, path::Path};

/// The variable that has [`assert`](fn@assert) record anew instead of comparing.
const UPDATE: &str = "TOLLGATE_UPDATE";

/// Compares what a plugin does with the transcript in a file, offline. Where there is no file, or
/// with `TOLLGATE_UPDATE=1` in the environment, the run is recorded instead, in the world and with
/// the grants of the plugin's runtime. Commit the file with the test.
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
/// cannot be read or written.
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
             (if this is as it should be, run again with {UPDATE}=1 and commit the file)",
            Printable(plugin.name()),
            Printable(path.display())
        );
    }
}

fn compare_or_record(path: &Path, plugin: &Plugin, config: Option<&Config>) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let update = std::env::var_os(UPDATE).is_some_and(|value| value == "1");
    let replay = match path.exists() {
        true => Replay::open(path),
        false => return record(path, plugin, &config.cloned().unwrap_or_default()),
    };
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

fn record(path: &Path, plugin: &Plugin, config: &Config) -> Result<(), String> {
    let recorded = plugin
        .observe_recorded(config, Vec::new())
        .and_then(|recording| {
            if let Some(directory) = path.parent() {
                fs::create_dir_all(directory)?;
            }
            fs::write(path, recording.sink)
        });
    recorded.map_err(|error| format!("cannot be recorded: {error}"))
}
