//! Growing is the host's. `memory.grow` and `table.grow` become calls of functions of the host, through a
//! table that is added behind all others, so that no index changes; the host puts them there. In a build
//! with fast dispatch the engine's own leave a frame on the native stack each time that they run, and the
//! engine resumes `table.grow` wrongly. Here is what is added to a module; `guest` has the functions.
//!
//! Growing by a constant 0 stays: the engine makes that `memory.size` or `table.size`.

use super::{
    additions::{Additions, RESERVED},
    encode::{op::*, push_i64, push_u32},
};
use alloc::{string::String, vec::Vec};
use wasmparser::{BinaryReader, RefType};

/// The export of the table with the functions of the host.
pub(crate) const GROWTH_EXPORT: &str = "tollgate:growth";

/// The export of the memory, whatever the module exports.
pub(crate) const MEMORY_EXPORT: &str = "tollgate:memory";

/// Returns the name of the export for a table.
pub(crate) fn table_export(index: u32) -> String {
    format!("{RESERVED}table:{index}")
}

const I32: u8 = 0x7F;
const FUNCREF: u8 = 0x70;
const EXTERNREF: u8 = 0x6F;

/// The element of the table with the function that grows the memory.
pub(crate) const MEMORY_ELEMENT: u32 = 0;

/// Returns the element with the function that grows a table.
pub(crate) fn table_element(index: u32) -> u32 {
    index.saturating_add(1)
}

/// What a module grows, but by a constant 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Growth {
    memory: bool,
    /// A bit for each table; a module has at most a hundred.
    tables: u128,
}

impl Growth {
    pub(super) fn add_memory(&mut self) {
        self.memory = true;
    }

    pub(super) fn add_table(&mut self, index: u32) {
        self.tables |= bit(index);
    }

    pub(crate) fn memory(self) -> bool {
        self.memory
    }

    /// The indices of the tables that it grows.
    pub(crate) fn tables(self) -> impl Iterator<Item = u32> {
        (0..u128::BITS).filter(move |index| self.tables & bit(*index) != 0)
    }

    /// How many elements the table of the host has: none if there is no such table.
    pub(crate) fn elements(self) -> u32 {
        match (self.memory, u128::BITS - self.tables.leading_zeros()) {
            (false, 0) => 0,
            (_, tables) => table_element(tables),
        }
    }
}

fn bit(index: u32) -> u128 {
    1u128.checked_shl(index).unwrap_or(0)
}

/// Where what is added has its place, after all else.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Places {
    /// How many types the module has.
    pub(super) types: u32,
    /// How many tables it has, imported ones included.
    pub(super) tables: u32,
    /// A bit for each table of references of hosts.
    external: u128,
}

/// The types of the functions, in the order in which they are added: each grows one thing by an `i32`.
const TYPES: [&[u8]; 3] = [
    &[0x60, 1, I32, 1, I32],
    &[0x60, 2, FUNCREF, I32, 1, I32],
    &[0x60, 2, EXTERNREF, I32, 1, I32],
];

impl Places {
    /// Notes the table that comes next.
    pub(super) fn add_table(&mut self, element: RefType) {
        if element.is_extern_ref() {
            self.external |= bit(self.tables);
        }
        self.tables = self.tables.saturating_add(1);
    }

    /// Writes a call in place of `memory.grow` or `table.grow`.
    pub(super) fn push_call(self, operator: &[u8], out: &mut Vec<u8>) {
        let (element, ty) = match operator {
            [MEMORY_GROW, ..] => (MEMORY_ELEMENT, 0),
            _ => {
                let mut reader = BinaryReader::new(operator.get(1..).unwrap_or_default(), 0);
                // It was read before.
                let _ = reader.read_var_u32();
                let table = reader.read_var_u32().unwrap_or_default();
                let is_external = self.external & bit(table) != 0;
                (table_element(table), 1 + u32::from(is_external))
            }
        };
        // A number of seven bits, and it has a sign.
        out.push(I32_CONST);
        push_i64(out, element.into());
        out.push(CALL_INDIRECT);
        push_u32(out, self.types.saturating_add(ty));
        push_u32(out, self.tables);
    }

    /// What is added to the module.
    pub(super) fn add(self, growth: Growth, to: &mut Additions) {
        let elements = growth.elements();
        if elements == 0 {
            return;
        }
        for ty in TYPES {
            to.types.push(ty);
        }
        // Its minimum is its maximum.
        let mut table = vec![FUNCREF, 1];
        push_u32(&mut table, elements);
        push_u32(&mut table, elements);
        to.tables.push(&table);
        to.export_table(GROWTH_EXPORT, self.tables);
        if growth.memory() {
            to.export_memory(MEMORY_EXPORT);
        }
        for index in growth.tables() {
            to.export_table(&table_export(index), index);
        }
    }
}
