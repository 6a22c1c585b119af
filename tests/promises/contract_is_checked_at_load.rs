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

/// Each proposal that is not enabled, in a section or a function.
const NOT_ENABLED: &[(&str, &str)] = &[
    ("multi-memory", "(memory 1) (memory 1)"),
    (
        "multi-memory",
        "(memory 1) (memory $b 1) (func (drop (memory.size $b)))",
    ),
    ("memory64", "(memory i64 1)"),
    ("memory64", "(table i64 1 funcref)"),
    ("threads", "(memory 1 1 shared)"),
    (
        "threads",
        "(memory 1) (func (drop (i32.atomic.load (i32.const 0))))",
    ),
    ("threads", "(func (atomic.fence))"),
    ("custom page sizes", "(memory 1 (pagesize 1))"),
    ("exceptions", "(tag $t)"),
    (
        "exceptions",
        "(type $f (func)) (func (block (try_table (catch_all 0))))",
    ),
    ("exceptions", "(func (local exnref))"),
    (
        "wide arithmetic",
        "(func (i64.mul_wide_s (i64.const 1) (i64.const 1)) drop drop)",
    ),
    (
        "typed function references",
        "(type $f (func)) (func (param (ref $f)) (call_ref $f (local.get 0)))",
    ),
    (
        "typed function references",
        "(func $f) (elem declare func $f) (func (drop (ref.as_non_null (ref.func $f))))",
    ),
    (
        "typed function references",
        "(func $f) (table 1 funcref (ref.func $f))",
    ),
    ("garbage collection", "(type $s (struct (field i32)))"),
    ("garbage collection", "(type $a (array i8))"),
    ("garbage collection", "(func (param anyref))"),
    (
        "garbage collection",
        "(func (drop (ref.i31 (i32.const 1))))",
    ),
    ("stack switching", "(type $f (func)) (type $c (cont $f))"),
    (
        "relaxed SIMD",
        "(func (param v128) (drop (f32x4.relaxed_min (local.get 0) (local.get 0))))",
    ),
];

#[test]
fn proposals_that_are_not_enabled_are_named() {
    for (proposal, wat) in NOT_ENABLED {
        let module = wat::parse_str(format!("(module {wat})")).unwrap();
        match refusal(&module) {
            LoadError::NotEnabled {
                proposal: found, ..
            } => {
                // Relaxed SIMD is part of SIMD, which is named where it is not enabled.
                let named = match *proposal {
                    "relaxed SIMD" if cfg!(not(feature = "simd")) => "SIMD",
                    proposal => proposal,
                };
                assert_eq!(found, named, "{wat}");
            }
            other => panic!("{wat}: {other}"),
        }
    }
}

#[cfg(not(feature = "simd"))]
#[test]
fn without_its_feature_simd_is_named() {
    for wat in [
        "(func (drop (v128.const i64x2 0 0)))",
        "(func (param v128))",
        "(global v128 (v128.const i64x2 0 0))",
    ] {
        let message = refusal_of_text(&format!("(module {wat})"));
        assert!(message.contains("SIMD is not enabled"), "{wat}: {message}");
        assert!(message.contains("the feature `simd`"), "{wat}: {message}");
    }
}

#[test]
fn the_place_is_named_with_the_function() {
    let message = refusal_of_text(
        "(module (import \"env\" \"f\" (func)) (func $first) (func $the_second (atomic.fence)))",
    );
    assert_eq!(
        message,
        "failed to compile: threads are not enabled (in function 2, `the_second`, at offset 0x26); \
         plugins have one thread; build the plugin without shared memory and atomics (in Rust \
         without the target feature atomics, in C without -pthread)"
    );
    let message = refusal_of_text("(module (func $wrong (result i32)))");
    assert!(message.contains("type mismatch"), "{message}");
    assert!(
        message.contains("in function 0, `wrong`, at offset 0x"),
        "{message}"
    );
    // A name is text of the guest's, and may be long.
    let long = "n".repeat(10_000);
    let message = refusal_of_text(&format!("(module (func ${long} (result i32)))"));
    assert!(message.len() < 300, "{message}");
}

/// A call in place of a return costs what a call costs.
#[test]
fn tail_calls_run_and_are_charged() {
    let fuel = |call: &str| {
        let guest = Guest {
            observe: "(drop (call $count (i64.const 1000))) (i64.const 0x100_0000_000f)".into(),
            more: format!(
                "(func $count (param $n i64) (result i64)
                   (if (result i64) (i64.eqz (local.get $n))
                     (then (local.get $n))
                     (else ({call} $count (i64.sub (local.get $n) (i64.const 1))))))"
            ),
            ..Guest::default()
        };
        let seen = guest.load().observe(&tollgate::Config::new());
        seen.unwrap().usage.fuel
    };
    assert_eq!(fuel("return_call"), fuel("call"));
    // Without end it burns all fuel, and not the stack.
    let endless = Guest {
        observe: "(call $loop) (i64.const 0)".into(),
        more: "(func $loop (return_call $loop))".into(),
        ..Guest::default()
    };
    let error = endless.load_in(&Runtime::builder().fuel(1_000_000).build().unwrap());
    let error = error
        .observe(&tollgate::Config::new())
        .unwrap_err()
        .report();
    assert!(error.contains("ran out of fuel"), "{error}");
}

#[cfg(feature = "simd")]
#[test]
fn simd_runs_and_its_nans_have_one_payload() {
    let guest = Guest {
        observe: "(local $v v128)
            (local.set $v (f32x4.add
              (v128.const i32x4 0x7fa00001 0xffc00001 0x3f800000 0x7fc12345)
              (f32x4.splat (f32.load (i32.const 2000)))))
            (local.set $v (v128.bitselect (local.get $v) (local.get $v) (local.get $v)))
            (i32.store (i32.const 260) (i32.const 0))
            (if (i64.ne (i64x2.extract_lane 0 (local.get $v)) (i64.const 0x7fc00000_7fc00000))
              (then unreachable))
            (if (i64.ne (i64x2.extract_lane 1 (local.get $v)) (i64.const 0x7fc00000_3f800000))
              (then unreachable))
            (local.set $v (f64x2.mul (v128.const i64x2 0xfff8000000000007 0x7ff0000000000001)
                                     (f64x2.splat (f64.load (i32.const 2000)))))
            (if (i64.ne (i64x2.extract_lane 0 (local.get $v)) (i64.const 0x7ff8000000000000))
              (then unreachable))
            (if (i64.ne (i64x2.extract_lane 1 (local.get $v)) (i64.const 0x7ff8000000000000))
              (then unreachable))
            (i64.const 0)"
            .into(),
        ..Guest::default()
    };
    let error = guest.load().observe(&tollgate::Config::new());
    let error = error.unwrap_err().report();
    assert!(error.contains("null pointer or zero length"), "{error}");
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
