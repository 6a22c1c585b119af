//! The engine as transcripts and baked modules name it: does this patch release of wasmi charge the fuel that
//! figures and recordings hold for, in the module that is written for it? Measured once in a process, since
//! Cargo may select a later release, and does not report which.

use super::{native_stack::Depths, read, write};
use crate::{
    limits::{ModuleLimits, StackLimit},
    sync::OnceLock,
};
use alloc::string::ToString;
use wasmi::{CompilationMode, Module};

/// A loop with an operator of every kind that plugins use. Assembled from the text beside it; a test compares them.
const LOOP: &[u8] = include_bytes!("engine_name.wasm");

const TURNS: i32 = 256;

/// The fuel of these turns in the version that the figures of this crate hold for.
const FUEL: u64 = 34_817;

/// The name says whether the engine charges the same fuel. Its number grows when modules are written differently (see
/// `regions`), so that they are charged differently: 1 is that of transcripts whose engine is "wasmi 2.0.0".
pub(crate) fn engine_name() -> &'static str {
    static SAME: OnceLock<bool> = OnceLock::new();
    match SAME.get_or_init(|| fuel().is_ok_and(|fuel| fuel == FUEL)) {
        true => "wasmi 2.0.0, fuel rules 2",
        false => "wasmi 2.0 with other fuel costs",
    }
}

fn fuel() -> Result<u64, wasmi::Error> {
    let engine = super::engine(StackLimit::default(), CompilationMode::Eager);
    let reading = read::read(LOOP, &ModuleLimits::default());
    let written = reading.and_then(|mut reading| write::write(&mut reading));
    let written = written.map_err(|error| wasmi::Error::new(error.to_string()))?;
    let module = Module::new(&engine, &written.bytes)?;
    let (mut store, instance) = Depths::default().instantiate(&module)?;
    let run = instance.get_typed_func::<i32, ()>(&store, "run")?;
    run.call(&mut store, TURNS)?;
    Ok(u64::MAX.saturating_sub(store.get_fuel()?))
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
        check_assembled("engine_name", LOOP);
    }

    #[test]
    fn the_engine_charges_the_fuel_that_recordings_hold_for() {
        assert_eq!(fuel().unwrap(), FUEL);
        assert_eq!(engine_name(), "wasmi 2.0.0, fuel rules 2");
    }
}
