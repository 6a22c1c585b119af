//! The bytes of a simulated file, in blocks. Bytes that were never written are zero and take neither
//! memory nor time. Copies share the blocks that neither has changed.

use crate::room::{self, OutOfMemory};
use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

/// Bytes of a block.
const BLOCK: u64 = 4096;
/// The approximate memory of a block in addition to its bytes.
const OVERHEAD: u64 = 128;

#[derive(Clone, Debug, Default)]
pub(super) struct Blocks {
    size: u64,
    /// By block number. A block has at most [`BLOCK`] bytes and does not go past the end of the file.
    /// Bytes that it lacks are zero, and so are all bytes of a missing block.
    written: Arc<BTreeMap<u64, Arc<Vec<u8>>>>,
}

impl From<&[u8]> for Blocks {
    fn from(bytes: &[u8]) -> Blocks {
        let pieces = bytes.chunks(in_memory(BLOCK));
        Blocks {
            size: bytes.len() as u64,
            written: Arc::new(
                (0..)
                    .zip(pieces.map(|piece| piece.to_vec().into()))
                    .collect(),
            ),
        }
    }
}

impl Blocks {
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// At most `limit` bytes from `offset` on, none of them past the end.
    pub(super) fn read(&self, offset: u64, limit: u64) -> Result<Vec<u8>, OutOfMemory> {
        let length = self.size.saturating_sub(offset).min(limit);
        let end = offset.saturating_add(length);
        let mut read = room::reserved(usize::try_from(length).map_err(|_| OutOfMemory)?)?;
        if length == 0 {
            return Ok(read);
        }
        for (number, block) in self.written.range(offset / BLOCK..=end / BLOCK) {
            let start = number * BLOCK;
            let from = in_memory(offset.saturating_sub(start));
            let to = block.len().min(in_memory(end.saturating_sub(start)));
            let Some(piece) = block.get(from..to) else {
                continue;
            };
            // The bytes missing before it are zero.
            read.resize(in_memory(start.max(offset) - offset), 0);
            read.extend_from_slice(piece);
        }
        read.resize(in_memory(length), 0);
        Ok(read)
    }

    /// Overwrites the bytes from `offset` on; the file grows if they go past its end. The caller checks
    /// that the end does not overflow.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), OutOfMemory> {
        let end = offset.saturating_add(bytes.len() as u64);
        let blocks = (end.saturating_sub(1) / BLOCK).saturating_sub(offset / BLOCK) + 1;
        let mut needed = blocks.saturating_mul(BLOCK + OVERHEAD);
        if Arc::strong_count(&self.written) > 1 {
            needed = needed.saturating_add((self.written.len() as u64).saturating_mul(OVERHEAD));
        }
        room::check(usize::try_from(needed).map_err(|_| OutOfMemory)?)?;
        let written = Arc::make_mut(&mut self.written);
        let (mut at, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let within = in_memory(at % BLOCK);
            let (piece, more) = rest.split_at(rest.len().min(in_memory(BLOCK) - within));
            let block = Arc::make_mut(written.entry(at / BLOCK).or_default());
            if block.len() < within + piece.len() {
                block.resize(within + piece.len(), 0);
            }
            if let Some(place) = block.get_mut(within..within + piece.len()) {
                place.copy_from_slice(piece);
            }
            at = at.saturating_add(piece.len() as u64);
            rest = more;
        }
        self.size = self.size.max(end);
        Ok(())
    }

    /// Truncates the file or extends it with zeros.
    pub(super) fn set_size(&mut self, size: u64) -> Result<(), OutOfMemory> {
        let kept = size.div_ceil(BLOCK);
        let is_cut = |written: &BTreeMap<u64, Arc<Vec<u8>>>| {
            let last = written.last_key_value();
            last.is_some_and(|(number, block)| {
                number
                    .saturating_mul(BLOCK)
                    .saturating_add(block.len() as u64)
                    > size
            })
        };
        if is_cut(&self.written) {
            if Arc::strong_count(&self.written) > 1 {
                let copied = (self.written.len() as u64).saturating_mul(OVERHEAD) + BLOCK;
                room::check(usize::try_from(copied).map_err(|_| OutOfMemory)?)?;
            }
            let written = Arc::make_mut(&mut self.written);
            while let Some(last) = written.last_entry().filter(|last| *last.key() >= kept) {
                last.remove();
            }
            if let Some(mut last) = written.last_entry().filter(|_| !size.is_multiple_of(BLOCK))
                && *last.key() == size / BLOCK
            {
                let block = Arc::make_mut(last.get_mut());
                block.truncate(in_memory(size % BLOCK));
                block.shrink_to_fit();
            }
        }
        self.size = size;
        Ok(())
    }
}

/// A number of bytes in memory.
fn in_memory(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Act {
        Write(u64, Vec<u8>),
        SetSize(u64),
        Copy,
    }

    fn offsets() -> impl Strategy<Value = u64> {
        prop_oneof![
            0..20_000u64,
            (0..5u64, 0..3u64).prop_map(|(block, more)| (block * BLOCK + more).saturating_sub(1))
        ]
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let bytes = prop_oneof![
            prop::collection::vec(1u8.., 0..10),
            (1u8.., 0..9000usize).prop_map(|(byte, length)| vec![byte; length]),
        ];
        let act = prop_oneof![
            (offsets(), bytes).prop_map(|(offset, bytes)| Act::Write(offset, bytes)),
            offsets().prop_map(Act::SetSize),
            Just(Act::Copy),
        ];
        prop::collection::vec(act, 0..12)
    }

    proptest! {
        #[test]
        fn bytes_are_read_as_they_would_be_from_a_list(
            first in prop::collection::vec(any::<u8>(), 0..9000),
            acts in acts(),
            reads in prop::collection::vec((offsets(), 0..20_000u64), 1..5),
        ) {
            let mut list = first.clone();
            let mut blocks = Blocks::from(first.as_slice());
            let mut copies = Vec::new();
            for act in acts {
                match act {
                    Act::Write(offset, bytes) => {
                        let (from, to) = (in_memory(offset), in_memory(offset) + bytes.len());
                        list.resize(list.len().max(to), 0);
                        list[from..to].copy_from_slice(&bytes);
                        blocks.write(offset, &bytes).unwrap();
                    }
                    Act::SetSize(size) => {
                        list.resize(in_memory(size), 0);
                        blocks.set_size(size).unwrap();
                    }
                    Act::Copy => copies.push((list.clone(), blocks.clone())),
                }
            }
            copies.push((list, blocks));
            for (list, blocks) in copies {
                prop_assert_eq!(blocks.size(), list.len() as u64);
                prop_assert_eq!(&blocks.read(0, u64::MAX).unwrap(), &list);
                for (offset, limit) in &reads {
                    let from = in_memory(*offset).min(list.len());
                    let to = list.len().min(from + in_memory(*limit));
                    prop_assert_eq!(&blocks.read(*offset, *limit).unwrap(), &list[from..to]);
                }
            }
        }
    }

    #[test]
    fn a_size_takes_no_memory_and_what_is_cut_off_gives_it_back() {
        let mut blocks = Blocks::default();
        blocks.set_size(1 << 40).unwrap();
        assert!(blocks.written.is_empty());
        blocks.write((1 << 40) - 1, b"a").unwrap();
        assert_eq!(blocks.written.len(), 1);
        assert_eq!(blocks.read((1 << 40) - 2, 9).unwrap(), b"\0a");
        blocks.set_size(0).unwrap();
        assert!(blocks.written.is_empty());

        blocks.write(0, &[7; 4096]).unwrap();
        blocks.set_size(1).unwrap();
        assert!(blocks.written[&0].capacity() < 64);
        assert_eq!(blocks.read(u64::MAX, u64::MAX).unwrap(), b"");
    }
}
