//! What is added to the sections of a module, behind what it has: types, tables, memories, globals and
//! exports; and writing a module with its additions.

use super::encode::{self, Section, id, kind, push_name, push_section, push_u32};
use crate::room::{self, OutOfMemory};
use alloc::vec::Vec;
use wasmparser::BinaryReader;

/// What the names of added exports begin with.
pub(crate) const RESERVED: &str = "tollgate:";

/// Writes a module of these sections with what is added to them. `content` gives what is written in place
/// of a section; nothing, if it is left out. It has about `size` bytes beside the additions.
pub(super) fn assemble<'a>(
    sections: &[Section<'a>],
    added: &Additions,
    size: usize,
    content: impl Fn(&Section<'a>) -> Option<&'a [u8]>,
) -> Result<Vec<u8>, OutOfMemory> {
    let more: usize = added.sections().map(|(_, it)| it.len() + 12).sum();
    let heads = sections.len().saturating_mul(6).saturating_add(64);
    let mut module = encode::begin(size.saturating_add(more).saturating_add(heads))?;
    let mut additions = added.sections().peekable();
    for section in sections {
        // A section that the module does not have comes before the next one that it has. Those with
        // additions have lower numbers than the code, which all modules with additions have.
        while let Some((id, entries)) = additions.next_if(|(id, _)| *id < section.id) {
            push_section(&mut module, id, &entries.behind(&[])?);
        }
        if let Some((id, entries)) = additions.next_if(|(id, _)| *id == section.id) {
            push_section(&mut module, id, &entries.behind(section.content)?);
        } else if let Some(content) = content(section) {
            push_section(&mut module, section.id, content);
        }
    }
    Ok(module)
}

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

    pub(super) fn count(&self) -> u32 {
        self.count
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
    pub(super) memories: Entries,
    pub(super) globals: Entries,
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
            (id::MEMORY, &self.memories),
            (id::GLOBAL, &self.globals),
            (id::EXPORT, &self.exports),
        ]
        .into_iter()
        .filter(|(_, entries)| entries.count > 0)
    }
}
