//! Modules that are anything: raw bytes, and modules that are valid and have our imports and
//! exports but random code.

use crate::{
    run::{checked, limits, observe, runtime},
    world::Seen,
};
use arbitrary::Unstructured;
use std::sync::LazyLock;
use tollgate::{
    Inspection, Plugin,
    inspect::{Instruments, Symbols},
};

/// Loads, inspects, looks up all symbols, and runs what loads.
pub fn module_bytes(data: &[u8]) {
    load_and_run(data, data);
}

/// Makes a module out of the bytes, and does the same with it.
pub fn smith_modules(data: &[u8]) {
    if let Some((module, replies)) = smith(data) {
        load_and_run(&module, &replies);
    }
}

fn load_and_run(module: &[u8], replies: &[u8]) {
    let symbols = Symbols::new(module);
    for function in symbols.functions() {
        for at in [function.offset, function.offset + function.size / 2] {
            assert!(!symbols.frames(function.index, at).is_empty());
        }
    }
    let seen = Seen::default();
    let runtime = runtime(replies, &seen);
    let inspected = Inspection::new(module, &limits());
    let plugin = match (runtime.load("fuzzed", module), &inspected) {
        (Ok(plugin), Ok(inspection)) => {
            // An inspection knows nothing of the embedder's own functions.
            let mut problems = inspection.problems.iter();
            assert!(
                problems.all(|problem| problem.contains("kv.get")),
                "{problems:?}"
            );
            plugin
        }
        (Ok(_), Err(error)) => panic!("loaded, and cannot be inspected: {error}"),
        (Err(error), Ok(inspection)) => {
            assert!(
                !inspection.problems.is_empty(),
                "inspected, and fails to load: {error}"
            );
            return;
        }
        (Err(_), Err(_)) => return,
    };
    ask_everything(&plugin, &seen);
}

/// Each question twice: the second time everything is translated already, and nothing may change.
pub fn ask_everything(plugin: &Plugin, seen: &Seen) {
    let _ = (checked(plugin.describe()), checked(plugin.schema()));
    let effects = || std::mem::take(&mut *seen.lock().expect("no other thread"));
    effects();
    let first = observe(plugin);
    let first_effects = effects();
    assert_eq!(first, observe(plugin));
    assert_eq!(first_effects, effects());
    // The frames of instruments are larger, and a stack has room for fewer of them.
    if first
        .as_ref()
        .is_err_and(|error| error.contains("overflowed the stack"))
    {
        return;
    }
    let which = Instruments::COVERAGE | Instruments::COMPARISONS;
    let instrumented = plugin.instrumented(which);
    let instrumented = instrumented.expect("small modules can have instruments");
    let _ = checked(instrumented.describe());
    effects();
    assert_eq!(first, observe(&instrumented));
    assert_eq!(first_effects, effects());
}

/// A module with valid code out of the fuzzer's bytes, and what is left of them.
pub fn smith(data: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (choice, _) = data.split_first()?;
    smith_with(
        data,
        wasm_smith::Config {
            available_imports: Some(IMPORTS.clone()),
            exports: wat::parse_str(SHAPES[usize::from(*choice) % SHAPES.len()]).ok(),
            ..without_imports()
        },
    )
}

/// The same with a config that can say more.
pub fn smith_with(data: &[u8], config: wasm_smith::Config) -> Option<(Vec<u8>, Vec<u8>)> {
    let (choice, rest) = data.split_first()?;
    let mut bytes = Unstructured::new(rest);
    let config = wasm_smith::Config {
        allow_start_export: choice & 0x40 != 0,
        disallow_traps: choice & 0x80 != 0,
        ..config
    };
    let module = wasm_smith::Module::new(config, &mut bytes).ok()?;
    let rest = bytes.take_rest().to_vec();
    Some((module.to_bytes(), rest))
}

/// Modules of the proposals that are on here, with the exports of the first generation.
pub fn without_imports() -> wasm_smith::Config {
    wasm_smith::Config {
        available_imports: Some(NOTHING.to_vec()),
        exports: wat::parse_str(SHAPES[1]).ok(),
        max_memories: 1,
        max_memory32_bytes: 32 << 16,
        max_table_elements: 1000,
        // Making a module costs more than running it.
        max_instructions: 100,
        max_imports: 60,
        max_funcs: 8,
        exceptions_enabled: false,
        gc_enabled: false,
        compact_imports_enabled: false,
        memory64_enabled: false,
        relaxed_simd_enabled: false,
        simd_enabled: false,
        tail_call_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        ..wasm_smith::Config::default()
    }
}

/// A module that imports nothing: the empty one.
const NOTHING: &[u8] = b"\0asm\x01\0\0\0";

/// What both generations of the contract export.
const SHAPES: &[&str] = &[
    r#"(module (memory (export "memory") 1)
        (func (export "allocate") (param i32) (result i32) unreachable)
        (func (export "deallocate") (param i32 i32))
        (func (export "describe") (result i64) unreachable)
        (func (export "schema") (result i64) unreachable)
        (func (export "observe") (param i32 i32) (result i64) unreachable))"#,
    r#"(module (memory (export "memory") 1)
        (func (export "_initialize"))
        (func (export "allocate") (param i32) (result i32) unreachable)
        (func (export "deallocate") (param i32 i32))
        (func (export "describe") (result i64) unreachable)
        (func (export "schema") (result i64) unreachable)
        (func (export "observe") (param i32 i32) (result i64) unreachable))"#,
    r#"(module (memory (export "memory") 1)
        (global (export "tollgate_panic") i32 (i32.const 8))
        (func (export "allocate") (param i32) (result i32) unreachable)
        (func (export "deallocate") (param i32 i32))
        (func (export "_manifest") (result i64) unreachable)
        (func (export "_observe") (param i32 i32) (result i64) unreachable))"#,
];

/// A module that imports everything this host offers.
static IMPORTS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut text = String::from("(module (import \"kv\" \"get\" (func (param i64) (result i64)))");
    for (module, name, params, result) in crate::driver::offered() {
        let params: String = params
            .chars()
            .map(|ty| if ty == 'I' { "i64 " } else { "i32 " })
            .collect();
        let result = match result {
            'I' => "(result i64)",
            'i' => "(result i32)",
            _ => "",
        };
        text.push_str(&format!(
            "(import \"{module}\" \"{name}\" (func (param {params}) {result}))"
        ));
    }
    text.push(')');
    wat::parse_str(text).expect("the list of imports is a module")
});
