//! The binary format: its numbers, and writing numbers, names and sections.

use crate::room::{self, OutOfMemory};
use alloc::vec::Vec;

/// What every module begins with: the magic number and the version of the format.
pub(super) const HEADER: [u8; 8] = *b"\0asm\x01\0\0\0";

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

/// What can be exported, by its number in the binary format.
pub(super) mod kind {
    pub(in super::super) const FUNCTION: u8 = 0;
    pub(in super::super) const TABLE: u8 = 1;
    pub(in super::super) const MEMORY: u8 = 2;
    pub(in super::super) const GLOBAL: u8 = 3;
    pub(in super::super) const TAG: u8 = 4;
}

/// Operators by the byte that they begin with, as far as they are told apart or written here.
pub(super) mod op {
    pub(in super::super) const UNREACHABLE: u8 = 0x00;
    pub(in super::super) const BLOCK: u8 = 0x02;
    pub(in super::super) const LOOP: u8 = 0x03;
    pub(in super::super) const IF: u8 = 0x04;
    pub(in super::super) const ELSE: u8 = 0x05;
    pub(in super::super) const END: u8 = 0x0B;
    pub(in super::super) const BR: u8 = 0x0C;
    pub(in super::super) const BR_IF: u8 = 0x0D;
    pub(in super::super) const BR_TABLE: u8 = 0x0E;
    pub(in super::super) const RETURN: u8 = 0x0F;
    pub(in super::super) const CALL: u8 = 0x10;
    pub(in super::super) const CALL_INDIRECT: u8 = 0x11;
    pub(in super::super) const RETURN_CALL: u8 = 0x12;
    pub(in super::super) const RETURN_CALL_INDIRECT: u8 = 0x13;
    pub(in super::super) const SELECT: u8 = 0x1B;
    pub(in super::super) const TYPED_SELECT: u8 = 0x1C;
    pub(in super::super) const LOCAL_GET: u8 = 0x20;
    pub(in super::super) const LOCAL_SET: u8 = 0x21;
    pub(in super::super) const LOCAL_TEE: u8 = 0x22;
    pub(in super::super) const GLOBAL_GET: u8 = 0x23;
    pub(in super::super) const GLOBAL_SET: u8 = 0x24;
    pub(in super::super) const TABLE_SET: u8 = 0x26;
    pub(in super::super) const I64_LOAD: u8 = 0x29;
    pub(in super::super) const I32_LOAD8_U: u8 = 0x2D;
    pub(in super::super) const I32_STORE: u8 = 0x36;
    pub(in super::super) const I64_STORE: u8 = 0x37;
    pub(in super::super) const I32_STORE8: u8 = 0x3A;
    pub(in super::super) const I32_STORE16: u8 = 0x3B;
    pub(in super::super) const MEMORY_GROW: u8 = 0x40;
    pub(in super::super) const I32_CONST: u8 = 0x41;
    pub(in super::super) const I64_CONST: u8 = 0x42;
    pub(in super::super) const F32_CONST: u8 = 0x43;
    pub(in super::super) const F64_CONST: u8 = 0x44;
    pub(in super::super) const I32_EQZ: u8 = 0x45;
    pub(in super::super) const I32_NE: u8 = 0x47;
    pub(in super::super) const I32_GT_U: u8 = 0x4B;
    pub(in super::super) const I64_EQZ: u8 = 0x50;
    pub(in super::super) const I32_ADD: u8 = 0x6A;
    pub(in super::super) const I32_SUB: u8 = 0x6B;
    pub(in super::super) const I32_AND: u8 = 0x71;
    pub(in super::super) const I32_OR: u8 = 0x72;
    pub(in super::super) const I32_SHL: u8 = 0x74;
    pub(in super::super) const I32_SHR_U: u8 = 0x76;
    pub(in super::super) const I64_ADD: u8 = 0x7C;
    pub(in super::super) const I32_WRAP_I64: u8 = 0xA7;
    pub(in super::super) const I64_EXTEND_I32_U: u8 = 0xAD;
    pub(in super::super) const I32_REINTERPRET_F32: u8 = 0xBC;
    pub(in super::super) const I64_REINTERPRET_F64: u8 = 0xBD;
    /// Bulk operators and conversions that saturate: a number follows.
    pub(in super::super) const PREFIX: u8 = 0xFC;
    /// Operators of vectors: a number follows.
    pub(in super::super) const VECTOR: u8 = 0xFD;
}

/// A section, borrowed from the module.
#[derive(Clone, Copy)]
pub(super) struct Section<'a> {
    pub(super) id: u8,
    pub(super) content: &'a [u8],
}

/// Starts a module without sections, with capacity for `size` bytes.
pub(super) fn begin(size: usize) -> Result<Vec<u8>, OutOfMemory> {
    let mut module = room::reserved(size)?;
    module.extend_from_slice(&HEADER);
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
    use super::*;
    use proptest::prelude::*;
    use wasmparser::BinaryReader;

    proptest! {
        #[test]
        fn numbers_are_read_as_they_were_written(unsigned: u32, signed: i64) {
            let mut bytes = Vec::new();
            push_u32(&mut bytes, unsigned);
            push_i64(&mut bytes, signed);
            let mut reader = BinaryReader::new(&bytes, 0);
            prop_assert_eq!(reader.read_var_u32().unwrap(), unsigned);
            prop_assert_eq!(reader.read_var_i64().unwrap(), signed);
            prop_assert!(reader.eof());
        }
    }
}
