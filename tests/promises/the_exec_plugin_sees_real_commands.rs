//! A real Rust plugin runs real commands, from its config to its evidence.

#![cfg(all(unix, feature = "exec"))]

use serde_json::{Value, json};
use std::fs;
use tollgate::{Config, Runtime, abi::Evidence};

fn observe(grants: &[&str], config: Value) -> Evidence {
    let mut builder = Runtime::builder();
    for grant in grants {
        builder = builder.grant("exec", grant.parse().unwrap());
    }
    let module = fs::read("fixtures/exec/exec.wasm").unwrap();
    let plugin = builder.build().unwrap().load("exec", &module).unwrap();
    let config = Config::try_from(config).unwrap();
    plugin.observe(&config).unwrap().evidence
}

#[test]
fn what_it_declares_is_what_it_needs() {
    let module = fs::read("fixtures/exec/exec.wasm").unwrap();
    let plugin = Runtime::new().unwrap().load("exec", &module).unwrap();
    let declared = plugin.describe().unwrap();
    let declared: Vec<String> = declared
        .capabilities
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(declared, ["exec:**"]);
    let seen = observe(
        &["exec:**"],
        json!({"command": "echo", "args": ["hello", "world"]}),
    );
    assert!(seen.status);
    assert_eq!(
        Value::Object(seen.data),
        json!({
            "command": "echo", "stdout": "hello world\n", "stderr": "", "exit_code": 0,
            "is_timeout": false, "stdout_truncated": false, "stderr_truncated": false
        })
    );
}

#[test]
fn without_its_grant_it_says_which_one_is_missing() {
    let seen = observe(&["exec:cat"], json!({"command": "echo"}));
    assert!(!seen.status);
    let error = seen.error.unwrap();
    assert_eq!(
        (error.kind.as_str(), error.code.as_str()),
        ("capability", "EACCES")
    );
    assert!(
        error.message.contains("the grant exec:echo would allow it"),
        "{error}"
    );
}

#[test]
fn a_command_that_fails_is_an_observation() {
    let config = json!({"command": "/bin/sh", "args": ["-c", "echo no >&2; exit 42"]});
    let seen = observe(&["exec:/bin/sh"], config);
    assert!(!seen.status);
    assert_eq!(seen.error, None);
    assert_eq!(
        (&seen.data["exit_code"], &seen.data["stderr"]),
        (&json!(42), &json!("no\n"))
    );
}

#[test]
fn environment_and_directory_are_handed_on() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().canonicalize().unwrap();
    let dir = dir.to_str().unwrap();
    let config = json!({
        "command": "/bin/sh", "args": ["-c", "pwd -P; echo $A"], "env": ["A=1"], "dir": dir
    });
    let seen = observe(&["exec:/bin/sh", "env:A"], config);
    assert_eq!(seen.data["stdout"], format!("{dir}\n1\n"));
}

#[test]
fn what_was_printed_before_the_time_was_up_is_evidence() {
    let config = json!({
        "command": "/bin/sh", "args": ["-c", "echo begun; sleep 1000"], "timeout_ms": 2_000
    });
    let seen = observe(&["exec:/bin/sh"], config);
    assert!(!seen.status);
    let error = seen.error.unwrap();
    assert_eq!(
        (error.kind.as_str(), error.code.as_str()),
        ("timeout", "ETIMEDOUT")
    );
    assert_eq!(seen.data["stdout"], "begun\n");
    assert_eq!(
        (&seen.data["is_timeout"], &seen.data["exit_code"]),
        (&json!(true), &json!(-1))
    );
}
