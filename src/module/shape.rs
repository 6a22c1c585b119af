//! What a module contains: the counts of everything that is limited, and facts that the engine does
//! not expose.

use super::Growth;
use crate::limits::ModuleCounts;
use alloc::string::String;

/// What the sections of a module contain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    /// Whether the module had a start function, exported under a name of ours when loaded.
    pub(crate) has_start: bool,
    /// Which instructions its functions contain, of those that decide how it can run.
    pub(crate) operators: Operators,
    /// What its functions grow.
    pub(crate) growth: Growth,
    /// The version of the ABI package the module was built with, if it says so.
    pub(crate) abi_package: Option<String>,
    /// Whether it says that the compiler of Go made it.
    pub(crate) is_go: bool,
    /// The minimum of all its tables together, in elements.
    pub(crate) table_minimum: u64,
    pub(crate) counts: ModuleCounts,
}

/// Which of the instructions that decide how a module can run its functions contain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Operators {
    /// Anything that changes a table.
    pub(crate) write_tables: bool,
    /// `memory.init` or `data.drop`.
    pub(crate) use_data: bool,
}

/// Bytes that the engine takes for each function, before it is translated.
const FUNCTION: u64 = 256;

/// Bytes that are taken for each data segment.
const SEGMENT: u64 = 48;

impl Shape {
    /// Returns about how many bytes the engine takes to load what has these counts: a copy of the
    /// functions, and lists.
    pub(super) fn loading(&self) -> usize {
        let lists = self.counts.functions * FUNCTION + self.counts.data_segments * SEGMENT;
        usize::try_from(self.counts.bytes.saturating_mul(2).saturating_add(lists))
            .unwrap_or(usize::MAX)
    }
}
