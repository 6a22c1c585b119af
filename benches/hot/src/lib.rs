//! Our own hot paths, one benchmark file for each room; what several of them need is here. How we
//! compare with others is measured in `../compare`.

use serde_json::Value;
use tollgate::{ModuleCache, Plugin, Runtime};

/// The smallest whole plugin, as text.
pub const ECHO: &str = include_str!("../../../fixtures/wat/echo.wat");

/// The same with room for large configs.
pub const MIRROR: &str = include_str!("../../compare/guests/mirror.wat");

/// Calls a host function 10 000 times in one observe.
pub const ASK: &str = include_str!("../../compare/guests/ask.wat");

/// A whole Go program.
pub const GO: &[u8] = include_bytes!("../../../fixtures/go-file/go-file.wasm");

/// Assembles a module of ours.
pub fn assemble(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the benchmark's own module")
}

/// A runtime that has nothing compiled yet, whatever others in the process have.
pub fn cold_runtime() -> Runtime {
    let builder = Runtime::builder().module_cache(ModuleCache::new());
    builder.build().expect("default options")
}

/// Loads a plugin into a runtime with default limits and no grants.
pub fn load(bytes: &[u8]) -> Plugin {
    load_with(bytes, &[])
}

/// The same with a grant.
pub fn load_granted(bytes: &[u8], grant: &str) -> Plugin {
    load_with(bytes, &[grant])
}

/// Loads a plugin with these grants, into a runtime with a host function that answers with what it
/// was asked.
pub fn load_with(bytes: &[u8], grants: &[&str]) -> Plugin {
    let mut builder =
        Runtime::builder().host_function("bench", "echo", "bench", |request: Value, _| Ok(request));
    for grant in grants {
        builder = builder.grant("plugin", grant.parse().expect("a grant of ours"));
    }
    let runtime = builder.build().expect("options of ours");
    runtime.load("plugin", bytes).expect("a plugin of ours")
}
