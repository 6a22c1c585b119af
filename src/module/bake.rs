//! Writing an initialised plugin as a module: its memory becomes data segments, its globals start with
//! their present values, and its initialiser does nothing. All other sections are copied.

use super::{
    additions::Entries,
    baked::Baked,
    data,
    encode::{self, id, kind, op, push_i64, push_name, push_section, push_u32},
    features,
    read::numbered,
};
use crate::{error::Unforkable, limits::PAGE_BYTES, room::OutOfMemory};
use alloc::vec::Vec;
use tollgate_abi::names::export;
use wasmi::Val;
use wasmparser::{
    BinaryReaderError, ExportSectionReader, ExternalKind, GlobalSectionReader, MemorySectionReader,
    Parser, Payload, TypeRef,
};

/// A function without locals that returns at once, with its size.
const EMPTY_BODY: [u8; 3] = [2, 0, op::END];

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
    original: &[u8],
    state: &State<'_>,
    baked: &Baked,
) -> Result<Vec<u8>, Unforkable> {
    let unreadable = |_| Unforkable::Unreadable;
    // The empty function comes last, so that no other changes its number.
    let initialize = new_function(original).map_err(unreadable)?;
    let (data, segments) = data::section(state.memory)?;
    let added = baked.section();
    let mut module = encode::begin(original.len() + data.len() + added.len() + SMALL)?;
    let mut has_data = false;
    for payload in sections(original) {
        let payload = payload.map_err(unreadable)?;
        let (id, range) = match &payload {
            Payload::CustomSection(section) => (id::CUSTOM, section.range()),
            _ => match numbered(&payload) {
                Some(section) => section,
                None => continue,
            },
        };
        let content = original.get(range).unwrap_or_default();
        let content = match (&payload, initialize) {
            (Payload::StartSection { .. }, _) => continue,
            (Payload::FunctionSection(_), Some((_, ty))) => {
                let mut item = Vec::new();
                push_u32(&mut item, ty);
                appended(content, &item)?
            }
            (Payload::CodeSectionStart { .. }, Some(_)) => appended(content, &EMPTY_BODY)?,
            (Payload::MemorySection(section), _) => memory(section, state.memory.len())?,
            (Payload::GlobalSection(section), _) => {
                let content = globals(section, original, state.globals);
                content.ok_or(Unforkable::Unreadable)?
            }
            (Payload::ExportSection(section), _) => {
                exports(section, initialize.map(|(number, _)| number)).map_err(unreadable)?
            }
            (Payload::DataCountSection { .. }, _) => data::count(segments),
            (Payload::DataSection(_), _) => {
                has_data = true;
                push_section(&mut module, id::DATA, &data);
                continue;
            }
            _ => {
                push_section(&mut module, id, content);
                continue;
            }
        };
        push_section(&mut module, id, &content);
    }
    if !has_data {
        push_section(&mut module, id::DATA, &data);
    }
    push_section(&mut module, id::CUSTOM, &added);
    Ok(module)
}

fn sections(module: &[u8]) -> impl Iterator<Item = Result<Payload<'_>, BinaryReaderError>> {
    let mut parser = Parser::new(0);
    parser.set_features(features::enabled());
    let payloads = parser.parse_all(module);
    payloads.filter(|payload| !matches!(payload, Ok(Payload::CodeSectionEntry(_))))
}

/// Returns the index of a function that is appended, and its type, if an initialiser is exported: it
/// stands for that.
fn new_function(original: &[u8]) -> Result<Option<(u32, u32)>, BinaryReaderError> {
    let (mut types, mut initialize) = (Vec::new(), None);
    for payload in sections(original) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports {
                    if let TypeRef::Func(ty) = import?.ty {
                        types.push(ty);
                    }
                }
            }
            Payload::FunctionSection(functions) => {
                for ty in functions {
                    types.push(ty?);
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    if export.kind == ExternalKind::Func && export.name == export::INITIALIZE {
                        initialize = Some(export.index);
                    }
                }
            }
            _ => {}
        }
    }
    let ty = initialize.and_then(|index| types.get(usize::try_from(index).ok()?));
    Ok(ty.and_then(|ty| Some((u32::try_from(types.len()).ok()?, *ty))))
}

/// Appends an item to a list.
fn appended(list: &[u8], item: &[u8]) -> Result<Vec<u8>, OutOfMemory> {
    let mut added = Entries::default();
    added.push(item);
    added.behind(list)
}

/// The one memory, with its present size as the minimum.
fn memory(section: &MemorySectionReader<'_>, bytes: usize) -> Result<Vec<u8>, Unforkable> {
    let unreadable = Unforkable::Unreadable;
    let mut memories = section.clone().into_iter();
    let Some(Ok(memory)) = memories.next().filter(|_| section.count() == 1) else {
        return Err(unreadable);
    };
    let mut content = vec![1, u8::from(memory.maximum.is_some())];
    let number = |pages: u64| u32::try_from(pages).map_err(|_| unreadable);
    push_u32(&mut content, number(bytes as u64 / PAGE_BYTES)?);
    if let Some(maximum) = memory.maximum {
        push_u32(&mut content, number(maximum)?);
    }
    Ok(content)
}

/// The globals, with these values for the variable ones.
fn globals(section: &GlobalSectionReader<'_>, original: &[u8], values: &[Val]) -> Option<Vec<u8>> {
    let mut values = values.iter();
    let mut content = Vec::new();
    push_u32(&mut content, section.count());
    let mut globals = section.clone().into_iter_with_offsets().peekable();
    while let Some(global) = globals.next() {
        let (from, global) = global.ok()?;
        if !global.ty.mutable {
            let to = match globals.peek() {
                Some(next) => next.as_ref().ok()?.0,
                None => section.range().end,
            };
            content.extend_from_slice(original.get(from..to)?);
            continue;
        }
        // The type of a variable that can be copied is one byte.
        content.extend_from_slice(&[*original.get(from)?, 1]);
        match values.next()? {
            Val::I32(value) => {
                content.push(op::I32_CONST);
                push_i64(&mut content, (*value).into());
            }
            Val::I64(value) => {
                content.push(op::I64_CONST);
                push_i64(&mut content, *value);
            }
            Val::F32(value) => {
                content.push(op::F32_CONST);
                content.extend_from_slice(&value.to_bits().to_le_bytes());
            }
            Val::F64(value) => {
                content.push(op::F64_CONST);
                content.extend_from_slice(&value.to_bits().to_le_bytes());
            }
            #[cfg(feature = "simd")]
            Val::V128(value) => {
                content.extend_from_slice(&[0xFD, 0x0C]);
                content.extend_from_slice(&value.as_u128().to_le_bytes());
            }
            _ => return None,
        }
        content.push(op::END);
    }
    values.next().is_none().then_some(content)
}

/// The exports, with another function in place of the initialiser.
fn exports(
    section: &ExportSectionReader<'_>,
    initialize: Option<u32>,
) -> Result<Vec<u8>, BinaryReaderError> {
    let mut content = Vec::new();
    push_u32(&mut content, section.count());
    for export in section.clone() {
        let export = export?;
        let initializes = export.kind == ExternalKind::Func && export.name == export::INITIALIZE;
        push_name(&mut content, export.name.as_bytes());
        content.push(match export.kind {
            ExternalKind::Func => kind::FUNCTION,
            ExternalKind::Table => kind::TABLE,
            ExternalKind::Memory => kind::MEMORY,
            ExternalKind::Global => kind::GLOBAL,
            ExternalKind::Tag => kind::TAG,
        });
        let index = initialize.filter(|_| initializes).unwrap_or(export.index);
        push_u32(&mut content, index);
    }
    Ok(content)
}
