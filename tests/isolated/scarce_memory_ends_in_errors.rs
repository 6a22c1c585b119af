//! Where the machine has no memory left, whatever a guest requests ends in an error of that call, or
//! the host does without; nothing aborts the process. Each run is its own process with a fixed address
//! space.
#![cfg(target_os = "linux")]

use crate::support;

use rustix::process::{Resource, Rlimit, setrlimit};
use serde_json::json;
use std::{env, fs};
use support::{Guest, data, share::spread, text_at};
use tollgate::{Config, Error, Plugin, Runtime};

const TASK: &str = "TOLLGATE_TEST_TASK";
const ROOM: &str = "TOLLGATE_TEST_ROOM";
const FILES: &str = "TOLLGATE_TEST_FILES";
const ENDED: &str = "ENDED ";

const GO_FILE: &[u8] = include_bytes!("../../fixtures/go-file/go-file.wasm");

/// Steps of a sweep, from next to nothing to more than enough.
const STEPS: u64 = 12;

/// So much of a memory is filled while it is initialised, in bytes.
const FILLED: u32 = 24 << 20;

/// A plugin whose whole memory is other than zero once it is initialised.
fn filling() -> Vec<u8> {
    Guest {
        more: format!(
            "(func (export \"_initialize\")
               (if (i32.ne (memory.grow (i32.const {})) (i32.const -1))
                 (then (memory.fill (i32.const 131072) (i32.const 7) (i32.const {FILLED})))))",
            FILLED / 65_536
        ),
        ..Guest::default()
    }
    .bytes()
}

/// A plugin that answers with so many bytes of evidence, which are `unit` over and over.
fn answering(bytes: u32, before: &str, unit: [u8; 2], after: &str) -> Vec<u8> {
    let (head, tail) = (before.len(), after.len());
    let start = 65_536 + u32::try_from(head).unwrap();
    let end = start + bytes;
    Guest {
        memory: Box::leak(
            format!("(memory (export \"memory\") {})", bytes / 65_536 + 4).into_boxed_str(),
        ),
        observe: format!(
            "(local $at i32) (local.set $at (i32.const {start}))
             (loop $more
               (i32.store16 (local.get $at) (i32.const {}))
               (local.set $at (i32.add (local.get $at) (i32.const 2)))
               (br_if $more (i32.lt_u (local.get $at) (i32.const {end}))))
             (memory.copy (i32.const {end}) (i32.const 2048) (i32.const {tail}))
             {}",
            u16::from_le_bytes(unit),
            text_at(65_536, head + tail + bytes as usize)
        ),
        more: data(65_536, before) + &data(2048, after),
        ..Guest::default()
    }
    .bytes()
}

fn growing_a_table() -> Vec<u8> {
    Guest {
        observe: format!(
            "(drop (table.grow $t (ref.null func) (i32.const 900000))) {}",
            text_at(256, support::EVIDENCE.len())
        ),
        more: "(table $t 1 funcref)".into(),
        ..Guest::default()
    }
    .bytes()
}

/// A plugin that gives its config to `fs_read`, with room for the reply.
fn reading() -> Vec<u8> {
    Guest {
        memory: "(memory (export \"memory\") 200)",
        ..Guest::relay("fs_read")
    }
    .bytes()
}

fn load(wasm: &[u8]) -> Result<Plugin, Error> {
    let runtime = Runtime::builder()
        .grant("odd", "fs:read:/**".parse().unwrap())
        .evidence_bytes(None);
    runtime.build()?.load("odd", wasm)
}

/// The path of a file that the parent wrote.
fn file(name: &str) -> String {
    format!("{}/{name}", env::var(FILES).unwrap())
}

fn observe(wasm: &[u8], config: serde_json::Value) -> Result<(), Error> {
    let plugin = load(wasm)?;
    let config = Config::try_from(config).unwrap();
    // The first call and one that begins from what the first has left.
    plugin.observe(&config)?;
    plugin.observe(&config).map(drop)
}

/// Something that takes memory, done in a process of its own.
struct Task {
    name: &'static str,
    module: fn() -> Vec<u8>,
    perform: fn(&[u8]) -> Result<(), Error>,
    /// Megabytes of room that are more than enough.
    enough: u64,
}

fn tasks() -> Vec<Task> {
    let plain = |wasm: &[u8]| observe(wasm, json!({}));
    let bake = |wasm: &[u8]| load(wasm)?.bake().map(drop);
    let task = |name, module, perform, enough| Task {
        name,
        module,
        perform,
        enough,
    };
    vec![
        task("a snapshot", filling, plain, 150),
        task("baking", filling, bake, 200),
        task(
            "a Go plugin",
            || GO_FILE.to_vec(),
            |wasm| observe(wasm, json!({"op": "stat", "path": file("text")})),
            120,
        ),
        task("baking a Go plugin", || GO_FILE.to_vec(), bake, 140),
        task(
            "evidence of one text",
            || answering(4 << 20, r#"{"status":true,"data":{"x":""#, *b"ab", "\"}}"),
            plain,
            80,
        ),
        task(
            "evidence of one text of escapes",
            || answering(4 << 20, r#"{"status":true,"data":{"x":"a"#, *br"\\", "\"}}"),
            plain,
            100,
        ),
        task(
            "evidence of many values",
            || answering(1 << 20, r#"{"status":true,"data":{"x":["#, *b"0,", "0]}}"),
            plain,
            200,
        ),
        task("a table", growing_a_table, plain, 80),
        task(
            "a reply of text",
            reading,
            |wasm| observe(wasm, json!({"path": file("text"), "encoding": "utf-8"})),
            90,
        ),
        task(
            "a reply of bytes",
            reading,
            |wasm| observe(wasm, json!({"path": file("bytes")})),
            90,
        ),
        task("a recording", reading, record, 90),
        task(
            "a recording of many values",
            || answering(1_600_000, r#"{"data":{"a":["#, *b"0,", "0]}}"),
            record,
            300,
        ),
    ]
}

fn record(wasm: &[u8]) -> Result<(), Error> {
    let plugin = load(wasm)?;
    let config = Config::new().set("path", file("bytes"));
    // A sink that keeps nothing: its memory would be the embedder's.
    let recording = plugin.observe_recorded(&config, std::io::sink()).unwrap();
    recording.outcome.map(drop)
}

/// The body of a run: in a process of its own, started by `run`.
#[test]
#[ignore = "started by the other tests, in a process of its own"]
fn the_task() {
    let Ok(wanted) = env::var(TASK) else {
        return;
    };
    let room: u64 = env::var(ROOM).unwrap().parse().unwrap();
    let tasks = tasks();
    let task = tasks.iter().find(|task| task.name == wanted).unwrap();
    let wasm = fs::read(file("module")).unwrap();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let used = line.unwrap().trim().trim_end_matches(" kB");
    let limit = Some((used.parse::<u64>().unwrap() << 10) + room);
    let limit = Rlimit {
        current: limit,
        maximum: limit,
    };
    setrlimit(Resource::As, limit).unwrap();
    let outcome = match (task.perform)(&wasm) {
        Ok(()) => "answered".to_owned(),
        Err(error) => error.report(),
    };
    println!("{ENDED}{outcome}");
}

/// How a task ended with so many bytes of room.
fn run(task: &str, room: u64, files: &str) -> String {
    let output = support::again(module_path!(), "the_task")
        .env(TASK, task)
        .env(ROOM, room.to_string())
        .env(FILES, files)
        .env("RUST_BACKTRACE", "0")
        // Otherwise glibc sets address space aside for each thread, which is room of its own.
        .env("MALLOC_ARENA_MAX", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let told = text.lines().find_map(|line| line.split_once(ENDED));
    match told {
        Some((_, outcome)) if output.status.success() => outcome.to_owned(),
        _ => panic!(
            "{task} with {} KiB of room: {}\n{text}{}",
            room >> 10,
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

#[test]
fn whatever_does_not_fit_into_memory_is_an_error() {
    let files = tempfile::tempdir().unwrap();
    // Text that is escaped, and bytes that are no text.
    fs::write(files.path().join("text"), vec![b'<'; 1 << 19]).unwrap();
    fs::write(files.path().join("bytes"), vec![0xFF; 1 << 20]).unwrap();
    let module = files.path().join("module");
    let files = files.path().to_str().unwrap();
    for task in tasks() {
        let name = task.name;
        fs::write(&module, (task.module)()).unwrap();
        let enough = task.enough << 20;
        let (mut answered, mut refused) = (0, 0);
        for step in spread(1..STEPS).chain([STEPS]) {
            let outcome = run(name, enough * step / STEPS, files);
            match outcome.as_str() {
                "answered" => answered += 1,
                text if text.contains("the host ran out of memory")
                    || text.contains("the host has no memory for") =>
                {
                    refused += 1;
                }
                text => panic!("{name}, step {step}: {text}"),
            }
        }
        println!("{name}: {answered} answered, {refused} refused");
        assert!(answered > 0 && refused > 0, "{name}: {answered}, {refused}");
    }
}
