//! Adds instruments to one function.

use super::super::{
    additions::Entries,
    count::EMPTY,
    encode::{op::*, push_i64, push_len, push_u32},
    operators::History,
};
use super::{
    BEGIN_ELEMENT, CALL_BYTES, Charge, Counter, END_ELEMENT, Edge, Installed, Instruments, Places,
    code::Code,
    fuel::{Outline, Targeted, push_counted},
    unreadable,
};
use crate::{
    error::LoadError,
    room::{self, OutOfMemory},
};
use alloc::{collections::BTreeMap, vec::Vec};
use wasmparser::{BinaryReader, FuncType, FunctionBody, Operator, ValType};

pub(super) const I32: u8 = 0x7F;
pub(super) const I64: u8 = 0x7E;
pub(super) const F32: u8 = 0x7D;
pub(super) const F64: u8 = 0x7C;

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

/// Types of blocks that leave several results, each with its index.
#[derive(Debug)]
pub(super) struct ResultTypes {
    first: u32,
    all: BTreeMap<Vec<u8>, u32>,
}

impl ResultTypes {
    /// The types that are added from this index on.
    pub(super) fn new(first: u32) -> ResultTypes {
        ResultTypes {
            first,
            all: BTreeMap::new(),
        }
    }

    /// Writes the type of a block that leaves the results of a function.
    fn push(&mut self, results: &[ValType], out: &mut Vec<u8>) -> Result<(), LoadError> {
        match results {
            [] => out.push(EMPTY),
            [one] => out.push(type_byte(*one)?),
            several => {
                let mut ty = vec![0x60, 0];
                push_len(&mut ty, several.len());
                for result in several {
                    ty.push(type_byte(*result)?);
                }
                let next = self.first.saturating_add(super::count(self.all.len()));
                let index = *self.all.entry(ty).or_insert(next);
                push_i64(out, index.into());
            }
        }
        Ok(())
    }

    pub(super) fn add(&self, types: &mut Entries) {
        let mut all: Vec<(&u32, &Vec<u8>)> = self.all.iter().map(|(ty, at)| (at, ty)).collect();
        all.sort_unstable();
        all.into_iter().for_each(|(_, ty)| types.push(ty));
    }
}

fn type_byte(ty: ValType) -> Result<u8, LoadError> {
    Ok(match ty {
        ValType::I32 => I32,
        ValType::I64 => I64,
        ValType::F32 => F32,
        ValType::F64 => F64,
        ValType::V128 => 0x7B,
        ValType::FUNCREF => 0x70,
        ValType::EXTERNREF => 0x6F,
        ValType::Ref(_) => return Err(LoadError::Compile("a type is unknown".into())),
    })
}

/// The locals of instruments in a function.
#[derive(Clone, Copy, Debug)]
pub(super) struct Locals {
    /// The address of this call in what is noted.
    call: u32,
    condition: u32,
    pub(super) index: u32,
    /// The addresses of the last two loads.
    pub(super) loads: [u32; 2],
    /// Where a comparison is noted.
    pub(super) noted: u32,
    /// The operands of a comparison: i32, i64, f32, f64.
    pub(super) operands: [[u32; 2]; 4],
}

/// The locals of each type, in their order. A call sets them to zero, so there are only those that are used.
const ADDED: &[(u8, u32)] = &[(I32, 3)];
const ADDED_FOR_COMPARISONS: &[(u8, u32)] = &[(I32, 8), (I64, 2), (F32, 2), (F64, 2)];

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
    /// The counter of how often the region is entered that the code inside belongs to.
    region: usize,
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
    pub(super) index: u32,
    pub(super) module: &'f mut Module<'r>,
    pub(super) code: Code,
    pub(super) locals: Locals,
    outline: Outline,
    /// How many regions and blocks have begun.
    regions: usize,
    blocks: usize,
    frames: Vec<Frame>,
    /// Counters of code that begins with the next operator.
    begins: Vec<usize>,
    /// The counter of the code that comes next.
    running: usize,
    /// Whether a region begins with it.
    begins_region: bool,
    /// The counter of the region that was charged last.
    charged: Option<usize>,
    /// Where the last operator was read.
    pub(super) read: u32,
    /// The operator before it.
    pub(super) before: &'a [u8],
    pub(super) history: History,
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
        let added = match module.installed.which.has(Instruments::COMPARISONS) {
            true => ADDED_FOR_COMPARISONS,
            false => ADDED,
        };
        push_u32(&mut out, groups.saturating_add(super::count(added.len())));
        let groups = body.as_bytes().get(declared - start..first - start);
        out.extend_from_slice(groups.unwrap_or_default());
        for (ty, count) in added {
            push_u32(&mut out, *count);
            out.push(*ty);
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
            running: 0,
            begins_region: false,
            charged: None,
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
        self.enter_region();
        while !operators.eof() {
            let at = operators.original_position();
            self.read = self.module.places.read(at);
            if self.which(Instruments::BLOCKS) {
                self.note_charge()?;
            }
            for counter in core::mem::take(&mut self.begins) {
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
                    self.begin_counted(not_taken)?;
                }
                if let Op::If { .. } = operator {
                    self.begin_region();
                    self.note_region();
                    if let Some([_, taken]) = condition {
                        self.begin_counted(taken)?;
                    }
                    self.open_block(Frame {
                        is_if: true,
                        second_arm: condition.map(|[not_taken, _]| not_taken),
                        ..Frame::default()
                    })?;
                    self.enter_region();
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
                self.enter_region();
            }
            Op::Else => {
                self.begin_region();
                self.note_region();
                let second_arm = self
                    .frames
                    .last_mut()
                    .and_then(|frame| frame.second_arm.take());
                if let Some(counter) = second_arm {
                    self.begin_counted(counter)?;
                }
                self.enter_region();
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
        let opened = Frame {
            targeted: targeted.unwrap_or_default(),
            region: self.frames.last().map_or(0, |around| around.region),
            ..frame
        };
        room::push(&mut self.frames, opened)
    }

    /// The last block that was opened has a region of its own, which is entered as often as the next code runs.
    fn enter_region(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.region = self.running;
        }
        self.begins_region = true;
    }

    /// Notes which region the next operator belongs to, if another one than the last.
    fn note_charge(&mut self) -> Result<(), OutOfMemory> {
        let begins = core::mem::take(&mut self.begins_region);
        let region = self.frames.last().map(|frame| frame.region);
        let Some(counter) = region.filter(|_| begins || region != self.charged) else {
            return Ok(());
        };
        self.charged = region;
        let charge = Charge {
            function: self.index,
            offset: self.read,
            counter,
            begins,
        };
        room::push(&mut self.module.installed.charges, charge)
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
        self.begin_counted(counter)
    }

    /// The next operator begins code that runs as often as the counter counts.
    fn begin_counted(&mut self, counter: usize) -> Result<(), OutOfMemory> {
        self.running = counter;
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
