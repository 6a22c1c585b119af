//! Marks which blocks of memory a guest may have written, so that a reset looks at no others. Code that
//! writes also writes a byte for each block into the memory of the instruments, which the guest cannot reach;
//! `guest` reads it.
//!
//! Nothing is assumed of a guest: whatever address a store takes, its blocks are marked. Marks may be too
//! many, and are never too few. The rules, for an address `a`, a static offset and so many bytes:
//!
//! * A store at `a` writes in the block `(a >> 12) + (offset >> 12)` or the next one, or in the one behind
//!   that if the rest of the offset and the bytes are more than a block. The map has a byte for each block;
//!   one store of 1, 2 or 4 bytes into it marks them all. It comes behind the store, which traps outside of
//!   the memory.
//! * Stores by the same local, in code without branches and without a change of it, share a mark. So do all
//!   stores by a local that is rather set than stored by: each value that it gets is marked when it gets it,
//!   whatever it is. It begins as zero, and the first blocks are always taken for written. Frames of C and
//!   Rust are such: their pointer is set once.
//! * `memory.fill` and `memory.copy` mark the first 28 KiB, and write their range into a list if they are
//!   longer. The list counts on when it is full, and then all is taken for written.
//!
//! No code that is added branches, so a module with instruments has the same regions, and the same fuel if
//! the operators used here cost nothing.

mod function;
mod scan;

use super::{
    additions::Additions,
    encode::{kind, op},
    functions::{Types, push_body, rewrite, unreadable},
    read::Reading,
};
use crate::error::LoadError;
use alloc::vec::Vec;
use function::Function;

/// The bytes of a block, as a power of two.
pub(crate) const BLOCK_SHIFT: u32 = 12;

/// The export of the global with the bytes of the list.
pub(crate) const LISTED_EXPORT: &str = "tollgate:listed";

/// Where the list begins, behind a byte for each block of a memory of 32 bits and some more.
pub(crate) const LIST: u32 = (1 << (32 - BLOCK_SHIFT)) + 4096;

/// So many ranges have room in the list.
pub(crate) const LIST_ENTRIES: u32 = 4096;

/// Bytes of a range in the list: where it begins, and its length.
pub(crate) const LIST_ENTRY: u32 = 8;

/// So many blocks from the beginning of the memory are always taken for written.
pub(crate) const FIRST_BLOCKS: u32 = 4;

/// Bytes of the map and the list.
pub(crate) const MARKS_BYTES: u32 = LIST + LIST_ENTRIES * LIST_ENTRY;

/// What code that marks uses.
#[derive(Clone, Copy, Debug)]
struct Indices {
    memory: u32,
    /// Where the marks begin in it.
    at: u32,
    /// The global with the bytes of the list.
    listed: u32,
}

/// Collects the blocks that may have been written, of so many, from the memory of the marks, which it
/// clears, and the bytes of the list. Returns false if all may have been written.
pub(crate) fn take(marks: &mut [u8], listed: u64, blocks: u32, written: &mut Vec<u32>) -> bool {
    written.clear();
    let entries = listed / u64::from(LIST_ENTRY);
    let all = index(blocks);
    let is_listed = entries < LIST_ENTRIES.into()
        && marks.len() >= index(MARKS_BYTES)
        && all <= index(LIST)
        && written.try_reserve(all).is_ok();
    let (map, list) = marks.split_at_mut(marks.len().min(index(LIST)));
    if is_listed {
        let (list, _) = list.as_chunks::<8>();
        for entry in list
            .iter()
            .take(index(u32::try_from(entries).unwrap_or(u32::MAX)))
        {
            let [from, length] = [0, 4].map(|at| {
                let word = entry.get(at..at + 4).and_then(|word| word.try_into().ok());
                u64::from(u32::from_le_bytes(word.unwrap_or_default()))
            });
            let end = (from + length).div_ceil(1 << BLOCK_SHIFT);
            let range = index(u32::try_from(from >> BLOCK_SHIFT).unwrap_or(u32::MAX))
                ..usize::try_from(end).unwrap_or(usize::MAX).min(all);
            if let Some(range) = map.get_mut(range) {
                range.fill(1);
            }
        }
        if let Some(first) = map.get_mut(..index(FIRST_BLOCKS).min(all)) {
            first.fill(1);
        }
    }
    let mut number = 0;
    let (words, _) = map.as_chunks_mut::<8>();
    for word in words.iter_mut().take(all.div_ceil(8)) {
        if *word != [0; 8] {
            let marked = (number..).zip(*word).filter(|(_, mark)| *mark != 0);
            written.extend(
                marked
                    .map(|(block, _)| block)
                    .filter(|block| *block < blocks),
            );
            *word = [0; 8];
        }
        number += 8;
    }
    is_listed
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Adds marks to the code of a module, and what it uses. They lie in a memory of instruments, from `at` on.
pub(super) fn install(
    reading: &mut Reading<'_>,
    added: &mut Additions,
    types: &Types,
    memory: u32,
    at: u32,
) -> Result<(), LoadError> {
    const I64: u8 = 0x7E;
    const VARIABLE: u8 = 1;
    let listed = reading.globals.saturating_add(added.globals.count());
    let mut function = Function::new(Indices { memory, at, listed });
    reading.code = rewrite(&reading.code, |number, body, code| {
        let written = function.write(body, types.params(number))?;
        Ok(push_body(code, written)?)
    })?;
    added
        .globals
        .push(&[I64, VARIABLE, op::I64_CONST, 0, op::END]);
    added.export(LISTED_EXPORT, kind::GLOBAL, listed);
    Ok(())
}

#[cfg(test)]
mod tests;
