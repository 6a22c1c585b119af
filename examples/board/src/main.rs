//! A program for a Cortex-M4 with 2 MB of memory and no operating system: start-up, the heap, and printing. What it
//! prints is in `observe.rs`. See README.md.

#![no_std]
#![no_main]

extern crate alloc;

mod observe;

use core::{
    alloc::{GlobalAlloc, Layout},
    mem::MaybeUninit,
    panic::PanicInfo,
    ptr::addr_of_mut,
    sync::atomic::{AtomicUsize, Ordering},
};
use cortex_m_semihosting::{debug, hprintln};
use embedded_alloc::LlffHeap;

/// Leaves the stack 192 KB of the 2 MB.
const HEAP_BYTES: usize = 1_856 << 10;

static mut HEAP_MEMORY: [MaybeUninit<u8>; HEAP_BYTES] = [MaybeUninit::uninit(); HEAP_BYTES];

/// The heap, and the most bytes that were ever in use.
struct Heap {
    heap: LlffHeap,
    peak: AtomicUsize,
}

#[global_allocator]
static HEAP: Heap = Heap {
    heap: LlffHeap::empty(),
    peak: AtomicUsize::new(0),
};

// SAFETY: `LlffHeap` does all of it.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let block = unsafe { self.heap.alloc(layout) };
        self.peak.fetch_max(self.heap.used(), Ordering::Relaxed);
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        unsafe { self.heap.dealloc(block, layout) }
    }
}

#[cortex_m_rt::entry]
fn main() -> ! {
    // SAFETY: once, before anything is allocated, and nothing else uses this memory.
    unsafe {
        HEAP.heap
            .init(addr_of_mut!(HEAP_MEMORY) as usize, HEAP_BYTES)
    };
    match observe::observe(&mut |line| hprintln!("{}", line)) {
        Ok(()) => {
            let peak = HEAP.peak.load(Ordering::Relaxed);
            hprintln!("heap: at most {} of {} KiB", peak >> 10, HEAP_BYTES >> 10);
            debug::exit(debug::EXIT_SUCCESS);
        }
        Err(error) => {
            hprintln!("error: {}", error);
            debug::exit(debug::EXIT_FAILURE);
        }
    }
    loop {}
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hprintln!("{}", info);
    debug::exit(debug::EXIT_FAILURE);
    loop {}
}
