//! Bare wasmi: the engine that tollgate uses, with the same settings and the same calls written by
//! hand, and without what tollgate adds.

use crate::{Object, Peer, Plugin, data, share, stubs, text};
use serde_json::Value;
use std::any::Any;
use wasmi::{
    Caller, CompilationMode, CustomFuelCosts, Extern, ExternType, Linker, Memory, Store, Val,
};

pub struct Engine(wasmi::Engine);

pub struct Module {
    module: wasmi::Module,
    linker: Linker<()>,
}

impl Peer for Engine {
    type Module = Module;

    fn new(_: &str) -> Result<Engine, String> {
        let mut config = wasmi::Config::default();
        config
            .consume_fuel(true)
            .fuel_cost(CustomFuelCosts {
                bytes_copied_per_fuel: 8,
                fuel_per_bytes_translated: 0,
                fuel_per_bytes_validated: 0,
            })
            .compilation_mode(CompilationMode::LazyTranslation)
            .set_max_recursion_depth(65_536)
            .set_max_stack_height(16 << 20)
            .ignore_custom_sections(true);
        Ok(Engine(wasmi::Engine::new(&config)))
    }

    fn load(&self, wasm: Vec<u8>) -> Result<Module, String> {
        let module = wasmi::Module::new(&self.0, &wasm).map_err(|error| error.to_string())?;
        let linker = link(&self.0, &module).map_err(|error| error.to_string())?;
        Ok(Module { module, linker })
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

fn link(engine: &wasmi::Engine, module: &wasmi::Module) -> Result<Linker<()>, wasmi::Error> {
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
            let memory = memory(&caller)?;
            let answer = stub(
                &args[..params.len()],
                &mut stubs::Slice(memory.data_mut(&mut caller)),
            );
            let answer = answer.ok_or_else(|| wasmi::Error::new("exit"))?;
            if let Some(result) = results.first_mut() {
                *result = Val::I32(answer as i32);
            }
            Ok(())
        };
        linker.func_new(import.module(), import.name(), ty.clone(), call)?;
    }
    Ok(linker)
}

fn memory(caller: &Caller<'_, ()>) -> Result<Memory, wasmi::Error> {
    let memory = caller.get_export("memory").and_then(Extern::into_memory);
    memory.ok_or_else(|| wasmi::Error::new("no memory"))
}

fn echo(mut caller: Caller<'_, ()>, packed: i64) -> Result<i64, wasmi::Error> {
    let bad = || wasmi::Error::new("bad request");
    let memory = memory(&caller)?;
    let request = stubs::unpack(memory.data(&caller), packed).ok_or_else(bad)?;
    let reply = stubs::echo(request).ok_or_else(bad)?;
    let allocate = caller
        .get_export("allocate")
        .and_then(Extern::into_func)
        .ok_or_else(bad)?;
    let allocate = allocate.typed::<i32, i32>(&caller)?;
    let ptr = allocate.call(&mut caller, reply.len() as i32)?;
    memory
        .write(&mut caller, ptr as usize, &reply)
        .map_err(|_| bad())?;
    Ok(stubs::pack(ptr, reply.len()))
}

impl Module {
    fn start(&self) -> Result<(Store<()>, wasmi::Instance), wasmi::Error> {
        let mut store = Store::new(self.linker.engine(), ());
        store.set_fuel(100_000_000_000)?;
        let instance = self
            .linker
            .instantiate_and_start(&mut store, &self.module)?;
        if let Ok(initialize) = instance.get_typed_func::<(), ()>(&store, "_initialize") {
            initialize.call(&mut store, ())?;
        }
        Ok((store, instance))
    }

    fn ask<T>(
        &self,
        config: Option<&[u8]>,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, wasmi::Error> {
        let (mut store, instance) = self.start()?;
        let memory = instance.get_memory(&store, "memory");
        let memory = memory.ok_or_else(|| wasmi::Error::new("no memory"))?;
        let packed = match config {
            None => instance
                .get_typed_func::<(), i64>(&store, "describe")?
                .call(&mut store, ())?,
            Some(config) => {
                let len = config.len() as i32;
                let allocate = instance.get_typed_func::<i32, i32>(&store, "allocate")?;
                let ptr = allocate.call(&mut store, len)?;
                memory
                    .write(&mut store, ptr as usize, config)
                    .map_err(|error| wasmi::Error::new(error.to_string()))?;
                let observe = instance.get_typed_func::<(i32, i32), i64>(&store, "observe")?;
                observe.call(&mut store, (ptr, len))?
            }
        };
        let bytes = stubs::unpack(memory.data(&store), packed);
        bytes
            .map(read)
            .ok_or_else(|| wasmi::Error::new("bad result"))
    }
}

impl Plugin for Module {
    type Config = Object;

    fn describe(&self) -> Result<String, String> {
        let text = self.ask(None, |bytes| String::from_utf8_lossy(bytes).into_owned());
        text.map_err(|error| error.to_string())
    }

    fn observe(&self, config: &Object) -> Result<Value, String> {
        self.ask(Some(&text(config)), data)
            .map_err(|error| error.to_string())?
    }

    fn idle(&self) -> Result<Box<dyn Any>, String> {
        let started = self.start().map_err(|error| error.to_string())?;
        Ok(Box::new(started))
    }
}
