//! Notes the operands of comparisons, for fuzzers. What is constant stays constant: the engine finds some traps
//! from that, and then charges for the code behind them differently.

use super::super::encode::op::*;
use super::{
    COMPARISON_BYTES, COMPARISONS, Comparison,
    function::{F32, F64, Function, I32, I64},
};
use crate::room::{self, OutOfMemory};
use wasmparser::{BinaryReader, MemArg, Operator};

impl Function<'_, '_, '_> {
    /// Notes the operands of a comparison, and the addresses of loads, which may be where they come from.
    pub(super) fn note_comparison(
        &mut self,
        operator: &Operator<'_>,
        bytes: &[u8],
    ) -> Result<(), OutOfMemory> {
        if let Some(memarg) = loaded(operator) {
            self.note_load(u32::try_from(memarg.offset).unwrap_or(u32::MAX));
            return Ok(());
        }
        let is_literal = matches!(self.before, [I32_CONST..=F64_CONST, ..]);
        // An index, which is noted with 0, and what is compared with 0, alone on the stack.
        let alone = match operator {
            Operator::BrTable { .. }
            | Operator::CallIndirect { .. }
            | Operator::ReturnCallIndirect { .. } => Some((I32, 0)),
            _ => compared_with_zero(bytes, self.before).map(|ty| (ty, width(ty))),
        };
        if let Some((ty, width)) = alone {
            if self.history.may_be_constant() {
                return Ok(());
            }
            let [value, zero] = self.operands(ty);
            self.code.set(value);
            let constant = if ty == I64 { I64_CONST } else { I32_CONST };
            self.code.out.extend_from_slice(&[constant, 0]);
            self.code.set(zero);
            self.push_comparison(ty, width)?;
            self.code.get(value);
            return Ok(());
        }
        let combined = combined(bytes, self.before).filter(|_| is_literal == (bytes != [I32_SUB]));
        let Some(ty) = compared(bytes).or(combined) else {
            return Ok(());
        };
        if self.history.may_be_constant() && !is_literal {
            return Ok(());
        }
        let [a, b] = self.operands(ty);
        self.code.set(b);
        self.code.set(a);
        self.push_comparison(ty, width(ty))?;
        self.code.get(a);
        match is_literal {
            true => self.code.out.extend_from_slice(self.before),
            false => self.code.get(b),
        }
        Ok(())
    }

    /// The locals with the operands of a comparison.
    fn operands(&self, ty: u8) -> [u32; 2] {
        let [i32s, i64s, f32s, f64s] = self.locals.operands;
        match ty {
            I64 => i64s,
            F32 => f32s,
            F64 => f64s,
            _ => i32s,
        }
    }

    fn note_load(&mut self, offset: u32) {
        let [last, before] = self.locals.loads;
        let address = self.locals.index;
        let literal = match self.before {
            [I32_CONST, value @ ..] => BinaryReader::new(value, 0).read_var_i32().ok(),
            _ => None,
        };
        if literal.is_none() && self.history.may_be_constant() {
            return;
        }
        if literal.is_none() {
            self.code.set(address);
        }
        self.code.get(last);
        self.code.set(before);
        match literal {
            Some(value) => self.code.constant(value.cast_unsigned()),
            None => self.code.get(address),
        }
        self.code.constant(offset);
        self.code.op(I32_ADD);
        self.code.set(last);
        if literal.is_none() {
            self.code.get(address);
        }
    }

    /// Notes the operands that are in the locals for their type.
    fn push_comparison(&mut self, ty: u8, bytes: u8) -> Result<(), OutOfMemory> {
        let place = super::count(self.module.installed.comparisons.len());
        let comparison = Comparison {
            function: self.index,
            offset: self.read,
            bytes,
            is_float: matches!(ty, F32 | F64),
        };
        room::push(&mut self.module.installed.comparisons, comparison)?;
        let base = self.module.indices.comparisons_at;
        let noted = self.locals.noted;
        self.code.get_global(self.module.indices.compared);
        self.code.constant(COMPARISONS * COMPARISON_BYTES - 1);
        self.code.op(I32_AND);
        self.code.set(noted);
        for (operand, at) in self.operands(ty).into_iter().zip([0, 8]) {
            self.code.get(noted);
            self.code.get(operand);
            match ty {
                I32 => self.code.op(I64_EXTEND_I32_U),
                F32 => {
                    self.code.op(I32_REINTERPRET_F32);
                    self.code.op(I64_EXTEND_I32_U);
                }
                F64 => self.code.op(I64_REINTERPRET_F64),
                _ => {}
            }
            self.code.access(I64_STORE, 3, base.saturating_add(at));
        }
        self.code.get(noted);
        self.code.constant(place);
        self.code.access(I32_STORE, 2, base.saturating_add(16));
        for (address, at) in self.locals.loads.into_iter().zip([20, 24]) {
            self.code.get(noted);
            self.code.get(address);
            self.code.access(I32_STORE, 2, base.saturating_add(at));
        }
        self.code.get_global(self.module.indices.compared);
        self.code.constant(COMPARISON_BYTES);
        self.code.op(I32_ADD);
        self.code.set_global(self.module.indices.compared);
        Ok(())
    }
}

/// The bytes of a value of a type.
fn width(ty: u8) -> u8 {
    match ty {
        I32 | F32 => 4,
        _ => 8,
    }
}

/// The address of a load of an integer.
fn loaded(operator: &Operator<'_>) -> Option<MemArg> {
    use Operator as Op;
    match operator {
        Op::I32Load { memarg }
        | Op::I32Load8S { memarg }
        | Op::I32Load8U { memarg }
        | Op::I32Load16S { memarg }
        | Op::I32Load16U { memarg }
        | Op::I64Load { memarg }
        | Op::I64Load8S { memarg }
        | Op::I64Load8U { memarg }
        | Op::I64Load16S { memarg }
        | Op::I64Load16U { memarg }
        | Op::I64Load32S { memarg }
        | Op::I64Load32U { memarg } => Some(*memarg),
        _ => None,
    }
}

/// The type of the operands that an operator compares.
fn compared(bytes: &[u8]) -> Option<u8> {
    match bytes {
        [0x46..=0x4F, ..] => Some(I32),
        [0x51..=0x5A, ..] => Some(I64),
        [0x5B..=0x60, ..] => Some(F32),
        [0x61..=0x66, ..] => Some(F64),
        _ => None,
    }
}

/// The type of the operand that an operator compares with 0, unless that is what a comparison returned.
fn compared_with_zero(bytes: &[u8], before: &[u8]) -> Option<u8> {
    match (bytes, before) {
        (_, [0x45..=0x66, ..]) => None,
        ([0x45, ..], _) => Some(I32),
        ([0x50, ..], _) => Some(I64),
        _ => None,
    }
}

/// The type of the operands of an exclusive or, by some of which compilers compare wide numbers, and memory of a length
/// that they know; and of the difference of two bytes of memory, by which functions compare memory.
fn combined(bytes: &[u8], before: &[u8]) -> Option<u8> {
    match (bytes, before) {
        ([0x73, ..], _) | ([I32_SUB], [0x2C | 0x2D, ..]) => Some(I32),
        ([0x85, ..], _) => Some(I64),
        _ => None,
    }
}
