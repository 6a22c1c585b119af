//! A module without imports on the bare engine, with the settings of the library and nothing that the
//! library adds.

use super::{Counted, ENTRIES, OPERATORS};
use wasmi::{
    CompilationMode, CustomFuelCosts, Engine, Instance, Linker, Module, Store, StoreLimits,
    StoreLimitsBuilder, TrapCode, Val,
};

/// The library's own limits of the stack, and of memory and tables.
const FRAMES: usize = 65_536;
const STACK_BYTES: usize = 16 << 20;
const MEMORY_BYTES: usize = 256 << 20;
const TABLE_ELEMENTS: usize = 1_000_000;

/// Why a module did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    Trap(TrapCode),
    Other(String),
}

impl From<wasmi::Error> for Ended {
    fn from(error: wasmi::Error) -> Ended {
        match error.as_trap_code() {
            Some(code) => Ended::Trap(code),
            None => Ended::Other(error.to_string()),
        }
    }
}

/// An instance on the bare engine.
pub struct Bare {
    store: Store<StoreLimits>,
    instance: Instance,
}

impl Bare {
    /// Instantiates a module, start function included, with so much fuel or without counting any.
    pub fn new(module: &[u8], fuel: Option<u64>) -> Result<Bare, Ended> {
        let mut config = wasmi::Config::default();
        config
            .consume_fuel(fuel.is_some())
            .fuel_cost(CustomFuelCosts {
                bytes_copied_per_fuel: 8,
                fuel_per_bytes_translated: 0,
                fuel_per_bytes_validated: 0,
            })
            .compilation_mode(CompilationMode::LazyTranslation)
            .set_max_recursion_depth(FRAMES)
            .set_max_stack_height(STACK_BYTES);
        let engine = Engine::new(&config);
        let module = Module::new(&engine, module)?;
        let limits = StoreLimitsBuilder::new()
            .memory_size(MEMORY_BYTES)
            .table_elements(TABLE_ELEMENTS)
            .build();
        let mut store = Store::new(&engine, limits);
        store.limiter(|limits| limits);
        if let Some(fuel) = fuel {
            store.set_fuel(fuel)?;
        }
        let instance = Linker::new(&engine).instantiate_and_start(&mut store, &module)?;
        Ok(Bare { store, instance })
    }

    /// Calls an exported function.
    pub fn call(&mut self, name: &str, params: &[Val]) -> Result<Vec<Val>, Ended> {
        let function = self.instance.get_func(&self.store, name);
        let function = function.ok_or_else(|| Ended::Other(format!("no function {name}")))?;
        let types = function.ty(&self.store);
        let mut results: Vec<Val> = types
            .results()
            .iter()
            .map(|ty| Val::default_for_ty(*ty))
            .collect();
        function.call(&mut self.store, params, &mut results)?;
        Ok(results)
    }

    /// Calls a plugin's `observe` as the protocol says, and returns the bytes of its result.
    pub fn observe(&mut self, config: &[u8]) -> Result<Vec<u8>, Ended> {
        let length = Val::I32(i32::try_from(config.len()).expect("a config is short"));
        let at = match *self
            .call("allocate", std::slice::from_ref(&length))?
            .as_slice()
        {
            [Val::I32(at)] => at.cast_unsigned() as usize,
            _ => return Err(Ended::Other("allocate returned no pointer".to_owned())),
        };
        self.memory_mut()[at..at + config.len()].copy_from_slice(config);
        let params = [Val::I32((at as u32).cast_signed()), length];
        let packed = match *self.call("observe", &params)?.as_slice() {
            [Val::I64(packed)] => packed.cast_unsigned(),
            _ => return Err(Ended::Other("observe returned no result".to_owned())),
        };
        let (at, length) = ((packed >> 32) as usize, packed as u32 as usize);
        Ok(self.memory()[at..at + length].to_vec())
    }

    /// The fuel that is left.
    pub fn fuel_left(&self) -> u64 {
        self.store.get_fuel().expect("fuel is counted")
    }

    /// What an instrumented module counted so far.
    pub fn counted(&self) -> Counted {
        let read = |name| match self.instance.get_global(&self.store, name) {
            Some(global) => match global.get(&self.store) {
                Val::I64(number) => number.cast_unsigned(),
                other => panic!("{other:?}"),
            },
            None => panic!("{name}: the module is not instrumented"),
        };
        Counted {
            operators: read(OPERATORS),
            entries: read(ENTRIES),
        }
    }

    /// The memory that the module exports.
    pub fn memory(&self) -> &[u8] {
        let memory = self.instance.get_memory(&self.store, "memory");
        memory.expect("it exports a memory").data(&self.store)
    }

    fn memory_mut(&mut self) -> &mut [u8] {
        let memory = self.instance.get_memory(&self.store, "memory");
        memory
            .expect("it exports a memory")
            .data_mut(&mut self.store)
    }
}
