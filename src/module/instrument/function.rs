//! Adds instruments to one function.

use super::super::{
    additions::Entries,
    count::EMPTY,
    encode::{op::*, push_i64, push_len, push_u32},
    operators::History,
};
use super::{
    BEGIN_ELEMENT, CALL_BYTES, COMPARISON_BYTES, COMPARISONS, Comparison, Counter, END_ELEMENT,
    Edge, Installed, Instruments, Places,
    code::Code,
    fuel::{Outline, Targeted, push_counted},
    unreadable,
};
use crate::{
    error::LoadError,
    room::{self, OutOfMemory},
};
use wasmparser::{BinaryReader, FuncType, FunctionBody, MemArg, Operator, ValType};

const I32: u8 = 0x7F;
const I64: u8 = 0x7E;
const F32: u8 = 0x7D;
const F64: u8 = 0x7C;

/// The indices of what instruments use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Indices {
    pub(super) memory: u32,
    /// The global with the address of the last call that is noted.
    pub(super) depth: u32,
    /// The global with the bytes of all comparisons that were noted.
    pub(super) compared: u32,
    /// The table with the functions of the host.
    pub(super) calls: u32,
    /// The type of the first of them, behind which is that of the second.
    pub(super) types: u32,
    /// How many functions are imported.
    pub(super) imported: u32,
    pub(super) comparisons_at: u32,
    pub(super) counters_at: u32,
}

/// Types of blocks that leave several results.
#[derive(Debug)]
pub(super) struct ResultTypes {
    first: u32,
    all: Vec<Vec<ValType>>,
}

impl ResultTypes {
    /// The types that are added from this index on.
    pub(super) fn new(first: u32) -> ResultTypes {
        ResultTypes {
            first,
            all: Vec::new(),
        }
    }

    /// Writes the type of a block that leaves the results of a function.
    fn push(&mut self, results: &[ValType], out: &mut Vec<u8>) -> Result<(), LoadError> {
        match results {
            [] => out.push(EMPTY),
            [one] => push_type(*one, out)?,
            several => {
                let known = self.all.iter().position(|ty| ty == several);
                let index = match known {
                    Some(index) => index,
                    None => {
                        room::push(&mut self.all, several.to_vec())?;
                        self.all.len() - 1
                    }
                };
                let index = self.first.saturating_add(super::count(index));
                push_i64(out, index.into());
            }
        }
        Ok(())
    }

    pub(super) fn add(&self, types: &mut Entries) {
        for results in &self.all {
            let mut ty = vec![0x60, 0];
            push_len(&mut ty, results.len());
            for result in results {
                // Each was written before.
                let _ = push_type(*result, &mut ty);
            }
            types.push(&ty);
        }
    }
}

fn push_type(ty: ValType, out: &mut Vec<u8>) -> Result<(), LoadError> {
    out.push(match ty {
        ValType::I32 => I32,
        ValType::I64 => I64,
        ValType::F32 => F32,
        ValType::F64 => F64,
        ValType::V128 => 0x7B,
        ValType::FUNCREF => 0x70,
        ValType::EXTERNREF => 0x6F,
        ValType::Ref(_) => return Err(LoadError::Compile("a type is unknown".into())),
    });
    Ok(())
}

/// The locals of instruments in a function.
#[derive(Clone, Copy, Debug)]
struct Locals {
    /// The address of this call in what is noted.
    call: u32,
    condition: u32,
    index: u32,
    /// The addresses of the last two loads.
    loads: [u32; 2],
    /// Where a comparison is noted.
    noted: u32,
    /// The operands of a comparison: i32, i64, f32, f64.
    operands: [[u32; 2]; 4],
}

/// The locals of each type, in their order.
const ADDED: [(u8, u32); 4] = [(I32, 8), (I64, 2), (F32, 2), (F64, 2)];

impl Locals {
    fn after(first: u32) -> Locals {
        let at = |number: u32| first.saturating_add(number);
        Locals {
            call: at(0),
            condition: at(1),
            index: at(2),
            loads: [at(3), at(4)],
            noted: at(5),
            operands: [
                [at(6), at(7)],
                [at(8), at(9)],
                [at(10), at(11)],
                [at(12), at(13)],
            ],
        }
    }
}

/// An open block.
#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    targeted: Targeted,
    is_loop: bool,
    is_if: bool,
    /// The counter of the second arm of an `if`.
    second_arm: Option<usize>,
}

/// What the functions of a module share while they are written.
pub(super) struct Module<'r> {
    pub(super) indices: Indices,
    pub(super) places: Places<'r>,
    pub(super) results: ResultTypes,
    pub(super) installed: Installed,
}

/// A function that is written.
pub(super) struct Function<'f, 'r, 'a> {
    index: u32,
    module: &'f mut Module<'r>,
    code: Code,
    locals: Locals,
    outline: Outline,
    /// How many regions and blocks have begun.
    regions: usize,
    blocks: usize,
    frames: Vec<Frame>,
    /// Counters of code that begins with the next operator.
    begins: Vec<usize>,
    /// Where the last operator was read.
    read: u32,
    /// The operator before it.
    before: &'a [u8],
    history: History,
    body: &'a [u8],
}

impl<'f, 'r, 'a> Function<'f, 'r, 'a> {
    /// Returns a function with instruments.
    pub(super) fn write(
        body: &FunctionBody<'a>,
        index: u32,
        ty: Option<&FuncType>,
        module: &'f mut Module<'r>,
    ) -> Result<Vec<u8>, LoadError> {
        let mut operators = body.get_binary_reader();
        let groups = operators.read_var_u32().map_err(unreadable)?;
        let declared = operators.original_position();
        let mut locals = super::count(ty.map_or(0, |ty| ty.params().len()));
        for _ in 0..groups {
            locals = locals.saturating_add(operators.read_var_u32().map_err(unreadable)?);
            operators.read::<ValType>().map_err(unreadable)?;
        }
        let mut outline = Outline::default();
        outline.read(operators.clone())?;
        let start = body.range().start;
        let first = operators.original_position();
        let mut out = Vec::new();
        push_u32(&mut out, groups.saturating_add(super::count(ADDED.len())));
        let groups = body.as_bytes().get(declared - start..first - start);
        out.extend_from_slice(groups.unwrap_or_default());
        for (ty, count) in ADDED {
            push_u32(&mut out, count);
            out.push(ty);
        }
        let mut function = Function {
            index,
            code: Code {
                memory: module.indices.memory,
                out,
            },
            module,
            locals: Locals::after(locals),
            outline,
            regions: 0,
            blocks: 0,
            frames: Vec::new(),
            begins: Vec::new(),
            read: 0,
            before: &[],
            history: History::default(),
            body: body.as_bytes(),
        };
        function.rewrite(operators, start, ty.map_or(&[], FuncType::results))?;
        Ok(function.code.out)
    }

    fn which(&self, instruments: Instruments) -> bool {
        self.module.installed.which.has(instruments)
    }

    fn rewrite(
        &mut self,
        mut operators: BinaryReader<'a>,
        start: usize,
        results: &[ValType],
    ) -> Result<(), LoadError> {
        self.read = self.module.places.read(operators.original_position());
        let fuel = self.outline.regions.first().map_or(0, |region| region.cost);
        self.begin_region();
        if self.which(Instruments::PROFILE) {
            // What is charged when the function is entered is charged before the host is called.
            self.begin_call(self.index, fuel.saturating_add(1));
        }
        if self.which(Instruments::CALLS) {
            self.code.get_global(self.module.indices.depth);
            self.code.constant(CALL_BYTES);
            self.code.op(I32_ADD);
            self.code.tee(self.locals.call);
            self.code.set_global(self.module.indices.depth);
            self.note_place(self.read);
        }
        self.count(Edge::Entry)?;
        self.code.op(BLOCK);
        self.module.results.push(results, &mut self.code.out)?;
        self.open_block(Frame::default())?;
        while !operators.eof() {
            let at = operators.original_position();
            self.read = self.module.places.read(at);
            for counter in std::mem::take(&mut self.begins) {
                if let Some(counter) = self.module.installed.counters.get_mut(counter) {
                    counter.begins = Some(self.read);
                }
            }
            let operator = operators.read_operator().map_err(unreadable)?;
            let bytes = self
                .body
                .get(at - start..operators.original_position() - start);
            let bytes = bytes.unwrap_or_default();
            self.operator(&operator, bytes)?;
            self.before = bytes;
            self.history.push_whole(bytes);
        }
        self.leave();
        self.code.op(END);
        Ok(())
    }

    /// Writes an operator with what notes it.
    fn operator(&mut self, operator: &Operator<'_>, bytes: &[u8]) -> Result<(), LoadError> {
        use Operator as Op;
        let traced = match self.which(Instruments::TRACE) {
            true => can_stop(operator, bytes),
            false => self.which(Instruments::CALLS) && calls(operator),
        };
        if traced {
            self.note_place(self.read);
        }
        if self.which(Instruments::COMPARISONS) {
            self.note_comparison(operator, bytes)?;
        }
        match operator {
            Op::If { .. } | Op::BrIf { .. } => {
                let condition = self.count_condition()?;
                self.code.out.extend_from_slice(bytes);
                if let (Op::BrIf { .. }, Some([not_taken, _])) = (operator, condition) {
                    room::push(&mut self.begins, not_taken)?;
                }
                if let Op::If { .. } = operator {
                    self.begin_region();
                    self.note_region();
                    if let Some([_, taken]) = condition {
                        room::push(&mut self.begins, taken)?;
                    }
                    self.open_block(Frame {
                        is_if: true,
                        second_arm: condition.map(|[not_taken, _]| not_taken),
                        ..Frame::default()
                    })?;
                }
                return Ok(());
            }
            // Without the function's own end, that of the block around its code.
            Op::Return => {
                self.code.op(BR);
                let depth = super::count(self.frames.len().saturating_sub(1));
                push_u32(&mut self.code.out, depth);
                return Ok(());
            }
            Op::ReturnCall { .. } | Op::ReturnCallIndirect { .. } => self.leave(),
            Op::Call { function_index } if self.is_profiled_import(*function_index) => {
                self.begin_call(*function_index, 0);
                self.code.out.extend_from_slice(bytes);
                self.end_call();
                return Ok(());
            }
            _ => {}
        }
        self.code.out.extend_from_slice(bytes);
        match operator {
            Op::Block { .. } => self.open_block(Frame::default())?,
            Op::Loop { .. } => {
                self.begin_region();
                self.note_region();
                self.open_block(Frame {
                    is_loop: true,
                    ..Frame::default()
                })?;
                if self
                    .frames
                    .last()
                    .is_some_and(|frame| is_target(frame.targeted))
                {
                    self.count(Edge::Turn)?;
                }
            }
            Op::Else => {
                self.begin_region();
                self.note_region();
                let second_arm = self
                    .frames
                    .last_mut()
                    .and_then(|frame| frame.second_arm.take());
                if let Some(counter) = second_arm {
                    room::push(&mut self.begins, counter)?;
                }
            }
            Op::End => {
                let Some(ended) = self.frames.pop() else {
                    return Ok(());
                };
                let is_join = match self.which(Instruments::BLOCKS) {
                    true => ended.is_if || is_target(ended.targeted),
                    false => ended.targeted.by_table,
                };
                if is_join && !ended.is_loop && !self.frames.is_empty() {
                    self.count(Edge::Join)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn open_block(&mut self, frame: Frame) -> Result<(), OutOfMemory> {
        let targeted = self.outline.blocks.get(self.blocks).copied();
        self.blocks += 1;
        let targeted = targeted.unwrap_or_default();
        room::push(&mut self.frames, Frame { targeted, ..frame })
    }

    /// Has the engine charge for the region that begins.
    fn begin_region(&mut self) {
        let region = self.outline.regions.get(self.regions).copied();
        self.regions += 1;
        push_counted(region.unwrap_or_default().uncounted, &mut self.code.out);
    }

    /// Notes the place where a region begins: where fuel runs out, no operator of it has run.
    fn note_region(&mut self) {
        if self.which(Instruments::CALLS) {
            self.note_place(self.read);
        }
    }

    /// Notes which instruction of this call runs.
    fn note_place(&mut self, read: u32) {
        self.code.get(self.locals.call);
        self.code.constant(read);
        self.code.access(I32_STORE, 2, 0);
    }

    /// The call ends.
    fn leave(&mut self) {
        if self.which(Instruments::CALLS) {
            self.code.get(self.locals.call);
            self.code.constant(CALL_BYTES);
            self.code.op(I32_SUB);
            self.code.set_global(self.module.indices.depth);
        }
        if self.which(Instruments::PROFILE) {
            self.end_call();
        }
    }

    fn is_profiled_import(&self, function: u32) -> bool {
        self.which(Instruments::PROFILE) && function < self.module.indices.imported
    }

    fn begin_call(&mut self, function: u32, fuel: u32) {
        self.code.constant(function);
        self.code.constant(fuel);
        let Indices { types, calls, .. } = self.module.indices;
        self.code.call_element(BEGIN_ELEMENT, types, calls);
    }

    fn end_call(&mut self) {
        let Indices { types, calls, .. } = self.module.indices;
        self.code
            .call_element(END_ELEMENT, types.saturating_add(1), calls);
    }

    /// Adds a counter, if counters are asked for. Returns its number.
    fn add_counter(&mut self, edge: Edge) -> Result<usize, OutOfMemory> {
        let counter = Counter {
            function: self.index,
            offset: self.read,
            begins: None,
            edge,
        };
        room::push(&mut self.module.installed.counters, counter)?;
        Ok(self.module.installed.counters.len() - 1)
    }

    /// Where a counter is in the memory of the instruments.
    fn counter_at(&self, number: usize) -> u32 {
        let bytes = self.module.installed.which.counter_bytes();
        self.module
            .indices
            .counters_at
            .saturating_add(super::count(number).saturating_mul(bytes))
    }

    /// Counts how often the code that comes next runs.
    fn count(&mut self, edge: Edge) -> Result<(), OutOfMemory> {
        let bytes = self.module.installed.which.counter_bytes();
        if bytes == 0 {
            return Ok(());
        }
        let counter = self.add_counter(edge)?;
        let at = self.counter_at(counter);
        self.code.count(bytes, at);
        room::push(&mut self.begins, counter)
    }

    /// Counts how often the condition on the stack is false, and how often it is true. Returns the counters.
    fn count_condition(&mut self) -> Result<Option<[usize; 2]>, OutOfMemory> {
        let bytes = self.module.installed.which.counter_bytes();
        if bytes == 0 {
            return Ok(None);
        }
        let not_taken = self.add_counter(Edge::NotTaken)?;
        let taken = self.add_counter(Edge::Taken)?;
        let at = self.counter_at(not_taken);
        let locals = [self.locals.condition, self.locals.index];
        self.code.count_condition(bytes, at, locals);
        Ok(Some([not_taken, taken]))
    }

    /// Notes the operands of a comparison, and the addresses of loads, which may be where they come from.
    /// What is constant stays constant: the engine finds some traps from that, and then charges for the code
    /// behind them differently.
    fn note_comparison(
        &mut self,
        operator: &Operator<'_>,
        bytes: &[u8],
    ) -> Result<(), OutOfMemory> {
        if let Some(memarg) = loaded(operator) {
            self.note_load(u32::try_from(memarg.offset).unwrap_or(u32::MAX));
            return Ok(());
        }
        let is_literal = matches!(self.before, [I32_CONST..=F64_CONST, ..]);
        if let Operator::BrTable { .. } = operator {
            if self.history.may_be_constant() {
                return Ok(());
            }
            let [index, zero] = self.operands(I32);
            self.code.set(index);
            self.code.constant(0);
            self.code.set(zero);
            self.push_comparison(I32, 0)?;
            self.code.get(index);
            return Ok(());
        }
        if let Some(ty) = compared_with_zero(bytes, self.before) {
            if self.history.may_be_constant() {
                return Ok(());
            }
            let [value, zero] = self.operands(ty);
            self.code.set(value);
            let constant = if ty == I64 { I64_CONST } else { I32_CONST };
            self.code.out.extend_from_slice(&[constant, 0]);
            self.code.set(zero);
            self.push_comparison(ty, if ty == I32 { 4 } else { 8 })?;
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
        self.push_comparison(ty, if matches!(ty, I32 | F32) { 4 } else { 8 })?;
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

fn is_target(targeted: Targeted) -> bool {
    targeted.by_branch || targeted.by_table
}

/// Whether an operator calls a function.
fn calls(operator: &Operator<'_>) -> bool {
    use Operator as Op;
    matches!(
        operator,
        Op::Call { .. }
            | Op::CallIndirect { .. }
            | Op::ReturnCall { .. }
            | Op::ReturnCallIndirect { .. }
    )
}

/// Whether an operator can stop the guest: by a trap, or since it calls what does.
fn can_stop(operator: &Operator<'_>, bytes: &[u8]) -> bool {
    use Operator as Op;
    if calls(operator) {
        return true;
    }
    match operator {
        Op::Unreachable
        | Op::I32DivS
        | Op::I32DivU
        | Op::I32RemS
        | Op::I32RemU
        | Op::I64DivS
        | Op::I64DivU
        | Op::I64RemS
        | Op::I64RemU
        | Op::I32TruncF32S
        | Op::I32TruncF32U
        | Op::I32TruncF64S
        | Op::I32TruncF64U
        | Op::I64TruncF32S
        | Op::I64TruncF32U
        | Op::I64TruncF64S
        | Op::I64TruncF64U
        | Op::MemoryInit { .. }
        | Op::MemoryCopy { .. }
        | Op::MemoryFill { .. }
        | Op::TableInit { .. }
        | Op::TableCopy { .. }
        | Op::TableFill { .. }
        | Op::TableGet { .. }
        | Op::TableSet { .. } => true,
        // Loads and stores, also of vectors and their lanes.
        _ => matches!(bytes, [0x28..=0x3E, ..] | [0xFD, 0..=11 | 84..=93, ..]),
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
