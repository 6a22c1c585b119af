//! Checks whether the compiler turned the engine's tail calls into jumps, which depends on the build.
//! If it did not, each instruction leaves a frame on the native stack, and a long loop aborts the
//! process. So builds without `portable-dispatch` first run a short loop and measure the stack.

use crate::{error::BuildError, limits::StackLimit};
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};
use wasmi::{Caller, CompilationMode, Linker, Module, Store};

/// Assembled from the text beside it; a test compares them.
const LOOP: &[u8] = include_bytes!("self_check.wasm");

/// Enough turns to detect one leaked word per turn, and few enough for any thread's stack.
const TURNS: i32 = 256;

/// More than this between the shallowest and the deepest turn is a leak.
const TOLERANCE: usize = 2048;

/// Checks this build of the engine, once in a process.
pub(crate) fn dispatch_is_sound() -> Result<(), BuildError> {
    static VERDICT: OnceLock<Result<(), BuildError>> = OnceLock::new();
    if cfg!(feature = "portable-dispatch") {
        return Ok(());
    }
    VERDICT
        .get_or_init(|| match stack_growth() {
            Ok(growth) if growth <= TOLERANCE => Ok(()),
            Ok(growth) => Err(BuildError::UnsoundDispatch {
                growth,
                turns: TURNS,
            }),
            Err(error) => Err(BuildError::SelfCheck(error.to_string().into())),
        })
        .clone()
}

/// How much deeper the native stack was in the deepest turn than in the shallowest, in bytes.
fn stack_growth() -> Result<usize, wasmi::Error> {
    let engine = super::engine(StackLimit::default(), CompilationMode::Eager);
    let module = Module::new(&engine, LOOP)?;
    let (low, high) = (
        Arc::new(AtomicUsize::new(usize::MAX)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut linker = Linker::<()>::new(&engine);
    let seen = (low.clone(), high.clone());
    linker.func_wrap("self", "probe", move |_: Caller<'_, ()>| {
        let here = 0u8;
        let depth = std::hint::black_box(&raw const here).addr();
        seen.0.fetch_min(depth, Ordering::Relaxed);
        seen.1.fetch_max(depth, Ordering::Relaxed);
    })?;
    let mut store = Store::new(&engine, ());
    store.set_fuel(u64::MAX)?;
    let instance = linker.instantiate_and_start(&mut store, &module)?;
    instance
        .get_typed_func::<i32, ()>(&store, "run")?
        .call(&mut store, TURNS)?;
    Ok(high
        .load(Ordering::Relaxed)
        .saturating_sub(low.load(Ordering::Relaxed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_is_assembled_from_its_text() {
        let text = include_str!("self_check.wat");
        let assembled = wat::parse_str(text).unwrap();
        if std::env::var_os("TOLLGATE_UPDATE").is_some() {
            std::fs::write("src/module/self_check.wasm", &assembled).unwrap();
        }
        assert_eq!(assembled, LOOP, "run this test with TOLLGATE_UPDATE=1");
    }

    #[test]
    fn this_build_of_the_engine_is_sound() {
        assert!(stack_growth().unwrap() <= TOLERANCE);
        assert_eq!(dispatch_is_sound(), Ok(()));
    }
}
