//! This test program started again, for one test in a process of its own.

use std::{env, process::Command};

/// The command that runs a test of `module`, which is the caller's `module_path!()`, and no other.
pub fn again(module: &str, test: &str) -> Command {
    let (_, module) = module.split_once("::").unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .arg(format!("{module}::{test}"))
        .args(["--exact", "--include-ignored", "--nocapture"])
        .arg("--test-threads=1");
    command
}
