//! Runs plugins in a page: `observe` in a world made up of JSON, and `replay` of a recording. Both are plain functions,
//! which `bin/native.rs` calls on this machine; `exports` is their binary interface for JavaScript.

use serde::{Deserialize, Serialize};
use std::time::Duration;
use tollgate::{
    Capability, Config, Error, Evidence, Runtime, Usage,
    replay::{Replay, Replayed},
    world::Simulated,
};

mod clock;
#[cfg(target_arch = "wasm32")]
mod exports;

/// What `observe` is asked, as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    name: String,
    grants: Vec<String>,
    /// The text of the simulated world, and of the config: this library's own messages name their lines.
    world: String,
    config: String,
    fuel: u64,
    /// In milliseconds.
    deadline: Option<u64>,
}

/// What both functions answer, as JSON.
#[derive(Default, Serialize)]
pub struct Answer {
    /// What the plugin saw, if it returned.
    pub evidence: Option<Evidence>,
    /// Fuel, memory, and calls of the host.
    pub usage: Option<Usage>,
    /// Why there is no evidence. A replay may end so as well, if the recorded run did.
    pub error: Option<String>,
    /// The transcript of the run.
    pub recording: Option<String>,
    /// Whether `error` says why there was no run, or how a replay differs from its recording.
    pub refused: bool,
}

/// Runs the plugin and records it.
///
/// # Errors
///
/// What is wrong with the request or the plugin, as one text. A run that fails is an answer.
pub fn observe(request: &[u8], plugin: &[u8]) -> Result<Answer, String> {
    let request: Request = serde_json::from_slice(request).map_err(|e| e.to_string())?;
    let world = Simulated::from_json(&request.world).map_err(|e| format!("world: {e}"))?;
    let config: Config = request.config.parse().map_err(|e| format!("config: {e}"))?;
    let mut builder = Runtime::builder()
        .world(move || world.clone())
        .clock(clock::now)
        .fuel(request.fuel)
        .deadline(request.deadline.map(Duration::from_millis));
    for grant in &request.grants {
        let grant: Capability = grant.parse().map_err(|e| format!("grant {grant}: {e}"))?;
        builder = builder.grant(&request.name, grant);
    }
    let runtime = builder.build().map_err(report)?;
    let plugin = runtime.load(&request.name, plugin).map_err(report)?;
    let run = plugin.observe_recorded(&config, Vec::new());
    let run = run.map_err(|e| e.to_string())?;
    let recording = String::from_utf8(run.sink).map_err(|e| e.to_string())?;
    Ok(Answer {
        recording: Some(recording),
        ..match run.outcome {
            Ok(seen) => returned(seen),
            Err(error) => failed(&error),
        }
    })
}

/// Repeats a recorded run, and compares its effects, fuel, result and final memory with the transcript.
///
/// # Errors
///
/// The first difference, or what is wrong with the transcript or the plugin.
pub fn replay(transcript: &[u8], plugin: &[u8]) -> Result<Answer, String> {
    let replay = Replay::read(transcript).map_err(|e| e.to_string())?;
    let builder = replay.runtime().clock(clock::now);
    let runtime = builder.limits(replay.limits().clone());
    let runtime = runtime.build().map_err(report)?;
    let plugin = runtime.load(replay.plugin(), plugin).map_err(report)?;
    let replayed = replay.run(&plugin).map_err(|e| e.report())?;
    Ok(match replayed {
        Replayed::Observation(seen) => returned(seen),
        Replayed::Failed(error) => failed(&error),
        Replayed::Deadline(text) | Replayed::Cancelled(text) => Answer {
            error: Some(text),
            ..Answer::default()
        },
        _ => return Err("the replay ended in a way that this page does not know".into()),
    })
}

fn returned(seen: tollgate::Observation) -> Answer {
    Answer {
        evidence: Some(seen.evidence),
        usage: Some(seen.usage),
        ..Answer::default()
    }
}

fn failed(error: &Error) -> Answer {
    Answer {
        usage: error.usage().copied(),
        error: Some(error.report()),
        ..Answer::default()
    }
}

fn report(error: Error) -> String {
    error.report()
}
