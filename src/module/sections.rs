//! A walk over the sections of a binary module, and the one rewriting that loading needs: a start
//! function becomes an export, so that it runs under the same limits as everything else.
//! Validation is the engine's business; this walk only never panics and never reads out of bounds.

use super::{Shape, operators};
use crate::error::LoadError;
use tollgate_abi::names;

const MAGIC: &[u8; 4] = b"\0asm";

/// Section numbers of the binary format.
mod id {
    pub(super) const CUSTOM: u8 = 0;
    pub(super) const TABLE: u8 = 4;
    pub(super) const EXPORT: u8 = 7;
    pub(super) const START: u8 = 8;
    pub(super) const CODE: u8 = 10;
    pub(super) const DATA: u8 = 11;
}

/// One section, borrowed from the module.
#[derive(Clone, Copy)]
pub(super) struct Section<'a> {
    id: u8,
    content: &'a [u8],
}

/// Splits a module into its sections.
pub(super) fn split(bytes: &[u8]) -> Result<Vec<Section<'_>>, LoadError> {
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        return Err(LoadError::NotWasm(describe_stranger(bytes)));
    };
    let mut rest = match rest {
        [1, 0, 0, 0, rest @ ..] => rest,
        [_, 0, 1, 0, ..] => return Err(LoadError::Component),
        _ => return Err(LoadError::NotWasm("its format version is unknown".into())),
    };
    let mut sections = Vec::new();
    while let Some((&id, tail)) = rest.split_first() {
        let mut reader = Reader(tail);
        let content = reader.u32().and_then(|len| reader.take(len));
        let content = content.ok_or_else(|| truncated("a section"))?;
        sections.push(Section { id, content });
        rest = reader.0;
    }
    Ok(sections)
}

fn describe_stranger(bytes: &[u8]) -> String {
    let text = bytes.trim_ascii_start();
    if bytes.is_empty() {
        "there are none".into()
    } else if text.starts_with(b"(") || text.starts_with(b";;") {
        "this looks like the text format; assemble it first".into()
    } else {
        "the magic number \\0asm is missing".into()
    }
}

fn truncated(what: &str) -> LoadError {
    LoadError::Compile(format!("{what} reaches past the end of the module"))
}

/// Reads what the engine does not tell.
pub(super) fn shape(sections: &[Section<'_>]) -> Result<Shape, LoadError> {
    let mut shape = Shape::default();
    for section in sections {
        let mut reader = Reader(section.content);
        match section.id {
            id::START => shape.has_start = true,
            id::TABLE => {
                shape.table_minimum =
                    table_minimum(&mut reader).ok_or_else(|| truncated("the table section"))?;
            }
            id::CODE => {
                shape.functions = reader.u32().ok_or_else(|| truncated("the code section"))?;
                shape.grows_tables = operators::contain_table_grow(reader.0);
                shape.most_locals =
                    operators::most_locals(reader.0).ok_or_else(|| truncated("a function"))?;
            }
            id::DATA => {
                shape.data_segments = reader.u32().ok_or_else(|| truncated("the data section"))?;
            }
            id::CUSTOM if reader.name() == Some(names::VERSION_SECTION.as_bytes()) => {
                shape.abi_package = Some(String::from_utf8_lossy(reader.0).into_owned());
            }
            _ => {}
        }
    }
    Ok(shape)
}

/// The largest minimum of the tables; forms that the engine refuses anyway end the reading.
fn table_minimum(reader: &mut Reader<'_>) -> Option<u64> {
    let mut largest = 0;
    for _ in 0..reader.u32()? {
        let [kind] = *reader.take(1)? else {
            return None;
        };
        if kind == 0x40 {
            return Some(largest);
        }
        let [flags] = *reader.take(1)? else {
            return None;
        };
        largest = largest.max(u64::from(reader.u32()?));
        if flags & 1 == 1 {
            reader.u32()?;
        }
    }
    Some(largest)
}

/// Writes the module again with its start function exported under `name` instead of started.
pub(super) fn export_start(sections: &[Section<'_>], name: &str) -> Result<Vec<u8>, LoadError> {
    let start = sections.iter().find(|section| section.id == id::START);
    let function = start
        .and_then(|section| Reader(section.content).u32())
        .ok_or_else(|| truncated("the start section"))?;
    let size: usize = sections
        .iter()
        .map(|section| section.content.len() + 6)
        .sum();
    let mut module = Vec::with_capacity(size + name.len() + 32);
    module.extend_from_slice(MAGIC);
    module.extend_from_slice(&[1, 0, 0, 0]);
    for section in sections {
        match section.id {
            id::START => {}
            id::EXPORT => {
                let mut reader = Reader(section.content);
                let count = reader
                    .u32()
                    .ok_or_else(|| truncated("the export section"))?;
                let mut content = Vec::with_capacity(section.content.len() + name.len() + 12);
                push_u32(&mut content, count.saturating_add(1));
                content.extend_from_slice(reader.0);
                push_u32(&mut content, u32::try_from(name.len()).unwrap_or(u32::MAX));
                content.extend_from_slice(name.as_bytes());
                content.push(0);
                push_u32(&mut content, function);
                push_section(&mut module, id::EXPORT, &content);
            }
            other => push_section(&mut module, other, section.content),
        }
    }
    Ok(module)
}

fn push_section(module: &mut Vec<u8>, id: u8, content: &[u8]) {
    module.push(id);
    push_u32(module, u32::try_from(content.len()).unwrap_or(u32::MAX));
    module.extend_from_slice(content);
}

fn push_u32(bytes: &mut Vec<u8>, mut value: u32) {
    loop {
        let low = (value & 0x7F) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// Reads from the front of a slice; `None` at its end.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, len: u32) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    /// An unsigned LEB128 number of at most 32 bits.
    pub(super) fn u32(&mut self) -> Option<u32> {
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            let low = u32::from(byte & 0x7F);
            if shift == 28 && low > 0x0F {
                return None;
            }
            value |= low << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn name(&mut self) -> Option<&'a [u8]> {
        let len = self.u32()?;
        self.take(len)
    }
}
