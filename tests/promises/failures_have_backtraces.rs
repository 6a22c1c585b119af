//! A call that fails says where: the functions and lines that were running, in each language of plugins, for
//! each way to be stopped. A runtime that is not asked for backtraces does not look for them.

use crate::support::marks::marked;
use std::fs;
use tollgate::{Config, Error, Limits, Plugin, Runtime, RuntimeBuilder};

const FUEL: u64 = 50_000_000;

fn builder() -> RuntimeBuilder {
    let limits = Limits {
        fuel: FUEL.into(),
        ..Limits::default()
    };
    Runtime::builder().limits(limits)
}

fn load(builder: RuntimeBuilder, name: &str) -> Plugin {
    let module = fs::read(format!("fixtures/{name}/{name}.wasm")).unwrap();
    builder.build().unwrap().load(name, module).unwrap()
}

fn config(how: &str) -> Config {
    Config::new().set("how", how)
}

/// The source of a fixture.
fn source(name: &str) -> String {
    let file = match name {
        "fails-c" => "plugin.c",
        "fails-as" => "plugin.ts",
        "fails-rust" => "src/lib.rs",
        _ => "fails.go",
    };
    format!("fixtures/{name}/{file}")
}

/// The marked lines that the backtrace of a failure contains, the innermost first.
fn check(name: &str, error: &Error, marks: &[&str]) {
    let backtrace = error.backtrace();
    let backtrace = backtrace.unwrap_or_else(|| panic!("{name}: no backtrace: {}", error.report()));
    let file = source(name);
    let file = file.rsplit('/').next().unwrap();
    let lines = backtrace.frames.iter().filter(|frame| {
        frame
            .file
            .as_ref()
            .is_some_and(|path| path.as_str().ends_with(file))
    });
    let mut lines = lines.filter_map(|frame| frame.line);
    for mark in marks {
        let line = marked(&source(name), mark);
        assert!(
            lines.any(|found| found == line),
            "{name}: {mark}, line {line}, is not in its place in\n{backtrace}"
        );
    }
}

fn failed(plugin: &Plugin, how: &str) -> Error {
    match plugin.observe(&config(how)) {
        Err(error) => error,
        Ok(seen) => panic!("{how}: {:?}", seen.evidence),
    }
}

#[test]
fn traps_and_limits_are_placed_in_c() {
    let plugin = load(builder().backtraces(true), "fails-c");
    let trap = failed(&plugin, "trap");
    check(
        "fails-c",
        &trap,
        &["division", "ratio", "parse_header", "parse"],
    );
    let text = trap.backtrace().unwrap().to_string();
    assert!(text.starts_with("  0: ratio "), "{text}");
    check("fails-c", &failed(&plugin, "loop"), &["loop", "spin"]);
    check(
        "fails-c",
        &failed(&plugin, "recurse"),
        &["recursion", "recursion", "descend"],
    );
    check("fails-c", &failed(&plugin, "memory"), &["hoard"]);
}

#[test]
fn traps_and_limits_are_placed_in_rust() {
    let plugin = load(builder().backtraces(true), "fails-rust");
    check(
        "fails-rust",
        &failed(&plugin, "trap"),
        &["ratio", "parse_header", "parse"],
    );
    check("fails-rust", &failed(&plugin, "loop"), &["loop", "spin"]);
    check(
        "fails-rust",
        &failed(&plugin, "recurse"),
        &["recursion", "recursion", "descend"],
    );
    check(
        "fails-rust",
        &failed(&plugin, "memory"),
        &["memory", "hoard"],
    );
}

/// These compilers write no lines that are read.
#[test]
fn traps_and_limits_have_functions_in_go_and_assemblyscript() {
    for (name, prefix) in [("fails-go", "main."), ("fails-as", "plugin/")] {
        let plugin = load(builder().backtraces(true), name);
        for (how, calls) in [
            ("trap", &["parseHeader", "parse"][..]),
            ("loop", &["spin"]),
            ("recurse", &["descend", "descend"]),
            // Go runs out of memory, or of fuel, in its collector.
            ("memory", if name == "fails-go" { &[] } else { &["hoard"] }),
        ] {
            let error = failed(&plugin, how);
            let backtrace = error
                .backtrace()
                .unwrap_or_else(|| panic!("{name} {how}: {error:?}"));
            let frames = backtrace
                .frames
                .iter()
                .map(|frame| frame.function.to_string());
            let mut frames = frames.filter(|function| function.starts_with(prefix));
            for call in calls {
                let call = format!("{prefix}{call}");
                let is_there = frames.any(|function| function == call);
                assert!(
                    is_there,
                    "{name} {how}: {call} is not in its place in\n{backtrace}"
                );
            }
        }
    }
}

#[test]
fn the_place_of_an_invalid_answer_is_where_the_export_returned() {
    let plugin = r#"(module (memory (export "memory") 1)
        (func (export "allocate") (param i32) (result i32) (i32.const 64))
        (func (export "deallocate") (param i32 i32))
        (func (export "describe") (result i64) (i64.const 0))
        (func (export "schema") (result i64) (i64.const 0))
        (func $answer (result i64) (i64.const 0x00000010_00000004))
        (func (export "observe") (param i32 i32) (result i64) (call $answer)))"#;
    let module = wat::parse_str(plugin).unwrap();
    let runtime = builder().backtraces(true).build().unwrap();
    let plugin = runtime.load("wrong", module).unwrap();
    let error = failed(&plugin, "wrong");
    assert!(matches!(error, Error::Protocol { .. }), "{error:?}");
    let backtrace = error.backtrace().unwrap().to_string();
    assert!(
        backtrace.starts_with("  0: observe   offset 0x"),
        "{backtrace}"
    );
}

#[test]
fn a_runtime_that_is_not_asked_looks_for_no_backtrace() {
    let plugin = load(builder(), "fails-c");
    assert!(failed(&plugin, "trap").backtrace().is_none());
}
