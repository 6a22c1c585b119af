//! What tests of this crate cannot check about the engine, since each program builds its own. A short
//! loop with an instruction of every kind is run once in a process, and measured:
//!
//! * Did the compiler turn tail calls into jumps? If not, each instruction leaves a frame on the native
//!   stack, and a long loop aborts the process. Builds without `portable-dispatch` check this first.
//! * Does this patch release of wasmi charge the fuel that figures and recordings hold for, in the module
//!   that is written for it?

use super::{read, write};
use crate::{
    error::BuildError,
    limits::{ModuleLimits, StackLimit},
};
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};
use wasmi::{Caller, CompilationMode, Instance, Linker, Module, Store};

/// Assembled from the text beside it; a test compares them.
const LOOP: &[u8] = include_bytes!("self_check.wasm");

/// Enough turns to detect one leaked word per turn, and few enough for any thread's stack.
const TURNS: i32 = 256;

/// The fuel of these turns in the version that the figures of this crate hold for.
const FUEL: u64 = 34_817;

/// More than this between the shallowest and the deepest turn is a leak.
const TOLERANCE: usize = 2048;

/// Checks this build of the engine, once in a process.
pub(crate) fn dispatch_is_sound() -> Result<(), BuildError> {
    if cfg!(feature = "portable-dispatch") {
        return Ok(());
    }
    match measured() {
        Ok(Measured { growth, .. }) if *growth <= TOLERANCE => Ok(()),
        Ok(Measured { growth, .. }) => Err(BuildError::UnsoundDispatch {
            growth: *growth,
            turns: TURNS,
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

/// What the loop showed.
struct Measured {
    /// How much deeper the native stack was in the deepest turn than in the shallowest, in bytes.
    growth: usize,
    fuel: u64,
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
        let mut store = Store::new(module.engine(), ());
        store.set_fuel(u64::MAX)?;
        let instance = linker.instantiate_and_start(&mut store, module)?;
        Ok((store, instance))
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
    let engine = super::engine(StackLimit::default(), CompilationMode::Eager);
    let reading = read::read(LOOP, &ModuleLimits::default());
    let written = reading.and_then(|mut reading| write::write(&mut reading));
    let written = written.map_err(|error| wasmi::Error::new(error.to_string()))?;
    let module = Module::new(&engine, &written.bytes)?;
    let seen = Depths::default();
    let (mut store, instance) = seen.instantiate(&module)?;
    instance
        .get_typed_func::<i32, ()>(&store, "run")?
        .call(&mut store, TURNS)?;
    Ok(Measured {
        growth: seen.growth(),
        fuel: u64::MAX.saturating_sub(store.get_fuel()?),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Compares a module with the text beside it, and assembles it again on request.
    pub(in super::super) fn check_assembled(name: &str, module: &[u8]) {
        let text = std::fs::read_to_string(format!("src/module/{name}.wat")).unwrap();
        let assembled = wat::parse_str(text).unwrap();
        if std::env::var_os("TOLLGATE_UPDATE").is_some() {
            std::fs::write(format!("src/module/{name}.wasm"), &assembled).unwrap();
        }
        assert_eq!(assembled, module, "run this test with TOLLGATE_UPDATE=1");
    }

    #[test]
    fn the_module_is_assembled_from_its_text() {
        check_assembled("self_check", LOOP);
    }

    #[test]
    fn this_build_of_the_engine_is_sound() {
        assert!(measure().unwrap().growth <= TOLERANCE);
        assert_eq!(dispatch_is_sound(), Ok(()));
    }

    #[test]
    fn the_engine_charges_the_fuel_that_recordings_hold_for() {
        assert_eq!(measure().unwrap().fuel, FUEL);
        assert_eq!(engine_name(), "wasmi 2.0.0, fuel rules 2");
    }
}
