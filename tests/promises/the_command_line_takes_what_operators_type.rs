//! The command line ends quietly, prints what there is, and takes names, times and files in the forms in which
//! operators give them. Needs the feature `cli`.

#![cfg(feature = "cli")]

use crate::support::program::{self, code};
use serde_json::Value;
use std::{
    fs,
    process::{Output, Stdio},
};

const ECHO: &str = "fixtures/wat/echo.wat";
const FILE: &str = "fixtures/file/file.wasm";
const CONFIG: &str = r#"{"path":"LICENSE-MIT"}"#;

fn tollgate(args: &[&str]) -> Output {
    program::tollgate(args).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_closed_pipe_ends_the_program_quietly() {
    for args in [
        vec!["observe", ECHO],
        vec!["inspect", FILE, "--functions"],
        vec!["inspect", FILE, "--format", "pretty"],
        vec!["describe", FILE],
        vec!["check", FILE],
        vec!["explain", "fs:read:/etc/*"],
        vec!["help", "limits"],
        vec!["--help"],
        vec!["--version"],
    ] {
        let run = || {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            let mut command = program::tollgate(&args);
            let output = command.stdout(writer).stderr(Stdio::piped()).output();
            output.unwrap()
        };
        // A process that another test is starting may have the other end of the pipe for a moment.
        let mut output = run();
        for _ in 0..20 {
            if code(&output) == 0 {
                output = run();
            }
        }
        let told = text(&output.stderr);
        assert_eq!(code(&output), 141, "{args:?}: {told}");
        assert_eq!(told, "", "{args:?}");
    }
}

#[test]
fn evidence_has_no_timestamp_and_no_raw_text_that_the_plugin_did_not_give() {
    let plugin = tempfile::Builder::new().suffix(".wat").tempfile().unwrap();
    let echo = fs::read_to_string(ECHO).unwrap();
    // Another key of the same length, which means nothing.
    let without = echo.replace("Timestamp", "Timestomp");
    assert_ne!(echo, without);
    fs::write(plugin.path(), without).unwrap();
    let seen = tollgate(&["observe", plugin.path().to_str().unwrap()]);
    assert_eq!(
        text(&seen.stdout),
        "{\"status\":true,\"error\":null,\"data\":{}}\n"
    );
    let seen = tollgate(&["observe", ECHO]);
    let evidence: Value = serde_json::from_slice(&seen.stdout).unwrap();
    assert_eq!(evidence["timestamp"], "2026-01-01T00:00:00Z");
    assert!(evidence.get("raw").is_none());
}

#[test]
fn a_config_that_is_a_files_name_is_explained() {
    let seen = tollgate(&["observe", ECHO, "--config", "Cargo.toml"]);
    assert_eq!(code(&seen), 2);
    let told = text(&seen.stderr);
    assert!(told.contains("use --config-file 'Cargo.toml'"), "{told}");
    // Text that is no file's name has nothing to do with files.
    let seen = tollgate(&["observe", ECHO, "--config", "no-such-file"]);
    assert!(!text(&seen.stderr).contains("--config-file"));
}

#[test]
fn a_plugin_comes_from_standard_input_too() {
    for command in ["observe", "describe", "schema", "inspect", "check"] {
        let mut args = vec![command, "-"];
        if command == "observe" {
            args.extend(["--config", CONFIG, "--grant", "fs:read:LICENSE-MIT"]);
        }
        let mut from_file = args.clone();
        from_file[1] = FILE;
        if command == "observe" {
            args.extend(["--name", "file"]);
        }
        let given = fs::File::open(FILE).unwrap();
        let piped = program::tollgate(&args).stdin(given).output().unwrap();
        let named = tollgate(&from_file);
        assert_eq!(code(&piped), code(&named), "{args:?}");
        match command {
            "describe" | "schema" | "inspect" => assert_eq!(piped.stdout, named.stdout),
            _ => assert!(!piped.stdout.is_empty(), "{args:?}: {piped:?}"),
        }
    }
    let both = tollgate(&["observe", "-", "--config-file", "-"]);
    assert_eq!(code(&both), 2);
    assert!(text(&both.stderr).contains("only one of"));
}

#[test]
fn transcripts_and_plugins_of_diff_come_in_any_order() {
    let directory = tempfile::tempdir().unwrap();
    let recording = directory.path().join("run.jsonl");
    let recording = recording.to_str().unwrap();
    tollgate(&["observe", ECHO, "--record", recording]);
    let transcripts = ["--transcript", recording, recording];
    for args in [
        [&[ECHO, ECHO][..], &transcripts].concat(),
        [&transcripts[..], &[ECHO, ECHO]].concat(),
        [&[ECHO][..], &transcripts, &[ECHO]].concat(),
    ] {
        let seen = tollgate(&[&["diff"][..], &args].concat());
        assert_eq!(code(&seen), 0, "{args:?}: {}", text(&seen.stderr));
        assert_eq!(text(&seen.stdout).matches("  same\n").count(), 2);
    }
    for args in [
        vec!["diff", ECHO, "--transcript", recording],
        vec!["diff", ECHO, ECHO, ECHO, "--transcript", recording],
        vec!["diff", ECHO, ECHO],
    ] {
        assert_eq!(code(&tollgate(&args)), 2, "{args:?}");
    }
}

#[test]
fn inspect_runs_nothing_and_has_no_flags_of_running() {
    let help = tollgate(&["inspect", "--help"]);
    for flag in [
        "--fuel",
        "--limit",
        "--deadline",
        "--world",
        "--memory-mb",
        "--name",
    ] {
        assert!(!text(&help.stdout).contains(flag), "{flag}");
        assert_eq!(code(&tollgate(&["inspect", FILE, flag, "1"])), 2, "{flag}");
    }
}

#[test]
fn a_deadline_is_a_time() {
    for time in ["10s", "2min", "500ms", "none"] {
        assert_eq!(
            code(&tollgate(&["observe", ECHO, "--deadline", time])),
            0,
            "{time}"
        );
    }
    for wrong in ["ten", "soon", "-1s"] {
        let seen = tollgate(&["observe", ECHO, "--deadline", wrong]);
        assert_eq!(code(&seen), 2, "{wrong}");
    }
    let both = ["--deadline", "1s", "--deadline-ms", "5"];
    assert_eq!(
        code(&tollgate(&[&["observe", ECHO][..], &both].concat())),
        2
    );
}
