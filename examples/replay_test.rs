//! A recorded run as the expectation of a test. The transcript is committed with the test. If a
//! change alters the plugin's effects, evidence, fuel or final memory, the test shows where.
//!
//! `cargo run --example replay_test`; with `TOLLGATE_UPDATE=1` it records again.

use tollgate::{Config, Runtime, replay, world::Simulated};

const PLUGIN: &[u8] = include_bytes!("../fixtures/as-file/as-file.wasm");
const TRANSCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/examples/transcripts/as-file.jsonl"
);

/// In a test suite, this is a `#[test]`.
fn the_file_plugin_reads_a_link_as_it_always_did() -> Result<(), Box<dyn std::error::Error>> {
    // The recording uses this world. A replay does not: all replies come from the transcript, and so
    // do config, grants and limits.
    let world = Simulated::new()
        .file("/etc/motd", "Welcome.\n")
        .link("/etc/issue", "motd");
    let runtime = Runtime::deterministic(1)
        .world(move || world.clone())
        .grant("as-file", "fs:read:/etc/*".parse()?)
        .build()?;
    let plugin = runtime.load("as-file", PLUGIN)?;
    let config = Config::new().set("path", "/etc/issue");
    replay::assert_with(TRANSCRIPT, &plugin, &config);
    Ok(())
}

/// Public, so that a test can run it too.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    the_file_plugin_reads_a_link_as_it_always_did()?;

    // The same as a function that returns a result. This runtime can perform no I/O.
    let recorded = replay::Replay::open(TRANSCRIPT)?;
    let plugin = recorded.runtime().build()?.load("as-file", PLUGIN)?;
    let replayed = recorded.run(&plugin)?;
    let evidence = replayed.evidence().ok_or("the recorded run failed")?;
    assert_eq!(evidence.data["size"], 9);
    println!("replayed {}: {}", recorded.plugin(), evidence.data["size"]);
    Ok(())
}
