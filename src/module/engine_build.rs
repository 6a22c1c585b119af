//! How the engine was compiled, which it does not report: its dispatch, and whether it was optimised.
//! Features and profiles of other packages decide both, and no build script of this one sees them. So
//! both are measured, once in a process and only if someone asks.

use super::native_stack::Depths;
use crate::{limits::StackLimit, sync::OnceLock};
use core::sync::atomic::{AtomicBool, Ordering};
#[cfg(feature = "std")]
use core::{hint::black_box, time::Duration};
use wasmi::{CompilationMode, Instance, Module, Store};

/// Assembled from the text beside it; a test compares them.
const MODULE: &[u8] = include_bytes!("engine_build.wasm");

/// Turns of the loop that grows. Each leaves some hundred bytes on the native stack at most.
const GROWING: i32 = 32;

/// Turns of the loop that is timed: 4 microseconds on a server, and 400 without optimisation.
const SPINNING: i32 = 500;

/// Characters that the standard library validates for comparison: it is optimised in every build, so the speed of
/// the machine does not matter. They take half as long as the loop in an optimised engine.
const CHARACTERS: usize = 2000;

/// Of so many runs the fastest counts: other programs interrupt some.
const RUNS: usize = 5;

/// Whether this crate turns on the engine's feature `portable-dispatch`, which overrides all others: because
/// someone asked for it, or because tail calls are unsound there (see `Cargo.toml`, which has the same condition).
pub(super) const IS_PORTABLE: bool = cfg!(any(feature = "portable-dispatch", target_arch = "x86"));

/// How the engine goes from one instruction to the next: `fast` (tail calls) or `portable` (a loop).
///
/// The instruction `memory.grow` of the engine makes its tail call as a call, at every optimisation level. It
/// leaves a frame on the native stack where the engine dispatches by tail calls, and none where it
/// returns to a loop. (A plugin's `memory.grow` is no such instruction where dispatch is fast.)
pub(crate) fn dispatch() -> &'static str {
    static FAST: OnceLock<bool> = OnceLock::new();
    let is_fast = || *FAST.get_or_init(|| stack_of_growing().is_ok_and(|bytes| bytes > 0));
    if !IS_PORTABLE && is_fast() {
        "fast"
    } else {
        "portable"
    }
}

/// Returns `true` once in a process, if this is a debug build whose engine was not optimised.
pub(crate) fn must_warn_of_slow_engine() -> bool {
    static WARNED: AtomicBool = AtomicBool::new(false);
    if !cfg!(debug_assertions) || WARNED.load(Ordering::Relaxed) {
        return false;
    }
    is_slow() && !WARNED.swap(true, Ordering::Relaxed)
}

/// Without a clock nobody can say.
#[cfg(not(feature = "std"))]
pub(super) fn is_slow() -> bool {
    false
}

/// Whether the engine was not optimised.
#[cfg(feature = "std")]
pub(super) fn is_slow() -> bool {
    static SLOW: OnceLock<bool> = OnceLock::new();
    let measure = || times().is_ok_and(|(engine, standard)| is_unoptimised(engine, standard));
    *SLOW.get_or_init(measure)
}

/// Decides from the time that the engine took, and that of the standard library. The engine takes about twice as
/// long if it is optimised, and 280 times as long if not.
#[cfg(feature = "std")]
fn is_unoptimised(engine: Duration, standard: Duration) -> bool {
    engine > standard.saturating_mul(20)
}

fn instance(seen: &Depths) -> Result<(Store<()>, Instance), wasmi::Error> {
    let engine = super::engine(StackLimit::default(), CompilationMode::Eager);
    seen.instantiate(&Module::new(&engine, MODULE)?)
}

#[cfg(feature = "std")]
fn times() -> Result<(Duration, Duration), wasmi::Error> {
    let (mut store, instance) = instance(&Depths::default())?;
    let spin = instance.get_typed_func::<i32, i32>(&store, "spin")?;
    let text = "é".repeat(CHARACTERS);
    let mut engine = Duration::MAX;
    let mut standard = Duration::MAX;
    for _ in 0..RUNS {
        let start = std::time::Instant::now();
        spin.call(&mut store, SPINNING)?;
        engine = engine.min(start.elapsed());
        let start = std::time::Instant::now();
        let _ = black_box(str::from_utf8(black_box(text.as_bytes())));
        standard = standard.min(start.elapsed());
    }
    Ok((engine, standard))
}

fn stack_of_growing() -> Result<usize, wasmi::Error> {
    let seen = Depths::default();
    let (mut store, instance) = instance(&seen)?;
    let grow = instance.get_typed_func::<(i32, i32), ()>(&store, "grow")?;
    grow.call(&mut store, (GROWING, 0))?;
    Ok(seen.growth())
}

#[cfg(test)]
mod tests {
    use super::super::engine_name::tests::check_assembled;
    use super::*;

    #[test]
    fn the_module_is_assembled_from_its_text() {
        check_assembled("engine_build", MODULE);
    }

    #[test]
    fn the_engine_is_unoptimised_where_it_is_far_slower_than_the_standard_library() {
        let nanos = Duration::from_nanos;
        // Of this loop and this text on a server, with and without optimisation.
        for (engine, standard, expected) in [
            (3_900, 2_000, false),
            (424_000, 1_500, true),
            (10 * 3_900, 10 * 2_000, false),
            (10 * 424_000, 10 * 1_500, true),
            (0, 0, false),
        ] {
            let is = is_unoptimised(nanos(engine), nanos(standard));
            assert_eq!(is, expected, "{engine} {standard}");
        }
    }

    /// The tests of this workspace have an optimised engine in every profile, and features choose its dispatch.
    #[test]
    fn the_dispatch_is_the_one_that_the_features_choose() {
        let expected = if IS_PORTABLE { "portable" } else { "fast" };
        assert_eq!(dispatch(), expected);
        let leaks = stack_of_growing().unwrap() > 0;
        assert_eq!(leaks, expected == "fast");
    }

    #[test]
    fn both_are_timed() {
        let (engine, standard) = times().unwrap();
        assert!(engine > Duration::ZERO && standard > Duration::ZERO);
        assert!(engine < Duration::MAX && standard < Duration::MAX);
    }
}
