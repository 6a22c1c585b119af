//! Random modules that are valid, and what makes plugins of them. They import nothing, export their
//! functions, and have at most one memory and one table.

mod as_plugin;
mod structured;

pub use as_plugin::as_plugin;
pub use structured::structured;

use arbitrary::Unstructured;

/// A module of anything that is enabled in the library, out of these bytes: most of its code traps soon
/// or runs once.
pub fn smith(bytes: &[u8]) -> Option<Vec<u8>> {
    let config = wasm_smith::Config {
        max_imports: 0,
        export_everything: true,
        max_memories: 1,
        max_memory32_bytes: 32 << 16,
        max_tables: 1,
        max_table_elements: 1000,
        max_instructions: 300,
        min_funcs: 2,
        max_funcs: 8,
        allow_start_export: false,
        exceptions_enabled: false,
        gc_enabled: false,
        compact_imports_enabled: false,
        memory64_enabled: false,
        relaxed_simd_enabled: false,
        simd_enabled: false,
        tail_call_enabled: TAIL_CALLS,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        ..wasm_smith::Config::default()
    };
    let mut module = wasm_smith::Module::new(config, &mut Unstructured::new(bytes)).ok()?;
    // What loops for ever ends in a trap, by a counter at each turn.
    module.ensure_termination(2_000).ok()?;
    Some(module.to_bytes())
}

/// Whether the library enables tail calls.
pub const TAIL_CALLS: bool = true;
