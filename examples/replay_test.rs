//! A plugin's recorded run as the expectation of a test. The transcript is committed with the test;
//! a change of what the plugin requests, answers, costs or leaves in memory fails the test and is shown.
//!
//! `cargo run --example replay_test`; with `TOLLGATE_UPDATE=1` it records anew.

use tollgate::{Config, Runtime, replay, world::Simulated};

const PLUGIN: &[u8] = include_bytes!("../fixtures/as-file/as-file.wasm");
const TRANSCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/examples/transcripts/as-file.jsonl"
);

/// In a test suite, this is a `#[test]`.
fn the_file_plugin_reads_a_link_as_it_always_did() -> Result<(), Box<dyn std::error::Error>> {
    // The world that it is recorded in. A replay does not look at it: whatever the plugin is
    // answered comes from the transcript, and so do config, grants and limits.
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

    // The same without the panic, in a runtime that has no way to the outside at all.
    let recorded = replay::Replay::open(TRANSCRIPT)?;
    let plugin = recorded.runtime().build()?.load("as-file", PLUGIN)?;
    let replayed = recorded.run(&plugin)?;
    let evidence = replayed.evidence().ok_or("it was recorded with evidence")?;
    assert_eq!(evidence.data["size"], 9);
    println!("replayed {}: {}", recorded.plugin(), evidence.data["size"]);
    Ok(())
}
