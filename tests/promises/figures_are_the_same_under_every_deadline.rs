//! Fuel, effects and transcripts are the same with any deadline and without one, and with and without a
//! handle that cancels the call: both only end a call.

use crate::support;

use serde_json::Value;
use std::{fs, path::PathBuf, time::Duration};
use support::{Guest, data, share::spread, text_at};
use tollgate::{
    Call, Cancel, Config, Error, Fault, ForkPolicy, HostError, Observation, Plugin, Runtime,
    RuntimeBuilder, Usage,
    replay::{Recording, Replay, Replayed},
    world::Simulated,
};

/// Long ones: a slow machine must not reach them.
const DEADLINES: [Option<Duration>; 4] = [
    None,
    Some(Duration::from_secs(60)),
    Some(Duration::from_secs(1_000)),
    Some(Duration::MAX),
];

const POLICIES: [ForkPolicy; 2] = [ForkPolicy::Never, ForkPolicy::WhenPossible];

fn with_deadline(builder: RuntimeBuilder, deadline: Option<Duration>) -> RuntimeBuilder {
    match deadline {
        Some(deadline) => builder.deadline(deadline),
        None => builder,
    }
}

/// A runtime in a made-up world in which the plugin may do what it likes.
fn builder(deadline: Option<Duration>) -> RuntimeBuilder {
    let world = Simulated::new()
        .file("/data/a.txt", "hello\n")
        .variable("HOME", "/home/somebody");
    let builder = Runtime::deterministic(7)
        .world(move || world.clone())
        .host_function("store", "get", "kv", |key: Value, _| {
            Ok::<_, HostError>(key)
        });
    let grants = ["fs:read:/**", "fs:write:/**", "env:*", "kv:get"];
    let builder = grants.into_iter().fold(builder, |builder, grant| {
        builder.grant("plugin", grant.parse().unwrap())
    });
    with_deadline(builder, deadline)
}

fn load(wasm: &[u8], deadline: Option<Duration>, fork: ForkPolicy) -> Plugin {
    let runtime = builder(deadline).fork_policy(fork).build().unwrap();
    runtime.load("plugin", wasm).unwrap()
}

/// What a call came to, with what its initialisation used.
type Figures = (Result<Observation, String>, Option<Usage>, Usage);

fn figures(plugin: &Plugin, outcome: Result<Observation, Error>) -> Figures {
    let used = match &outcome {
        Ok(seen) => Some(seen.usage),
        Err(error) => error.usage().copied(),
    };
    let outcome = outcome.map_err(|error| error.report());
    (outcome, used, plugin.init_usage().unwrap_or_default())
}

fn record(plugin: &Plugin, config: &Config) -> Recording<Vec<u8>> {
    record_call(plugin, config.into())
}

fn record_call(plugin: &Plugin, call: Call<'_>) -> Recording<Vec<u8>> {
    plugin.observe_recorded(call, Vec::new()).unwrap()
}

/// The lines of a transcript behind its header, which names the deadline.
fn lines(transcript: &[u8]) -> Vec<String> {
    let text = String::from_utf8(transcript.to_vec()).unwrap();
    text.lines().skip(1).map(str::to_owned).collect()
}

/// Modules with `table.grow`, in which the engine could not be interrupted: in code that runs
/// before and after host functions, in code that never runs, and during initialisation.
fn growing() -> Vec<(String, Vec<u8>)> {
    let table = "(table $t 1 funcref)";
    let grow = "(drop (table.grow $t (ref.null func) (i32.const 1)))";
    let log = r#"{"level":"INFO","message":"hello"}"#;
    let line = data(512, log);
    let say = format!("(call $log {})", text_at(512, log.len()));
    let import = "(import \"reglet_host\" \"log_message\" (func $log (param i64)))";
    let answer = text_at(256, support::EVIDENCE.len());
    let unused = Guest {
        more: format!("{table} (func (export \"unused\") {grow})"),
        ..Guest::default()
    };
    let used = Guest {
        imports: import,
        observe: format!("{say} {grow} {say} {grow} {say} {answer}"),
        more: format!("{table} {line}"),
        ..Guest::default()
    };
    let initialising = Guest {
        imports: import,
        observe: format!("{say} {answer}"),
        more: format!(
            "{table} {line} (func (export \"_initialize\") {say} {grow} {say})
             (func $start {grow}) (start $start)"
        ),
        ..Guest::default()
    };
    [
        ("unused", unused),
        ("used", used),
        ("initialising", initialising),
    ]
    .into_iter()
    .map(|(name, guest)| (name.to_owned(), guest.bytes()))
    .collect()
}

/// Every plugin in `fixtures/`, and those that grow tables.
fn plugins() -> Vec<(String, Vec<u8>)> {
    let mut found = growing();
    let mut directories = vec![PathBuf::from("fixtures")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.extension().and_then(|ending| ending.to_str()) {
                // Harnesses of the fuzzer are no plugins.
                _ if path.ends_with("challenges") => {}
                _ if path.is_dir() => directories.push(path),
                Some("wasm") => {
                    found.push((path.display().to_string(), fs::read(&path).unwrap()));
                }
                Some("wat") => {
                    let module = wat::parse_file(&path).unwrap();
                    found.push((path.display().to_string(), module));
                }
                _ => {}
            }
        }
    }
    found
}

#[test]
fn every_plugin_costs_the_same_under_every_deadline_however_it_is_called() {
    let configs = [
        Config::new(),
        Config::new()
            .set("path", "/data/a.txt")
            .set("op", "read")
            .set("read_content", true),
    ];
    let plugins = plugins();
    assert!(plugins.len() > 10, "{}", plugins.len());
    // Deadline and fork policy of a call, and the deadline of its replay.
    let ways: Vec<(usize, usize, usize)> = spread(
        (0..DEADLINES.len() * POLICIES.len() * DEADLINES.len()).map(|number| {
            let call = number / DEADLINES.len();
            (
                call / POLICIES.len(),
                call % POLICIES.len(),
                number % DEADLINES.len(),
            )
        }),
    )
    .collect();
    for (name, wasm) in plugins {
        for config in &configs {
            let plain = load(&wasm, None, ForkPolicy::Never);
            let expected = figures(&plain, plain.observe(config));
            let recorded = lines(&record(&plain, config).sink);
            for ways in ways.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
                let (deadline, fork) = (DEADLINES[ways[0].0], POLICIES[ways[0].1]);
                let plugin = load(&wasm, deadline, fork);
                let context = format!("{name} {config:?} {deadline:?} {fork:?}");
                let check = |what: &str, outcome| {
                    let found = figures(&plugin, outcome);
                    assert_eq!(found, expected, "{context}: {what}");
                };
                check("observed", plugin.observe(config));
                check("observed again", plugin.observe(config));
                check("in an instance", plugin.instance().unwrap().observe(config));
                let cancel = Cancel::new();
                let call = Call::new(config).cancel(cancel.clone());
                check("cancellable", plugin.call(call.clone()));
                check(
                    "cancellable in an instance",
                    plugin.instance().unwrap().observe(call.clone()),
                );
                let recording = record_call(&plugin, call);
                check("cancellable and recorded", recording.outcome);
                assert_eq!(lines(&recording.sink), recorded, "{context}");
                let other = Call::new(config).deadline(Duration::from_secs(900));
                check("with a deadline of its own", plugin.call(other));
                let recording = record(&plugin, config);
                check("recorded", recording.outcome);
                assert_eq!(lines(&recording.sink), recorded, "{context}");
                let replay = Replay::read(recording.sink).unwrap();
                for (_, _, other) in ways {
                    let other = DEADLINES[*other];
                    let plugin = load(&wasm, other, fork);
                    let played = replay
                        .run(&plugin)
                        .unwrap_or_else(|error| panic!("{context}, {other:?}: {error}"));
                    match played {
                        Replayed::Observation(seen) => check("replayed", Ok(seen)),
                        Replayed::Failed(error) => check("replayed", Err(error)),
                        other => panic!("{context}: {other:?}"),
                    }
                }
            }
        }
    }
}

/// Fuel decides, and not the deadline, where a plugin with `table.grow` ends.
#[test]
fn a_plugin_that_grows_tables_has_all_its_fuel_under_every_deadline() {
    let guest = Guest {
        observe: "(loop $again (drop (table.grow $t (ref.null func) (i32.const 0)))
            (drop (table.grow $t (ref.null func) (i32.and (local.get $len) (i32.const 0))))
            (br $again)) unreachable"
            .into(),
        more: "(table $t 1 funcref)".into(),
        ..Guest::default()
    };
    let wasm = guest.bytes();
    let fuel = 300_000;
    let found: Vec<_> = DEADLINES
        .into_iter()
        .map(|deadline| {
            let runtime = Runtime::builder().deadline(deadline).fuel(fuel);
            let plugin = runtime.build().unwrap().load("odd", &wasm).unwrap();
            let recording = record(&plugin, &Config::new());
            let error = recording.outcome.unwrap_err();
            let Error::Fault { fault, usage, .. } = &error else {
                panic!("{error}")
            };
            assert_eq!(*fault, Fault::OutOfFuel { limit: fuel });
            match Replay::read(recording.sink).unwrap().run(&plugin) {
                Ok(Replayed::Failed(replayed)) => assert_eq!(replayed.report(), error.report()),
                other => panic!("{deadline:?}: {other:?}"),
            }
            **usage
        })
        .collect();
    assert!(found.iter().all(|usage| *usage == found[0]), "{found:?}");
}
