//! The buffers that cross the boundary: live blocks, each tracked by its address, so that a wrong
//! pointer from the host is refused instead of followed. The guest's ordinary heap is not here.

// Raw blocks have no safe form: their address leaves the program and the host writes to them.
#![allow(unsafe_code)]
// Outside wasm32 only the tests use the tracker.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]

use alloc::{
    alloc::{alloc_zeroed, dealloc},
    vec::Vec,
};
use core::{alloc::Layout, ptr, ptr::NonNull, slice};

/// How many bytes may be live at once, as in the Go SDK: 100 MiB.
pub(super) const LIMIT: usize = 100 * 1024 * 1024;

struct Block {
    start: NonNull<u8>,
    layout: Layout,
}

/// The live blocks in the order of their addresses.
pub(super) struct Blocks {
    live: Vec<Block>,
    bytes: usize,
}

impl Blocks {
    pub(super) const fn new() -> Blocks {
        Blocks {
            live: Vec::new(),
            bytes: 0,
        }
    }

    /// The address of a new zeroed block, or 0 if `size` is 0 or there is no room.
    pub(super) fn allocate(&mut self, size: usize) -> usize {
        self.try_allocate(size).unwrap_or(0)
    }

    fn try_allocate(&mut self, size: usize) -> Option<usize> {
        let bytes = self
            .bytes
            .checked_add(size)
            .filter(|&bytes| size > 0 && bytes <= LIMIT)?;
        let layout = Layout::from_size_align(size, 8).ok()?;
        self.live.try_reserve(1).ok()?;
        // SAFETY: the size of the layout is not 0.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let address = start.as_ptr().expose_provenance();
        let at = self
            .live
            .partition_point(|block| block.start.addr().get() < address);
        self.live.insert(at, Block { start, layout });
        self.bytes = bytes;
        Some(address)
    }

    /// Frees the block at `address`; an address that is not tracked is ignored.
    pub(super) fn release(&mut self, address: usize) {
        let Some(at) = self.find(address) else { return };
        let block = self.live.remove(at);
        self.bytes = self.bytes.saturating_sub(block.layout.size());
        // SAFETY: the block came from `alloc_zeroed` with this layout and has just left the list,
        // so it is freed once.
        unsafe { dealloc(block.start.as_ptr(), block.layout) }
    }

    /// The first `len` bytes of the block at `address`, if there is such a block.
    ///
    /// The slice borrows the tracker, so the block cannot be freed under it.
    pub(super) fn bytes(&self, address: usize, len: usize) -> Option<&[u8]> {
        let block = self.live.get(self.find(address)?)?;
        if len > block.layout.size() {
            return None;
        }
        // SAFETY: the block is live, initialised (it began zeroed) and at least `len` long. The
        // host writes only inside an import, and none is called while the slice exists, because
        // an import needs the tracker that the slice borrows.
        Some(unsafe { slice::from_raw_parts(block.start.as_ptr(), len) })
    }

    /// The address of a new block that holds `bytes`, or 0 if there is no room.
    pub(super) fn copy_in(&mut self, bytes: &[u8]) -> usize {
        let address = self.allocate(bytes.len());
        if let Some(block) = self.find(address).and_then(|at| self.live.get(at)) {
            // SAFETY: the block is new, exactly as long as `bytes`, and so does not overlap it.
            unsafe {
                ptr::copy_nonoverlapping(bytes.as_ptr(), block.start.as_ptr(), bytes.len());
            }
        }
        address
    }

    fn find(&self, address: usize) -> Option<usize> {
        self.live
            .binary_search_by_key(&address, |block| block.start.addr().get())
            .ok()
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        while let Some(block) = self.live.last() {
            let address = block.start.addr().get();
            self.release(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_holds_what_was_put_in_until_it_is_freed() {
        let mut blocks = Blocks::new();
        let (first, second) = (blocks.copy_in(b"first"), blocks.copy_in(b"second"));
        assert_eq!(blocks.bytes(first, 5), Some(b"first".as_slice()));
        assert_eq!(blocks.bytes(second, 3), Some(b"sec".as_slice()));
        blocks.release(first);
        assert_eq!(blocks.bytes(first, 1), None);
        assert_eq!(blocks.bytes(second, 6), Some(b"second".as_slice()));
    }

    #[test]
    fn size_zero_and_sizes_beyond_the_limit_give_no_block() {
        let mut blocks = Blocks::new();
        assert_eq!(blocks.allocate(0), 0);
        assert_eq!(blocks.allocate(LIMIT + 1), 0);
        assert_eq!(blocks.allocate(usize::MAX), 0);
        assert_eq!(blocks.copy_in(b""), 0);
        let half = blocks.allocate(LIMIT / 2);
        assert_ne!(half, 0);
        assert_eq!(blocks.allocate(LIMIT / 2 + 1), 0, "the limit is on the sum");
        blocks.release(half);
        assert_ne!(
            blocks.allocate(LIMIT / 2 + 1),
            0,
            "what was freed can be had again"
        );
    }

    #[test]
    fn pointers_that_are_not_ours_are_refused() {
        let mut blocks = Blocks::new();
        let block = blocks.allocate(16);
        blocks.release(block + 8);
        blocks.release(0);
        assert_eq!(blocks.bytes(block, 17), None);
        assert_eq!(blocks.bytes(block + 8, 8), None);
        assert_eq!(blocks.bytes(0, 0), None);
        assert_eq!(blocks.bytes(block, 16), Some([0; 16].as_slice()));
        blocks.release(block);
        blocks.release(block);
        assert_eq!(blocks.bytes, 0);
    }
}
