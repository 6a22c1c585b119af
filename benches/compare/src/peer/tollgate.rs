//! tollgate, as its documentation says it is used.

use crate::{Peer, Plugin, share};
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use tollgate::{Config, Runtime};

pub struct Engine {
    runtime: Runtime,
    loaded: AtomicUsize,
}

pub struct Module(tollgate::Plugin);

const NAME: &str = "plugin";

impl Peer for Engine {
    type Module = Module;

    fn new(_: &str) -> Result<Engine, String> {
        let build = || {
            Runtime::builder()
                .grant(NAME, "fs:read:/nowhere/**".parse()?)
                .grant(NAME, "bench:echo".parse()?)
                .host_function("bench", "echo", "bench", |request: Value, _| Ok(request))
                .build()
                .map_err(Box::<dyn std::error::Error>::from)
        };
        Ok(Engine {
            runtime: build().map_err(|error| error.to_string())?,
            loaded: AtomicUsize::new(0),
        })
    }

    fn load(&self, wasm: Vec<u8>) -> Result<Module, String> {
        // The first one has the grants.
        let name = match self.loaded.fetch_add(1, Ordering::Relaxed) {
            0 => NAME.to_owned(),
            number => format!("{NAME}-{number}"),
        };
        let loaded = self.runtime.load(&name, wasm);
        loaded.map(Module).map_err(|error| error.to_string())
    }

    fn bake(module: &Module) -> Result<Vec<u8>, String> {
        module.0.bake().map_err(|error| error.to_string())
    }

    fn in_threads(
        module: &Module,
        config: &Config,
        times: u64,
        threads: usize,
    ) -> Result<(), String> {
        share(module, config, times, threads)
    }
}

impl Plugin for Module {
    type Config = Config;

    fn describe(&self) -> Result<String, String> {
        let info = self.0.describe().map_err(|error| error.to_string())?;
        serde_json::to_string(&*info).map_err(|error| error.to_string())
    }

    fn observe(&self, config: &Config) -> Result<Value, String> {
        let seen = self.0.observe(config).map_err(|error| error.to_string())?;
        match seen.evidence.error {
            Some(error) => Err(error.to_string()),
            None => Ok(Value::Object(seen.evidence.data)),
        }
    }
}
