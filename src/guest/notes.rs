//! What the instruments of a module noted (see `module::instrument`): read from their memory, and from the
//! calls that they make. A guest without instruments has none of this.

use super::{Host, Instance, run};
use crate::{
    module::{
        BEGIN_ELEMENT, BLOCK_SHIFT, CALL_BYTES, CALLS_EXPORT, COMPARED_EXPORT, COMPARISON_BYTES,
        DEPTH_EXPORT, END_ELEMENT, Installed, Instruments, LISTED_EXPORT, NOTES_EXPORT,
        comparison_bytes, take_marks,
    },
    room,
};
use alloc::{boxed::Box, collections::BTreeMap, string::ToString, vec::Vec};
use wasmi::{AsContext, AsContextMut, Caller, Func, Global, Memory, Nullable, Ref, Store, Val};

/// Where the instruments of an instance are.
#[derive(Clone, Copy)]
pub(super) struct Notes {
    which: Instruments,
    memory: Memory,
    /// The address of the last call that is noted.
    depth: Global,
    /// The bytes of all comparisons that were noted.
    compared: Global,
    counters_at: usize,
    counters: usize,
    comparisons_at: usize,
    /// The bytes of the list of long ranges that were written, if marks are made on what is.
    listed: Option<Global>,
    marks_at: usize,
}

/// The operands of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Compared {
    /// The number of its place.
    pub(crate) place: u32,
    pub(crate) operands: [u64; 2],
    /// The addresses of the last two loads of the function before it.
    pub(crate) loads: [u32; 2],
}

/// A function in the tree of calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallNode {
    /// Its index; `None` stands for the host, which calls exports.
    pub(crate) function: Option<u32>,
    /// The number of the node that called it.
    pub(crate) caller: usize,
    /// How often.
    pub(crate) calls: u64,
    /// What it burnt itself.
    pub(crate) fuel: u64,
    /// Bytes that crossed the boundary while it ran, if it is a function of the host.
    pub(crate) bytes: u64,
}

/// The most nodes of a tree of calls. What is called below that is counted for the last node.
const MOST_NODES: usize = 1 << 20;

/// Who called whom, and what that burnt.
#[derive(Debug)]
pub(crate) struct CallTree {
    pub(crate) nodes: Vec<CallNode>,
    called: BTreeMap<(usize, u32), usize>,
    current: usize,
    /// The fuel, and the bytes, up to the last change of the current node.
    fuel: u64,
    bytes: u64,
    /// How many calls run that have no node.
    uncounted: u64,
}

impl Default for CallTree {
    fn default() -> CallTree {
        CallTree {
            nodes: vec![CallNode::default()],
            called: BTreeMap::new(),
            current: 0,
            fuel: 0,
            bytes: 0,
            uncounted: 0,
        }
    }
}

impl CallTree {
    /// A function begins, for which `charged` of the fuel was burnt.
    fn begin(&mut self, function: u32, charged: u64, fuel: u64, bytes: u64) {
        self.count(fuel.saturating_sub(charged), bytes);
        let known = self.called.get(&(self.current, function)).copied();
        let node = match known {
            Some(node) if self.uncounted == 0 => Some(node),
            _ if self.uncounted > 0 || self.nodes.len() >= MOST_NODES => None,
            _ => self.add(function),
        };
        match node {
            Some(node) => self.current = node,
            None => self.uncounted += 1,
        }
        if let Some(node) = self.nodes.get_mut(self.current) {
            node.calls += u64::from(self.uncounted == 0);
        }
        self.count(fuel, bytes);
    }

    fn add(&mut self, function: u32) -> Option<usize> {
        let node = CallNode {
            function: Some(function),
            caller: self.current,
            ..CallNode::default()
        };
        room::push(&mut self.nodes, node).ok()?;
        let number = self.nodes.len() - 1;
        self.called.insert((self.current, function), number);
        Some(number)
    }

    fn end(&mut self, fuel: u64, bytes: u64) {
        self.count(fuel, bytes);
        match self.uncounted {
            0 => self.current = self.nodes.get(self.current).map_or(0, |node| node.caller),
            _ => self.uncounted -= 1,
        }
    }

    /// Counts what was burnt since the last change for the current node.
    fn count(&mut self, fuel: u64, bytes: u64) {
        if let Some(node) = self.nodes.get_mut(self.current) {
            node.fuel += fuel.saturating_sub(self.fuel);
            node.bytes += bytes.saturating_sub(self.bytes);
        }
        self.fuel = fuel;
        self.bytes = bytes;
    }
}

/// What the instruments noted of the initialisation, or of the call behind it.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    /// Who called whom, with [`Instruments::PROFILE`].
    pub(crate) calls: CallTree,
    /// The counters, with [`Instruments::BLOCKS`].
    pub(crate) counters: Vec<u64>,
}

/// What the instruments of an instance noted before it ended.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) initialization: Noted,
    pub(crate) call: Noted,
}

/// Finds the instruments of a new instance, and puts the functions that they call into their table.
pub(super) fn provide(
    store: &mut Store<Host>,
    instance: &wasmi::Instance,
    installed: &Installed,
) -> Result<Notes, wasmi::Error> {
    let missing = || wasmi::Error::new("the instruments cannot be reached");
    let global = |name| instance.get_global(&*store, name).ok_or_else(missing);
    let size = |bytes: u32| usize::try_from(bytes).unwrap_or(usize::MAX);
    let counters = installed.counters.len();
    let notes = Notes {
        which: installed.which,
        memory: instance
            .get_memory(&*store, NOTES_EXPORT)
            .ok_or_else(missing)?,
        depth: global(DEPTH_EXPORT)?,
        compared: global(COMPARED_EXPORT)?,
        counters_at: size(installed.counters_at),
        counters: counters.saturating_mul(size(installed.which.counter_bytes())),
        comparisons_at: size(installed.comparisons_at),
        listed: match installed.which.has(Instruments::WRITES) {
            true => Some(global(LISTED_EXPORT)?),
            false => None,
        },
        marks_at: size(installed.marks_at),
    };
    if installed.which.has(Instruments::PROFILE) {
        let calls = instance
            .get_table(&*store, CALLS_EXPORT)
            .ok_or_else(missing)?;
        let begin = |mut caller: Caller<'_, Host>, function: u32, charged: u32| {
            note_call(&mut caller, |tree, fuel, bytes| {
                tree.begin(function, charged.into(), fuel, bytes);
            })
        };
        let end = |mut caller: Caller<'_, Host>| note_call(&mut caller, CallTree::end);
        for (element, function) in [
            (BEGIN_ELEMENT, Func::wrap(&mut *store, begin)),
            (END_ELEMENT, Func::wrap(&mut *store, end)),
        ] {
            let function = Ref::Func(Nullable::Val(function));
            let set = calls.set(&mut *store, element.into(), function);
            set.map_err(|error| wasmi::Error::new(error.to_string()))?;
        }
        store.data_mut().calls = Some(Box::default());
    }
    Ok(notes)
}

fn note_call(
    caller: &mut Caller<'_, Host>,
    note: impl FnOnce(&mut CallTree, u64, u64),
) -> Result<(), wasmi::Error> {
    let fuel = run::burnt(&*caller)?;
    let host = caller.data_mut();
    let bytes = host.usage.bytes_in.saturating_add(host.usage.bytes_out);
    if let Some(tree) = &mut host.calls {
        note(tree, fuel, bytes);
    }
    Ok(())
}

impl Notes {
    /// Forgets what the last call left that is only of that call.
    pub(super) fn begin_call(self, store: &mut Store<Host>) {
        // They are variables of this type.
        let _ = self.depth.set(&mut *store, Val::I32(0));
        let _ = self.compared.set(&mut *store, Val::I32(0));
        if self.which.counter_bytes() == 1 {
            let memory = self.memory.data_mut(&mut *store);
            let counters = memory.get_mut(self.counters_at..self.counters_at + self.counters);
            counters.unwrap_or_default().fill(0);
        }
        if let Some(tree) = &mut store.data_mut().calls {
            **tree = CallTree::default();
        }
    }

    /// Marks what the host writes into the guest's memory.
    pub(super) fn mark(self, mut ctx: impl AsContextMut, start: usize, bytes: usize) {
        if self.listed.is_some() && bytes > 0 {
            let last = (start + bytes - 1) >> BLOCK_SHIFT;
            let marks = self.memory.data_mut(&mut ctx).get_mut(self.marks_at..);
            let blocks = marks.and_then(|marks| marks.get_mut(start >> BLOCK_SHIFT..=last));
            // The memory of a guest has no more blocks than there are marks.
            blocks.unwrap_or_default().fill(1);
        }
    }

    /// Collects the blocks that may have been written, of so many, and removes the marks. Returns false if
    /// that may be all of them.
    pub(super) fn take_marks(
        self,
        store: &mut Store<Host>,
        blocks: usize,
        to: &mut Vec<u32>,
    ) -> bool {
        let Some(global) = self.listed else {
            return false;
        };
        let listed = global
            .get(&*store)
            .i64()
            .unwrap_or(i64::MAX)
            .cast_unsigned();
        let memory = self.memory.data_mut(&mut *store);
        let marks = memory.get_mut(self.marks_at..).unwrap_or_default();
        let blocks = u32::try_from(blocks).unwrap_or(u32::MAX);
        let are_marked = take_marks(marks, listed, blocks, to);
        // It is a variable of this type.
        global.set(&mut *store, Val::I64(0)).is_ok() && are_marked
    }

    /// The calls that are running, the innermost first: the offset of the instruction that runs in each.
    pub(super) fn running(self, ctx: &impl AsContext<Data = Host>) -> Vec<u32> {
        if !self.which.has(Instruments::CALLS) {
            return Vec::new();
        }
        let depth = usize::try_from(number(self.depth, ctx)).unwrap_or(0);
        let size = usize::try_from(CALL_BYTES).unwrap_or(4);
        let calls = self.memory.data(ctx).get(size..depth.saturating_add(size));
        let (calls, _) = calls.unwrap_or_default().as_chunks::<4>();
        calls
            .iter()
            .rev()
            .map(|call| u32::from_le_bytes(*call))
            .collect()
    }

    /// Where the last export returned: its last instruction that was noted.
    fn returned(self, store: &Store<Host>) -> Option<u32> {
        let size = usize::try_from(CALL_BYTES).unwrap_or(4);
        let call = self.memory.data(store).get(size..)?.first_chunk::<4>()?;
        Some(u32::from_le_bytes(*call)).filter(|_| self.which.has(Instruments::CALLS))
    }

    fn counters(self, store: &Store<Host>) -> &[u8] {
        let counters = self.counters_at..self.counters_at + self.counters;
        self.memory.data(store).get(counters).unwrap_or_default()
    }

    /// The comparisons of the last call, in their order; the last ones, if they are too many.
    fn comparisons(self, store: &Store<Host>) -> impl Iterator<Item = Compared> {
        let most = usize::try_from(comparison_bytes(self.which)).unwrap_or(0);
        let size = usize::try_from(COMPARISON_BYTES).unwrap_or(32);
        let noted = usize::try_from(number(self.compared, store)).unwrap_or(0);
        let kept = noted.min(most) / size;
        let next = noted.checked_rem(most).unwrap_or(0);
        let ring = self.comparisons_at..self.comparisons_at + most;
        let ring = self.memory.data(store).get(ring).unwrap_or_default();
        // The oldest is where the next one would be, if the ring is full.
        let first = if kept * size < most { 0 } else { next };
        (0..kept).filter_map(move |number| {
            let at = (first + number * size) % most;
            let (words, _) = ring.get(at..)?.get(..size)?.as_chunks::<4>();
            let word = |at: usize| words.get(at).map_or(0, |word| u32::from_le_bytes(*word));
            let long = |at: usize| u64::from(word(at)) | u64::from(word(at + 1)) << 32;
            Some(Compared {
                place: word(4),
                operands: [long(0), long(2)],
                loads: [word(5), word(6)],
            })
        })
    }
}

fn number(global: Global, ctx: &impl AsContext<Data = Host>) -> u32 {
    global.get(ctx).i32().unwrap_or(0).cast_unsigned()
}

impl Instance {
    /// The counters of the instruments: one byte each for [`Instruments::COVERAGE`], of the last call, and
    /// eight for [`Instruments::BLOCKS`], of all calls.
    pub(crate) fn counters(&self) -> &[u8] {
        match self.store.data().notes {
            Some(notes) => notes.counters(&self.store),
            None => &[],
        }
    }

    /// Where the last export returned.
    pub(crate) fn returned(&self) -> Option<u32> {
        self.store.data().notes?.returned(&self.store)
    }

    /// The comparisons of the last call.
    pub(crate) fn comparisons(&self) -> impl Iterator<Item = Compared> {
        let notes = self.store.data().notes.into_iter();
        notes.flat_map(|notes| notes.comparisons(&self.store))
    }

    /// Takes what was noted since the instance began, or since the last time. `None` without instruments.
    pub(super) fn noted(&mut self) -> Option<Noted> {
        let notes = self.store.data().notes?;
        let fuel = run::burnt(&self.store).unwrap_or_default();
        let mut noted = Noted::default();
        let host = self.store.data_mut();
        let bytes = host.usage.bytes_in.saturating_add(host.usage.bytes_out);
        if let Some(tree) = &mut host.calls {
            tree.count(fuel, bytes);
            noted.calls = core::mem::take(&mut **tree);
        }
        if notes.which.counter_bytes() == 8 {
            let (counters, _) = notes.counters(&self.store).as_chunks::<8>();
            // It may be large; without it, nothing was counted.
            if noted.counters.try_reserve_exact(counters.len()).is_ok() {
                let counters = counters.iter().map(|counter| u64::from_le_bytes(*counter));
                noted.counters.extend(counters);
            }
        }
        Some(noted)
    }

    /// Takes what was noted of the initialisation and of the call. `None` without instruments.
    pub(crate) fn seen(&mut self) -> Option<Seen> {
        let mut noted = self.noted()?;
        let Some(initialization) = self.initialization.as_mut().map(core::mem::take) else {
            // It did not end.
            return Some(Seen {
                initialization: noted,
                call: Noted::default(),
            });
        };
        // Counters are not set back in between.
        let before = &initialization.counters;
        for (counter, before) in noted.counters.iter_mut().zip(before) {
            *counter = counter.wrapping_sub(*before);
        }
        Some(Seen {
            initialization,
            call: noted,
        })
    }
}
