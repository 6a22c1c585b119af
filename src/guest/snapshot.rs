//! The state of an instance, from which others begin instead of initialising themselves: by filling a new
//! instance, or by bringing back one that was called. Most are taken after initialisation.

use super::{Instance, Noted, Start, descriptors::WasiState, image::Image};
use crate::{
    error::{Error, INSTANTIATE, Unforkable},
    gate::{Gate, Initialised},
    limits::{Interrupt, PAGE_BYTES, Usage},
    module::DescriptorFlags,
    room::{self, OutOfMemory},
    sync::{Mutex, lock},
};
use alloc::{boxed::Box, string::ToString, vec::Vec};
use wasmi::Val;

/// Everything that a guest or the host remembers between calls.
pub(crate) struct Snapshot {
    /// Different for each snapshot of the process.
    number: u64,
    image: Image,
    /// The values of the variable globals, in their order.
    globals: Vec<Val>,
    wasi: WasiState,
    gate: Initialised,
    usage: Usage,
}

/// The number of the next snapshot.
static NEXT: Mutex<u64> = Mutex::new(0);

fn next_number() -> u64 {
    let mut next = lock(&NEXT);
    *next += 1;
    *next
}

impl Snapshot {
    /// Takes the state of an instance that does not run.
    pub(crate) fn of(instance: &Instance) -> Result<Snapshot, Unforkable> {
        instance.state?;
        if instance.failed {
            return Err(Unforkable::Stopped);
        }
        let host = instance.store.data();
        let gate = host.gate.initialised();
        let gate = gate.filter(|_| !host.wasi.holds_files());
        Ok(Snapshot {
            number: next_number(),
            image: Image::of(instance.memory())?,
            globals: instance.globals(),
            wasi: host.wasi.clone(),
            gate: gate.ok_or(Unforkable::OpenFiles)?,
            usage: instance.init,
        })
    }

    /// What initialisation used.
    pub(crate) fn usage(&self) -> Usage {
        self.usage
    }

    /// The linear memory, if there is room for it.
    pub(crate) fn memory(&self) -> Result<Vec<u8>, OutOfMemory> {
        let mut memory = room::reserved(self.image.len())?;
        memory.resize(self.image.len(), 0);
        self.image.fill(&mut memory);
        Ok(memory)
    }

    /// The values of the variable globals, in their order.
    pub(crate) fn globals(&self) -> &[Val] {
        &self.globals
    }

    /// The flags of the first descriptors, if initialisation changed nothing besides them that is
    /// not in the module.
    pub(crate) fn flags(&self) -> Option<DescriptorFlags> {
        self.wasi.first_flags()
    }

    /// What initialisation left at the gate.
    pub(crate) fn gate(&self) -> &Initialised {
        &self.gate
    }
}

impl Instance {
    /// A new instance in the state of the snapshot. [`begin`](Instance::begin) comes next.
    pub(crate) fn fork(start: Start<'_>, snapshot: &Snapshot) -> Result<Box<Instance>, Error> {
        let mut instance = Instance::instantiate(start)?;
        let memory = instance.exports.memory;
        let pages = snapshot.image.len() as u64 / PAGE_BYTES;
        let missing = pages.saturating_sub(memory.size(&instance.store));
        let grown = memory.grow(&mut instance.store, missing);
        grown
            .map_err(|_| instance.fail(INSTANTIATE, crate::error::Fault::HostOutOfMemory.into()))?;
        snapshot.image.fill(memory.data_mut(&mut instance.store));
        instance.marked_from = Some(snapshot.number);
        let filled = instance.set_globals(&snapshot.globals);
        filled.map_err(|error| instance.fail(INSTANTIATE, error.into()))?;
        instance.init = snapshot.usage;
        instance.initialization = Some(Noted::default());
        instance.store.data_mut().wasi = snapshot.wasi.clone();
        Ok(instance)
    }

    /// Brings an instance that was called back to where the snapshot was taken, with a gate that
    /// lets nothing pass. False if it cannot be: it failed, was refused something, or its memory
    /// grew, and memories do not shrink.
    #[must_use]
    pub(crate) fn reset(&mut self, snapshot: &Snapshot) -> bool {
        let memory = self.exports.memory;
        let host = self.store.data();
        if self.failed
            || host.limiter.refused().is_some()
            || memory.data_size(&self.store) != snapshot.image.len()
        {
            return false;
        }
        self.restore(snapshot);
        if self.set_globals(&snapshot.globals).is_err() {
            return false;
        }
        let host = self.store.data_mut();
        host.gate.close();
        host.wasi = snapshot.wasi.clone();
        true
    }

    /// Brings the memory back, which has the size that it had.
    fn restore(&mut self, snapshot: &Snapshot) {
        let notes = self.store.data().notes;
        let blocks = snapshot.image.blocks();
        let are_marked =
            notes.is_some_and(|notes| notes.take_marks(&mut self.store, blocks, &mut self.blocks));
        let memory = self.exports.memory.data_mut(&mut self.store);
        // Marks are on what was written since the last time that it was brought back.
        match are_marked && self.marked_from == Some(snapshot.number) {
            true => snapshot.image.restore_blocks(memory, &self.blocks),
            false => snapshot.image.restore(memory),
        }
        self.marked_from = Some(snapshot.number);
    }

    /// Gives an instance that was reset a gate of the next call's own.
    pub(crate) fn open(&mut self, gate: Gate) {
        self.store.data_mut().gate = gate;
    }

    /// Keeps no journal any more.
    pub(crate) fn forget_journal(&mut self) {
        self.store.data_mut().gate.forget_journal();
    }

    /// Sets what may interrupt the next call in the same instance, which remembers the one before.
    pub(crate) fn interrupt_by(&mut self, interrupt: Interrupt) {
        self.store.data_mut().gate.interrupt_by(interrupt);
    }

    /// Linear memory as it is now.
    pub(crate) fn memory(&self) -> &[u8] {
        self.exports.memory.data(&self.store)
    }

    /// The values of the variable globals.
    fn globals(&self) -> Vec<Val> {
        let globals = self.globals.iter();
        globals.map(|global| global.get(&self.store)).collect()
    }

    fn set_globals(&mut self, values: &[Val]) -> Result<(), wasmi::Error> {
        for (global, value) in self.globals.iter().zip(values) {
            let set = global.set(&mut self.store, value.clone());
            set.map_err(|error| wasmi::Error::new(error.to_string()))?;
        }
        Ok(())
    }
}
