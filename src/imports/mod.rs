//! The functions that plugins may import. They decode guest bytes into effects and encode the
//! replies; they decide nothing and do not use the operating system. There are two dialects of the
//! same effects: packed JSON in `host`, file descriptors in `wasi`.

mod custom;
#[cfg(feature = "wasi")]
mod emscripten;
#[cfg(feature = "host-functions")]
mod host;
mod imported;
mod json_calls;
#[cfg(feature = "wasi")]
mod wasi;

use crate::{
    effect::{Answer, MOST_LISTED, Refusal, Reply},
    gate::HostFunctions,
    guest::{Host, Stop},
    module::Offered,
};
use alloc::vec::Vec;
use imported::Imported;
use wasmi::Linker;

/// A linker with the functions of this host that a module imports.
pub(crate) fn linker(
    module: &wasmi::Module,
    host_functions: &HostFunctions,
) -> Result<Linker<Host>, wasmi::Error> {
    let mut imported = Imported::by(module);
    for function in &host_functions.functions {
        custom::define(&mut imported, function)?;
    }
    #[cfg(feature = "host-functions")]
    host::define(&mut imported)?;
    #[cfg(feature = "wasi")]
    {
        wasi::define(&mut imported)?;
        emscripten::define(&mut imported)?;
    }
    Ok(imported.linker())
}

/// Every function that this host offers with its type, for the contract check.
pub(crate) fn offered(host_functions: &HostFunctions) -> Vec<Offered> {
    let mut offered = Vec::new();
    #[cfg(feature = "host-functions")]
    offered.extend(host::offered());
    offered.extend(host_functions.functions.iter().map(custom::offered));
    #[cfg(feature = "wasi")]
    {
        offered.extend(wasi::offered());
        offered.push(emscripten::offered());
    }
    offered
}

/// The bytes that each entry of a directory counts for, in addition to its name: it is read from the
/// system, kept and sorted.
const ENTRY_BYTES: u64 = 64;
/// So many entries are free: listing them costs no more than the call of the host function.
const ENTRIES_OF_A_CALL: u64 = 32;

/// The price of listing a directory, in bytes: all that the host read, however much of it the guest
/// gets.
fn price_of_listing(reply: &Reply) -> u64 {
    match reply {
        Ok(Answer::Entries(entries)) => {
            let names: u64 = entries.iter().map(|entry| entry.name.len() as u64).sum();
            let more = (entries.len() as u64).saturating_sub(ENTRIES_OF_A_CALL);
            names.saturating_add(more * ENTRY_BYTES)
        }
        // There were too many, and so many were read.
        Err(Refusal::Failed(failure)) if failure.code == "ENOMEM" => {
            MOST_LISTED as u64 * ENTRY_BYTES
        }
        _ => 0,
    }
}

/// A panic must not reach the engine, whose frames cannot be unwound: the process would abort.
#[cfg(feature = "std")]
fn contain<T>(function: impl FnOnce() -> Result<T, Stop>) -> Result<T, wasmi::Error> {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    let outcome = catch_unwind(AssertUnwindSafe(function)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        Err(crate::error::Fault::Host(format!("a host function panicked: {text}").into()).into())
    });
    Ok(outcome?)
}

/// Without the standard library, a panic ends the program in any case.
#[cfg(not(feature = "std"))]
fn contain<T>(function: impl FnOnce() -> Result<T, Stop>) -> Result<T, wasmi::Error> {
    Ok(function()?)
}

#[cfg(test)]
mod tests;
