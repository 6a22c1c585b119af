//! The one function of Emscripten that standalone modules import: a notice for JavaScript that memory
//! has grown. It does nothing.

use super::imported::Imported;
use crate::{guest::Host, module::Offered};
use wasmi::{Caller, FuncType, ValType};

const MODULE: &str = "env";
const NOTIFY_MEMORY_GROWTH: &str = "emscripten_notify_memory_growth";

pub(super) fn define(linker: &mut Imported<'_>) -> Result<(), wasmi::Error> {
    let nothing = |_: Caller<'_, Host>, _memory: u32| {};
    linker.func_wrap(MODULE, NOTIFY_MEMORY_GROWTH, nothing)?;
    Ok(())
}

/// The same function with its type.
pub(super) fn offered() -> Offered {
    Offered {
        module: MODULE.into(),
        name: NOTIFY_MEMORY_GROWTH.into(),
        ty: FuncType::new([ValType::I32], []),
        listed: false,
    }
}
