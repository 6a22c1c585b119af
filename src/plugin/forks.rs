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
//! and does not say which pages a guest wrote, so all of them are compared.

use super::{
    Plugin,
    idle::{Owner, Shelf},
};
use crate::{
    error::{Error, Unforkable},
    gate::{Gate, InitJournal, SharedJournal},
    guest::{Instance, Snapshot, Start},
    limits::Usage,
    sync::Once,
    sync::lock,
};
use std::sync::{Arc, Mutex};

/// Whether calls share what initialisation made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForkPolicy {
    /// A plugin is initialised once, and each call begins in a copy of the state that this left.
    /// A plugin whose state cannot be copied is initialised for each call
    /// ([`Plugin::unforkable`] tells why).
    #[default]
    WhenPossible,
    /// Each call initialises an instance of its own: clocks are read and random bytes are drawn
    /// anew, and effects of initialisation happen again.
    Never,
}

/// What one plugin keeps between calls. Idle instances, in the state that initialisation left, are
/// on the shelf that all plugins of the runtime share.
pub(super) struct Forks {
    initialised: Once<Initialised>,
    shelf: Arc<Shelf<Instance>>,
    owner: Owner,
}

impl Forks {
    pub(super) fn new(shelf: Arc<Shelf<Instance>>) -> Forks {
        Forks {
            initialised: Once::default(),
            owner: shelf.owner(),
            shelf,
        }
    }
}

impl Drop for Forks {
    fn drop(&mut self) {
        self.shelf.forget(self.owner);
    }
}

/// How the first initialisation ended.
struct Initialised {
    usage: Usage,
    /// What calls begin from, or why each is initialised by itself; `None` if that is wanted.
    snapshot: Result<Snapshot, Option<Unforkable>>,
    /// The effects that it had.
    noted: InitJournal,
}

impl Plugin {
    /// What it costs to initialise the plugin: its start function and `_initialize`. Reported here
    /// once, since it is no part of any call. A plugin that was not called yet is initialised for
    /// this.
    ///
    /// # Errors
    ///
    /// As [`describe`](Self::describe), if initialisation fails.
    pub fn init_usage(&self) -> Result<Usage, Error> {
        self.initialised().map(|initialised| initialised.usage)
    }

    /// Why each call of this plugin is initialised by itself, if that is so because its state
    /// cannot be copied. A plugin that was not called yet is initialised for this.
    ///
    /// # Errors
    ///
    /// As [`describe`](Self::describe), if initialisation fails.
    pub fn unforkable(&self) -> Result<Option<Unforkable>, Error> {
        Ok(self.snapshot()?.err().flatten())
    }

    /// What calls begin from; `None` as a reason if nobody wants that.
    pub(super) fn snapshot(&self) -> Result<Result<&Snapshot, Option<Unforkable>>, Error> {
        let initialised = self.initialised()?;
        Ok(initialised.snapshot.as_ref().map_err(|why| *why))
    }

    fn initialised(&self) -> Result<&Initialised, Error> {
        let forks = &self.inner.forks;
        let initialise = || {
            let (initialised, instance) = self.initialise(self.gate(None))?;
            self.release(instance, initialised.snapshot.as_ref().ok());
            Ok(initialised)
        };
        forks
            .initialised
            .get_or_try(initialise, || self.busy("initialised"))
    }

    /// Returns an error for a call that would wait for the initialisation that makes it.
    pub(crate) fn check_idle(&self) -> Result<(), Error> {
        match self.inner.forks.initialised.is_circle() {
            true => Err(self.busy("initialised")),
            false => Ok(()),
        }
    }

    /// An instance for one call, which is what all others begin from if it is the first.
    pub(super) fn start(&self) -> Result<Instance, Error> {
        let forks = &self.inner.forks;
        if let Some(initialised) = forks.initialised.get() {
            return self.start_from(initialised, None);
        }
        // The time that the call may take counts from here, also while others initialise.
        let mut gate = Some(self.gate(None));
        let mut first = None;
        let initialise = || {
            let gate = gate.take().unwrap_or_else(|| self.gate(None));
            let (initialised, instance) = self.initialise(gate)?;
            first = Some(instance);
            Ok(initialised)
        };
        let initialised = forks
            .initialised
            .get_or_try(initialise, || self.busy("initialised"))?;
        match first {
            Some(instance) => Ok(instance),
            None => self.start_from(initialised, gate),
        }
    }

    fn start_from(&self, initialised: &Initialised, gate: Option<Gate>) -> Result<Instance, Error> {
        let Ok(snapshot) = &initialised.snapshot else {
            let gate = gate.unwrap_or_else(|| self.gate(None));
            return self.started(gate);
        };
        let gate = match gate {
            Some(gate) => gate.beginning_at(snapshot.gate()),
            None => self.gate(Some(snapshot)),
        };
        let forks = &self.inner.forks;
        match forks.shelf.take(forks.owner) {
            Some(mut instance) => {
                instance.begin_at(gate);
                Ok(instance)
            }
            None => Instance::fork(self.start_with(gate), snapshot),
        }
    }

    /// A call that `journal` is told of, with the effects of the initialisation that it begins
    /// from first. `None` if there is no state to begin from, or too much was done to come to it.
    pub(super) fn start_kept(&self, journal: &SharedJournal) -> Option<Result<Instance, Error>> {
        let initialised = self.initialised().ok()?;
        let snapshot = initialised.snapshot.as_ref().ok()?;
        for (effect, reply, at) in initialised.noted.entries()? {
            lock(journal).note(effect, reply, *at);
        }
        let mut gate = self.gate(Some(snapshot));
        gate.keep(journal.clone());
        Some(self.start_from(initialised, Some(gate)))
    }

    fn started(&self, gate: Gate) -> Result<Instance, Error> {
        let started = Instance::start(self.start_with(gate));
        started.map_err(|error| self.redacted(error))
    }

    fn initialise(&self, mut gate: Gate) -> Result<(Initialised, Instance), Error> {
        let noted = Arc::new(Mutex::new(InitJournal::default()));
        if self.inner.parts.settings.fork == ForkPolicy::WhenPossible {
            gate.keep(noted.clone());
        }
        let mut instance = self.started(gate)?;
        instance.forget_journal();
        let snapshot = match self.inner.parts.settings.fork {
            ForkPolicy::Never => Err(None),
            ForkPolicy::WhenPossible => Snapshot::of(&instance).map_err(Some),
        };
        let initialised = Initialised {
            usage: instance.init_usage(),
            snapshot,
            noted: std::mem::take(&mut *lock(&noted)),
        };
        Ok((initialised, instance))
    }

    /// Takes an instance after a call that ended well, and keeps it for the next one if it can be
    /// brought back to its beginning.
    pub(super) fn give_back(&self, instance: Instance) {
        let initialised = self.inner.forks.initialised.get();
        self.release(
            instance,
            initialised.and_then(|initialised| initialised.snapshot.as_ref().ok()),
        );
    }

    /// Brings an instance in somebody's hands back to its beginning.
    pub(super) fn renew(&self, instance: &mut Instance) -> Result<(), Error> {
        let initialised = self.inner.forks.initialised.get();
        let snapshot = initialised.and_then(|initialised| initialised.snapshot.as_ref().ok());
        match snapshot {
            Some(snapshot) if instance.reset(snapshot) => {
                instance.begin_at(self.gate(Some(snapshot)));
            }
            _ => *instance = self.start()?,
        }
        Ok(())
    }

    fn release(&self, mut instance: Instance, snapshot: Option<&Snapshot>) {
        let Some(snapshot) = snapshot else {
            return;
        };
        let forks = &self.inner.forks;
        // Looked at first, since what is not kept need not be brought back.
        if forks.shelf.has_room(forks.owner) && instance.reset(snapshot) {
            forks.shelf.put(forks.owner, instance);
        }
    }

    fn gate(&self, snapshot: Option<&Snapshot>) -> Gate {
        let parts = &self.inner.parts;
        let settings = &parts.settings;
        let world = snapshot.and_then(|snapshot| snapshot.gate().world());
        Gate::new(
            parts.name.clone(),
            parts.policy.clone(),
            world.unwrap_or_else(|| (settings.world)()),
            &settings.limits,
            settings.observer.clone(),
        )
    }

    fn start_with(&self, gate: Gate) -> Start<'_> {
        let parts = &self.inner.parts;
        Start {
            plugin: &parts.name,
            compiled: &parts.compiled,
            linker: &parts.linker,
            limits: &parts.settings.limits,
            gate,
        }
    }
}
