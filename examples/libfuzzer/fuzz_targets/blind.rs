//! The control: the same guest without its counters and comparisons. libFuzzer sees nothing of the guest, and does not
//! find what `guest` finds.

#![no_main]

use std::cell::RefCell;
use tollgate::{Error, Instance, Runtime};

thread_local!(static GUEST: RefCell<Instance> = RefCell::new({
    let module = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/challenges/bytes.wasm");
    let module = std::fs::read(std::env::var("MODULE").as_deref().unwrap_or(module)).unwrap();
    let runtime = Runtime::deterministic(0).fuel(10_000_000).build().unwrap();
    let mut guest = runtime.load_harness("guest", module).unwrap().instance().unwrap();
    guest.observe_bytes(&[0; 4096]).unwrap();
    guest.snapshot().unwrap();
    guest
}));

libfuzzer_sys::fuzz_target!(|input: &[u8]| GUEST.with_borrow_mut(|guest| {
    if let Err(error @ Error::Fault { .. }) = guest.observe_bytes(input) {
        panic!("{}", error.report());
    }
    guest.reset().unwrap();
}));
