//! What is added to the sections of a module, behind what it has: types, tables and exports.

use super::encode::{id, kind, push_name, push_u32};
use crate::room::{self, OutOfMemory};
use wasmparser::BinaryReader;

/// What the names of added exports begin with.
pub(crate) const RESERVED: &str = "tollgate:";

/// Entries that are added to the end of a section.
#[derive(Debug, Default)]
pub(super) struct Entries {
    count: u32,
    bytes: Vec<u8>,
}

impl Entries {
    pub(super) fn push(&mut self, entry: &[u8]) {
        self.count = self.count.saturating_add(1);
        self.bytes.extend_from_slice(entry);
    }

    /// How many bytes they have.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns a section with these entries behind those of a list, which may be empty.
    pub(super) fn behind(&self, list: &[u8]) -> Result<Vec<u8>, OutOfMemory> {
        let mut reader = BinaryReader::new(list, 0);
        // The section was read before, or is not there.
        let count = reader.read_var_u32().unwrap_or(0);
        let rest = list.get(reader.current_position()..).unwrap_or_default();
        let mut longer = room::reserved(rest.len() + self.bytes.len() + 5)?;
        push_u32(&mut longer, count.saturating_add(self.count));
        longer.extend_from_slice(rest);
        longer.extend_from_slice(&self.bytes);
        Ok(longer)
    }
}

/// What is added to the sections of a module.
#[derive(Debug, Default)]
pub(super) struct Additions {
    pub(super) types: Entries,
    pub(super) tables: Entries,
    exports: Entries,
}

impl Additions {
    pub(super) fn export(&mut self, name: &str, kind: u8, index: u32) {
        let mut entry = Vec::new();
        push_name(&mut entry, name.as_bytes());
        entry.push(kind);
        push_u32(&mut entry, index);
        self.exports.push(&entry);
    }

    pub(super) fn export_table(&mut self, name: &str, index: u32) {
        self.export(name, kind::TABLE, index);
    }

    /// Exports the one memory.
    pub(super) fn export_memory(&mut self, name: &str) {
        self.export(name, kind::MEMORY, 0);
    }

    /// The sections with entries of ours, in their order.
    pub(super) fn sections(&self) -> impl Iterator<Item = (u8, &Entries)> {
        [
            (id::TYPE, &self.types),
            (id::TABLE, &self.tables),
            (id::EXPORT, &self.exports),
        ]
        .into_iter()
        .filter(|(_, entries)| entries.count > 0)
    }
}
