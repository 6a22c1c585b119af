//! The functions of a module that was read before, for what is added to them: their types, and the code section
//! that is written once more, one function after the other. What is added, `instrument` and `writes` decide.

use super::{
    encode::{id, push_len, push_u32},
    read::Reading,
};
use crate::{
    error::LoadError,
    room::{self, OutOfMemory},
};
use alloc::{string::ToString, vec::Vec};
use wasmparser::{
    BinaryReader, BinaryReaderError, CodeSectionReader, FuncType, FunctionBody,
    FunctionSectionReader, ImportSectionReader, TableSectionReader, TypeRef, TypeSectionReader,
};

/// The types of the functions that have a body, and what lies before what is added.
pub(super) struct Types {
    types: Vec<FuncType>,
    functions: Vec<u32>,
    /// How many imported functions there are.
    pub(super) imported: u32,
    /// How many tables there are, imported ones included.
    pub(super) tables: u32,
}

impl Types {
    pub(super) fn read(reading: &Reading<'_>) -> Result<Types, LoadError> {
        let content = |wanted| {
            let section = reading.sections.iter().find(|section| section.id == wanted);
            section.map(|section| BinaryReader::new(section.content, 0))
        };
        let mut types = Types {
            types: Vec::new(),
            functions: Vec::new(),
            imported: 0,
            tables: 0,
        };
        if let Some(section) = content(id::TYPE) {
            let section = TypeSectionReader::new(section).map_err(unreadable)?;
            for ty in section.into_iter_err_on_gc_types() {
                room::push(&mut types.types, ty.map_err(unreadable)?)?;
            }
        }
        if let Some(section) = content(id::IMPORT) {
            for import in ImportSectionReader::new(section).map_err(unreadable)? {
                match import.map_err(unreadable)?.ty {
                    TypeRef::Func(_) => types.imported += 1,
                    TypeRef::Table(_) => types.tables += 1,
                    _ => {}
                }
            }
        }
        if let Some(section) = content(id::FUNCTION) {
            for ty in FunctionSectionReader::new(section).map_err(unreadable)? {
                room::push(&mut types.functions, ty.map_err(unreadable)?)?;
            }
        }
        if let Some(section) = content(id::TABLE) {
            let section = TableSectionReader::new(section).map_err(unreadable)?;
            types.tables = types.tables.saturating_add(section.count());
        }
        Ok(types)
    }

    /// How many types there are.
    pub(super) fn count(&self) -> u32 {
        count(self.types.len())
    }

    /// The type of a function by its number among those that have a body.
    pub(super) fn of(&self, number: usize) -> Option<&FuncType> {
        let ty = usize::try_from(*self.functions.get(number)?).ok()?;
        self.types.get(ty)
    }

    /// How many parameters that function has.
    pub(super) fn params(&self, number: usize) -> u32 {
        count(self.of(number).map_or(0, |ty| ty.params().len()))
    }
}

/// Returns a code section whose functions are written once more: `write` gets the number of each and its body,
/// and [adds](push_body) it. An empty section, which stands for none, stays empty.
pub(super) fn rewrite(
    code: &[u8],
    mut write: impl FnMut(usize, &FunctionBody<'_>, &mut Vec<u8>) -> Result<(), LoadError>,
) -> Result<Vec<u8>, LoadError> {
    if code.is_empty() {
        return Ok(Vec::new());
    }
    let mut written = room::reserved(code.len().saturating_mul(2))?;
    let bodies = CodeSectionReader::new(BinaryReader::new(code, 0)).map_err(unreadable)?;
    push_u32(&mut written, bodies.count());
    for (number, body) in bodies.into_iter().enumerate() {
        write(number, &body.map_err(unreadable)?, &mut written)?;
    }
    Ok(written)
}

/// Adds a function to a code section.
pub(super) fn push_body(code: &mut Vec<u8>, body: &[u8]) -> Result<(), OutOfMemory> {
    let more = body.len().saturating_add(5);
    code.try_reserve(more).map_err(|_| OutOfMemory)?;
    push_len(code, body.len());
    code.extend_from_slice(body);
    Ok(())
}

/// The module was read before.
pub(super) fn unreadable(error: BinaryReaderError) -> LoadError {
    LoadError::Compile(error.to_string().into())
}

/// What is counted in a module, which is shorter than 4 GiB.
pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
