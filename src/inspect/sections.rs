//! What the bytes of a module say of its functions: where their bodies are, what they are called, and the
//! sections with debug information. What cannot be read is left out.

use crate::{
    printable::Text,
    room::{OutOfMemory, push},
};

use alloc::vec::Vec;
use core::ops::Range;
use wasmparser::{ExternalKind, KnownCustom, Name, NameSectionReader, Parser, Payload, TypeRef};

/// What was read.
#[derive(Default)]
pub(super) struct Sections<'a> {
    /// The functions that are imported; these have the first indices.
    pub imported: usize,
    /// The bodies of all others in the module, in their order. Each begins with its locals.
    pub bodies: Vec<Range<usize>>,
    /// For each function what the name section, the exports or the imports call it, in this order.
    pub names: Vec<Option<Text>>,
    /// Where the contents of the code section begin.
    #[cfg(feature = "debug-info")]
    pub code: usize,
    /// The sections `.debug_*`: each name and contents.
    #[cfg(feature = "debug-info")]
    pub debug: Vec<(&'a str, &'a [u8])>,
    exports: Vec<(u32, &'a str)>,
    name_section: Option<NameSectionReader<'a>>,
}

impl<'a> Sections<'a> {
    /// Reads them as far as they are intact and memory lasts.
    pub(super) fn read(module: &'a [u8]) -> Sections<'a> {
        let mut read = Sections::default();
        for payload in Parser::new(0).parse_all(module) {
            let Ok(payload) = payload else { break };
            // A section that is damaged ends the reading of itself only.
            let _ = read.add(payload);
        }
        let _ = read.resolve_names();
        read
    }

    fn add(&mut self, payload: Payload<'a>) -> Result<(), Stop> {
        match payload {
            Payload::ImportSection(imports) => {
                for import in imports {
                    let import = import?;
                    if let TypeRef::Func(_) = import.ty {
                        let name = format!("{}.{}", import.module, import.name);
                        push(&mut self.names, Some(name.into()))?;
                        self.imported += 1;
                    }
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    if export.kind == ExternalKind::Func {
                        push(&mut self.exports, (export.index, export.name))?;
                    }
                }
            }
            #[cfg(feature = "debug-info")]
            Payload::CodeSectionStart { range, .. } => self.code = range.start,
            Payload::CodeSectionEntry(body) => {
                push(&mut self.bodies, body.range())?;
                push(&mut self.names, None)?;
            }
            Payload::CustomSection(section) => {
                #[cfg(feature = "debug-info")]
                if section.name().starts_with(".debug_") {
                    push(&mut self.debug, (section.name(), section.data()))?;
                }
                if let KnownCustom::Name(names) = section.as_known() {
                    self.name_section.get_or_insert(names);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn resolve_names(&mut self) -> Result<(), Stop> {
        // The first export of a function names it.
        for (index, name) in self.exports.drain(..).rev() {
            if let Some(known) = self.names.get_mut(index as usize) {
                *known = Some(name.into());
            }
        }
        for names in self.name_section.take().into_iter().flatten() {
            let Name::Function(names) = names? else {
                continue;
            };
            for naming in names {
                let naming = naming?;
                if let Some(known) = self.names.get_mut(naming.index as usize)
                    && !naming.name.is_empty()
                {
                    *known = Some(naming.name.into());
                }
            }
        }
        Ok(())
    }
}

/// Why no more is read.
struct Stop;

impl From<wasmparser::BinaryReaderError> for Stop {
    fn from(_: wasmparser::BinaryReaderError) -> Stop {
        Stop
    }
}

impl From<OutOfMemory> for Stop {
    fn from(_: OutOfMemory) -> Stop {
        Stop
    }
}
