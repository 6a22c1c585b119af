//! The checkpoint between plugins and the outside, and the only caller of a world. Each effect goes
//! through the deadline, the grants, the world and the journal. Nothing here is about wasm, and
//! nothing here touches the outside itself.

mod checkpoint;
mod custom;
mod environment;
mod event;
mod go;
mod initialised;
mod journal;
mod link;
mod log;
mod observer;
mod policy;
mod reports;
mod requests;
mod traced;
mod world;

pub(crate) use checkpoint::Starts;
pub use checkpoint::{Checkpoint, Permit, Permitted, RealName};
pub(crate) use custom::{Custom, HostFunctions};
pub use custom::{CustomRequest, HostCall, HostError};
pub use event::{Event, Omitted};
pub(crate) use go::GoHeap;
pub(crate) use initialised::Initialised;
pub(crate) use journal::{At, Journal, NotedEffects, Noting, Phase, Repeat, SharedJournal};
pub use link::NewLink;
pub(crate) use log::Line;
pub(crate) use observer::Observer;
pub(crate) use policy::Policy;
pub(crate) use reports::Reports;
pub(crate) use requests::Destination;
pub(crate) use world::Nowhere;
pub use world::World;

use crate::{
    capability::Request,
    effect::{Access, Answer, Effect, Failure, Handle, Need, Refusal, Reply, Stat},
    limits::{Interrupt, Limits},
    redact::Lines,
    room,
    sync::lock,
};
use alloc::{
    borrow::ToOwned,
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    string::String,
    sync::Arc,
    vec::Vec,
};
use core::sync::atomic::AtomicBool;
use tollgate_abi::host::kinds;

/// Fuel for each byte that crosses the boundary, in addition to what the guest burns to write it: a
/// byte is parsed, copied and often encoded.
pub(crate) const FUEL_PER_BYTE: u64 = 1;

/// An open file.
struct OpenFile {
    /// What was granted when it was opened, which holds until it is closed.
    access: Access,
    /// The path that it was opened by.
    path: String,
    /// Whether it may not be examined.
    is_withheld: bool,
}

/// One instance's way to the outside.
pub(crate) struct Gate {
    plugin: Arc<str>,
    policy: Arc<Policy>,
    world: Box<dyn World>,
    interrupt: Interrupt,
    reports: Reports,
    opened: BTreeMap<Handle, OpenFile>,
    /// The open files whose times may be changed: their names are granted for writing.
    changeable: BTreeSet<Handle>,
    /// Set for a program in Go.
    go: Option<GoHeap>,
    /// How many more lines the guest may log.
    log_lines_left: u32,
    journal: Option<SharedJournal>,
    /// When the next effect happens; set for a journal only.
    now: At,
    /// Whether the journal stops the guest.
    is_over: bool,
    /// What the redactor keeps from line to line.
    lines: Lines,
    /// Whether the host has no memory for a reply. The guest is stopped before it sees the reply.
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
            changeable: BTreeSet::new(),
            go: None,
            log_lines_left: limits.log_lines,
            journal: None,
            now: At::default(),
            is_over: false,
            lines: Lines::default(),
            out_of_memory: false,
        }
    }

    /// Begins a call after initialisation, whose reports are not part of the call.
    pub(crate) fn begin_call(&mut self, limits: &Limits) {
        self.reports.begin_call(&self.plugin, limits);
        self.log_lines_left = limits.log_lines;
        self.now = At {
            phase: Phase::Call,
            fuel: 0,
        };
    }

    /// Gives the guest the variables of a program in Go. They are part of the reply to
    /// [`Effect::Variables`], so that a replay gives what was recorded.
    pub(crate) fn set_go(&mut self, go: Option<GoHeap>) {
        self.go = go;
    }

    /// Uses a journal from now on: before each effect, which it may answer, and after it.
    pub(crate) fn keep(&mut self, journal: SharedJournal) {
        self.journal = Some(journal);
    }

    /// Uses no journal from now on.
    pub(crate) fn forget_journal(&mut self) {
        self.journal = None;
    }

    /// Whether a journal or `tracing` needs the fuel at each effect.
    pub(crate) fn needs_fuel(&self) -> bool {
        self.journal.is_some() || traced::traces_effects()
    }

    /// Sets how much fuel was burnt when the next effects happen.
    pub(crate) fn at(&mut self, fuel: u64) {
        self.now.fuel = fuel;
    }

    /// Notes in the journal from where the guest calls the host.
    pub(crate) fn called_from(&mut self, running: Vec<u32>) {
        if let Some(journal) = &self.journal {
            lock(journal).called_from(running);
        }
    }

    /// Whether the journal stops the guest.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether the guest must be stopped, since the host has no memory for a reply.
    pub(crate) fn is_out_of_memory(&self) -> bool {
        self.out_of_memory
    }

    /// Lets an effect happen whose answer will be written as JSON.
    pub(crate) fn pass_for_json(&mut self, effect: &Effect) -> Reply {
        let reply = self.pass(effect);
        self.if_there_is_room(reply)
    }

    /// The reply, or an error if there is no memory to write it as JSON. The guest is stopped before
    /// it reads that error.
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

    /// The name that the plugin was loaded under.
    pub(crate) fn plugin(&self) -> &str {
        &self.plugin
    }

    /// What may end the call.
    pub(crate) fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// Lets an effect happen, or returns why not.
    pub(crate) fn pass(&mut self, effect: &Effect) -> Reply {
        self.pass_from([None, None], effect)
    }

    /// The same for an effect whose paths begin in open directories.
    pub(crate) fn pass_from(&mut self, starts: Starts<'_>, effect: &Effect) -> Reply {
        let permitted = self.without_ungranted_variables(effect);
        let effect = permitted.as_ref().unwrap_or(effect);
        let reply = match self.journal.clone() {
            None => self.judge_and_perform(starts, effect),
            Some(journal) => {
                let reply = self.kept(&journal, starts, effect);
                self.is_over = lock(&journal).is_over();
                reply
            }
        };
        if self.reports.observer().listens() {
            traced::effect(&self.plugin, self.now.fuel, effect, &reply);
        }
        match (effect, &reply) {
            (Effect::Open { path, options }, Ok(Answer::Opened { handle, stat })) => {
                let file = OpenFile {
                    access: options.access(),
                    path: path.clone(),
                    // Read from the reply, so that it is the same in a replay.
                    is_withheld: *stat == stat.withheld(),
                };
                self.opened.insert(*handle, file);
            }
            (Effect::Close { handle }, Ok(_)) => {
                self.opened.remove(handle);
                self.changeable.remove(handle);
            }
            (_, Err(Refusal::Denied(denial))) => {
                self.reports.denied(&self.plugin, denial.advice());
            }
            _ => {}
        }
        reply
    }

    /// The journal is not locked while the effect happens: that may run code of the embedder.
    fn kept(&mut self, journal: &SharedJournal, starts: Starts<'_>, effect: &Effect) -> Reply {
        let answered = lock(journal).answer(effect, self.now);
        let Some(reply) = answered else {
            let reply = self.judge_and_perform(starts, effect);
            let reply = self.if_there_is_room(reply);
            lock(journal).note(effect, &reply, self.now);
            return reply;
        };
        // A replay reports the lines of the log too.
        if let (Effect::Log(record), Ok(_)) = (effect, &reply) {
            self.report_line(record);
        }
        reply
    }

    fn judge_and_perform(&mut self, starts: Starts<'_>, effect: &Effect) -> Reply {
        // A line of the log takes no time, and the last lines of a stopped guest are reported too.
        let takes_time = !matches!(effect, Effect::Log(_));
        if takes_time && let Err(why) = self.interrupt.check() {
            return Err(Failure::new(kinds::TIMEOUT, "ETIMEDOUT", why.message()).into());
        }
        match effect.need() {
            Need::Opened(handle, wanted) => {
                self.check_opened(handle, wanted)?;
            }
            Need::Examined(handle) => self.check_examined(handle)?,
            Need::Changed(handle) => self.check_changed(handle)?,
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
            may_write: AtomicBool::new(false),
            starts,
            is_above_grants: AtomicBool::new(false),
            any_directory: AtomicBool::new(false),
        };
        checkpoint.check_known_names()?;
        // These two need no world: lines go to the embedder's callback, and the embedder's
        // functions answer in every world.
        match effect {
            Effect::Log(record) => {
                self.report_line(record);
                Ok(Answer::Done)
            }
            Effect::Custom {
                function, request, ..
            } => Ok(checkpoint.call_host_function(function, request)?),
            _ => {
                let answer = self.world.perform(effect, &checkpoint)?.into_answer();
                if let Answer::Opened { handle, .. } = &answer
                    && checkpoint.may_write.into_inner()
                {
                    self.changeable.insert(*handle);
                }
                Ok(match answer {
                    Answer::Opened { handle, stat } if !checkpoint.may_read.into_inner() => {
                        let stat = stat.withheld();
                        Answer::Opened { handle, stat }
                    }
                    Answer::Stat(stat) if checkpoint.is_above_grants.into_inner() => {
                        Answer::Stat(stat.withheld())
                    }
                    Answer::Variables(mut variables) => {
                        if let Some(go) = self.go {
                            go.add_to(&mut variables);
                        }
                        Answer::Variables(variables)
                    }
                    answer => answer,
                })
            }
        }
    }

    /// What may be done below a directory, at any depth: by the grants alone, since nothing is
    /// looked up.
    pub(crate) fn access_below(&self, directory: &str) -> Access {
        Access {
            read: self
                .policy
                .covers_below(&Request::Read(directory.to_owned())),
            write: self
                .policy
                .covers_below(&Request::Write(directory.to_owned())),
        }
    }

    /// What may be done with an existing file, or in a directory, that may be examined. `None` if it
    /// is granted by another name: its path leads through a link.
    pub(crate) fn access_to(&self, path: &str, directory: bool) -> Option<Access> {
        let policy = &self.policy;
        let mut access = Access {
            read: policy.covers(&Request::Read(path.to_owned())),
            write: policy.covers(&Request::Write(path.to_owned())),
        };
        let mut known = access.read;
        if directory {
            let below = self.access_below(path);
            known |= below.read || below.write;
            access.read |= policy.covers_names_in(path);
            access.write |= below.write;
        }
        known.then_some(access)
    }

    /// Reports, once for each call, that the guest may open no more files.
    pub(crate) fn report_too_many_open(&self, limit: u32) {
        self.reports.too_many_open(&self.plugin, limit);
    }

    /// Examines an open file, unless the plugin may not: nothing is reported then.
    pub(crate) fn examine_if_granted(&mut self, handle: Handle) -> Result<Option<Stat>, Refusal> {
        if self
            .opened
            .get(&handle)
            .is_some_and(|file| file.is_withheld)
        {
            return Ok(None);
        }
        Ok(Some(self.pass(&Effect::StatOpen { handle })?.take()?))
    }

    /// A grant to write does not allow reading the size, the times or the owner of a file.
    fn check_examined(&self, handle: Handle) -> Result<(), Refusal> {
        let file = self.check_opened(handle, Access::NONE)?;
        if !file.is_withheld {
            return Ok(());
        }
        let request = Request::Read(file.path.clone());
        Err(self.policy.denial(&self.plugin, &request).into())
    }

    /// A grant to write allows changing the times of a file, also through a descriptor for reading.
    fn check_changed(&self, handle: Handle) -> Result<(), Refusal> {
        let file = self.check_opened(handle, Access::NONE)?;
        if self.changeable.contains(&handle) {
            return Ok(());
        }
        let request = Request::Write(file.path.clone());
        Err(self.policy.denial(&self.plugin, &request).into())
    }

    /// Reports what the call left out of its reports.
    pub(crate) fn end_call(&self) {
        self.reports.end_call(&self.plugin);
    }

    fn check_opened(&self, handle: Handle, wanted: Access) -> Result<&OpenFile, Failure> {
        let file = self
            .opened
            .get(&handle)
            .ok_or_else(|| Failure::new(kinds::FS, "EBADF", "no such open file"))?;
        let granted = file.access;
        if (wanted.read && !granted.read) || (wanted.write && !granted.write) {
            let what = if wanted.write { "writing" } else { "reading" };
            let message = format!("the file was not opened for {what}");
            return Err(Failure::new(kinds::FS, "EBADF", message));
        }
        Ok(file)
    }
}
