//! What tests of this crate cannot check about the engine, since each program builds its own. Every operator
//! that a plugin can have is run a few times, once in a process, and measured:
//!
//! * Did the compiler turn tail calls into jumps? If not, each instruction leaves a frame on the native
//!   stack, and a long loop aborts the process. Builds without `portable-dispatch` check this first.
//! * Does this patch release of wasmi charge the fuel that figures and recordings hold for, in modules that
//!   are written for it?

#[cfg(test)]
mod generate;
#[cfg(test)]
mod reached;

use super::growth::{GROWTH_EXPORT, MEMORY_ELEMENT, MEMORY_EXPORT, table_element, table_export};
use crate::{error::BuildError, limits::StackLimit};
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};
use wasmi::{
    Caller, CompilationMode, Func, FuncType, Instance, Linker, Memory, Module, Nullable, Ref,
    RefType, Store, Table, TypedFunc, Val, ValType,
};

/// What runs in place of the module that `generate` makes, like the next one; a test compares them. Each module
/// has functions of some operators each, the checks, and runs one of them so many times.
const NUMBERS: &[u8] = include_bytes!("self_check/numbers.wasm");

#[cfg(feature = "simd")]
const VECTORS: &[u8] = include_bytes!("self_check/vectors.wasm");

const MODULES: &[&[u8]] = &[
    NUMBERS,
    #[cfg(feature = "simd")]
    VECTORS,
];

/// How often each check is run, first two times and then four. The operands have three values by turns, so each
/// branch goes both ways, and a turn of each value comes after the first one. Where every instruction leaks, two
/// turns are few enough for any thread's stack, and show it.
const TURNS: [i32; 2] = [2, 4];

/// The fuel of all checks for numbers in the version that the figures of this crate hold for.
const FUEL: u64 = 49_567;

/// Checks this build of the engine, once in a process.
pub(crate) fn dispatch_is_sound() -> Result<(), BuildError> {
    if cfg!(feature = "portable-dispatch") {
        return Ok(());
    }
    match measured() {
        Ok(Measured { leak: None, .. }) => Ok(()),
        Ok(Measured {
            leak: Some(Leak { growth, turns }),
            ..
        }) => Err(BuildError::UnsoundDispatch {
            growth: *growth,
            turns: *turns,
        }),
        Err(error) => Err(BuildError::SelfCheck(error.as_str().into())),
    }
}

/// The engine as transcripts and baked modules name it. Cargo may select a later patch release of
/// wasmi, and does not report which; the name says whether it charges the same fuel. Its number grows
/// when modules are written differently (see `regions`), so that they are charged differently: 1 is that
/// of transcripts whose engine is "wasmi 2.0.0".
pub(crate) fn engine_name() -> &'static str {
    match measured() {
        Ok(measured) if measured.fuel == FUEL => "wasmi 2.0.0, fuel rules 2",
        _ => "wasmi 2.0 with other fuel costs",
    }
}

/// What the checks showed.
struct Measured {
    leak: Option<Leak>,
    /// Of the checks for numbers.
    fuel: u64,
}

/// Some turns that ended deeper on the native stack than they began.
struct Leak {
    /// In bytes.
    growth: usize,
    turns: i32,
}

/// How deep the native stack was whenever a module called the host.
#[derive(Clone)]
pub(super) struct Depths {
    low: Arc<AtomicUsize>,
    high: Arc<AtomicUsize>,
}

impl Default for Depths {
    fn default() -> Depths {
        Depths {
            low: Arc::new(AtomicUsize::new(usize::MAX)),
            high: Arc::default(),
        }
    }
}

impl Depths {
    /// Instantiates a module that calls the host by `self.probe`, with all fuel.
    pub(super) fn instantiate(
        &self,
        module: &Module,
    ) -> Result<(Store<()>, Instance), wasmi::Error> {
        let mut linker = Linker::<()>::new(module.engine());
        let seen = self.clone();
        linker.func_wrap("self", "probe", move |_: Caller<'_, ()>| {
            let here = 0u8;
            let depth = std::hint::black_box(&raw const here).addr();
            seen.low.fetch_min(depth, Ordering::Relaxed);
            seen.high.fetch_max(depth, Ordering::Relaxed);
        })?;
        linker.func_wrap("self", "host", |value: i32| value)?;
        let mut store = Store::new(module.engine(), ());
        store.set_fuel(u64::MAX)?;
        let instance = linker.instantiate_and_start(&mut store, module)?;
        Ok((store, instance))
    }

    fn forget(&self) {
        self.low.store(usize::MAX, Ordering::Relaxed);
        self.high.store(0, Ordering::Relaxed);
    }

    /// Bytes between the shallowest and the deepest call.
    pub(super) fn growth(&self) -> usize {
        let (low, high) = (&self.low, &self.high);
        high.load(Ordering::Relaxed)
            .saturating_sub(low.load(Ordering::Relaxed))
    }
}

/// Runs the loop once in a process.
fn measured() -> Result<&'static Measured, &'static String> {
    static MEASURED: OnceLock<Result<Measured, String>> = OnceLock::new();
    let measured = MEASURED.get_or_init(|| measure().map_err(|error| error.to_string()));
    measured.as_ref()
}

fn measure() -> Result<Measured, wasmi::Error> {
    let mut fuel = 0;
    for module in MODULES {
        let mut checks = Checks::new(module)?;
        for turns in TURNS {
            for check in 0..checks.count {
                let growth = checks.run(check, turns)?;
                if growth > 0 {
                    let leak = Some(Leak { growth, turns });
                    return Ok(Measured { leak, fuel });
                }
            }
        }
        if *module == NUMBERS {
            fuel = u64::MAX.saturating_sub(checks.store.get_fuel()?);
        }
    }
    Ok(Measured { leak: None, fuel })
}

/// A module of checks.
struct Checks {
    store: Store<()>,
    run: TypedFunc<(i32, i32), ()>,
    /// How many there are.
    count: i32,
    seen: Depths,
}

impl Checks {
    fn new(bytes: &[u8]) -> Result<Checks, wasmi::Error> {
        let engine = super::engine(StackLimit::default(), CompilationMode::Eager);
        let seen = Depths::default();
        let (mut store, instance) = seen.instantiate(&Module::new(&engine, bytes)?)?;
        grow_by_the_host(&mut store, &instance)?;
        let run = instance.get_typed_func(&store, "run")?;
        let count = instance.get_global(&store, "checks");
        let count = count.and_then(|count| count.get(&store).i32());
        Ok(Checks {
            store,
            run,
            count: count.unwrap_or_default(),
            seen,
        })
    }

    /// Runs a check so many times. Returns how much deeper the native stack was in the deepest turn than in
    /// the shallowest, in bytes.
    fn run(&mut self, check: i32, turns: i32) -> Result<usize, wasmi::Error> {
        self.seen.forget();
        self.run.call(&mut self.store, (check, turns))?;
        Ok(self.seen.growth())
    }
}

/// Lets the memory and the tables grow as in a plugin (see `guest::growth`), for nothing.
fn grow_by_the_host(store: &mut Store<()>, instance: &Instance) -> Result<(), wasmi::Error> {
    let Some(ours) = instance.get_table(&*store, GROWTH_EXPORT) else {
        return Ok(());
    };
    let put = |store: &mut Store<()>, element: u32, function: Func| {
        let set = ours.set(store, element.into(), Ref::Func(Nullable::Val(function)));
        set.map_err(|error| wasmi::Error::new(error.to_string()))
    };
    if let Some(memory) = instance.get_memory(&*store, MEMORY_EXPORT) {
        let grow = move |caller: Caller<'_, ()>, more: u32| grow_memory(memory, caller, more);
        let function = Func::wrap(&mut *store, grow);
        put(store, MEMORY_ELEMENT, function)?;
    }
    for index in 0..ours.size(&*store) {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        if let Some(table) = instance.get_table(&*store, &table_export(index)) {
            let function = grows_table(store, table);
            put(store, table_element(index), function)?;
        }
    }
    Ok(())
}

fn grow_memory(memory: Memory, caller: Caller<'_, ()>, more: u32) -> i32 {
    let before = memory.grow(caller, more.into());
    before.map_or(-1, |pages| i32::try_from(pages).unwrap_or(-1))
}

fn grows_table(store: &mut Store<()>, table: Table) -> Func {
    let of = match table.ty(&*store).element() {
        RefType::Func => ValType::FuncRef,
        RefType::Extern => ValType::ExternRef,
    };
    let ty = FuncType::new([of, ValType::I32], [ValType::I32]);
    Func::new(store, ty, move |caller: Caller<'_, ()>, params, results| {
        let before = match params {
            [Val::FuncRef(value), Val::I32(more)] => {
                table.grow(caller, more.cast_unsigned().into(), Ref::Func(*value))
            }
            [Val::ExternRef(value), Val::I32(more)] => {
                table.grow(caller, more.cast_unsigned().into(), Ref::Extern(*value))
            }
            _ => return Err(wasmi::Error::new("called with other types than it has")),
        };
        if let [result] = results {
            *result = Val::I32(before.map_or(-1, |size| i32::try_from(size).unwrap_or(-1)));
        }
        Ok(())
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::{
        super::{read, write},
        *,
    };
    use crate::limits::ModuleLimits;

    /// Compares a module with the text beside it, and assembles it again on request.
    pub(in super::super) fn check_assembled(name: &str, module: &[u8]) {
        let text = std::fs::read_to_string(format!("src/module/{name}.wat")).unwrap();
        let assembled = wat::parse_str(text).unwrap();
        if std::env::var_os("TOLLGATE_UPDATE").is_some() {
            std::fs::write(format!("src/module/{name}.wasm"), &assembled).unwrap();
        }
        assert_eq!(assembled, module, "run this test with TOLLGATE_UPDATE=1");
    }

    /// Compares a module with what is generated, and writes it on request.
    fn is_generated(name: &str, module: &[u8], text: &str) -> bool {
        let assembled = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
        let mut reading = read::read(&assembled, &ModuleLimits::default()).unwrap();
        let written = write::write(&mut reading).unwrap().bytes;
        if std::env::var_os("TOLLGATE_UPDATE").is_some() {
            let path = format!("src/module/self_check/{name}.wasm");
            std::fs::write(path, &written).unwrap();
        }
        written == module
    }

    #[test]
    fn the_modules_are_those_that_are_generated() {
        let mut same = is_generated("numbers", NUMBERS, &generate::numbers());
        #[cfg(feature = "simd")]
        {
            same &= is_generated("vectors", VECTORS, &generate::vectors());
        }
        assert!(same, "run this test with TOLLGATE_UPDATE=1");
    }

    #[test]
    fn this_build_of_the_engine_is_sound() {
        let leak = measure().unwrap().leak;
        assert_eq!(leak.map(|leak| leak.growth), None);
        assert_eq!(dispatch_is_sound(), Ok(()));
    }

    /// Bytes of native stack: 20 000 turns that leave one word each would need more.
    const STACK: usize = 256 << 10;

    #[test]
    fn every_operator_runs_for_long_on_a_small_stack() {
        let turns = match std::env::var_os("TOLLGATE_TESTS") {
            Some(all) if all == "all" => 200_000,
            _ => 20_000,
        };
        let in_thread = move || {
            for module in MODULES {
                let mut checks = Checks::new(module).unwrap();
                for check in 0..checks.count {
                    assert_eq!(checks.run(check, turns).unwrap(), 0, "{check}");
                }
            }
        };
        let small = std::thread::Builder::new().stack_size(STACK);
        small.spawn(in_thread).unwrap().join().unwrap();
    }

    #[test]
    fn the_engine_charges_the_fuel_that_recordings_hold_for() {
        assert_eq!(measure().unwrap().fuel, FUEL);
        assert_eq!(engine_name(), "wasmi 2.0.0, fuel rules 2");
    }
}
