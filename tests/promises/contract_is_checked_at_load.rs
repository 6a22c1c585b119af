//! A module that cannot be a plugin is refused before any of its code runs. The error names what is
//! wrong and what would be right.

use crate::support;

use support::Guest;
use tollgate::{Error, LoadError, MemoryLimit, Problem, Runtime};

fn refusal(bytes: &[u8]) -> LoadError {
    match Runtime::new().unwrap().load("odd", bytes).map(|_| ()) {
        Err(Error::Load { plugin, problem }) if plugin == "odd" => problem,
        other => panic!("{other:?}"),
    }
}

fn refusal_of_text(wat: &str) -> String {
    refusal(&wat::parse_str(wat).unwrap()).to_string()
}

#[test]
fn bytes_that_are_not_wasm() {
    for (bytes, word) in [
        (b"this is not wasm".as_slice(), "magic number"),
        (b"", "no bytes"),
        (b"(module)", "text format"),
        (b"\0asm\x02\0\0\0", "version"),
        (b"\0as", "magic number"),
    ] {
        let message = refusal(bytes).to_string();
        assert!(message.starts_with("failed to compile: these bytes are not a WebAssembly module"));
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn a_component() {
    assert_eq!(refusal(b"\0asm\x0d\0\x01\0"), LoadError::Component);
}

#[test]
fn a_module_that_does_not_compile() {
    let truncated = &Guest::default().bytes()[..100];
    assert!(matches!(refusal(truncated), LoadError::Compile(_)));
    let invalid = wat::parse_str("(module (func (result i32)))").unwrap();
    assert!(
        refusal(&invalid)
            .to_string()
            .starts_with("failed to compile")
    );
    // With a start function the module is rewritten; what is wrong must be found all the same.
    for wat in [
        "(module (func $s (param i32)) (start $s))",
        "(module (func $s) (func (result i32)) (start $s))",
    ] {
        assert!(
            matches!(
                refusal(&wat::parse_str(wat).unwrap()),
                LoadError::Compile(_)
            ),
            "{wat}"
        );
    }
}

#[test]
fn proposals_that_plugins_do_not_need_are_off() {
    for wat in [
        "(module (memory 1) (memory 1))",
        "(module (memory i64 1))",
        "(module (func (return_call 0)))",
        "(module (func (drop (v128.const i64x2 0 0))))",
        "(module (memory 1 1 shared))",
    ] {
        assert!(
            matches!(
                refusal(&wat::parse_str(wat).unwrap()),
                LoadError::Compile(_)
            ),
            "{wat}"
        );
    }
}

#[test]
fn modules_that_are_no_plugins() {
    assert!(refusal_of_text("(module)").contains("not a plugin"));
    let program = Guest {
        more: "(func (export \"_start\"))".into(),
        ..Guest::default()
    };
    assert!(
        refusal(&program.bytes())
            .to_string()
            .contains("exports _start")
    );
    let old = "(module (memory (export \"memory\") 1)
        (func (export \"describe\") (result i32) (i32.const 0))
        (func (export \"observe\") (param i32 i32) (result i32) (i32.const 0)))";
    assert!(
        refusal_of_text(old).contains("protocol before 0.2"),
        "{}",
        refusal_of_text(old)
    );
}

#[test]
fn missing_and_mistyped_exports_are_all_named() {
    let message =
        refusal_of_text("(module (func (export \"observe\") (result i64) (i64.const 0)))");
    for part in [
        "does not export describe, which must be () -> i64",
        "exports observe as () -> i64, and it must be (i32, i32) -> i64",
        "does not export memory, which must be a memory",
        "does not export allocate, which must be (i32) -> i32",
    ] {
        assert!(message.contains(part), "{message}");
    }
    let initialize = Guest {
        more: "(func (export \"_initialize\") (param i32))".into(),
        ..Guest::default()
    };
    let message = refusal(&initialize.bytes()).to_string();
    assert!(message.contains("exports _initialize as (i32) -> (), and it must be () -> ()"));
}

#[test]
fn unknown_and_mistyped_imports_are_named_with_what_there_is() {
    for (import, parts) in [
        (
            "(import \"reglet_host\" \"fs_erase\" (func (param i64) (result i64)))",
            vec![
                "reglet_host.fs_erase",
                "it offers",
                "fs_read",
                "log_message",
            ],
        ),
        (
            "(import \"env\" \"print\" (func))",
            vec!["env.print", "module reglet_host"],
        ),
        (
            "(import \"reglet_host\" \"fs_read\" (func (param i32) (result i64)))",
            vec!["reglet_host.fs_read as (i32) -> i64", "(i64) -> i64"],
        ),
        (
            "(import \"reglet_host\" \"fs_read\" (global i32))",
            vec!["as a global"],
        ),
    ] {
        let message = refusal(
            &Guest {
                imports: import,
                ..Guest::default()
            }
            .bytes(),
        )
        .to_string();
        for part in parts {
            assert!(message.contains(part), "{message}");
        }
    }
}

#[test]
fn one_function_may_be_imported_twice() {
    let twice = "(import \"reglet_host\" \"fs_stat\" (func (param i64) (result i64)))
                 (import \"reglet_host\" \"fs_stat\" (func (param i64) (result i64)))";
    Guest {
        imports: twice,
        ..Guest::default()
    }
    .load();
}

#[test]
fn a_minimum_above_the_limit_is_an_error_of_loading() {
    let limit = MemoryLimit::from_megabytes(1).unwrap();
    let runtime = Runtime::builder().memory_limit(limit).build().unwrap();
    let guest = Guest {
        memory: "(memory (export \"memory\") 17)",
        ..Guest::default()
    };
    match runtime.load("odd", guest.bytes()).map(|_| ()) {
        Err(Error::Load {
            problem: LoadError::Contract(problems),
            ..
        }) => {
            assert_eq!(problems, [Problem::MemoryMinimum { pages: 17, limit }]);
        }
        other => panic!("{other:?}"),
    }
    let table = Guest {
        more: "(table 2000000 funcref)".into(),
        ..Guest::default()
    };
    assert!(
        refusal(&table.bytes())
            .to_string()
            .contains("tables of 2000000 elements")
    );
}

#[test]
fn data_outside_memory_fails_when_it_runs() {
    let guest = Guest {
        more: support::data(200_000, "x"),
        ..Guest::default()
    };
    let message = support::failure(&guest.load());
    assert!(
        message.starts_with("plugin odd: instantiation trapped"),
        "{message}"
    );
}

#[test]
fn deallocate_and_schema_are_optional() {
    let wat = Guest::default()
        .wat()
        .replace("(func (export \"deallocate\") (param i32 i32))", "")
        .replace("(func (export \"schema\")", "(func");
    let plugin = Runtime::new()
        .unwrap()
        .load("odd", wat::parse_str(wat).unwrap())
        .unwrap();
    assert!(plugin.observe(&tollgate::Config::new()).is_ok());
    let message = plugin.schema().unwrap_err().report();
    assert_eq!(
        message,
        "plugin odd: schema() is not exported by the plugin"
    );
}
