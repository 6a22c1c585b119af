//! wasmtime: two compilers, the interpreter of its portable bytecode, and memory from a pool.

use crate::{Object, Peer, Plugin, data, share, stubs, text};
use serde_json::Value;
use std::any::Any;
use wasmtime::{
    Caller, Extern, ExternType, InstanceAllocationStrategy, InstancePre, Linker, Memory,
    PoolingAllocationConfig, Store, Strategy, Val,
};

pub struct Engine(wasmtime::Engine);

pub struct Module {
    engine: wasmtime::Engine,
    ready: InstancePre<()>,
}

impl Peer for Engine {
    type Module = Module;

    fn new(variant: &str) -> Result<Engine, String> {
        let mut config = wasmtime::Config::new();
        match variant {
            "winch" => {
                config.strategy(Strategy::Winch);
            }
            "pulley" => {
                config
                    .target("pulley64")
                    .map_err(|error| error.to_string())?;
            }
            "pooling" => {
                let mut pool = PoolingAllocationConfig::new();
                pool.total_core_instances(1_100)
                    .total_memories(1_100)
                    .total_tables(1_100);
                config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
            }
            _ => {}
        }
        wasmtime::Engine::new(&config)
            .map(Engine)
            .map_err(|error| format!("{error:#}"))
    }

    fn load(&self, wasm: Vec<u8>) -> Result<Module, String> {
        let load = || {
            let module = wasmtime::Module::new(&self.0, &wasm)?;
            let linker = link(&self.0, &module)?;
            let ready = linker.instantiate_pre(&module)?;
            Ok::<_, wasmtime::Error>(Module {
                engine: self.0.clone(),
                ready,
            })
        };
        load().map_err(|error| format!("{error:#}"))
    }

    fn in_threads(
        module: &Module,
        config: &Object,
        times: u64,
        threads: usize,
    ) -> Result<(), String> {
        share(module, config, times, threads)
    }
}

fn link(
    engine: &wasmtime::Engine,
    module: &wasmtime::Module,
) -> Result<Linker<()>, wasmtime::Error> {
    let mut linker = Linker::new(engine);
    // Programs of Go import some functions twice.
    linker.allow_shadowing(true);
    for import in module.imports() {
        let ExternType::Func(ty) = import.ty() else {
            continue;
        };
        if import.module() == "bench" {
            linker.func_wrap("bench", "echo", echo)?;
            continue;
        }
        let stub = stubs::find(import.name());
        let call = move |mut caller: Caller<'_, ()>, params: &[Val], results: &mut [Val]| {
            let mut args = [0; 12];
            for (arg, param) in args.iter_mut().zip(params) {
                *arg = match param {
                    Val::I32(number) => u64::from(*number as u32),
                    Val::I64(number) => *number as u64,
                    _ => 0,
                };
            }
            let memory = memory(&mut caller)?;
            let answer = stub(
                &args[..params.len()],
                &mut stubs::Slice(memory.data_mut(&mut caller)),
            );
            let answer = answer.ok_or_else(|| wasmtime::Error::msg("exit"))?;
            if let Some(result) = results.first_mut() {
                *result = Val::I32(answer as i32);
            }
            Ok(())
        };
        linker.func_new(import.module(), import.name(), ty, call)?;
    }
    Ok(linker)
}

fn memory(caller: &mut Caller<'_, ()>) -> Result<Memory, wasmtime::Error> {
    let memory = caller.get_export("memory").and_then(Extern::into_memory);
    memory.ok_or_else(|| wasmtime::Error::msg("no memory"))
}

fn echo(mut caller: Caller<'_, ()>, packed: i64) -> Result<i64, wasmtime::Error> {
    let bad = || wasmtime::Error::msg("bad request");
    let memory = memory(&mut caller)?;
    let request = stubs::unpack(memory.data(&caller), packed).ok_or_else(bad)?;
    let reply = stubs::echo(request).ok_or_else(bad)?;
    let allocate = caller
        .get_export("allocate")
        .and_then(Extern::into_func)
        .ok_or_else(bad)?;
    let allocate = allocate.typed::<i32, i32>(&caller)?;
    let ptr = allocate.call(&mut caller, reply.len() as i32)?;
    memory.write(&mut caller, ptr as usize, &reply)?;
    Ok(stubs::pack(ptr, reply.len()))
}

impl Module {
    fn start(&self) -> Result<(Store<()>, wasmtime::Instance), wasmtime::Error> {
        let mut store = Store::new(&self.engine, ());
        let instance = self.ready.instantiate(&mut store)?;
        if let Ok(initialize) = instance.get_typed_func::<(), ()>(&mut store, "_initialize") {
            initialize.call(&mut store, ())?;
        }
        Ok((store, instance))
    }

    fn ask<T>(
        &self,
        config: Option<&[u8]>,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, wasmtime::Error> {
        let (mut store, instance) = self.start()?;
        let memory = instance.get_memory(&mut store, "memory");
        let memory = memory.ok_or_else(|| wasmtime::Error::msg("no memory"))?;
        let packed = match config {
            None => {
                let describe = instance.get_typed_func::<(), i64>(&mut store, "describe")?;
                describe.call(&mut store, ())?
            }
            Some(config) => {
                let len = config.len() as i32;
                let allocate = instance.get_typed_func::<i32, i32>(&mut store, "allocate")?;
                let ptr = allocate.call(&mut store, len)?;
                memory.write(&mut store, ptr as usize, config)?;
                let observe = instance.get_typed_func::<(i32, i32), i64>(&mut store, "observe")?;
                observe.call(&mut store, (ptr, len))?
            }
        };
        let bytes = stubs::unpack(memory.data(&store), packed);
        bytes
            .map(read)
            .ok_or_else(|| wasmtime::Error::msg("bad result"))
    }
}

impl Plugin for Module {
    type Config = Object;

    fn describe(&self) -> Result<String, String> {
        let text = self.ask(None, |bytes| String::from_utf8_lossy(bytes).into_owned());
        text.map_err(|error| format!("{error:#}"))
    }

    fn observe(&self, config: &Object) -> Result<Value, String> {
        self.ask(Some(&text(config)), data)
            .map_err(|error| format!("{error:#}"))?
    }

    fn idle(&self) -> Result<Box<dyn Any>, String> {
        let started = self.start().map_err(|error| format!("{error:#}"))?;
        Ok(Box::new(started))
    }
}
