//! The bare engine with fuel, on the module as it is: what the library's time is compared with.

use crate::stubs;
use wasmi::{
    Caller, CompilationMode, CustomFuelCosts, Engine, Extern, ExternType, Instance, Linker, Memory,
    Module, Store, TypedFunc, Val, ValType,
};

pub struct Bare {
    store: Store<()>,
    memory: Memory,
    allocate: TypedFunc<i32, i32>,
    deallocate: TypedFunc<(i32, i32), ()>,
    observe: TypedFunc<(i32, i32), i64>,
}

/// Compiles as the library does.
pub fn compile(module: &[u8]) -> Module {
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
    Module::new(&Engine::new(&config), module).expect("a module of ours")
}

impl Bare {
    /// An initialised instance; `None` if the plugin needs host functions that return something.
    pub fn new(module: &[u8]) -> Option<Bare> {
        let module = compile(module);
        let linker = link(&module)?;
        let mut store = Store::new(module.engine(), ());
        store.set_fuel(u64::MAX).ok()?;
        let instance = linker.instantiate_and_start(&mut store, &module);
        let instance = instance.expect("a module of ours");
        if let Ok(initialize) = instance.get_typed_func::<(), ()>(&store, "_initialize") {
            initialize.call(&mut store, ()).expect("a module of ours");
        }
        Some(Bare {
            memory: instance.get_memory(&store, "memory")?,
            allocate: typed(&store, &instance, "allocate"),
            deallocate: typed(&store, &instance, "deallocate"),
            observe: typed(&store, &instance, "observe"),
            store,
        })
    }

    /// Calls `observe` as the protocol says.
    pub fn observe(&mut self, config: &[u8]) -> Result<Vec<u8>, wasmi::Error> {
        let length = config.len() as i32;
        let at = self.allocate.call(&mut self.store, length)?;
        let memory = self.memory.data_mut(&mut self.store);
        memory[at as u32 as usize..][..config.len()].copy_from_slice(config);
        let packed = self.observe.call(&mut self.store, (at, length))?;
        let result = stubs::unpack(self.memory.data(&self.store), packed);
        let result = result.expect("a result of ours").to_vec();
        let freed = ((packed as u64 >> 32) as i32, packed as i32);
        self.deallocate.call(&mut self.store, freed)?;
        self.deallocate.call(&mut self.store, (at, length))?;
        Ok(result)
    }
}

fn typed<P: wasmi::WasmParams, R: wasmi::WasmResults>(
    store: &Store<()>,
    instance: &Instance,
    name: &str,
) -> TypedFunc<P, R> {
    let function = instance.get_typed_func(store, name);
    function.expect("a plugin exports it")
}

fn link(module: &Module) -> Option<Linker<()>> {
    let mut linker = Linker::new(module.engine());
    // Programs of Go import some functions twice.
    linker.allow_shadowing(true);
    for import in module.imports() {
        let ExternType::Func(ty) = import.ty() else {
            return None;
        };
        if ty.results().iter().any(|result| *result != ValType::I32) {
            return None;
        }
        let stub = stubs::find(import.name());
        let call = move |mut caller: Caller<'_, ()>, params: &[Val], results: &mut [Val]| {
            let args: Vec<u64> = params
                .iter()
                .map(|param| match param {
                    Val::I32(number) => u64::from(*number as u32),
                    Val::I64(number) => *number as u64,
                    _ => 0,
                })
                .collect();
            let memory = caller.get_export("memory").and_then(Extern::into_memory);
            let memory = memory.expect("a plugin exports it");
            let mut memory = stubs::Slice(memory.data_mut(&mut caller));
            let answer = stub(&args, &mut memory).ok_or_else(|| wasmi::Error::new("exit"))?;
            if let Some(result) = results.first_mut() {
                *result = Val::I32(answer as i32);
            }
            Ok(())
        };
        let linked = linker.func_new(import.module(), import.name(), ty.clone(), call);
        linked.expect("names of a module");
    }
    Some(linker)
}
