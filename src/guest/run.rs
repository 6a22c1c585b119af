//! Running a guest function on the call's fuel, in slices where the call can be interrupted, and what
//! stopped it. Used for exports and, re-entrantly, for `allocate` inside host functions.

use super::Host;
use crate::{
    error::{Fault, ProtocolError},
    gate::FUEL_PER_BYTE,
    limits::{Interrupt, Limits},
    module::Shape,
    room::OutOfMemory,
};
use alloc::string::ToString;
use wasmi::{
    AsContext, AsContextMut, TrapCode, TypedFunc, TypedResumableCall,
    errors::{ErrorKind, InstantiationError},
};

/// Fuel between two checks for a deadline or a cancellation: some milliseconds, even of the slowest
/// code.
const SLICE: u64 = 5_000_000;

/// Clearing so many locals takes about as long as the rest of a call; fuel does not count it.
const FREE_LOCALS: u64 = 128;

/// What is reported of a function that the engine cannot translate.
const TOO_LARGE: &str = "a function that it calls is too large for the engine: it has more than 65 535 locals, parameters and values at once, or its code is too long; split it";

/// What a module's code means for the time that its fuel takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// How many times as long a unit of fuel may take as in code with few locals.
    slow: u64,
}

impl Pace {
    pub(super) fn of(shape: &Shape) -> Pace {
        Pace {
            slow: shape.counts.most_locals / FREE_LOCALS + 1,
        }
    }
}

/// How much fuel a call has, and in which portions it gets it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    units: u64,
    /// How much makes a slice, if the call is cut into some so that it can be interrupted between
    /// them.
    slice: Option<u64>,
}

impl Budget {
    pub(super) fn new(limits: &Limits, pace: Pace, interrupt: &Interrupt) -> Budget {
        Budget {
            units: limits.fuel.units(),
            slice: interrupt.is_possible().then_some(SLICE / pace.slow),
        }
    }

    pub(super) fn units(self) -> u64 {
        self.units
    }

    /// What it means that all of it is burnt.
    fn exhausted(self) -> Fault {
        Fault::OutOfFuel { limit: self.units }
    }
}

/// Why a guest function did not return.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    pub(super) cause: Cause,
    /// The export in which it happened, where that is not the one that was called.
    pub(super) inside: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub(super) enum Cause {
    Fault(Fault),
    Protocol(ProtocolError),
    Trap(TrapCode),
}

impl Stop {
    pub(super) fn inside(mut self, export: &'static str) -> Stop {
        self.inside.get_or_insert(export);
        self
    }
}

impl From<Cause> for Stop {
    fn from(cause: Cause) -> Stop {
        Stop {
            cause,
            inside: None,
        }
    }
}

impl From<ProtocolError> for Stop {
    fn from(error: ProtocolError) -> Stop {
        Cause::Protocol(error).into()
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Cause::Fault(fault).into()
    }
}

impl From<OutOfMemory> for Stop {
    fn from(error: OutOfMemory) -> Stop {
        Fault::from(error).into()
    }
}

/// What the engine reports: a trap, a stop that a host function sent through it, or something else.
impl From<&wasmi::Error> for Stop {
    fn from(error: &wasmi::Error) -> Stop {
        if let Some(stop) = error.downcast_ref::<Stop>() {
            return stop.clone();
        }
        match (error.as_trap_code(), error.kind()) {
            (Some(code), _) => Cause::Trap(code).into(),
            // The function is valid, but the engine cannot translate it: its values need more slots
            // than a function has. It reports that to the first caller only, so the same is reported
            // to all.
            (None, ErrorKind::Wasm(_) | ErrorKind::Translation(_)) => {
                Fault::Trap(TOO_LARGE.into()).into()
            }
            // The engine's message names the store, which differs each time.
            (
                None,
                ErrorKind::Instantiation(InstantiationError::ElementSegmentDoesNotFit { .. }),
            ) => Cause::Trap(TrapCode::TableOutOfBounds).into(),
            (None, _) => Fault::Trap(error.to_string().trim().into()).into(),
        }
    }
}

impl From<wasmi::Error> for Stop {
    fn from(error: wasmi::Error) -> Stop {
        Stop::from(&error)
    }
}

impl core::fmt::Display for Stop {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?}", self.cause)
    }
}

impl wasmi::errors::HostError for Stop {}

impl From<Stop> for wasmi::Error {
    fn from(stop: Stop) -> wasmi::Error {
        wasmi::Error::host(stop)
    }
}

/// Calls a guest function to its end.
pub(crate) fn call<P, R>(
    mut ctx: impl AsContextMut<Data = Host>,
    function: TypedFunc<P, R>,
    params: P,
) -> Result<R, Stop>
where
    P: wasmi::WasmParams,
    R: wasmi::WasmResults,
{
    refill(&mut ctx, 0)?;
    let mut state = function.call_resumable(&mut ctx, params)?;
    loop {
        match state {
            TypedResumableCall::Finished(results) => return Ok(results),
            TypedResumableCall::HostTrap(trap) => return Err(trap.host_error().into()),
            TypedResumableCall::OutOfFuel(paused) => {
                refill(&mut ctx, paused.required_fuel())?;
                check_interrupt(&ctx)?;
                state = paused.resume(&mut ctx)?;
            }
        }
    }
}

/// Puts fuel for the next slice, at least `required`, into the engine's counter.
fn refill(ctx: &mut impl AsContextMut<Data = Host>, required: u64) -> Result<(), Stop> {
    let mut ctx = ctx.as_context_mut();
    let left = ctx.data().reserve.saturating_add(ctx.get_fuel()?);
    let host = ctx.data();
    let budget = host.budget;
    let slice = match budget.slice {
        _ if left < required => 0,
        Some(slice) => slice.max(required).min(left),
        None => left,
    };
    ctx.data_mut().reserve = left - slice;
    ctx.set_fuel(slice)?;
    if left < required {
        Err(budget.exhausted().into())
    } else {
        Ok(())
    }
}

/// How much fuel the call has burnt.
pub(super) fn burnt(ctx: &impl AsContext<Data = Host>) -> Result<u64, wasmi::Error> {
    let ctx = ctx.as_context();
    let host = ctx.data();
    let left = host.reserve.saturating_add(ctx.get_fuel()?);
    Ok(host.budget.units().saturating_sub(left))
}

/// Whether the guest may go on, as far as what is outside of it is concerned.
pub(crate) fn check_interrupt(ctx: &impl AsContext<Data = Host>) -> Result<(), Stop> {
    let ctx = ctx.as_context();
    let gate = &ctx.data().gate;
    if gate.is_out_of_memory() {
        return Err(Fault::HostOutOfMemory.into());
    }
    if gate.is_over() {
        let why = "stopped: the transcript could not be written";
        return Err(Fault::Host(why.into()).into());
    }
    let goes_on = gate.interrupt().check();
    Ok(goes_on.map_err(Fault::from)?)
}

/// Burns fuel for bytes that crossed the boundary, and checks their limit.
pub(crate) fn charge_bytes(
    mut ctx: impl AsContextMut<Data = Host>,
    bytes: u64,
) -> Result<(), Stop> {
    let host = ctx.as_context();
    let (usage, limit) = (&host.data().usage, host.data().limits.moved_bytes);
    if usage.bytes_in.saturating_add(usage.bytes_out) > limit {
        return Err(Fault::TooManyBytes { limit }.into());
    }
    charge(&mut ctx, bytes.saturating_mul(FUEL_PER_BYTE))
}

/// Burns fuel.
pub(super) fn charge(ctx: &mut impl AsContextMut<Data = Host>, cost: u64) -> Result<(), Stop> {
    refill(ctx, cost)?;
    let mut ctx = ctx.as_context_mut();
    let left = ctx.get_fuel()?.saturating_sub(cost);
    Ok(ctx.set_fuel(left)?)
}

/// The fault that a trap means.
pub(super) fn fault(host: &Host, code: TrapCode) -> Fault {
    match code {
        TrapCode::OutOfFuel => host.budget.exhausted(),
        TrapCode::StackOverflow => Fault::StackOverflow {
            frames: host.limits.stack.frames,
            bytes: host.limits.stack.bytes,
        },
        TrapCode::GrowthOperationLimited => host.limiter.refused().unwrap_or(Fault::OutOfMemory {
            limit: host.limits.memory,
        }),
        TrapCode::OutOfSystemMemory => Fault::HostOutOfMemory,
        code => Fault::Trap(code.to_string().into()),
    }
}
