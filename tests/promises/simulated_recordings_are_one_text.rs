//! In a simulated world every recording of a run is the same, byte for byte.

use crate::support::tenth;
use serde_json::json;
use tollgate::{Config, ForkPolicy, Runtime, replay::Replay, world::Simulated};

const PLUGINS: [(&str, &[u8]); 4] = [
    ("file", include_bytes!("../../fixtures/file/file.wasm")),
    (
        "go-file",
        include_bytes!("../../fixtures/go-file/go-file.wasm"),
    ),
    (
        "c-file",
        include_bytes!("../../fixtures/c-file/c-file.wasm"),
    ),
    (
        "as-file",
        include_bytes!("../../fixtures/as-file/as-file.wasm"),
    ),
];

#[test]
fn a_hundred_recordings_of_each_plugin_are_one_text() {
    let world = Simulated::new()
        .seed(11)
        .file("/data/a", "some text\n".repeat(1000))
        .file("/data/b", [0xff, 0xfe, 0x00].repeat(3000))
        .link("/data/c", "b");
    for (name, wasm) in PLUGINS {
        let load = |fork| {
            let world = world.clone();
            let runtime = Runtime::deterministic(11)
                .world(move || world.clone())
                .grant(name, "fs:read:/data/**".parse().unwrap())
                .fork_policy(fork)
                .build()
                .unwrap();
            runtime.load(name, wasm).unwrap()
        };
        let config = match name {
            "file" => json!({ "path": "/data/c", "hash": true, "read_content": true }),
            _ => json!({ "op": "read", "path": "/data/c" }),
        };
        let config = Config::try_from(config).unwrap();
        let forked = load(ForkPolicy::WhenPossible);
        let record = |plugin: &tollgate::Plugin| {
            let recording = plugin.observe_recorded(&config, Vec::new()).unwrap();
            assert!(recording.outcome.unwrap().evidence.status, "{name}");
            String::from_utf8(recording.sink).unwrap()
        };
        let first = record(&forked);
        for _ in 1..tenth(100) {
            assert!(record(&forked) == first, "{name}");
        }
        // Whether instances are forked makes no difference either.
        assert_eq!(record(&load(ForkPolicy::Never)), first, "{name}");
        assert!(Replay::read(first).unwrap().run(&forked).is_ok());
    }
}
