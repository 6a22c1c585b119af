//! Log lines of a plugin arrive at the embedder's callback, printable, capped and optionally redacted.
//! No log line can fail a call.

use crate::support;

use serde_json::json;
use std::sync::{Arc, Mutex};
use support::Guest;
use tollgate::{
    Config, Event, Runtime, RuntimeBuilder,
    effect::{LogLevel, LogRecord},
};

/// Logs its config as a request and answers with plain evidence.
fn logger() -> Guest {
    Guest {
        imports: "(import \"reglet_host\" \"log_message\" (func $log (param i64)))",
        memory: "(memory (export \"memory\") 40)",
        observe: format!(
            "(call $log (call $pack (local.get $config) (local.get $len))) {}",
            Guest::default().observe
        ),
        ..Guest::default()
    }
}

fn logged(guest: &Guest, builder: RuntimeBuilder, config: &Config) -> Vec<LogRecord> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = lines.clone();
    let runtime = builder
        .on_event(move |plugin, event| {
            assert_eq!(plugin, "odd");
            if let Event::Log(record) = event {
                sink.lock().unwrap().push(record.clone());
            }
        })
        .build()
        .unwrap();
    assert!(
        guest
            .load_in(&runtime)
            .observe(config)
            .unwrap()
            .evidence
            .status
    );
    let lines = lines.lock().unwrap();
    lines.clone()
}

#[test]
fn a_line_arrives_with_level_and_attributes() {
    let config: Config = r#"{"level":"warn","message":"odd","timestamp":"ignored",
        "attrs":[{"key":"n","type":"int64","value":"7"}],"context":{"request_id":"x"}}"#
        .parse()
        .unwrap();
    let lines = logged(&logger(), Runtime::builder(), &config);
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (lines[0].level, lines[0].message.as_str()),
        (LogLevel::Warn, "odd")
    );
    assert_eq!(
        (
            lines[0].attrs[0].key.as_str(),
            lines[0].attrs[0].value.as_str()
        ),
        ("n", "7")
    );
}

#[test]
fn control_characters_are_escaped_and_sizes_capped() {
    let attrs: Vec<_> = (0..100)
        .map(|n| serde_json::json!({"key": "k".repeat(1000), "type": "string", "value": n.to_string()}))
        .collect();
    let config = Config::new()
        .set("message", format!("\u{1b}[2J{}", "x".repeat(100_000)))
        .set("attrs", attrs);
    let lines = logged(&logger(), Runtime::builder(), &config);
    assert!(lines[0].message.starts_with("\\u{1b}[2Jxxx"));
    assert!(lines[0].message.len() < 9_000);
    assert_eq!(lines[0].attrs.len(), 64);
    assert!(lines[0].attrs[0].key.len() < 300);
}

/// The words of a request are the guest's, and a denial ends up where an operator reads it.
#[test]
fn denials_are_safe_to_print() {
    let odd = "\u{1b}[2J\r\n\u{202e}x";
    for (function, request) in [
        ("fs_read", json!({"path": format!("/{odd}")})),
        ("fs_list", json!({"path": format!("/{odd}/..//{odd}")})),
        ("env_get", json!({"name": odd})),
        (
            "exec_run",
            json!({"command": odd, "args": [odd], "env": [odd]}),
        ),
        (
            "exec_run",
            json!({"command": "/bin/ls", "dir": format!("/{odd}")}),
        ),
        ("net_connect", json!({"host": odd, "port": 1})),
        ("tcp_connect", json!({"host": odd, "port": "1"})),
        ("dns_lookup", json!({"hostname": odd, "type": "A"})),
        (
            "http_request",
            json!({"method": odd, "url": format!("http://h/{odd}")}),
        ),
    ] {
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = told.clone();
        let runtime = Runtime::builder().on_event(move |_, event| {
            if let Event::Denied(denial) = event {
                sink.lock().unwrap().push(denial.to_string());
            }
        });
        let plugin = Guest::relay(function).load_in(&runtime.build().unwrap());
        let reply = support::ask(&plugin, request);
        assert!(reply["error"].is_object(), "{function}: {reply}");
        for denial in told.lock().unwrap().iter() {
            let drives = |letter: char| letter.is_control() || letter == '\u{202e}';
            assert!(!denial.contains(drives), "{function}: {denial:?}");
        }
    }
}

#[test]
fn a_request_that_cannot_be_read_is_a_line_of_its_own() {
    let lines = logged(
        &logger(),
        Runtime::builder(),
        &Config::new().set("message", 7),
    );
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].level, LogLevel::Warn);
    assert!(
        lines[0].message.ends_with(r#": {"message":7}"#),
        "{}",
        lines[0].message
    );
    for bad in ["(i64.const 5)", "(i64.const -1)"] {
        let guest = Guest {
            observe: format!("(call $log {bad}) {}", Guest::default().observe),
            ..logger()
        };
        let lines = logged(&guest, Runtime::builder(), &Config::new());
        assert!(
            lines[0].message.contains("log_message request"),
            "{lines:?}"
        );
    }
}

#[test]
fn logs_and_evidence_pass_the_redactor() {
    let builder = Runtime::builder().redactor(tollgate::Redactor::from_rule(|text| {
        text.replace("hunter2", "[REDACTED]")
    }));
    let config = Config::new().set("message", "password hunter2");
    assert_eq!(
        logged(&logger(), builder.clone(), &config)[0].message,
        "password [REDACTED]"
    );

    let answer = r#"{"status":false,"data":{"a":[{"b":"hunter2","n":1}]},"raw":"hunter2",
        "error":{"message":"hunter2","type":"t","code":"c","wrapped":{"message":"hunter2"}}}"#;
    let plugin = Guest::answering(answer).load_in(&builder.build().unwrap());
    let evidence = plugin.observe(&Config::new()).unwrap().evidence;
    let printed = serde_json::to_string(&evidence).unwrap();
    assert!(!printed.contains("hunter2"), "{printed}");
    assert_eq!(printed.matches("[REDACTED]").count(), 4);
}

#[test]
fn a_panic_of_the_embedders_callback_is_an_error_of_the_call() {
    let runtime = Runtime::builder()
        .on_event(|_, _| panic!("the callback's own"))
        .build()
        .unwrap();
    let plugin = logger().load_in(&runtime);
    let error = plugin.observe(&Config::new()).unwrap_err().report();
    assert!(
        error.contains("a host function panicked: the callback's own"),
        "{error}"
    );
}

#[test]
fn a_flood_is_cut_to_the_limit_of_lines() {
    let flood = format!(
        "(local $i i32)
         (loop $again
           (call $log (call $pack (local.get $config) (local.get $len)))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $again (i32.lt_u (local.get $i) (i32.const 500))))
         {}",
        Guest::default().observe
    );
    let limits = tollgate::Limits {
        log_lines: 100,
        ..tollgate::Limits::default()
    };
    let config = Config::new().set("message", "again");
    let lines = logged(
        &Guest {
            observe: flood,
            ..logger()
        },
        Runtime::builder().limits(limits),
        &config,
    );
    assert_eq!(lines.len(), 100);
    assert_eq!(lines[99].message, "again");
}
