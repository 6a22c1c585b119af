//! The functions that plugins may import: they decode guest bytes into effects and encode the
//! replies, and know nothing about policy or the operating system. Two dialects of the same
//! effects: `host` speaks packed JSON, `wasi` speaks file descriptors.

mod host;
mod path;
pub(crate) mod wasi;

use crate::{
    custom::Customs,
    error::Fault,
    guest::{Host, Stop},
    module::Offered,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use wasmi::Linker;

/// A linker with every function that this host offers.
pub(crate) fn linker(
    engine: &wasmi::Engine,
    customs: &Customs,
) -> Result<Linker<Host>, wasmi::Error> {
    let mut linker = Linker::new(engine);
    host::define(&mut linker, customs)?;
    wasi::define(&mut linker)?;
    Ok(linker)
}

/// The same functions with their types, for the contract check.
pub(crate) fn offered(customs: &Customs) -> Vec<Offered> {
    let mut offered = host::offered(customs);
    offered.extend(wasi::offered());
    offered
}

/// A panic must not reach the engine, whose frames cannot be unwound: the process would abort.
fn contain<T>(function: impl FnOnce() -> Result<T, Stop>) -> Result<T, wasmi::Error> {
    let outcome = catch_unwind(AssertUnwindSafe(function)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        Err(Fault::Host(format!("a host function panicked: {text}").into()).into())
    });
    Ok(outcome?)
}
