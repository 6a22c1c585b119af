//! Plugins in C, with a libc on WASI, and in AssemblyScript, which calls WASI directly, reach files by
//! the same grants.

use crate::support::place::named;

use std::{
    fs,
    sync::{Arc, Mutex},
};
use tempfile::TempDir;
use tollgate::{Config, Event, Evidence, Runtime, effect::LogSource};

const C_FILE: &[u8] = include_bytes!("../../fixtures/c-file/c-file.wasm");
const AS_FILE: &[u8] = include_bytes!("../../fixtures/as-file/as-file.wasm");

fn directory() -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap();
    fs::write(path.join("a"), [b'a'; 100_000]).unwrap();
    fs::create_dir(path.join("b")).unwrap();
    let path = named(&path);
    (directory, path)
}

/// The same checksum as the plugins'.
fn sum(bytes: &[u8]) -> u32 {
    let add = |sum: u32, byte: &u8| sum.wrapping_mul(31).wrapping_add((*byte).into());
    bytes.iter().fold(0, add)
}

type Lines = Vec<(LogSource, String)>;

fn ask(wasm: &[u8], grants: &[&str], config: &Config) -> (Evidence, Lines) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = lines.clone();
    let mut builder = Runtime::builder().on_event(move |_, event| {
        if let Event::Log(record) = event {
            let line = (record.source, record.message.clone());
            sink.lock().unwrap().push(line);
        }
    });
    for grant in grants {
        builder = builder.grant("plugin", grant.parse().unwrap());
    }
    let plugin = builder.build().unwrap().load("plugin", wasm).unwrap();
    let evidence = plugin.observe(config).unwrap().evidence;
    let lines = lines.lock().unwrap().clone();
    (evidence, lines)
}

#[test]
fn both_describe_themselves() {
    for (name, wasm) in [("c-file", C_FILE), ("as-file", AS_FILE)] {
        let plugin = Runtime::new().unwrap().load(name, wasm).unwrap();
        assert_eq!(plugin.describe().unwrap().name, name);
        assert!(!plugin.schema().unwrap().fields().is_empty());
    }
}

#[test]
fn both_read_what_is_granted() {
    let (_kept, path) = directory();
    let grant = format!("fs:read:{path}/*");
    let config = Config::new()
        .set("op", "read")
        .set("path", format!("{path}/a"));
    for wasm in [C_FILE, AS_FILE] {
        let (evidence, _) = ask(wasm, &[&grant], &config);
        assert!(evidence.status, "{:?}", evidence.error);
        assert_eq!(evidence.data["size"], 100_000);
        assert_eq!(evidence.data["sum"], sum(&[b'a'; 100_000]));
    }
}

#[test]
fn both_are_denied_what_is_not() {
    let (_kept, path) = directory();
    let denied = |wasm, name: &str| {
        let config = Config::new()
            .set("op", "read")
            .set("path", format!("{path}/{name}"));
        let (evidence, _) = ask(wasm, &["fs:read:/nowhere/**"], &config);
        evidence.error.unwrap().message
    };
    for name in ["a", "none"] {
        assert_eq!(denied(C_FILE, name), "Permission denied");
        assert_eq!(denied(AS_FILE, name), "errno 2");
    }
}

#[test]
fn c_lists_and_writes_and_prints() {
    let (_kept, path) = directory();
    let (read, write) = (format!("fs:read:{path}/**"), format!("fs:write:{path}/**"));
    let whole = format!("fs:read:{path}");
    let (evidence, _) = ask(
        C_FILE,
        &[&read, &whole],
        &Config::new().set("op", "list").set("path", path.as_str()),
    );
    assert!(evidence.status, "{:?}", evidence.error);
    assert_eq!(
        (&evidence.data["files"], &evidence.data["directories"]),
        (&1.into(), &1.into())
    );

    let file = format!("{path}/new");
    let config = Config::new()
        .set("op", "write")
        .set("path", file.as_str())
        .set("content", "two");
    fs::write(&file, "one").unwrap();
    let (evidence, _) = ask(C_FILE, &[&read], &config);
    assert_eq!(evidence.error.unwrap().message, "Permission denied");
    let (evidence, lines) = ask(C_FILE, &[&read, &write], &config);
    assert_eq!(evidence.data["size"], 6, "{:?}", evidence.error);
    assert_eq!(fs::read_to_string(&file).unwrap(), "onetwo");
    assert_eq!(lines, [(LogSource::Stdout, format!("wrote {file}"))]);
}
