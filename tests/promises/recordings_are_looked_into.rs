//! A recording shows from where in the plugin each effect was requested, and so does a replay that differs,
//! at the effect where it differs. A tolerant replay compares what a plugin does, and not what it costs.

use std::fs;
use tollgate::{
    Plugin, Runtime,
    inspect::Backtrace,
    replay::{AssertOptions, Replay, ReplayError, Tolerance, TracedEffect, assert_with},
};

fn transcript(name: &str) -> String {
    fs::read_to_string(format!("tests/transcripts/{name}.jsonl")).unwrap()
}

fn load(replay: &Replay, name: &str) -> Plugin {
    let module = fs::read(format!("fixtures/{name}/{name}.wasm")).unwrap();
    let runtime = replay.runtime().limits(replay.limits().clone()).build();
    runtime.unwrap().load(name, module).unwrap()
}

fn functions(backtrace: &Backtrace) -> Vec<String> {
    let frames = backtrace.frames.iter();
    frames.map(|frame| frame.function.to_string()).collect()
}

#[test]
fn each_effect_has_the_calls_that_requested_it() {
    for (name, outermost) in [
        ("c-file", "observe"),
        ("file", "observe"),
        ("go-file", "observe"),
    ] {
        let replay = Replay::read(transcript(name)).unwrap();
        let plugin = load(&replay, name);
        let all = replay.trace(&plugin, 0..u64::MAX).unwrap();
        let lines = transcript(name).lines().count() as u64;
        assert_eq!(all.len() as u64, lines - 2, "{name}");
        let mut fuel = 0;
        for (effect, index) in all.iter().zip(0..) {
            let TracedEffect {
                in_initialization,
                backtrace,
                ..
            } = effect;
            assert_eq!(effect.index, index, "{name}");
            let functions = functions(backtrace);
            assert!(!functions.is_empty(), "{name}: {effect:?}");
            if !in_initialization {
                assert!(effect.fuel >= fuel, "{name}: {effect:?}");
                fuel = effect.fuel;
                let last = functions.last().unwrap();
                assert!(last.contains(outermost), "{name}: {functions:?}");
            }
        }
        assert!(all.iter().any(|effect| !effect.in_initialization), "{name}");
        assert_eq!(replay.trace(&plugin, 1..2).unwrap(), all[1..2], "{name}");
        let looking = replay.clone().backtraces(true);
        assert_eq!(looking.trace(&plugin, 1..2).unwrap(), all[1..2], "{name}");
    }
}

#[test]
fn a_divergence_has_the_calls_that_requested_the_effect() {
    // As if another file had been read.
    let changed: Vec<String> = transcript("c-file")
        .lines()
        .enumerate()
        .map(|(at, line)| match at {
            0 => line.to_owned(),
            _ => line.replace("/data/text", "/data/else"),
        })
        .collect();
    let replay = Replay::read(changed.join("\n")).unwrap();
    let plugin = load(&replay, "c-file");
    let Err(ReplayError::Diverged(without)) = replay.run(&plugin) else {
        panic!("the replay is the same");
    };
    assert_eq!(without.backtrace, None);
    let Err(ReplayError::Diverged(divergence)) = replay.backtraces(true).run(&plugin) else {
        panic!("the replay is the same");
    };
    let backtrace = divergence.backtrace.as_ref().unwrap();
    let expected = Replay::read(transcript("c-file")).unwrap();
    let expected = expected
        .trace(&plugin, divergence.index..divergence.index + 1)
        .unwrap();
    assert_eq!(*backtrace, expected[0].backtrace);
    let text = divergence.to_string();
    assert!(text.contains("\n  requested from\n  0: "), "{text}");
}

#[test]
fn a_tolerant_replay_compares_what_is_done() {
    let old = include_str!("../../fixtures/wat/echo.wat");
    // The same for more fuel, and with other memory.
    let begins = "(local $out i32)";
    let stores = format!("{begins} (i32.store (i32.const 1000) (i32.const 7))");
    let new = old.replacen(begins, &stores, 1);
    assert_ne!(old, new);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echo.jsonl");
    let load = |text: &str| {
        let module = wat::parse_str(text).unwrap();
        Runtime::new().unwrap().load("echo", module).unwrap()
    };
    let config = tollgate::Config::new().set("name", "value");
    load(old).record(&config, &path).unwrap().unwrap();
    let plugin = load(&new);
    let replay = Replay::open(&path).unwrap();
    assert!(matches!(replay.run(&plugin), Err(ReplayError::Diverged(_))));
    replay.tolerance(Tolerance::Behavior).run(&plugin).unwrap();
    assert_with(&path, &plugin, Tolerance::Behavior);
    assert_with(
        &path,
        &plugin,
        AssertOptions::from(&config).tolerance(Tolerance::Behavior),
    );
}
