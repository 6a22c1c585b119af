//! Secrets that the embedder names, that look like secrets, or that are values of secret keys do not
//! leave the runtime: not in evidence, log lines, errors or denials, and not where they are cut or
//! split. Includes the rows of tests/cases/redaction.jsonl.

use crate::support;

use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use support::{Guest, data, share::spread};
use tollgate::{
    Config, Error, Event, Evidence, HostError, Redactor, RedactorBuilder, RedactorError, Runtime,
    abi::base64, replay::Replay,
};

fn builder(tracked: &[&str]) -> RedactorBuilder {
    tracked
        .iter()
        .fold(Redactor::builder(), |builder, value| builder.value(*value))
}

fn redactor(tracked: &[&str]) -> Redactor {
    builder(tracked).build().unwrap()
}

/// What the guest logged, as the embedder gets it.
fn told(guest: &Guest, redactor: &Redactor, config: &Config) -> Vec<(String, Vec<String>)> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = lines.clone();
    let runtime = Runtime::builder()
        .redactor(redactor.clone())
        .on_event(move |_, event| {
            if let Event::Log(record) = event {
                let values = record.attrs.iter().map(|attr| attr.value.clone());
                let line = (record.message.clone(), values.collect());
                sink.lock().unwrap().push(line);
            }
        })
        .build()
        .unwrap();
    guest.load_in(&runtime).observe(config).unwrap();
    let lines = lines.lock().unwrap();
    lines.clone()
}

fn messages(guest: &Guest, redactor: &Redactor, config: &Config) -> Vec<String> {
    let lines = told(guest, redactor, config);
    lines.into_iter().map(|(message, _)| message).collect()
}

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

/// Prints each of these in a write of its own, and traps if one is not taken whole.
fn printer(writes: &[&str]) -> Guest {
    let (mut more, mut observe) = (String::new(), String::new());
    let mut at = 8192;
    for text in writes {
        more += &data(at, text);
        observe += &format!(
            "(i32.store (i32.const 4000) (i32.const {at}))
             (i32.store (i32.const 4004) (i32.const {length}))
             (if (call $write (i32.const 1) (i32.const 4000) (i32.const 1) (i32.const 4008))
               (then unreachable))
             (if (i32.ne (i32.load (i32.const 4008)) (i32.const {length})) (then unreachable))",
            length = text.len()
        );
        at += u32::try_from(text.len()).unwrap();
    }
    Guest {
        imports: "(import \"wasi_snapshot_preview1\" \"fd_write\"
            (func $write (param i32 i32 i32 i32) (result i32)))",
        memory: "(memory (export \"memory\") 8)",
        observe: observe + &Guest::default().observe,
        more,
        ..Guest::default()
    }
}

fn evidence(redactor: &Redactor, answer: &Value) -> Evidence {
    let runtime = Runtime::builder()
        .redactor(redactor.clone())
        .build()
        .unwrap();
    let plugin = Guest::answering(answer.to_string()).load_in(&runtime);
    plugin.observe(&Config::new()).unwrap().evidence
}

#[test]
fn the_rows_hold() {
    let text = std::fs::read_to_string("tests/cases/redaction.jsonl").unwrap();
    let mut rows = 0;
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let name = row["test"].as_str().unwrap();
        let tracked: Vec<&str> = row["tracked"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        #[allow(unused_mut)]
        let mut builder = builder(&tracked);
        let patterns = row["cfg"]["patterns"].as_array();
        if patterns.is_some() && !cfg!(feature = "regex") {
            continue;
        }
        #[cfg(feature = "regex")]
        for pattern in patterns.into_iter().flatten() {
            builder = builder.pattern(pattern.as_str().unwrap());
        }
        for path in row["cfg"]["paths"].as_array().into_iter().flatten() {
            builder = builder.path(path.as_str().unwrap());
        }
        let redactor = builder.build().unwrap();
        rows += 1;
        match name {
            "TestRedactor_GitHubTokenDetection" | "TestRedactor_WithSensitiveProvider" => {
                let input = row["input"].as_str().unwrap();
                assert_eq!(redactor.redact(input), row["expect"], "{name}");
            }
            // Who writes is a guest; that each write is taken whole is checked by the guest.
            "TestWriter_WithRedactor" | "TestWriter_MultipleWrites" => {
                let writes: Vec<&str> = row["writes"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter_map(Value::as_str)
                    .collect();
                let lines = messages(&printer(&writes), &redactor, &Config::new());
                let expected: Vec<&str> = row["expect"]["out"].as_str().unwrap().lines().collect();
                assert_eq!(lines, expected, "{name}");
            }
            "TestPluginOutputRedaction_GitleaksPatterns" => {
                let write = row["write"].as_str().unwrap();
                let lines = messages(&printer(&[write]), &redactor, &Config::new()).concat();
                let expect = &row["expect"];
                assert!(
                    lines.contains(expect["contains"].as_str().unwrap()),
                    "{lines}"
                );
                assert!(
                    !lines.contains(expect["not_contains"].as_str().unwrap()),
                    "{lines}"
                );
            }
            "TestSafeError" => {
                for case in row["table"].as_array().unwrap() {
                    // No error is no text.
                    if let (Some(text), Some(expected)) = (case[0].as_str(), case[1].as_str()) {
                        assert_eq!(redactor.redact(text), expected);
                    }
                }
            }
            "TestRedactionInObservationResult" => {
                let seen = evidence(&redactor, &json!({"status": true, "data": row["data"]}));
                assert!(seen.data["key"].as_str().unwrap().contains("[REDACTED]"));
                let nested = seen.data["nested"]["config"].as_str().unwrap();
                assert!(nested.contains("[REDACTED]"));
            }
            // What `echo` would print, without the command: commands are shown elsewhere.
            "TestRedaction_EndToEnd" => {
                let printed = json!({"stdout": "My secret is SECRET-ABC12345\n", "api_key": "top-secret-value"});
                let seen = evidence(&redactor, &json!({"status": true, "data": printed}));
                assert_eq!(seen.data["stdout"], "My secret is [REDACTED]\n");
                assert_eq!(seen.data["api_key"], "[REDACTED]");
            }
            "TestPluginOutputRedaction_Gitleaks222Patterns" => {
                for input in row["inputs"].as_array().unwrap() {
                    let input = input.as_str().unwrap();
                    let (name, _) = input.split_once('=').unwrap();
                    assert_eq!(redactor.redact(input), format!("{name}=[REDACTED]"));
                }
            }
            "TestGitleaksLibrary_Integration" => {
                let input = row["input"].as_str().unwrap();
                let found = redactor.redact(input) != input;
                assert_eq!(row["expect"]["secret_found"], found, "{input}");
            }
            // Nothing hands the values out again, so nobody can change them.
            "TestProvider_Immutability" => {}
            // Overwriting memory for sure takes unsafe code, or a crate of the embedder's that has it.
            "TestSecureString" => {}
            "TestRedactionEndToEnd_Integration" => {}
            other => panic!("nobody knows {other}"),
        }
    }
    assert!(rows >= 14, "{rows}");
}

#[test]
fn a_longer_value_leaves_no_tail_whatever_the_order() {
    for tracked in [["pass", "password-1"], ["password-1", "pass"]] {
        assert_eq!(
            redactor(&tracked).redact("password-1 pass"),
            "[REDACTED] [REDACTED]"
        );
    }
    // Nothing is looked for in what stands in a secret's place.
    assert_eq!(
        redactor(&["REDACTED", "hunter2"]).redact("hunter2"),
        "[REDACTED]"
    );
}

#[test]
fn a_value_that_would_be_ignored_is_an_error_and_short_ones_can_be_forced() {
    let short = |number, characters, minimum| RedactorError::ShortValue {
        number,
        characters,
        minimum,
    };
    for (values, error) in [
        (&["abc"][..], short(1, 3, 4)),
        (&["hunter2", ""], short(2, 0, 4)),
        (&["hunter2", "hunter3", " \n\t  "], short(3, 0, 4)),
        (&["  äöü\n"], short(1, 3, 4)),
        (&["a [REDACTED]"], RedactorError::MarkInValue { number: 1 }),
    ] {
        let built = builder(values).build();
        assert_eq!(built.unwrap_err(), error, "{values:?}");
    }
    let error = builder(&["hunter2", "abc"])
        .build()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("value 2") && error.contains("at least 4"),
        "{error}"
    );
    assert!(!error.contains("abc"), "{error}");
    let blank = Redactor::builder().short_value(" ").build();
    assert_eq!(blank.unwrap_err(), short(1, 0, 1));

    let redactor = redactor(&[]);
    assert_eq!(redactor.add_value("xyz"), Err(short(1, 3, 4)));
    assert_eq!(redactor.add_short_value(""), Err(short(1, 0, 1)));
    assert_eq!(redactor.redact("abc xyz"), "abc xyz");
    redactor.add_short_value("xyz").unwrap();
    redactor.add_value("äöüß").unwrap();
    assert_eq!(redactor.redact("abc xyz äöüß"), "abc [REDACTED] [REDACTED]");
    let forced = Redactor::builder().short_value("abc").build().unwrap();
    assert_eq!(forced.redact("abc"), "[REDACTED]");
    // As it is, and not in the garbage that words are in other encodings.
    assert_eq!(forced.redact("YWJj 616263"), "YWJj 616263");
}

/// As it comes out of a file, with a new line at its end.
#[test]
fn white_space_at_the_ends_of_a_value_is_no_part_of_it() {
    let redactor = redactor(&["\thunter2\r\n"]);
    assert_eq!(redactor.redact("is hunter2, or"), "is [REDACTED], or");
}

#[test]
fn secrets_may_come_up_while_plugins_run() {
    let redactor = redactor(&[]);
    let runtime = Runtime::builder()
        .redactor(redactor.clone())
        .build()
        .unwrap();
    let plugin = Guest::answering(r#"{"status":true,"raw":"a late secret"}"#).load_in(&runtime);
    let raw = || {
        plugin
            .observe(&Config::new())
            .unwrap()
            .evidence
            .raw
            .unwrap()
    };
    assert_eq!(raw(), "a late secret");
    redactor.add_value("late secret").unwrap();
    assert_eq!(raw(), "a [REDACTED]");
}

#[test]
fn a_keyed_hash_tells_equal_secrets_and_needs_a_key() {
    let redactor = builder(&["hunter2"]).keyed_hash("salt").build().unwrap();
    // echo -n hunter2 | openssl dgst -sha256 -hmac salt
    let mark = redactor.redact("hunter2");
    assert!(
        mark.starts_with("[hmac:") && mark.ends_with(']') && mark.len() == 39,
        "{mark}"
    );
    assert!(
        mark[6..38]
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    );
    assert_eq!(redactor.redact("hunter2 hunter2"), format!("{mark} {mark}"));
    let other = builder(&["hunter2"]).keyed_hash("pepper").build().unwrap();
    assert_ne!(other.redact("hunter2"), mark);
    assert_eq!(
        Redactor::builder().keyed_hash("").build().unwrap_err(),
        RedactorError::NoKey
    );
    assert_eq!(redactor.redact(""), "");
}

#[cfg(feature = "regex")]
#[test]
fn a_bad_pattern_is_an_error_that_names_it() {
    let error = Redactor::builder().pattern("a(").build().unwrap_err();
    assert!(error.to_string().contains("\"a(\""), "{error}");
    let groups = Redactor::builder()
        .pattern("(?i)key-(\\d+)")
        .build()
        .unwrap();
    assert_eq!(groups.redact("KEY-77!"), "[REDACTED]!");
}

#[test]
fn places_hide_any_scalar_and_nothing_else() {
    let redactor = Redactor::builder()
        .path("api_key")
        .path("server.pin")
        .build()
        .unwrap();
    let mut value = json!({
        "api_key": "k", "my_api_key": "kept", "deep": {"api_key": 7, "pin": 1},
        "server": {"pin": [1, true, null, {"pin": 2, "server": {"pin": 3}}], "name": "kept"},
        "pin": 4, "other": {"server": {"pin": "5"}}, "api_key.x": 6,
    });
    redactor.redact_json(&mut value);
    let hidden = "[REDACTED]";
    let expected = json!({
        "api_key": hidden, "my_api_key": "kept", "deep": {"api_key": hidden, "pin": 1},
        "server": {"pin": [hidden, hidden, null, {"pin": 2, "server": {"pin": hidden}}], "name": "kept"},
        "pin": 4, "other": {"server": {"pin": hidden}}, "api_key.x": 6,
    });
    assert_eq!(value, expected);
}

#[test]
fn a_place_that_nothing_stood_at_is_reported() {
    let paths = ["data.never", "api_key", "password"];
    let redactor = paths
        .iter()
        .fold(Redactor::builder(), |it, path| it.path(*path));
    let redactor = redactor.build().unwrap();
    assert_eq!(redactor.unmatched_paths(), paths);
    evidence(
        &redactor,
        &json!({"status": true, "data": {"x": {"api_key": 1}}}),
    );
    assert_eq!(redactor.unmatched_paths(), ["data.never", "password"]);
    let attr = json!({"key": "password", "value": "x", "type": "string"});
    let config = Config::new()
        .set("message", "login")
        .set("attrs", vec![attr]);
    told(&logger(), &redactor, &config);
    assert_eq!(redactor.unmatched_paths(), ["data.never"]);
    for path in ["", " ", "a.", ".a", "a..b"] {
        let error = Redactor::builder().path(path).build().unwrap_err();
        assert_eq!(error, RedactorError::EmptyPath { path: path.into() });
    }
}

#[test]
fn evidence_is_searched_everywhere() {
    let secret = "hunter2-hunter2";
    let nested = json!({"message": secret, "type": secret, "code": secret, "details": {"a": [secret]},
        "stack": base64::encode(format!("at {secret}").as_bytes()),
        "wrapped": {"message": secret, "type": "t", "code": ""}});
    let answer = json!({"status": false, "raw": format!("raw {secret}"), "error": nested,
        "data": {secret: {"list": [{"text": format!("<{secret}>")}], "number": 1}}});
    let seen = evidence(&redactor(&[secret]), &answer);
    let printed = serde_json::to_string(&seen).unwrap();
    assert!(!printed.contains(secret), "{printed}");
    assert_eq!(
        seen.data["[REDACTED]"],
        json!({"list": [{"text": "<[REDACTED]>"}], "number": 1})
    );
    let error = seen.error.unwrap();
    let stack = base64::decode(error.stack.as_deref().unwrap()).unwrap();
    assert_eq!(String::from_utf8(stack).unwrap(), "at [REDACTED]");
}

/// Two keys may become one, and both entries stay.
#[test]
fn keys_are_hidden_and_no_entry_is_lost() {
    let mut value =
        json!({"hunter2": 1, "68756e74657232": 2, "[REDACTED] 2": 3, "a": {"aHVudGVyMg==": 4}});
    redactor(&["hunter2"]).redact_json(&mut value);
    assert_eq!(
        value,
        json!({"[REDACTED]": 2, "[REDACTED] 2": 3, "[REDACTED] 3": 1, "a": {"[REDACTED]": 4}})
    );
}

/// A plugin that has the secret in its description and its schema.
#[test]
fn descriptions_and_schemas_are_searched() {
    let secret = "hunter2-hunter2";
    let info = json!({"name": secret, "version": secret, "description": format!("uses {secret}"),
        "sdk_version": secret, "capabilities": [{"kind": "env", "pattern": secret}]});
    let schema = format!(
        r#"{{ "type": "object", "properties": {{"pin": {{"enum": ["{secret}", 12345678]}}, "n": {{"default": "{secret}"}}}} }}"#
    );
    let load = |schema: &str, redactor: Redactor| {
        let guest = Guest {
            describe: support::text_at(8192, info.to_string().len()),
            more: data(8192, info.to_string()) + &data(16384, schema),
            ..Guest::default()
        };
        let text = guest.wat();
        let empty = support::text_at(300, 2);
        assert_eq!(text.matches(&empty).count(), 1);
        let text = text.replace(&empty, &support::text_at(16384, schema.len()));
        let runtime = Runtime::builder().redactor(redactor).build().unwrap();
        runtime.load("odd", wat::parse_str(text).unwrap()).unwrap()
    };
    let plugin = load(&schema, redactor(&[secret, "12345678"]));
    let printed = serde_json::to_string(&*plugin.describe().unwrap()).unwrap();
    assert!(!printed.contains(secret), "{printed}");
    assert_eq!(printed.matches("[REDACTED]").count(), 5, "{printed}");
    let seen = plugin.schema().unwrap();
    let hidden = json!({"type": "object", "properties": {"pin": {"enum": ["[REDACTED]", "[REDACTED]"]},
        "n": {"default": "[REDACTED]"}}});
    assert_eq!(*seen.document(), hidden);
    assert_eq!(seen.raw().parse::<Value>().unwrap(), hidden);
    // What is validated is the schema that the plugin sent, and what it says of that is searched.
    #[cfg(feature = "schema")]
    {
        let right = Config::new().set("pin", secret);
        assert!(plugin.validate(&right).unwrap().is_valid());
        let filled = plugin.with_defaults(&right).unwrap();
        assert_eq!(filled.values()["n"], secret);
        let found = plugin.validate(&Config::new().set("pin", "other")).unwrap();
        assert!(!found.is_valid());
        assert!(!format!("{found:?}").contains(secret), "{found:?}");
        assert!(!format!("{found:?}").contains("12345678"), "{found:?}");
    }

    // The text of one without secrets is the plugin's own; one that hides them in a key that is there
    // twice has lost them.
    let plain = r#"{ "type" : "object" }"#;
    let twice = format!(r#"{{ "a": "{secret}", "a": 1 }}"#);
    for (schema, raw) in [(plain, plain), (&twice, r#"{"a":1}"#)] {
        assert_eq!(
            load(schema, redactor(&[secret])).schema().unwrap().raw(),
            raw
        );
    }
}

/// A module that cannot be loaded is named by what it imports.
#[test]
fn errors_of_loading_are_searched() {
    let module = wat::parse_str(r#"(module (import "env" "hunter2" (func)))"#).unwrap();
    let runtime = Runtime::builder()
        .redactor(redactor(&["hunter2"]))
        .build()
        .unwrap();
    let error = runtime.load("p", module).err().unwrap();
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("[REDACTED]") && !text.contains("hunter2"),
        "{text}"
    );
}

#[test]
fn base64_content_is_searched_when_decoded() {
    let redactor = redactor(&["hunter2-hunter2"]);
    for (before, after) in [
        (&b"a hunter2-hunter2 b"[..], &b"a [REDACTED] b"[..]),
        (b"\xff\x00hunter2-hunter2\xfe", b"\xff\x00[REDACTED]\xfe"),
        (b"\xff AKIAIOSFODNN7EXAMPLE", b"\xff [REDACTED]"),
        (b"nothing", b"nothing"),
        (b"\xff\xfe", b"\xff\xfe"),
    ] {
        let mut value = json!({"content_b64": base64::encode(before)});
        redactor.redact_json(&mut value);
        assert_eq!(value["content_b64"], base64::encode(after), "{before:?}");
    }
    let mut value = json!({"content_b64": "no base64: hunter2-hunter2"});
    redactor.redact_json(&mut value);
    assert_eq!(value["content_b64"], "no base64: [REDACTED]");
}

#[test]
fn a_secret_in_two_writes_is_caught() {
    let redactor = redactor(&["super-secret-password"]);
    let writes = [
        "it is super-sec",
        "ret-password!\nand ghp_8smC34MaRZJqO1Yj",
        "GZWyGArm3qzk51yHAJ1B",
    ];
    assert_eq!(
        messages(&printer(&writes), &redactor, &Config::new()),
        ["it is [REDACTED]!", "and [REDACTED]"]
    );
    let key = [
        "-----BEGIN EC PRI",
        "VATE KEY-----\nMHcCAQEEI",
        "ABCDE\nAwEHoUQDQgAE\n-----END EC PRIVATE KEY-----\nbye\n",
    ];
    let lines = messages(&printer(&key), &redactor, &Config::new());
    assert_eq!(
        lines,
        [
            "[REDACTED]",
            "[REDACTED]",
            "[REDACTED]",
            "[REDACTED]",
            "bye"
        ]
    );
    // A value with several lines is printed line by line, too.
    redactor
        .add_value("first-line-of-it\nsecond-line-of-it")
        .unwrap();
    let lines = messages(
        &printer(&["first-line-of-it\nsecond-line-of-it\n"]),
        &redactor,
        &Config::new(),
    );
    assert_eq!(lines, ["[REDACTED]", "[REDACTED]"]);
}

/// A line is cut at 8 KiB: a secret that lies across that place must not be told by half, wherever
/// it begins; and what is escaped in a line is no longer what it was.
#[test]
fn a_secret_at_the_cut_of_a_line_is_not_told_by_half() {
    let secret = "s3cret-\tvalue-of-some-length";
    let redactor = redactor(&[secret]);
    for before in spread((8160..8200).chain(65_500..65_540)) {
        let text = format!("{}{secret} and more", ".".repeat(before));
        let config = Config::new().set("message", text.as_str());
        let config = config.set(
            "attrs",
            vec![json!({"key": "k", "value": text, "type": "string"})],
        );
        let (message, attrs) = told(&logger(), &redactor, &config).remove(0);
        let printed = messages(&printer(&[&text]), &redactor, &Config::new()).concat();
        for told in [&message, &attrs[0], &printed] {
            assert!(told.len() < 9_000 && !told.contains("s3"), "{before}");
        }
    }
    // Even where hiding others has made room for the last bytes of a line that was too long.
    let text = format!(
        "{}{}",
        format!("{secret} ").repeat(2_339),
        "s3cret-\tvalue-of-some-length"
    );
    let printed = messages(&printer(&[&text]), &redactor, &Config::new()).concat();
    assert!(!printed.contains("s3"));
}

#[test]
fn attributes_of_log_lines_have_places_too() {
    let redactor = builder(&["hunter2"]).path("password").build().unwrap();
    let attr = |key: &str, value: &str| json!({"key": key, "value": value, "type": "string"});
    let config = Config::new().set("message", "login with hunter2").set(
        "attrs",
        vec![
            attr("password", "x"),
            attr("user", "hunter2"),
            attr("n", "7"),
        ],
    );
    let (message, attrs) = told(&logger(), &redactor, &config).remove(0);
    assert_eq!(message, "login with [REDACTED]");
    assert_eq!(attrs, ["[REDACTED]", "[REDACTED]", "7"]);
}

#[test]
fn errors_and_denials_quote_no_secret() {
    let redactor = redactor(&["hunter2"]);
    let runtime = Runtime::builder()
        .redactor(redactor.clone())
        .build()
        .unwrap();
    for answer in [r#"{"status":"hunter2"}"#, r#"{"data":"hunter2"}"#] {
        let plugin = Guest::answering(answer).load_in(&Runtime::new().unwrap());
        let clear = plugin.observe(&Config::new()).unwrap_err().report();
        assert!(clear.contains("hunter2"), "{clear}");
        let runtime = Runtime::builder()
            .redactor(redactor.clone())
            .build()
            .unwrap();
        let plugin = Guest::answering(answer).load_in(&runtime);
        let error = plugin.observe(&Config::new()).unwrap_err();
        assert!(matches!(error, Error::Protocol { .. }));
        let text = format!("{error} {error:?}");
        assert!(
            !text.contains("hunter2") && text.contains("[REDACTED]"),
            "{text}"
        );
    }
    let panic = r#"{"Status":false,"Error":{"message":"panic: hunter2","type":"panic","code":""}}"#;
    let guest = Guest {
        describe: support::text_at(8192, panic.len()),
        more: data(8192, panic),
        ..Guest::default()
    };
    let error = guest.load_in(&runtime).describe().unwrap_err().report();
    assert!(error.contains("panic: [REDACTED]"), "{error}");

    let denials = Arc::new(Mutex::new(String::new()));
    let sink = denials.clone();
    let runtime = Runtime::builder()
        .redactor(redactor)
        .on_event(move |_, event| *sink.lock().unwrap() += &format!("{event:?}"))
        .build()
        .unwrap();
    let plugin = Guest::relay("fs_read").load_in(&runtime);
    let config = Config::new().set("path", "/srv/hunter2/file");
    // The guest itself is told in clear: it knows what it asked.
    let seen = plugin.observe(&config).unwrap().evidence;
    assert!(!serde_json::to_string(&seen).unwrap().contains("hunter2"));
    let denials = denials.lock().unwrap();
    assert!(
        denials.contains("/srv/[REDACTED]/file") && !denials.contains("hunter2"),
        "{denials}"
    );
}

/// A replay shows what was recorded, and what a plugin did instead.
#[test]
fn replays_and_comparisons_show_no_secret() {
    let config = Config::new().set("path", "/srv/hunter2-hunter2/file");
    let plain = Guest::relay("fs_read").load();
    let recorded = plain.observe_recorded(&config, Vec::new()).unwrap().sink;
    assert!(String::from_utf8_lossy(&recorded).contains("hunter2-hunter2"));
    let replay = Replay::read(recorded).unwrap();
    let runtime = Runtime::builder()
        .redactor(redactor(&["hunter2-hunter2"]))
        .build()
        .unwrap();
    let other = Guest::default().load_in(&runtime);
    let comparison = replay.compare(&other).unwrap();
    let divergence = replay.run(&other).unwrap_err();
    for text in [
        format!("{comparison:?}"),
        format!("{divergence} {divergence:?}"),
    ] {
        assert!(
            text.contains("[REDACTED]") && !text.contains("hunter2"),
            "{text}"
        );
    }
}

/// What a function of the embedder's is asked and answers is JSON of any shape.
#[test]
fn transcripts_hide_keys_and_numbers_of_custom_functions() {
    let text = Guest::relay("fs_read").wat();
    let text = text.replace("\"reglet_host\" \"fs_read\"", "\"store\" \"get\"");
    let runtime = Runtime::builder()
        .host_function("store", "get", "kv", |asked: Value, _| {
            Ok::<_, HostError>(json!({"got": asked}))
        })
        .grant("odd", "kv:get".parse().unwrap())
        .redactor(redactor(&["hunter2-hunter2", "12345678"]))
        .build()
        .unwrap();
    let plugin = runtime.load("odd", wat::parse_str(text).unwrap()).unwrap();
    let config = Config::new().set("hunter2-hunter2", json!({"pin": 12345678}));
    let recording = plugin.observe_recorded(&config, Vec::new()).unwrap();
    let evidence = recording.outcome.unwrap().evidence;
    assert!(evidence.status, "{evidence:?}");
    let text = String::from_utf8(recording.sink).unwrap();
    assert!(
        text.contains("\"kv\"") && text.contains("[REDACTED]"),
        "{text}"
    );
    assert!(
        !text.contains("hunter2") && !text.contains("12345678"),
        "{text}"
    );
}

mod properties {
    use super::redactor;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(crate::support::tenth(200)))]

        /// Whatever surrounds them, and however they overlap.
        #[test]
        fn no_tracked_value_survives(
            values in proptest::collection::vec("[ab\u{e9}]{4,8}", 1..4),
            text in proptest::collection::vec("[ab\u{e9}]{1,9}", 0..12),
        ) {
            let tracked: Vec<&str> = values.iter().map(String::as_str).collect();
            let hidden = redactor(&tracked).redact(&text.concat());
            for value in tracked {
                prop_assert!(!hidden.contains(value), "{hidden}");
            }
        }

        /// Any text is survived; hiding twice changes nothing.
        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            let redactor = redactor(&["four words of chance"]);
            let once = redactor.redact(&text);
            prop_assert_eq!(redactor.redact(&once), once);
        }
    }
}
