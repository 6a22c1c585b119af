//! What every peer is asked to do, and the one that this build does it with.

pub mod stubs;

#[cfg_attr(
    any(feature = "tollgate", feature = "tollgate-fast"),
    path = "peer/tollgate.rs"
)]
#[cfg_attr(any(feature = "wasmi", feature = "wasmi-fast"), path = "peer/wasmi.rs")]
#[cfg_attr(feature = "wasmtime", path = "peer/wasmtime.rs")]
#[cfg_attr(feature = "wasm3", path = "peer/wasm3.rs")]
#[cfg_attr(feature = "tinywasm", path = "peer/tinywasm.rs")]
#[cfg_attr(feature = "extism", path = "peer/extism.rs")]
#[cfg(feature = "peer")]
pub mod engine;

use serde_json::{Map, Value};
use std::any::Any;

pub type Object = Map<String, Value>;

/// What every peer does, as well as it can.
pub trait Peer: Sized {
    /// A module that was read, and compiled if the engine compiles.
    type Module: Plugin;

    /// An engine as a program makes one when it starts. `variant` tells apart what one library
    /// can do in several ways.
    fn new(variant: &str) -> Result<Self, String>;

    fn load(&self, wasm: Vec<u8>) -> Result<Self::Module, String>;

    /// The module with its initialisation done, where the library can write such modules.
    fn bake(_: &Self::Module) -> Result<Vec<u8>, String> {
        Err("it writes no modules".to_owned())
    }

    /// Splits observes over threads, where the engine can.
    fn in_threads(
        _: &Self::Module,
        _: &<Self::Module as Plugin>::Config,
        _: u64,
        _: usize,
    ) -> Result<(), String> {
        Err("its modules stay on one thread".to_owned())
    }
}

/// A loaded plugin. Each question gets an instance of its own.
pub trait Plugin {
    /// A config as it is given to `observe`: values, not text.
    type Config: From<Object>;

    /// What `describe` answers.
    fn describe(&self) -> Result<String, String>;

    /// What `observe` saw: its evidence's data, parsed.
    fn observe(&self, config: &Self::Config) -> Result<Value, String>;

    /// An initialised instance, kept.
    fn idle(&self) -> Result<Box<dyn Any>, String> {
        Err("it keeps no instances between calls".to_owned())
    }
}

/// For peers whose modules may be used from any thread.
pub fn share<M>(module: &M, config: &M::Config, times: u64, threads: usize) -> Result<(), String>
where
    M: Plugin<Config: Sync> + Sync,
{
    std::thread::scope(|scope| {
        let work = || (0..times).try_for_each(|_| module.observe(config).map(drop));
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let ended = running
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "panic".to_owned()));
        ended.collect::<Result<Vec<_>, _>>()?.into_iter().collect()
    })
}

/// The data of evidence, for peers that leave reading it to the program.
pub fn data(evidence: &[u8]) -> Result<Value, String> {
    let mut evidence: Value =
        serde_json::from_slice(evidence).map_err(|error| error.to_string())?;
    match evidence.get_mut("Data") {
        Some(data) => Ok(data.take()),
        None => Ok(evidence["data"].take()),
    }
}

/// The text of JSON that a peer without a notion of it is given.
pub fn text(config: &Object) -> Vec<u8> {
    serde_json::to_vec(config).unwrap_or_default()
}
