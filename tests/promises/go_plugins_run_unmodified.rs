//! A plugin built by the Go compiler with only the standard library reads, writes, lists, sleeps,
//! prints, panics and exits as usual: through WASI, with the same grants and denials.

use crate::support::{self, go};

use go::*;
use serde_json::{Value, json};
use std::{
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};
use tollgate::{
    Config, Error, Event, Fault, MemoryLimit, Plugin, ProtocolError, Runtime, RuntimeBuilder,
    effect::LogSource,
};

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
fn only_granted_variables_are_seen() {
    let names = |plugin: &Plugin| -> Vec<String> {
        let seen = data(plugin, json!({"op": "env"}));
        assert_eq!(seen["args"], 1);
        let variables = seen["environment"].as_array().unwrap();
        let name = |variable: &Value| variable.as_str()?.split('=').next().map(str::to_owned);
        variables.iter().filter_map(name).collect()
    };
    // What the host gives to every program in Go says nothing of the machine.
    let given = ["GODEBUG", "GOGC", "GOMEMLIMIT", "PWD"];
    assert_eq!(names(&load(Runtime::builder())), given);
    // Cargo sets it for tests.
    assert_eq!(
        names(&granted(&["env:CARGO_PKG_NAME".into()])),
        ["CARGO_PKG_NAME", "GODEBUG", "GOGC", "GOMEMLIMIT", "PWD"]
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
    assert_eq!(error.report(), "plugin go: observe() exited with code 3");
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
    let builder = builder.redactor(tollgate::Redactor::from_rule(|text| {
        text.replace("s3cret", "[REDACTED]")
    }));
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
    let plugin = load(Runtime::deterministic(7));
    let first = exit(&plugin);
    assert_eq!(first, exit(&plugin));
    let again = load(Runtime::deterministic(7).module_cache(tollgate::ModuleCache::new()));
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
        Err(Error::Protocol {
            error: ProtocolError::Reported(error),
            ..
        }) => assert_eq!(error.message, "plugin not registered"),
        other => panic!("{other:?}"),
    }
}
