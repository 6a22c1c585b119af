//! The fuel of a module with instruments, which is that of the module without them.
//!
//! The engine charges for a region when it is entered: for each operator in it what a table says that its
//! kind costs. In a module with instruments, the kinds that instruments use cost nothing. For those of them
//! that are the guest's, a region begins with operators that the engine counts and does not execute: an
//! `if` whose condition is a constant 0. These are of kinds that no guest has. So each region costs what it
//! costs without instruments, and runs out of fuel where it would without.

use super::super::{count::EMPTY, encode::op::*};
use super::unreadable;
use crate::{
    error::LoadError,
    room::{self, OutOfMemory},
};
use alloc::vec::Vec;
use wasmi::OperatorCost;
use wasmparser::{BinaryReader, Operator};

/// What an operator counts that is counted and not executed, largest first: `i64.mul_wide_u`,
/// `i64.mul_wide_s`, `i64.sub128`, `i64.add128`.
const COUNTED: [(u8, u8); 4] = [(0x16, 216), (0x15, 36), (0x14, 6), (0x13, 1)];

/// The kinds of operators that instruments use, by their names here and in the engine's table of costs.
macro_rules! used {
    ($($operator:ident $cost:ident,)*) => {
        /// Sets what operators cost in a module with instruments.
        pub(crate) fn set_costs(config: &mut wasmi::Config) {
            let [(_, i64_mul_wide_u), (_, i64_mul_wide_s), (_, i64_sub128), (_, i64_add128)] = COUNTED;
            config
                .wasm_multi_memory(true)
                .wasm_wide_arithmetic(true)
                .operator_cost(OperatorCost {
                    i64_mul_wide_u,
                    i64_mul_wide_s,
                    i64_sub128,
                    i64_add128,
                    $($cost: 0,)*
                    ..OperatorCost::default()
                });
        }

        /// Whether an operator is of a kind that instruments use, so that its fuel is counted apart.
        fn is_used(operator: &Operator<'_>) -> bool {
            matches!(operator, $(Operator::$operator { .. })|*)
        }
    };
}

used! {
    If if_,
    Br br,
    CallIndirect call_indirect,
    LocalGet local_get,
    LocalSet local_set,
    LocalTee local_tee,
    GlobalGet global_get,
    GlobalSet global_set,
    I32Load8U i32_load8_u,
    I64Load i64_load,
    I32Store i32_store,
    I32Store8 i32_store8,
    I32Store16 i32_store16,
    I64Store i64_store,
    I32Const i32_const,
    I64Const i64_const,
    F32Const f32_const,
    F64Const f64_const,
    I32Ne i32_ne,
    I32GtU i32_gt_u,
    I32Add i32_add,
    I32Sub i32_sub,
    I32And i32_and,
    I32Shl i32_shl,
    I32ShrU i32_shr_u,
    I32WrapI64 i32_wrap_i64,
    I64Add i64_add,
    I64ExtendI32U i64_extend_i32_u,
    I32ReinterpretF32 i32_reinterpret_f32,
    I64ReinterpretF64 i64_reinterpret_f64,
}

/// How branches lead to a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Targeted {
    /// By `br` or `br_if`.
    pub(super) by_branch: bool,
    /// By `br_table`.
    pub(super) by_table: bool,
}

/// A region of a function, and the fuel of what instruments use in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Region {
    /// What is charged for the region, but for entering it.
    pub(super) cost: u32,
    /// What of that the engine does not count.
    pub(super) uncounted: u32,
}

/// What is known of a function before its instruments are added.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// The regions in the order in which they begin.
    pub(super) regions: Vec<Region>,
    /// The blocks in the order in which they begin; the function is the first.
    pub(super) blocks: Vec<Targeted>,
}

impl Outline {
    /// Reads a function from its first operator on.
    pub(super) fn read(&mut self, mut reader: BinaryReader<'_>) -> Result<(), LoadError> {
        self.regions.clear();
        self.blocks.clear();
        // The open blocks, by their numbers, each with the region it is in.
        let mut open: Vec<(usize, usize)> = Vec::new();
        self.begin_region()?;
        room::push(&mut self.blocks, Targeted::default())?;
        room::push(&mut open, (0, 0))?;
        while !reader.eof() {
            let operator = reader.read_operator().map_err(unreadable)?;
            let Some((_, region)) = open.last().copied() else {
                break;
            };
            if let Some(region) = self.regions.get_mut(region) {
                region.cost += u32::from(costs(&operator));
                region.uncounted += u32::from(is_used(&operator));
            }
            match operator {
                Operator::Block { .. } => self.open(&mut open, region)?,
                Operator::Loop { .. } | Operator::If { .. } => {
                    let region = self.begin_region()?;
                    self.open(&mut open, region)?;
                }
                Operator::Else => {
                    let region = self.begin_region()?;
                    if let Some(last) = open.last_mut() {
                        last.1 = region;
                    }
                }
                Operator::End => drop(open.pop()),
                Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => {
                    if let Some(block) = self.target(&open, relative_depth) {
                        block.by_branch = true;
                    }
                }
                Operator::BrTable { targets } => {
                    let all = targets.targets().map_while(Result::ok);
                    for depth in all.chain([targets.default()]) {
                        if let Some(block) = self.target(&open, depth) {
                            block.by_table = true;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn begin_region(&mut self) -> Result<usize, OutOfMemory> {
        room::push(&mut self.regions, Region::default())?;
        Ok(self.regions.len() - 1)
    }

    fn open(&mut self, open: &mut Vec<(usize, usize)>, region: usize) -> Result<(), OutOfMemory> {
        room::push(open, (self.blocks.len(), region))?;
        room::push(&mut self.blocks, Targeted::default())
    }

    fn target(&mut self, open: &[(usize, usize)], depth: u32) -> Option<&mut Targeted> {
        let (block, _) = open.iter().nth_back(usize::try_from(depth).ok()?)?;
        self.blocks.get_mut(*block)
    }
}

/// Whether the engine charges for an operator; see `regions` for the model.
pub(super) fn costs(operator: &Operator<'_>) -> bool {
    use Operator as Op;
    !matches!(
        operator,
        Op::Nop
            | Op::Drop
            | Op::Block { .. }
            | Op::Loop { .. }
            | Op::Else
            | Op::End
            | Op::Return
            | Op::Unreachable
    )
}

/// Writes what has the engine charge for what it does not count in a region.
pub(super) fn push_counted(mut uncounted: u32, out: &mut Vec<u8>) {
    if uncounted == 0 {
        return;
    }
    // Behind `unreachable`, operators need no operands; before it, they leave none.
    out.extend_from_slice(&[I32_CONST, 0, IF, EMPTY, UNREACHABLE]);
    for (operator, counts) in COUNTED {
        while uncounted >= counts.into() {
            out.extend_from_slice(&[PREFIX, operator]);
            uncounted -= u32::from(counts);
        }
    }
    out.extend_from_slice(&[UNREACHABLE, END]);
}
