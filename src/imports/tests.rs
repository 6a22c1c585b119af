//! What no caller can choose: how the engine translates must not change what a guest costs.

use super::linker;
use crate::{
    gate::{Gate, HostFunctions, Observer, Policy},
    guest::{Instance, Start},
    limits::{Interrupt, Limits},
    module::Compiled,
    world::Simulated,
};
use std::sync::Arc;
use tollgate_abi::names::export;
use wasmi::CompilationMode;

/// The fuel of initialisation, and of the export.
fn fuel(module: &[u8], mode: CompilationMode, export: &'static str) -> [u64; 2] {
    let limits = Arc::new(Limits::default());
    let compiled = Compiled::translating(module.into(), &limits, mode).unwrap();
    let linker = linker(&compiled.module, &HostFunctions::default()).unwrap();
    let policy = Policy {
        grants: Vec::new(),
        written: 0,
        working_directory: "/".into(),
        host_functions: Arc::default(),
    };
    let plugin: Arc<str> = "plugin".into();
    let world = Box::new(Simulated::new());
    let gate = Gate::new(
        plugin.clone(),
        Arc::new(policy),
        world,
        &limits,
        Interrupt::default(),
        Observer::default(),
    );
    let mut instance = Instance::start(Start {
        version: crate::module::AbiVersion::V1,
        plugin: &plugin,
        compiled: &compiled,
        linker: &linker,
        limits: &limits,
        gate,
    })
    .unwrap();
    instance.begin(&limits).unwrap();
    let initialised = instance.init_usage().fuel;
    assert_eq!(instance.usage().fuel, 0);
    instance.ask(export).unwrap();
    [initialised, instance.usage().fuel]
}

#[test]
fn lazy_and_eager_translation_cost_the_same() {
    for name in [
        "go-file/go-file.wasm",
        "file/file.wasm",
        "as-file/as-file.wasm",
    ] {
        let module = std::fs::read(format!("fixtures/{name}")).unwrap();
        for export in [export::DESCRIBE, export::SCHEMA] {
            let lazy = fuel(&module, CompilationMode::LazyTranslation, export);
            let eager = fuel(&module, CompilationMode::Eager, export);
            assert_eq!(lazy, eager, "{name} {export}");
            assert!(lazy[1] > 0, "{name} {export}");
        }
    }
}
