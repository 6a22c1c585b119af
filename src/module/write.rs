//! Writes the module that runs in place of the one that was loaded: a start function becomes an
//! export, so that it runs under the same limits as everything else; variable globals become exports,
//! so that they can be read and set; data segments are removed, and copied by the host; functions are
//! those that `body` wrote, and what they grow is exported for the host (see `growth`). The guest cannot
//! observe the difference.

use super::{
    additions::{Additions, RESERVED, assemble},
    data::{self, Initial},
    encode::{Section, id, kind},
    instrument::{self, Installed, Instruments},
    read::Reading,
};
use crate::{
    error::{LoadError, Unforkable},
    limits::StackLimit,
};
use alloc::{string::String, vec::Vec};
use wasmparser::ValType;

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
    pub(super) installed: Option<Installed>,
}

/// The state of a module that is reached through exports, besides its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Variables {
    /// How many variable globals there are.
    pub(crate) globals: u32,
}

/// Writes the module that runs.
pub(super) fn write(reading: &mut Reading<'_>) -> Result<Written, LoadError> {
    write_with(reading, None)
}

/// The same, with instruments for a guest with this stack.
pub(super) fn write_with(
    reading: &mut Reading<'_>,
    instruments: Option<(Instruments, StackLimit)>,
) -> Result<Written, LoadError> {
    let data = match &reading.initial {
        Some(Err(why)) => Err(*why),
        _ => Ok(()),
    };
    let state = data.and_then(|()| variables(reading));
    let mut added = Additions::default();
    if state.is_ok() {
        for (number, (index, _)) in (0..).zip(&reading.variables) {
            added.export(&global_export(number), kind::GLOBAL, *index);
        }
    }
    if let Some(start) = reading.start {
        added.export(START_EXPORT, kind::FUNCTION, start);
    }
    reading.places.add(reading.shape.growth, &mut added);
    let installed = match instruments {
        Some((which, stack)) => Some(instrument::install(reading, &mut added, which, stack)?),
        None => None,
    };
    let bytes = sections(reading, &added, data.is_ok())?;
    // It is as large as the module, and written.
    reading.code = Vec::new();
    Ok(Written {
        bytes,
        initial: reading
            .initial
            .take()
            .and_then(Result::ok)
            .unwrap_or_default(),
        state,
        installed,
    })
}

fn sections(
    reading: &Reading<'_>,
    added: &Additions,
    without_data: bool,
) -> Result<Vec<u8>, LoadError> {
    let no_data = data::count(0);
    let kept = |section: &&Section<'_>| match section.id {
        id::DATA => !without_data,
        id => id != id::CODE,
    };
    let kept = reading.sections.iter().filter(kept);
    let size: usize = kept.map(|section| section.content.len()).sum();
    let module = assemble(
        &reading.sections,
        added,
        size + reading.code.len(),
        |section| match section.id {
            id::START => None,
            id::CODE => Some(&reading.code),
            id::DATA if without_data => None,
            id::DATA_COUNT if without_data => Some(&no_data),
            _ => Some(section.content),
        },
    );
    Ok(module?)
}

/// Returns the variables, if all state can be reached.
fn variables(reading: &Reading<'_>) -> Result<Variables, Unforkable> {
    let imported = reading.imported;
    if imported.tables + imported.memories + imported.globals > 0 {
        return Err(Unforkable::ImportsState);
    }
    if reading.memories.len() > 1 {
        return Err(Unforkable::SeveralMemories);
    }
    let operators = reading.shape.operators;
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
