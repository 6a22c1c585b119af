//! Counting what `ModuleLimits` limits, and refusing a module that has too much of something. Counts
//! are checked where they are read, before anything is kept for them.

use super::Shape;
use crate::{
    error::LoadError,
    limits::{ModuleCounts, ModuleLimits},
    room::{self, OutOfMemory},
};
use alloc::vec::Vec;
use wasmparser::{BinaryReader, BinaryReaderError, ConstExpr, Payload};

/// Refuses a module for its size, before anything is kept of it.
pub(crate) fn check_size(limits: &ModuleLimits, bytes: &[u8]) -> Result<(), LoadError> {
    let size = ModuleCounts {
        bytes: bytes.len() as u64,
        ..ModuleCounts::default()
    };
    check(limits, &size)
}

/// Refuses a module that has too much of something.
pub(super) fn check(limits: &ModuleLimits, counts: &ModuleCounts) -> Result<(), LoadError> {
    let measured = limits.measure(counts);
    match measured.iter().find(|one| one.found > one.limit) {
        None => Ok(()),
        Some(over) => Err(LoadError::TooMuch {
            what: over.what,
            found: over.found,
            limit: over.limit,
            name: over.name,
        }),
    }
}

/// Checks what is counted within a function, which happens often.
pub(super) fn check_one(limits: &ModuleLimits, counts: &ModuleCounts) -> Result<(), LoadError> {
    let is_within = counts.nesting <= limits.nesting
        && counts.carried_values <= limits.carried_values
        && counts.longest_function <= limits.function_bytes
        && counts.most_locals <= limits.locals_of_one
        && counts.locals <= limits.locals;
    if is_within {
        return Ok(());
    }
    check(limits, counts)
}

/// Adds what a section declares to have, without reading further than its head.
pub(super) fn section(shape: &mut Shape, payload: &Payload<'_>) {
    let counts = &mut shape.counts;
    let (found, declared) = match payload {
        Payload::TypeSection(section) => (&mut counts.types, section.count()),
        Payload::ImportSection(section) => (&mut counts.imports, section.count()),
        Payload::FunctionSection(section) => (&mut counts.functions, section.count()),
        Payload::GlobalSection(section) => (&mut counts.globals, section.count()),
        Payload::ExportSection(section) => (&mut counts.exports, section.count()),
        Payload::DataSection(section) => (&mut counts.data_segments, section.count()),
        Payload::ElementSection(section) => {
            counts.element_bytes += section.range().len() as u64;
            (&mut counts.element_segments, section.count())
        }
        Payload::CodeSectionStart { size, .. } => {
            counts.code_bytes += u64::from(*size);
            return;
        }
        Payload::CustomSection(section) => {
            counts.custom_bytes += section.range().len() as u64;
            return;
        }
        _ => return,
    };
    *found += u64::from(declared);
}

/// How many operators a constant expression has, its end not counted.
pub(super) fn constant(
    shape: &mut Shape,
    expression: &ConstExpr<'_>,
) -> Result<(), BinaryReaderError> {
    let mut reader = expression.get_operators_reader();
    let mut operators = 0u64;
    while !reader.eof() {
        reader.read()?;
        operators += 1;
    }
    let longest = &mut shape.counts.longest_constant;
    *longest = (*longest).max(operators.saturating_sub(1));
    Ok(())
}

/// How many values a type takes and returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Arity {
    pub(super) params: u32,
    pub(super) results: u32,
    /// The block type of code that leaves the results, as its one byte; `None` if there are several.
    pub(super) block: Option<u8>,
}

/// The block type of code that leaves nothing.
pub(super) const EMPTY: u8 = 0x40;

/// The types of a module and of its functions.
#[derive(Debug, Default)]
pub(super) struct Types {
    types: Vec<Arity>,
    /// The type of each function, imported ones first.
    functions: Vec<u32>,
}

impl Types {
    /// How many types there are.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.types.len()).unwrap_or(u32::MAX)
    }

    /// Returns the type at an index. A missing type has no values; the validator refuses the module.
    pub(super) fn of(&self, index: u32) -> Arity {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        self.types.get(index).copied().unwrap_or_default()
    }

    pub(super) fn of_function(&self, index: u32) -> Arity {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let ty = self.functions.get(index);
        ty.map(|ty| self.of(*ty)).unwrap_or_default()
    }

    /// Adds the function that comes next.
    pub(super) fn add_function(&mut self, ty: u32) -> Result<(), OutOfMemory> {
        room::push(&mut self.functions, ty)
    }

    /// Reads the type section, as far as it holds function types: the validator refuses others.
    pub(super) fn read(&mut self, shape: &mut Shape, content: &[u8]) -> Result<(), OutOfMemory> {
        let mut reader = BinaryReader::new(content, 0);
        let count = reader.read_var_u32().unwrap_or(0);
        for _ in 0..count {
            let Some(arity) = function_type(&mut reader) else {
                break;
            };
            let counts = &mut shape.counts;
            counts.most_params = counts.most_params.max(arity.params.into());
            counts.most_results = counts.most_results.max(arity.results.into());
            room::push(&mut self.types, arity)?;
        }
        Ok(())
    }
}

/// Reads a function type whose types of values are one byte each, as all enabled ones are.
fn function_type(reader: &mut BinaryReader<'_>) -> Option<Arity> {
    if reader.read_u8().ok()? != 0x60 {
        return None;
    }
    let mut values = || {
        let count = reader.read_var_u32().ok()?;
        let types = reader.read_bytes(usize::try_from(count).ok()?).ok()?;
        Some((count, types))
    };
    let (params, _) = values()?;
    let (results, types) = values()?;
    Some(Arity {
        params,
        results,
        block: match types {
            [] => Some(EMPTY),
            [one] => Some(*one),
            _ => None,
        },
    })
}
