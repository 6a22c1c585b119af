//! The one reading of the functions: each is validated, counted, and written as it runs. `regions`
//! decides what is changed, and `edit` changes it.

use super::{
    Shape,
    count::{self, Arity, EMPTY, Types},
    edit::{Body, Editor, Run},
    encode::{op::*, push_len, push_u32},
    growth::Places,
    operators::{History, cost},
    refuse::Stopped,
    regions::{FrameKind, Kind, Opened, Regions},
};
use crate::{
    limits::ModuleLimits,
    room::{self, OutOfMemory},
};
use alloc::vec::Vec;
use wasmparser::{
    BinaryReader, BinaryReaderError, FuncToValidate, FuncValidator, FuncValidatorAllocations,
    FunctionBody, ValType, ValidatorResources, VisitOperator,
};

/// Up to this many values, a call or a block compiles to no more than any other instruction.
const ORDINARY: u32 = 8;
/// A branch copies each of its values by an instruction of its own (40 bytes when compiled), and
/// carrying any costs as much as two more.
const BRANCH: u32 = 2;

const TABLE_GROW: u32 = 15;
const TABLE_SIZE: u32 = 16;

/// Reads functions one after the other.
#[derive(Default)]
pub(super) struct Bodies {
    code: Vec<u8>,
    allocations: FuncValidatorAllocations,
    regions: Regions,
    editor: Editor,
    growth: Places,
    /// What was copied, if that is asked for.
    runs: Option<Vec<Run>>,
}

/// One function while it is read.
struct Reading<'r, 'a> {
    bytes: &'a [u8],
    /// Where the body begins in the module.
    start: usize,
    validator: FuncValidator<ValidatorResources>,
    types: &'r Types,
    /// Which globals are constant.
    globals: &'r [bool],
    limits: &'r ModuleLimits,
    shape: &'r mut Shape,
    regions: &'r mut Regions,
    history: History,
    ty: Arity,
}

impl Bodies {
    /// Begins a section of so many functions and bytes.
    pub(super) fn begin(
        &mut self,
        count: u32,
        bytes: usize,
        growth: Places,
    ) -> Result<(), OutOfMemory> {
        self.growth = growth;
        // Regions add some hundredths.
        self.code = room::reserved(bytes.saturating_add(bytes / 16).saturating_add(16))?;
        push_u32(&mut self.code, count);
        Ok(())
    }

    /// Keeps where the code that is written was read.
    pub(super) fn keep_runs(&mut self) {
        self.editor.runs = Some(Vec::new());
        self.runs = Some(Vec::new());
    }

    /// Returns the content of the section, and what of it was copied from where.
    pub(super) fn finish(self) -> (Vec<u8>, Option<Vec<Run>>) {
        (self.code, self.runs)
    }

    /// Reads a function, and adds it to the code as it runs.
    pub(super) fn read(
        &mut self,
        function: FuncToValidate<ValidatorResources>,
        body: &FunctionBody<'_>,
        types: &Types,
        globals: &[bool],
        limits: &ModuleLimits,
        shape: &mut Shape,
    ) -> Result<(), Stopped> {
        let bytes = body.as_bytes();
        let counts = &mut shape.counts;
        counts.longest_function = counts.longest_function.max(bytes.len() as u64);
        count::check_one(limits, counts)?;
        let ty = types.of(function.ty);
        let mut reading = Reading {
            bytes,
            start: body.range().start,
            validator: function.into_validator(core::mem::take(&mut self.allocations)),
            types,
            globals,
            limits,
            shape,
            regions: &mut self.regions,
            history: History::default(),
            ty,
        };
        let mut reader = body.get_binary_reader();
        reading.locals(&mut reader)?;
        reader.set_features(*reading.validator.features());
        let operators = reader.original_position() - reading.start;
        reading.operators(&mut reader)?;
        let locals = reading.validator.len_locals();
        self.allocations = reading.validator.into_allocations();
        let written = match self.regions.changes {
            true => {
                let body = Body {
                    bytes,
                    operators,
                    locals,
                    block: ty.block.unwrap_or(EMPTY),
                    growth: self.growth,
                };
                self.editor.edit(body, &self.regions.marks)?
            }
            false => bytes,
        };
        let more = written.len().saturating_add(5);
        self.code.try_reserve(more).map_err(|_| OutOfMemory)?;
        push_len(&mut self.code, written.len());
        let to = short(self.code.len());
        self.code.extend_from_slice(written);
        if let Some(runs) = &mut self.runs {
            let from = short(body.range().start);
            let whole = [Run {
                written: 0,
                read: 0,
            }];
            let copied = match self.regions.changes {
                true => self.editor.runs.as_deref().unwrap_or_default(),
                false => &whole,
            };
            for run in copied {
                let run = Run {
                    written: to.saturating_add(run.written),
                    read: from.saturating_add(run.read),
                };
                room::push(runs, run)?;
            }
        }
        Ok(())
    }
}

impl Reading<'_, '_> {
    /// Reads the declarations of locals.
    fn locals(&mut self, reader: &mut BinaryReader<'_>) -> Result<(), Stopped> {
        let mut locals = 0u64;
        for _ in 0..reader.read_var_u32()? {
            let at = reader.original_position();
            let count = reader.read_var_u32()?;
            let ty = reader.read::<ValType>()?;
            locals = locals.saturating_add(count.into());
            if locals <= self.limits.locals_of_one {
                self.validator.define_locals(at, count, ty)?;
            }
        }
        let counts = &mut self.shape.counts;
        counts.most_locals = counts.most_locals.max(locals);
        counts.locals = counts.locals.saturating_add(locals);
        Ok(count::check_one(self.limits, counts)?)
    }

    fn operators(&mut self, reader: &mut BinaryReader<'_>) -> Result<(), Stopped> {
        self.regions.begin(self.ty.results, self.ty.block)?;
        let mut before = 0;
        let mut offset = reader.original_position();
        while !reader.eof() {
            let at = offset - self.start;
            let operator = self.bytes.get(at).copied().unwrap_or(END);
            if self.regions.waits && operator != END && operator != ELSE {
                let operands = self.validator.operand_stack_height();
                self.regions.before(short(at), operands)?;
            }
            self.validate(operator, reader, offset)?;
            offset = reader.original_position();
            match cost(operator) {
                Some(cost) => {
                    self.history.push(operator);
                    self.regions.add(cost);
                }
                None => {
                    let next = offset - self.start;
                    match operator {
                        END => self.end(short(at))?,
                        BLOCK => {
                            let ty = self.bytes.get(at + 1..next).unwrap_or_default();
                            self.open(short(at), FrameKind::Block, ty)?;
                        }
                        _ => self.special(Special { before, at, next })?,
                    }
                }
            }
            before = at;
        }
        self.validator.finish(offset)?;
        Ok(())
    }

    /// Validates the next operator. The most common ones, half of all code, do not take the way through
    /// the parser's table of operators, which costs as much as validating them.
    #[inline]
    fn validate(
        &mut self,
        operator: u8,
        reader: &mut BinaryReader<'_>,
        offset: usize,
    ) -> Result<(), BinaryReaderError> {
        let mut visitor = self.validator.visitor(offset);
        match operator {
            END => {
                reader.read_u8()?;
                visitor.visit_end()
            }
            LOCAL_GET => {
                reader.read_u8()?;
                let index = reader.read_var_u32()?;
                visitor.visit_local_get(index)
            }
            LOCAL_SET => {
                reader.read_u8()?;
                let index = reader.read_var_u32()?;
                visitor.visit_local_set(index)
            }
            LOCAL_TEE => {
                reader.read_u8()?;
                let index = reader.read_var_u32()?;
                visitor.visit_local_tee(index)
            }
            GLOBAL_GET => {
                reader.read_u8()?;
                let index = reader.read_var_u32()?;
                visitor.visit_global_get(index)
            }
            GLOBAL_SET => {
                reader.read_u8()?;
                let index = reader.read_var_u32()?;
                visitor.visit_global_set(index)
            }
            I32_CONST => {
                reader.read_u8()?;
                let value = reader.read_var_i32()?;
                visitor.visit_i32_const(value)
            }
            I64_CONST => {
                reader.read_u8()?;
                let value = reader.read_var_i64()?;
                visitor.visit_i64_const(value)
            }
            I64_EQZ => {
                reader.read_u8()?;
                visitor.visit_i64_eqz()
            }
            _ => reader.visit_operator(&mut visitor)?,
        }
    }

    fn end(&mut self, at: u32) -> Result<(), OutOfMemory> {
        match self.regions.end(at)? {
            true => self.history.push_variable(),
            false => self.history.push_unknown(),
        }
        Ok(())
    }

    #[inline(never)]
    fn special(&mut self, read: Special) -> Result<(), Stopped> {
        let bytes = self.bytes.get(read.at..read.next).unwrap_or_default();
        let Some((&operator, immediates)) = bytes.split_first() else {
            return Ok(());
        };
        let (at, next) = (short(read.at), short(read.next));
        let lives = !self.regions.is_dead();
        let reader = || BinaryReader::new(immediates, 0);
        match operator {
            UNREACHABLE if lives => self.regions.traps(next),
            UNREACHABLE => {}
            LOOP => self.open(at, FrameKind::Loop, immediates)?,
            IF => {
                if lives {
                    self.hide(read, false)?;
                    self.regions.add(1);
                }
                self.open(at, FrameKind::If, immediates)?;
            }
            ELSE => self.regions.second_arm(at)?,
            BR | BR_IF => {
                let depth = reader().read_var_u32()?;
                if !lives {
                    return self.branch(depth);
                }
                if operator == BR_IF {
                    self.hide(read, false)?;
                }
                self.regions.add(1);
                self.branch(depth)?;
                match operator {
                    BR => self.regions.branch(at, depth, next)?,
                    _ => self.regions.branch_if(at, depth)?,
                }
                // The condition is taken, and what lies below is not known.
                self.history.push_unknown();
            }
            BR_TABLE => {
                if lives {
                    self.hide(read, true)?;
                    self.regions.add(1);
                }
                let mut depths = reader();
                for _ in 0..=depths.read_var_u32()? {
                    self.branch(depths.read_var_u32()?)?;
                }
                if lives {
                    self.regions.table(at, next)?;
                }
            }
            RETURN => {
                self.leave(self.ty.results)?;
                if lives {
                    self.regions.returns(next);
                }
            }
            RETURN_CALL | RETURN_CALL_INDIRECT => {
                self.regions.add(1);
                self.call(operator, &mut reader())?;
                if lives {
                    self.regions.returns(next);
                }
            }
            SELECT | TYPED_SELECT => {
                if lives && self.history.may_compare() {
                    self.regions.change(at, 0, Kind::Computed)?;
                }
                self.regions.add(1);
                self.history.push_unknown();
            }
            _ => {
                self.regions.add(1);
                self.plain(read, operator, &mut reader())?;
            }
        }
        Ok(())
    }

    /// Counts an operator that does not change what runs next.
    fn plain(
        &mut self,
        read: Special,
        operator: u8,
        immediates: &mut BinaryReader<'_>,
    ) -> Result<(), Stopped> {
        let found = &mut self.shape.operators;
        match operator {
            CALL | CALL_INDIRECT => return self.call(operator, immediates),
            GLOBAL_GET => {
                let index = usize::try_from(immediates.read_var_u32()?).unwrap_or(usize::MAX);
                match self.globals.get(index) {
                    Some(false) => self.history.push_variable(),
                    _ => self.history.push_unknown(),
                }
            }
            TABLE_SET => {
                found.write_tables = true;
                self.history.push_unknown();
            }
            MEMORY_GROW => {
                if self.grows(read)? {
                    self.shape.growth.add_memory();
                }
                self.history.push_variable();
            }
            PREFIX => match immediates.read_var_u32()? {
                // memory.init, data.drop
                8 | 9 => {
                    found.use_data = true;
                    self.history.push_unknown();
                }
                // table.init, elem.drop, table.copy, table.fill
                12..=14 | 17 => {
                    found.write_tables = true;
                    self.history.push_unknown();
                }
                TABLE_GROW => {
                    found.write_tables = true;
                    if self.grows(read)? {
                        self.shape.growth.add_table(immediates.read_var_u32()?);
                    }
                    self.history.push_variable();
                }
                TABLE_SIZE => self.history.push_variable(),
                // Conversions that saturate change nothing about what is constant; the others
                // leave nothing.
                0..=7 => {}
                _ => self.history.push_unknown(),
            },
            _ => self.history.push_unknown(),
        }
        Ok(())
    }

    /// Leaves growing to the host. Returns whether it is more than by a constant 0, in code that runs.
    fn grows(&mut self, read: Special) -> Result<bool, Stopped> {
        if self.regions.is_dead() || self.constant(read) == Some(0) {
            return Ok(false);
        }
        let (at, next) = (short(read.at), short(read.next));
        self.regions.change(at, next, Kind::Grow)?;
        Ok(true)
    }

    /// The number before an operator, if it is in the code.
    fn constant(&self, read: Special) -> Option<i32> {
        let bytes = self.bytes.get(read.before..read.at)?;
        let mut reader = BinaryReader::new(bytes, 0);
        match reader.read_u8() {
            Ok(I32_CONST) => reader.read_var_i32().ok(),
            _ => None,
        }
    }

    /// Hides a condition from the engine, if it may fold it: it would charge both arms of an `if`, and
    /// code behind a branch that it finds to be always taken.
    fn hide(&mut self, read: Special, is_index: bool) -> Result<(), Stopped> {
        if !self.history.may_be_constant() {
            return Ok(());
        }
        let constant = self.constant(read);
        let (from, to) = (short(read.before), short(read.at));
        match constant.filter(|_| !is_index) {
            Some(0) => self.regions.change(from, to, Kind::Zero)?,
            Some(_) => self.regions.change(from, to, Kind::NotZero)?,
            None => self.regions.change(to, 0, Kind::Computed)?,
        }
        Ok(())
    }

    fn open(&mut self, at: u32, kind: FrameKind, ty: &[u8]) -> Result<(), Stopped> {
        // Nothing, one result, or the index of a type; the former two are one byte, negative.
        let arity = match ty.first().copied().unwrap_or(EMPTY) {
            byte if byte & 0xC0 == 0x40 => Arity {
                params: 0,
                results: (byte != EMPTY).into(),
                block: Some(byte),
            },
            _ => {
                let arity = self.types.of(BinaryReader::new(ty, 0).read_var_u32()?);
                // At its beginning and at its end.
                self.enter(arity)?;
                self.enter(arity)?;
                arity
            }
        };
        let base = self.validator.get_control_frame(0);
        let base = base.map_or(0, |frame| u32::try_from(frame.height).unwrap_or(u32::MAX));
        self.regions.open(
            at,
            Opened {
                kind,
                base,
                carried: match kind {
                    FrameKind::Loop => arity.params,
                    _ => arity.results,
                },
                block: arity.block,
            },
        )?;
        let depth = self.regions.depth() as u64;
        let counts = &mut self.shape.counts;
        if depth <= counts.nesting {
            return Ok(());
        }
        counts.nesting = depth;
        Ok(count::check_one(self.limits, counts)?)
    }

    fn call(&mut self, operator: u8, immediates: &mut BinaryReader<'_>) -> Result<(), Stopped> {
        let index = immediates.read_var_u32()?;
        let arity = match operator {
            CALL | RETURN_CALL => self.types.of_function(index),
            _ => self.types.of(index),
        };
        match arity.results {
            0 => self.history.push_unknown(),
            _ => self.history.push_variable(),
        }
        self.enter(arity)
    }

    /// Counts the values that go into or out of a block or a function that is called.
    fn enter(&mut self, arity: Arity) -> Result<(), Stopped> {
        let values = arity.params.saturating_add(arity.results);
        self.carry(values.saturating_sub(ORDINARY))
    }

    /// Counts a branch.
    fn branch(&mut self, depth: u32) -> Result<(), Stopped> {
        self.regions.target(depth);
        self.leave(self.regions.carried(depth))
    }

    /// Counts the values of a branch.
    fn leave(&mut self, values: u32) -> Result<(), Stopped> {
        match values {
            0 => Ok(()),
            _ => self.carry(values.saturating_add(BRANCH)),
        }
    }

    fn carry(&mut self, values: u32) -> Result<(), Stopped> {
        if values == 0 {
            return Ok(());
        }
        let counts = &mut self.shape.counts;
        counts.carried_values = counts.carried_values.saturating_add(values.into());
        Ok(count::check_one(self.limits, counts)?)
    }
}

/// Where an operator is that is read whole.
#[derive(Clone, Copy)]
struct Special {
    /// Where the operator before it is.
    before: usize,
    at: usize,
    /// Where the next operator is.
    next: usize,
}

/// A place in a body. Bodies are shorter than 4 GiB, since their length has 32 bits.
fn short(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::{
        read,
        shape::{Operators, Shape},
    };
    use crate::limits::ModuleLimits;

    fn shape(wat: &str) -> Shape {
        let module = wat::parse_str(wat).unwrap();
        let read = read::read(&module, &ModuleLimits::default());
        read.unwrap().shape
    }

    fn operators(wat: &str) -> Operators {
        shape(wat).operators
    }

    #[test]
    fn instructions_are_found_and_numbers_that_look_like_them_are_not() {
        // 2044 is FC 0F as an immediate, and 38 is 26.
        let decoys = "(module (table 1 funcref) (memory 1) (global $g (mut i32) (i32.const 0))
            (elem $e func) (data $d \"x\")
            (func (param i32) (result i32) (local i64 f64)
              (block (result i32)
                (br_table 0 0 (i32.const 2044) (local.get 0)))
              (drop (i64.const 2044)) (drop (i32.const 38)) (drop (f32.const 1.5)) (drop (f64.const 2.5))
              (drop (i32.load offset=2044 (i32.const 0)))
              (memory.copy (i32.const 0) (i32.const 0) (i32.const 1))
              (memory.fill (i32.const 0) (i32.const 0) (i32.const 1))
              (drop (select (result i32) (i32.const 1) (i32.const 2) (i32.const 2044)))
              (drop (ref.is_null (ref.null func)))
              (drop (table.get 0 (i32.const 0)))
              (drop (i32.trunc_sat_f64_s (f64.const 1)))
              (drop (table.size 0)))";
        assert_eq!(operators(&format!("{decoys})")), Operators::default());
        let writing = Operators {
            write_tables: true,
            ..Operators::default()
        };
        let data = Operators {
            use_data: true,
            ..Operators::default()
        };
        for (telling, expected) in [
            (
                "(drop (table.grow 0 (ref.null func) (i32.const 1)))",
                writing,
            ),
            ("(table.set 0 (i32.const 0) (ref.null func))", writing),
            (
                "(table.fill 0 (i32.const 0) (ref.null func) (i32.const 1))",
                writing,
            ),
            (
                "(table.copy 0 0 (i32.const 0) (i32.const 0) (i32.const 1))",
                writing,
            ),
            (
                "(table.init 0 $e (i32.const 0) (i32.const 0) (i32.const 0))",
                writing,
            ),
            ("(elem.drop $e)", writing),
            (
                "(memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))",
                data,
            ),
            ("(data.drop $d)", data),
        ] {
            // The walk goes on behind it.
            let module = format!("{decoys} (func {telling} (drop (i32.const 1))))");
            assert_eq!(operators(&module), expected, "{telling}");
        }
    }

    #[test]
    fn locals_and_nesting_are_counted() {
        let shape = shape(
            "(module (func (local i32 i64 i64)) (func (local f64))
               (func (block (loop (if (i32.const 1) (then nop) (else nop)))) (block)))",
        );
        assert_eq!((shape.counts.most_locals, shape.counts.locals), (3, 4));
        assert_eq!(shape.counts.nesting, 3);
        assert_eq!(shape.counts.functions, 3);
    }

    #[test]
    fn values_are_counted_where_they_are_carried() {
        let wide = "(type $w (func (result i32 i32 i32))) (type $l (func (param i32 i32)))";
        for (body, carried) in [
            // A branch carries the block's results, and two more for being one.
            (
                "(block (type $w) i32.const 1 i32.const 2 i32.const 3 br 0) drop drop drop",
                5,
            ),
            (
                "(block (type $w) i32.const 1 i32.const 2 i32.const 3 i32.const 0 br_table 0 0 0)
                 drop drop drop",
                15,
            ),
            // A branch to a loop carries its parameters.
            ("i32.const 1 i32.const 2 (loop (type $l) br 0)", 4),
            ("(block (result i32) i32.const 1 br 0) drop", 3),
            ("(loop (result i32) br 0) drop", 0),
            ("(block br 0)", 0),
            // From inside another block, by depth.
            (
                "(block (type $w) (block i32.const 1 i32.const 2 i32.const 3 br 1) unreachable)
                 drop drop drop",
                5,
            ),
            // Calls of few values are ordinary.
            ("i32.const 1 i32.const 2 call $two", 0),
            (
                "i64.const 1 i64.const 2 i64.const 3 i64.const 4 i64.const 5 i64.const 6
                 i64.const 7 i64.const 8 i64.const 9 i64.const 10 call $ten",
                2,
            ),
        ] {
            let module = format!(
                "(module {wide} (import \"m\" \"two\" (func $two (type $l)))
                   (func $ten (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64))
                   (func {body}))"
            );
            assert_eq!(shape(&module).counts.carried_values, carried, "{body}");
        }
        let returning = "(module (func (result i32 i32) i32.const 1 i32.const 2 return))";
        assert_eq!(shape(returning).counts.carried_values, 4);
    }
}
