//! `tollgate check` reports errors and warnings about a plugin, each with a fix,
//! and ends with a code that says which.

#![cfg(feature = "cli")]

use serde_json::Value;
use std::{fs, process::Command};

/// Says of itself what a plugin should, wants nothing, and answers always the same.
struct Module {
    imports: String,
    info: String,
    schema: Option<String>,
    allocate: String,
    deallocate: Option<&'static str>,
    observe: String,
    more: String,
}

impl Default for Module {
    fn default() -> Module {
        Module {
            imports: String::new(),
            info: r#"{"name":"m","version":"1","description":"d","capabilities":[]}"#.into(),
            schema: Some(r#"{"type":"object"}"#.into()),
            allocate: "(i32.const 65536)".into(),
            deallocate: Some("(export \"deallocate\")"),
            observe: "(i64.const 0x3000_0000_000f)".into(),
            more: String::new(),
        }
    }
}

impl Module {
    fn text(&self) -> String {
        let quoted = |text: &str| text.replace('\\', "\\5c").replace('"', "\\22");
        let answer = |at: u64, text: &str| at << 32 | text.len() as u64;
        let schema = self.schema.as_deref().unwrap_or_default();
        let schema_export = self.schema.as_ref().map_or("", |_| "(export \"schema\")");
        format!(
            r#"(module {imports}
              (memory (export "memory") 4)
              (data (i32.const 0x1000) "{info}") (data (i32.const 0x2000) "{schema}")
              (data (i32.const 0x3000) "{{\22status\22:true}}")
              (func (export "describe") (result i64) (i64.const {info_at}))
              (func {schema_export} (result i64) (i64.const {schema_at}))
              (func (export "allocate") (param i32) (result i32) {allocate})
              (func {deallocate} (param i32 i32))
              (func (export "observe") (param i32 i32) (result i64) {observe})
              {more})"#,
            imports = self.imports,
            info = quoted(&self.info),
            schema = quoted(schema),
            info_at = answer(0x1000, &self.info),
            schema_at = answer(0x2000, schema),
            allocate = self.allocate,
            deallocate = self.deallocate.unwrap_or_default(),
            observe = self.observe,
            more = self.more,
        )
    }
}

/// The exit code, and each finding as severity, check, message.
fn check(text: &str, more: &[&str]) -> (i32, Vec<[String; 3]>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("m.wat");
    fs::write(&path, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .arg("check")
        .arg(&path)
        .args(["--format", "json"])
        .args(more)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let code = output.status.code().unwrap();
    assert_eq!(report["ok"], code == 0);
    assert_eq!(report["plugin"], "m");
    let findings = report["findings"].as_array().unwrap().iter();
    let findings = findings.map(|finding| {
        let fix = finding["fix"].as_str().unwrap();
        assert!(
            finding["severity"] == "note" || !fix.is_empty(),
            "{finding}"
        );
        ["severity", "check", "message"].map(|key| finding[key].as_str().unwrap().to_owned())
    });
    (code, findings.collect())
}

fn finds(module: &Module, code: i32, wanted: [&str; 3]) {
    let (found_code, findings) = check(&module.text(), &[]);
    let [severity, check, message] = wanted;
    let hit = findings
        .iter()
        .any(|[s, c, m]| s == severity && c == check && m.contains(message));
    assert!(hit, "{wanted:?} is not in {findings:?}");
    assert_eq!(found_code, code, "{findings:?}");
}

#[test]
fn a_plugin_without_fault_has_no_findings() {
    assert_eq!(check(&Module::default().text(), &[]), (0, vec![]));
}

#[test]
fn what_a_host_would_refuse_is_named_all_at_once() {
    let (code, findings) = check(
        r#"(module (import "env" "memcpy" (func (param i32)))
             (import "reglet_host" "env_get" (func (param i32)))
             (memory 1)
             (func (export "describe") (result i64) (i64.const 0))
             (func (export "observe") (param i32) (result i64) (i64.const 0)))"#,
        &[],
    );
    assert_eq!(code, 3);
    for message in [
        "exports observe as (i32) -> i64",
        "does not export memory",
        "does not export allocate",
        "imports env.memcpy",
        "imports reglet_host.env_get as (i32) -> ()",
    ] {
        let hit = findings.iter().any(|[severity, check, found]| {
            severity == "error" && check == "contract" && found.contains(message)
        });
        assert!(hit, "{message} is not in {findings:?}");
    }
    let (code, findings) = check("(module (func (i32.add)))", &[]);
    assert_eq!((code, findings[0][1].as_str()), (3, "module"));
}

#[test]
fn what_it_says_of_itself_is_judged() {
    let info = |info: &str| Module {
        info: info.into(),
        ..Module::default()
    };
    finds(&info("nonsense"), 3, ["error", "describe", ""]);
    let nameless = info(r#"{"version":"1","description":"d"}"#);
    finds(&nameless, 1, ["warning", "describe", "has no name"]);
    for (kind, pattern, severity, why) in [
        ("fs", "read:**", "warning", "high risk"),
        ("exec", "/bin/sh", "warning", "high risk"),
        (
            "exec",
            "/usr/bin/*",
            "warning",
            "every wildcard for commands is high risk",
        ),
        (
            "exec",
            "/bin/sh -c *",
            "warning",
            "words of the plugin's choice",
        ),
        ("exec", "/bin/sh -c uptime", "note", "with fixed arguments"),
        ("exec", "/bin/ls -l*", "warning", "no grant can match"),
        ("fs", "/etc/hosts", "warning", "no grant can match"),
        ("kv", "get", "note", "only some hosts"),
    ] {
        let module = info(&format!(
            r#"{{"name":"m","version":"1","description":"d","capabilities":[{{"kind":"{kind}","pattern":"{pattern}"}}]}}"#
        ));
        finds(
            &module,
            i32::from(severity == "warning"),
            [severity, "capability", why],
        );
    }
    let undeclared = Module {
        imports: r#"(import "reglet_host" "http_request" (func (param i64) (result i64)))"#.into(),
        ..Module::default()
    };
    finds(
        &undeclared,
        0,
        ["note", "capability", "no capability of kind network"],
    );
}

#[test]
fn the_schema_is_judged() {
    let schema = |schema: Option<&str>| Module {
        schema: schema.map(Into::into),
        ..Module::default()
    };
    finds(&schema(None), 1, ["warning", "schema", "has no schema"]);
    finds(&schema(Some("{\"type\":")), 3, ["error", "schema", ""]);
    finds(&schema(Some("{}")), 1, ["warning", "schema", "an object"]);
    let field = schema(Some(r#"{"type":"object","properties":{"a":{}}}"#));
    finds(&field, 0, ["note", "schema", "does not describe a"]);
}

#[test]
fn memory_that_is_not_used_again_is_a_leak() {
    let leaking = Module {
        // Every buffer is behind the one before, in memory that grows.
        allocate: r#"(local $at i32)
            (local.set $at (global.get $top))
            (global.set $top (i32.add (local.get $at) (local.get 0)))
            (block $room (loop $grow
              (br_if $room (i32.le_u (global.get $top) (i32.shl (memory.size) (i32.const 16))))
              (drop (memory.grow (i32.const 1)))
              (br $grow)))
            (local.get $at)"#
            .into(),
        more: "(global $top (mut i32) (i32.const 65536))".into(),
        ..Module::default()
    };
    finds(&leaking, 1, ["warning", "leak", "not reused"]);
    let trapping = Module {
        allocate: "unreachable".into(),
        ..Module::default()
    };
    finds(&trapping, 3, ["error", "leak", ""]);
    let without = Module {
        deallocate: None,
        ..Module::default()
    };
    finds(&without, 1, ["warning", "deallocate", "does not export"]);
}

#[test]
fn evidence_that_depends_on_chance_is_found() {
    // `{"data":{"a":"` ends where eight letters begin, which are made of random bytes.
    let chance = Module {
        imports: r#"(import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))"#.into(),
        observe: r#"(local $at i32)
            (drop (call $random (i32.const 0x3020) (i32.const 8)))
            (local.set $at (i32.const 0x3020))
            (loop $letters
              (i32.store8 (local.get $at)
                (i32.add (i32.const 97) (i32.and (i32.load8_u (local.get $at)) (i32.const 15))))
              (local.set $at (i32.add (local.get $at) (i32.const 1)))
              (br_if $letters (i32.lt_u (local.get $at) (i32.const 0x3028))))
            (i64.const 0x3012_0000_0019)"#
            .into(),
        more: r#"(data (i32.const 0x3012) "{\22data\22:{\22a\22:\22") (data (i32.const 0x3028) "\22}}")"#.into(),
        ..Module::default()
    };
    finds(&chance, 1, ["warning", "determinism", "the empty config"]);
}

#[test]
fn a_plugin_that_gives_no_evidence_is_found_also_with_a_config_of_yours() {
    let trapping = Module {
        observe: "unreachable".into(),
        ..Module::default()
    };
    finds(&trapping, 1, ["warning", "observe", "the empty config"]);
    // Traps on any config longer than `{}`.
    let picky = Module {
        observe: "(if (i32.gt_u (local.get 1) (i32.const 2)) (then unreachable)) (i64.const 0x3000_0000_000f)".into(),
        ..Module::default()
    };
    assert_eq!(check(&picky.text(), &[]).0, 0);
    let (code, findings) = check(&picky.text(), &["--config", r#"{"a":1}"#]);
    assert_eq!(code, 1);
    assert!(findings[0][2].contains("the config given"), "{findings:?}");
}

#[test]
fn people_read_words_and_bad_input_is_code_2() {
    let tollgate = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        command.arg("check").args(arguments).output().unwrap()
    };
    let output = tollgate(&["fixtures/file/file.wasm"]);
    let words = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        words.starts_with("warning: capability: declares fs:read:**"),
        "{words}"
    );
    assert!(words.contains("\n  fix: "), "{words}");
    assert!(
        words
            .trim_end()
            .ends_with("file: 0 errors, 1 warning, 0 notes"),
        "{words}"
    );
    assert_eq!(tollgate(&["no/such.wasm"]).status.code(), Some(2));
    let bad = tollgate(&["fixtures/hello/hello.wasm", "--config", "[1]"]);
    assert_eq!(bad.status.code(), Some(2));
    assert_eq!(
        tollgate(&["fixtures/hello/hello.wasm"]).status.code(),
        Some(0)
    );
}

/// The advice is about the proposal, and is not given for what is supported.
#[test]
fn proposals_that_are_not_enabled_are_named_with_a_fix() {
    let plugin = |more: &str| {
        let module = Module {
            more: more.into(),
            ..Module::default()
        };
        check(&module.text(), &[])
    };
    let (code, findings) = plugin("(func (atomic.fence))");
    assert_eq!(code, 3, "{findings:?}");
    let [severity, check, message] = &findings[0];
    assert_eq!((severity.as_str(), check.as_str()), ("error", "module"));
    assert!(
        message.starts_with("threads are not enabled (in function"),
        "{message}"
    );
    for supported in [
        "(func (drop (v128.const i64x2 0 0)))",
        "(func $f (return_call $f))",
    ] {
        assert_eq!(plugin(supported).0, 0, "{supported}");
    }
}
