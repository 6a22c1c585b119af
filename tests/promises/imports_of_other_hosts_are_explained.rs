//! A module that was built for another host is refused with what its imports are and how to build it
//! without them: once, however many there are. The imports here are those of real compilers.

use crate::support;

use proptest::prelude::*;
use support::Guest;
use tollgate::{Error, HostError, LoadError, Problem, Runtime, inspect::Foreign};

/// The problems of loading a plugin that has these imports.
fn problems(imports: &str) -> Vec<Problem> {
    let guest = Guest {
        imports: Box::leak(imports.to_owned().into_boxed_str()),
        ..Guest::default()
    };
    match Runtime::new().unwrap().load("odd", guest.bytes()) {
        Err(Error::Load {
            problem: LoadError::Contract(problems),
            ..
        }) => problems,
        other => panic!("{imports}: {other:?}"),
    }
}

/// Functions of a module in the text format, without parameters.
fn functions(module: &str, names: &[&str]) -> String {
    let one = |name: &&str| format!("(import \"{module}\" \"{name}\" (func))");
    names.iter().map(one).collect()
}

fn foreign(problems: &[Problem]) -> Vec<&Foreign> {
    let foreign = problems.iter().map(|problem| match problem {
        Problem::Foreign(foreign) => foreign,
        other => panic!("{other}"),
    });
    foreign.collect()
}

/// Imports, how many there are, what the error calls them, and a flag that it names.
fn cases() -> Vec<(String, usize, &'static str, &'static str)> {
    let one = str::to_owned;
    vec![
        // emcc -sSTANDALONE_WASM --no-entry, with setjmp
        (
            functions(
                "env",
                &["invoke_vii", "_emscripten_throw_longjmp", "getTempRet0"],
            ),
            2,
            "C++ exceptions or setjmp",
            "-sSUPPORT_LONGJMP=0",
        ),
        // em++ -fexceptions
        (
            functions(
                "env",
                &[
                    "invoke_iii",
                    "invoke_viii",
                    "__cxa_find_matching_catch_3",
                    "__cxa_free_exception",
                    "llvm_eh_typeid_for",
                    "__cxa_begin_catch",
                    "__resumeException",
                ],
            ),
            7,
            "C++ exceptions",
            "-fno-exceptions",
        ),
        // emcc -o NAME.js
        (
            functions("env", &["emscripten_memcpy_big", "emscripten_resize_heap"]),
            2,
            "Emscripten",
            "-sSTANDALONE_WASM",
        ),
        (
            functions(
                "env",
                &["__syscall_open", "__syscall_fcntl64", "__syscall_ioctl"],
            ),
            3,
            "file system is JavaScript",
            "-target wasm32-wasi",
        ),
        (
            functions("a", &["a", "b", "c"]),
            3,
            "Emscripten",
            "-sSTANDALONE_WASM",
        ),
        (functions("env", &["abort"]), 1, "Emscripten", "--no-entry"),
        // emcc -sSIDE_MODULE, zig -fPIC -shared
        (
            one(r#"(import "env" "__stack_pointer" (global (mut i32)))
                (import "env" "__memory_base" (global i32))
                (import "env" "__indirect_function_table" (table 0 funcref))
                (import "GOT.mem" "errno" (global (mut i32)))
                (import "GOT.func" "main" (global (mut i32)))"#)
                + &functions("env", &["malloc", "free"]),
            5,
            "position-independent",
            "-fPIC",
        ),
        (
            one(r#"(import "env" "table" (table 0 funcref))"#),
            1,
            "a table that the host has to provide",
            "--import-table",
        ),
        // asc
        (
            one(r#"(import "env" "abort" (func (param i32 i32 i32 i32)))"#),
            1,
            "AssemblyScript calls when it fails",
            "--use abort=",
        ),
        (
            one(r#"(import "env" "seed" (func (result f64)))
                (import "env" "console.log" (func (param i32)))
                (import "env" "Date.now" (func (result f64)))"#),
            3,
            "AssemblyScript's JavaScript",
            "--exportStart _initialize",
        ),
        // cargo build --target wasm32-unknown-unknown, with js-sys
        (
            functions(
                "__wbindgen_placeholder__",
                &["__wbg_now_79ca6c7d9f1e34a4", "__wbindgen_describe"],
            ) + &functions(
                "__wbindgen_externref_xform__",
                &["__wbindgen_externref_table_grow"],
            ),
            3,
            "placeholders of wasm-bindgen",
            "--target wasm32-wasip1",
        ),
        // the same after wasm-bindgen, for bundlers and for the web
        (
            functions("./plugin_bg.js", &["__wbg_now_79ca6c7d9f1e34a4"])
                + &functions("wbg", &["__wbindgen_throw"]),
            2,
            "placeholders of wasm-bindgen",
            "cargo tree",
        ),
        // GOOS=js
        (
            functions("gojs", &["runtime.wasmExit", "syscall/js.valueGet"]),
            2,
            "Go's JavaScript",
            "-buildmode=c-shared",
        ),
        (
            functions("wasi_unstable", &["fd_write", "proc_exit"]),
            2,
            "before preview 1",
            "wasm32-wasip1",
        ),
        (
            functions("wasi", &["thread-spawn"]),
            1,
            "threads",
            "-pthread",
        ),
        (
            functions("wasix_32v1", &["fd_dup", "thread_spawn_v2"]),
            2,
            "WASIX",
            "wasm32-wasip1",
        ),
        (
            functions("extism:host/env", &["input_length", "alloc"])
                + &functions("extism:host/user", &["lookup"]),
            3,
            "Extism",
            "tollgate new",
        ),
        (
            functions("env", &["proxy_log", "proxy_set_buffer_bytes"]),
            2,
            "proxy-wasm",
            "tollgate new",
        ),
        (
            functions("wasi:cli/environment@0.2.0", &["get-arguments"])
                + &functions("wasi:io/streams@0.2.0", &["[method]input-stream.read"])
                + &functions("example:thing/api", &["run"]),
            3,
            "component model",
            "--target wasm32-wasip1",
        ),
    ]
}

#[test]
fn each_host_is_named_once_with_the_flag() {
    for (imports, count, what, flag) in cases() {
        let problems = problems(&imports);
        let [one] = foreign(&problems)[..] else {
            panic!("{imports}: {problems:?}");
        };
        assert_eq!(one.others + 1, count, "{imports}: {one}");
        assert!(one.what.contains(what), "{imports}: {one}");
        assert!(one.fix.contains(flag), "{imports}: {}", one.fix);
        let message = problems[0].to_string();
        assert_eq!(message, format!("{one}; {}", one.fix));
        assert!(message.starts_with("imports "), "{message}");
    }
}

#[test]
fn an_imported_memory_is_named_and_not_as_a_missing_export() {
    let guest = Guest {
        memory: r#"(import "env" "memory" (memory 2))"#,
        ..Guest::default()
    };
    let error = Runtime::new()
        .unwrap()
        .load("odd", guest.bytes())
        .unwrap_err();
    let message = error.report();
    assert!(
        message.contains("imports env.memory: a memory that the host has to provide")
            && message.contains("--import-memory"),
        "{message}"
    );
    assert!(!message.contains("does not export"), "{message}");
    // A dynamic library's memory is part of what it is.
    let guest = Guest {
        imports: r#"(import "env" "__memory_base" (global i32))"#,
        memory: r#"(import "env" "memory" (memory 2))"#,
        ..Guest::default()
    };
    let error = Runtime::new()
        .unwrap()
        .load("odd", guest.bytes())
        .unwrap_err();
    let message = error.report();
    assert!(message.contains("position-independent"), "{message}");
    assert!(!message.contains("has to provide"), "{message}");
}

/// The linker of Emscripten returns 64-bit numbers in halves, which looks like the oldest protocol.
#[test]
fn halved_numbers_are_not_taken_for_an_old_protocol() {
    let text = r#"(module (import "env" "setTempRet0" (func (param i32)))
        (memory (export "memory") 1)
        (func (export "allocate") (param i32) (result i32) (i32.const 0))
        (func (export "describe") (result i32) (i32.const 0))
        (func (export "observe") (param i32 i32) (result i32) (i32.const 0)))"#;
    let bytes = wat::parse_str(text).unwrap();
    let error = Runtime::new().unwrap().load("odd", bytes).unwrap_err();
    let message = error.report();
    assert!(
        message.contains("64-bit numbers in two halves"),
        "{message}"
    );
    assert!(!message.contains("before 0.2"), "{message}");
}

#[test]
fn what_is_offered_is_listed_once_for_each_module() {
    let all = problems(&functions(
        "reglet_host",
        &["fs_erase", "fs_burn", "fs_lose"],
    ));
    let lists = all
        .iter()
        .map(|problem| problem.to_string().matches("it offers").count());
    assert_eq!(lists.collect::<Vec<_>>(), [1, 0, 0], "{all:?}");
}

/// An embedder may have a module whose name looks like another host's.
#[test]
fn modules_of_the_embedder_are_no_other_hosts() {
    let guest = Guest {
        imports: r#"(import "wasi:kv/store" "put" (func (param i64) (result i64)))"#,
        ..Guest::default()
    };
    let function = |key: String, _: &tollgate::HostCall<'_>| Ok::<String, HostError>(key);
    let builder = Runtime::builder().host_function("wasi:kv/store", "get", "kv", function);
    let runtime = builder.build().unwrap();
    let message = runtime.load("odd", guest.bytes()).unwrap_err().report();
    let expected = "imports wasi:kv/store.put, which this host does not offer (it offers get)";
    assert!(message.contains(expected), "{message}");
}

/// Emscripten's modules that grow their memory call this.
#[test]
fn notices_of_memory_growth_do_nothing() {
    const IMPORT: &str =
        r#"(import "env" "emscripten_notify_memory_growth" (func $notify (param i32)))"#;
    let evidence = |imports, notify: &str| {
        let answer = support::text_at(256, support::EVIDENCE.len());
        let guest = Guest {
            imports,
            observe: format!("(drop (memory.grow (i32.const 1))) {notify} {answer}"),
            ..Guest::default()
        };
        let seen = guest.load().observe(&tollgate::Config::new()).unwrap();
        serde_json::to_value(seen.evidence).unwrap()
    };
    let with = evidence(IMPORT, "(call $notify (i32.const 0))");
    assert_eq!(with, evidence("", ""));
    // It is tollgate's, and no embedder's.
    let name = "emscripten_notify_memory_growth";
    let function = |_: u32, _: &tollgate::HostCall<'_>| Ok::<u32, HostError>(0);
    let builder = Runtime::builder().host_function("env", name, "kv", function);
    let message = builder.build().unwrap_err().report();
    assert!(message.contains("it is there already"), "{message}");
}

#[test]
fn a_component_is_named_with_the_target_to_build_for() {
    let component = b"\0asm\x0d\0\x01\0";
    let error = Runtime::new().unwrap().load("odd", component).unwrap_err();
    let message = error.report();
    for part in ["WebAssembly component", "--target wasm32-wasip1"] {
        assert!(message.contains(part), "{message}");
    }
    #[cfg(feature = "cli")]
    {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("odd.wasm");
        std::fs::write(&path, component).unwrap();
        let arguments = ["check", path.to_str().unwrap()];
        let output = support::program::tollgate(&arguments).output().unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        let fix = LoadError::Component.fix().unwrap().1;
        assert!(said.contains(&format!("fix: {fix}")), "{said}");
        assert_eq!(said.matches("--target wasm32-wasip1").count(), 1, "{said}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// Whatever is imported, each import is accounted for: on its own or as one of several.
    #[test]
    fn no_import_is_forgotten(
        imports in prop::collection::btree_set(
            (prop::sample::select(vec!["env", "wasi_unstable", "wbg", "other", "a:b/c", "go"]),
             prop::sample::select(vec!["invoke_v", "emscripten_x", "abort", "__syscall_x", "seed", "x", "y"])),
            1..12,
        )
    ) {
        let text: String = imports.iter().map(|(module, name)| functions(module, &[name])).collect();
        let problems = problems(&text);
        let counted: usize = problems.iter().map(|problem| match problem {
            Problem::Foreign(foreign) => foreign.others + 1,
            _ => 1,
        }).sum();
        prop_assert_eq!(counted, imports.len(), "{:?}", problems);
    }
}

#[cfg(feature = "cli")]
#[test]
fn check_names_the_flag_as_the_fix() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("odd.wat");
    for (imports, _, what, flag) in cases() {
        let guest = Guest {
            imports: Box::leak(imports.into_boxed_str()),
            ..Guest::default()
        };
        std::fs::write(&path, guest.wat()).unwrap();
        let path = path.to_str().unwrap();
        let output = support::program::tollgate(&["check", path, "--format", "json"])
            .output()
            .unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = report["findings"].as_array().unwrap();
        let errors: Vec<_> = findings
            .iter()
            .filter(|it| it["severity"] == "error")
            .collect();
        let [error] = errors[..] else {
            panic!("{report}");
        };
        let text = |key: &str| error[key].as_str().unwrap();
        assert!(text("message").contains(what), "{error}");
        assert!(text("fix").contains(flag), "{error}");
        assert!(!text("message").contains(text("fix")), "{error}");
    }
}
