//! What the board does. Nothing here depends on it: a test of the library includes this file, and gets the same text.

use alloc::{boxed::Box, format, string::String};
use core::error::Error;
use tollgate::{Config, MemoryLimit, Runtime, StackLimit, world::Simulated};

const PLUGIN: &[u8] = include_bytes!("../../../fixtures/hello-c/hello-c.wasm");

/// Has the plugin read a variable that it is granted and one that it is not, and prints its evidence and its fuel.
pub fn observe(print: &mut dyn FnMut(String)) -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::builder()
        .grant("hello", "env:HOME".parse()?)
        .memory_limit(MemoryLimit::from_megabytes(1)?)
        .stack(StackLimit {
            frames: 256,
            bytes: 32 << 10,
        })
        .idle_instances(1)
        .world(|| Simulated::new().variable("HOME", "/home/board"))
        .build()?;
    let plugin = runtime.load("hello", PLUGIN)?;
    for variable in ["HOME", "PATH"] {
        let observed = plugin.observe(&Config::new().set("variable", variable));
        let observation = observed.map_err(|error| error.report())?;
        print(serde_json::to_string(&observation.evidence)?);
        print(format!("fuel: {}", observation.usage.fuel));
    }
    Ok(())
}
