//! Growing the memory and the tables for the guest: what `memory.grow` and `table.grow` call in the module
//! that runs (see `module::growth`). The answers and the price are the engine's; that it is the host who
//! grows is not counted as a call of the host, and moves no bytes.

use super::{Host, Stop, run};
use crate::{
    limits::PAGE_BYTES,
    module::{
        BYTES_COPIED_PER_FUEL, GROWTH_EXPORT, Growth, MEMORY_ELEMENT, MEMORY_EXPORT, table_element,
        table_export,
    },
};
use alloc::string::ToString;
use wasmi::{
    Caller, Func, FuncType, Instance, Memory, Nullable, Ref, RefType, Store, Table, Val, ValType,
};

/// What the engine holds for an element of a table, in bytes.
const ELEMENT_BYTES: u64 = 4;

/// The most pages that a memory of 32 bits can have.
const MOST_PAGES: u64 = 1 << 16;

/// The most elements that the engine gives a table.
const MOST_ELEMENTS: u64 = u32::MAX as u64;

/// Puts the functions that grow into the table of a new instance.
pub(super) fn provide(
    store: &mut Store<Host>,
    instance: &Instance,
    growth: Growth,
) -> Result<(), wasmi::Error> {
    if growth.elements() == 0 {
        return Ok(());
    }
    let missing = || wasmi::Error::new("what the module grows cannot be reached");
    let ours = instance.get_table(&*store, GROWTH_EXPORT);
    let ours = ours.ok_or_else(missing)?;
    if growth.memory() {
        let memory = instance.get_memory(&*store, MEMORY_EXPORT);
        let memory = memory.ok_or_else(missing)?;
        let grow = move |mut caller: Caller<'_, Host>, more: u32| -> Result<u32, wasmi::Error> {
            Ok(grow_memory(&mut caller, memory, more)?)
        };
        let function = Func::wrap(&mut *store, grow);
        put(store, ours, MEMORY_ELEMENT, function)?;
    }
    for index in growth.tables() {
        let table = instance.get_table(&*store, &table_export(index));
        let function = table_function(store, table.ok_or_else(missing)?);
        put(store, ours, table_element(index), function)?;
    }
    Ok(())
}

fn put(
    store: &mut Store<Host>,
    table: Table,
    element: u32,
    function: Func,
) -> Result<(), wasmi::Error> {
    let function = Ref::Func(Nullable::Val(function));
    let set = table.set(&mut *store, element.into(), function);
    set.map_err(|error| wasmi::Error::new(error.to_string()))
}

/// The function that grows a table.
fn table_function(store: &mut Store<Host>, table: Table) -> Func {
    let reference = match table.ty(&*store).element() {
        RefType::Func => ValType::FuncRef,
        RefType::Extern => ValType::ExternRef,
    };
    let ty = FuncType::new([reference, ValType::I32], [ValType::I32]);
    Func::new(&mut *store, ty, move |mut caller, params, results| {
        let (value, more) = match params {
            [Val::FuncRef(value), Val::I32(more)] => (Ref::Func(*value), *more),
            [Val::ExternRef(value), Val::I32(more)] => (Ref::Extern(*value), *more),
            _ => return Err(wasmi::Error::new("called with other types than it has")),
        };
        let answer = grow_table(&mut caller, table, value, more.cast_unsigned())?;
        if let [result] = results {
            *result = Val::I32(answer.cast_signed());
        }
        Ok(())
    })
}

fn grow_memory(caller: &mut Caller<'_, Host>, memory: Memory, more: u32) -> Result<u32, Stop> {
    let more = u64::from(more);
    let wanted = memory.size(&*caller) + more;
    let most = memory.ty(&*caller).maximum().unwrap_or(MOST_PAGES);
    let fits =
        wanted <= most.min(MOST_PAGES) && caller.data().limiter.allows_memory(wanted * PAGE_BYTES);
    begin(caller, fits, more * PAGE_BYTES)?;
    let grown = memory.grow(&mut *caller, more);
    answer(caller, grown.ok())
}

fn grow_table(
    caller: &mut Caller<'_, Host>,
    table: Table,
    value: Ref,
    more: u32,
) -> Result<u32, Stop> {
    let more = u64::from(more);
    let wanted = table.size(&*caller) + more;
    let most = table.ty(&*caller).maximum().unwrap_or(MOST_ELEMENTS);
    let fits = wanted <= most.min(MOST_ELEMENTS) && caller.data().limiter.allows_elements(more);
    begin(caller, fits, more * ELEMENT_BYTES)?;
    let grown = table.grow(&mut *caller, more, value);
    answer(caller, grown.ok())
}

/// Takes the fuel for so many bytes, before they are allocated, if they will be.
fn begin(caller: &mut Caller<'_, Host>, fits: bool, bytes: u64) -> Result<(), Stop> {
    run::check_interrupt(&*caller)?;
    // The call has two operators in place of one.
    let paid = caller.get_fuel()?.saturating_add(1);
    caller.set_fuel(paid)?;
    match fits {
        true => run::charge(caller, bytes / u64::from(BYTES_COPIED_PER_FUEL)),
        false => Ok(()),
    }
}

/// What the guest gets: the size before, or -1. The engine does not say why it refused; the limiter knows
/// whether the call ends with it.
fn answer(caller: &Caller<'_, Host>, before: Option<u64>) -> Result<u32, Stop> {
    match before.map(u32::try_from) {
        Some(Ok(before)) => Ok(before),
        _ => match caller.data().limiter.ended() {
            Some(fault) => Err(fault.into()),
            None => Ok(u32::MAX),
        },
    }
}
