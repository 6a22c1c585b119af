//! Writes the operators of instruments. All but `block` and `end` are of kinds that cost nothing in a
//! module with instruments (see `fuel`).

use super::super::encode::{op::*, push_i64, push_u32};
use alloc::vec::Vec;

/// Code that is written, and the memory of the instruments.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) out: Vec<u8>,
    pub(super) memory: u32,
}

impl Code {
    pub(super) fn op(&mut self, operator: u8) {
        self.out.push(operator);
    }

    fn with(&mut self, operator: u8, immediate: u32) {
        self.out.push(operator);
        push_u32(&mut self.out, immediate);
    }

    pub(super) fn get(&mut self, local: u32) {
        self.with(LOCAL_GET, local);
    }

    pub(super) fn set(&mut self, local: u32) {
        self.with(LOCAL_SET, local);
    }

    pub(super) fn tee(&mut self, local: u32) {
        self.with(LOCAL_TEE, local);
    }

    pub(super) fn get_global(&mut self, global: u32) {
        self.with(GLOBAL_GET, global);
    }

    pub(super) fn set_global(&mut self, global: u32) {
        self.with(GLOBAL_SET, global);
    }

    pub(super) fn constant(&mut self, value: u32) {
        self.out.push(I32_CONST);
        push_i64(&mut self.out, value.cast_signed().into());
    }

    /// Calls a function of a table.
    pub(super) fn call_element(&mut self, element: u32, ty: u32, table: u32) {
        self.constant(element);
        self.with(CALL_INDIRECT, ty);
        push_u32(&mut self.out, table);
    }

    /// A load or store in the memory of the instruments, of so many bytes as a power of two.
    pub(super) fn access(&mut self, operator: u8, power: u8, offset: u32) {
        const HAS_MEMORY: u8 = 0x40;
        self.out.extend_from_slice(&[operator, power | HAS_MEMORY]);
        push_u32(&mut self.out, self.memory);
        push_u32(&mut self.out, offset);
    }

    /// Adds 1 to a counter of so many bytes, 1 or 8. Its address is on the stack, twice, but for an offset.
    fn count_at(&mut self, bytes: u32, offset: u32) {
        if bytes == 1 {
            self.access(I32_LOAD8_U, 0, offset);
            self.constant(1);
            self.op(I32_ADD);
            self.access(I32_STORE8, 0, offset);
        } else {
            self.access(I64_LOAD, 3, offset);
            self.out.extend_from_slice(&[I64_CONST, 1, I64_ADD]);
            self.access(I64_STORE, 3, offset);
        }
    }

    /// Adds 1 to the counter at an offset.
    pub(super) fn count(&mut self, bytes: u32, offset: u32) {
        self.constant(0);
        self.constant(0);
        self.count_at(bytes, offset);
    }

    /// Adds 1 to the counter at an offset if the condition on the stack is 0, and else to the next one. The
    /// condition stays.
    pub(super) fn count_condition(
        &mut self,
        bytes: u32,
        offset: u32,
        [condition, index]: [u32; 2],
    ) {
        self.tee(condition);
        self.constant(0);
        self.op(I32_NE);
        if bytes > 1 {
            self.constant(bytes.trailing_zeros());
            self.op(I32_SHL);
        }
        self.tee(index);
        self.get(index);
        self.count_at(bytes, offset);
        self.get(condition);
    }
}
