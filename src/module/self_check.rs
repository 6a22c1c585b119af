//! Is this build of the engine sound? Tests of this crate cannot say, since each program builds its own: where
//! the engine goes from one instruction to the next by tail calls, the compiler must make jumps of them. If not,
//! each instruction leaves a frame on the native stack, and a long loop aborts the process. So every operator that a
//! plugin can have is run a few times, once in a process, and the native stack is measured.

#[cfg(test)]
mod generate;
#[cfg(test)]
mod reached;

use super::{
    engine_build::{IS_PORTABLE, dispatch, is_slow},
    growth::{GROWTH_EXPORT, MEMORY_ELEMENT, MEMORY_EXPORT, table_element, table_export},
    native_stack::Depths,
};
use crate::{error::BuildError, limits::StackLimit, sync::OnceLock};
use alloc::string::{String, ToString};
use wasmi::{
    Caller, CompilationMode, Func, FuncType, Instance, Memory, Module, Nullable, Ref, RefType,
    Store, Table, TypedFunc, Val, ValType,
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

/// Checks this build of the engine, once in a process.
pub(crate) fn dispatch_is_sound() -> Result<(), BuildError> {
    if IS_PORTABLE || is_unoptimised_loop() {
        return Ok(());
    }
    match measured() {
        Ok(None) => Ok(()),
        Ok(Some(Leak { growth, turns })) => Err(BuildError::UnsoundDispatch {
            growth: *growth,
            turns: *turns,
        }),
        Err(error) => Err(BuildError::SelfCheck(error.as_str().into())),
    }
}

/// Without optimisation the engine has no tail calls, and the checks would take half a second. Where tail calls are
/// broken, growing the memory leaves frames; that alone would not do, since a compiler may yet make a jump of it.
fn is_unoptimised_loop() -> bool {
    cfg!(debug_assertions) && dispatch() == "portable" && is_slow()
}

/// Some turns that ended deeper on the native stack than they began.
struct Leak {
    /// In bytes.
    growth: usize,
    turns: i32,
}

/// Runs the checks once in a process.
fn measured() -> Result<&'static Option<Leak>, &'static String> {
    static MEASURED: OnceLock<Result<Option<Leak>, String>> = OnceLock::new();
    let measured = MEASURED.get_or_init(|| measure().map_err(|error| error.to_string()));
    measured.as_ref()
}

fn measure() -> Result<Option<Leak>, wasmi::Error> {
    for module in MODULES {
        let mut checks = Checks::new(module)?;
        for turns in TURNS {
            for check in 0..checks.count {
                let growth = checks.run(check, turns)?;
                if growth > 0 {
                    return Ok(Some(Leak { growth, turns }));
                }
            }
        }
    }
    Ok(None)
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
mod tests {
    use super::{
        super::{read, write},
        *,
    };
    use crate::limits::ModuleLimits;

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
        const UPDATE: &str = "run this test with TOLLGATE_UPDATE=1";
        assert!(
            is_generated("numbers", NUMBERS, &generate::numbers()),
            "{UPDATE}"
        );
        #[cfg(feature = "simd")]
        assert!(
            is_generated("vectors", VECTORS, &generate::vectors()),
            "{UPDATE}"
        );
    }

    #[test]
    fn this_build_of_the_engine_is_sound() {
        let leak = measure().unwrap();
        assert_eq!(leak.map(|leak| leak.growth), None);
        assert_eq!(dispatch_is_sound(), Ok(()));
    }

    /// Bytes of native stack: 20 000 turns that leave one word each would need more.
    const STACK: usize = 256 << 10;

    #[test]
    fn every_operator_runs_for_long_on_a_small_stack() {
        let turns = match std::env::var_os("TOLLGATE_TESTS") {
            Some(all) if all == "all" => 100_000,
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
}
