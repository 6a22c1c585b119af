//! Instruments: code that is added to a module so that the host sees what runs in it. They are put into
//! the module that `write` makes, so they see the code that runs, and not into the module that was
//! loaded. What they note lies in a memory and globals of their own, which the guest cannot reach; `guest`
//! reads it. `fuel` keeps the fuel that of the module without instruments; `function` adds the code. `walk` reads what
//! the counters mean for the module that was loaded.

mod code;
mod comparison;
mod fuel;
mod function;
mod walk;

pub(crate) use fuel::set_costs;
pub(crate) use walk::{region_counts, visit_operators};

use super::{
    additions::Additions,
    edit::Run,
    encode::{kind, op, push_u32},
    functions::{Types, count, push_body, rewrite, unreadable},
    read::Reading,
    writes::{self, MARKS_BYTES},
};
use crate::{
    error::LoadError,
    limits::{HOST_DEPTH, PAGE_BYTES, StackLimit},
};
use alloc::vec::Vec;
use core::ops::BitOr;
use function::{Function, Indices, Module, ResultTypes};

/// The export of the memory of the instruments.
pub(crate) const NOTES_EXPORT: &str = "tollgate:notes";

/// The export of the global with the address of the last call that is noted.
pub(crate) const DEPTH_EXPORT: &str = "tollgate:depth";

/// The export of the global with the number of comparisons that were noted.
pub(crate) const COMPARED_EXPORT: &str = "tollgate:compared";

/// The export of the table with the functions that note when a function begins and ends.
pub(crate) const CALLS_EXPORT: &str = "tollgate:calls";

/// The element with the function that notes that a function begins; its parameters are the function's index,
/// and the fuel that was charged for it before.
pub(crate) const BEGIN_ELEMENT: u32 = 0;

/// The element with the function that notes that a function ends.
pub(crate) const END_ELEMENT: u32 = 1;

/// Bytes of a call that is noted: the offset of the instruction that runs.
pub(crate) const CALL_BYTES: u32 = 4;

/// How many stacks a guest has: one, and one for each time that a host function calls it meanwhile.
const STACKS: u32 = HOST_DEPTH + 1;

/// How many comparisons are kept: the last ones.
const COMPARISONS: u32 = 1 << 14;

/// Bytes of a comparison that is noted: both operands, the number of the place, and two addresses.
pub(crate) const COMPARISON_BYTES: u32 = 32;

/// What is added to a module so that the host sees what runs in it.
///
/// Values are combined by `|`: `Instruments::COVERAGE | Instruments::COMPARISONS`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instruments(u8);

impl Instruments {
    /// A counter of 8 bits for each edge, which wraps.
    pub const COVERAGE: Instruments = Instruments(1);
    /// The operands of comparisons.
    pub const COMPARISONS: Instruments = Instruments(1 << 1);
    /// A counter of 64 bits for each block and each edge.
    pub(crate) const BLOCKS: Instruments = Instruments(1 << 2);
    /// The calls that are running, and where regions begin.
    pub(crate) const CALLS: Instruments = Instruments(1 << 3);
    /// The calls that are running, and the instruction that runs, if it can stop the guest.
    pub(crate) const TRACE: Instruments = Instruments(1 << 4 | Instruments::CALLS.0);
    /// The host is called where functions begin and end.
    pub(crate) const PROFILE: Instruments = Instruments(1 << 5);

    /// Marks on memory that the guest writes, so that [`Instance::reset`](crate::Instance::reset) looks at
    /// no other. It pays for a guest with more memory than it writes in a call: with a stack of 1 MiB, or
    /// with the heap of a Go program. Stores take longer, and a new instance has one more MiB.
    pub const WRITES: Instruments = Instruments(1 << 6);

    /// Whether all of `other` is among these.
    pub(crate) const fn has(self, other: Instruments) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bytes of a counter; 0 if there is none.
    pub(crate) const fn counter_bytes(self) -> u32 {
        match (
            self.has(Instruments::BLOCKS),
            self.has(Instruments::COVERAGE),
        ) {
            (true, _) => 8,
            (false, true) => 1,
            (false, false) => 0,
        }
    }
}

impl BitOr for Instruments {
    type Output = Instruments;

    fn bitor(self, other: Instruments) -> Instruments {
        Instruments(self.0 | other.0)
    }
}

/// What a counter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// The function begins.
    Entry,
    /// A turn of a loop begins.
    Turn,
    /// The condition of a branch or an `if` is true.
    Taken,
    /// It is false.
    NotTaken,
    /// Code goes on behind a block that branches lead to the end of.
    Join,
}

/// Where a counter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counter {
    /// The index of the function.
    pub(crate) function: u32,
    /// The instruction that decides, by its offset in the module that was loaded.
    pub(crate) offset: u32,
    /// Where the code begins that runs as often as the counter counts, if it is in one place.
    pub(crate) begins: Option<u32>,
    pub(crate) edge: Edge,
}

/// Where code begins that is charged for together: a region, or the rest of one behind another inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Charge {
    /// The index of the function.
    pub(crate) function: u32,
    /// The first instruction, by its offset in the module that was loaded.
    pub(crate) offset: u32,
    /// The counter of how often the region is entered.
    pub(crate) counter: usize,
    /// Whether the region begins, which is charged for, too.
    pub(crate) begins: bool,
}

/// Where a comparison is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// The index of the function.
    pub(crate) function: u32,
    /// The instruction, by its offset in the module that was loaded.
    pub(crate) offset: u32,
    /// How many bytes each operand has; 0 for an index into a `br_table`.
    pub(crate) bytes: u8,
    pub(crate) is_float: bool,
}

/// The instruments of a module, and where they note things.
#[derive(Debug)]
pub(crate) struct Installed {
    pub(crate) which: Instruments,
    pub(crate) counters: Vec<Counter>,
    /// With [`Instruments::BLOCKS`], where what is charged changes.
    pub(crate) charges: Vec<Charge>,
    pub(crate) comparisons: Vec<Comparison>,
    /// Where the counters begin in the memory of the instruments.
    pub(crate) counters_at: u32,
    /// Where the comparisons begin, behind the calls.
    pub(crate) comparisons_at: u32,
    /// Where the marks of what was written begin.
    pub(crate) marks_at: u32,
    /// Pages of the memory of the instruments.
    pub(crate) pages: u32,
}

/// The stack of a guest with instruments, whose frames are larger: as many frames, whatever they take.
pub(super) fn stack(stack: StackLimit) -> StackLimit {
    /// More than the locals and operands of instruments take in a frame, in bytes.
    const FRAME: u32 = 512;
    StackLimit {
        bytes: stack
            .bytes
            .saturating_add(stack.frames.saturating_mul(FRAME)),
        ..stack
    }
}

/// So many comparisons are kept in a module that notes them.
pub(crate) const fn comparison_bytes(which: Instruments) -> u32 {
    match which.has(Instruments::COMPARISONS) {
        true => COMPARISONS * COMPARISON_BYTES,
        false => 0,
    }
}

/// Adds instruments to the code of a module, and to what is added to its sections.
pub(super) fn install(
    reading: &mut Reading<'_>,
    added: &mut Additions,
    which: Instruments,
    stack: StackLimit,
) -> Result<Installed, LoadError> {
    let runs = reading.runs.take().unwrap_or_default();
    let types = Types::read(reading)?;
    // The calls lie at the beginning, the comparisons behind them, and the counters, of which the number is
    // known last, at the end.
    let frames = match which.has(Instruments::CALLS) {
        true => u64::from(stack.frames) + 2,
        false => 0,
    };
    let calls = frames * u64::from(STACKS * CALL_BYTES);
    let comparisons_at = within(calls.next_multiple_of(8))?;
    let counters_at = comparisons_at.saturating_add(comparison_bytes(which));
    let mut indices = Indices {
        memory: count(reading.memories.len())
            .saturating_add(reading.imported.memories)
            .saturating_add(added.memories.count()),
        depth: reading.globals.saturating_add(added.globals.count()),
        compared: 0,
        calls: types.tables.saturating_add(added.tables.count()),
        types: types.count().saturating_add(added.types.count()),
        imported: types.imported,
        comparisons_at,
        counters_at,
    };
    indices.compared = indices.depth.saturating_add(1);
    let mut module = Module {
        indices,
        places: Places { runs: &runs, at: 0 },
        results: ResultTypes::new(indices.types.saturating_add(2)),
        installed: Installed {
            which,
            counters: Vec::new(),
            charges: Vec::new(),
            comparisons: Vec::new(),
            counters_at,
            comparisons_at,
            marks_at: 0,
            pages: 0,
        },
    };
    reading.code = rewrite(&reading.code, |number, body, code| {
        let index = types.imported.saturating_add(count(number));
        let written = Function::write(body, index, types.of(number), &mut module)?;
        Ok(push_body(code, &written)?)
    })?;
    let Module {
        results,
        mut installed,
        ..
    } = module;
    let bytes = u64::from(which.counter_bytes())
        .saturating_mul(installed.counters.len() as u64)
        .saturating_add(counters_at.into());
    let marks_at = within(bytes)?.next_multiple_of(8);
    let marks = match which.has(Instruments::WRITES) {
        true => MARKS_BYTES,
        false => 0,
    };
    let pages = u64::from(within(u64::from(marks_at) + u64::from(marks))?).div_ceil(PAGE_BYTES);
    installed.marks_at = marks_at;
    installed.pages = u32::try_from(pages).unwrap_or(u32::MAX);
    add(&indices, &results, &installed, added);
    // Last: what the other instruments write is not the guest's.
    if marks > 0 {
        writes::install(reading, added, &types, indices.memory, marks_at)?;
    }
    Ok(installed)
}

/// Bytes of the memory of instruments, if it can have so many.
fn within(bytes: u64) -> Result<u32, LoadError> {
    let bytes = u32::try_from(bytes).ok().filter(|bytes| *bytes < 1 << 31);
    bytes.ok_or_else(|| LoadError::Compile("it is too large for instruments".into()))
}

/// Adds what the code of the instruments uses.
fn add(indices: &Indices, results: &ResultTypes, installed: &Installed, added: &mut Additions) {
    const FUNCTION: u8 = 0x60;
    const I32: u8 = 0x7F;
    const VARIABLE: u8 = 1;
    // (i32, i32) -> (), and () -> ().
    added.types.push(&[FUNCTION, 2, I32, I32, 0]);
    added.types.push(&[FUNCTION, 0, 0]);
    results.add(&mut added.types);
    let mut memory = vec![1];
    push_u32(&mut memory, installed.pages);
    push_u32(&mut memory, installed.pages);
    added.memories.push(&memory);
    added.export(NOTES_EXPORT, kind::MEMORY, indices.memory);
    for (name, index) in [
        (DEPTH_EXPORT, indices.depth),
        (COMPARED_EXPORT, indices.compared),
    ] {
        added
            .globals
            .push(&[I32, VARIABLE, op::I32_CONST, 0, op::END]);
        added.export(name, kind::GLOBAL, index);
    }
    if installed.which.has(Instruments::PROFILE) {
        const FUNCREF: u8 = 0x70;
        added.tables.push(&[FUNCREF, 1, 2, 2]);
        added.export_table(CALLS_EXPORT, indices.calls);
    }
}

/// The offsets of code in the module that was loaded.
struct Places<'a> {
    runs: &'a [Run],
    /// The run of the last place that was looked for.
    at: usize,
}

impl Places<'_> {
    /// Where code at a place in the code section, which is not before the last one, was read.
    fn read(&mut self, written: usize) -> u32 {
        let written = count(written);
        while let Some(next) = self.runs.get(self.at + 1)
            && next.written <= written
        {
            self.at += 1;
        }
        let Some(run) = self.runs.get(self.at) else {
            return 0;
        };
        let read = run.read.saturating_add(written.saturating_sub(run.written));
        // What was added behind a run is at its end.
        match self.runs.get(self.at + 1) {
            Some(next) if next.read >= run.read => read.min(next.read),
            _ => read,
        }
    }
}
