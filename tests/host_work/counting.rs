//! An allocator that counts, for each thread by itself, what is allocated and how much of it is in
//! use at once.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

/// What some work took.
#[derive(Clone, Copy, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Taken {
    /// Bytes of the input.
    pub input: u64,
    /// How often memory was asked for.
    pub allocations: u64,
    /// How many bytes, all together.
    pub allocated: u64,
    /// How many bytes were in use at once.
    pub peak: u64,
}

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static ALLOCATED: Cell<u64> = const { Cell::new(0) };
    static IN_USE: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn took(bytes: usize) {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
    ALLOCATED.set(ALLOCATED.get() + bytes as u64);
    let in_use = IN_USE.get() + bytes as i64;
    IN_USE.set(in_use);
    PEAK.set(PEAK.get().max(in_use));
}

fn gave(bytes: usize) {
    IN_USE.set(IN_USE.get() - bytes as i64);
}

// SAFETY: every call goes to the system's allocator as it came; the counters are plain cells, whose
// use allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        gave(layout.size());
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both are in use while the bytes are copied.
        took(size);
        gave(layout.size());
        unsafe { System.realloc(at, layout, size) }
    }
}

/// What `work` takes on this thread.
pub fn count(input: usize, work: impl FnOnce()) -> Taken {
    let (allocations, allocated, in_use) = (ALLOCATIONS.get(), ALLOCATED.get(), IN_USE.get());
    PEAK.set(in_use);
    work();
    Taken {
        input: input as u64,
        allocations: ALLOCATIONS.get() - allocations,
        allocated: ALLOCATED.get() - allocated,
        peak: u64::try_from(PEAK.get() - in_use).unwrap(),
    }
}
