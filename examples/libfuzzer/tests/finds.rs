//! libFuzzer finds the input that makes a guest trap, with the counters and comparisons of the guest, and does not
//! without. Seeds are fixed and runs are counted: no clock decides.

use std::{path::Path, process::Command};

/// Whether a harness ended at a trap of the guest.
fn finds(harness: &str, seed: u32) -> bool {
    let artifacts = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{seed}-"));
    let output = Command::new(harness)
        .args(["-runs=1000000", "-max_len=16", &format!("-seed={seed}")])
        .arg(format!("-artifact_prefix={}", artifacts.display()))
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    let is_found = log.contains("LLVMFuzzerTestOneInput() trapped");
    assert!(is_found || log.contains("Done 1000000 runs"), "{log}");
    assert_eq!(is_found, !output.status.success(), "{log}");
    is_found
}

#[test]
fn the_trap_is_found_with_instruments() {
    let mut seeds = 1..=5;
    assert!(seeds.any(|seed| finds(env!("CARGO_BIN_EXE_guest"), seed)));
}

#[test]
fn the_trap_is_not_found_without() {
    assert!(!finds(env!("CARGO_BIN_EXE_blind"), 1));
}
