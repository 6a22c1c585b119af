//! tinywasm, an interpreter in safe Rust.

use crate::{Object, Peer, Plugin, data, stubs, text};
use serde_json::Value;
use std::any::Any;
use tinywasm::{
    Error, FuncContext, HostFunction, Imports, Memory, ModuleInstance, Store, parse_bytes,
    types::{ImportType, WasmValue},
};

pub struct Engine;

pub struct Module(tinywasm::types::Module);

impl Peer for Engine {
    type Module = Module;

    fn new(_: &str) -> Result<Engine, String> {
        Ok(Engine)
    }

    fn load(&self, wasm: Vec<u8>) -> Result<Module, String> {
        parse_bytes(&wasm)
            .map(Module)
            .map_err(|error| error.to_string())
    }
}

struct Guest<'a, 'b>(&'a mut FuncContext<'b>, &'a Memory);

impl stubs::Memory for Guest<'_, '_> {
    fn read(&self, at: usize, into: &mut [u8]) -> bool {
        self.1.read_exact(self.0.store(), at, into).is_ok()
    }

    fn write(&mut self, at: usize, bytes: &[u8]) -> bool {
        self.1
            .copy_from_slice(self.0.store_mut(), at, bytes)
            .is_ok()
    }
}

fn bad() -> Error {
    Error::Other("bad request or result".into())
}

fn echo(mut ctx: FuncContext<'_>, packed: i64) -> Result<i64, Error> {
    let memory = ctx.memory("memory")?;
    let (ptr, len) = ((packed as u64 >> 32) as usize, packed as u32 as usize);
    let request = memory.read_vec(ctx.store(), ptr, len)?;
    let reply = stubs::echo(&request).ok_or_else(bad)?;
    let allocate = ctx.module().func::<i32, i32>(ctx.store(), "allocate")?;
    let ptr = ctx.call(&allocate, reply.len() as i32)?;
    memory.copy_from_slice(ctx.store_mut(), ptr as usize, &reply)?;
    Ok(stubs::pack(ptr, reply.len()))
}

impl Module {
    fn link(&self, store: &mut Store) -> Imports {
        let mut imports = Imports::new();
        for import in self.0.imports() {
            let ImportType::Func(ty) = import.ty else {
                continue;
            };
            if import.module == "bench" {
                let echo = HostFunction::from(store, echo);
                imports.define("bench", "echo", echo);
                continue;
            }
            let (stub, answers) = (stubs::find(import.name), !ty.results().is_empty());
            let call = move |mut ctx: FuncContext<'_>, params: &[WasmValue]| {
                let mut args = [0; 12];
                for (arg, param) in args.iter_mut().zip(params) {
                    *arg = match param {
                        WasmValue::I32(number) => u64::from(*number as u32),
                        WasmValue::I64(number) => *number as u64,
                        _ => 0,
                    };
                }
                let memory = ctx.memory("memory")?;
                let answer = stub(&args[..params.len()], &mut Guest(&mut ctx, &memory));
                let answer = answer.ok_or_else(bad)?;
                Ok(if answers {
                    vec![WasmValue::I32(answer as i32)]
                } else {
                    Vec::new()
                })
            };
            let function = HostFunction::from_untyped(store, ty, call);
            imports.define(import.module, import.name, function);
        }
        imports
    }

    fn start(&self) -> Result<(Store, ModuleInstance), Error> {
        let mut store = Store::default();
        let imports = self.link(&mut store);
        let instance = ModuleInstance::instantiate(&mut store, &self.0, Some(imports))?;
        if let Ok(initialize) = instance.func::<(), ()>(&store, "_initialize") {
            initialize.call(&mut store, ())?;
        }
        Ok((store, instance))
    }

    fn ask(&self, config: Option<&[u8]>) -> Result<Vec<u8>, Error> {
        let (mut store, instance) = self.start()?;
        let memory = instance.memory("memory")?;
        let packed = match config {
            None => instance
                .func::<(), i64>(&store, "describe")?
                .call(&mut store, ())?,
            Some(config) => {
                let len = config.len() as i32;
                let allocate = instance.func::<i32, i32>(&store, "allocate")?;
                let ptr = allocate.call(&mut store, len)?;
                memory.copy_from_slice(&mut store, ptr as usize, config)?;
                let observe = instance.func::<(i32, i32), i64>(&store, "observe")?;
                observe.call(&mut store, (ptr, len))?
            }
        };
        memory.read_vec(
            &store,
            (packed as u64 >> 32) as usize,
            packed as u32 as usize,
        )
    }
}

impl Plugin for Module {
    type Config = Object;

    fn describe(&self) -> Result<String, String> {
        let bytes = self.ask(None).map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn observe(&self, config: &Object) -> Result<Value, String> {
        data(
            &self
                .ask(Some(&text(config)))
                .map_err(|error| error.to_string())?,
        )
    }

    fn idle(&self) -> Result<Box<dyn Any>, String> {
        let started = self.start().map_err(|error| error.to_string())?;
        Ok(Box::new(started))
    }
}
