//! A plugin in Go that makes garbage needs memory for what it keeps, also on a slow machine: the host gives
//! it the variables with which its collector works, unless grants give it others.

use crate::support::{again, go};

use serde_json::json;
use tollgate::{
    Config, Error, Fault, MemoryLimit, Plugin, Runtime, RuntimeBuilder, replay::Replay,
    world::Simulated,
};

const GARBAGE: &[u8] = include_bytes!("../../fixtures/go-garbage/go-garbage.wasm");

/// Blocks of 1 MiB, some of which it keeps.
fn config(garbage: u32, kept: u32) -> Config {
    Config::new().set("garbage", garbage).set("kept", kept)
}

/// A world whose clock advances by so much with each reading: the larger, the slower is the machine.
fn slow(microseconds: u64) -> Simulated {
    Simulated::new().step(std::time::Duration::from_micros(microseconds))
}

fn load(builder: RuntimeBuilder) -> Plugin {
    builder.build().unwrap().load("go", GARBAGE).unwrap()
}

#[test]
fn it_runs_within_what_it_keeps_however_slow_the_machine() {
    for step in [1, 1_000, 100_000] {
        for (megabytes, kept) in [(16, 0), (64, 30), (256, 0), (256, 30), (256, 150)] {
            let limit = MemoryLimit::from_megabytes(megabytes).unwrap();
            let world = move || slow(step);
            let plugin = load(Runtime::builder().memory_limit(limit).world(world));
            let seen = plugin.observe(&config(500, kept));
            let seen = seen.unwrap_or_else(|error| panic!("{step} {megabytes} {kept}: {error}"));
            assert!(seen.evidence.status);
        }
    }
    let seen = load(Runtime::builder()).observe(&config(500, 100)).unwrap();
    assert!(seen.evidence.status);
}

#[test]
fn what_does_not_fit_is_an_error_that_says_what_to_do() {
    let error = load(Runtime::builder())
        .observe(&config(0, 300))
        .unwrap_err();
    let Error::Fault { fault, .. } = &error else {
        panic!("{error}")
    };
    assert!(matches!(fault, Fault::OutOfMemory { .. }), "{fault:?}");
    let words = error.report();
    assert!(
        words.contains("--memory-mb") && words.contains("GOGC"),
        "{words}"
    );
    assert!(!words.contains("leak"), "{words}");
}

/// The collector as Go sets it up is not enough: that is what these variables are for.
#[test]
fn a_variable_that_is_granted_and_set_comes_first() {
    let world = || {
        let world = slow(1_000);
        world.variable("GODEBUG", "").variable("GOGC", "100")
    };
    let granted = |grants: &[&str]| {
        let mut builder = Runtime::builder().world(world);
        for grant in grants {
            builder = builder.grant("go", grant.parse().unwrap());
        }
        load(builder)
    };
    let fault = granted(&["env:GODEBUG", "env:GOGC"]).observe(&config(2_000, 0));
    assert!(
        matches!(
            fault,
            Err(Error::Fault {
                fault: Fault::OutOfMemory { .. },
                ..
            })
        ),
        "{fault:?}"
    );
    // Set, and not granted.
    let seen = granted(&[]).observe(&config(2_000, 0)).unwrap();
    assert!(seen.evidence.status);
}

/// The names and values in the environment of the fixture that prints it.
fn environment(plugin: &Plugin) -> Vec<String> {
    let seen = go::data(plugin, json!({"op": "env"}));
    let variables = seen["environment"].as_array().unwrap().iter();
    let mut found: Vec<String> = variables
        .map(|variable| variable.as_str().unwrap().to_owned())
        .filter(|variable| !variable.starts_with("PWD="))
        .collect();
    found.sort();
    found
}

#[test]
fn the_variables_are_the_same_in_every_world() {
    let limit = MemoryLimit::from_megabytes(100).unwrap();
    let builder = || Runtime::builder().memory_limit(limit);
    let real = environment(&go::load(builder()));
    assert_eq!(
        real,
        environment(&go::load(builder().world(Simulated::new)))
    );
    assert_eq!(real[..2], ["GODEBUG=gcstoptheworld=1", "GOGC=400"]);
    let heap = real[2].strip_prefix("GOMEMLIMIT=").unwrap();
    let heap: u64 = heap.parse().unwrap();
    // The program itself takes some megabytes.
    assert!((70 << 20..88 << 20).contains(&heap), "{heap}");
    assert_eq!(real.len(), 3);
}

/// A child, since the environment of a running process cannot be changed safely.
#[test]
fn a_granted_variable_of_the_machine_comes_first() {
    let this = "a_granted_variable_of_the_machine_comes_first";
    if std::env::var("GOMEMLIMIT").is_err() {
        let child = again(module_path!(), this)
            .env("GOMEMLIMIT", "99MiB")
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&child.stdout);
        assert!(
            child.status.success() && printed.contains("1 passed"),
            "{printed}"
        );
        return;
    }
    let granted = Runtime::builder().grant("go", "env:GOMEMLIMIT".parse().unwrap());
    assert_eq!(environment(&go::load(granted))[2], "GOMEMLIMIT=99MiB");
    let denied = environment(&go::load(Runtime::builder()));
    assert_ne!(denied[2], "GOMEMLIMIT=99MiB");
}

/// Prints the number of its variables as evidence.
const COUNTS: &str = r#"(module
    (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 64) "{\22status\22:true,\22data\22:{\22variables\22:0}}")
    (func (export "allocate") (param i32) (result i32) (i32.const 4096))
    (func (export "describe") (result i64) (i64.const 0))
    (func (export "observe") (param i32 i32) (result i64)
        (drop (call $sizes (i32.const 0) (i32.const 4)))
        (i32.store8 (i32.const 99) (i32.add (i32.const 48) (i32.load (i32.const 0))))
        (i64.const 0x0000004000000026))"#;

#[test]
fn only_the_compiler_of_go_makes_a_program_in_go() {
    for (section, variables) in [
        ("", 1),
        (r#"(@producers (processed-by "TinyGo" "0.40"))"#, 1),
        (r#"(@producers (language "Go" "1.27"))"#, 1),
        (
            r#"(@producers (processed-by "Go cmd/compile" "go1.27"))"#,
            4,
        ),
    ] {
        let module = wat::parse_str(format!("{COUNTS} {section})")).unwrap();
        let plugin = Runtime::new().unwrap().load("odd", module).unwrap();
        let seen = plugin.observe(&Config::new()).unwrap().evidence;
        assert_eq!(seen.data["variables"], variables, "{section}");
    }
}

#[test]
fn a_recording_holds_them() {
    let plugin = load(Runtime::builder().world(|| slow(1_000)));
    let recording = plugin
        .observe_recorded(config(200, 10), Vec::new())
        .unwrap();
    let seen = recording.outcome.unwrap();
    let text = String::from_utf8(recording.sink).unwrap();
    assert!(text.contains(r#"["GODEBUG","gcstoptheworld=1"]"#), "{text}");
    let replayed = Replay::read(text).unwrap().run(&plugin).unwrap();
    assert_eq!(replayed.evidence(), Some(&seen.evidence));
}
