//! The same module twice: as a plugin, and straight on the engine, which rewrites nothing, forks
//! nothing and translates everything at once. What comes of it must be the same. What it costs is less: the
//! bare engine charges for code that does not run.

use crate::{
    modules::{smith_with, without_imports},
    run::{checked, limits, runtime},
    world::Seen,
};
use tollgate::{Config, Error, Observation, abi};
use wasmi::{CompilationMode, Engine, Linker, Module, Store, TrapCode};

const CONFIG: &str = r#"{"a":[1,2]}"#;

/// A module without imports, by both ways and in each of the engine's modes.
pub fn bare_engine(data: &[u8]) {
    let Some((module, _)) = smith_with(data, without_imports()) else {
        return;
    };
    let seen = Seen::default();
    let runtime = runtime(&[], &seen);
    let Ok(plugin) = runtime.load("fuzzed", &module) else {
        return;
    };
    let config: Config = CONFIG.parse().expect("it is an object");
    assert_eq!(abi::to_json(config.values()), CONFIG.as_bytes());
    let outcome = plugin.observe(&config);
    for mode in [
        CompilationMode::Eager,
        CompilationMode::LazyTranslation,
        CompilationMode::Lazy,
    ] {
        let Some(bare) = run(&module, mode) else {
            return;
        };
        compare(&outcome, &bare, mode);
    }
    // The second call may begin in a copy of what the first one's initialisation left.
    let text = |outcome: Result<Observation, Error>| {
        let usage = outcome
            .as_ref()
            .map_or_else(Error::usage, |seen| Some(&seen.usage))
            .copied();
        (checked(outcome).map(|seen| seen.evidence), usage)
    };
    assert_eq!(text(plugin.observe(&config)), text(outcome));
}

fn compare(outcome: &Result<Observation, Error>, bare: &Bare, mode: CompilationMode) {
    let context = || format!("{outcome:?} and bare ({mode:?}) {bare:?}");
    let (export, usage) = match outcome {
        Ok(observation) => ("observe", observation.usage),
        Err(Error::Fault { export, usage, .. } | Error::Protocol { export, usage, .. }) => {
            (*export, **usage)
        }
        Err(_) => panic!("{}", context()),
    };
    let text = outcome
        .as_ref()
        .err()
        .map(Error::report)
        .unwrap_or_default();
    let is_exhausted = matches!(bare.end, End::Trapped(Some(TrapCode::OutOfFuel)));
    if is_exhausted || text.contains("of fuel") {
        // The other one had more for its fuel.
        return;
    }
    let matches = match &bare.end {
        End::Trapped(Some(TrapCode::StackOverflow)) => text.contains("overflowed the stack"),
        End::Trapped(Some(code)) => text.contains(&code.to_string()),
        End::Trapped(None) => !text.is_empty(),
        End::NoBuffer => text.contains("returned null pointer"),
        End::BufferOutOfBounds => text.contains("does not fit"),
        // What is at that place is hardly ever evidence, and it does not matter here.
        End::Returned => true,
    };
    assert!(matches, "{}", context());
    assert_eq!(export, bare.during, "{}", context());
    // A unit for each region that is entered may come on top.
    assert!(usage.fuel <= bare.fuel.saturating_mul(2), "{}", context());
    if bare.pages.is_some() {
        assert_eq!(Some(usage.peak_memory_pages), bare.pages, "{}", context());
    }
}

#[derive(Debug)]
enum End {
    Trapped(Option<TrapCode>),
    NoBuffer,
    BufferOutOfBounds,
    Returned,
}

/// How it went on the engine alone.
#[derive(Debug)]
struct Bare {
    during: &'static str,
    end: End,
    /// Fuel of the call, or of the initialisation if that failed, with the toll for bytes moved.
    fuel: u64,
    pages: Option<u64>,
}

/// Runs the module as the protocol says; `None` where the engine was refused memory or tables,
/// which plugins are told in their own way.
fn run(module: &[u8], mode: CompilationMode) -> Option<Bare> {
    let engine = engine(mode);
    let module = Module::new(&engine, module).expect("it was loaded as a plugin");
    let mut store = Store::new(&engine, Refusals::default());
    store.limiter(|refusals| refusals);
    let fuel = limits().fuel;
    let tollgate::FuelLimit::Units(fuel) = fuel else {
        panic!("there is a limit")
    };
    store.set_fuel(fuel).expect("fuel is on");
    let bare = steps(&mut store, &module, fuel);
    (store.data().0 == 0).then_some(bare)
}

fn steps(store: &mut Store<Refusals>, module: &Module, fuel: u64) -> Bare {
    let burnt = |store: &Store<Refusals>| fuel - store.get_fuel().unwrap_or(0);
    let stopped = |during, error: wasmi::Error, fuel, pages| Bare {
        during,
        end: End::Trapped(error.as_trap_code()),
        fuel,
        pages,
    };
    let linker = Linker::new(store.engine());
    let instance = match linker.instantiate_and_start(&mut *store, module) {
        Ok(instance) => instance,
        Err(error) => return stopped("instantiate", error, burnt(store), None),
    };
    let memory = instance
        .get_memory(&*store, "memory")
        .expect("it is exported");
    if let Ok(initialize) = instance.get_typed_func::<(), ()>(&*store, "_initialize")
        && let Err(error) = initialize.call(&mut *store, ())
    {
        let pages = Some(memory.size(&*store));
        return stopped("_initialize", error, burnt(store), pages);
    }
    let len = CONFIG.len() as u64;
    store.set_fuel(fuel - len).expect("fuel is on");
    let allocate = instance
        .get_typed_func::<i32, i32>(&*store, "allocate")
        .expect("exported");
    let observe = instance
        .get_typed_func::<(i32, i32), i64>(&*store, "observe")
        .expect("exported");
    let size = i32::try_from(len).expect("it is short");
    let ended = |store: &Store<Refusals>, during, end, toll| Bare {
        during,
        end,
        fuel: burnt(store) + toll,
        pages: Some(memory.size(store)),
    };
    let at = match allocate.call(&mut *store, size) {
        Ok(at) => at,
        Err(error) => {
            return ended(store, "allocate", End::Trapped(error.as_trap_code()), 0);
        }
    };
    if at == 0 {
        return ended(store, "observe", End::NoBuffer, 0);
    }
    let start = usize::try_from(at.cast_unsigned()).expect("32 bits fit");
    let space = memory.data_mut(&mut *store).get_mut(start..);
    match space.and_then(|space| space.get_mut(..CONFIG.len())) {
        Some(space) => space.copy_from_slice(CONFIG.as_bytes()),
        None => return ended(store, "observe", End::BufferOutOfBounds, 0),
    }
    match observe.call(&mut *store, (at, size)) {
        Err(error) => ended(store, "observe", End::Trapped(error.as_trap_code()), 0),
        Ok(packed) => {
            let (ptr, len) = (
                packed.cast_unsigned() >> 32,
                packed.cast_unsigned() & 0xFFFF_FFFF,
            );
            let there = ptr != 0 && ptr + len <= memory.data_size(&*store) as u64;
            let taken = there && len <= u64::from(limits().result_bytes);
            ended(store, "observe", End::Returned, if taken { len } else { 0 })
        }
    }
}

fn engine(mode: CompilationMode) -> Engine {
    let stack = limits().stack;
    let mut config = wasmi::Config::default();
    config
        .consume_fuel(true)
        .fuel_cost(wasmi::CustomFuelCosts {
            bytes_copied_per_fuel: 8,
            fuel_per_bytes_translated: 0,
            fuel_per_bytes_validated: 0,
        })
        .compilation_mode(mode)
        .set_max_recursion_depth(usize::try_from(stack.frames).unwrap_or(usize::MAX))
        .set_max_stack_height(usize::try_from(stack.bytes).unwrap_or(usize::MAX));
    Engine::new(&config)
}

/// Allows what plugins are allowed, and counts what it refused.
#[derive(Default)]
struct Refusals(u32);

impl Refusals {
    fn judge(&mut self, allowed: bool) -> Result<bool, wasmi_core::LimiterError> {
        self.0 += u32::from(!allowed);
        Ok(allowed)
    }
}

impl wasmi::ResourceLimiter for Refusals {
    fn memory_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> Result<bool, wasmi_core::LimiterError> {
        self.judge(desired as u64 <= u64::from(limits().memory.pages()) << 16)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> Result<bool, wasmi_core::LimiterError> {
        self.judge(desired as u64 <= u64::from(limits().table_elements))
    }

    fn instances(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        16
    }

    fn memories(&self) -> usize {
        1
    }
}
