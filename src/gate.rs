//! The checkpoint between plugins and the outside, and the only caller of a world: grants, then
//! the deadline, then the world, then the journal. It knows nothing about wasm, and does nothing
//! to the outside itself.

mod checkpoint;
mod initialised;
mod journal;
mod policy;

pub use checkpoint::{Checkpoint, Permit, Permitted, RealName};
pub(crate) use initialised::Initialised;
pub(crate) use journal::{At, Journal, Noted, Phase, SharedJournal};
pub(crate) use policy::Policy;

use crate::{
    capability::Wish,
    effect::{
        Access, Answer, Denial, DenialReason, Effect, Failure, Handle, LogLevel, LogRecord,
        LogSource, Need, Refusal, Reply,
    },
    event::{Event, Observer},
    limits::Limits,
    redact::{Lines, Redactor},
    room,
    world::{Deadline, World},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, MutexGuard, PoisonError},
};
use tollgate_abi::host::kinds;

/// Fuel for each byte that crosses the boundary, beside what the guest burns to make it. A byte
/// is parsed, copied and often encoded; that work must not be free.
pub(crate) const FUEL_PER_BYTE: u64 = 1;

/// One instance's way to the outside.
pub(crate) struct Gate {
    plugin: Arc<str>,
    policy: Arc<Policy>,
    world: Box<dyn World>,
    deadline: Option<Deadline>,
    observer: Observer,
    /// What each open file was granted when it was opened, which holds until it is closed.
    opened: BTreeMap<Handle, Access>,
    /// How many more lines the guest may log.
    log_lines_left: u32,
    journal: Option<SharedJournal>,
    /// When the next effect happens; kept up for a journal only.
    now: At,
    /// Whether the journal wants the guest to be stopped.
    is_over: bool,
    /// What the redactor must know of the lines so far.
    lines: Lines,
    /// Whether the machine has no memory for what came back; the guest must not see it.
    out_of_memory: bool,
}

impl Gate {
    pub(crate) fn new(
        plugin: Arc<str>,
        policy: Arc<Policy>,
        world: Box<dyn World>,
        limits: &Limits,
        observer: Observer,
    ) -> Gate {
        Gate {
            plugin,
            policy,
            world,
            deadline: limits.deadline.map(Deadline::after),
            observer,
            opened: BTreeMap::new(),
            log_lines_left: limits.log_lines,
            journal: None,
            now: At::default(),
            is_over: false,
            lines: Lines::default(),
            out_of_memory: false,
        }
    }

    /// Initialisation is over: the lines that it logged are not the call's.
    pub(crate) fn begin_call(&mut self, limits: &Limits) {
        self.log_lines_left = limits.log_lines;
        self.now = At {
            phase: Phase::Call,
            fuel: 0,
        };
    }

    /// Has `journal` asked before every effect from now on, and told of what came of it.
    pub(crate) fn keep(&mut self, journal: SharedJournal) {
        self.journal = Some(journal);
    }

    /// Keeps no journal any more.
    pub(crate) fn forget_journal(&mut self) {
        self.journal = None;
    }

    /// Whether there is a journal, which wants to know when effects happen.
    pub(crate) fn is_kept(&self) -> bool {
        self.journal.is_some()
    }

    /// Says how much fuel was burnt when the next effects happen.
    pub(crate) fn at(&mut self, fuel: u64) {
        self.now.fuel = fuel;
    }

    /// Whether the journal wants the guest to be stopped.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether the guest is to be stopped, since the machine has no memory for what came back.
    pub(crate) fn is_out_of_memory(&self) -> bool {
        self.out_of_memory
    }

    /// Lets an effect happen whose answer will be written as JSON.
    pub(crate) fn pass_for_json(&mut self, effect: &Effect) -> Reply {
        let reply = self.pass(effect);
        self.if_there_is_room(reply)
    }

    /// The reply, unless there is no room to write it as JSON. The guest is stopped before it can
    /// read that.
    fn if_there_is_room(&mut self, reply: Reply) -> Reply {
        let bytes = reply.as_ref().map(Answer::bytes).unwrap_or_default();
        if bytes
            .into_iter()
            .all(|bytes| room::check_writing(bytes).is_ok())
        {
            return reply;
        }
        self.out_of_memory = true;
        let message = "the host ran out of memory";
        Err(Failure::new(kinds::INTERNAL, "ENOMEM", message).into())
    }

    pub(crate) fn working_directory(&self) -> &str {
        &self.policy.working_directory
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    pub(crate) fn redactor(&self) -> Option<&Redactor> {
        self.observer.redactor.as_ref()
    }

    /// A line that a guest logs, without its secrets. `whole` is false if the guest's line was
    /// longer. Dialects ask before they cut or escape anything.
    pub(crate) fn redact_line(&mut self, source: LogSource, line: &str, whole: bool) -> String {
        match &self.observer.redactor {
            Some(redactor) => self.lines.redact(redactor, source, line, whole),
            None => line.to_owned(),
        }
    }

    /// Whether a wish that needs no look at the world is granted, for dialects that must answer
    /// in a certain order. Nothing happens and nobody is told.
    pub(crate) fn would_allow(&self, wish: &Wish) -> bool {
        self.policy.covers(wish)
    }

    /// Lets an effect happen, or says why not.
    pub(crate) fn pass(&mut self, effect: &Effect) -> Reply {
        let reply = match self.journal.clone() {
            None => self.judge_and_perform(effect),
            Some(journal) => {
                let reply = self.kept(&journal, effect);
                self.is_over = lock(&journal).is_over();
                reply
            }
        };
        match (effect, &reply) {
            (Effect::Open { options, .. }, Ok(Answer::Opened { handle, .. })) => {
                self.opened.insert(*handle, options.access());
            }
            (Effect::Close { handle }, Ok(_)) => {
                self.opened.remove(handle);
            }
            (_, Err(Refusal::Denied(denial))) => {
                self.observer
                    .tell(&self.plugin, &Event::Denied(denial.clone()));
            }
            _ => {}
        }
        reply
    }

    /// The journal is not locked while the effect happens, which may run code of the embedder's.
    fn kept(&mut self, journal: &SharedJournal, effect: &Effect) -> Reply {
        let answered = lock(journal).answer(effect, self.now);
        let Some(reply) = answered else {
            let reply = self.judge_and_perform(effect);
            let reply = self.if_there_is_room(reply);
            lock(journal).note(effect, &reply, self.now);
            return reply;
        };
        // What a replayed plugin logs is worth hearing again.
        if let (Effect::Log(record), Ok(_)) = (effect, &reply) {
            self.log(record);
        }
        reply
    }

    fn judge_and_perform(&mut self, effect: &Effect) -> Reply {
        // A line of a log takes no time, and the last words of a stopped guest are worth hearing.
        let takes_time = !matches!(effect, Effect::Log(_));
        if takes_time && self.deadline.is_some_and(Deadline::passed) {
            let message = "the deadline of the call has passed";
            return Err(Failure::new(kinds::TIMEOUT, "ETIMEDOUT", message).into());
        }
        if let Need::Opened(handle, wanted) = effect.need() {
            self.check_opened(handle, wanted)?;
        }
        let checkpoint = Checkpoint {
            plugin: &self.plugin,
            policy: &self.policy,
            observer: &self.observer,
            effect,
            need: effect.need(),
            deadline: self.deadline,
        };
        checkpoint.check_known_names()?;
        // No world is asked for these two: lines go to whoever watches the plugin, and functions
        // of the embedder's are answered by the embedder's code, whichever world there is.
        match effect {
            Effect::Log(record) => {
                self.log(record);
                Ok(Answer::Done)
            }
            Effect::Custom {
                function, request, ..
            } => Ok(checkpoint.call_host_function(function, request)?),
            _ => self
                .world
                .perform(effect, &checkpoint)
                .map(Permitted::into_answer),
        }
    }

    /// Whether one more log line would be told.
    pub(crate) fn hears(&self) -> bool {
        self.log_lines_left > 0
    }

    /// Tells a log line; the first one too many is told as a warning, and the others not at all.
    fn log(&mut self, record: &LogRecord) {
        let Some(left) = self.log_lines_left.checked_sub(1) else {
            return;
        };
        self.observer
            .tell(&self.plugin, &Event::Log(record.clone()));
        self.log_lines_left = left;
        if left == 0 {
            let warning = LogRecord {
                level: LogLevel::Warn,
                source: LogSource::Log,
                message: "the limit of log lines is reached; what follows is dropped".to_owned(),
                attrs: Vec::new(),
            };
            self.observer.tell(&self.plugin, &Event::Log(warning));
        }
    }

    fn check_opened(&self, handle: Handle, wanted: Access) -> Result<(), Failure> {
        let granted = self
            .opened
            .get(&handle)
            .ok_or_else(|| Failure::new(kinds::FS, "EBADF", "no such open file"))?;
        if (wanted.read && !granted.read) || (wanted.write && !granted.write) {
            let what = if wanted.write { "writing" } else { "reading" };
            let message = format!("the file was not opened for {what}");
            return Err(Failure::new(kinds::FS, "EBADF", message));
        }
        Ok(())
    }

    /// Whether there is any grant of this kind.
    pub(crate) fn holds_kind(&self, kind: &str) -> bool {
        self.policy.grants.iter().any(|grant| grant.kind() == kind)
    }

    /// The denial of something that no grant can cover, told to the operator.
    pub(crate) fn deny_malformed(&self, wish: &str) -> Denial {
        let denial = Denial {
            plugin: self.plugin.to_string(),
            wish: wish.to_owned(),
            needs: String::new(),
            reason: DenialReason::NotCovered,
        };
        self.observer
            .tell(&self.plugin, &Event::Denied(denial.clone()));
        denial
    }

    /// The denial of a wish that a dialect finds before there is an effect, told to the operator.
    pub(crate) fn deny(&self, wish: &Wish) -> Denial {
        let denial = self.policy.denial(&self.plugin, wish);
        self.observer
            .tell(&self.plugin, &Event::Denied(denial.clone()));
        denial
    }
}

/// A poisoned lock guards nothing that a panic could have left half done.
fn lock(journal: &SharedJournal) -> MutexGuard<'_, dyn Journal + 'static> {
    journal.lock().unwrap_or_else(PoisonError::into_inner)
}
