//! The command line as a process.

use std::process::{Command, Output};

/// The program with these arguments.
pub fn tollgate(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.args(arguments);
    command
}

pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}
