//! Records a run and replays it deterministically, offline, on any machine. A transcript holds each
//! effect of a run with its reply, and a plugin has no other input besides module, config and
//! limits. So a replay repeats the run, or stops at the first difference and shows it.
//!
#![doc = include_str!("transcript.md")]

#[cfg(feature = "std")]
mod assert;
mod compare;
mod digests;
mod divergence;
#[cfg(feature = "std")]
mod file;
mod lines;
mod play;
mod record;
mod redacted;
mod sink;
#[cfg(test)]
mod tests;
mod trace;
mod transcript;
mod views;
#[cfg(feature = "std")]
mod whole_file;

#[cfg(feature = "std")]
pub use assert::{AssertOptions, assert, assert_with};
pub use compare::Comparison;
pub use divergence::Divergence;
pub use sink::Sink;
pub use trace::TracedEffect;
pub use transcript::BadTranscript;

use crate::{
    error::{Error, Fault},
    gate::{HostError, Nowhere, Policy, SharedJournal},
    guest::Seen,
    limits::{Cancel, FuelLimit, Limits, Usage},
    module::engine_name,
    plugin::{Call, Config, Finished, Observation, Plugin, Ready, RecordedRun},
    printable::Text,
    runtime::RuntimeBuilder,
    sync::{Mutex, into_inner},
};
use alloc::{
    borrow::ToOwned,
    boxed::Box,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::time::Duration;
use lines::{End, FORMAT, Function, Header, RunResult};
use play::Player;
use record::Recorder;
use redacted::Texts;
use serde_json::Value;
use tollgate_abi::host::kinds;
use transcript::Transcript;

/// A recorded run.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "callers take it apart")]
pub struct Recording<W> {
    /// The result of the run. Failed runs are recorded, too.
    pub outcome: Result<Observation, Error>,
    /// The sink that was given, which holds the transcript.
    pub sink: W,
}

impl Plugin {
    /// Runs the plugin like [`call`](Plugin::call), and writes its effects, their replies and
    /// the result to `sink`, line by line.
    ///
    /// ```
    /// use tollgate::{Config, Runtime, replay::Replay};
    ///
    /// # let bytes = include_bytes!("../../fixtures/file.wasm");
    /// let runtime = Runtime::builder().grant("file", "fs:read:Cargo.toml".parse()?).build()?;
    /// let file = runtime.load("file", bytes)?;
    /// let recording = file.observe_recorded(&Config::new().set("path", "Cargo.toml"), Vec::new())?;
    /// let evidence = recording.outcome?.evidence;
    ///
    /// // Offline, on another machine:
    /// let replayed = Replay::read(recording.sink)?.run(&file)?;
    /// assert_eq!(replayed.evidence(), Some(&evidence));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [`record`](Plugin::record) writes a file, completely or not at all.
    ///
    /// If the call is refused before the plugin runs (its config is invalid, or it is already
    /// cancelled), nothing is written.
    ///
    /// # Errors
    ///
    /// The first error of the sink, which also stops the run.
    pub fn observe_recorded<'a, S>(
        &self,
        call: impl Into<Call<'a>>,
        sink: S,
    ) -> Result<Recording<S>, S::Error>
    where
        S: Sink<Error: Send> + Send + 'static,
    {
        match self.ready_to_record(call.into()) {
            Ok(ready) => self.record_ready(ready, sink),
            Err(error) => {
                let outcome = Err(error);
                Ok(Recording { outcome, sink })
            }
        }
    }

    /// Prepares the call, if it can start here.
    fn ready_to_record<'a>(&self, call: Call<'a>) -> Result<Ready<'a>, Error> {
        let ready = self.prepare(call)?;
        self.check_idle()?;
        Ok(ready)
    }

    fn record_ready<S>(&self, ready: Ready<'_>, sink: S) -> Result<Recording<S>, S::Error>
    where
        S: Sink<Error: Send> + Send + 'static,
    {
        let parts = self.parts();
        let settings = &parts.settings;
        let texts = Texts(settings.observer.redactor.clone());
        let text = String::from_utf8(ready.config().to_vec());
        let text = text.map_err(|error| S::unrecordable(error.to_string()))?;
        let config = texts.config(text);
        let config = config.map_err(|error| S::unrecordable(error.to_string()))?;
        let [initialization, limits] = ready.limits();
        let header = Header {
            transcript: FORMAT,
            tollgate: env!("CARGO_PKG_VERSION").to_owned(),
            engine: engine_name().to_owned(),
            plugin: self.name().to_owned(),
            module: parts.compiled.digest().to_owned(),
            abi: self.abi_version().to_string(),
            config,
            limits: initialization.clone(),
            call_limits: (limits != initialization).then(|| limits.clone()),
            grants: parts.policy.written().to_vec(),
            pinned: parts.policy.pinned().to_vec(),
            working_directory: parts.policy.working_directory.clone(),
            functions: Function::all(&parts.policy.host_functions),
            redacted: texts.are_redacted(),
        };
        let recorder = Arc::new(Mutex::new(Recorder::new(sink, texts, &header)));
        let journal: SharedJournal = recorder.clone();
        let finished = self.run_kept(&ready, &journal);
        drop(journal);
        let end = end(&finished);
        let recorder = Arc::into_inner(recorder).ok_or_else(|| {
            let problem = "internal error: the recorder is still in use after the run";
            S::unrecordable(problem.into())
        })?;
        let recorder = into_inner(recorder);
        Ok(Recording {
            sink: recorder.end(end)?,
            outcome: finished.outcome,
        })
    }
}

/// The last line for a run.
fn end(finished: &Finished) -> End {
    let outcome = match &finished.outcome {
        Ok(observation) => {
            RunResult::Evidence(serde_json::to_value(&observation.evidence).unwrap_or_default())
        }
        Err(
            error @ Error::Fault {
                fault: Fault::Deadline { .. },
                ..
            },
        ) => RunResult::Deadline(error.report()),
        Err(
            error @ Error::Fault {
                fault: Fault::Cancelled,
                ..
            },
        ) => RunResult::Cancelled(error.report()),
        Err(error) => RunResult::Error(error.report()),
    };
    let used = match &finished.outcome {
        Ok(observation) => observation.usage,
        Err(error) => error.usage().copied().unwrap_or_default(),
    };
    // Without an instance, initialisation failed.
    let (initialization, usage) = match finished.init {
        Some(init) => (init, used),
        None => (used, Usage::default()),
    };
    End {
        effects: 0,
        end: outcome,
        usage,
        initialization,
        memory: finished.memory.clone(),
    }
}

/// A transcript that can be replayed any number of times.
#[derive(Clone, Debug)]
pub struct Replay {
    transcript: Arc<Transcript>,
    deadline: Option<Duration>,
    cancel: Option<Cancel>,
    backtraces: bool,
    tolerance: Tolerance,
}

/// What a replay compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tolerance {
    /// Everything: effects and the fuel before each, the result, what was used, the final memory and the module.
    #[default]
    Exact,
    /// Effects, their order, and the result; but neither fuel nor memory nor the module, which differ in
    /// each build of a plugin.
    Behavior,
}

/// The result of a replay without a difference.
#[derive(Debug)]
#[non_exhaustive]
pub enum Replayed {
    /// The plugin returned evidence.
    Observation(Observation),
    /// The run failed with the recorded error.
    Failed(Error),
    /// The deadline stopped the recorded run, and the replay stopped after as much fuel. The text is
    /// that of the recorded error.
    Deadline(String),
    /// The recorded run was cancelled, and this one stopped after as much fuel. The text is the
    /// recorded error's.
    Cancelled(String),
}

impl Replayed {
    /// Returns the evidence, if there is any.
    #[must_use]
    pub fn evidence(&self) -> Option<&tollgate_abi::Evidence> {
        match self {
            Replayed::Observation(observation) => Some(&observation.evidence),
            _ => None,
        }
    }
}

/// Why a replay failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The file cannot be read.
    #[cfg(feature = "std")]
    #[error("cannot read {}", crate::printable::Printable(.path.display()))]
    Io {
        /// The file.
        path: std::path::PathBuf,
        /// The error of the system.
        #[source]
        error: std::io::Error,
    },
    /// The transcript is invalid.
    #[error("invalid transcript")]
    Bad(#[from] BadTranscript),
    /// A limit of the recorded run exceeds that of the plugin's runtime.
    #[error(
        "the run was recorded with {recorded}, but plugin {plugin} is loaded with {here}; load it in a runtime with the recorded limit"
    )]
    Limit {
        /// The name of the plugin.
        plugin: Text,
        /// The limit in the transcript.
        recorded: Text,
        /// The limit of the plugin's runtime.
        here: Text,
    },
    /// [`Replay::cancel`] ended the run.
    #[error("the replay was cancelled")]
    Cancelled,
    /// The plugin cannot be given instruments, which are needed to look into the run.
    #[error("the run cannot be looked into")]
    Instruments(#[source] Box<Error>),
    /// The run differs from the recording.
    #[error(transparent)]
    Diverged(#[from] Box<Divergence>),
}

impl ReplayError {
    /// What failed and why, in one text that is safe to print. That of a divergence has several lines.
    #[must_use]
    pub fn report(&self) -> String {
        match self {
            #[cfg(feature = "std")]
            ReplayError::Io { error, .. } => format!("{self}: {error}"),
            ReplayError::Bad(bad) => format!("{self}: {bad}"),
            ReplayError::Instruments(error) => format!("{self}: {}", error.report()),
            ReplayError::Limit { .. } | ReplayError::Cancelled | ReplayError::Diverged(_) => {
                self.to_string()
            }
        }
    }
}

impl Replay {
    /// Reads a transcript from a file.
    ///
    /// # Errors
    ///
    /// [`ReplayError::Io`], or [`ReplayError::Bad`] with the number of the line.
    #[cfg(feature = "std")]
    pub fn open(path: impl AsRef<std::path::Path>) -> Result<Replay, ReplayError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|error| ReplayError::Io {
            path: path.to_owned(),
            error,
        })?;
        Ok(Replay::read(bytes)?)
    }

    /// Reads a transcript.
    ///
    /// # Errors
    ///
    /// [`BadTranscript`] with the number of the line.
    pub fn read(bytes: impl Into<Vec<u8>>) -> Result<Replay, BadTranscript> {
        Ok(Replay {
            transcript: Arc::new(Transcript::read(bytes.into())?),
            deadline: None,
            cancel: None,
            backtraces: false,
            tolerance: Tolerance::Exact,
        })
    }

    /// Wall-clock time for each run of this replay, if that is less than the deadline of the
    /// plugin's runtime.
    #[must_use]
    pub fn deadline(self, deadline: impl Into<Option<Duration>>) -> Replay {
        Replay {
            deadline: deadline.into(),
            ..self
        }
    }

    /// Cancels the runs of this replay when `cancel` is cancelled.
    #[must_use]
    pub fn cancel(self, cancel: impl Into<Option<Cancel>>) -> Replay {
        Replay {
            cancel: cancel.into(),
            ..self
        }
    }

    /// Has errors and divergences say where the plugin was stopped, also if the plugin's runtime does not
    /// ([`backtraces`](RuntimeBuilder::backtraces)).
    #[must_use]
    pub fn backtraces(self, backtraces: bool) -> Replay {
        Replay { backtraces, ..self }
    }

    /// What this replay compares.
    #[must_use]
    pub fn tolerance(self, tolerance: Tolerance) -> Replay {
        Replay { tolerance, ..self }
    }

    /// The name of the recorded plugin.
    #[must_use]
    pub fn plugin(&self) -> &str {
        &self.transcript.header.plugin
    }

    /// SHA-256 of the recorded module, in hexadecimal.
    #[must_use]
    pub fn module(&self) -> &str {
        &self.transcript.header.module
    }

    /// The recorded config.
    ///
    /// # Errors
    ///
    /// [`BadTranscript`] if the header does not hold a config.
    pub fn config(&self) -> Result<Config, BadTranscript> {
        let config = self.transcript.header.config.get();
        config
            .parse()
            .map_err(|error: crate::ConfigError| BadTranscript {
                line: 1,
                problem: error.to_string().into(),
            })
    }

    /// The limits of the runtime that recorded the run.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.transcript.header.limits
    }

    /// Checks that these limits are at least those of the recording. [`run`](Replay::run) does so too; a
    /// module that needs more to start than they allow cannot be loaded before that.
    ///
    /// # Errors
    ///
    /// [`ReplayError::Limit`] names the first limit that is too small.
    pub fn check_limits(&self, limits: &Limits) -> Result<(), ReplayError> {
        match self.limits().beyond(limits) {
            Some((recorded, here)) => Err(ReplayError::Limit {
                plugin: self.plugin().into(),
                recorded: recorded.into(),
                here: here.into(),
            }),
            None => Ok(()),
        }
    }

    /// Options for a runtime that can load the plugin: it offers the recorded host functions by name,
    /// and its world fails every effect. Set limits that are at least those of the transcript
    /// ([`limits`](Replay::limits)).
    #[must_use]
    pub fn runtime(&self) -> RuntimeBuilder {
        let functions = self.transcript.header.functions.iter();
        let without = crate::Runtime::builder().world(|| Nowhere(NOWHERE));
        functions.fold(without, |builder, Function { module, name, kind }| {
            builder.host_function(module, name, kind, |_: Value, _| {
                Err::<Value, _>(HostError::new(kinds::INTERNAL, NOWHERE))
            })
        })
    }

    /// Runs the plugin offline with the recorded config, grants and limits, and answers its effects
    /// from the transcript. The plugin may have another name than the recorded one.
    ///
    /// The deadlines of the plugin's runtime and of this replay apply, and this replay's
    /// [cancellation](Self::cancel); the recorded ones do not.
    ///
    /// # Errors
    ///
    /// [`ReplayError::Diverged`] at the first difference that its [tolerance](Self::tolerance) does not allow, and [`ReplayError::Limit`] if the plugin's
    /// runtime allows less than the transcript needs.
    pub fn run(&self, plugin: &Plugin) -> Result<Replayed, ReplayError> {
        Ok(self.run_seen(plugin)?.0)
    }

    /// The same, with what the instruments of the plugin noted, if it has some.
    fn run_seen(&self, plugin: &Plugin) -> Result<(Replayed, Option<Seen>), ReplayError> {
        let texts = Texts(plugin.parts().settings.observer.redactor.clone());
        let player = Arc::new(Mutex::new(Player::new(
            self.transcript.clone(),
            texts.clone(),
            self.tolerance,
        )));
        let (end, finished) = self.play(plugin, player.clone())?;
        if let Some(player) = Arc::into_inner(player) {
            let player = into_inner(player);
            let ended = player.end(&end, plugin.parts().compiled.digest());
            ended.map_err(|mut divergence| {
                texts.divergence(&mut divergence);
                let stopped = finished.outcome.as_ref().err();
                divergence.backtrace = stopped.and_then(Error::backtrace).cloned();
                divergence
            })?;
        }
        let replayed = match (&self.transcript.end.end, finished.outcome) {
            (RunResult::Deadline(message), _) => Replayed::Deadline(texts.text(message)),
            (RunResult::Cancelled(message), _) => Replayed::Cancelled(texts.text(message)),
            (_, Ok(observation)) => Replayed::Observation(observation),
            (_, Err(error)) => Replayed::Failed(error),
        };
        Ok((replayed, finished.seen))
    }

    /// Runs a plugin as the recorded one was run, with its effects answered by `journal`.
    fn play(
        &self,
        plugin: &Plugin,
        journal: SharedJournal,
    ) -> Result<(End, Finished), ReplayError> {
        let parts = plugin.parts();
        let Transcript {
            header,
            end: recorded,
            ..
        } = &*self.transcript;
        let here = &parts.settings.limits;
        self.check_limits(here)?;
        let deadline = [here.deadline, self.deadline].into_iter().flatten().min();
        let with_deadline = |limits: &Limits| Limits {
            deadline,
            ..limits.clone()
        };
        let mut initialization = with_deadline(&header.limits);
        let mut limits = with_deadline(header.call_limits.as_ref().unwrap_or(&header.limits));
        if recorded.end.is_interrupted() {
            // The fuel at which the run was interrupted takes the place of what interrupted it.
            limits.fuel = FuelLimit::Units(recorded.usage.fuel);
            if recorded.memory.is_none() {
                initialization.fuel = FuelLimit::Units(recorded.initialization.fuel);
                limits.fuel = initialization.fuel;
            }
        }
        let policy = Policy::new(
            &header.grants,
            &header.pinned,
            header.working_directory.clone(),
            parts.policy.host_functions.clone(),
        );
        let call = Call::bytes(header.config.get().as_bytes())
            .cancel(self.cancel.clone())
            .with_backtrace(self.backtraces)
            .replaying(RecordedRun {
                name: header.plugin.as_str().into(),
                policy: Arc::new(policy),
                initialization: Arc::new(initialization),
                limits: Arc::new(limits),
                world: || Box::new(Nowhere(NOWHERE)),
                is_reported: false,
            });
        let finished = match plugin.prepare(call) {
            Ok(ready) => plugin.run_kept(&ready, &journal),
            Err(error) => Finished::before_the_call(error),
        };
        let is_cancelled = matches!(
            finished.outcome,
            Err(Error::Fault {
                fault: Fault::Cancelled,
                ..
            })
        );
        match is_cancelled {
            true => Err(ReplayError::Cancelled),
            false => Ok((end(&finished), finished)),
        }
    }
}

/// What a replay's world says to an effect: all replies come from the transcript.
const NOWHERE: &str = "internal error: a replay asked its world";
