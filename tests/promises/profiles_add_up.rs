//! A recording shows where its fuel went: by function, by call path and by line, exactly as much as the run
//! burnt. The same is seen in a fork, in a baked plugin, and where runs were recorded by another build.

use crate::support::{marks::marked, share::is_all};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs};
use tollgate::{
    Config, ForkPolicy, FuelLimit, Limits, Plugin, Runtime,
    abi::sha256,
    inspect::{PhaseProfile, Profile},
    replay::Replay,
};

fn module(name: &str) -> Vec<u8> {
    match name {
        "numbers" => wat::parse_file("fixtures/wat/numbers.wat").unwrap(),
        name => fs::read(format!("fixtures/{name}/{name}.wasm")).unwrap(),
    }
}

fn load(replay: &Replay) -> Plugin {
    let limits = Limits {
        fuel: FuelLimit::Unlimited,
        ..Limits::default()
    };
    let runtime = replay.runtime().limits(limits).build().unwrap();
    runtime.load("plugin", module(replay.plugin())).unwrap()
}

fn profile(replay: &Replay) -> Profile {
    replay.profile(&load(replay)).unwrap()
}

/// Records a call in a runtime of its own.
fn recorded(fixture: &str, fuel: u64, config: Value) -> Replay {
    let runtime = Runtime::builder().fuel(FuelLimit::Units(fuel));
    let plugin = runtime.build().unwrap().load(fixture, module(fixture));
    record(&plugin.unwrap(), config)
}

fn record(plugin: &Plugin, config: Value) -> Replay {
    let config = Config::try_from(config).unwrap();
    let recording = plugin.observe_recorded(&config, Vec::new()).unwrap();
    Replay::read(recording.sink).unwrap()
}

/// Checks that all parts of a phase are as much as the whole. Returns the fuel of the guest's functions, and of
/// that the fuel of their operators.
fn adds_up(phase: &PhaseProfile) -> (u64, u64) {
    let paths: u64 = phase.paths.iter().map(|path| path.fuel).sum();
    assert_eq!(paths, phase.fuel);
    let host = phase.paths.first().map_or(0, |root| root.fuel);
    let functions: u64 = phase.functions.iter().map(|function| function.fuel).sum();
    assert_eq!(host + functions, phase.fuel);
    // Each function by the paths that lead to it, and all that burnt below them.
    let mut own: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
    for (at, path) in phase.paths.iter().enumerate() {
        assert!(path.caller.is_none_or(|caller| caller < at));
        if let Some(function) = path.function {
            let sums = own.entry(function).or_default();
            sums.0 += path.fuel;
            sums.1 += path.calls;
        }
    }
    let (mut guest, mut operators) = (0, 0);
    for (at, function) in phase.functions.iter().enumerate() {
        assert_eq!(own[&at], (function.fuel, function.calls), "{function:?}");
        assert!(function.total >= function.fuel && function.total <= phase.fuel);
        assert!(function.is_host || function.bytes == 0, "{function:?}");
        if !function.is_host {
            guest += function.fuel;
            operators += function.operators;
        }
    }
    let lines: u64 = phase.lines.iter().map(|line| line.fuel).sum();
    assert!(lines <= operators);
    (guest, operators)
}

#[test]
fn every_transcript_has_a_profile_of_as_much_fuel_as_the_run_burnt() {
    let mut profiled = 0;
    for entry in fs::read_dir("tests/transcripts").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        // Unoptimised, these take long.
        let is_long = ["walk", "edit", "random", "sleep"];
        if !is_all() && is_long.iter().any(|long| name == format!("go-file-{long}")) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let replay = Replay::read(text.clone()).unwrap();
        let plugin = load(&replay);
        let profile = replay.profile(&plugin).unwrap();
        let end: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(end["usage"]["fuel"], profile.call.fuel, "{name}");
        let initialization = &end["initialization"]["fuel"];
        assert_eq!(*initialization, profile.initialization.fuel, "{name}");
        for phase in [&profile.call, &profile.initialization] {
            let (guest, operators) = adds_up(phase);
            let bytes = guest as f64 - operators as f64;
            println!(
                "{name}: {guest} fuel, {operators} of operators, {:.3} % for bytes",
                bytes / (guest.max(1) as f64) * 100.0
            );
            assert!(operators <= guest, "{name}");
            // These move no bytes, but for growing their memory by pages.
            if name == "numbers" || name == "as-file" && phase.paths.len() < 3 {
                assert_eq!((guest - operators) % (65_536 / 8), 0, "{name}");
            }
        }
        // Other builds print the same (builds.sh).
        let coverage = replay.coverage(&plugin).unwrap();
        let seen = serde_json::to_vec(&(profile, coverage)).unwrap();
        println!("inside: {name} {}", sha256::hex(&sha256::digest(&seen)));
        profiled += 1;
    }
    assert!(profiled >= 12, "{profiled}");
}

#[test]
fn effects_are_leaves_with_their_bytes() {
    let text = fs::read_to_string("tests/transcripts/c-file.jsonl").unwrap();
    let call = profile(&Replay::read(text.clone()).unwrap()).call;
    let end: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let host: BTreeMap<&str, (u64, u64)> = call
        .functions
        .iter()
        .filter(|function| function.is_host)
        .map(|function| (function.name.as_str(), (function.calls, function.bytes)))
        .collect();
    assert!(host.contains_key("path_open"), "{host:?}");
    // 1000 bytes of the file.
    assert!(host["fd_read"].1 >= 1000, "{host:?}");
    let calls: u64 = host.values().map(|(calls, _)| calls).sum();
    assert_eq!(end["usage"]["host_calls"], calls);
    // Without the config and the result.
    let bytes: u64 = host.values().map(|(_, bytes)| bytes).sum();
    let moved = |what: &str| end["usage"][what].as_u64().unwrap();
    assert!(bytes > 1000 && bytes < moved("bytes_in") + moved("bytes_out"));
}

#[test]
fn the_dearest_function_and_line_are_where_the_source_says() {
    for (fixture, function, source) in [
        ("fails-c", "spin", "fixtures/fails-c/plugin.c"),
        (
            "fails-rust",
            "fails_rust::spin",
            "fixtures/fails-rust/src/lib.rs",
        ),
    ] {
        let call = profile(&recorded(fixture, 100_000, json!({ "how": "loop" }))).call;
        let spin = call.functions.iter().max_by_key(|function| function.fuel);
        let spin = spin.unwrap();
        // Without debug information, names are as compilers wrote them.
        let is_named = match cfg!(feature = "debug-info") {
            true => spin.name == function,
            false => spin.name.as_str().contains("spin"),
        };
        assert!(is_named, "{spin:?}");
        assert!(
            spin.fuel > call.fuel * 9 / 10 && spin.calls == 1,
            "{spin:?}"
        );
        if cfg!(feature = "debug-info") {
            // A hint to the compiler is inlined from the standard library.
            let own = call.lines.iter();
            let own = own.filter(|line| source.ends_with(line.file.as_str()));
            let dearest = own.max_by_key(|line| line.fuel).unwrap();
            // The compiler gives the instructions of a loop to the lines of its head and its body.
            let line = marked(source, "loop");
            assert!((line - 1..line + 3).contains(&dearest.line), "{dearest:?}");
        }
    }
    for (fixture, function) in [("fails-go", "main.spin"), ("fails-as", "plugin/spin")] {
        let call = profile(&recorded(fixture, 30_000_000, json!({ "how": "loop" }))).call;
        let spin = call.functions.iter().max_by_key(|function| function.fuel);
        assert_eq!(spin.unwrap().name, function);
        assert!(call.lines.is_empty());
    }
}

#[test]
fn deep_recursion_is_counted_in_full() {
    let call = profile(&recorded(
        "fails-c",
        1_000_000_000,
        json!({ "how": "recurse" }),
    ))
    .call;
    adds_up_of_calls(&call, "descend", 900);
}

/// Recursion is one function, called many times, whose total counts each unit once.
fn adds_up_of_calls(call: &PhaseProfile, name: &str, least: u64) {
    let function = call.functions.iter().find(|function| function.name == name);
    let function = function.unwrap();
    assert!(function.calls > least, "{function:?}");
    assert!(function.total <= call.fuel);
    let paths: u64 = call.paths.iter().map(|path| path.fuel).sum();
    assert_eq!(paths, call.fuel);
    // Paths end at some depth, and what is deeper counts there.
    assert!(call.paths.len() < 300, "{}", call.paths.len());
}

#[test]
fn runs_add_up() {
    let [one, other] = ["file", "file-denied"].map(|name| {
        let path = format!("tests/transcripts/{name}.jsonl");
        profile(&Replay::open(path).unwrap())
    });
    let mut sum = one.clone();
    sum.add(&other);
    assert_eq!(sum.runs, 2);
    assert_eq!(sum.call.fuel, one.call.fuel + other.call.fuel);
    adds_up(&sum.call);
    adds_up(&sum.initialization);
    let mut twice = one.clone();
    twice.add(&one);
    assert_eq!(twice.call.paths.len(), one.call.paths.len());
    for (twice, once) in twice.call.functions.iter().zip(&one.call.functions) {
        assert_eq!((twice.fuel, twice.calls), (2 * once.fuel, 2 * once.calls));
    }
    let mut none = Profile::default();
    none.add(&one);
    assert_eq!(none, one);
}

#[test]
fn forks_and_baked_plugins_have_the_profile_of_the_plugin() {
    let config = || json!({ "how": "loop" });
    let limits = |policy| {
        Runtime::builder()
            .fuel(FuelLimit::Units(200_000))
            .fork_policy(policy)
    };
    for fixture in ["fails-c", "fails-rust"] {
        let load = |policy, bytes: Vec<u8>| {
            let runtime = limits(policy).build().unwrap();
            runtime.load(fixture, bytes).unwrap()
        };
        let forked = load(ForkPolicy::WhenPossible, module(fixture));
        let cold = load(ForkPolicy::Never, module(fixture));
        let plain = record(&cold, config()).profile(&cold).unwrap();
        // The second call is in a copy.
        record(&forked, config());
        let fork = record(&forked, config());
        assert_eq!(fork.profile(&forked).unwrap(), plain);
        assert_eq!(fork.profile(&cold).unwrap(), plain);
        // Also if the plugin is baked, whose code is the same.
        let baked = load(ForkPolicy::WhenPossible, forked.bake().unwrap());
        let seen = record(&baked, config()).profile(&baked).unwrap();
        assert_eq!(seen.call, plain.call);
        assert_eq!(seen.initialization.fuel, 0);
    }
}

#[test]
fn a_profile_is_json() {
    let profile = profile(&recorded("fails-c", 10_000, json!({ "how": "loop" })));
    let json = serde_json::to_value(&profile).unwrap();
    assert_eq!(json["runs"], 1);
    assert_eq!(json["call"]["fuel"], profile.call.fuel);
    assert_eq!(json["call"]["paths"][0]["function"], Value::Null);
    let first = &json["call"]["functions"][0];
    assert_eq!(first["name"], profile.call.functions[0].name.as_str());
    assert_eq!(first["is_host"], false);
}

#[test]
fn a_recording_of_another_plugin_has_no_profile() {
    let replay = recorded("fails-c", 10_000, json!({ "how": "loop" }));
    let runtime = replay.runtime().build().unwrap();
    let other = runtime.load("plugin", module("fails-as")).unwrap();
    let error = replay.profile(&other).unwrap_err();
    assert!(
        matches!(error, tollgate::replay::ReplayError::Diverged(_)),
        "{error}"
    );
}
