//! `tollgate replay` and `tollgate diff`: replay transcripts of `observe --record`.

use crate::{
    Exit, Failure,
    args::{DEADLINE, DiffArgs, Format, Ignored, LimitArgs, ReplayArgs},
    note,
    output::{print, say},
    print_event, print_evidence, print_json, print_line, profile, read_module,
};
use serde_json::json;
use std::path::{Path, PathBuf};
use tollgate::{
    Limits, Plugin,
    printable::Printable,
    replay::{Comparison, Replay, ReplayError, Replayed, Tolerance},
};

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Failure {
        let text = error.report();
        match (&error, text.split_once('\n')) {
            // Our own text begins each line.
            (ReplayError::Diverged(_), Some((message, lines))) => {
                Failure::new(Exit::Diverged, message).with_details(lines)
            }
            (ReplayError::Diverged(_), None) => Failure::new(Exit::Diverged, text),
            (ReplayError::Limit { .. }, _) => Failure::new(
                Exit::BadInput,
                format!(
                    "{text}; replay with the limits of the recording: --memory-mb, --fuel or --limit NAME=VALUE"
                ),
            ),
            _ => Failure::new(Exit::BadInput, text),
        }
    }
}

/// Replays a transcript and prints the evidence.
pub fn replay(args: &ReplayArgs) -> Result<Exit, Failure> {
    let replay = open(&args.transcript)?;
    let module = match &args.plugin {
        Some(path) => path.clone(),
        None => find_module(&args.transcript, &replay)?,
    };
    let plugin = load(&replay, &args.limits, &read_module(&module)?)?;
    if args.trace {
        return trace(args, &replay, &plugin);
    }
    match replay.run(&plugin)? {
        Replayed::Observation(observation) => {
            print_evidence(&observation.evidence, args.format.unwrap_or(Format::Json))
        }
        Replayed::Failed(error) => {
            note(format_args!(
                "the run failed with the recorded error: {}",
                error.report()
            ));
            if let Some(backtrace) = error.backtrace() {
                let lines = backtrace.to_string();
                lines.lines().for_each(|line| say(format_args!("{line}")));
            }
            Ok(Exit::Success)
        }
        Replayed::Cancelled(error) => {
            note(format_args!(
                "the run was the same until it was cancelled: {error}"
            ));
            Ok(Exit::Success)
        }
        Replayed::Deadline(error) => {
            note(format_args!(
                "the run is the same up to its deadline: {error}"
            ));
            Ok(Exit::Success)
        }
        _ => Ok(Exit::Success),
    }
}

/// Prints the effects of a run, and from where each was requested.
fn trace(args: &ReplayArgs, replay: &Replay, plugin: &Plugin) -> Result<Exit, Failure> {
    let effects = replay.trace(plugin, args.from..args.to.unwrap_or(u64::MAX))?;
    if let Some(format) = args.format {
        for effect in &effects {
            print(effect, format)?;
        }
        return Ok(Exit::Success);
    }
    for effect in &effects {
        let during = match effect.in_initialization {
            true => "initialization",
            false => "call",
        };
        let mut text = effect.effect.to_string();
        if let Some((end, _)) = text.char_indices().nth(MOST_CHARACTERS) {
            text.truncate(end);
            text.push('…');
        }
        let (index, fuel) = (effect.index, effect.fuel);
        print_line(format_args!(
            "{index} {during}, fuel {fuel}: {}",
            Printable(text)
        ))?;
        for line in effect.backtrace.to_string().lines() {
            print_line(line)?;
        }
    }
    Ok(Exit::Success)
}

/// Of a longer effect, so many characters are printed.
const MOST_CHARACTERS: usize = 400;

/// Compares a new version of a plugin with recorded runs of the old one.
pub fn diff(args: &DiffArgs) -> Result<Exit, Failure> {
    let compared = args.compared()?;
    let old = read_module(&compared.old)?;
    let new = read_module(&compared.new)?;
    let mut same = true;
    for path in &compared.transcripts {
        let replay = open(path)?;
        // The comparison is valid only if the old version replays the transcript.
        let recorded = load(&replay, &args.limits, &old)?;
        replay.run(&recorded).map_err(|error| {
            let failure = Failure::from(error);
            let (path, old) = (Printable(path.display()), Printable(compared.old.display()));
            Failure {
                message: format!("{path} is not a recording of {old}: {}", failure.message),
                ..failure
            }
        })?;
        let after = load(&replay, &args.limits, &new)?;
        let comparison = replay.compare(&after)?;
        let (before, now) = (comparison.fuel_before, comparison.fuel_now);
        let most = u128::from(before) * (100 + u128::from(args.fuel_threshold)) / 100;
        let is_cheap = args.ignore.contains(&Ignored::Fuel) || u128::from(now) <= most;
        let is_same = comparison.has_same_effects() && comparison.answers.is_empty() && is_cheap;
        // A version with other effects cannot be looked into.
        let dearer = match now > before {
            true => dearer(&replay, &recorded, &after).unwrap_or_default(),
            false => Vec::new(),
        };
        report(path, &comparison, &dearer, is_same, args.format)?;
        same &= is_same;
    }
    Ok(if same { Exit::Success } else { Exit::Diverged })
}

/// The functions of the new version that burn the most more than those of the recorded one.
fn dearer(
    replay: &Replay,
    recorded: &Plugin,
    new: &Plugin,
) -> Result<Vec<(String, u64, u64)>, ReplayError> {
    const MOST: usize = 5;
    let before = replay.profile(recorded)?;
    let now = replay.clone().tolerance(Tolerance::Behavior).profile(new)?;
    let mut dearer = profile::dearer(&before, &now);
    dearer.truncate(MOST);
    Ok(dearer)
}

fn report(
    path: &Path,
    compared: &Comparison,
    dearer: &[(String, u64, u64)],
    is_same: bool,
    format: Format,
) -> Result<(), Failure> {
    if let Format::Json = format {
        let mut report = serde_json::to_value(compared).unwrap_or_default();
        if let Some(report) = report.as_object_mut() {
            report.insert("transcript".to_owned(), path.display().to_string().into());
            report.insert("same".to_owned(), is_same.into());
            let dearer = dearer.iter().map(|(function, before, now)| {
                json!({ "function": function, "fuel_before": before, "fuel_now": now })
            });
            report.insert("dearer_functions".to_owned(), dearer.collect());
        }
        print_json(&report.to_string())?;
        return Ok(());
    }
    let mut lines = vec![format!("{}:", Printable(path.display()))];
    for (what, each) in [
        ("new effect", &compared.new_effects),
        ("missing effect", &compared.missing_effects),
        ("different evidence", &compared.answers),
    ] {
        lines.extend(each.iter().map(|one| format!("  {what}: {one}")));
    }
    if compared.repeated_effects > 0 {
        lines.push(format!("  repeated effects: {}", compared.repeated_effects));
    }
    let (before, now) = (compared.fuel_before, compared.fuel_now);
    if now != before {
        let more = if now > before { "more" } else { "less" };
        lines.push(format!("  {more} fuel: {before} -> {now}"));
    }
    for (function, before, now) in dearer {
        lines.push(format!("    {}: {before} -> {now}", Printable(function)));
    }
    if lines.len() == 1 {
        lines.push("  same".to_owned());
    }
    for line in lines {
        print_line(line)?;
    }
    Ok(())
}

pub fn open(path: &Path) -> Result<Replay, Failure> {
    Replay::open(path).map_err(|error| match error {
        ReplayError::Bad(bad) => Failure::file(path, bad),
        error => error.into(),
    })
}

/// Finds the recorded module next to the transcript or in the working directory.
pub fn find_module(transcript: &Path, replay: &Replay) -> Result<PathBuf, Failure> {
    let file = format!("{}.wasm", replay.plugin());
    // The transcript is untrusted: its plugin name must not be a path.
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
                "cannot find the plugin {plugin}; give its module (SHA-256 {module}) with --plugin"
            ),
        )
    })
}

/// Loads a module for a replay, offline.
pub fn load(replay: &Replay, limits: &LimitArgs, bytes: &[u8]) -> Result<Plugin, Failure> {
    let limits = limits.over(Limits {
        deadline: Some(DEADLINE),
        ..Limits::default()
    });
    replay.check_limits(&limits)?;
    let builder = replay
        .runtime()
        .limits(limits)
        .on_event(print_event)
        .backtraces(true);
    Ok(builder.build()?.load(replay.plugin(), bytes)?)
}
