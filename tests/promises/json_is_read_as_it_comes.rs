//! JSON that a guest wrote is read as Go reads it: each byte that is not UTF-8 and each half of a surrogate
//! pair is U+FFFD, in keys too, in every document that a guest sends. Nothing of it is lost silently.

use crate::support;

use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use support::{Guest, data, text_at};
use tollgate::{
    Config, Event, Runtime,
    effect::{LogLevel, LogRecord},
    world::Simulated,
};

/// The inside of a JSON string as a guest may write it, and what is read.
const TEXTS: &[(&[u8], &str)] = &[
    (br"cut \ud83d", "cut \u{FFFD}"),
    (br"\ud83d\ude00", "😀"),
    (br"\uDE00 first", "\u{FFFD} first"),
    (br"\ud83d\ud83d\ude00", "\u{FFFD}😀"),
    (br"\ud83d\u0041", "\u{FFFD}A"),
    (br"\ud83d\n", "\u{FFFD}\n"),
    (br"\\ud83d", "\\ud83d"),
    (br"\\\ud83d", "\\\u{FFFD}"),
    (b"\xFF", "\u{FFFD}"),
    // Each byte counts, as in Go, where Rust replaces what a character begins with by one.
    (b"\xE2\x82", "\u{FFFD}\u{FFFD}"),
    (b"\xED\xA0\xBD", "\u{FFFD}\u{FFFD}\u{FFFD}"),
    (b"\\ud83d\xFF\\ude00", "\u{FFFD}\u{FFFD}\u{FFFD}"),
];

/// A document with a text in it twice, as a key and as a value.
fn around(before: &str, text: &[u8], after: &str) -> Vec<u8> {
    [
        before.as_bytes(),
        b"\"",
        text,
        b"\":\"",
        text,
        b"\"",
        after.as_bytes(),
    ]
    .concat()
}

/// Both worlds, since neither changes how a guest is read.
fn runtimes(sink: &Arc<Mutex<Vec<LogRecord>>>) -> [Runtime; 2] {
    [Runtime::builder(), Runtime::builder().world(Simulated::new)].map(|builder| {
        let sink = sink.clone();
        builder
            .host_function("store", "echo", "kv", |request: Value, _| Ok(request))
            .grant("odd", "kv:echo".parse().unwrap())
            .on_event(move |_, event| {
                if let Event::Log(record) = event {
                    sink.lock().unwrap().push(record.clone());
                }
            })
            .build()
            .unwrap()
    })
}

/// What a guest answers in each world, and what it logged there.
fn seen(guest: &Guest) -> Vec<(tollgate::Evidence, Vec<LogRecord>)> {
    let sink = Arc::default();
    let runtimes = runtimes(&sink);
    let observed = runtimes.iter().map(|runtime| {
        let seen = guest.load_in(runtime).observe(&Config::new()).unwrap();
        (seen.evidence, std::mem::take(&mut *sink.lock().unwrap()))
    });
    observed.collect()
}

/// A guest that sends this request to a function and answers with nothing, or with the reply as data.
fn requesting(module: &str, function: &str, request: &[u8]) -> Guest {
    let relay = Guest::relay("reply");
    let replies = module != "reglet_host";
    let result = if replies { "(result i64)" } else { "" };
    let import = format!("(import \"{module}\" \"{function}\" (func $ask (param i64) {result}))");
    let sent = text_at(65_536, request.len());
    Guest {
        imports: Box::leak(import.into_boxed_str()),
        observe: match replies {
            true => relay
                .observe
                .replace("(call $pack (local.get $config) (local.get $len))", &sent),
            false => format!("(call $ask {sent}) {}", Guest::default().observe),
        },
        more: data(65_536, request) + &relay.more,
        ..relay
    }
}

#[test]
fn evidence_of_either_generation() {
    for (written, read) in TEXTS {
        let first = Guest::answering(around("{\"status\":true,\"data\":{", written, "}}"));
        for (evidence, _) in seen(&first) {
            assert_eq!(Value::from(evidence.data), json!({ *read: read }));
        }
        let result = around("{\"status\":\"success\",\"data\":{", written, "}}");
        let guest = Guest {
            more: newer(br#"{"name":"odd"}"#, &result),
            ..Guest::default()
        };
        for runtime in runtimes(&Arc::default()) {
            let plugin = runtime.load("odd", only_newer(&guest)).unwrap();
            let evidence = plugin.observe(&Config::new()).unwrap().evidence;
            assert_eq!(Value::from(evidence.data), json!({ *read: read }));
        }
    }
}

fn newer(manifest: &[u8], result: &[u8]) -> String {
    format!(
        "(func (export \"_manifest\") (result i64) {})
         (func (export \"_observe\") (param i32 i32) (result i64) {}) {} {}",
        text_at(65_536, manifest.len()),
        text_at(98_304, result.len()),
        data(65_536, manifest),
        data(98_304, result),
    )
}

fn only_newer(guest: &Guest) -> Vec<u8> {
    let wat = ["describe", "schema", "observe"]
        .iter()
        .fold(guest.wat(), |wat, name| {
            wat.replace(&format!("(export \"{name}\")"), "")
        });
    wat::parse_str(wat).unwrap()
}

#[test]
fn descriptions_and_schemas_of_either_generation() {
    for (written, read) in TEXTS {
        let info = [b"{\"name\":\"odd\",\"description\":\"", *written, b"\"}"].concat();
        let schema = [b"{\"properties\":{\"", *written, b"\":{}}}"].concat();
        let guest = Guest {
            describe: text_at(65_536, info.len()),
            more: data(65_536, &info) + &data(98_304, &schema),
            ..Guest::default()
        };
        let answer = |len| text_at(98_304, len);
        let wat = guest.wat().replace(&text_at(300, 2), &answer(schema.len()));
        let manifest = [
            b"{\"name\":\"odd\",\"description\":\"",
            *written,
            b"\",\"config_schema\":",
            &schema,
            b"}",
        ]
        .concat();
        let both = Guest {
            more: newer(&manifest, b"{}"),
            ..Guest::default()
        };
        for runtime in runtimes(&Arc::default()) {
            let first = ("first", wat::parse_str(&wat).unwrap());
            for (name, module) in [first, ("newer", only_newer(&both))] {
                let plugin = runtime.load(name, module).unwrap();
                assert_eq!(plugin.describe().unwrap().description, *read);
                let schema = plugin.schema().unwrap();
                assert_eq!(schema.fields()[0].name, *read);
                // Its text can be read by any other program too.
                let again: Value = serde_json::from_str(schema.raw()).unwrap();
                assert_eq!(again, *schema.document());
            }
        }
    }
}

#[test]
fn requests_of_host_functions_of_an_embedder() {
    for (written, read) in TEXTS {
        let guest = requesting("store", "echo", &around("{", written, "}"));
        for (evidence, _) in seen(&guest) {
            assert_eq!(Value::from(evidence.data), json!({ *read: read }));
        }
    }
}

#[test]
fn log_lines() {
    for (written, read) in TEXTS {
        let line = around("{\"level\":\"ERROR\",", written, "")
            .into_iter()
            .chain(*b",\"message\":\"")
            .chain(written.iter().copied())
            .chain(*b"\"}");
        let guest = requesting("reglet_host", "log_message", &line.collect::<Vec<_>>());
        for (_, lines) in seen(&guest) {
            let [line] = lines.as_slice() else {
                panic!("{lines:?}")
            };
            assert_eq!(line.level, LogLevel::Error);
            // Control characters are escaped in the log.
            assert_eq!(line.message, read.replace('\n', "\\n"));
        }
    }
}

#[test]
fn a_log_request_that_cannot_be_read_is_a_line_that_says_so() {
    let requests: [&[u8]; 5] = [
        b"disk full",
        b"",
        b"{\"level\":\"ERROR\",\"message\":\"disk full",
        b"{\"level\":\"ERROR\",\"message\":[\"disk full\"]}",
        b"{\"level\":\"ERROR\",\"message\":\"disk full \\ud83\"}",
    ];
    for request in requests {
        for (evidence, lines) in seen(&requesting("reglet_host", "log_message", request)) {
            assert!(evidence.status);
            let [line] = lines.as_slice() else {
                panic!("{lines:?}")
            };
            assert_eq!(line.level, LogLevel::Warn);
            let message = &line.message;
            assert!(
                message.starts_with("failed to unmarshal log_message request: "),
                "{message}"
            );
            assert_eq!(
                message.contains("disk full"),
                !request.is_empty(),
                "{message}"
            );
        }
    }
    // One that is not in memory has no text.
    let outside = Guest {
        observe: format!(
            "(call $ask {}) {}",
            text_at(u32::MAX, 9),
            Guest::default().observe
        ),
        ..requesting("reglet_host", "log_message", b"")
    };
    for (_, lines) in seen(&outside) {
        let message = &lines[0].message;
        assert!(message.contains("outside"), "{message}");
    }
}

#[test]
fn a_secret_in_a_log_request_that_cannot_be_read_is_hidden() {
    let redactor = tollgate::Redactor::builder()
        .value("correct horse battery")
        .build();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = lines.clone();
    let runtime = Runtime::builder()
        .redactor(redactor.unwrap())
        .on_event(move |_, event| {
            if let Event::Log(record) = event {
                sink.lock().unwrap().push(record.message.clone());
            }
        })
        .build()
        .unwrap();
    let request = b"{\"message\":[\"it is correct horse battery\"]}";
    let guest = requesting("reglet_host", "log_message", request);
    guest.load_in(&runtime).observe(&Config::new()).unwrap();
    let lines = lines.lock().unwrap();
    assert!(lines[0].contains("it is "), "{lines:?}");
    assert!(!lines[0].contains("horse"), "{lines:?}");
}

/// Plugins in C count the end of their text.
#[test]
fn zeros_behind_a_document_are_ignored() {
    for end in ["\0", "\0\0\0", "\n\0"] {
        let guest = Guest::answering(format!("{{\"status\":true,\"raw\":\"whole\"}}{end}"));
        for (evidence, _) in seen(&guest) {
            assert_eq!(evidence.raw.as_deref(), Some("whole"));
        }
    }
    for wrong in [
        "\0{\"status\":true}",
        "{\"status\":true}\0x",
        "{\"raw\":\"\0\"}",
    ] {
        let error = support::failure(&Guest::answering(wrong).load());
        assert!(error.contains("not JSON"), "{error}");
    }
}

#[test]
fn of_keys_that_become_one_the_last_counts() {
    let guest = Guest::answering(r#"{"status":true,"data":{"\ud800":1,"b":2,"\udfff":3}}"#);
    for (evidence, _) in seen(&guest) {
        assert_eq!(Value::from(evidence.data), json!({"\u{FFFD}": 3, "b": 2}));
    }
}

/// As `abi/README.md` states.
#[test]
fn numbers_are_integers_of_64_bits_or_the_nearest_double() {
    for (written, read) in [
        ("18446744073709551615", "18446744073709551615"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("18446744073709551616", "1.8446744073709552e+19"),
        ("-9223372036854775809", "-9.223372036854776e+18"),
        ("123456789012345678901234567890", "1.2345678901234568e+29"),
        ("0.1000000000000000055511151231257827", "0.1"),
        ("1.0", "1.0"),
        ("-0", "-0.0"),
        ("1e-400", "0.0"),
    ] {
        let guest = Guest::answering(format!("{{\"status\":true,\"data\":{{\"n\":{written}}}}}"));
        for (evidence, _) in seen(&guest) {
            assert_eq!(evidence.data["n"].to_string(), read, "{written}");
        }
    }
    // What no double is near to is no evidence; a schema keeps the text of its numbers.
    let guest = Guest::answering("{\"status\":true,\"data\":{\"n\":1e400}}");
    let error = support::failure(&guest.load());
    assert!(error.contains("number out of range"), "{error}");
    let schema = "{\"maximum\":123456789012345678901234567890}";
    let guest = Guest {
        more: data(98_304, schema),
        ..Guest::default()
    };
    let wat = guest
        .wat()
        .replace(&text_at(300, 2), &text_at(98_304, schema.len()));
    let runtime = Runtime::new().unwrap();
    let plugin = runtime.load("odd", wat::parse_str(wat).unwrap()).unwrap();
    assert_eq!(plugin.schema().unwrap().raw(), schema);
}
