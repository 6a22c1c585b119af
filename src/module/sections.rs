//! A walk over the sections of a binary module, and reading and writing the numbers in them.
//! It never panics and never reads out of bounds. Validation is the engine's.

use crate::{
    error::LoadError,
    room::{self, OutOfMemory},
};

const MAGIC: &[u8; 4] = b"\0asm";

/// Section numbers of the binary format.
pub(super) mod id {
    pub(in super::super) const CUSTOM: u8 = 0;
    pub(in super::super) const TYPE: u8 = 1;
    pub(in super::super) const IMPORT: u8 = 2;
    pub(in super::super) const FUNCTION: u8 = 3;
    pub(in super::super) const TABLE: u8 = 4;
    pub(in super::super) const MEMORY: u8 = 5;
    pub(in super::super) const GLOBAL: u8 = 6;
    pub(in super::super) const EXPORT: u8 = 7;
    pub(in super::super) const START: u8 = 8;
    pub(in super::super) const ELEMENT: u8 = 9;
    pub(in super::super) const CODE: u8 = 10;
    pub(in super::super) const DATA: u8 = 11;
    pub(in super::super) const DATA_COUNT: u8 = 12;
}

/// One section, borrowed from the module.
#[derive(Clone, Copy)]
pub(super) struct Section<'a> {
    pub(super) id: u8,
    pub(super) content: &'a [u8],
}

impl Section<'_> {
    /// Its position among the other kinds; custom sections may be anywhere.
    fn rank(&self) -> Option<u8> {
        match self.id {
            id::CUSTOM => None,
            id::DATA_COUNT => Some(id::CODE * 2 - 1),
            other => Some(other.saturating_mul(2)),
        }
    }
}

/// Returns whether the sections are in order without duplicates. The engine refuses others.
pub(super) fn in_order(sections: &[Section<'_>]) -> bool {
    let ranks: Vec<u8> = sections.iter().filter_map(Section::rank).collect();
    ranks.is_sorted_by(|a, b| a < b)
}

/// Splits a module into its sections.
pub(super) fn split(bytes: &[u8]) -> Result<Vec<Section<'_>>, LoadError> {
    let mut sections = Vec::new();
    for section in walk(bytes)? {
        room::push(&mut sections, section?)?;
    }
    Ok(sections)
}

/// Returns how many sections there are, up to the first malformed one.
pub(super) fn count(bytes: &[u8]) -> u64 {
    walk(bytes).map_or(0, |sections| sections.count() as u64)
}

/// Iterates over the sections, up to the first malformed one.
fn walk(bytes: &[u8]) -> Result<impl Iterator<Item = Result<Section<'_>, LoadError>>, LoadError> {
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        return Err(LoadError::NotWasm(describe_other_format(bytes).into()));
    };
    let mut rest = match rest {
        [1, 0, 0, 0, rest @ ..] => rest,
        [_, 0, 1, 0, ..] => return Err(LoadError::Component),
        _ => return Err(LoadError::NotWasm("its format version is unknown".into())),
    };
    Ok(std::iter::from_fn(move || {
        let (&id, tail) = rest.split_first()?;
        let mut reader = Reader(tail);
        let content = reader.u32().and_then(|len| reader.take(len));
        rest = content.map_or(&[], |_| reader.0);
        let content = content.ok_or_else(|| truncated("a section"));
        Some(content.map(|content| Section { id, content }))
    }))
}

fn describe_other_format(bytes: &[u8]) -> String {
    let text = bytes.trim_ascii_start();
    if bytes.is_empty() {
        "no bytes".into()
    } else if text.starts_with(b"(") || text.starts_with(b";;") {
        "this looks like the text format; assemble it first".into()
    } else {
        "the magic number \\0asm is missing".into()
    }
}

pub(super) fn truncated(what: &str) -> LoadError {
    LoadError::Compile(format!("{what} reaches past the end of the module").into())
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

    /// A signed LEB128 number of at most 32 bits.
    pub(super) fn i32(&mut self) -> Option<i32> {
        let mut value = 0i64;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            value |= i64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                let unused = 64 - 7 - shift;
                return i32::try_from((value << unused) >> unused).ok();
            }
        }
        None
    }

    /// Skips a number.
    pub(super) fn skip_number(&mut self) -> Option<()> {
        while self.byte()? & 0x80 != 0 {}
        Some(())
    }

    pub(super) fn name(&mut self) -> Option<&'a [u8]> {
        let len = self.u32()?;
        self.take(len)
    }
}

/// Starts a module without sections, with capacity for `size` bytes.
pub(super) fn begin(size: usize) -> Result<Vec<u8>, OutOfMemory> {
    let mut module = room::reserved(size)?;
    module.extend_from_slice(MAGIC);
    module.extend_from_slice(&[1, 0, 0, 0]);
    Ok(module)
}

pub(super) fn push_section(module: &mut Vec<u8>, id: u8, content: &[u8]) {
    module.push(id);
    push_len(module, content.len());
    module.extend_from_slice(content);
}

pub(super) fn push_name(bytes: &mut Vec<u8>, name: &[u8]) {
    push_len(bytes, name.len());
    bytes.extend_from_slice(name);
}

/// Nothing that is written here comes near 4 GiB.
pub(super) fn push_len(bytes: &mut Vec<u8>, len: usize) {
    push_u32(bytes, u32::try_from(len).unwrap_or(u32::MAX));
}

pub(super) fn push_u32(bytes: &mut Vec<u8>, mut value: u32) {
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

pub(super) fn push_i64(bytes: &mut Vec<u8>, mut value: i64) {
    loop {
        let low = (value & 0x7F) as u8;
        value >>= 7;
        let sign = low & 0x40 != 0;
        if (value == 0 && !sign) || (value == -1 && sign) {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Shape, *};
    use crate::limits::ModuleLimits;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_read_as_they_were_written(unsigned: u32, signed: i32) {
            let mut bytes = Vec::new();
            push_u32(&mut bytes, unsigned);
            push_i64(&mut bytes, signed.into());
            let mut reader = Reader(&bytes);
            prop_assert_eq!(reader.u32(), Some(unsigned));
            prop_assert_eq!(reader.i32(), Some(signed));
            prop_assert!(reader.0.is_empty());
        }

        #[test]
        fn any_bytes_can_be_walked(bytes: Vec<u8>) {
            let mut reader = Reader(&bytes);
            while reader.u32().is_some() && reader.i32().is_some() && reader.name().is_some() {}
            let mut module = begin(0).unwrap();
            module.extend_from_slice(&bytes);
            if let Ok(sections) = split(&module) {
                in_order(&sections);
                let size = module.len() as u64;
                let _ = Shape::of(size, &sections, &ModuleLimits::default());
            }
        }
    }

    #[test]
    fn numbers_of_more_than_32_bits_are_none() {
        for bytes in [
            [0xFF, 0xFF, 0xFF, 0xFF, 0x0F].as_slice(),
            &[0x80, 0x80, 0x80, 0x80, 0x08],
        ] {
            assert_eq!(Reader(bytes).i32(), None);
        }
        assert_eq!(
            Reader(&[0x80, 0x80, 0x80, 0x80, 0x78]).i32(),
            Some(i32::MIN)
        );
        assert_eq!(Reader(&[0x80; 5]).i32(), None);
        assert_eq!(Reader(&[0x80; 5]).u32(), None);
    }
}
