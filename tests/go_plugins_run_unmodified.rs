//! A plugin as the Go compiler makes it, with the standard library and nothing of ours, reads,
//! writes, lists, sleeps, prints, panics and exits here as it does anywhere: WASI underneath, the
//! same grants and the same denials on top.

mod support;

use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;
use tollgate::{
    Breach, Config, Error, Event, Fault, MemoryLimit, Observation, Plugin, Runtime, RuntimeBuilder,
    abi::sha256,
    effect::{Answer, Effect, LogSource, Refusal},
    gate::{Checkpoint, Permitted},
    world::World,
};

const GO_FILE: &[u8] = include_bytes!("../fixtures/go-file/go-file.wasm");

/// A directory with a file in it, and its real name.
fn directory() -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap();
    fs::write(path.join("a.txt"), "hello\n").unwrap();
    (directory, path.to_str().unwrap().to_owned())
}

fn load(builder: RuntimeBuilder) -> Plugin {
    builder.build().unwrap().load("go", GO_FILE).unwrap()
}

fn granted(grants: &[String]) -> Plugin {
    let mut builder = Runtime::builder();
    for grant in grants {
        builder = builder.grant("go", grant.parse().unwrap());
    }
    load(builder)
}

/// A plugin that may read everything in a directory.
fn reader(path: &str) -> Plugin {
    granted(&[format!("fs:read:{path}"), format!("fs:read:{path}/**")])
}

fn writer(path: &str) -> Plugin {
    granted(&[
        format!("fs:read:{path}"),
        format!("fs:read:{path}/**"),
        format!("fs:write:{path}"),
        format!("fs:write:{path}/**"),
    ])
}

fn ask(plugin: &Plugin, config: Value) -> Observation {
    let config: Config = config.to_string().parse().unwrap();
    plugin
        .observe(&config)
        .unwrap_or_else(|error| panic!("{config:?}: {error}"))
}

/// The data of an observation that went well.
fn data(plugin: &Plugin, config: Value) -> Value {
    let evidence = ask(plugin, config.clone()).evidence;
    assert!(evidence.status, "{config}: {:?}", evidence.error);
    Value::Object(evidence.data)
}

/// The message of an observation that did not.
fn refusal(plugin: &Plugin, config: Value) -> String {
    let evidence = ask(plugin, config.clone()).evidence;
    assert!(!evidence.status, "{config}: {:?}", evidence.data);
    evidence.error.unwrap().message
}

fn fault(plugin: &Plugin, config: Value) -> Fault {
    let config: Config = config.to_string().parse().unwrap();
    match plugin.observe(&config) {
        Err(Error::Fault { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_describes_itself_and_its_config() {
    let plugin = load(Runtime::builder());
    let info = plugin.describe().unwrap();
    assert_eq!(
        (info.name.as_str(), info.version.as_str()),
        ("go-file", "1.0.0")
    );
    assert_eq!(info.capabilities[0].to_string(), "fs:read:**");
    let fields = plugin.schema().unwrap().fields();
    assert!(
        fields
            .iter()
            .any(|field| field.name == "op" && field.required)
    );
    assert_eq!(plugin.abi_version().to_string(), "1");
}

#[test]
fn files_are_read_examined_and_hashed() {
    let (_kept, path) = directory();
    let plugin = reader(&path);
    let file = format!("{path}/a.txt");
    let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
    let seen = data(&plugin, json!({"op": "read", "path": file}));
    assert_eq!(
        seen,
        json!({"size": 6, "head": "hello\n", "sha256": sha256})
    );
    let seen = data(&plugin, json!({"op": "stat", "path": file}));
    assert_eq!((&seen["size"], &seen["dir"]), (&json!(6), &json!(false)));
    let modified = Path::new(&file).metadata().unwrap().modified().unwrap();
    let modified = modified.duration_since(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(seen["modified"], modified.as_secs());
    let seen = data(&plugin, json!({"op": "stat", "path": path}));
    assert_eq!(seen["dir"], true);
}

#[test]
fn a_missing_file_is_missing_and_a_denied_one_is_not() {
    let (_kept, path) = directory();
    let (_other, outside) = directory();
    let plugin = reader(&path);
    let missing = data(
        &plugin,
        json!({"op": "observe", "path": format!("{path}/none")}),
    );
    assert_eq!(missing, json!({"exists": false}));
    for op in ["observe", "read", "stat", "lstat", "list", "readlink"] {
        for file in ["a.txt", "none"] {
            let message = refusal(
                &plugin,
                json!({"op": op, "path": format!("{outside}/{file}")}),
            );
            assert!(message.ends_with("Permission denied"), "{op}: {message}");
        }
    }
}

#[test]
fn without_any_grant_the_answer_is_permission_denied() {
    let message = refusal(
        &load(Runtime::builder()),
        json!({"op": "observe", "path": "/etc/hosts"}),
    );
    assert_eq!(message, "lstat /etc/hosts: Permission denied");
}

/// D3-05: the Go runtime takes a preopened directory for a prefix of a string.
#[test]
fn a_directory_with_a_longer_name_is_another_directory() {
    let (_kept, path) = directory();
    let (granted, sibling) = (format!("{path}/fs"), format!("{path}/fs2"));
    for directory in [&granted, &sibling] {
        fs::create_dir(directory).unwrap();
        fs::write(format!("{directory}/x"), "x").unwrap();
    }
    let plugin = reader(&granted);
    data(
        &plugin,
        json!({"op": "read", "path": format!("{granted}/x")}),
    );
    let message = refusal(
        &plugin,
        json!({"op": "read", "path": format!("{sibling}/x")}),
    );
    assert_eq!(message, format!("open {sibling}/x: Permission denied"));
}

/// D3-01 and D3-02.
#[cfg(unix)]
#[test]
fn links_are_followed_as_far_as_the_grants_go() {
    use std::os::unix::fs::symlink;
    let (_kept, path) = directory();
    let (_other, outside) = directory();
    symlink("a.txt", format!("{path}/inside")).unwrap();
    symlink(format!("{outside}/a.txt"), format!("{path}/file")).unwrap();
    symlink(&outside, format!("{path}/directory")).unwrap();
    let plugin = reader(&path);

    let seen = data(
        &plugin,
        json!({"op": "observe", "path": format!("{path}/inside")}),
    );
    assert_eq!(
        (&seen["head"], &seen["link"]),
        (&json!("hello\n"), &json!(true))
    );
    let target = data(
        &plugin,
        json!({"op": "readlink", "path": format!("{path}/inside")}),
    );
    assert_eq!(target["target"], "a.txt");

    for (op, name) in [
        ("read", "file"),
        ("stat", "file"),
        ("observe", "file"),
        ("list", "directory"),
        ("read", "directory/a.txt"),
        ("lstat", "directory/a.txt"),
    ] {
        let message = refusal(&plugin, json!({"op": op, "path": format!("{path}/{name}")}));
        assert!(
            message.ends_with("Permission denied"),
            "{op} {name}: {message}"
        );
    }
    let link = data(
        &plugin,
        json!({"op": "lstat", "path": format!("{path}/file")}),
    );
    assert!(link["mode"].as_str().unwrap().starts_with('L'), "{link}");
}

/// D3-03 and D3-04, in the words of a Go program.
#[test]
fn nothing_is_written_without_a_grant_for_writing() {
    let (_kept, path) = directory();
    let plugin = reader(&path);
    let file = format!("{path}/a.txt");
    for config in [
        json!({"op": "write", "path": file, "content": "no"}),
        json!({"op": "write", "path": format!("{path}/new"), "content": "no"}),
        json!({"op": "append", "path": file, "content": "no"}),
        json!({"op": "edit", "path": file}),
        json!({"op": "mkdir", "path": format!("{path}/new")}),
        json!({"op": "rename", "path": file, "to": format!("{path}/b.txt")}),
        json!({"op": "remove", "path": file}),
        json!({"op": "chtimes", "path": file, "amount": 1}),
        json!({"op": "symlink", "path": format!("{path}/link"), "to": "a.txt"}),
    ] {
        let message = refusal(&plugin, config.clone());
        assert!(
            message.ends_with("Permission denied"),
            "{config}: {message}"
        );
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "hello\n");
    assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
}

#[test]
fn files_and_directories_are_made_changed_and_removed() {
    let (_kept, path) = directory();
    let plugin = writer(&path);
    let at = |name: &str| format!("{path}/{name}");
    data(
        &plugin,
        json!({"op": "write", "path": at("w"), "content": "one"}),
    );
    data(
        &plugin,
        json!({"op": "append", "path": at("w"), "content": "two"}),
    );
    assert_eq!(fs::read_to_string(at("w")).unwrap(), "onetwo");
    let seen = data(&plugin, json!({"op": "edit", "path": at("e")}));
    assert_eq!(seen, json!({"part": "1ab4", "content": "01ab456x8"}));
    data(&plugin, json!({"op": "mkdir", "path": at("d/e/f")}));
    data(
        &plugin,
        json!({"op": "rename", "path": at("w"), "to": at("d/e/w")}),
    );
    data(
        &plugin,
        json!({"op": "chtimes", "path": at("d/e/w"), "amount": 1_000_000}),
    );
    let stat = data(&plugin, json!({"op": "stat", "path": at("d/e/w")}));
    assert_eq!(stat["modified"], 1_000_000);
    let seen = data(&plugin, json!({"op": "walk", "path": at("d")}));
    assert_eq!(seen["seen"], json!(["", "/e", "/e/f", "/e/w"]));
    let message = refusal(&plugin, json!({"op": "remove", "path": at("d")}));
    assert!(message.ends_with("Directory not empty"), "{message}");
    data(&plugin, json!({"op": "remove-all", "path": at("d")}));
    data(&plugin, json!({"op": "remove", "path": at("e")}));
    let left = data(&plugin, json!({"op": "list", "path": path}));
    assert_eq!(left["names"], json!(["a.txt"]));
}

#[cfg(unix)]
#[test]
fn symbolic_links_lead_only_where_reading_is_granted() {
    let (_kept, path) = directory();
    let plugin = writer(&path);
    let link = format!("{path}/link");
    data(
        &plugin,
        json!({"op": "symlink", "path": link, "to": "a.txt"}),
    );
    assert_eq!(fs::read_to_string(&link).unwrap(), "hello\n");
    let out = format!("{path}/out");
    let message = refusal(
        &plugin,
        json!({"op": "symlink", "path": out, "to": "/etc/hosts"}),
    );
    assert!(message.ends_with("Permission denied"), "{message}");
    assert!(fs::symlink_metadata(&out).is_err());
}

#[test]
fn large_files_come_through_whole() {
    let (_kept, path) = directory();
    let big = format!("{path}/big");
    fs::write(&big, vec![b'x'; 20 << 20]).unwrap();
    let seen = data(&reader(&path), json!({"op": "read", "path": big}));
    assert_eq!(seen["size"], 20 << 20);
    assert_eq!(
        seen["sha256"],
        sha256::hex(&sha256::digest(&vec![b'x'; 20 << 20]))
    );
}

/// D3-10: the same file with too little memory for it.
#[test]
fn a_guest_that_gives_up_for_lack_of_memory_is_reported_so() {
    let (_kept, path) = directory();
    let big = format!("{path}/big");
    fs::write(&big, vec![b'x'; 20 << 20]).unwrap();
    let limit = MemoryLimit::from_pages(192);
    let builder = Runtime::builder()
        .memory_limit(limit)
        .grant("go", format!("fs:read:{path}/*").parse().unwrap());
    let plugin = load(builder);
    data(&plugin, json!({"op": "stat", "path": big}));
    assert_eq!(
        fault(&plugin, json!({"op": "read", "path": big})),
        Fault::OutOfMemory { limit }
    );
}

/// D3-09: even `_initialize` does not fit, and the runtime exits with a code of its own.
#[test]
fn a_runtime_that_cannot_start_for_lack_of_memory_is_reported_so() {
    let smallest = (48..256).find(|pages| {
        let runtime = Runtime::builder().memory_limit(MemoryLimit::from_pages(*pages));
        runtime.build().unwrap().load("go", GO_FILE).is_ok()
    });
    let limit = MemoryLimit::from_pages(smallest.unwrap());
    let error = load(Runtime::builder().memory_limit(limit))
        .describe()
        .unwrap_err();
    let Error::Fault { fault, export, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(
        (fault, *export),
        (&Fault::OutOfMemory { limit }, "_initialize")
    );
}

#[test]
fn a_directory_of_5_000_entries_is_listed() {
    let (_kept, path) = directory();
    let many = format!("{path}/many");
    fs::create_dir(&many).unwrap();
    for number in 0..5000 {
        fs::write(format!("{many}/entry-{number:04}"), "").unwrap();
    }
    let seen = data(&reader(&path), json!({"op": "list", "path": many}));
    assert_eq!(
        seen,
        json!({"count": 5000, "first": "entry-0000", "last": "entry-4999"})
    );
}

#[test]
fn relative_paths_begin_where_relative_grants_do() {
    let here = std::env::current_dir().unwrap().canonicalize().unwrap();
    // Go examines the directory before it tells its name.
    let directory = format!("fs:read:{}", here.to_str().unwrap());
    let plugin = granted(&["fs:read:Cargo.toml".into(), directory]);
    let seen = data(&plugin, json!({"op": "cwd"}));
    assert_eq!(seen["directory"], here.to_str().unwrap());
    data(&plugin, json!({"op": "read", "path": "Cargo.toml"}));
    data(&plugin, json!({"op": "read", "path": "src/../Cargo.toml"}));
    let message = refusal(&plugin, json!({"op": "read", "path": "Cargo.lock"}));
    assert_eq!(message, "open Cargo.lock: Permission denied");
}

#[test]
fn only_granted_variables_are_seen() {
    let names = |plugin: &Plugin| -> Vec<String> {
        let seen = data(plugin, json!({"op": "env"}));
        assert_eq!(seen["args"], 0);
        let variables = seen["environment"].as_array().unwrap();
        let name = |variable: &Value| variable.as_str()?.split('=').next().map(str::to_owned);
        variables.iter().filter_map(name).collect()
    };
    assert_eq!(names(&load(Runtime::builder())), ["PWD"]);
    // Cargo sets it for tests.
    assert_eq!(
        names(&granted(&["env:CARGO_PKG_NAME".into()])),
        ["CARGO_PKG_NAME", "PWD"]
    );
}

#[test]
fn clocks_run_sleep_passes_time_and_chance_is_chance() {
    let plugin = load(Runtime::builder());
    let slept = data(&plugin, json!({"op": "sleep", "amount": 300}));
    assert!(slept["slept_ms"].as_u64().unwrap() >= 300, "{slept}");
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let told = data(&plugin, json!({"op": "time"}))["unix"]
        .as_u64()
        .unwrap();
    assert!(told.abs_diff(now.as_secs()) < 600, "{told}");
    let random = || data(&plugin, json!({"op": "random", "amount": 32}));
    assert_ne!(random(), random());
    let input = data(&plugin, json!({"op": "stdin"}));
    assert_eq!(input["bytes"], 0);
}

#[test]
fn a_sleep_past_the_deadline_ends_at_the_deadline() {
    let limit = Duration::from_millis(400);
    let plugin = load(Runtime::builder().deadline(limit));
    // An hour, of which nobody waits for more than the deadline.
    let fault = fault(&plugin, json!({"op": "sleep", "amount": 3_600_000}));
    assert_eq!(fault, Fault::Deadline { limit });
}

#[test]
fn a_panic_is_evidence_when_recovered_and_a_fault_when_not() {
    let plugin = load(Runtime::builder());
    let evidence = ask(&plugin, json!({"op": "panic", "content": "oh no"})).evidence;
    let error = evidence.error.unwrap();
    assert_eq!(
        (error.kind.as_str(), error.message.as_str()),
        ("panic", "plugin panic: oh no")
    );
    assert!(error.stack.is_some());

    let (lines, builder) = listening();
    let fault = fault(&load(builder), json!({"op": "fatal", "content": "oh no"}));
    assert!(
        matches!(fault, Fault::Exit { code: 2 } | Fault::Trap(_)),
        "{fault}"
    );
    let lines = lines.lock().unwrap();
    assert!(
        lines.contains(&(LogSource::Stderr, "panic: oh no".into())),
        "{lines:?}"
    );
}

#[test]
fn an_exit_is_a_fault_with_its_code() {
    let plugin = load(Runtime::builder());
    let config: Config = r#"{"op":"exit","amount":3}"#.parse().unwrap();
    let error = plugin.observe(&config).unwrap_err();
    assert_eq!(error.to_string(), "plugin go: observe() exited with code 3");
    assert!(error.usage().unwrap().fuel > 0);
    // What was dropped does not come back: the next call starts anew.
    data(&plugin, json!({"op": "time"}));
}

type Lines = Arc<Mutex<Vec<(LogSource, String)>>>;

/// A runtime whose lines are kept.
fn listening() -> (Lines, RuntimeBuilder) {
    let lines = Lines::default();
    let sink = lines.clone();
    let builder = Runtime::builder().on_event(move |_, event| {
        if let Event::Log(record) = event {
            let line = (record.source, record.message.clone());
            sink.lock().unwrap().push(line);
        }
    });
    (lines, builder)
}

#[test]
fn what_is_printed_arrives_line_by_line() {
    let (lines, builder) = listening();
    let builder = builder.redactor(|text| text.replace("s3cret", "[REDACTED]"));
    data(
        &load(builder),
        json!({"op": "print", "content": "one\ntwo s3cret\n\x1b[2Jthree"}),
    );
    let lines = lines.lock().unwrap();
    let of = |source| -> Vec<&str> {
        let of_source = lines.iter().filter(|(from, _)| *from == source);
        of_source.map(|(_, line)| line.as_str()).collect()
    };
    let expected = ["one", "two [REDACTED]", "\\u{1b}[2Jthree"];
    assert_eq!(of(LogSource::Stdout), expected);
    assert_eq!(of(LogSource::Stderr), expected);
    assert_eq!(of(LogSource::Log), ["initialised"]);
}

/// A world without files in which time passes by readings and chance is none.
#[derive(Default)]
struct Still {
    readings: u64,
}

impl World for Still {
    fn perform(&mut self, effect: &Effect, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        let answer = match effect {
            Effect::Now { .. } => {
                self.readings += 1;
                Answer::Time(1_000_000_000 + self.readings * 1000)
            }
            Effect::Random { length } => Answer::Bytes(vec![7; *length as usize]),
            Effect::Variables => Answer::Variables(Vec::new()),
            other => panic!("{other:?}"),
        };
        Ok(gate.granted()?.answer(answer))
    }

    fn real_name(&self, _path: &str) -> Option<String> {
        None
    }

    fn working_directory(&self) -> String {
        "/still".into()
    }
}

#[test]
fn fuel_is_the_same_on_every_run() {
    let exit = |plugin: &Plugin| {
        let config: Config = r#"{"op":"exit","amount":3}"#.parse().unwrap();
        plugin
            .observe(&config)
            .unwrap_err()
            .usage()
            .copied()
            .unwrap()
    };
    let plugin = load(Runtime::builder().world(Still::default));
    let first = exit(&plugin);
    assert_eq!(first, exit(&plugin));
    let again = load(
        Runtime::builder()
            .world(Still::default)
            .module_cache(tollgate::ModuleCache::new()),
    );
    assert_eq!(first, exit(&again));
}

#[test]
fn a_description_that_is_evidence_of_an_error_is_an_error() {
    // What a plugin answers that never registered itself.
    let evidence = r#"{"Status":false,"Error":{"message":"plugin not registered","type":"internal","code":""},"Timestamp":"2026-01-01T00:00:00Z","Data":null,"Raw":null}"#;
    let guest = support::Guest {
        describe: support::text_at(65_536, evidence.len()),
        more: support::data(65_536, evidence),
        ..support::Guest::default()
    };
    match guest.load().describe() {
        Err(Error::Breach {
            breach: Breach::Reported(error),
            ..
        }) => assert_eq!(error.message, "plugin not registered"),
        other => panic!("{other:?}"),
    }
}
