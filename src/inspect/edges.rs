//! What the instruments of a fuzzer show: edges and comparisons.

use crate::{error::Frame, module};
use serde::Serialize;

/// A place in a plugin's code where runs can differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Edge {
    /// The innermost function there, and the instruction that decides.
    pub at: Frame,
    /// Which way is counted.
    pub kind: EdgeKind,
}

/// Which way code goes at an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EdgeKind {
    /// The function begins.
    Entry,
    /// A turn of a loop begins.
    Turn,
    /// The condition of a branch is true.
    Taken,
    /// The condition of a branch is false.
    NotTaken,
    /// The code behind a block begins, which a `br_table` can lead to.
    Join,
}

impl From<module::Edge> for EdgeKind {
    fn from(edge: module::Edge) -> EdgeKind {
        match edge {
            module::Edge::Entry => EdgeKind::Entry,
            module::Edge::Turn => EdgeKind::Turn,
            module::Edge::Taken => EdgeKind::Taken,
            module::Edge::NotTaken => EdgeKind::NotTaken,
            module::Edge::Join => EdgeKind::Join,
        }
    }
}

/// A comparison that a plugin made, or the index of a `br_table` or of an indirect call. Also what compilers and
/// libraries compare by: an exclusive or with a constant, and the difference of a byte of memory and another number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// The number of its place among all places of comparisons in the module, from 0.
    pub place: u32,
    /// The index of the function.
    pub function: u32,
    /// The instruction, by its offset in bytes from the start of the module.
    pub offset: u64,
    /// How many bytes each operand has: 4 or 8, and 0 for an index, which is the first operand.
    pub bytes: u8,
    /// Whether the operands are floating-point numbers, of which these are the bits.
    pub is_float: bool,
    /// The operands.
    pub operands: [u64; 2],
    /// The addresses of the last two loads of integers before the comparison, in the same call of the function,
    /// the last one first; 0 if there were less. If the operands come from there, memory is being compared.
    pub loads: [u32; 2],
}
