//! What a program needs to run: arguments, variables, clocks, random bytes, exiting and yielding.

use super::{
    call::Call,
    errno::{Errno, Halt},
};
use crate::{
    effect::{Clock, Effect, Nanoseconds},
    error::Fault,
};
use alloc::{borrow::ToOwned, string::String, sync::Arc, vec::Vec};

/// The variable that Go, C and Rust programs read their working directory from.
const WORKING_DIRECTORY: &str = "PWD";
/// Random bytes are drawn in pieces, and the guest pays after each.
const RANDOM_PIECE: u32 = 64 << 10;
/// The resolution of clocks in nanoseconds, the same in every world.
const RESOLUTION: u64 = 1;

/// The one argument, which by convention names the program: the name of the plugin and NUL.
pub(super) fn args_get(call: &mut Call<'_, '_>, argv: u32, text: u32) -> Result<(), Halt> {
    let name = program_name(call);
    call.put_u32(argv, text)?;
    Ok(call.put(text, &name)?)
}

pub(super) fn args_sizes_get(call: &mut Call<'_, '_>, count: u32, size: u32) -> Result<(), Halt> {
    let length = program_name(call).len();
    call.put_u32(count, 1)?;
    Ok(call.put_u32(size, u32::try_from(length).map_err(|_| Errno::FAULT)?)?)
}

fn program_name(call: &mut Call<'_, '_>) -> Vec<u8> {
    let name = call.host().gate.plugin();
    let name = name.split('\0').next().unwrap_or_default();
    [name.as_bytes(), &[0]].concat()
}

pub(super) fn environ_get(call: &mut Call<'_, '_>, list: u32, text: u32) -> Result<(), Halt> {
    let (mut slot, mut end) = (list, text);
    for variable in environment(call)?.iter() {
        call.put_u32(slot, end)?;
        call.put(end, variable)?;
        let len = u32::try_from(variable.len()).map_err(|_| Errno::FAULT)?;
        slot = slot.checked_add(4).ok_or(Errno::FAULT)?;
        end = end.checked_add(len).ok_or(Errno::FAULT)?;
    }
    Ok(())
}

pub(super) fn environ_sizes_get(
    call: &mut Call<'_, '_>,
    count: u32,
    size: u32,
) -> Result<(), Halt> {
    let variables = environment(call)?;
    let bytes: usize = variables.iter().map(Vec::len).sum();
    let number = |length: usize| u32::try_from(length).map_err(|_| Errno::FAULT);
    call.put_u32(count, number(variables.len())?)?;
    Ok(call.put_u32(size, number(bytes)?)?)
}

/// The variables as `NAME=VALUE` and NUL, read once: a guest reads their size first and the text
/// later. The host sets the working directory, granted or not, since relative grants begin there.
fn environment(call: &mut Call<'_, '_>) -> Result<Arc<[Vec<u8>]>, Halt> {
    if let Some(known) = &call.state().environment {
        return Ok(known.clone());
    }
    let mut variables: Vec<(String, String)> = call.ask(&Effect::Variables)?;
    variables.retain(|(name, value)| {
        name != WORKING_DIRECTORY && !name.contains(['\0', '=']) && !value.contains('\0')
    });
    let working_directory = call.host().gate.working_directory().to_owned();
    variables.push((WORKING_DIRECTORY.to_owned(), working_directory));
    variables.sort();
    let text = |(name, value): &(String, String)| format!("{name}={value}\0").into_bytes();
    let environment: Arc<[Vec<u8>]> = variables.iter().map(text).collect();
    call.state().environment = Some(environment.clone());
    Ok(environment)
}

/// A clock by its number. There is no clock of processor time.
pub(super) fn clock(id: u32) -> Result<Clock, Errno> {
    match id {
        0 => Ok(Clock::Realtime),
        1 => Ok(Clock::Monotonic),
        2 | 3 => Err(Errno::NOTSUP),
        _ => Err(Errno::INVAL),
    }
}

pub(super) fn now(call: &mut Call<'_, '_>, clock: Clock) -> Result<u64, Halt> {
    let Nanoseconds(now) = call.ask(&Effect::Now { clock })?;
    Ok(now)
}

pub(super) fn clock_res_get(call: &mut Call<'_, '_>, id: u32, out: u32) -> Result<(), Halt> {
    clock(id)?;
    Ok(call.put_u64(out, RESOLUTION)?)
}

pub(super) fn clock_time_get(
    call: &mut Call<'_, '_>,
    id: u32,
    _precision: u64,
    out: u32,
) -> Result<(), Halt> {
    let clock = clock(id)?;
    call.check(out, 8)?;
    let now = now(call, clock)?;
    Ok(call.put_u64(out, now)?)
}

pub(super) fn random_get(call: &mut Call<'_, '_>, out: u32, len: u32) -> Result<(), Halt> {
    call.check(out, len)?;
    let (mut at, mut left) = (out, len);
    while left > 0 {
        let length = left.min(RANDOM_PIECE);
        let bytes: Vec<u8> = call.ask(&Effect::Random { length })?;
        if bytes.len() as u64 != u64::from(length) {
            return Err(Errno::IO.into());
        }
        call.put(at, &bytes)?;
        call.settle()?;
        at = at.saturating_add(length);
        left -= length;
    }
    Ok(())
}

pub(super) fn proc_exit(_: &mut Call<'_, '_>, code: u32) -> Result<(), Halt> {
    Err(Halt::Stop(Fault::Exit { code }.into()))
}

/// There are no signals.
pub(super) fn proc_raise(_: &mut Call<'_, '_>, _signal: u32) -> Result<(), Halt> {
    Err(Errno::NOTSUP.into())
}

/// Does nothing: a guest that waits in a loop of these is stopped by its deadline, which is checked
/// after every call.
pub(super) fn sched_yield(_: &mut Call<'_, '_>) -> Result<(), Halt> {
    Ok(())
}
