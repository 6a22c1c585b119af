//! `replay` and `diff`: playing transcripts of runs that `observe --record` wrote.

use crate::{
    Exit, Failure,
    args::{DiffArgs, Format, LimitArgs, ReplayArgs},
    complain, print, print_json, print_line, read_module, tell,
};
use std::path::{Path, PathBuf};
use tollgate::{
    Plugin,
    printable::Printable,
    replay::{Comparison, Replay, ReplayError, Replayed},
};

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Failure {
        let text = error.to_string();
        match (&error, text.split_once('\n')) {
            // Each of its lines begins with words of its own.
            (ReplayError::Diverged(_), Some((message, lines))) => {
                Failure::new(Exit::Diverged, message).with_details(lines)
            }
            (ReplayError::Diverged(_), None) => Failure::new(Exit::Diverged, text),
            _ => Failure::new(Exit::BadInput, text),
        }
    }
}

/// Prints the recorded evidence again, if the plugin does all that it did.
pub fn replay(args: &ReplayArgs) -> Result<Exit, Failure> {
    let replay = open(&args.transcript)?;
    let module = match &args.plugin {
        Some(path) => path.clone(),
        None => find_module(&args.transcript, &replay)?,
    };
    let plugin = load(&replay, &args.limits, &read_module(&module)?)?;
    match replay.run(&plugin)? {
        Replayed::Observation(observation) => print(&observation.evidence, args.format),
        Replayed::Failed(error) => {
            complain(format_args!(
                "the run failed, as it did when it was recorded: {}",
                error.report()
            ));
            Ok(Exit::Success)
        }
        Replayed::Cancelled(error) => {
            complain(format_args!(
                "the run did the same until it was cancelled: {error}"
            ));
            Ok(Exit::Success)
        }
        Replayed::Deadline(error) => {
            complain(format_args!(
                "the run did the same until its deadline ended it: {error}"
            ));
            Ok(Exit::Success)
        }
        _ => Ok(Exit::Success),
    }
}

/// Plays the recorded runs of one version of a plugin to another, and tells what differs.
pub fn diff(args: &DiffArgs) -> Result<Exit, Failure> {
    let old = read_module(&args.old)?;
    let new = read_module(&args.new)?;
    let mut same = true;
    for path in &args.transcripts {
        let replay = open(path)?;
        // A transcript that the old version does not repeat says nothing about the new one.
        let before = replay.run(&load(&replay, &args.limits, &old)?);
        before.map_err(|error| {
            let failure = Failure::from(error);
            let (path, old) = (Printable(path.display()), Printable(args.old.display()));
            Failure {
                message: format!("{path} is no recording of {old}: {}", failure.message),
                ..failure
            }
        })?;
        let compared = replay.compare(&load(&replay, &args.limits, &new)?)?;
        same &= compared.is_same();
        report(path, &compared, args.format)?;
    }
    Ok(if same { Exit::Success } else { Exit::Diverged })
}

fn report(path: &Path, compared: &Comparison, format: Format) -> Result<(), Failure> {
    if let Format::Json = format {
        let report = serde_json::json!({
            "transcript": path.display().to_string(),
            "same": compared.is_same(),
            "new_effects": compared.new_effects,
            "missing_effects": compared.missing_effects,
            "repeated_effects": compared.repeated_effects,
            "answers": compared.answers,
            "fuel_before": compared.fuel_before,
            "fuel_now": compared.fuel_now,
        });
        print_json(&report.to_string())?;
        return Ok(());
    }
    let mut lines = vec![format!("{}:", Printable(path.display()))];
    let mut tell_all = |what: &str, each: &[String]| {
        lines.extend(each.iter().map(|one| format!("  {what}: {one}")));
    };
    tell_all("asks for", &compared.new_effects);
    tell_all("asks no more for", &compared.missing_effects);
    tell_all("answers differently", &compared.answers);
    if compared.repeated_effects > 0 {
        let times = compared.repeated_effects;
        lines.push(format!(
            "  asks again for what it was told already, {times} times"
        ));
    }
    let (before, now) = (compared.fuel_before, compared.fuel_now);
    match now.cmp(&before) {
        std::cmp::Ordering::Greater => {
            lines.push(format!("  costs more fuel: {before} -> {now}"));
        }
        std::cmp::Ordering::Less => {
            lines.push(format!("  costs less fuel: {before} -> {now}"));
        }
        std::cmp::Ordering::Equal => {}
    }
    if lines.len() == 1 {
        lines.push("  same".to_owned());
    }
    for line in lines {
        print_line(line)?;
    }
    Ok(())
}

fn open(path: &Path) -> Result<Replay, Failure> {
    Replay::open(path).map_err(|error| {
        let text = match error {
            ReplayError::Bad(bad) => format!("{}: {bad}", Printable(path.display())),
            error => error.to_string(),
        };
        Failure::new(Exit::BadInput, text)
    })
}

/// The recorded module, where people keep it: beside the transcript, or where they stand.
fn find_module(transcript: &Path, replay: &Replay) -> Result<PathBuf, Failure> {
    let file = format!("{}.wasm", replay.plugin());
    // A transcript's word for a name is no path to follow.
    let places = match Path::new(&file).components().count() {
        1 => vec![transcript.with_file_name(&file), PathBuf::from(&file)],
        _ => Vec::new(),
    };
    let found = places.into_iter().find(|path| path.is_file());
    found.ok_or_else(|| {
        let (plugin, module) = (Printable(replay.plugin()), Printable(replay.module()));
        Failure::new(
            Exit::BadInput,
            format!(
                "the plugin {plugin} is not here; name its module with --plugin (SHA-256 {module})"
            ),
        )
    })
}

/// Loads a module as the recorded one was loaded, with no way to the outside.
fn load(replay: &Replay, limits: &LimitArgs, bytes: &[u8]) -> Result<Plugin, Failure> {
    let builder = limits.apply(replay.runtime(), 60_000).on_event(tell);
    Ok(builder.build()?.load(replay.plugin(), bytes)?)
}
