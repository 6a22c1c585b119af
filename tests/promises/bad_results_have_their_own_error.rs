//! A guest that returns an invalid result ends in an error that names what is invalid, and the process
//! survives.

use crate::support;

use support::{Guest, failure, text_at};
use tollgate::{Config, Error, Fault, ProtocolError, Runtime};

fn protocol_error(guest: &Guest) -> ProtocolError {
    match guest.load().observe(&Config::new()).unwrap_err() {
        Error::Protocol {
            plugin,
            export: "observe",
            error,
            ..
        } if plugin == "odd" => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_result_outside_memory() {
    for (ptr, len) in [(131_072, 1), (131_071, 2), (u32::MAX, 1), (16, u32::MAX)] {
        let guest = Guest::observing(text_at(ptr, len as usize));
        assert_eq!(
            protocol_error(&guest),
            ProtocolError::ResultOutOfBounds {
                ptr,
                len,
                memory: 131_072
            }
        );
    }
}

#[test]
fn the_last_byte_of_memory_can_be_a_result() {
    let guest = Guest {
        more: support::data(131_071, "7"),
        ..Guest::observing(text_at(131_071, 1))
    };
    assert!(matches!(
        protocol_error(&guest),
        ProtocolError::WrongShape(_)
    ));
}

#[test]
fn null_with_and_without_a_length() {
    assert_eq!(
        protocol_error(&Guest::observing("(i64.const 0)")),
        ProtocolError::NullResult
    );
    assert_eq!(
        protocol_error(&Guest::observing(text_at(16, 0))),
        ProtocolError::NullResult
    );
    assert_eq!(
        protocol_error(&Guest::observing(text_at(0, 9))),
        ProtocolError::NullPointer { len: 9 }
    );
    let message = failure(&Guest::observing("(i64.const 0)").load());
    assert_eq!(
        message,
        "plugin odd: observe() returned null pointer or zero length"
    );
}

#[test]
fn a_result_of_four_gigabytes_and_one_over_the_limit() {
    let four = Guest::observing(text_at(1, u32::MAX as usize));
    assert!(matches!(
        protocol_error(&four),
        ProtocolError::ResultOutOfBounds { len: u32::MAX, .. }
    ));
    let limits = tollgate::Limits {
        result_bytes: 14,
        ..tollgate::Limits::default()
    };
    let runtime = Runtime::builder().limits(limits).build().unwrap();
    let error = Guest::default()
        .load_in(&runtime)
        .observe(&Config::new())
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Protocol {
                error: ProtocolError::ResultTooLarge { len: 15, limit: 14 },
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn text_that_is_no_evidence() {
    assert!(matches!(
        protocol_error(&Guest::answering("nonsense")),
        ProtocolError::NotJson(_)
    ));
    assert!(matches!(
        protocol_error(&Guest::answering("{\"status\":true} x")),
        ProtocolError::NotJson(_)
    ));
    assert!(matches!(
        protocol_error(&Guest::answering("{\"status\":1}")),
        ProtocolError::WrongShape(_)
    ));
    assert!(matches!(
        protocol_error(&Guest::answering("[]")),
        ProtocolError::WrongShape(_)
    ));
    assert!(matches!(
        protocol_error(&Guest::answering("{\"timestamp\":\"now\"}")),
        ProtocolError::WrongShape(_)
    ));
    assert!(matches!(
        protocol_error(&Guest::answering(b"\xFF\xFE{\0}\0")),
        ProtocolError::NotJson(_)
    ));
}

#[test]
fn nesting_without_end() {
    let deep = format!("{{\"data\":{}", "[".repeat(100_000));
    assert_eq!(
        protocol_error(&Guest::answering(deep)),
        ProtocolError::TooDeep {
            depth: 100_001,
            limit: 127
        }
    );
}

#[test]
fn an_empty_document_is_evidence_of_nothing() {
    let seen = Guest::answering("null")
        .load()
        .observe(&Config::new())
        .unwrap();
    assert!(!seen.evidence.status);
    assert_eq!(seen.evidence.timestamp.as_str(), "0001-01-01T00:00:00Z");
}

#[test]
fn allocate_that_gives_no_buffer() {
    let null = Guest {
        allocate: "(i32.const 0)".into(),
        ..Guest::default()
    };
    assert_eq!(protocol_error(&null), ProtocolError::NoBuffer { bytes: 2 });

    for ptr in ["131071", "-1"] {
        let guest = Guest {
            allocate: format!("(i32.const {ptr})"),
            ..Guest::default()
        };
        assert!(
            matches!(
                protocol_error(&guest),
                ProtocolError::BufferOutOfBounds {
                    bytes: 2,
                    memory: 131_072,
                    ..
                }
            ),
            "{ptr}"
        );
    }
}

#[test]
fn allocate_that_traps_is_named() {
    let guest = Guest {
        allocate: "unreachable".into(),
        ..Guest::default()
    };
    match guest.load().observe(&Config::new()).unwrap_err() {
        Error::Fault {
            export: "allocate",
            fault: Fault::Trap(_),
            ..
        } => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_fails_while_the_config_is_received_is_said_in_words() {
    let failed = |allocate: &str, fuel: u64| {
        let guest = Guest {
            allocate: allocate.into(),
            ..Guest::default()
        };
        failure(&guest.load_in(&Runtime::builder().fuel(fuel).build().unwrap()))
    };
    assert_eq!(
        failed("(loop $again (br $again)) unreachable", 1000),
        "plugin odd: the plugin ran out of fuel while receiving its config (limit 1000); raise the fuel limit"
    );
    let trapped = failed("unreachable", 1000);
    assert!(
        trapped.starts_with("plugin odd: while receiving its config, it trapped: "),
        "{trapped}"
    );
}

#[test]
fn allocate_is_judged_the_same_way_inside_a_host_function() {
    for (allocate, expected) in [
        ("(i32.const 0)", "needed a buffer of"),
        ("(i32.const -1)", "which does not fit into the memory"),
        (
            "unreachable",
            "plugin odd: while receiving data from the host, it trapped",
        ),
    ] {
        // The first buffer, for the config, is good; the second, for the reply, is not.
        let honest = "(global.get $free)";
        let relay = Guest::relay("fs_stat");
        let guest = Guest {
            allocate: format!(
                "(if (result i32) (i32.eq (global.get $free) (i32.const 4096))
                   (then {honest}) (else {allocate}))
                 (global.set $free (i32.const 8192))"
            ),
            ..relay
        };
        let message = failure(&guest.load());
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_description_that_is_an_error_carries_the_plugins_words() {
    let answer = r#"{"Status":false,"Error":{"message":"plugin not registered","type":"internal","code":""}}"#;
    let guest = Guest {
        describe: text_at(65_536, answer.len()),
        more: support::data(65_536, answer),
        ..Guest::default()
    };
    let error = guest.load().describe().unwrap_err();
    assert!(matches!(
        error,
        Error::Protocol {
            error: ProtocolError::Reported(_),
            ..
        }
    ));
    assert!(error.report().contains("plugin not registered"), "{error}");
}

#[test]
fn the_next_honest_call_is_answered() {
    let runtime = Runtime::new().unwrap();
    let odd = Guest::observing("unreachable").load_in(&runtime);
    let echo = wat::parse_file("fixtures/wat/echo.wat").unwrap();
    let echo = runtime.load("echo", &echo).unwrap();
    for _ in 0..3 {
        assert!(odd.observe(&Config::new()).is_err());
        let seen = echo.observe(&Config::new().set("n", 7)).unwrap();
        assert_eq!(seen.evidence.data["n"], 7);
    }
}
