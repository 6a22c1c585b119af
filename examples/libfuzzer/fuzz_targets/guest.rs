//! A harness for libFuzzer that sees into a guest. With `cargo fuzz`:
//!
//! ```sh
//! cargo fuzz run --fuzz-dir examples/libfuzzer guest
//! ```
//!
//! or with stable Rust and a C++ compiler: `cargo run --bin guest -- -max_len=64`. It ends at the input that makes the
//! guest trap. The variable `MODULE` names another module in libFuzzer's style; for a plugin, call `Runtime::load`.

#![no_main]

use std::{cell::RefCell, ffi::c_int};
use tollgate::{Error, Instance, Runtime, inspect::Instruments};

const BYTES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../fixtures/challenges/bytes.wasm"
);

// Of libFuzzer: what compilers call in programs that they instrument.
unsafe extern "C" {
    fn __sanitizer_cov_8bit_counters_init(start: *mut u8, end: *mut u8);
    fn __sanitizer_cov_pcs_init(start: *const usize, end: *const usize);
    safe fn __sanitizer_cov_trace_cmp4(one: u32, other: u32);
    safe fn __sanitizer_cov_trace_cmp8(one: u64, other: u64);
    fn __sanitizer_weak_hook_memcmp(
        place: *const u8,
        one: *const u8,
        other: *const u8,
        length: usize,
        result: c_int,
    );
}

struct Guest {
    /// Has counters, and runs each input.
    counting: Instance,
    /// What libFuzzer reads and clears.
    counters: &'static mut [u8],
    /// Which counters were ever above 0.
    seen: Vec<bool>,
    /// Has comparisons, which take time, and runs the inputs that take new edges.
    comparing: Instance,
}

thread_local!(static GUEST: RefCell<Guest> = RefCell::new(begin()));

fn begin() -> Guest {
    let module = std::fs::read(std::env::var("MODULE").as_deref().unwrap_or(BYTES)).unwrap();
    let runtime = Runtime::deterministic(0).fuel(10_000_000).build().unwrap();
    let plugin = runtime.load_harness("guest", module).unwrap();
    let instance = |instruments| {
        let guest = plugin.instrumented(instruments | Instruments::WRITES);
        let mut guest = guest.unwrap().instance().unwrap();
        // Its heap grows now, and not in each run.
        guest.observe_bytes(&[0; 4096]).unwrap();
        guest.snapshot().unwrap();
        guest
    };
    let counting = instance(Instruments::COVERAGE);
    let edges = counting.counters().len();
    let counters = vec![0; edges].leak();
    // Made-up addresses: libFuzzer refuses counters without. Each has two words, the address and flags.
    let places = (1..=edges).flat_map(|edge| [edge, 0]);
    let places = places.collect::<Vec<usize>>().leak();
    // Both are registered once, and are never freed.
    unsafe {
        let range = counters.as_mut_ptr_range();
        __sanitizer_cov_8bit_counters_init(range.start, range.end);
        let range = places.as_ptr_range();
        __sanitizer_cov_pcs_init(range.start, range.end);
    }
    Guest {
        counting,
        counters,
        seen: vec![false; edges],
        comparing: instance(Instruments::COMPARISONS),
    }
}

libfuzzer_sys::fuzz_target!(
    init: GUEST.with_borrow(|_| ()),
    |input: &[u8]| GUEST.with_borrow_mut(|guest| guest.run(input))
);

impl Guest {
    fn run(&mut self, input: &[u8]) {
        let outcome = self.counting.observe_bytes(input);
        self.counters.copy_from_slice(self.counting.counters());
        if let Err(error @ Error::Fault { .. }) = outcome {
            panic!("{}", error.report());
        }
        let mut is_new = false;
        for (seen, counter) in self.seen.iter_mut().zip(&*self.counters) {
            is_new |= *counter > 0 && !std::mem::replace(seen, true);
        }
        if is_new {
            let _ = self.comparing.observe_bytes(input);
            report_comparisons(&self.comparing);
            self.comparing.reset().unwrap();
        }
        self.counting.reset().unwrap();
    }
}

/// Shows libFuzzer what the guest compared, which it then puts into inputs.
fn report_comparisons(guest: &Instance) {
    /// How many bytes of memory are shown, since the length of a comparison is not known.
    const WINDOW: usize = 16;
    let memory = guest.memory();
    let mut last = [0, 0];
    for comparison in guest.comparisons() {
        let [one, other] = comparison.operands;
        match comparison.bytes {
            4 if one <= 0xFF && other <= 0xFF => {
                let [one, other] = [one as u8, other as u8];
                report_bytes(memory, comparison.loads, [[one, other], [other, one]]);
            }
            4 => __sanitizer_cov_trace_cmp4(one as u32, other as u32),
            8 => __sanitizer_cov_trace_cmp8(one, other),
            _ => continue,
        }
        // Two loads and a comparison: memory is being compared. Bytes that follow were shown with the first.
        let loads = comparison.loads;
        let follows = |at: usize| (1..=8).contains(&loads[at].wrapping_sub(last[at]));
        let is_next = follows(0) && follows(1);
        last = loads;
        if is_next || loads.contains(&0) {
            continue;
        }
        let window = |at: u32| memory.get(at as usize..at as usize + WINDOW);
        if let (Some(one), Some(other)) = (window(loads[0]), window(loads[1])) {
            let place = comparison.place as usize as *const u8;
            // It reads `WINDOW` bytes of each. A result other than 0: they differ.
            unsafe {
                __sanitizer_weak_hook_memcmp(place, one.as_ptr(), other.as_ptr(), WINDOW, 1);
            }
        }
    }
}

/// libFuzzer makes nothing of single bytes. So it is shown words: the byte in its place in memory, with the bytes before
/// it or after it, and the same with the byte that it was compared with.
fn report_bytes(memory: &[u8], loads: [u32; 2], pairs: [[u8; 2]; 2]) {
    let [at, _] = loads.map(|at| at as usize);
    for (start, index) in [(at, 0), (at.saturating_sub(3), 3)] {
        let Some(word) = memory.get(start..).and_then(|rest| rest.first_chunk::<4>()) else {
            continue;
        };
        for [is, wanted] in pairs.into_iter().filter(|[is, _]| *is == word[index]) {
            let mut changed = *word;
            changed[index] = wanted;
            if is != wanted {
                __sanitizer_cov_trace_cmp4(u32::from_le_bytes(*word), u32::from_le_bytes(changed));
            }
        }
    }
}
