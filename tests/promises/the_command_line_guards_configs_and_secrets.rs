//! What `tollgate observe` validates before a plugin runs, and what it redacts and cuts in its output.
//! Needs the feature `cli`.

#![cfg(feature = "cli")]

use crate::support;

use serde_json::Value;
use std::process::{Command, Output};
use support::{Guest, data as data_at, text_at};

const FILE: &str = "fixtures/file/file.wasm";
const ECHO: &str = "fixtures/wat/echo.wat";

fn observe(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .arg("observe")
        .args(args)
        .env("TOLLGATE_TEST_SECRET", "s3cret value")
        .env("TOLLGATE_TEST_SHORT", "ab\n")
        .env("TOLLGATE_TEST_BLANK", "  ")
        .env_remove("TOLLGATE_TEST_MISSING")
        .output()
        .unwrap()
}

fn data(output: &Output) -> Value {
    let evidence: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    evidence["data"].clone()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_config_that_is_not_as_the_schema_says_is_bad_input() {
    let refused = observe(&[FILE, "--config", r#"{"path":7,"hash":"yes"}"#]);
    assert_eq!(refused.status.code(), Some(2));
    let words = stderr(&refused);
    assert!(
        words.contains("$.path: must be a string") && words.contains("$.hash"),
        "{words}"
    );
    assert!(
        words.contains("--no-validate") && refused.stdout.is_empty(),
        "{words}"
    );
    let ran = observe(&[FILE, "--config", r#"{"path":7}"#, "--no-validate"]);
    assert_eq!(
        ran.status.code(),
        Some(1),
        "the plugin itself refuses: {}",
        stderr(&ran)
    );
}

/// What Reglet's documentation calls complete is run: the plugin decides about missing and unknown
/// properties.
#[test]
fn missing_and_unknown_properties_are_warnings() {
    for (config, warning, plugin_says) in [
        (
            "{}",
            "warning: config of file: $.path: missing property",
            "path",
        ),
        (
            r#"{"path":null}"#,
            "warning: config of file: $.path: must be a string",
            "expected a string",
        ),
        (
            r#"{"path":"/nowhere","pth":1}"#,
            "warning: config of file: $.pth: unknown property; expected one of",
            "unknown field",
        ),
        (
            r#"{"path":"/nowhere","Hash":true}"#,
            "unknown property; did you mean \"hash\"?",
            "unknown field",
        ),
    ] {
        let ran = observe(&[FILE, "--config", config]);
        let words = stderr(&ran);
        assert_eq!(ran.status.code(), Some(1), "{words}");
        assert!(
            words.contains(warning) && words.contains("--strict"),
            "{words}"
        );
        let evidence = String::from_utf8(ran.stdout).unwrap();
        assert!(evidence.contains(plugin_says), "{evidence}");
        let refused = observe(&[FILE, "--config", config, "--strict"]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(refused.stdout.is_empty() && !stderr(&refused).contains("warning"));
    }
    let both = observe(&[FILE, "--strict", "--no-validate"]);
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn a_plugin_whose_schema_cannot_be_had_runs_all_the_same() {
    let text = std::fs::read_to_string(ECHO).unwrap();
    let broken = text.replacen(
        "(export \"schema\")",
        "(export \"schema\") (result i64) unreachable) (func",
        1,
    );
    let without = text.replacen("(export \"schema\")", "", 1);
    let place = tempfile::tempdir().unwrap();
    for (name, text, noted) in [("broken", broken, true), ("without", without, false)] {
        let path = place.path().join(format!("{name}.wat"));
        std::fs::write(&path, text).unwrap();
        let ran = observe(&[path.to_str().unwrap(), "--config", r#"{"a":1}"#]);
        assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
        assert_eq!(data(&ran)["a"], 1);
        assert_eq!(
            stderr(&ran).contains("was not validated"),
            noted,
            "{}",
            stderr(&ran)
        );
    }
}

#[test]
fn secrets_are_hidden_where_it_is_asked_for() {
    let token = "ghp_8smC34MaRZJqO1YjGZWyGArm3qzk51yHAJ1B";
    let config = format!(r#"{{"text":"s3cret value, {token}","db":{{"password":5}}}}"#);
    let with = |flags: &[&str]| data(&observe(&[&[ECHO, "--config", &config], flags].concat()));
    assert!(with(&[])["text"].as_str().unwrap().contains(token));
    assert_eq!(with(&["--redact"])["text"], "s3cret value, [REDACTED]");
    let both = with(&[
        "--redact-env",
        "TOLLGATE_TEST_SECRET",
        "--redact-path",
        "db.password",
    ]);
    assert_eq!(both["text"], "[REDACTED], [REDACTED]");
    assert_eq!(both["db"]["password"], "[REDACTED]");
}

#[test]
fn a_secret_that_would_not_be_hidden_is_bad_input() {
    for (name, why) in [
        ("MISSING", "not found"),
        ("SHORT", "2 characters"),
        ("BLANK", "0 characters"),
    ] {
        let name = format!("TOLLGATE_TEST_{name}");
        let refused = observe(&[ECHO, "--redact-env", &name]);
        assert_eq!(refused.status.code(), Some(2));
        let words = stderr(&refused);
        assert!(words.contains(&name) && words.contains(why), "{words}");
        assert!(!words.contains("ab\n"), "{words}");
        assert!(refused.stdout.is_empty());
    }
    let refused = observe(&[ECHO, "--redact-path", "db..password"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        stderr(&refused).contains("db..password"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn a_place_that_nothing_stood_at_is_noted() {
    let config = r#"{"db":{"password":5}}"#;
    let paths = [
        "--redact-path",
        "db.password",
        "--redact-path",
        "db.pasword",
    ];
    let ran = observe(&[&[ECHO, "--config", config], &paths[..]].concat());
    assert_eq!(ran.status.code(), Some(0));
    assert_eq!(data(&ran)["db"]["password"], "[REDACTED]");
    let words = stderr(&ran);
    assert!(
        words.contains("note: --redact-path db.pasword matched nothing"),
        "{words}"
    );
    assert_eq!(words.matches("matched nothing").count(), 1, "{words}");
}

#[test]
fn evidence_that_is_cut_is_told() {
    let config = format!(r#"{{"text":"{}"}}"#, "x".repeat(5000));
    let cut = observe(&[ECHO, "--config", &config, "--evidence-bytes", "1000"]);
    assert!(
        data(&cut)["text"]
            .as_str()
            .unwrap()
            .ends_with("[TRUNCATED] ...")
    );
    assert!(
        stderr(&cut).contains("--evidence-bytes"),
        "{}",
        stderr(&cut)
    );
    let whole = observe(&[ECHO, "--config", &config, "--evidence-bytes", "0"]);
    assert_eq!(data(&whole)["text"].as_str().unwrap().len(), 5000);
}

/// A plugin is asked what it declares before it runs, and that is redacted as well.
#[test]
fn what_a_trusted_plugin_declares_is_redacted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("odd.wasm");
    let plugin = path.to_str().unwrap();
    let secret = "s3cret value";
    for info in [
        format!(r#"{{"capabilities":[{{"kind":"vault","pattern":"{secret}"}}]}}"#),
        format!(r#"{{"capabilities":[{{"kind":"fs","pattern":"{secret}"}}]}}"#),
        format!(r#"{{"status":false,"error":{{"type":"internal","message":"{secret}"}}}}"#),
    ] {
        let guest = Guest {
            describe: text_at(1024, info.len()),
            more: data_at(1024, &info),
            ..Guest::default()
        };
        std::fs::write(&path, guest.bytes()).unwrap();
        let said = stderr(&observe(&[plugin, "--trust"]));
        assert!(said.contains(secret), "{said}");
        let hidden = ["--redact-env", "TOLLGATE_TEST_SECRET"];
        let said = stderr(&observe(&[plugin, "--trust", hidden[0], hidden[1]]));
        assert!(
            said.contains("[REDACTED]") && !said.contains(secret),
            "{said}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_secret_that_is_not_text_is_not_quoted() {
    use std::os::unix::ffi::OsStrExt as _;
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["observe", FILE, "--redact-env", "TOLLGATE_TEST_BYTES"])
        .env(
            "TOLLGATE_TEST_BYTES",
            std::ffi::OsStr::from_bytes(b"s3cret\xFF"),
        )
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("not UTF-8") && !said.contains("s3cret"),
        "{said}"
    );
}
