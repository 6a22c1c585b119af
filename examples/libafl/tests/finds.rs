//! LibAFL finds the input that makes a guest trap, with the counters and comparisons of the guest, and does not without.
//! The seed is fixed and runs are counted: no clock decides.

use std::process::Command;

/// The status of a run, and what it prints.
fn fuzz(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate-libafl"))
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), text)
}

#[test]
fn the_trap_is_found_with_instruments() {
    let (status, text) = fuzz(&["300000"]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.starts_with("a trap after "), "{text}");
    assert!(text.contains(": P!\\x93\\nxQ"), "{text}");
}

#[test]
fn the_trap_is_not_found_without() {
    let (status, text) = fuzz(&["300000", "blind"]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.starts_with("no trap in "), "{text}");
}
