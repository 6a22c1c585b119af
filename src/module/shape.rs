//! What a module contains: counts of everything that is limited, and facts that the engine does not
//! expose. Computed before anything is compiled; `limits` decides what is too much.

use super::{
    limits::check,
    operators::{self, Operators},
    outline, producers,
    sections::{Reader, Section, id},
};
use crate::{
    error::LoadError,
    limits::{ModuleCounts, ModuleLimits},
};
use tollgate_abi::names;

/// The longest version of the ABI package that is read, in bytes.
const LONGEST_VERSION: usize = 64;

/// What the sections of a module contain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    /// Whether the module had a start function, exported under a name of ours when loaded.
    pub(crate) has_start: bool,
    /// Which instructions its functions contain, of those that decide how it can run.
    pub(crate) operators: Operators,
    /// The version of the ABI package the module was built with, if it says so.
    pub(crate) abi_package: Option<String>,
    /// Whether it says that the compiler of Go made it.
    pub(crate) is_go: bool,
    /// The minimum of all its tables together, in elements.
    pub(crate) table_minimum: u64,
    pub(crate) counts: ModuleCounts,
}

/// How many parameters and results a function has.
#[derive(Clone, Copy, Default)]
pub(super) struct Arity {
    pub(super) params: u64,
    pub(super) results: u64,
}

impl Arity {
    pub(super) fn carried(self) -> u64 {
        self.params + self.results
    }
}

/// The types of a module and of its functions.
#[derive(Default)]
pub(super) struct Types {
    types: Vec<Arity>,
    /// The type of each function, imported ones first.
    functions: Vec<u32>,
}

impl Types {
    /// Returns the type at an index. A missing type has no values; the engine refuses the module.
    pub(super) fn of(&self, index: u32) -> Arity {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        self.types.get(index).copied().unwrap_or_default()
    }

    pub(super) fn of_function(&self, index: u32) -> Arity {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let ty = self.functions.get(index);
        ty.map(|ty| self.of(*ty)).unwrap_or_default()
    }
}

/// Bytes that the engine takes for each function, before it is translated.
const FUNCTION: u64 = 256;

/// Bytes that are taken for each data segment.
const SEGMENT: u64 = 48;

impl Shape {
    /// Returns about how many bytes compilation takes: copies of the module, ours and the engine's,
    /// and the engine's lists.
    pub(super) fn compiling(&self) -> usize {
        let lists = self.counts.functions * FUNCTION + self.counts.data_segments * SEGMENT;
        usize::try_from(self.counts.bytes.saturating_mul(4).saturating_add(lists))
            .unwrap_or(usize::MAX)
    }

    /// Walks the sections of a module of this many bytes, until one exceeds `limits`.
    pub(super) fn of(
        bytes: u64,
        sections: &[Section<'_>],
        limits: &ModuleLimits,
    ) -> Result<Shape, LoadError> {
        let mut shape = Shape {
            counts: ModuleCounts {
                bytes,
                sections: sections.len() as u64,
                ..ModuleCounts::default()
            },
            ..Shape::default()
        };
        for section in sections {
            shape.count(section);
        }
        check(limits, &shape.counts)?;
        let unreadable = |what| move || LoadError::Compile(format!("{what} cannot be read").into());
        let mut types = Types {
            types: Vec::new(),
            functions: outline::function_types(sections)
                .ok_or_else(unreadable("the type of a function"))?,
        };
        for section in sections {
            let mut reader = Reader(section.content);
            let (read, what) = match section.id {
                id::GLOBAL | id::ELEMENT | id::DATA => (
                    outline::longest_constant(section).map(|operators| {
                        shape.counts.longest_constant = shape.counts.longest_constant.max(operators)
                    }),
                    "a global, an element segment or a data segment",
                ),
                id::TYPE => (shape.types(&mut reader, &mut types), "the type section"),
                id::TABLE => (shape.tables(&mut reader), "the table section"),
                id::CODE => (
                    shape.code(&mut reader, &types, limits.nesting),
                    "a function or one of its instructions",
                ),
                _ => continue,
            };
            read.ok_or_else(unreadable(what))?;
            check(limits, &shape.counts)?;
        }
        Ok(shape)
    }

    /// Adds the count that a section declares.
    fn count(&mut self, section: &Section<'_>) {
        let mut reader = Reader(section.content);
        let size = section.content.len() as u64;
        let counted = match section.id {
            id::CUSTOM => {
                self.counts.custom_bytes += size;
                let name = reader.name();
                self.is_go |= name == Some(producers::NAME) && producers::name_go(Reader(reader.0));
                let is_version = name == Some(names::VERSION_SECTION.as_bytes());
                if is_version && reader.0.len() <= LONGEST_VERSION {
                    self.abi_package = Some(String::from_utf8_lossy(reader.0).into_owned());
                }
                return;
            }
            id::START => {
                self.has_start = true;
                return;
            }
            id::ELEMENT => {
                self.counts.element_bytes += size;
                &mut self.counts.element_segments
            }
            id::CODE => {
                self.counts.code_bytes += size;
                return;
            }
            id::TYPE => &mut self.counts.types,
            id::IMPORT => &mut self.counts.imports,
            id::FUNCTION => &mut self.counts.functions,
            id::GLOBAL => &mut self.counts.globals,
            id::EXPORT => &mut self.counts.exports,
            id::DATA => &mut self.counts.data_segments,
            _ => return,
        };
        // A section without a count is refused by the engine.
        *counted += u64::from(reader.u32().unwrap_or(0));
    }

    fn types(&mut self, reader: &mut Reader<'_>, types: &mut Types) -> Option<()> {
        for _ in 0..reader.u32()? {
            // Other forms than functions are refused by the engine.
            if reader.byte()? != 0x60 {
                return None;
            }
            let mut values = || {
                let number = reader.u32()?;
                reader.take(number)?;
                Some(u64::from(number))
            };
            let arity = Arity {
                params: values()?,
                results: values()?,
            };
            self.counts.most_params = self.counts.most_params.max(arity.params);
            self.counts.most_results = self.counts.most_results.max(arity.results);
            types.types.push(arity);
        }
        Some(())
    }

    fn tables(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        for _ in 0..reader.u32()? {
            // A table with an initial value is refused by the engine.
            if reader.byte()? == 0x40 {
                return Some(());
            }
            let minimum = outline::limits(reader)?.minimum;
            self.table_minimum = self.table_minimum.saturating_add(minimum.into());
        }
        Some(())
    }

    /// Walks the functions, blocks no deeper than one past `nesting`.
    fn code(&mut self, reader: &mut Reader<'_>, types: &Types, nesting: u64) -> Option<()> {
        let bodies = usize::try_from(reader.u32()?).ok()?;
        // Bodies without a declaration are refused by the engine.
        let imported = types.functions.len().checked_sub(bodies)?;
        for ty in types.functions.get(imported..)? {
            let size = reader.u32()?;
            let body = operators::walk(reader.take(size)?, *ty, types, nesting)?;
            self.counts.longest_function = self.counts.longest_function.max(size.into());
            self.counts.most_locals = self.counts.most_locals.max(body.locals);
            self.counts.locals = self.counts.locals.saturating_add(body.locals);
            self.counts.nesting = self.counts.nesting.max(body.nesting);
            self.counts.carried_values = self.counts.carried_values.saturating_add(body.carried);
            self.operators.add(body.operators);
        }
        Some(())
    }
}
