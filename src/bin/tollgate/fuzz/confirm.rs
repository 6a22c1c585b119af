//! Runs what was found as others will: a new plugin without instruments, in the world that is written.

use super::{
    args::FuzzArgs,
    target::{Judge, Problem},
};
use crate::Failure;
use std::path::Path;
use tollgate::{Call, Config, Plugin, inspect::Backtrace, world::Simulated};

/// What such a run showed.
#[derive(Default)]
pub struct Confirmation {
    /// Where the plugin was stopped, if it was.
    pub backtrace: Option<Box<Backtrace>>,
    /// Why it may be no problem; none if it is the same one.
    pub doubt: Option<String>,
    /// Whether there is a transcript: the config must be one for that.
    pub is_recorded: bool,
}

/// Runs a config in a world, and records that.
pub fn confirm(
    args: &FuzzArgs,
    module: &[u8],
    judge: &Judge,
    config: &[u8],
    world: &str,
    problem: &Problem,
    transcript: &Path,
) -> Result<Confirmation, Failure> {
    let world = match Simulated::from_json(world) {
        Ok(world) => world,
        Err(error) => {
            return Ok(Confirmation {
                doubt: Some(format!("no file can describe the world: {error}")),
                ..Confirmation::default()
            });
        }
    };
    let runtime = args.runtime(move || world.clone()).backtraces(true);
    let runtime = runtime.build()?;
    let plugin = match args.load(&runtime, module) {
        Ok(plugin) => plugin,
        Err(error) => {
            return Ok(Confirmation {
                doubt: Some(format!("not loaded in its world: {}", error.report())),
                ..Confirmation::default()
            });
        }
    };
    let parsed = std::str::from_utf8(config)
        .ok()
        .and_then(|text| text.parse::<Config>().ok());
    let parsed = parsed.filter(|_| !judge.raw);
    let (found, is_recorded) = match &parsed {
        Some(config) => {
            let recorded = plugin.record(config, transcript);
            let outcome = recorded.map_err(|error| Failure::file(transcript, error))?;
            (problem_of(outcome, judge), true)
        }
        None => (unrecorded(&plugin, judge, config)?, false),
    };
    let doubt = match &found {
        Some(found) if found.is_like(problem) => None,
        Some(found) => Some(format!("a new instance ends in {}", found.message)),
        None => Some("a new instance ends well".to_owned()),
    };
    Ok(Confirmation {
        backtrace: found.and_then(|found| found.backtrace),
        doubt,
        is_recorded,
    })
}

fn problem_of(
    outcome: Result<tollgate::Observation, tollgate::Error>,
    judge: &Judge,
) -> Option<Problem> {
    let ended = match outcome {
        Ok(observation) => judge.judge(observation.evidence),
        Err(error) => error.into(),
    };
    ended.problem
}

/// The problem of a run of bytes that are no config.
fn unrecorded(plugin: &Plugin, judge: &Judge, input: &[u8]) -> Result<Option<Problem>, Failure> {
    let mut instance = plugin.instance()?;
    let found = judge.run(&mut instance, input).problem;
    // A kept instance has no backtrace.
    let again = problem_of(plugin.call(Call::bytes(input)), judge);
    Ok(match (found, again) {
        (Some(found), Some(again)) if again.is_like(&found) => Some(again),
        (found, _) => found,
    })
}
