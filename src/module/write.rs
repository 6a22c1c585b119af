//! Writes the module that runs in place of the one that was loaded: a start function becomes an
//! export, so that it runs under the same limits as everything else; variable globals become exports,
//! so that they can be read and set; data segments are removed, and copied by the host; functions are
//! those that `body` wrote. The guest cannot observe the difference.

use super::{
    Shape,
    data::{self, Initial},
    encode::{self, id, kind, push_name, push_section, push_u32},
    read::Reading,
};
use crate::{
    error::{LoadError, Unforkable},
    room,
};
use wasmparser::{BinaryReader, ValType};

/// What the names of added exports begin with.
pub(crate) const RESERVED: &str = "tollgate:";

/// The export by which a start function is called in slices, like any other function.
pub(crate) const START_EXPORT: &str = "tollgate:start";

/// The most variable globals that are copied: setting one takes some 50 ns, and compilers emit a few.
const MOST_GLOBALS: usize = 1_000;

/// Returns the name of the export for a variable global.
pub(crate) fn global_export(number: u32) -> String {
    format!("{RESERVED}global:{number}")
}

/// A module to run, and what was removed from it.
pub(super) struct Written {
    pub(super) bytes: Vec<u8>,
    pub(super) initial: Initial,
    pub(super) state: Result<Variables, Unforkable>,
}

/// The state of a module that is reached through exports, besides its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Variables {
    /// How many variable globals there are.
    pub(crate) globals: u32,
}

/// Writes the module that runs.
pub(super) fn write(reading: Reading<'_>, shape: &Shape) -> Result<Written, LoadError> {
    let data = match &reading.initial {
        Some(Err(why)) => Err(*why),
        _ => Ok(()),
    };
    let state = data.and_then(|()| variables(&reading, shape));
    let mut added = Vec::new();
    if state.is_ok() {
        let numbered = (0..).zip(&reading.variables);
        added.extend(
            numbered.map(|(number, (index, _))| (global_export(number), kind::GLOBAL, *index)),
        );
    }
    if let Some(start) = reading.start {
        added.push((START_EXPORT.to_owned(), kind::FUNCTION, start));
    }
    let bytes = sections(&reading, &added, data.is_ok())?;
    Ok(Written {
        bytes,
        initial: reading.initial.and_then(Result::ok).unwrap_or_default(),
        state,
    })
}

fn sections(
    reading: &Reading<'_>,
    added: &[(String, u8, u32)],
    without_data: bool,
) -> Result<Vec<u8>, LoadError> {
    let kept = reading.sections.iter().filter(|section| match section.id {
        id::DATA => !without_data,
        id::CODE | id::START => false,
        _ => true,
    });
    let size: usize = kept.map(|section| section.content.len() + 6).sum();
    let mut module = encode::begin(size + reading.code.len() + added.len() * 32 + 64)?;
    for section in &reading.sections {
        match section.id {
            id::START => {}
            id::EXPORT => {
                let mut reader = BinaryReader::new(section.content, 0);
                // The section was read before.
                let count = reader.read_var_u32().unwrap_or(0);
                let mut content = room::reserved(section.content.len() + added.len() * 32)?;
                let more = u32::try_from(added.len()).unwrap_or(u32::MAX);
                push_u32(&mut content, count.saturating_add(more));
                let exports = section.content.get(reader.current_position()..);
                content.extend_from_slice(exports.unwrap_or_default());
                for (name, kind, index) in added {
                    push_name(&mut content, name.as_bytes());
                    content.push(*kind);
                    push_u32(&mut content, *index);
                }
                push_section(&mut module, id::EXPORT, &content);
            }
            id::CODE => push_section(&mut module, id::CODE, &reading.code),
            id::DATA if without_data => {}
            id::DATA_COUNT if without_data => {
                push_section(&mut module, id::DATA_COUNT, &data::count(0));
            }
            other => push_section(&mut module, other, section.content),
        }
    }
    Ok(module)
}

/// Returns the variables, if all state can be reached.
fn variables(reading: &Reading<'_>, shape: &Shape) -> Result<Variables, Unforkable> {
    let imported = reading.imported;
    if imported.tables + imported.memories + imported.globals > 0 {
        return Err(Unforkable::ImportsState);
    }
    if reading.memories.len() > 1 {
        return Err(Unforkable::SeveralMemories);
    }
    let operators = shape.operators;
    if operators.use_data {
        return Err(Unforkable::UsesData);
    }
    if operators.write_tables {
        return Err(Unforkable::WritesTables);
    }
    let mut types = reading.variables.iter().map(|(_, ty)| ty);
    if types.any(|ty| matches!(ty, ValType::Ref(_))) {
        return Err(Unforkable::ReferenceGlobal);
    }
    let globals = reading.variables.len();
    if globals > MOST_GLOBALS {
        return Err(Unforkable::ManyGlobals {
            globals,
            limit: MOST_GLOBALS,
        });
    }
    Ok(Variables {
        globals: u32::try_from(globals).unwrap_or(u32::MAX),
    })
}
