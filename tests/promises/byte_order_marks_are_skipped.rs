//! A text file that begins with a byte order mark is read like one without it. Needs the feature `cli`.

#![cfg(feature = "cli")]

use crate::support::program::{self, code};
use serde_json::json;
use std::{fs, io::Write as _, process::Stdio};

const FILE: &str = "fixtures/file/file.wasm";

#[test]
fn in_every_file_that_the_command_line_reads() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, format!("\u{FEFF}{text}")).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let config = json!({"path": "/etc/motd"}).to_string();
    let world = file("world.json", r#"{"files":{"/etc/motd":"Welcome.\n"}}"#);
    let grants = file("grants.json", r#"{"file":["fs:read:/etc/motd"]}"#);
    let config_file = file("config.json", &config);
    let transcript = directory.path().join("run.jsonl");
    let transcript = transcript.to_str().unwrap();
    let flags = ["--world", &world, "--grants-file", &grants];
    let observe = |config: &[&str]| {
        let args = [&["observe", FILE][..], &flags, config].concat();
        program::tollgate(&args)
    };

    let seen = observe(&["--config-file", &config_file, "--record", transcript]).output();
    let seen = seen.unwrap();
    assert_eq!(code(&seen), 0, "{seen:?}");

    let mut piped = observe(&["--config-file", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = piped.stdin.take().unwrap();
    write!(input, "\u{FEFF}{config}").unwrap();
    drop(input);
    let piped = piped.wait_with_output().unwrap();
    assert_eq!(
        (code(&piped), &piped.stdout),
        (0, &seen.stdout),
        "{piped:?}"
    );

    let recorded = fs::read_to_string(transcript).unwrap();
    let marked = file("marked.jsonl", &recorded);
    let replayed = program::tollgate(&["replay", &marked, "--plugin", FILE]).output();
    let replayed = replayed.unwrap();
    assert_eq!((code(&replayed), &replayed.stdout), (0, &seen.stdout));
    let mut compared = program::tollgate(&["diff", FILE, FILE, "--transcript", &marked]);
    let compared = compared.output().unwrap();
    assert_eq!(code(&compared), 0, "{compared:?}");

    // A module as text is a text file too.
    let echo = file(
        "echo.wat",
        &fs::read_to_string("fixtures/wat/echo.wat").unwrap(),
    );
    let echoed = program::tollgate(&["observe", &echo, "--no-validate"])
        .output()
        .unwrap();
    assert_eq!(code(&echoed), 0, "{echoed:?}");
}

#[test]
fn once_and_at_the_beginning_only() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    let path = path.to_str().unwrap();
    for text in ["\u{FEFF}\u{FEFF}{}", " \u{FEFF}{}", "{\u{FEFF}}"] {
        fs::write(path, text).unwrap();
        let refused = program::tollgate(&["observe", FILE, "--config-file", path]).output();
        assert_eq!(code(&refused.unwrap()), 2, "{text:?}");
    }
}
