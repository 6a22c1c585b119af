//! `observe --record`, `replay` and `diff`, as a user types them. Needs the feature `cli`.

#![cfg(feature = "cli")]

use crate::support::program::{self, code};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Output};

const FILE: &str = "fixtures/file/file.wasm";

fn tollgate(args: &[&str]) -> Output {
    program::tollgate(args).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Records what the plugin says of a file that is gone afterwards.
fn record(directory: &Path, transcript: &str) -> Output {
    let seen = directory.join("seen.txt");
    fs::write(&seen, "seen once\n").unwrap();
    let config = json!({ "path": seen, "hash": true }).to_string();
    let grant = format!("fs:read:{}/*", directory.display());
    let args = ["observe", FILE, "--grant", &grant, "--config", &config];
    let recorded = tollgate(&[&args[..], &["--record", transcript]].concat());
    assert_eq!(code(&recorded), 0, "{recorded:?}");
    fs::remove_file(seen).unwrap();
    recorded
}

#[test]
fn a_recorded_run_is_replayed_with_the_same_output() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path().canonicalize().unwrap();
    let transcript = here.join("run.jsonl");
    let transcript = transcript.to_str().unwrap();
    let recorded = record(&here, transcript);
    let replayed = tollgate(&["replay", transcript, "--plugin", FILE]);
    assert_eq!(code(&replayed), 0, "{replayed:?}");
    assert_eq!(text(&replayed.stdout), text(&recorded.stdout));
    // Without --plugin the module is looked for beside the transcript.
    let lost = tollgate(&["replay", transcript]);
    assert_eq!(code(&lost), 2);
    assert!(text(&lost.stderr).contains("--plugin"), "{lost:?}");
    fs::copy(FILE, here.join("file.wasm")).unwrap();
    let found = tollgate(&["replay", transcript]);
    assert_eq!((code(&found), &found.stdout), (0, &recorded.stdout));
}

#[test]
fn a_difference_is_shown_and_ends_with_4() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path().canonicalize().unwrap();
    let transcript = here.join("run.jsonl");
    let transcript = transcript.to_str().unwrap();
    record(&here, transcript);
    let other = tollgate(&[
        "replay",
        transcript,
        "--plugin",
        "fixtures/c-file/c-file.wasm",
    ]);
    assert_eq!(code(&other), 4, "{other:?}");
    assert_eq!(text(&other.stdout), "");
    for words in ["diverged at effect 0", "\n  - ", "\n  + ", "SHA-256"] {
        assert!(text(&other.stderr).contains(words), "{other:?}");
    }
}

#[test]
fn a_file_that_is_no_transcript_ends_with_2_and_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let transcript = directory.path().join("run.jsonl");
    let path = transcript.to_str().unwrap();
    let missing = tollgate(&["replay", path, "--plugin", FILE]);
    assert_eq!(code(&missing), 2);
    assert!(text(&missing.stderr).contains("run.jsonl"), "{missing:?}");
    record(&directory.path().canonicalize().unwrap(), path);
    let whole = fs::read_to_string(&transcript).unwrap();
    let (kept, _) = whole.trim_end().rsplit_once('\n').unwrap();
    fs::write(&transcript, format!("{kept}\n")).unwrap();
    let cut = tollgate(&["replay", path, "--plugin", FILE]);
    assert_eq!(code(&cut), 2);
    let line = format!("line {}: ", whole.lines().count());
    assert!(text(&cut.stderr).contains(&line), "{cut:?}");
    assert!(text(&cut.stderr).contains("cut off"), "{cut:?}");
}

#[test]
fn a_run_that_fails_is_recorded_and_replayed() {
    let directory = tempfile::tempdir().unwrap();
    let transcript = directory.path().join("run.jsonl");
    let path = transcript.to_str().unwrap();
    let failed = tollgate(&["observe", FILE, "--fuel", "100", "--record", path]);
    assert_eq!(code(&failed), 3, "{failed:?}");
    let replayed = tollgate(&["replay", path, "--plugin", FILE]);
    assert_eq!(code(&replayed), 0, "{replayed:?}");
    assert!(
        text(&replayed.stderr).contains("out of fuel"),
        "{replayed:?}"
    );
}

#[test]
fn a_place_that_cannot_be_written_is_told() {
    let config = r#"{"path":"/etc/hostname"}"#;
    let place = "/proc/nothing/here";
    let refused = tollgate(&["observe", FILE, "--config", config, "--record", place]);
    assert_eq!(code(&refused), 2);
    assert!(
        text(&refused.stderr).contains("/proc/nothing/here"),
        "{refused:?}"
    );
}

#[test]
fn new_versions_are_compared_with_what_was_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path().canonicalize().unwrap();
    let transcript = here.join("run.jsonl");
    let path = transcript.to_str().unwrap();
    record(&here, path);
    let same = tollgate(&["diff", FILE, FILE, "--transcript", path]);
    assert_eq!(code(&same), 0, "{same:?}");
    assert_eq!(text(&same.stdout), format!("{path}:\n  same\n"));

    let c_file = "fixtures/c-file/c-file.wasm";
    let other = tollgate(&[
        "diff",
        FILE,
        c_file,
        "--transcript",
        path,
        "--format",
        "json",
    ]);
    assert_eq!(code(&other), 4, "{other:?}");
    let report: Value = serde_json::from_slice(&other.stdout).unwrap();
    assert_eq!(report["same"], false);
    assert!(!report["answers"].as_array().unwrap().is_empty());

    // A transcript of another plugin says nothing about this one.
    let stranger = tollgate(&["diff", c_file, FILE, "--transcript", path]);
    assert_eq!(code(&stranger), 4, "{stranger:?}");
    assert!(
        text(&stranger.stderr).contains("not a recording of"),
        "{stranger:?}"
    );
}

#[test]
fn two_recordings_in_one_simulated_world_are_the_same_file() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let world = json!({ "seed": 3, "files": { "/etc/motd": "hello\n" } }).to_string();
    fs::write(at("world.json"), world).unwrap();
    for name in ["one", "two"] {
        let seen = tollgate(&[
            "observe",
            FILE,
            "--world",
            &at("world.json"),
            "--grant",
            "fs:read:/etc/*",
            "--config",
            r#"{"path":"/etc/motd"}"#,
            "--record",
            &at(name),
        ]);
        assert_eq!(code(&seen), 0, "{seen:?}");
    }
    let read = |name: &str| fs::read_to_string(at(name)).unwrap();
    assert_eq!(read("one"), read("two"));
}

/// A module that needs more memory to start than there is by default cannot even be loaded then.
#[test]
fn a_recording_with_more_memory_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let module = directory.path().join("large.wat");
    let text_of_module = r#"(module (memory (export "memory") 4200)
        (data (i32.const 16) "{\"status\":true,\"data\":{}}")
        (func (export "describe") (result i64) (i64.const 0))
        (func (export "observe") (param i32 i32) (result i64) (i64.const 0x0000001000000019))
        (func (export "allocate") (param i32) (result i32) (i32.const 4096)))"#;
    fs::write(&module, text_of_module).unwrap();
    let transcript = directory.path().join("run.jsonl");
    let [module, transcript] = [&module, &transcript].map(|path| path.to_str().unwrap());
    let recorded = tollgate(&[
        "observe",
        module,
        "--memory-mb",
        "300",
        "--record",
        transcript,
    ]);
    assert_eq!(code(&recorded), 0, "{recorded:?}");
    let replay = ["replay", transcript, "--plugin", module];
    let failed = tollgate(&replay);
    assert_eq!(code(&failed), 2, "{failed:?}");
    for words in ["recorded", "memory up to 300 MB", "up to 256 MB"] {
        assert!(text(&failed.stderr).contains(words), "{failed:?}");
    }
    let replayed = tollgate(&[&replay[..], &["--memory-mb", "300"]].concat());
    assert_eq!(code(&replayed), 0, "{replayed:?}");
}
