//! A recorded run replays bit for bit, however it ended, after everything that it read is gone.

use crate::support::{self, go};

use serde_json::json;
use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use support::{
    Guest,
    place::{named, on_this_system},
    tenth,
};
use tollgate::{
    Config, Error, Fault, FuelLimit, HostCall, HostError, Plugin, Redactor, Runtime,
    RuntimeBuilder,
    effect::{Effect, Refusal},
    gate::{Checkpoint, Permitted},
    replay::{Recording, Replay, ReplayError, Replayed},
    world::World,
};

const FILE: &[u8] = include_bytes!("../../fixtures/file/file.wasm");
const C_FILE: &[u8] = include_bytes!("../../fixtures/c-file/c-file.wasm");
const AS_FILE: &[u8] = include_bytes!("../../fixtures/as-file/as-file.wasm");

fn config(json: serde_json::Value) -> Config {
    json.try_into().unwrap()
}

fn record(plugin: &Plugin, config: &Config) -> Recording<Vec<u8>> {
    plugin.observe_recorded(config, Vec::new()).unwrap()
}

/// A world that nothing may happen in.
struct Forbidden;

static TOUCHED: AtomicBool = AtomicBool::new(false);

impl World for Forbidden {
    fn perform(&mut self, effect: &Effect, _: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        TOUCHED.store(true, Ordering::Relaxed);
        panic!("a replay made {effect:?} happen")
    }

    fn real_name(&self, _: &str) -> Option<String> {
        None
    }

    fn working_directory(&self) -> String {
        "/nowhere".to_owned()
    }
}

/// The plugin in a runtime without grants, names or a world.
fn stranded(wasm: &[u8]) -> Plugin {
    let runtime = Runtime::builder().world(|| Forbidden).build().unwrap();
    runtime.load("somebody", wasm).unwrap()
}

#[test]
fn plugins_of_every_language_replay_a_hundred_times_when_their_files_are_gone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap();
    let path = &named(&path);
    fs::write(on_this_system(&format!("{path}/a")), vec![b'a'; 100_000]).unwrap();
    fs::write(on_this_system(&format!("{path}/b")), [0, 159, 146, 150]).unwrap();
    let a = format!("{path}/a");
    let asked = [
        (
            FILE,
            json!({ "path": a, "hash": true, "read_content": true }),
        ),
        (
            go::GO_FILE,
            json!({ "op": "read", "path": format!("{path}/b") }),
        ),
        (go::GO_FILE, json!({ "op": "list", "path": path })),
        (C_FILE, json!({ "op": "read", "path": a })),
        (AS_FILE, json!({ "op": "read", "path": a })),
    ];
    let mut recordings = Vec::new();
    for (wasm, json) in asked {
        let grants = [format!("fs:read:{path}"), format!("fs:read:{path}/**")];
        let builder = grants.iter().fold(Runtime::builder(), |builder, grant| {
            builder.grant("recorded", grant.parse().unwrap())
        });
        let plugin = builder.build().unwrap().load("recorded", wasm).unwrap();
        let Recording { outcome, sink } = record(&plugin, &config(json));
        let observation = outcome.unwrap();
        assert!(observation.evidence.status, "{:?}", observation.evidence);
        recordings.push((wasm, observation, sink));
    }
    drop(directory);
    for (wasm, observation, transcript) in recordings {
        let replay = Replay::read(transcript).unwrap();
        assert_eq!(replay.plugin(), "recorded");
        let plugin = stranded(wasm);
        for _ in 0..tenth(100) {
            match replay.run(&plugin) {
                Ok(Replayed::Observation(replayed)) => assert_eq!(replayed, observation),
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(!TOUCHED.load(Ordering::Relaxed));
}

#[test]
fn clocks_random_numbers_variables_and_the_order_of_directories_come_back() {
    let (directory, path) = go::directory();
    for name in ["z", "m", "B"] {
        fs::write(directory.path().join(name), name).unwrap();
    }
    let plugin = go::granted(&[
        format!("fs:read:{path}"),
        format!("fs:read:{path}/**"),
        "env:*".to_owned(),
    ]);
    let asked = [
        json!({ "op": "time" }),
        json!({ "op": "random" }),
        json!({ "op": "env", "path": "PATH" }),
        json!({ "op": "walk", "path": path }),
    ];
    let recordings: Vec<_> = asked
        .into_iter()
        .map(|json| record(&plugin, &config(json)))
        .collect();
    drop(directory);
    let later = go::granted(&[]);
    for Recording { outcome, sink } in recordings {
        let evidence = outcome.unwrap().evidence;
        let replayed = Replay::read(sink).unwrap().run(&later).unwrap();
        assert_eq!(replayed.evidence(), Some(&evidence));
    }
}

#[test]
fn a_denial_is_part_of_the_recording_and_grants_of_today_change_nothing() {
    let denied = Runtime::new().unwrap().load("denied", FILE).unwrap();
    let Recording { outcome, sink } = record(&denied, &config(json!({ "path": "/etc/hostname" })));
    let evidence = outcome.unwrap().evidence;
    assert!(!evidence.status);
    let text = String::from_utf8(sink.clone()).unwrap();
    assert!(text.contains(r#""verdict":"denied""#), "{text}");
    let trusted = Runtime::builder()
        .grant("trusted", "fs:read:/**".parse().unwrap())
        .build()
        .unwrap();
    let plugin = trusted.load("trusted", FILE).unwrap();
    let replayed = Replay::read(sink).unwrap().run(&plugin).unwrap();
    assert_eq!(replayed.evidence(), Some(&evidence));
}

#[test]
fn a_run_that_fails_is_recorded_and_fails_again() {
    let cases = [
        (Guest::observing("(unreachable)"), "unreachable"),
        (
            Guest::observing("(loop $more (br $more)) (unreachable)"),
            "ran out of fuel",
        ),
        (Guest::observing("(i64.const 0)"), "null pointer"),
        (
            Guest {
                more: "(func (export \"_initialize\") (unreachable))".into(),
                ..Guest::default()
            },
            "_initialize",
        ),
    ];
    for (guest, expected) in cases {
        let runtime = Runtime::builder().fuel(1_000_000).build().unwrap();
        let plugin = guest.load_in(&runtime);
        let Recording { outcome, sink } = record(&plugin, &Config::new());
        let error = outcome.unwrap_err().report();
        assert!(error.contains(expected), "{error}");
        match Replay::read(sink).unwrap().run(&plugin).unwrap() {
            Replayed::Failed(again) => assert_eq!(again.report(), error),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_run_that_its_deadline_ended_replays_for_as_much_fuel_and_without_the_clock() {
    let plugin = |deadline: Option<u64>| {
        let guest = Guest::observing("(loop $more (br $more)) (unreachable)");
        let builder = Runtime::builder().fuel(FuelLimit::Unlimited);
        let builder = match deadline {
            Some(milliseconds) => builder.deadline(Duration::from_millis(milliseconds)),
            None => builder,
        };
        guest.load_in(&builder.build().unwrap())
    };
    let Recording { outcome, sink } = record(&plugin(Some(20)), &Config::new());
    let error = outcome.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Fault {
                fault: Fault::Deadline { .. },
                ..
            }
        ),
        "{error}"
    );
    match Replay::read(sink).unwrap().run(&plugin(None)).unwrap() {
        Replayed::Deadline(message) => assert_eq!(message, error.report()),
        other => panic!("{other:?}"),
    }
}

/// A plugin that asks the embedder's own function and answers with the reply.
fn asking(builder: RuntimeBuilder) -> Plugin {
    let mut guest = Guest::relay("get");
    guest.imports = "(import \"store\" \"get\" (func $ask (param i64) (result i64)))";
    guest.load_in(&builder.build().unwrap())
}

#[test]
fn functions_of_the_embedders_are_not_called_again() {
    let answer = |_: serde_json::Value, _: &HostCall<'_>| {
        // Text that looks like the transcript's own words, and a number that needs all its digits.
        Ok::<_, HostError>(json!({ "sha256": "0".repeat(64), "text": [0.1, 1e300, 5e-324] }))
    };
    let builder = Runtime::builder()
        .grant("odd", "kv:get".parse().unwrap())
        .host_function("store", "get", "kv", answer);
    let plugin = asking(builder);
    let Recording { outcome, sink } = record(&plugin, &config(json!({ "key": [1.5, null] })));
    let evidence = outcome.unwrap().evidence;
    assert_eq!(evidence.data["text"], json!([0.1, 1e300, 5e-324]));
    let replay = Replay::read(sink).unwrap();
    // The transcript knows which functions the plugin needs.
    let replayed = replay.run(&asking(replay.runtime())).unwrap();
    assert_eq!(replayed.evidence(), Some(&evidence));
}

#[test]
fn a_runtime_that_allows_less_than_was_recorded_says_so() {
    let recorded = Runtime::builder().fuel(2_000_000_000).build().unwrap();
    let recording = record(&recorded.load("file", FILE).unwrap(), &Config::new());
    let replay = Replay::read(recording.sink).unwrap();
    let poorer = Runtime::builder().fuel(1_000_000_000).build().unwrap();
    let error = replay.run(&poorer.load("file", FILE).unwrap()).unwrap_err();
    assert!(matches!(error, ReplayError::Limit { .. }));
    let text = error.to_string();
    assert!(
        text.contains("2000000000") && text.contains("1000000000") && text.contains("file"),
        "{text}"
    );
}

#[test]
fn what_is_recorded_is_what_happened_without_recording() {
    let runtime = Runtime::builder()
        .grant("file", "fs:read:Cargo.toml".parse().unwrap())
        .build()
        .unwrap();
    let plugin = runtime.load("file", FILE).unwrap();
    let config = config(json!({ "path": "Cargo.toml", "hash": true }));
    let plain = plugin.observe(&config).unwrap();
    let recorded = record(&plugin, &config).outcome.unwrap();
    assert_eq!(recorded, plain);
}

#[test]
fn large_bytes_stand_in_a_transcript_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap();
    let path = &named(&path);
    // Read in pieces of 4096 bytes, of which all but the last are alike.
    fs::write(on_this_system(&format!("{path}/a")), vec![b'a'; 100_000]).unwrap();
    let grant = format!("fs:read:{path}/*").parse().unwrap();
    let runtime = Runtime::builder().grant("as", grant).build().unwrap();
    let plugin = runtime.load("as", AS_FILE).unwrap();
    let json = json!({ "op": "read", "path": format!("{path}/a") });
    let Recording { outcome, sink } = record(&plugin, &config(json));
    let evidence = outcome.unwrap().evidence;
    let text = String::from_utf8(sink).unwrap();
    let count = |what: &str| text.lines().filter(|line| line.contains(what)).count();
    assert_eq!(count("{\"blob\":"), 1);
    assert_eq!(count("{\"sha256\":"), 100_000 / 4096);
    let replayed = Replay::read(text).unwrap().run(&plugin).unwrap();
    assert_eq!(replayed.evidence(), Some(&evidence));
}

#[test]
fn a_redacted_transcript_holds_no_secret_and_says_that_it_may_diverge() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap();
    let path = &named(&path);
    let secret = "correct horse battery staple";
    // Both as it is and within bytes that are stored apart.
    fs::write(
        on_this_system(&format!("{path}/small")),
        format!("a {secret} b"),
    )
    .unwrap();
    fs::write(
        on_this_system(&format!("{path}/large")),
        format!("{secret} ").repeat(1000),
    )
    .unwrap();
    fs::write(on_this_system(&format!("{path}/open")), "nothing to hide").unwrap();
    let redactor = Redactor::builder().value(secret).build().unwrap();
    let runtime = Runtime::builder()
        .grant("file", format!("fs:read:{path}/*").parse().unwrap())
        .redactor(redactor)
        .build()
        .unwrap();
    let plugin = runtime.load("file", FILE).unwrap();
    for (name, is_hidden) in [("small", true), ("large", true), ("open", false)] {
        let json = json!({ "path": format!("{path}/{name}"), "read_content": true });
        let Recording { outcome, sink } = record(&plugin, &config(json));
        assert!(outcome.unwrap().evidence.status);
        let text = String::from_utf8(sink).unwrap();
        assert!(!text.contains(secret), "{text}");
        assert!(text.contains("\"redacted\":true"));
        match Replay::read(text).unwrap().run(&plugin) {
            Err(ReplayError::Diverged(divergence)) if is_hidden => {
                let notes = divergence.notes.join(" ");
                assert!(notes.contains("redacted"), "{divergence}");
            }
            Ok(_) if !is_hidden => {}
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_sink_that_takes_no_more_stops_the_run_and_is_told() {
    struct Full(usize);
    impl std::io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            match self.0.checked_sub(bytes.len()) {
                Some(room) => {
                    self.0 = room;
                    Ok(bytes.len())
                }
                None => Err(std::io::Error::other("the sink is full")),
            }
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let plugin = go::granted(&[]);
    for room in [0, 2000] {
        let recorded = plugin.observe_recorded(config(json!({ "op": "time" })), Full(room));
        assert_eq!(recorded.err().unwrap().to_string(), "the sink is full");
    }
}
