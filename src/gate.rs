//! The checkpoint between plugins and the outside, and the only caller of a world: grants, then
//! the deadline, then the world, then the journal. It knows nothing about wasm, and does nothing
//! to the outside itself.

mod checkpoint;
mod environment;
mod initialised;
mod journal;
mod link;
mod policy;
mod reports;

pub use checkpoint::{Checkpoint, Permit, Permitted, RealName};
pub(crate) use initialised::Initialised;
pub(crate) use journal::{At, InitJournal, Journal, Phase, SharedJournal};
pub use link::NewLink;
pub(crate) use policy::Policy;
pub(crate) use reports::Reports;

use crate::{
    capability::Request,
    effect::{
        Access, Answer, Denial, DenialReason, Effect, Failure, Handle, LogRecord, LogSource, Need,
        Refusal, Reply,
    },
    event::Observer,
    limits::{Interrupt, Limits},
    lock::lock,
    printable::Text,
    redact::{Lines, Redactor},
    room,
    world::World,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicBool},
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
    interrupt: Interrupt,
    reports: Reports,
    /// What each open file was granted when it was opened, which holds until it is closed.
    opened: BTreeMap<Handle, Access>,
    /// Which of them may not be examined, and the path that each was opened by.
    withheld: BTreeMap<Handle, String>,
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
        interrupt: Interrupt,
        observer: Observer,
    ) -> Gate {
        Gate {
            plugin,
            policy,
            world,
            interrupt,
            reports: Reports::new(observer, limits),
            opened: BTreeMap::new(),
            withheld: BTreeMap::new(),
            log_lines_left: limits.log_lines,
            journal: None,
            now: At::default(),
            is_over: false,
            lines: Lines::default(),
            out_of_memory: false,
        }
    }

    /// Initialisation is over: what it reported is not the call's.
    pub(crate) fn begin_call(&mut self, limits: &Limits) {
        self.reports.begin_call(&self.plugin, limits);
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

    /// What may end the call.
    pub(crate) fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    pub(crate) fn redactor(&self) -> Option<&Redactor> {
        self.reports.observer().redactor.as_ref()
    }

    /// A line that a guest logs, without its secrets. `whole` is false if the guest's line was
    /// longer. Dialects ask before they cut or escape anything.
    pub(crate) fn redact_line(&mut self, source: LogSource, line: &str, whole: bool) -> String {
        match &self.reports.observer().redactor {
            Some(redactor) => self.lines.redact(redactor, source, line, whole),
            None => line.to_owned(),
        }
    }

    /// Whether a request that needs no look at the world is granted, for dialects that must answer
    /// in a certain order. Nothing happens and nothing is reported.
    pub(crate) fn would_allow(&self, request: &Request) -> bool {
        self.policy.covers(request)
    }

    /// Lets an effect happen, or says why not.
    pub(crate) fn pass(&mut self, effect: &Effect) -> Reply {
        let permitted = self.without_ungranted_variables(effect);
        let effect = permitted.as_ref().unwrap_or(effect);
        let reply = match self.journal.clone() {
            None => self.judge_and_perform(effect),
            Some(journal) => {
                let reply = self.kept(&journal, effect);
                self.is_over = lock(&journal).is_over();
                reply
            }
        };
        match (effect, &reply) {
            (Effect::Open { path, options }, Ok(Answer::Opened { handle, stat })) => {
                self.opened.insert(*handle, options.access());
                // Seen in the reply, so that a replay knows it too.
                if *stat == stat.withheld() {
                    self.withheld.insert(*handle, path.clone());
                }
            }
            (Effect::Close { handle }, Ok(_)) => {
                self.opened.remove(handle);
                self.withheld.remove(handle);
            }
            (_, Err(Refusal::Denied(denial))) => {
                self.reports.denied(&self.plugin, denial);
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
        if takes_time && let Err(why) = self.interrupt.check() {
            return Err(Failure::new(kinds::TIMEOUT, "ETIMEDOUT", why.message()).into());
        }
        match effect.need() {
            Need::Opened(handle, wanted) => self.check_opened(handle, wanted)?,
            Need::Examined(handle) => self.check_examined(handle)?,
            _ => {}
        }
        let checkpoint = Checkpoint {
            plugin: &self.plugin,
            policy: &self.policy,
            reports: &self.reports,
            effect,
            need: effect.need(),
            interrupt: &self.interrupt,
            may_read: AtomicBool::new(false),
        };
        checkpoint.check_known_names()?;
        // No world performs these two: lines go to whoever watches the plugin, and functions
        // of the embedder's are answered by the embedder's code, whichever world there is.
        match effect {
            Effect::Log(record) => {
                self.log(record);
                Ok(Answer::Done)
            }
            Effect::Custom {
                function, request, ..
            } => Ok(checkpoint.call_host_function(function, request)?),
            _ => {
                let answer = self.world.perform(effect, &checkpoint)?.into_answer();
                Ok(match answer {
                    Answer::Opened { handle, stat } if !checkpoint.may_read.into_inner() => {
                        let stat = stat.withheld();
                        Answer::Opened { handle, stat }
                    }
                    answer => answer,
                })
            }
        }
    }

    /// Whether an open file may be examined, for dialects that keep count of positions. Nothing
    /// happens, and nothing is reported.
    pub(crate) fn may_examine(&self, handle: Handle) -> bool {
        !self.withheld.contains_key(&handle)
    }

    /// A grant to write does not cover how large a file is, how old, or whose.
    fn check_examined(&self, handle: Handle) -> Result<(), Refusal> {
        let none = Access {
            read: false,
            write: false,
        };
        self.check_opened(handle, none)?;
        match self.withheld.get(&handle) {
            Some(path) => {
                let request = Request::Read(path.clone());
                Err(self.policy.denial(&self.plugin, &request).into())
            }
            None => Ok(()),
        }
    }

    /// Whether one more log line counts.
    pub(crate) fn hears(&self) -> bool {
        self.log_lines_left > 0
    }

    /// Counts lines that a guest printed after the last one that is reported.
    pub(crate) fn omit_lines(&self, lines: u64) {
        self.reports.omit_lines(&self.plugin, lines);
    }

    /// Reports what the call left out of its reports.
    pub(crate) fn end_call(&self) {
        self.reports.end_call(&self.plugin);
    }

    fn log(&mut self, record: &LogRecord) {
        // Whether it is reported or not: a recording must not depend on how long lines are.
        self.log_lines_left = self.log_lines_left.saturating_sub(1);
        self.reports.log(&self.plugin, record);
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
    pub(crate) fn deny_malformed(&self, request: &str) -> Denial {
        let denial = Denial {
            plugin: self.plugin.to_string().into(),
            request: request.into(),
            needs: Text::default(),
            reason: DenialReason::NotCovered,
        };
        self.reports.denied(&self.plugin, &denial);
        denial
    }

    /// The denial of a request that a dialect finds before there is an effect, told to the operator.
    pub(crate) fn deny(&self, request: &Request) -> Denial {
        let denial = self.policy.denial(&self.plugin, request);
        self.reports.denied(&self.plugin, &denial);
        denial
    }
}
