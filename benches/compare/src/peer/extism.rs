//! Extism, on plugins written for it: bytes in and out through its kernel's memory.

use crate::{Object, Peer, Plugin, stubs, text};
use extism::{CompiledPlugin, Function, Manifest, PTR, PluginBuilder, UserData, Wasm};
use serde_json::Value;
use std::any::Any;

pub struct Engine {
    variant: String,
}

pub struct Module {
    compiled: CompiledPlugin,
    /// The export that observes.
    export: String,
}

impl Peer for Engine {
    type Module = Module;

    fn new(variant: &str) -> Result<Engine, String> {
        Ok(Engine {
            variant: variant.to_owned(),
        })
    }

    fn load(&self, wasm: Vec<u8>) -> Result<Module, String> {
        let echo = Function::new(
            "echo",
            [PTR],
            [PTR],
            UserData::new(()),
            |plugin, inputs, outputs, _| {
                let request: &[u8] = plugin.memory_get_val(&inputs[0])?;
                let reply =
                    stubs::echo(request).ok_or_else(|| extism::Error::msg("bad request"))?;
                plugin.memory_set_val(&mut outputs[0], reply)
            },
        );
        let builder = PluginBuilder::new(Manifest::new([Wasm::data(wasm)]))
            .with_cache_disabled()
            .with_functions([echo]);
        let compiled = builder.compile().map_err(|error| format!("{error:#}"))?;
        let export = if self.variant == "ask" {
            "ask"
        } else {
            "observe"
        };
        Ok(Module {
            compiled,
            export: export.to_owned(),
        })
    }
}

impl Module {
    fn start(&self) -> Result<extism::Plugin, String> {
        extism::Plugin::new_from_compiled(&self.compiled).map_err(|error| format!("{error:#}"))
    }
}

impl Plugin for Module {
    type Config = Object;

    fn describe(&self) -> Result<String, String> {
        let mut plugin = self.start()?;
        let answer = plugin
            .call::<_, &str>("describe", "")
            .map_err(|error| format!("{error:#}"))?;
        Ok(answer.to_owned())
    }

    fn observe(&self, config: &Object) -> Result<Value, String> {
        let mut plugin = self.start()?;
        let answer = plugin.call::<_, &[u8]>(&self.export, text(config).as_slice());
        let answer = answer.map_err(|error| format!("{error:#}"))?;
        serde_json::from_slice(answer).map_err(|error| error.to_string())
    }

    fn idle(&self) -> Result<Box<dyn Any>, String> {
        Ok(Box::new(self.start()?))
    }
}
