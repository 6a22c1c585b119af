//! Writing an initialised plugin as a module: its memory becomes data segments, its globals start with
//! their present values, and its initialiser does nothing. All other sections are copied.

use super::{
    baked::Baked,
    data,
    outline::{Outline, function_types, kind},
    sections::{self, Reader, Section, id, push_i64, push_len, push_name, push_section, push_u32},
};
use crate::{error::Unforkable, limits::PAGE_BYTES, room};
use tollgate_abi::names::export;
use wasmi::Val;

const END: u8 = 0x0B;

/// A function without locals that returns at once, with its size.
const EMPTY_BODY: [u8; 3] = [2, 0, END];

/// Bytes that numbers and heads add to the sections.
const SMALL: usize = 1 << 16;

/// The state of an initialised instance.
pub(crate) struct State<'a> {
    pub(crate) memory: &'a [u8],
    /// The values of the variable globals, in their order.
    pub(crate) globals: &'a [Val],
}

/// Writes `original` as it is after its initialisation.
///
/// # Errors
///
/// If its sections cannot be read, or do not fit the state.
pub(super) fn write(
    original: &[Section<'_>],
    state: &State<'_>,
    baked: &Baked,
) -> Result<Vec<u8>, Unforkable> {
    let unreadable = Unforkable::Unreadable;
    let outline = Outline::read(original).ok_or(unreadable)?;
    // The empty function comes last, so that no other changes its number.
    let initialize = match outline.exported_function(export::INITIALIZE) {
        Some(index) => Some(new_function(original, index).ok_or(unreadable)?),
        None => None,
    };
    let (data, segments) = data::section(state.memory)?;
    let has_data = original.iter().any(|section| section.id == id::DATA);
    let added = baked.section();
    let size: usize = original.iter().map(|section| section.content.len()).sum();
    let mut module = sections::begin(size + data.len() + added.len() + SMALL)?;
    for section in original {
        let content = match section.id {
            id::START => continue,
            id::FUNCTION if initialize.is_some() => {
                let (_, ty) = initialize.ok_or(unreadable)?;
                appended(section.content, |list| push_u32(list, ty))?
            }
            id::CODE if initialize.is_some() => {
                appended(section.content, |list| list.extend_from_slice(&EMPTY_BODY))?
            }
            id::MEMORY => memories(&outline, state.memory.len()).ok_or(unreadable)?,
            id::GLOBAL => globals(&outline, state.globals).ok_or(unreadable)?,
            id::EXPORT => exports(&outline, initialize.map(|(number, _)| number)),
            id::DATA_COUNT => data::count(segments),
            id::DATA => {
                push_section(&mut module, id::DATA, &data);
                continue;
            }
            _ => {
                push_section(&mut module, section.id, section.content);
                continue;
            }
        };
        push_section(&mut module, section.id, &content);
    }
    if !has_data {
        push_section(&mut module, id::DATA, &data);
    }
    push_section(&mut module, id::CUSTOM, &added);
    Ok(module)
}

/// Returns the index of a function that is appended, and the type of the one that it replaces.
fn new_function(original: &[Section<'_>], stands_for: u32) -> Option<(u32, u32)> {
    let types = function_types(original)?;
    let number = u32::try_from(types.len()).ok()?;
    Some((number, *types.get(usize::try_from(stands_for).ok()?)?))
}

/// Appends an item to a list.
fn appended(list: &[u8], push: impl FnOnce(&mut Vec<u8>)) -> Result<Vec<u8>, Unforkable> {
    let mut reader = Reader(list);
    let count = reader.u32().and_then(|count| count.checked_add(1));
    let mut longer = room::reserved(list.len() + 16)?;
    push_u32(&mut longer, count.ok_or(Unforkable::Unreadable)?);
    longer.extend_from_slice(reader.0);
    push(&mut longer);
    Ok(longer)
}

/// The one memory, with its present size as the minimum.
fn memories(outline: &Outline<'_>, bytes: usize) -> Option<Vec<u8>> {
    let [memory] = outline.memories.as_slice() else {
        return None;
    };
    let mut content = vec![1, memory.flags];
    push_u32(&mut content, u32::try_from(bytes as u64 / PAGE_BYTES).ok()?);
    if let Some(maximum) = memory.maximum {
        push_u32(&mut content, maximum);
    }
    Some(content)
}

/// The globals, with these values for the variable ones.
fn globals(outline: &Outline<'_>, values: &[Val]) -> Option<Vec<u8>> {
    let mut values = values.iter();
    let mut content = Vec::new();
    push_len(&mut content, outline.globals.len());
    for global in &outline.globals {
        if !global.mutable {
            content.extend_from_slice(global.whole);
            continue;
        }
        content.extend_from_slice(&[global.ty, 1]);
        match values.next()? {
            Val::I32(value) => {
                content.push(0x41);
                push_i64(&mut content, (*value).into());
            }
            Val::I64(value) => {
                content.push(0x42);
                push_i64(&mut content, *value);
            }
            Val::F32(value) => {
                content.push(0x43);
                content.extend_from_slice(&value.to_bits().to_le_bytes());
            }
            Val::F64(value) => {
                content.push(0x44);
                content.extend_from_slice(&value.to_bits().to_le_bytes());
            }
            _ => return None,
        }
        content.push(END);
    }
    values.next().is_none().then_some(content)
}

/// The exports, with another function in place of the initialiser.
fn exports(outline: &Outline<'_>, initialize: Option<u32>) -> Vec<u8> {
    let mut content = Vec::new();
    push_len(&mut content, outline.exports.len());
    for export in &outline.exports {
        let initializes =
            export.kind == kind::FUNCTION && export.name == export::INITIALIZE.as_bytes();
        push_name(&mut content, export.name);
        content.push(export.kind);
        let index = initialize.filter(|_| initializes).unwrap_or(export.index);
        push_u32(&mut content, index);
    }
    content
}
