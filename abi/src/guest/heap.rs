//! A heap for plugins without std: smaller than a general one by 5 KB, and good enough for an
//! instance that lives for one call. Blocks have sizes of powers of two; what is freed is used
//! again for the same size, and never given back.

// An allocator cannot be written without; each use says why it holds.
#![allow(unsafe_code)]

use core::{
    alloc::{GlobalAlloc, Layout},
    arch::wasm32::{memory_grow, memory_size},
    cell::UnsafeCell,
    ptr,
};

const PAGE: usize = 65536;
/// The smallest block holds the link to the next free one, and whatever alignment is usual.
const SMALLEST: usize = 16;
/// From 16 bytes to 2 GiB.
const CLASSES: usize = 28;

/// The allocator that `plugin!(no_std …)` installs.
pub struct Heap(UnsafeCell<State>);

impl core::fmt::Debug for Heap {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Heap")
    }
}

struct State {
    /// The first free block of each size, each of which begins with the address of the next.
    free: [*mut u8; CLASSES],
    /// What lies between `top` and `end` was never handed out.
    top: usize,
    end: usize,
}

// SAFETY: a plugin has one thread (`exports` refuses to build with the feature `atomics`).
unsafe impl Sync for Heap {}

impl Heap {
    /// A heap that starts behind what the module's memory begins with.
    pub const fn new() -> Heap {
        Heap(UnsafeCell::new(State {
            free: [ptr::null_mut(); CLASSES],
            top: 0,
            end: 0,
        }))
    }
}

impl Default for Heap {
    fn default() -> Heap {
        Heap::new()
    }
}

#[allow(improper_ctypes)]
unsafe extern "C" {
    /// Where the memory ends that the module itself uses; the linker knows.
    static __heap_base: u8;
}

/// The size class of a layout, and the size of its blocks; `None` beyond 2 GiB.
fn class(layout: Layout) -> Option<(usize, usize)> {
    let size = layout.size().max(SMALLEST).checked_next_power_of_two()?;
    let class = (size.trailing_zeros() - SMALLEST.trailing_zeros()) as usize;
    (class < CLASSES).then_some((class, size))
}

impl State {
    /// A block that was never used before.
    fn fresh(&mut self, size: usize, align: usize) -> Option<usize> {
        if self.end == 0 {
            self.top = (&raw const __heap_base).expose_provenance();
            self.end = memory_size::<0>().saturating_mul(PAGE);
        }
        let start = self.top.checked_next_multiple_of(align.max(SMALLEST))?;
        let end = start.checked_add(size)?;
        if end > self.end {
            let pages = (end - self.end).div_ceil(PAGE);
            if memory_grow::<0>(pages) == usize::MAX {
                return None;
            }
            // All of memory, 4 GiB, would not fit.
            self.end = memory_size::<0>().saturating_mul(PAGE);
        }
        self.top = end;
        Some(start)
    }
}

// SAFETY: blocks come out of memory that was grown for them, do not overlap, hold at least the
// size and the alignment of their layout, and are handed out again only after `dealloc`.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((class, size)) = class(layout) else {
            return ptr::null_mut();
        };
        // SAFETY: one thread, and nothing below calls back into the allocator.
        let state = unsafe { &mut *self.0.get() };
        let Some(first) = state.free.get_mut(class) else {
            return ptr::null_mut();
        };
        // A block that was freed has the usual alignment; more is rare, and always gets a new one.
        if !first.is_null() && layout.align() <= SMALLEST {
            let block = *first;
            // SAFETY: a free block begins with the address of the next, written by `dealloc`.
            *first = unsafe { block.cast::<*mut u8>().read() };
            return block;
        }
        state
            .fresh(size, layout.align())
            .map_or(ptr::null_mut(), ptr::with_exposed_provenance_mut)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`.
        let state = unsafe { &mut *self.0.get() };
        if let Some((class, _)) = class(layout)
            && let Some(first) = state.free.get_mut(class)
        {
            // SAFETY: the block is ours, unused from now on, and has room for an address.
            unsafe { block.cast::<*mut u8>().write(*first) };
            *first = block;
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else {
            return ptr::null_mut();
        };
        // A block has the size of its class, which may do.
        if class(layout) == class(wanted) {
            return block;
        }
        // SAFETY: the size of `wanted` is not 0, as the caller promises.
        let moved = unsafe { self.alloc(wanted) };
        if !moved.is_null() {
            // SAFETY: both blocks are live, distinct and at least that long.
            unsafe {
                ptr::copy_nonoverlapping(block, moved, layout.size().min(size));
                self.dealloc(block, layout);
            }
        }
        moved
    }
}
