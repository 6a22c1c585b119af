//! A function of WASI returns a number where access is denied. `last_denial` returns the reason, with the grant
//! that would help, and the kit for Go puts it in the place of the errors of package os.

use crate::support::{Guest, data, needs::needs};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command};
use tollgate::{
    Config, Instance, Plugin, Runtime,
    replay::{Replay, Replayed},
    world::Simulated,
};

fn runtime(grants: &[&str]) -> Runtime {
    let world = json!({"files": {
        "/etc/motd": "hello",
        "/etc/secret": "s",
        "/etc/mode": {"content": "", "mode": "0000", "uid": 7},
        "/srv": {"directory": true},
    }});
    let world = Simulated::from_json(&world.to_string()).unwrap();
    let mut builder = Runtime::builder().world(move || world.clone());
    for grant in grants {
        builder = builder.grant("example", grant.parse().unwrap());
    }
    builder.build().unwrap()
}

/// Opens files, as the first letter of the config's value says, and returns the reply of `last_denial` as data:
/// `d` and `m` open one that is denied, `m` then one that is missing.
fn guest(runtime: &Runtime) -> Plugin {
    let open = |name: u32, len: usize| {
        format!(
            "(drop (call $open (i32.const 3) (i32.const 0) (i32.const {name}) (i32.const {len}) (i32.const 0)
                (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 600)))"
        )
    };
    let (denied, missing) = ("etc/secret", "etc/missing");
    let mut guest = Guest::relay("last_denial");
    guest.imports = "(import \"reglet_host\" \"last_denial\" (func $ask (param i64) (result i64)))
        (import \"wasi_snapshot_preview1\" \"path_open\"
            (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))";
    let letter = "(i32.load8_u offset=9 (local.get $config))";
    guest.observe = guest.observe.replacen(
        "(local.set $reply",
        &format!(
            "(if (i32.ne {letter} (i32.const 110)) (then {}))
             (if (i32.eq {letter} (i32.const 109)) (then {}))
             (local.set $reply",
            open(610, denied.len()),
            open(630, missing.len())
        ),
        1,
    );
    guest.more = guest.more + &data(610, denied) + &data(630, missing);
    runtime.load("example", guest.bytes()).unwrap()
}

fn asked(instance: &mut Instance, open: &str) -> Value {
    let config = Config::new().set("open", open);
    Value::Object(instance.observe(&config).unwrap().evidence.data)
}

#[test]
fn the_last_denial_of_a_call_is_returned_until_something_else_fails() {
    let plugin = guest(&runtime(&["fs:read:/etc/m*"]));
    let mut instance = plugin.instance().unwrap();
    assert_eq!(asked(&mut instance, "nothing"), json!({}));
    let denial = asked(&mut instance, "denied")["denial"].clone();
    assert_eq!(denial["type"], "capability");
    assert_eq!(denial["code"], "EACCES");
    let message = denial["message"].as_str().unwrap();
    assert!(
        message.contains("the grant fs:read:/etc/secret would allow it"),
        "{message}"
    );
    // The reason of one call is not that of the next, and not that of another failure.
    assert_eq!(asked(&mut instance, "nothing"), json!({}));
    assert_eq!(asked(&mut instance, "missing"), json!({}));
}

#[test]
fn a_replay_returns_the_denial_that_was_recorded() {
    let plugin = guest(&runtime(&["fs:read:/etc/m*"]));
    let config = Config::new().set("open", "denied");
    let recording = plugin.observe_recorded(&config, Vec::new()).unwrap();
    let recorded = recording.outcome.unwrap().evidence;
    assert!(recorded.data.contains_key("denial"));
    let replay = Replay::read(recording.sink).unwrap();
    // Without any grants: the transcript decides.
    let plugin = guest(&replay.runtime().build().unwrap());
    let replayed = replay.run(&plugin).unwrap();
    assert!(
        matches!(replayed, Replayed::Observation { .. }),
        "{replayed:?}"
    );
    assert_eq!(replayed.evidence().unwrap().data, recorded.data);
}

const PLUGIN: &str = r#"package main

import (
	"encoding/json"
	"os"
)

func init() {
	plugin = Plugin{Info: Info{Name: "example", Version: "1", Description: "Files."}, Schema: map[string]any{}, Observe: observe}
}

func observe(text []byte) (evidence Evidence, err error) {
	var config struct{ Do, Path string }
	_ = json.Unmarshal(text, &config)
	switch config.Do {
	case "read":
		_, err = os.ReadFile(config.Path)
	case "list":
		_, err = os.ReadDir(config.Path)
	case "stat":
		_, err = os.Stat(config.Path)
	case "write":
		err = os.WriteFile(config.Path, []byte("x"), 0o600)
	case "make":
		err = os.Mkdir(config.Path, 0o700)
	}
	if err != nil {
		return evidence, Explain(err)
	}
	return Evidence{Status: true}, nil
}
"#;

#[test]
fn errors_of_gos_package_os_become_the_hosts_own() {
    let Some(go) = needs("go") else { return };
    let directory = tempfile::tempdir().unwrap();
    for file in ["abi.go", "abi_native.go", "abi_wasip1.go"] {
        fs::copy(
            Path::new("abi/kits").join(file),
            directory.path().join(file),
        )
        .unwrap();
    }
    fs::write(directory.path().join("plugin.go"), PLUGIN).unwrap();
    fs::write(
        directory.path().join("go.mod"),
        "module example\n\ngo 1.24\n",
    )
    .unwrap();
    let built = Command::new(go)
        .args(["build", "-buildmode=c-shared", "-o", "example.wasm", "."])
        .current_dir(&directory)
        .envs([
            ("GOOS", "wasip1"),
            ("GOARCH", "wasm"),
            ("GOTOOLCHAIN", "local"),
        ])
        .output()
        .unwrap();
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    let wasm = fs::read(directory.path().join("example.wasm")).unwrap();
    let run = |grants: &[&str], what: &str, path: &str| {
        let plugin = runtime(grants).load("example", &wasm).unwrap();
        let config = Config::new().set("do", what).set("path", path);
        plugin.observe(&config).unwrap().evidence.error
    };
    for (what, path, grant) in [
        ("read", "/etc/secret", "fs:read:/etc/secret"),
        ("list", "/srv", "fs:read:/srv"),
        ("stat", "/etc/secret", "fs:read:/etc/secret"),
        ("write", "/srv/new", "fs:write:/srv/new"),
        ("make", "/srv/folder", "fs:write:/srv/folder"),
    ] {
        let error = run(&["fs:read:/etc/m*"], what, path).unwrap();
        assert_eq!(error.kind, "capability", "{what} {path}: {error}");
        let advice = format!("the grant {grant} would allow it");
        assert!(error.message.contains(&advice), "{what} {path}: {error}");
        // The advice is followed once.
        assert_eq!(run(&[grant], what, path), None, "{what} {path}");
    }
    // What is granted and fails otherwise stays as Go reports it.
    let error = run(&["fs:read:/etc/m*"], "read", "/etc/missing").unwrap();
    assert!(error.message.contains("open /etc/missing:"), "{error}");
    let error = run(&["fs:read:/etc/m*"], "read", "/etc/mode").unwrap();
    assert!(error.message.contains("open /etc/mode:"), "{error}");
}
