//! Initialised once, forked for every call: which instance a call gets, and what becomes of it.
//!
//! A fresh instance always begins in the state that initialisation left. It is one that was called
//! before, brought back to that state, where one is idle: that costs a comparison of its memory
//! with the image. Otherwise it is a new one, which costs the engine's zeroing of a memory beside
//! a copy of the image. An instance whose memory grew cannot be brought back, so a plugin that
//! grows in each call gets a new one each time.
//!
//! That is the whole rule, since bringing back is never slower: measured, the two cost the same
//! for a memory of 8 MiB, of which 1 MiB is not zero (0.15 ms), and at 64 MiB 2.6 against 43 ms,
//! since the allocator takes such a memory from the system anew and gives it back each time. Both
//! grow with the memory, not only with what was touched: the engine zeroes all of a new memory,
//! and does not say which pages a guest wrote, so all of them are compared. Only a module that marks what
//! it writes (`Instruments::WRITES`) is brought back by that alone.

use super::{
    Plugin,
    call::{Allowance, RecordedRun},
    idle::{IdlePool, Owner},
    once::{NoWait, Once},
};
use crate::{
    error::{Error, Unforkable},
    gate::{Gate, GoHeap, NotedEffects, SharedJournal},
    guest::{Instance, Seen, Snapshot, Start},
    limits::{Interrupted, Usage},
    sync::{Mutex, lock},
};
use alloc::{boxed::Box, sync::Arc};

/// Whether calls share what initialisation made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForkPolicy {
    /// A plugin is initialised once, and each call begins in a copy of the state that this left.
    /// A plugin whose state cannot be copied is initialised for each call
    /// ([`Plugin::unforkable`] says why).
    #[default]
    WhenPossible,
    /// Each call initialises an instance of its own: clocks are read and random bytes are drawn
    /// anew, and effects of initialisation happen again.
    Never,
}

/// What one plugin keeps between calls. Idle instances, in the state that initialisation left, are
/// in the pool that all plugins of the runtime share.
pub(super) struct Forks {
    initialised: Once<Initialised>,
    idle: Arc<IdlePool<Box<Instance>>>,
    owner: Owner,
}

impl Forks {
    /// What calls begin from, if there is something by now.
    fn snapshot(&self) -> Option<&Snapshot> {
        self.initialised.get()?.snapshot.as_ref().ok()
    }

    pub(super) fn new(idle: Arc<IdlePool<Box<Instance>>>) -> Forks {
        Forks {
            initialised: Once::default(),
            owner: idle.owner(),
            idle,
        }
    }
}

impl Drop for Forks {
    fn drop(&mut self) {
        self.idle.forget(self.owner);
    }
}

/// How the first initialisation ended.
pub(super) struct Initialised {
    pub(super) usage: Usage,
    /// What calls begin from, or why each is initialised by itself; `None` as a reason if the
    /// runtime's policy says so.
    snapshot: Result<Snapshot, Option<Unforkable>>,
    /// The effects that it had.
    journal: NotedEffects,
}

impl Plugin {
    /// Why each call of this plugin is initialised by itself, if that is so because its state
    /// cannot be copied. A plugin that was not called yet is initialised for this.
    ///
    /// # Errors
    ///
    /// As [`describe`](Self::describe), if initialisation fails.
    pub fn unforkable(&self) -> Result<Option<Unforkable>, Error> {
        Ok(self.snapshot()?.err().flatten())
    }

    /// What calls begin from; `None` as a reason if the runtime's policy is against it.
    pub(super) fn snapshot(&self) -> Result<Result<&Snapshot, Option<Unforkable>>, Error> {
        let initialised = self.initialised(&self.allowance())?;
        Ok(initialised.snapshot.as_ref().map_err(|why| *why))
    }

    pub(super) fn initialised(&self, allowance: &Allowance) -> Result<&Initialised, Error> {
        self.initialised_by(allowance, |instance, snapshot| {
            self.release(instance, snapshot);
        })
    }

    /// What initialisation made. If this call is the first, `take` gets the instance.
    fn initialised_by(
        &self,
        allowance: &Allowance,
        take: impl FnOnce(Box<Instance>, Option<&Snapshot>),
    ) -> Result<&Initialised, Error> {
        let initialise = || {
            let (initialised, instance) = self.initialise(allowance)?;
            take(instance, initialised.snapshot.as_ref().ok());
            Ok(initialised)
        };
        let forks = &self.inner.forks;
        let no_wait = |why| self.no_wait(why, "initialised");
        let interrupt = &allowance.interrupt;
        forks.initialised.get_or_try(interrupt, initialise, no_wait)
    }

    /// Returns an error for a call that would wait for the initialisation that makes it.
    pub(crate) fn check_idle(&self) -> Result<(), Error> {
        match self.inner.forks.initialised.is_circle() {
            true => Err(self.no_wait(NoWait::Circle, "initialised")),
            false => Ok(()),
        }
    }

    /// An instance for one call, which is the one that all others begin from if it is the first.
    pub(super) fn start(&self, allowance: &Allowance) -> Result<Box<Instance>, Error> {
        if let Some(initialised) = self.inner.forks.initialised.get() {
            return self.start_from(initialised.snapshot.as_ref().ok(), allowance, None);
        }
        let mut first = None;
        let initialised = self.initialised_by(allowance, |instance, _| first = Some(instance))?;
        match first {
            Some(mut instance) => {
                instance.begin(&allowance.call)?;
                Ok(instance)
            }
            None => self.start_from(initialised.snapshot.as_ref().ok(), allowance, None),
        }
    }

    /// An instance for a call that `journal` keeps, with the effects of the initialisation that it
    /// begins from first. It is initialised by itself if there is no state to begin from, or too
    /// much was done to reach it.
    pub(super) fn start_recorded(
        &self,
        journal: &SharedJournal,
        allowance: &Allowance,
    ) -> Result<Box<Instance>, Error> {
        let initialised = self.initialised(allowance).ok();
        if allowance.interrupt.is_cancelled() {
            return Err(self.interrupted(Interrupted::Cancelled));
        }
        let shared = initialised.and_then(|initialised| {
            let snapshot = initialised.snapshot.as_ref().ok()?;
            Some((snapshot, initialised.journal.entries()?))
        });
        for (effect, reply, at) in shared.iter().flat_map(|(_, entries)| *entries) {
            lock(journal).note(effect, reply, *at);
        }
        let snapshot = shared.map(|(snapshot, _)| snapshot);
        self.start_from(snapshot, allowance, Some(journal))
    }

    /// An instance for a call that repeats a recorded one. If there is none, what instruments noted is left in
    /// `seen`.
    pub(super) fn start_replay(
        &self,
        run: &RecordedRun,
        journal: &SharedJournal,
        allowance: &Allowance,
        seen: &mut Option<Seen>,
    ) -> Result<Box<Instance>, Error> {
        let parts = self.parts();
        let observer = &parts.settings.observer;
        let mut gate = Gate::new(
            run.name.clone(),
            run.policy.clone(),
            (run.world)(),
            &allowance.initialization,
            allowance.interrupt.clone(),
            match run.is_reported {
                true => observer.muted(),
                false => observer.clone(),
            },
        );
        gate.keep(journal.clone());
        let start = Start {
            plugin: &run.name,
            ..self.start_with(gate, allowance)
        };
        let started = Instance::start_seen(start, seen);
        let begun = started.and_then(|mut instance| {
            let begun = instance.begin(&allowance.call);
            if begun.is_err() {
                *seen = instance.seen();
            }
            begun.map(|()| instance)
        });
        begun.map_err(|error| self.redacted(error))
    }

    /// An instance in the state that initialisation left, or one that is initialised by itself if
    /// there is none to copy.
    fn start_from(
        &self,
        snapshot: Option<&Snapshot>,
        allowance: &Allowance,
        journal: Option<&SharedJournal>,
    ) -> Result<Box<Instance>, Error> {
        let mut gate = self.gate(snapshot, allowance);
        if let Some(journal) = journal {
            gate.keep(journal.clone());
        }
        let forks = &self.inner.forks;
        let mut instance = match snapshot {
            None => self.started(gate, allowance)?,
            Some(snapshot) => match forks.idle.take(forks.owner) {
                Some(mut idle) => {
                    idle.open(gate);
                    idle
                }
                None => Instance::fork(self.start_with(gate, allowance), snapshot)?,
            },
        };
        instance.begin(&allowance.call)?;
        Ok(instance)
    }

    fn started(&self, gate: Gate, allowance: &Allowance) -> Result<Box<Instance>, Error> {
        let started = Instance::start(self.start_with(gate, allowance));
        started.map_err(|error| self.redacted(error))
    }

    fn initialise(&self, allowance: &Allowance) -> Result<(Initialised, Box<Instance>), Error> {
        let journal = Arc::new(Mutex::new(NotedEffects::default()));
        let policy = self.parts().settings.fork_policy;
        let mut gate = self.gate(None, allowance);
        if policy == ForkPolicy::WhenPossible {
            gate.keep(journal.clone());
        }
        let mut instance = self.started(gate, allowance)?;
        instance.forget_journal();
        let snapshot = match policy {
            ForkPolicy::Never => Err(None),
            ForkPolicy::WhenPossible => Snapshot::of(&instance).map_err(Some),
        };
        let initialised = Initialised {
            usage: instance.init_usage(),
            snapshot,
            journal: core::mem::take(&mut *lock(&journal)),
        };
        Ok((initialised, instance))
    }

    /// Takes an instance after a call that ended well, and keeps it for the next one if it can be
    /// brought back to its beginning.
    pub(super) fn give_back(&self, instance: Box<Instance>) {
        self.release(instance, self.inner.forks.snapshot());
    }

    /// Brings an instance that its caller keeps back to its beginning, or replaces it. That is the state
    /// that its caller took of it, if it did.
    pub(super) fn renew(
        &self,
        instance: &mut Box<Instance>,
        taken: Option<&Snapshot>,
        allowance: &Allowance,
    ) -> Result<(), Error> {
        match (taken.or_else(|| self.inner.forks.snapshot()), taken) {
            (Some(snapshot), _) if instance.reset(snapshot) => {
                instance.open(self.gate(Some(snapshot), allowance));
            }
            (_, Some(taken)) => {
                let gate = self.gate(Some(taken), allowance);
                *instance = Instance::fork(self.start_with(gate, allowance), taken)?;
            }
            (_, None) => {
                *instance = self.start(allowance)?;
                return Ok(());
            }
        }
        instance.begin(&allowance.call)
    }

    fn release(&self, mut instance: Box<Instance>, snapshot: Option<&Snapshot>) {
        let Some(snapshot) = snapshot else {
            return;
        };
        let forks = &self.inner.forks;
        // Checked first, since what is not kept need not be brought back.
        if forks.idle.has_room(forks.owner) && instance.reset(snapshot) {
            forks.idle.put(forks.owner, instance);
        }
    }

    fn gate(&self, snapshot: Option<&Snapshot>, allowance: &Allowance) -> Gate {
        let parts = self.parts();
        let settings = &parts.settings;
        let world = snapshot.and_then(|snapshot| snapshot.gate().world());
        let limits = &allowance.initialization;
        let mut gate = Gate::new(
            parts.name.clone(),
            parts.policy.clone(),
            world.unwrap_or_else(|| (settings.world)()),
            limits,
            allowance.interrupt.clone(),
            settings.observer.clone(),
        );
        let go_memory = parts.compiled.go_memory;
        gate.set_go(go_memory.map(|at_start| GoHeap::new(limits.memory, at_start)));
        gate
    }

    fn start_with<'a>(&'a self, gate: Gate, allowance: &'a Allowance) -> Start<'a> {
        let parts = self.parts();
        Start {
            plugin: &parts.name,
            version: parts.version,
            compiled: &parts.compiled,
            linker: &parts.linker,
            limits: &allowance.initialization,
            gate,
        }
    }
}
