//! Our own hot paths, one benchmark file for each room; what several of them need is here. How we
//! compare with others is measured in `../compare`.

use tollgate::{Plugin, Runtime};

/// The smallest whole plugin, as text.
pub const ECHO: &str = include_str!("../../../fixtures/wat/echo.wat");

/// A whole Go program.
pub const GO: &[u8] = include_bytes!("../../../fixtures/go-file/go-file.wasm");

/// Assembles a module of ours.
pub fn assemble(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the benchmark's own module")
}

/// Loads a plugin into a runtime with default limits and no grants.
pub fn load(bytes: &[u8]) -> Plugin {
    let runtime = Runtime::new().expect("default options");
    runtime.load("plugin", bytes).expect("a plugin of ours")
}
