//! The one reading of a module, in order: each section is counted, validated, and noted for the module
//! that is written. `body` reads the functions; nothing is compiled here.

use super::{
    Shape,
    baked::{self, Baked},
    body::Bodies,
    count::{self, Types},
    data::Initial,
    edit::Run,
    encode::{HEADER, Section, id},
    features,
    growth::Places,
    producers,
    refuse::{self, Stopped},
};
use crate::{
    error::{LoadError, Unforkable},
    limits::{ModuleLimits, PAGE_BYTES},
    room,
};
use alloc::{string::String, vec::Vec};
use core::ops::Range;
use tollgate_abi::names;
use wasmparser::{
    CustomSectionReader, DataKind, DataSectionReader, ElementItems, ElementKind, Parser, Payload,
    TypeRef, ValType, ValidPayload, Validator,
};

/// The longest version of the ABI package that is read, in bytes.
const LONGEST_VERSION: usize = 64;

/// How much of what holds state is imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Imported {
    pub(super) tables: u32,
    pub(super) memories: u32,
    pub(super) globals: u32,
}

/// What was read of a valid module within its limits.
#[derive(Default)]
pub(super) struct Reading<'a> {
    pub(super) shape: Shape,
    /// All sections but custom ones, in order.
    pub(super) sections: Vec<Section<'a>>,
    /// The code section as it runs.
    pub(super) code: Vec<u8>,
    /// What of the code section as it runs was copied from where, if that is asked for.
    pub(super) runs: Option<Vec<Run>>,
    pub(super) imported: Imported,
    /// Where what the host needs to grow is added.
    pub(super) places: Places,
    /// The minimum of each memory, in pages.
    pub(super) memories: Vec<u64>,
    /// The type of each variable global, with its index.
    pub(super) variables: Vec<(u32, ValType)>,
    pub(super) start: Option<u32>,
    /// The initial content of the memory, or why the engine must place it.
    pub(super) initial: Option<Result<Initial, Unforkable>>,
    pub(super) baked: Option<Baked>,
    /// Whether it has a section of a baked module, readable or not.
    pub(super) was_baked: bool,
    /// How many globals it has, imported ones included.
    pub(super) globals: u32,
    data_count: Option<u32>,
    has_code: bool,
}

/// Reads a module that is within `limits`.
pub(super) fn read<'a>(bytes: &'a [u8], limits: &ModuleLimits) -> Result<Reading<'a>, LoadError> {
    read_by(bytes, limits, Bodies::default())
}

/// The same, and keeps where the code that is written was read.
pub(super) fn read_with_runs<'a>(
    bytes: &'a [u8],
    limits: &ModuleLimits,
) -> Result<Reading<'a>, LoadError> {
    let mut bodies = Bodies::default();
    bodies.keep_runs();
    read_by(bytes, limits, bodies)
}

fn read_by<'a>(
    bytes: &'a [u8],
    limits: &ModuleLimits,
    bodies: Bodies,
) -> Result<Reading<'a>, LoadError> {
    check_header(bytes)?;
    let mut reading = Reading::default();
    reading.shape.counts.bytes = bytes.len() as u64;
    reading
        .read(bytes, limits, bodies)
        .map_err(|stopped| refuse::explain(bytes, stopped))?;
    Ok(reading)
}

fn check_header(bytes: &[u8]) -> Result<(), LoadError> {
    let text = bytes.trim_ascii_start();
    let why = match bytes {
        _ if bytes.starts_with(&HEADER) => return Ok(()),
        [b'\0', b'a', b's', b'm', _, 0, 1, 0, ..] => return Err(LoadError::Component),
        [b'\0', b'a', b's', b'm', ..] => "its format version is unknown",
        [] => "no bytes",
        _ if text.starts_with(b"(") || text.starts_with(b";;") => {
            "this looks like the text format; assemble it first"
        }
        _ => "the magic number \\0asm is missing",
    };
    Err(LoadError::NotWasm(why.into()))
}

impl<'a> Reading<'a> {
    fn read(
        &mut self,
        bytes: &'a [u8],
        limits: &ModuleLimits,
        mut bodies: Bodies,
    ) -> Result<(), Stopped> {
        let mut parser = Parser::new(0);
        parser.set_features(features::enabled());
        let mut validator = Validator::new_with_features(features::enabled());
        let mut types = Types::default();
        let mut constants = Vec::new();
        for payload in parser.parse_all(bytes) {
            let payload = payload?;
            if let Payload::CodeSectionEntry(body) = &payload {
                let ValidPayload::Func(function, _) = validator.payload(&payload)? else {
                    continue;
                };
                let index = function.index;
                bodies
                    .read(function, body, &types, &constants, limits, &mut self.shape)
                    .map_err(|stopped| match stopped {
                        Stopped::Invalid(error, _) => Stopped::Invalid(error, Some(index)),
                        refused => refused,
                    })?;
                continue;
            }
            if !matches!(payload, Payload::Version { .. } | Payload::End(_)) {
                self.shape.counts.sections += 1;
            }
            count::section(&mut self.shape, &payload);
            count::check(limits, &self.shape.counts)?;
            if let Some((id, range)) = numbered(&payload) {
                if self.initial.is_some() {
                    let error = format!("section out of order (at offset 0x{:x})", range.start);
                    return Err(LoadError::Compile(error.into()).into());
                }
                let content = bytes.get(range).unwrap_or_default();
                room::push(&mut self.sections, Section { id, content })?;
            }
            self.section(&payload, &mut types, &mut constants)?;
            count::check(limits, &self.shape.counts)?;
            match &payload {
                Payload::CodeSectionStart { count, size, .. } => {
                    self.has_code = true;
                    validator.payload(&payload)?;
                    self.places.types = types.count();
                    let size = usize::try_from(*size).unwrap_or(usize::MAX);
                    bodies.begin(*count, size, self.places)?;
                }
                Payload::DataSection(data) => {
                    let initial = self.initial(data.count());
                    if initial.is_ok() {
                        let longest = &mut self.shape.counts.longest_constant;
                        *longest = (*longest).max(u64::from(data.count().min(1)));
                        count::check(limits, &self.shape.counts)?;
                    } else {
                        self.count_data(data.clone())?;
                        count::check(limits, &self.shape.counts)?;
                        validator.payload(&payload)?;
                    }
                    self.initial = Some(initial);
                }
                Payload::End(_) if matches!(self.initial, Some(Ok(_))) => self.check_end()?,
                _ => drop(validator.payload(&payload)?),
            }
        }
        (self.code, self.runs) = bodies.finish();
        Ok(())
    }

    /// Counts and notes what a section holds, but for the code and the data.
    fn section(
        &mut self,
        payload: &Payload<'a>,
        types: &mut Types,
        constants: &mut Vec<bool>,
    ) -> Result<(), Stopped> {
        match payload {
            Payload::CustomSection(section) => self.custom(section),
            Payload::TypeSection(_) => {
                let content = self.sections.last().map(|section| section.content);
                types.read(&mut self.shape, content.unwrap_or_default())?;
            }
            Payload::ImportSection(section) => {
                for import in section.clone() {
                    match import?.ty {
                        TypeRef::Func(ty) => types.add_function(ty)?,
                        TypeRef::Table(ty) => {
                            self.imported.tables += 1;
                            self.places.add_table(ty.element_type);
                        }
                        TypeRef::Memory(_) => self.imported.memories += 1,
                        TypeRef::Global(_) => {
                            self.imported.globals += 1;
                            self.globals += 1;
                            room::push(constants, false)?;
                        }
                        TypeRef::Tag(_) => {}
                    }
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section.clone() {
                    types.add_function(ty?)?;
                }
            }
            Payload::TableSection(section) => {
                for table in section.clone() {
                    let ty = table?.ty;
                    self.places.add_table(ty.element_type);
                    let minimum = &mut self.shape.table_minimum;
                    *minimum = minimum.saturating_add(ty.initial);
                }
            }
            Payload::MemorySection(section) => {
                for memory in section.clone() {
                    room::push(&mut self.memories, memory?.initial)?;
                }
            }
            Payload::GlobalSection(section) => {
                for global in section.clone() {
                    let global = global?;
                    count::constant(&mut self.shape, &global.init_expr)?;
                    room::push(constants, !global.ty.mutable)?;
                    if global.ty.mutable {
                        let variable = (self.globals, global.ty.content_type);
                        room::push(&mut self.variables, variable)?;
                    }
                    self.globals += 1;
                }
            }
            Payload::StartSection { func, .. } => {
                self.shape.has_start = true;
                self.start = Some(*func);
            }
            Payload::ElementSection(section) => {
                for element in section.clone() {
                    let element = element?;
                    if let ElementKind::Active { offset_expr, .. } = &element.kind {
                        count::constant(&mut self.shape, offset_expr)?;
                    }
                    if let ElementItems::Expressions(_, expressions) = element.items {
                        for expression in expressions {
                            count::constant(&mut self.shape, &expression?)?;
                        }
                    }
                }
            }
            Payload::DataCountSection { count, .. } => self.data_count = Some(*count),
            _ => {}
        }
        Ok(())
    }

    fn custom(&mut self, section: &CustomSectionReader<'_>) {
        if section.name() == names::VERSION_SECTION && section.data().len() <= LONGEST_VERSION {
            let version = String::from_utf8_lossy(section.data()).into_owned();
            self.shape.abi_package = Some(version);
        }
        self.shape.is_go |= producers::name_go(section);
        if section.name() == baked::NAME && !self.was_baked {
            self.was_baked = true;
            self.baked = Baked::read(section.data());
        }
    }

    /// Returns the data segments, if they are only the initial content of the one memory. Such a
    /// section is valid, and a Go program has a hundred thousand segments; others are validated.
    fn initial(&mut self, segments: u32) -> Result<Initial, Unforkable> {
        let initial = match self.memories.as_slice() {
            _ if self.imported.memories > 0 => Err(Unforkable::ImportsState),
            [pages] => {
                let content = self.sections.last().map(|section| section.content);
                Initial::read(
                    content.unwrap_or_default(),
                    pages.saturating_mul(PAGE_BYTES),
                )
            }
            _ => Err(Unforkable::SeveralMemories),
        }?;
        if self.shape.operators.use_data {
            return Err(Unforkable::UsesData);
        }
        if self
            .data_count
            .is_some_and(|announced| announced != segments)
        {
            return Err(Unforkable::Unreadable);
        }
        Ok(initial)
    }

    fn count_data(&mut self, data: DataSectionReader<'_>) -> Result<(), Stopped> {
        for segment in data {
            if let DataKind::Active { offset_expr, .. } = segment?.kind {
                count::constant(&mut self.shape, &offset_expr)?;
            }
        }
        Ok(())
    }

    /// Checks what the validator checks at the end of a module, where it has not seen the data.
    fn check_end(&self) -> Result<(), LoadError> {
        match self.has_code || self.shape.counts.functions == 0 {
            true => Ok(()),
            false => Err(LoadError::Compile(
                "function and code section have inconsistent lengths".into(),
            )),
        }
    }
}

/// The number of a section with its content, if it is not a custom one.
pub(super) fn numbered(payload: &Payload<'_>) -> Option<(u8, Range<usize>)> {
    Some(match payload {
        Payload::TypeSection(section) => (id::TYPE, section.range()),
        Payload::ImportSection(section) => (id::IMPORT, section.range()),
        Payload::FunctionSection(section) => (id::FUNCTION, section.range()),
        Payload::TableSection(section) => (id::TABLE, section.range()),
        Payload::MemorySection(section) => (id::MEMORY, section.range()),
        Payload::GlobalSection(section) => (id::GLOBAL, section.range()),
        Payload::ExportSection(section) => (id::EXPORT, section.range()),
        Payload::StartSection { range, .. } => (id::START, range.clone()),
        Payload::ElementSection(section) => (id::ELEMENT, section.range()),
        Payload::CodeSectionStart { range, .. } => (id::CODE, range.clone()),
        Payload::DataSection(section) => (id::DATA, section.range()),
        Payload::DataCountSection { range, .. } => (id::DATA_COUNT, range.clone()),
        // The validator refuses all others.
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_can_be_read(bytes: Vec<u8>) {
            let _ = read(&bytes, &ModuleLimits::default());
            let mut module = HEADER.to_vec();
            module.extend_from_slice(&bytes);
            let _ = read(&module, &ModuleLimits::default());
        }
    }
}
