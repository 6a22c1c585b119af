//! Recording a run and playing it back: bit for bit, offline, on any machine. A transcript holds
//! each effect of a run with its reply, and the guest sees nothing else of the outside; so the
//! same module, config and limits do the same again, and a difference is found where it begins.
//! The lines of a transcript are `transcript`'s business; effects are told by the gate.
//!
#![doc = include_str!("transcript.md")]

mod assert;
mod compare;
mod digests;
mod divergence;
mod file;
mod lines;
mod play;
mod record;
mod redacted;
#[cfg(test)]
mod tests;
mod transcript;

pub use assert::{assert, assert_with};
pub use compare::Comparison;
pub use divergence::Divergence;
pub use transcript::BadTranscript;

use crate::{
    config::Config,
    custom::HostError,
    effect::{Effect, Failure, Refusal},
    error::{Error, Fault},
    gate::{Checkpoint, Permitted, Policy, SharedJournal},
    limits::{Cancel, FuelLimit, Limits, Usage},
    plugin::{Call, Finished, Observation, Plugin, Ready, RecordedRun},
    printable::{Printable, Text},
    runtime::RuntimeBuilder,
    world::World,
};
use lines::{ENGINE, End, FORMAT, Function, Header, Outcome};
use play::Player;
use record::Recorder;
use redacted::Texts;
use serde_json::Value;
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tollgate_abi::host::kinds;
use transcript::Transcript;

/// A run that was recorded.
#[derive(Debug)]
pub struct Recording<W> {
    /// How the run ended. One that failed is recorded like any other.
    pub outcome: Result<Observation, Error>,
    /// Where the transcript is.
    pub sink: W,
}

impl Plugin {
    /// Runs the plugin like [`call`](Plugin::call), and writes each effect, its reply and how the run
    /// ended to `sink`, line by line, while it runs.
    ///
    /// ```
    /// use tollgate::{Config, Runtime, replay::Replay};
    ///
    /// # let bytes = include_bytes!("../../fixtures/file/file.wasm");
    /// let runtime = Runtime::builder().grant("file", "fs:read:Cargo.toml".parse()?).build()?;
    /// let file = runtime.load("file", bytes)?;
    /// let recording = file.observe_recorded(&Config::new().set("path", "Cargo.toml"), Vec::new())?;
    /// let evidence = recording.outcome?.evidence;
    ///
    /// // Offline, tomorrow, on another machine:
    /// let replayed = Replay::read(recording.sink)?.run(&file)?;
    /// assert_eq!(replayed.evidence(), Some(&evidence));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [`record`](Plugin::record) writes a file, whole or not at all.
    ///
    /// A call that is refused before the plugin runs (its config is invalid, or it is cancelled
    /// already) is no run: then the sink is returned as it was given.
    ///
    /// # Errors
    ///
    /// The sink's. The run is stopped then; what became of the run itself is
    /// [`Recording::outcome`].
    pub fn observe_recorded<'a, W: Write + Send + 'static>(
        &self,
        call: impl Into<Call<'a>>,
        sink: W,
    ) -> io::Result<Recording<W>> {
        match self.ready_to_record(call.into()) {
            Ok(ready) => self.record_ready(ready, sink),
            Err(error) => {
                let outcome = Err(error);
                Ok(Recording { outcome, sink })
            }
        }
    }

    /// The call, if it can begin here.
    fn ready_to_record<'a>(&self, call: Call<'a>) -> Result<Ready<'a>, Error> {
        let ready = self.prepare(call)?;
        self.check_idle()?;
        Ok(ready)
    }

    fn record_ready<W: Write + Send + 'static>(
        &self,
        ready: Ready<'_>,
        sink: W,
    ) -> io::Result<Recording<W>> {
        let parts = self.parts();
        let settings = &parts.settings;
        let texts = Texts(settings.observer.redactor.clone());
        let text = String::from_utf8(ready.config().to_vec()).map_err(io::Error::other)?;
        let [initialization, limits] = ready.limits();
        let header = Header {
            transcript: FORMAT,
            tollgate: env!("CARGO_PKG_VERSION").to_owned(),
            engine: ENGINE.to_owned(),
            plugin: self.name().to_owned(),
            module: parts.compiled.digest().to_owned(),
            abi: self.abi_version().to_string(),
            config: texts.config(text)?,
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
        let recorder = Arc::into_inner(recorder)
            .ok_or_else(|| io::Error::other("the run has ended and is still being recorded"))?;
        let recorder = recorder
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
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
            Outcome::Evidence(serde_json::to_value(&observation.evidence).unwrap_or_default())
        }
        Err(
            error @ Error::Fault {
                fault: Fault::Deadline { .. } | Fault::DeadlineFuel { .. },
                ..
            },
        ) => Outcome::Deadline(error.report()),
        Err(
            error @ Error::Fault {
                fault: Fault::Cancelled,
                ..
            },
        ) => Outcome::Cancelled(error.report()),
        Err(error) => Outcome::Error(error.report()),
    };
    let used = match &finished.outcome {
        Ok(observation) => observation.usage,
        Err(error) => error.usage().copied().unwrap_or_default(),
    };
    // Without an instance, it was initialisation that failed.
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

/// A transcript, ready to be played any number of times.
#[derive(Clone, Debug)]
pub struct Replay {
    transcript: Arc<Transcript>,
    deadline: Option<Duration>,
    cancel: Option<Cancel>,
}

/// How a run ended that did all that its recording did.
#[derive(Debug)]
#[non_exhaustive]
pub enum Replayed {
    /// The plugin answered.
    Observation(Observation),
    /// It failed, as it did when it was recorded.
    Failed(Error),
    /// The recorded run was stopped by its deadline, and this one after as much fuel. The text is
    /// the recorded error's.
    Deadline(String),
    /// The recorded run was cancelled, and this one stopped after as much fuel. The text is the
    /// recorded error's.
    Cancelled(String),
}

impl Replayed {
    /// The evidence, if there is any.
    pub fn evidence(&self) -> Option<&tollgate_abi::Evidence> {
        match self {
            Replayed::Observation(observation) => Some(&observation.evidence),
            _ => None,
        }
    }
}

/// Why a transcript was not played to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The file cannot be read.
    #[error("{}: {error}", Printable(.path.display()))]
    Io {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The file is no transcript, or a damaged one.
    #[error("the transcript cannot be used: {0}")]
    Bad(#[from] BadTranscript),
    /// The recorded run had more to use than the plugin has here.
    #[error(
        "the run was recorded with {recorded}, and plugin {plugin} was loaded with {here}; load it in a runtime with the recorded limit"
    )]
    Limit {
        /// Who was to run.
        plugin: Text,
        /// The limit in the transcript.
        recorded: Text,
        /// The limit of the plugin's runtime.
        here: Text,
    },
    /// [`Replay::cancel`] ended the run.
    #[error("the replay was cancelled")]
    Cancelled,
    /// The plugin did something else than what was recorded.
    #[error(transparent)]
    Diverged(#[from] Box<Divergence>),
}

impl Replay {
    /// Reads a transcript from a file.
    ///
    /// # Errors
    ///
    /// [`ReplayError::Io`], or [`ReplayError::Bad`] with the number of the line.
    pub fn open(path: impl AsRef<Path>) -> Result<Replay, ReplayError> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(|error| ReplayError::Io {
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

    /// The name of the plugin that was recorded.
    pub fn plugin(&self) -> &str {
        &self.transcript.header.plugin
    }

    /// SHA-256 of the module that was recorded, in hexadecimal.
    pub fn module(&self) -> &str {
        &self.transcript.header.module
    }

    /// The config that the plugin was given.
    ///
    /// # Errors
    ///
    /// [`BadTranscript`], if the header holds something else.
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

    /// Options for a runtime that can load the plugin: it offers the functions of the recording
    /// embedder's by name, and has no way to the outside at all. Limits are yours to choose; those
    /// of the transcript are [`limits`](Replay::limits).
    pub fn runtime(&self) -> RuntimeBuilder {
        let functions = self.transcript.header.functions.iter();
        let without = crate::Runtime::builder().world(|| Nowhere);
        functions.fold(without, |builder, Function { module, name, kind }| {
            builder.host_function(module, name, kind, |_: Value, _| {
                Err::<Value, _>(HostError::new(kinds::INTERNAL, NOWHERE))
            })
        })
    }

    /// Runs the plugin, which need not bear the recorded name, with the recorded config, grants
    /// and limits, and answers its effects from the transcript. Nothing outside is touched.
    ///
    /// The deadline of the plugin's own runtime holds too, and this replay's [deadline](Self::deadline)
    /// and [cancellation](Self::cancel); the recorded ones do not. A plugin that contains `table.grow` cannot be interrupted, and only the recorded fuel
    /// limit ends it.
    ///
    /// # Errors
    ///
    /// [`ReplayError::Diverged`] at the first difference, and [`ReplayError::Limit`] if the plugin's
    /// runtime allows less than the transcript asks for.
    pub fn run(&self, plugin: &Plugin) -> Result<Replayed, ReplayError> {
        let texts = Texts(plugin.parts().settings.observer.redactor.clone());
        let player = Arc::new(Mutex::new(Player::new(
            self.transcript.clone(),
            texts.clone(),
        )));
        let (end, outcome) = self.play(plugin, player.clone())?;
        if let Some(player) = Arc::into_inner(player) {
            let player = player.into_inner().unwrap_or_else(PoisonError::into_inner);
            let ended = player.end(&end, plugin.parts().compiled.digest());
            ended.map_err(|mut divergence| {
                texts.divergence(&mut divergence);
                divergence
            })?;
        }
        Ok(match (&self.transcript.end.end, outcome) {
            (Outcome::Deadline(message), _) => Replayed::Deadline(texts.text(message)),
            (Outcome::Cancelled(message), _) => Replayed::Cancelled(texts.text(message)),
            (_, Ok(observation)) => Replayed::Observation(observation),
            (_, Err(error)) => Replayed::Failed(error),
        })
    }

    /// Runs a plugin as the recorded one was run, with its effects answered by `journal`.
    fn play(
        &self,
        plugin: &Plugin,
        journal: SharedJournal,
    ) -> Result<(End, Result<Observation, Error>), ReplayError> {
        let parts = plugin.parts();
        let Transcript {
            header,
            end: recorded,
            ..
        } = &*self.transcript;
        let here = &parts.settings.limits;
        if let Some((recorded, here)) = header.limits.beyond(here) {
            return Err(ReplayError::Limit {
                plugin: plugin.name().into(),
                recorded: recorded.into(),
                here: here.into(),
            });
        }
        let deadline = [here.deadline, self.deadline].into_iter().flatten().min();
        // It would cut down the fuel of a module that cannot be interrupted, and the recording may
        // have had more; what the recording had ends this run, too.
        let deadline = deadline.filter(|_| !parts.compiled.shape.operators.grow_tables);
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
        let call = Call::with_bytes(header.config.get().as_bytes())
            .cancel(self.cancel.clone())
            .replaying(RecordedRun {
                name: header.plugin.as_str().into(),
                policy: Arc::new(policy),
                initialization: Arc::new(initialization),
                limits: Arc::new(limits),
                world: || Box::new(Nowhere),
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
            false => Ok((end(&finished), finished.outcome)),
        }
    }
}

/// The world of a replay, in which nothing can happen: every reply is in the transcript.
struct Nowhere;

const NOWHERE: &str = "a replay has no world, and its transcript was not asked";

impl World for Nowhere {
    fn perform(&mut self, _: &Effect, _: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        Err(Failure::new(kinds::INTERNAL, "", NOWHERE).into())
    }

    fn real_name(&self, _: &str) -> Option<String> {
        None
    }

    fn working_directory(&self) -> String {
        "/".to_owned()
    }
}
