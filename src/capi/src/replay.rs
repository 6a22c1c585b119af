//! Replays transcripts, and reads what they begin with.

use crate::{
    arguments::{handle, invalid_options, options, text},
    call::{failure, observation},
    cancel::{CancelHandle, cancel},
    error::{ErrorHandle, Failure, guarded},
    events::noting,
    memory::give_json,
    plugin::PluginHandle,
};
use serde::Deserialize;
use serde_json::json;
use std::{ffi::c_char, ptr};
use tollgate::{
    Limits,
    replay::{Replay, Replayed, Tolerance},
};

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ReplayOptions {
    tolerance: Compared,
    backtraces: bool,
    deadline: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Compared {
    #[default]
    Exact,
    Behavior,
}

impl ReplayOptions {
    fn replay(self, replay: Replay) -> Result<Replay, Failure> {
        let mut limits = Limits::default();
        let deadline = self.deadline.as_deref().unwrap_or("none");
        let set = limits.set("deadline", deadline);
        set.map_err(|error| invalid_options(&error))?;
        let tolerance = match self.tolerance {
            Compared::Exact => Tolerance::Exact,
            Compared::Behavior => Tolerance::Behavior,
        };
        Ok(replay
            .tolerance(tolerance)
            .backtraces(self.backtraces)
            .deadline(limits.deadline))
    }
}

/// # Safety
///
/// The handles are NULL or alive; the texts are NULL or end with NUL; `error` is NULL or points to NULL or an
/// error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_plugin_replay(
    plugin: *const PluginHandle,
    path: *const c_char,
    settings: *const c_char,
    cancelled_by: *const CancelHandle,
    error: *mut *mut ErrorHandle,
) -> *mut c_char {
    let body = || {
        // SAFETY: the caller promises it.
        let (plugin, path) = unsafe { (handle(plugin, "plugin")?, text(path, "path")?) };
        // SAFETY: the caller promises it.
        let (options, cancel) =
            unsafe { (options::<ReplayOptions>(settings)?, cancel(cancelled_by)) };
        let replay = options.replay(Replay::open(path)?)?.cancel(cancel);
        let (replayed, denied) = noting(|| replay.run(&plugin.plugin));
        let replayed = replayed.map_err(|error| Failure {
            grants: denied.grants(),
            ..Failure::from(error).of(plugin.plugin.name())
        })?;
        let interrupted = |fault, message| {
            let error = json!({"kind": "fault", "fault": fault, "message": message});
            json!({"error": error})
        };
        let replayed = match replayed {
            Replayed::Observation(seen) => observation(&seen, &denied),
            Replayed::Failed(error) => json!({"error": failure(error, &denied).json()}),
            Replayed::Deadline(message) => interrupted("deadline", message),
            Replayed::Cancelled(message) => interrupted("cancelled", message),
            _ => return Err(Failure::internal("unknown result of a replay")),
        };
        give_json(&replayed.to_string())
    };
    // SAFETY: the caller promises it.
    unsafe { guarded(error, ptr::null_mut(), body) }
}

/// # Safety
///
/// The path is NULL or ends with NUL; `error` is NULL or points to NULL or an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_transcript(
    path: *const c_char,
    error: *mut *mut ErrorHandle,
) -> *mut c_char {
    let body = || {
        // SAFETY: the caller promises it.
        let replay = Replay::open(unsafe { text(path, "path") }?)?;
        let begin = json!({
            "plugin": replay.plugin(),
            "module": replay.module(),
            "config": replay.config()?.values(),
            "limits": replay.limits(),
        });
        give_json(&begin.to_string())
    };
    // SAFETY: the caller promises it.
    unsafe { guarded(error, ptr::null_mut(), body) }
}
