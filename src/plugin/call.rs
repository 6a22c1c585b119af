//! The one road from a caller to a guest: validate, start or fork, run, read, redact, truncate, give
//! the instance back. Every other way to call a plugin is a few lines over [`Plugin::call`], or over
//! its steps where the caller keeps the instance or a journal.

use super::{Config, Observation, Plugin, traced};
use crate::{
    answer::{read_evidence, read_result, truncate_evidence},
    error::{BuildError, Error, Fault},
    gate::{Noting, Policy, SharedJournal, World},
    guest::{self, Seen},
    limits::{Cancel, Interrupt, Interrupted, Limits, Usage},
    module::AbiVersion,
    room,
    sync::Mutex,
};
use alloc::{borrow::Cow, boxed::Box, string::String, sync::Arc, vec::Vec};
use core::{fmt, time::Duration};
use tollgate_abi::{sha256, to_json};

/// One call of a plugin: its config, and what holds for this call beside what its runtime sets.
///
/// ```
/// use std::time::Duration;
/// use tollgate::{Call, Cancel, Config, Runtime};
///
/// # let bytes = include_bytes!("../../fixtures/file.wasm");
/// let file = Runtime::new()?.load("file", bytes)?;
/// let config = Config::new().set("path", "/etc/hostname");
/// let cancel = Cancel::new();
/// let call = Call::new(&config).deadline(Duration::from_secs(5)).cancel(cancel.clone());
/// let seen = file.call(call)?;
/// assert!(!seen.evidence.status); // no grant
/// # Ok::<(), tollgate::Error>(())
/// ```
#[derive(Clone)]
pub struct Call<'a> {
    config: Input<'a>,
    /// Boxed, since most calls have none and all of them are moved.
    limits: Option<Box<Limits>>,
    deadline: Option<Duration>,
    cancel: Option<Cancel>,
    replayed: Option<Arc<RecordedRun>>,
    /// Whether its error gets a backtrace in any case.
    backtrace: bool,
}

/// What the plugin is given.
#[derive(Clone)]
enum Input<'a> {
    /// A config, which is validated if the runtime says so.
    Config(Cow<'a, Config>),
    /// These bytes, whatever they are.
    Bytes(&'a [u8]),
}

/// A recorded run that is to be repeated, in place of what the plugin's runtime sets.
pub(crate) struct RecordedRun {
    /// The recorded name of the plugin.
    pub(crate) name: Arc<str>,
    pub(crate) policy: Arc<Policy>,
    /// The limits of the initialisation.
    pub(crate) initialization: Arc<Limits>,
    /// The limits of the call.
    pub(crate) limits: Arc<Limits>,
    pub(crate) world: fn() -> Box<dyn World>,
    /// Whether its events were reported when it ran.
    pub(crate) is_reported: bool,
}

impl<'a> Call<'a> {
    /// A call with this config, which is all that its runtime allows.
    #[must_use]
    pub fn new(config: &'a Config) -> Call<'a> {
        Call::with(Input::Config(Cow::Borrowed(config)))
    }

    /// A call with these bytes as its config, whatever they are: nothing is validated.
    #[must_use]
    pub fn bytes(config: &'a [u8]) -> Call<'a> {
        Call::with(Input::Bytes(config))
    }

    fn with(config: Input<'a>) -> Call<'a> {
        Call {
            config,
            limits: None,
            deadline: None,
            cancel: None,
            replayed: None,
            backtrace: false,
        }
    }

    /// Limits of this call. For each limit, the smaller one holds: this or the runtime's. A plugin is
    /// initialised within the runtime's limits, since all calls share that; the deadline holds for
    /// both. The stack and the limits of modules cannot be changed for a call.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Call<'a> {
        Call {
            limits: Some(Box::new(limits)),
            ..self
        }
    }

    /// Wall-clock time for this call, including validation of the config and initialisation of the
    /// plugin, and waiting for another thread that does these. The shortest deadline holds: this,
    /// that of [`limits`](Call::limits) or the runtime's.
    #[must_use]
    pub fn deadline(self, deadline: impl Into<Option<Duration>>) -> Call<'a> {
        Call {
            deadline: deadline.into(),
            ..self
        }
    }

    /// Cancels this call when `cancel` is cancelled.
    #[must_use]
    pub fn cancel(self, cancel: impl Into<Option<Cancel>>) -> Call<'a> {
        Call {
            cancel: cancel.into(),
            ..self
        }
    }

    /// Has its error get a backtrace, whatever the runtime says.
    pub(crate) fn with_backtrace(self, backtrace: bool) -> Call<'a> {
        Call { backtrace, ..self }
    }

    /// Repeats a recorded run.
    pub(crate) fn replaying(self, run: RecordedRun) -> Call<'a> {
        Call {
            replayed: Some(Arc::new(run)),
            ..self
        }
    }
}

impl<'a> From<&'a Config> for Call<'a> {
    fn from(config: &'a Config) -> Call<'a> {
        Call::new(config)
    }
}

impl From<Config> for Call<'_> {
    fn from(config: Config) -> Self {
        Call::with(Input::Config(Cow::Owned(config)))
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut call = f.debug_struct("Call");
        match &self.config {
            Input::Config(config) => call.field("config", config),
            Input::Bytes(bytes) => call.field("config", bytes),
        };
        call.field("limits", &self.limits)
            .field("deadline", &self.deadline)
            .field("cancel", &self.cancel)
            .finish_non_exhaustive()
    }
}

/// What one call may use, and what may end it.
#[derive(Clone)]
pub(crate) struct Allowance {
    /// For the initialisation before it, if there is one.
    pub(crate) initialization: Arc<Limits>,
    /// For the call itself.
    pub(crate) call: Arc<Limits>,
    pub(crate) interrupt: Interrupt,
}

/// A call that may begin: its config is checked, and its time runs.
pub(crate) struct Ready<'a> {
    config: Cow<'a, [u8]>,
    pub(super) allowance: Allowance,
    replayed: Option<Arc<RecordedRun>>,
    backtrace: bool,
}

impl Ready<'_> {
    /// The JSON that the plugin is given.
    pub(crate) fn config(&self) -> &[u8] {
        &self.config
    }

    /// The limits of the initialisation, and those of the call.
    pub(crate) fn limits(&self) -> [&Limits; 2] {
        [&self.allowance.initialization, &self.allowance.call]
    }
}

/// How a call that has a journal ended.
pub(crate) struct Finished {
    pub(crate) outcome: Result<Observation, Error>,
    /// What initialisation used, if it went well.
    pub(crate) init: Option<Usage>,
    /// SHA-256 of the linear memory, if initialisation went well.
    pub(crate) memory: Option<String>,
    /// What the plugin's instruments noted, if it has some.
    pub(crate) seen: Option<Seen>,
}

impl Finished {
    /// A call that failed before the guest was entered for it.
    pub(crate) fn before_the_call(error: Error) -> Finished {
        Finished {
            outcome: Err(error),
            init: None,
            memory: None,
            seen: None,
        }
    }
}

impl Plugin {
    /// Runs the plugin in a fresh instance.
    ///
    /// The call blocks this thread; an async program runs it on a thread for blocking work, and
    /// [cancels](Call::cancel) it when its result is no longer wanted.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if the config is too large, or if
    /// [`validate_configs`](crate::RuntimeBuilder::validate_configs) is on and the config is not
    /// valid by the plugin's schema; [`Error::Fault`] if the guest was stopped, also by a limit, a
    /// deadline or a cancellation; [`Error::Protocol`] if its answer is invalid. A check that failed
    /// is no error: its evidence has the status `false`.
    pub fn call(&self, call: Call<'_>) -> Result<Observation, Error> {
        self.traced(|| self.call_untraced(call), Result::as_ref)
    }

    /// Makes a call that `tracing` sees.
    pub(super) fn traced<T>(
        &self,
        make: impl FnOnce() -> T,
        outcome: fn(&T) -> Result<&Observation, &Error>,
    ) -> T {
        traced::call(self.name(), self.observing(), make, outcome)
    }

    fn call_untraced(&self, call: Call<'_>) -> Result<Observation, Error> {
        let ready = self.prepare(call)?;
        let Some(noting) = self.noting(ready.backtrace, None) else {
            let mut instance = self.start(&ready.allowance)?;
            let seen = self.answer(&mut instance, &ready)?;
            self.give_back(instance);
            return Ok(seen);
        };
        let seen = self
            .start_noted(&noting, &ready.allowance)
            .and_then(|mut instance| {
                let seen = self.answer(&mut instance, &ready)?;
                self.give_back(instance);
                Ok(seen)
            });
        seen.map_err(|error| self.explained(error, &ready, noting))
    }

    /// Adds a backtrace to the error of a call.
    fn explained(&self, error: Error, ready: &Ready<'_>, noting: Arc<Mutex<Noting>>) -> Error {
        let enter =
            |instance: &mut guest::Instance| instance.observe(self.observing(), &ready.config);
        let replayed = ready.replayed.as_deref();
        self.with_backtrace(error, &noting, replayed, &ready.allowance, &enter)
    }

    /// Runs the plugin with this config, in a fresh instance.
    ///
    /// # Errors
    ///
    /// As [`call`](Plugin::call).
    pub fn observe(&self, config: &Config) -> Result<Observation, Error> {
        self.call(Call::new(config))
    }

    /// What a call without settings of its own may use, from now on.
    pub(crate) fn allowance(&self) -> Allowance {
        let settings = &self.parts().settings;
        let limits = &settings.limits;
        Allowance {
            initialization: limits.clone(),
            call: limits.clone(),
            interrupt: Interrupt::new(limits.deadline, &settings.clock, None),
        }
    }

    fn allowance_of(&self, call: &Call<'_>) -> Allowance {
        let settings = &self.parts().settings;
        let own = &settings.limits;
        let deadline = call.deadline;
        let [initialization, limits] = match (&call.replayed, &call.limits) {
            (Some(run), _) => [run.initialization.clone(), run.limits.clone()],
            (None, None) if deadline.is_none() => [own.clone(), own.clone()],
            (None, None) => {
                let limits = Arc::new(own.with_deadline(deadline));
                [limits.clone(), limits]
            }
            (None, Some(limits)) => {
                let limits = own.at_most(limits).with_deadline(deadline);
                let initialization = own.with_deadline(limits.deadline);
                [initialization, limits].map(Arc::new)
            }
        };
        Allowance {
            interrupt: Interrupt::new(limits.deadline, &settings.clock, call.cancel.clone()),
            initialization,
            call: limits,
        }
    }

    /// Checks what can be checked before anything runs.
    pub(crate) fn prepare<'a>(&self, call: Call<'a>) -> Result<Ready<'a>, Error> {
        let allowance = self.allowance_of(&call);
        if allowance.call.deadline.is_some() && !self.parts().settings.clock.exists() {
            return Err(BuildError::NoClock.into());
        }
        if allowance.interrupt.is_cancelled() {
            return Err(self.interrupted(Interrupted::Cancelled));
        }
        let config = match call.config {
            Input::Bytes(bytes) => Cow::Borrowed(bytes),
            Input::Config(config) => {
                #[cfg(feature = "schema")]
                if let Some(validation) = self.parts().settings.validate_configs {
                    self.require_valid(&config, validation, &allowance)?;
                }
                Cow::Owned(to_json(config.values()))
            }
        };
        Ok(Ready {
            config,
            allowance,
            replayed: call.replayed,
            backtrace: call.backtrace,
        })
    }

    /// The same for a call that is recorded in `journal`, or that replays a recorded one.
    pub(crate) fn run_kept(&self, ready: &Ready<'_>, journal: &SharedJournal) -> Finished {
        let run = || self.run_kept_untraced(ready, journal);
        self.traced(run, |finished| finished.outcome.as_ref())
    }

    fn run_kept_untraced(&self, ready: &Ready<'_>, journal: &SharedJournal) -> Finished {
        let Some(noting) = self.noting(ready.backtrace, Some(journal)) else {
            return self.run_with(ready, journal);
        };
        let noted: SharedJournal = noting.clone();
        let finished = self.run_with(ready, &noted);
        let explained = |error| self.explained(error, ready, noting);
        Finished {
            outcome: finished.outcome.map_err(explained),
            ..finished
        }
    }

    fn run_with(&self, ready: &Ready<'_>, journal: &SharedJournal) -> Finished {
        let mut seen = None;
        let started = match &ready.replayed {
            Some(run) => self.start_replay(run, journal, &ready.allowance, &mut seen),
            None => self.start_recorded(journal, &ready.allowance),
        };
        let mut instance = match started {
            Ok(instance) => instance,
            Err(error) => {
                return Finished {
                    seen,
                    ..Finished::before_the_call(error)
                };
            }
        };
        let outcome = self.answer(&mut instance, ready);
        let outcome = outcome.and_then(|seen| {
            let room = room::check_recording(&seen.evidence);
            room.map_err(|error| instance.fail(self.observing(), error.into()))?;
            Ok(seen)
        });
        let finished = Finished {
            outcome,
            init: Some(instance.init_usage()),
            memory: Some(sha256::hex(&instance.memory_digest())),
            seen: instance.seen(),
        };
        if finished.outcome.is_ok() && ready.replayed.is_none() {
            self.give_back(instance);
        }
        finished
    }

    /// Has an instance that is ready answer, and reads, redacts and truncates what it answers.
    pub(super) fn answer(
        &self,
        instance: &mut guest::Instance,
        ready: &Ready<'_>,
    ) -> Result<Observation, Error> {
        let bytes = self.answer_bytes(instance, ready)?;
        let redactor = self.parts().settings.observer.redactor.as_ref();
        let evidence = match self.abi_version() {
            AbiVersion::V1 | AbiVersion::Harness => read_evidence(&bytes),
            AbiVersion::V2 => read_result(&bytes),
        };
        let mut evidence = evidence.map_err(|error| {
            let error = instance.protocol_error(self.observing(), error);
            self.redacted(error)
        })?;
        if let Some(redactor) = redactor {
            redactor.redact_evidence(&mut evidence);
        }
        let limit = ready.allowance.call.evidence_bytes;
        let truncation = limit.and_then(|limit| {
            truncate_evidence(&mut evidence, usize::try_from(limit).unwrap_or(usize::MAX))
        });
        Ok(Observation {
            evidence,
            truncation,
            usage: instance.usage(),
        })
    }

    /// Has an instance that is ready answer.
    pub(super) fn answer_bytes(
        &self,
        instance: &mut guest::Instance,
        ready: &Ready<'_>,
    ) -> Result<Vec<u8>, Error> {
        let answer = match self.abi_version() {
            AbiVersion::Harness => instance.test_one_input(&ready.config),
            _ => instance.observe(self.observing(), &ready.config),
        };
        answer.map_err(|error| self.redacted(error))
    }

    /// The export that observes.
    fn observing(&self) -> &'static str {
        self.abi_version().observe()
    }

    /// The error of a call that is interrupted before its guest runs.
    pub(crate) fn interrupted(&self, why: Interrupted) -> Error {
        Error::Fault {
            plugin: self.name().into(),
            export: self.observing(),
            fault: Fault::from(why),
            usage: Box::default(),
            backtrace: None,
        }
    }
}
