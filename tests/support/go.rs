//! The Go fixture, and ways to ask it something.

use super::place::named;
use serde_json::Value;
use std::fs;
use tempfile::TempDir;
use tollgate::{Config, Error, Fault, Observation, Plugin, Runtime, RuntimeBuilder};

pub const GO_FILE: &[u8] = include_bytes!("../../fixtures/go-file/go-file.wasm");

/// A directory with a file in it, and its real name.
pub fn directory() -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap();
    fs::write(path.join("a.txt"), "hello\n").unwrap();
    let path = named(&path);
    (directory, path)
}

pub fn load(builder: RuntimeBuilder) -> Plugin {
    builder.build().unwrap().load("go", GO_FILE).unwrap()
}

pub fn granted(grants: &[String]) -> Plugin {
    let mut builder = Runtime::builder();
    for grant in grants {
        builder = builder.grant("go", grant.parse().unwrap());
    }
    load(builder)
}

/// A plugin that may read everything in a directory.
pub fn reader(path: &str) -> Plugin {
    granted(&[format!("fs:read:{path}"), format!("fs:read:{path}/**")])
}

pub fn writer(path: &str) -> Plugin {
    granted(&[
        format!("fs:read:{path}"),
        format!("fs:read:{path}/**"),
        format!("fs:write:{path}"),
        format!("fs:write:{path}/**"),
    ])
}

pub fn ask(plugin: &Plugin, config: Value) -> Observation {
    let config: Config = config.to_string().parse().unwrap();
    plugin
        .observe(&config)
        .unwrap_or_else(|error| panic!("{config:?}: {error}"))
}

/// The data of an observation that went well.
pub fn data(plugin: &Plugin, config: Value) -> Value {
    let evidence = ask(plugin, config.clone()).evidence;
    assert!(evidence.status, "{config}: {:?}", evidence.error);
    Value::Object(evidence.data)
}

/// The message of an observation that did not.
pub fn refusal(plugin: &Plugin, config: Value) -> String {
    let evidence = ask(plugin, config.clone()).evidence;
    assert!(!evidence.status, "{config}: {:?}", evidence.data);
    evidence.error.unwrap().message
}

pub fn fault(plugin: &Plugin, config: Value) -> Fault {
    let config: Config = config.to_string().parse().unwrap();
    match plugin.observe(&config) {
        Err(Error::Fault { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}
