//! A plugin with instruments does what it does without them: effects, evidence, fuel at each effect and in
//! all, and the final memory. Each transcript is replayed with instruments, which compares all of these.
//! (Random modules are compared in `src/module/equivalence.rs`.)

use std::fs;
use tollgate::{FuelLimit, Limits, inspect::Instruments, replay::Replay};

fn module(name: &str) -> Vec<u8> {
    match name {
        "numbers" => wat::parse_file("fixtures/wat/numbers.wat").unwrap(),
        name => fs::read(format!("fixtures/{name}/{name}.wasm")).unwrap(),
    }
}

#[test]
fn every_transcript_replays_with_instruments() {
    let limits = Limits {
        fuel: FuelLimit::Unlimited,
        ..Limits::default()
    };
    let mut replayed = 0;
    for entry in fs::read_dir("tests/transcripts").unwrap() {
        let path = entry.unwrap().path();
        let replay = Replay::open(&path).unwrap();
        let runtime = replay.runtime().limits(limits.clone()).build().unwrap();
        let plugin = runtime.load("plugin", module(replay.plugin())).unwrap();
        let instrumented = plugin
            .instrumented(Instruments::COVERAGE | Instruments::COMPARISONS | Instruments::WRITES)
            .unwrap();
        if let Err(error) = replay.run(&instrumented) {
            panic!("{}: {}", path.display(), error.report());
        }
        replayed += 1;
    }
    assert!(replayed >= 16, "{replayed}");
}
