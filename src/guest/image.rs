//! What a linear memory held at one moment, kept without its zeros, and brought back block by
//! block where something changed.

use crate::{
    module::BLOCK_SHIFT,
    room::{self, OutOfMemory},
};
use alloc::vec::Vec;

/// What is compared and copied at once.
const BLOCK: usize = 1 << BLOCK_SHIFT;

const ZEROS: [u8; BLOCK] = [0; BLOCK];

/// Marks a block of zeros, of which no copy is kept.
const ZERO: u32 = u32::MAX;

/// The content of a memory.
pub(crate) struct Image {
    /// For each block the number of its copy.
    blocks: Vec<u32>,
    copies: Vec<u8>,
}

impl Image {
    /// Copies a memory, whose length is a multiple of 64 KiB, if there is room for that.
    pub(crate) fn of(memory: &[u8]) -> Result<Image, OutOfMemory> {
        let kept = memory.chunks_exact(BLOCK).filter(|block| **block != ZEROS);
        let mut copies = room::reserved(kept.count() * BLOCK)?;
        let mut blocks = room::reserved(memory.len() / BLOCK)?;
        room::check(0)?;
        for block in memory.chunks_exact(BLOCK) {
            if *block == ZEROS {
                blocks.push(ZERO);
            } else {
                blocks.push(u32::try_from(copies.len() / BLOCK).unwrap_or(ZERO));
                copies.extend_from_slice(block);
            }
        }
        Ok(Image { blocks, copies })
    }

    /// The length of the memory.
    pub(crate) fn len(&self) -> usize {
        self.blocks.len() * BLOCK
    }

    /// Fills a zeroed memory of the same length.
    pub(crate) fn fill(&self, memory: &mut [u8]) {
        for (target, block) in memory.chunks_exact_mut(BLOCK).zip(&self.blocks) {
            if let Some(copy) = self.copy(*block) {
                target.copy_from_slice(copy);
            }
        }
    }

    /// Brings a memory of the same length back to what it was.
    pub(crate) fn restore(&self, memory: &mut [u8]) {
        for (target, block) in memory.chunks_exact_mut(BLOCK).zip(&self.blocks) {
            let copy = self.copy(*block).unwrap_or(&ZEROS);
            if target != copy {
                target.copy_from_slice(copy);
            }
        }
    }

    /// The same where only these blocks may have changed, by their numbers.
    pub(crate) fn restore_blocks(&self, memory: &mut [u8], changed: &[u32]) {
        for number in changed {
            let index = usize::try_from(*number).unwrap_or(usize::MAX);
            let start = index.saturating_mul(BLOCK);
            let target = memory
                .get_mut(start..)
                .and_then(|rest| rest.get_mut(..BLOCK));
            if let (Some(target), Some(block)) = (target, self.blocks.get(index)) {
                let copy = self.copy(*block).unwrap_or(&ZEROS);
                if target != copy {
                    target.copy_from_slice(copy);
                }
            }
        }
    }

    /// How many blocks there are.
    pub(crate) fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The copy of a block that is not all zeros.
    fn copy(&self, block: u32) -> Option<&[u8]> {
        if block == ZERO {
            return None;
        }
        let start = usize::try_from(block).ok()?.checked_mul(BLOCK)?;
        self.copies.get(start..)?.get(..BLOCK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Some blocks with something in them, and changes anywhere.
    fn memory() -> impl Strategy<Value = (Vec<u8>, Vec<(usize, u8)>)> {
        (1usize..5).prop_flat_map(|pages| {
            let len = pages * 65_536;
            let places = || prop::collection::vec((0..len, any::<u8>()), 0..20);
            (places(), places()).prop_map(move |(filled, changed)| {
                let mut memory = vec![0; len];
                for (place, byte) in filled {
                    memory[place] = byte;
                }
                (memory, changed)
            })
        })
    }

    proptest! {
        #[test]
        fn what_changed_is_brought_back((memory, changed) in memory()) {
            let image = Image::of(&memory).unwrap();
            prop_assert_eq!(image.len(), memory.len());
            let mut filled = vec![0; memory.len()];
            image.fill(&mut filled);
            prop_assert!(filled == memory);
            for (place, byte) in changed {
                filled[place] = byte;
            }
            image.restore(&mut filled);
            prop_assert!(filled == memory);
        }
    }

    #[test]
    fn zeros_are_not_kept() {
        let mut memory = vec![0; 1 << 20];
        memory[70_000] = 1;
        assert_eq!(Image::of(&memory).unwrap().copies.len(), BLOCK);
    }
}
