//! Writes the module that runs in place of the one that was loaded: a start function becomes an
//! export, so that it runs under the same limits as everything else; variable globals become exports,
//! so that they can be read and set; data segments are removed, and copied by the host. The guest
//! cannot observe the difference, and its fuel is the same.

use super::{
    Shape,
    data::{self, Initial},
    outline::{Outline, kind, value},
    sections::{self, Reader, Section, id, push_name, push_section, push_u32, truncated},
};
use crate::{
    error::{LoadError, Unforkable},
    limits::PAGE_BYTES,
    room,
};

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
pub(super) struct Rewritten {
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

/// Writes the module that runs. The sections must be in order.
pub(super) fn rewrite(sections: &[Section<'_>], shape: &Shape) -> Result<Rewritten, LoadError> {
    let outline = Outline::read(sections);
    let data = match &outline {
        Some(outline) => take_data(sections, outline, shape),
        None => Err(Unforkable::Unreadable),
    };
    let state = data.as_ref().map_err(|why| *why).and_then(|_| {
        let outline = outline.as_ref().ok_or(Unforkable::Unreadable)?;
        variables(outline, shape)
    });
    let mut added = Vec::new();
    if let (Ok(_), Some(outline)) = (&state, &outline) {
        let globals = variable_globals(outline);
        added.extend(
            (0..)
                .zip(globals)
                .map(|(number, index)| (global_export(number), kind::GLOBAL, index)),
        );
    }
    if let Some(start) = sections.iter().find(|section| section.id == id::START) {
        let function = Reader(start.content).u32();
        let function = function.ok_or_else(|| truncated("the start section"))?;
        added.push((START_EXPORT.to_owned(), kind::FUNCTION, function));
    }
    let bytes = write(sections, &added, data.is_ok())?;
    Ok(Rewritten {
        bytes,
        initial: data.unwrap_or_default(),
        state,
    })
}

fn write(
    sections: &[Section<'_>],
    added: &[(String, u8, u32)],
    without_data: bool,
) -> Result<Vec<u8>, LoadError> {
    let size: usize = sections
        .iter()
        .map(|section| section.content.len() + 6)
        .sum();
    let mut module = sections::begin(size + added.len() * 32 + 64)?;
    for section in sections {
        match section.id {
            id::START => {}
            // The engine ignores it. A malformed one is kept, so that the engine refuses it.
            id::CUSTOM if is_readable(section.content) => {}
            id::EXPORT => {
                let mut reader = Reader(section.content);
                let count = reader.u32();
                let count = count.ok_or_else(|| truncated("the export section"))?;
                let mut content = room::reserved(section.content.len() + added.len() * 32)?;
                let more = u32::try_from(added.len()).unwrap_or(u32::MAX);
                push_u32(&mut content, count.saturating_add(more));
                content.extend_from_slice(reader.0);
                for (name, kind, index) in added {
                    push_name(&mut content, name.as_bytes());
                    content.push(*kind);
                    push_u32(&mut content, *index);
                }
                push_section(&mut module, id::EXPORT, &content);
            }
            id::DATA if without_data => {}
            id::DATA_COUNT if without_data => {
                push_section(&mut module, id::DATA_COUNT, &data::count(0));
            }
            other => push_section(&mut module, other, section.content),
        }
    }
    Ok(module)
}

/// Whether a custom section has a name.
fn is_readable(custom: &[u8]) -> bool {
    let name = Reader(custom).name();
    name.is_some_and(|name| std::str::from_utf8(name).is_ok())
}

/// Returns the data segments, if the guest never uses them itself.
fn take_data(
    sections: &[Section<'_>],
    outline: &Outline<'_>,
    shape: &Shape,
) -> Result<Initial, Unforkable> {
    let content = |id| {
        let section = sections.iter().find(|section| section.id == id);
        section.map(|section| section.content)
    };
    let Some(data) = content(id::DATA) else {
        return Ok(Initial::default());
    };
    let [memory] = outline.memories.as_slice() else {
        return Err(match outline.imported.memories {
            0 => Unforkable::SeveralMemories,
            _ => Unforkable::ImportsState,
        });
    };
    let initial = Initial::read(data, u64::from(memory.minimum) * PAGE_BYTES)?;
    if shape.operators.use_data {
        return Err(Unforkable::UsesData);
    }
    let announced = content(id::DATA_COUNT).map(|count| Reader(count).u32());
    match announced {
        Some(count) if count != Reader(data).u32() => Err(Unforkable::Unreadable),
        _ => Ok(initial),
    }
}

/// Returns the variables, if all state can be reached.
fn variables(outline: &Outline<'_>, shape: &Shape) -> Result<Variables, Unforkable> {
    let imported = outline.imported;
    if imported.tables + imported.memories + imported.globals > 0 {
        return Err(Unforkable::ImportsState);
    }
    if outline.memories.len() > 1 {
        return Err(Unforkable::SeveralMemories);
    }
    if shape.operators.use_data {
        return Err(Unforkable::UsesData);
    }
    if shape.operators.write_tables {
        return Err(Unforkable::WritesTables);
    }
    let numeric = [value::I32, value::I64, value::F32, value::F64];
    let mut variable = outline.globals.iter().filter(|global| global.mutable);
    if variable.any(|global| !numeric.contains(&global.ty)) {
        return Err(Unforkable::ReferenceGlobal);
    }
    let globals = variable_globals(outline).count();
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

/// Returns the indices of the mutable globals.
fn variable_globals(outline: &Outline<'_>) -> impl Iterator<Item = u32> {
    let numbered = (outline.imported.globals..).zip(&outline.globals);
    numbered.filter_map(|(index, global)| global.mutable.then_some(index))
}
