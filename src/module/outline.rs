//! What rewriting must know of a module: its imports, memory, globals and exports. A section that
//! cannot be read is `None`; the engine decides what is valid.

use super::sections::{Reader, Section, id};

/// What can be imported and exported, by its number in the binary format.
pub(super) mod kind {
    pub(in super::super) const FUNCTION: u8 = 0;
    pub(in super::super) const TABLE: u8 = 1;
    pub(in super::super) const MEMORY: u8 = 2;
    pub(in super::super) const GLOBAL: u8 = 3;
}

/// Types of values, by their numbers in the binary format.
pub(super) mod value {
    pub(in super::super) const I32: u8 = 0x7F;
    pub(in super::super) const I64: u8 = 0x7E;
    pub(in super::super) const F32: u8 = 0x7D;
    pub(in super::super) const F64: u8 = 0x7C;
}

const END: u8 = 0x0B;

/// How much of each kind is imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Imported {
    pub(super) functions: u32,
    pub(super) tables: u32,
    pub(super) memories: u32,
    pub(super) globals: u32,
}

/// The size of a memory as it is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) flags: u8,
    pub(super) minimum: u32,
    pub(super) maximum: Option<u32>,
}

/// A global as it is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Global<'a> {
    pub(super) ty: u8,
    pub(super) mutable: bool,
    /// All bytes of the declaration.
    pub(super) whole: &'a [u8],
}

/// An export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Export<'a> {
    pub(super) name: &'a [u8],
    pub(super) kind: u8,
    pub(super) index: u32,
}

/// The parts of a module that rewriting reads.
#[derive(Debug, Default)]
pub(super) struct Outline<'a> {
    pub(super) imported: Imported,
    pub(super) memories: Vec<Declared>,
    pub(super) globals: Vec<Global<'a>>,
    pub(super) exports: Vec<Export<'a>>,
}

impl<'a> Outline<'a> {
    pub(super) fn read(sections: &[Section<'a>]) -> Option<Outline<'a>> {
        let mut outline = Outline::default();
        for section in sections {
            let mut reader = Reader(section.content);
            let reader = &mut reader;
            match section.id {
                id::IMPORT => outline.imported = imports(reader)?,
                id::MEMORY => outline.memories = list(reader, limits)?,
                id::GLOBAL => outline.globals = list(reader, global)?,
                id::EXPORT => outline.exports = list(reader, export)?,
                _ => continue,
            }
            if !reader.0.is_empty() {
                return None;
            }
        }
        Some(outline)
    }

    /// The function that is exported under a name.
    pub(super) fn exported_function(&self, name: &str) -> Option<u32> {
        let found = self
            .exports
            .iter()
            .find(|export| export.kind == kind::FUNCTION && export.name == name.as_bytes());
        found.map(|export| export.index)
    }
}

/// The type of each function, imported ones first.
pub(super) fn function_types(sections: &[Section<'_>]) -> Option<Vec<u32>> {
    let mut types = Vec::new();
    for section in sections {
        let mut reader = Reader(section.content);
        match section.id {
            id::IMPORT => {
                for _ in 0..reader.u32()? {
                    types.extend(import(&mut reader)?.1);
                }
            }
            id::FUNCTION => types.extend(list(&mut reader, Reader::u32)?),
            _ => {}
        }
    }
    Some(types)
}

fn list<'a, T>(
    reader: &mut Reader<'a>,
    mut item: impl FnMut(&mut Reader<'a>) -> Option<T>,
) -> Option<Vec<T>> {
    let count = reader.u32()?;
    // Not reserved: a count may be larger than the section.
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(item(reader)?);
    }
    Some(items)
}

fn imports(reader: &mut Reader<'_>) -> Option<Imported> {
    let mut imported = Imported::default();
    for _ in 0..reader.u32()? {
        let (kind, _) = import(reader)?;
        let count = match kind {
            kind::FUNCTION => &mut imported.functions,
            kind::TABLE => &mut imported.tables,
            kind::MEMORY => &mut imported.memories,
            kind::GLOBAL => &mut imported.globals,
            _ => return None,
        };
        *count = count.checked_add(1)?;
    }
    Some(imported)
}

/// One import: its kind, and the type of a function.
fn import(reader: &mut Reader<'_>) -> Option<(u8, Option<u32>)> {
    reader.name()?;
    reader.name()?;
    let kind = reader.byte()?;
    let mut ty = None;
    match kind {
        kind::FUNCTION => ty = Some(reader.u32()?),
        kind::TABLE => {
            reader.byte()?;
            limits(reader)?;
        }
        kind::MEMORY => drop(limits(reader)?),
        kind::GLOBAL => drop(reader.take(2)?),
        _ => return None,
    }
    Some((kind, ty))
}

/// How large a table or memory may be.
pub(super) fn limits(reader: &mut Reader<'_>) -> Option<Declared> {
    let flags = reader.byte()?;
    if flags > 1 {
        return None;
    }
    Some(Declared {
        flags,
        minimum: reader.u32()?,
        maximum: match flags {
            1 => Some(reader.u32()?),
            _ => None,
        },
    })
}

fn global<'a>(reader: &mut Reader<'a>) -> Option<Global<'a>> {
    let before = reader.0;
    let ty = reader.byte()?;
    let mutable = match reader.byte()? {
        0 => false,
        1 => true,
        _ => return None,
    };
    skip_constant(reader)?;
    let len = before.len().checked_sub(reader.0.len())?;
    Some(Global {
        ty,
        mutable,
        whole: before.get(..len)?,
    })
}

/// How many operators the longest constant expression of a section has: where a global, a data
/// segment or an element segment begins. 0 for other sections.
pub(super) fn longest_constant(section: &Section<'_>) -> Option<u64> {
    let mut reader = Reader(section.content);
    let of_one = match section.id {
        id::GLOBAL => |reader: &mut Reader<'_>| {
            reader.take(2)?;
            skip_constant(reader)
        },
        id::DATA => in_data,
        id::ELEMENT => in_elements,
        _ => return Some(0),
    };
    let mut longest = 0;
    for _ in 0..reader.u32()? {
        longest = longest.max(of_one(&mut reader)?);
    }
    Some(longest)
}

/// Reads a data segment.
fn in_data(reader: &mut Reader<'_>) -> Option<u64> {
    let flags = reader.u32()?;
    if flags == 2 {
        reader.u32()?;
    }
    let operators = match flags {
        0 | 2 => skip_constant(reader)?,
        1 => 0,
        _ => return None,
    };
    reader.name()?;
    Some(operators)
}

/// Reads an element segment: where it is put, its type, and its elements, which are functions or
/// expressions.
fn in_elements(reader: &mut Reader<'_>) -> Option<u64> {
    let flags = reader.u32().filter(|flags| *flags < 8)?;
    let (is_passive, has_index, has_expressions) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0);
    if !is_passive && has_index {
        reader.u32()?;
    }
    let mut longest = match is_passive {
        true => 0,
        false => skip_constant(reader)?,
    };
    if is_passive || has_index {
        reader.byte()?;
    }
    for _ in 0..reader.u32()? {
        if has_expressions {
            longest = longest.max(skip_constant(reader)?);
        } else {
            reader.u32()?;
        }
    }
    Some(longest)
}

/// Skips a constant expression, and returns how many operators it has.
fn skip_constant(reader: &mut Reader<'_>) -> Option<u64> {
    for operators in 0.. {
        match reader.byte()? {
            END => return Some(operators),
            // i32.const, i64.const, global.get, ref.null, ref.func
            0x41 | 0x42 | 0x23 | 0xD0 | 0xD2 => reader.skip_number()?,
            0x43 => drop(reader.take(4)?),
            0x44 => drop(reader.take(8)?),
            // add, sub, mul of both sizes
            0x6A..=0x6C | 0x7C..=0x7E => {}
            _ => return None,
        }
    }
    None
}

fn export<'a>(reader: &mut Reader<'a>) -> Option<Export<'a>> {
    Some(Export {
        name: reader.name()?,
        kind: reader.byte()?,
        index: reader.u32()?,
    })
}
