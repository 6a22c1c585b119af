//! Recorded runs of one version of a plugin show what another version does differently, and serve a
//! test suite as expectations.

use crate::support;

use serde_json::json;
use std::{
    env, fs,
    panic::{self, AssertUnwindSafe},
    path::Path,
};
use support::{EVIDENCE, Guest, data, text_at};
use tollgate::{
    Config, Plugin, Runtime,
    replay::{self, Replay},
};

const FILE: &[u8] = include_bytes!("../../fixtures/file/file.wasm");

/// A plugin that asks for these clocks in turn.
fn clocks(ids: &[u32], answer: &str) -> Plugin {
    let readings: String = ids
        .iter()
        .map(|id| format!("(drop (call $now (i32.const {id}) (i64.const 0) (i32.const 64)))"))
        .collect();
    let guest = Guest {
        imports: "(import \"wasi_snapshot_preview1\" \"clock_time_get\"
            (func $now (param i32 i64 i32) (result i32)))",
        more: data(8192, answer),
        ..Guest::observing(readings + &text_at(8192, answer.len()))
    };
    guest.load()
}

fn recording(plugin: &Plugin) -> Replay {
    let recording = plugin.observe_recorded(Config::new(), Vec::new()).unwrap();
    Replay::read(recording.sink).unwrap()
}

#[test]
fn the_same_module_is_the_same() {
    let plugin = clocks(&[0, 1], EVIDENCE);
    let compared = recording(&plugin).compare(&plugin).unwrap();
    assert!(compared.is_same(), "{compared:?}");
}

#[test]
fn order_is_no_difference_and_questions_are() {
    let replay = recording(&clocks(&[0, 1], EVIDENCE));
    let turned = replay.compare(&clocks(&[1, 0], EVIDENCE)).unwrap();
    assert!(turned.has_same_effects() && turned.answers.is_empty());

    let fewer = replay.compare(&clocks(&[0], EVIDENCE)).unwrap();
    assert_eq!(fewer.missing_effects, [r#"{"now":{"clock":"monotonic"}}"#]);
    assert!(fewer.fuel_now < fewer.fuel_before && fewer.new_effects.is_empty());

    let again = replay.compare(&clocks(&[0, 1, 1], EVIDENCE)).unwrap();
    assert_eq!(again.repeated_effects, 1);
    assert!(again.fuel_now > again.fuel_before && !again.is_same());

    let more = recording(&clocks(&[0], EVIDENCE));
    let more = more.compare(&clocks(&[0, 1], EVIDENCE)).unwrap();
    assert_eq!(more.new_effects, [r#"{"now":{"clock":"monotonic"}}"#]);
}

#[test]
fn another_answer_is_told_by_its_places() {
    let replay = recording(&clocks(&[0], r#"{"status":true,"data":{"size":1}}"#));
    let other = clocks(&[0], r#"{"status":false,"data":{"size":1,"name":"x"}}"#);
    let compared = replay.compare(&other).unwrap();
    assert_eq!(
        compared.answers,
        ["data.name: nothing -> \"x\"", "status: true -> false"]
    );
    assert!(compared.has_same_effects());
}

#[test]
fn open_files_are_told_apart_by_what_they_are_and_not_by_their_numbers() {
    // Reads a byte of each of two files that are open at once.
    let reader = |order: [u32; 2], path: &str| {
        let open = |name: u32| {
            format!(
                "(drop (call $open (i32.const 3) (i32.const 1) (i32.const {}) (i32.const {})
                    (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 64)))",
                1024 + name * 512,
                path.len() - 1 + 2
            )
        };
        let read = |fd: u32| {
            format!(
                "(drop (call $read (i32.const {fd}) (i32.const 80) (i32.const 1) (i32.const 72)))"
            )
        };
        let body = [open(order[0]), open(order[1]), read(4), read(5)].concat();
        let inside = &path[1..];
        let guest = Guest {
            imports: "(import \"wasi_snapshot_preview1\" \"path_open\" (func $open
                (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
                (import \"wasi_snapshot_preview1\" \"fd_read\" (func $read
                (param i32 i32 i32 i32) (result i32)))",
            more: data(1024, format!("{inside}/a"))
                + &data(1536, format!("{inside}/b"))
                + &data(80, [100, 0, 0, 0, 1, 0, 0, 0]),
            ..Guest::observing(body + &text_at(256, EVIDENCE.len()))
        };
        let grant = format!("fs:read:{path}/*").parse().unwrap();
        guest.load_in(&Runtime::builder().grant("odd", grant).build().unwrap())
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap();
    fs::write(path.join("a"), "A").unwrap();
    fs::write(path.join("b"), "B").unwrap();
    let path = path.to_str().unwrap();
    let replay = recording(&reader([0, 1], path));
    let compared = replay.compare(&reader([1, 0], path)).unwrap();
    assert!(compared.has_same_effects(), "{compared:?}");
    assert_eq!(compared.answers, Vec::<String>::new());
}

/// What a failing test would print.
fn failure(path: &Path, plugin: &Plugin, config: &Config) -> Option<String> {
    let checked = panic::catch_unwind(AssertUnwindSafe(|| {
        replay::assert_with(path, plugin, config)
    }));
    let message = checked.err()?;
    Some(message.downcast_ref::<String>().unwrap().clone())
}

/// Runs an ignored test of this program in a process of its own, with these variables: whether it
/// passed, and what it printed.
fn run_alone(test: &str, variables: &[(&str, &str)]) -> (bool, String) {
    let output = support::again(module_path!(), test)
        .env_remove("CI")
        .env_remove("TOLLGATE_UPDATE")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(printed).unwrap())
}

#[test]
fn a_transcript_is_made_by_the_first_run_of_a_test_and_compared_by_the_others() {
    let (passed, printed) = run_alone("first_and_later_runs", &[]);
    assert!(passed, "{printed}");
}

/// Asserts the transcript that a variable names, of a plugin that needs nothing.
#[test]
#[ignore = "started by another test, with variables of its own"]
fn one_assertion() {
    let runtime = Runtime::new().unwrap();
    let file = runtime.load("file", FILE).unwrap();
    replay::assert(env::var("TRANSCRIPT").unwrap(), &file);
}

#[test]
fn a_transcript_that_was_not_committed_fails_where_ci_is_set() {
    let directory = tempfile::tempdir().unwrap();
    let transcript = directory.path().join("file.jsonl");
    let path = ("TRANSCRIPT", transcript.to_str().unwrap());
    for ci in ["true", "1", "GitHub"] {
        let (passed, printed) = run_alone("one_assertion", &[path, ("CI", ci)]);
        assert!(!passed && !transcript.exists(), "{ci}: {printed}");
        for words in ["file.jsonl", "CI is set", "locally", "TOLLGATE_UPDATE=1"] {
            assert!(printed.contains(words), "{printed}");
        }
    }
    // It is asked for by name, or the variable says no.
    for variables in [
        [("CI", "true"), ("TOLLGATE_UPDATE", "1")].as_slice(),
        &[("CI", "false")],
        &[("CI", "")],
    ] {
        let (passed, printed) = run_alone("one_assertion", &[&[path], variables].concat());
        assert!(passed && transcript.exists(), "{variables:?}: {printed}");
        fs::remove_file(&transcript).unwrap();
    }
    run_alone("one_assertion", &[path]);
    let (passed, printed) = run_alone("one_assertion", &[path, ("CI", "true")]);
    assert!(passed, "{printed}");
}

#[test]
fn recording_anew_is_asked_for_by_any_word_that_means_it_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let transcript = directory.path().join("file.jsonl");
    let path = ("TRANSCRIPT", transcript.to_str().unwrap());
    let other = b"no transcript any more";
    for (value, records) in [
        ("1", true),
        ("true", true),
        ("TRUE", true),
        ("always", true),
        ("Always", true),
        ("0", false),
        ("false", false),
        ("never", false),
        ("", false),
        ("yes please", false),
        ("2", false),
    ] {
        fs::write(&transcript, other).unwrap();
        let (passed, printed) = run_alone("one_assertion", &[path, ("TOLLGATE_UPDATE", value)]);
        assert_eq!(passed, records, "{value}: {printed}");
        let replaced = fs::read(&transcript).unwrap() != other;
        assert_eq!(replaced, records, "{value}");
        let is_unknown = ["yes please", "2"].contains(&value);
        let told = printed.contains(&format!("TOLLGATE_UPDATE is {value:?}; expected"));
        assert_eq!(told, is_unknown, "{value}: {printed}");
    }
}

#[test]
#[ignore = "started by another test, without the variables of a build server"]
fn first_and_later_runs() {
    let directory = tempfile::tempdir().unwrap();
    let transcript = directory.path().join("transcripts/file.jsonl");
    let here = directory.path().canonicalize().unwrap();
    let wanted = here.join("wanted");
    fs::write(&wanted, "once").unwrap();
    let load = |wasm: &[u8]| {
        let grant = format!("fs:read:{}/*", here.display()).parse().unwrap();
        let runtime = Runtime::builder().grant("file", grant).build().unwrap();
        runtime.load("file", wasm).unwrap()
    };
    let file = load(FILE);
    let config = Config::try_from(json!({ "path": wanted.to_str(), "hash": true })).unwrap();
    assert_eq!(failure(&transcript, &file, &config), None);
    let written = fs::read(&transcript).unwrap();
    // What the world says today makes no difference, and nothing is written again.
    fs::remove_file(&wanted).unwrap();
    assert_eq!(failure(&transcript, &file, &config), None);
    replay::assert(&transcript, &file);
    assert_eq!(fs::read(&transcript).unwrap(), written);

    let other = failure(&transcript, &file, &Config::new()).unwrap();
    assert!(other.contains("recorded config differs"), "{other}");
    // The same plugin with a section more is another module.
    let changed = load(&[FILE, &[0, 2, 1, b'x']].concat());
    let message = failure(&transcript, &changed, &config).unwrap();
    for words in ["file", "file.jsonl", "diverged", "TOLLGATE_UPDATE=1"] {
        assert!(message.contains(words), "{message}");
    }
}
