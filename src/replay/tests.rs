//! What no caller can choose: however a module was translated, recordings replay the same.

use super::Replay;
use crate::{Limits, Plugin, Runtime, imports, module::Compiled, plugin::Parts};
use std::{collections::BTreeMap, fs, sync::Arc};
use wasmi::CompilationMode;

/// The fixture, translated otherwise than plugins are.
fn load(name: &str, mode: CompilationMode) -> Plugin {
    let module = match name {
        "numbers" => wat::parse_file("fixtures/wat/numbers.wat").unwrap(),
        name => fs::read(format!("fixtures/{name}/{name}.wasm")).unwrap(),
    };
    let plugin = Runtime::deterministic(0).build().unwrap();
    let plugin = plugin.load(name, &module).unwrap();
    let parts = plugin.parts();
    let compiled = Compiled::translating((&module).into(), &Limits::default(), mode).unwrap();
    Plugin::new(Parts {
        name: parts.name.clone(),
        version: parts.version,
        linker: imports::linker(&compiled.module, &parts.policy.host_functions).unwrap(),
        compiled: Arc::new(compiled),
        settings: parts.settings.clone(),
        policy: parts.policy.clone(),
    })
}

#[test]
fn transcripts_replay_on_lazily_and_eagerly_translated_modules() {
    let files = fs::read_dir("tests/transcripts").unwrap();
    let mut paths: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    for mode in [
        CompilationMode::Eager,
        CompilationMode::LazyTranslation,
        CompilationMode::Lazy,
    ] {
        // Those of one plugin run on the same module, of which more has been translated each time.
        let mut plugins = BTreeMap::new();
        for path in &paths {
            let replay = Replay::open(path).unwrap();
            let name = replay.plugin().to_owned();
            let plugin = plugins
                .entry(name.clone())
                .or_insert_with(|| load(&name, mode));
            if let Err(error) = replay.run(plugin) {
                panic!("{path:?}, {mode:?}: {error}");
            }
        }
    }
}
