//! Where a function writes, and by which local or constant.

use super::unreadable;
use crate::{
    error::LoadError,
    module::encode::op,
    room::{self, OutOfMemory},
};
use alloc::vec::Vec;
use wasmparser::{BinaryReader, MemArg, Operator, ValType};

/// The bytes of a block.
pub(super) const BLOCK: u64 = 1 << super::BLOCK_SHIFT;

/// Stores up to this far from a local can be marked when the local is set.
const NEAR: u64 = 3 * BLOCK;

/// What is known of an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The value that a local has.
    Local(u32),
    /// A value that a local had, before it was set again.
    Former(u32),
    Constant(u32),
    Unknown,
}

/// A store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Store {
    pub(super) origin: Origin,
    pub(super) offset: u64,
    pub(super) bytes: u64,
    /// The type of what is stored.
    pub(super) value: ValType,
    /// Whether a mark before this one is for this store as well.
    pub(super) is_marked: bool,
}

impl Store {
    /// How far from a local it writes, if that is near.
    fn reach(&self) -> Option<u64> {
        Some(self.offset.saturating_add(self.bytes)).filter(|reach| *reach <= NEAR)
    }

    /// The first block from that of the address, and how many it may write from there on.
    pub(super) fn blocks(&self) -> (u64, u64) {
        let rest = self.offset % BLOCK + self.bytes - 1;
        // The address may be the last one of its block.
        (self.offset / BLOCK, rest.div_ceil(BLOCK) + 1)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A local is set.
    Set(u32),
    Store(Store),
    /// A range is written: its beginning is the third operand, its length the first.
    Bulk,
}

/// A place in a function where something may have to be marked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    /// Where the operator begins, and where the next one does.
    pub(super) at: usize,
    pub(super) next: usize,
    pub(super) kind: Kind,
}

/// How often code sets a local, and stores by it: in a loop, more often.
#[derive(Clone, Copy, Debug, Default)]
struct Use {
    sets: u64,
    stores: u64,
    /// How far the stores reach.
    reach: u64,
}

/// What was found in a function.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) sites: Vec<Site>,
    locals: Vec<Use>,
    /// The last operands, as far as they are known; the last one is the top.
    operands: Vec<Origin>,
    /// What is marked by a local, in this code without branches: the first block and how many.
    marked: Vec<(u32, u64, u64)>,
    /// How many times more often than the function this code runs, by guess.
    weight: u64,
    /// For each open block, the weight outside.
    outside: Vec<u64>,
}

/// So many operands and marks are followed.
const FOLLOWED: usize = 64;

impl Scan {
    /// Reads a function with so many parameters and locals from its first operator on.
    pub(super) fn read(
        &mut self,
        mut reader: BinaryReader<'_>,
        body: &[u8],
        start: usize,
        [params, locals]: [u32; 2],
    ) -> Result<(), LoadError> {
        self.sites.clear();
        self.locals.clear();
        self.outside.clear();
        self.forget();
        self.weight = 1;
        let all = usize::try_from(locals).unwrap_or(usize::MAX);
        self.locals.try_reserve(all).map_err(|_| OutOfMemory)?;
        for local in 0..locals {
            // A parameter is set when the function is called.
            let sets = u64::from(local < params);
            self.locals.push(Use {
                sets,
                ..Use::default()
            });
        }
        while !reader.eof() {
            let at = reader.original_position() - start;
            let operator = reader.read_operator().map_err(unreadable)?;
            let next = reader.original_position() - start;
            let bytes = body.get(at..next).unwrap_or_default();
            if let Some(kind) = self.operator(&operator, bytes)? {
                room::push(&mut self.sites, Site { at, next, kind })?;
            }
        }
        Ok(())
    }

    /// How many blocks are marked when a local is set, if that is better than where it is stored by.
    pub(super) fn marked_when_set(&self, local: u32) -> Option<u64> {
        let used = self.locals.get(usize::try_from(local).ok()?)?;
        // A reach of a byte is in one block, wherever that is.
        let blocks = used.reach.saturating_sub(1).div_ceil(BLOCK) + 1;
        (used.sets < used.stores).then_some(blocks)
    }

    /// Whether a store needs no mark of its own, since its local is marked when it is set.
    pub(super) fn is_marked_when_set(&self, store: &Store) -> bool {
        match store.origin {
            Origin::Local(local) | Origin::Former(local) => {
                store.reach().is_some() && self.marked_when_set(local).is_some()
            }
            Origin::Constant(_) | Origin::Unknown => false,
        }
    }

    fn operator(
        &mut self,
        operator: &Operator<'_>,
        bytes: &[u8],
    ) -> Result<Option<Kind>, LoadError> {
        use Operator as Op;
        match operator {
            Op::LocalGet { local_index } => self.push(Origin::Local(*local_index)),
            Op::LocalSet { local_index } => {
                self.pop(1);
                return Ok(Some(self.set(*local_index)));
            }
            Op::LocalTee { local_index } => {
                self.pop(1);
                let kind = self.set(*local_index);
                self.push(Origin::Local(*local_index));
                return Ok(Some(kind));
            }
            Op::I32Const { value } => self.push(Origin::Constant(value.cast_unsigned())),
            Op::MemoryFill { mem: 0 }
            | Op::MemoryCopy { dst_mem: 0, .. }
            | Op::MemoryInit { mem: 0, .. } => {
                self.pop(3);
                return Ok(Some(Kind::Bulk));
            }
            Op::Block { .. } => self.open(1)?,
            Op::If { .. } => self.open(1)?,
            Op::Loop { .. } => self.open(8)?,
            Op::End => {
                self.weight = self.outside.pop().unwrap_or(1);
                self.forget();
            }
            _ => match stored(operator, bytes)? {
                Some((memarg, value, bytes)) => {
                    self.pop(1);
                    let origin = self.pop(1);
                    if memarg.memory == 0 {
                        return Ok(Some(self.store(origin, memarg.offset, bytes, value)));
                    }
                }
                None => self.other(bytes),
            },
        }
        Ok(None)
    }

    /// Follows the operands of an operator that writes nothing.
    fn other(&mut self, bytes: &[u8]) {
        let [operator, ..] = bytes else {
            return;
        };
        match operator {
            // nop
            0x01 => {}
            // drop, global.set
            0x1A | 0x24 => drop(self.pop(1)),
            // select
            0x1B => self.replace(3),
            // global.get, memory.size, constants
            0x23 | 0x3F | 0x42..=0x44 => self.push(Origin::Unknown),
            // loads; eqz, clz and the like; conversions
            0x28..=0x35 | 0x45 | 0x50 | 0x67..=0x69 | 0x79..=0x7B => self.replace(1),
            0x8B..=0x91 | 0x99..=0x9F | 0xA7..=0xC4 => self.replace(1),
            // comparisons and arithmetic
            0x46..=0x4F | 0x51..=0x66 | 0x6A..=0x78 | 0x7C..=0x8A => self.replace(2),
            0x92..=0x98 | 0xA0..=0xA6 => self.replace(2),
            // Branches that may not be taken, and calls: what is marked stays so, and what lies below is not
            // known.
            &op::BR_IF | &op::CALL | &op::CALL_INDIRECT => self.operands.clear(),
            _ => self.forget(),
        }
    }

    fn open(&mut self, times: u64) -> Result<(), OutOfMemory> {
        room::push(&mut self.outside, self.weight)?;
        self.weight = self.weight.saturating_mul(times).min(1 << 20);
        self.forget();
        Ok(())
    }

    fn forget(&mut self) {
        self.operands.clear();
        self.marked.clear();
    }

    fn push(&mut self, origin: Origin) {
        if self.operands.len() >= FOLLOWED {
            self.operands.clear();
        }
        self.operands.push(origin);
    }

    /// Takes so many operands. Returns the last of them.
    fn pop(&mut self, count: usize) -> Origin {
        let mut last = Origin::Unknown;
        for _ in 0..count {
            last = self.operands.pop().unwrap_or(Origin::Unknown);
        }
        last
    }

    fn replace(&mut self, count: usize) {
        self.pop(count);
        self.push(Origin::Unknown);
    }

    fn set(&mut self, local: u32) -> Kind {
        for operand in &mut self.operands {
            if *operand == Origin::Local(local) {
                *operand = Origin::Former(local);
            }
        }
        self.marked.retain(|(marked, ..)| *marked != local);
        let weight = self.weight;
        if let Some(used) = self.used(local) {
            used.sets = used.sets.saturating_add(weight);
        }
        Kind::Set(local)
    }

    fn store(&mut self, origin: Origin, offset: u64, bytes: u64, value: ValType) -> Kind {
        let mut store = Store {
            origin,
            offset,
            bytes,
            value,
            is_marked: false,
        };
        // A store that is near may leave its mark to where the local is set, and then not one that is far.
        if let (Origin::Local(local), Some(_)) = (origin, store.reach()) {
            let (first, blocks) = store.blocks();
            let end = first + blocks;
            store.is_marked = self.marked.iter().any(|(marked, from, count)| {
                *marked == local && *from <= first && end <= from + count
            });
            if !store.is_marked && self.marked.len() < FOLLOWED {
                self.marked.push((local, first, blocks));
            }
        }
        let weight = match (store.is_marked, origin) {
            (true, _) => 0,
            (false, Origin::Former(_)) => self.weight.saturating_mul(2),
            (false, _) => self.weight,
        };
        if let (Origin::Local(local) | Origin::Former(local), Some(reach)) = (origin, store.reach())
            && let Some(used) = self.used(local)
        {
            used.stores = used.stores.saturating_add(weight);
            used.reach = used.reach.max(reach);
        }
        Kind::Store(store)
    }

    fn used(&mut self, local: u32) -> Option<&mut Use> {
        self.locals.get_mut(usize::try_from(local).ok()?)
    }
}

/// What a store takes: its immediates, the type of its value, and how many bytes it writes.
fn stored(
    operator: &Operator<'_>,
    bytes: &[u8],
) -> Result<Option<(MemArg, ValType, u64)>, LoadError> {
    use Operator as Op;
    use ValType::{F32, F64, I32, I64, V128};
    Ok(Some(match operator {
        Op::I32Store8 { memarg } => (*memarg, I32, 1),
        Op::I32Store16 { memarg } => (*memarg, I32, 2),
        Op::I32Store { memarg } => (*memarg, I32, 4),
        Op::I64Store8 { memarg } => (*memarg, I64, 1),
        Op::I64Store16 { memarg } => (*memarg, I64, 2),
        Op::I64Store32 { memarg } => (*memarg, I64, 4),
        Op::I64Store { memarg } => (*memarg, I64, 8),
        Op::F32Store { memarg } => (*memarg, F32, 4),
        Op::F64Store { memarg } => (*memarg, F64, 8),
        _ => {
            let Some((&op::VECTOR, rest)) = bytes.split_first() else {
                return Ok(None);
            };
            // The parser knows vectors only if its feature is enabled.
            let mut reader = BinaryReader::new(rest, 0);
            let length = match reader.read_var_u32().map_err(unreadable)? {
                // v128.store, v128.store8_lane and the others
                11 => 16,
                88 => 1,
                89 => 2,
                90 => 4,
                91 => 8,
                _ => return Ok(None),
            };
            const HAS_MEMORY: u32 = 1 << 6;
            let flags = reader.read_var_u32().map_err(unreadable)?;
            let memory = match flags & HAS_MEMORY {
                0 => 0,
                _ => reader.read_var_u32().map_err(unreadable)?,
            };
            let memarg = MemArg {
                align: 0,
                max_align: 0,
                offset: reader.read_var_u32().map_err(unreadable)?.into(),
                memory,
            };
            (memarg, V128, length)
        }
    }))
}
