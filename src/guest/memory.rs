//! The host's half of ptr/len: bytes in and out of linear memory, every range checked against the
//! memory as it is at that moment.

use super::{Exports, Host, Stop, run};
use crate::{
    error::{Fault, ProtocolError},
    limits::HOST_DEPTH,
    room,
};
use alloc::vec::Vec;
use tollgate_abi::{NullPointer, PtrLen, names::export};
use wasmi::{AsContext, AsContextMut, Caller, Memory};

/// The bytes of a range of guest memory, if all of it exists.
fn slice(memory: &[u8], range: PtrLen) -> Option<&[u8]> {
    let start = usize::try_from(range.ptr()).ok()?;
    memory
        .get(start..)?
        .get(..usize::try_from(range.len()).ok()?)
}

/// Copies out what the packed result of an export names.
pub(super) fn result(
    ctx: impl AsContext<Data = Host>,
    memory: Memory,
    packed: i64,
    limit: u32,
) -> Result<Vec<u8>, Stop> {
    let range = PtrLen::unpack(packed.cast_unsigned())
        .map_err(|NullPointer { len, .. }| ProtocolError::NullPointer { len })?;
    if range.is_empty() {
        return Err(ProtocolError::NullResult.into());
    }
    let (ptr, len) = (range.ptr(), range.len());
    let memory = memory.data(ctx.as_context());
    let bytes = slice(memory, range).ok_or(ProtocolError::ResultOutOfBounds {
        ptr,
        len,
        memory: memory.len() as u64,
    })?;
    if len > limit {
        return Err(ProtocolError::ResultTooLarge { len, limit }.into());
    }
    Ok(room::copy(bytes)?)
}

/// The text that a panicked guest left: at `mailbox` are its pointer and length.
pub(super) fn read_mailbox(memory: &[u8], mailbox: u32, limit: u32) -> Option<Vec<u8>> {
    let words = slice(memory, PtrLen::new(mailbox, 8).ok()?)?;
    let word = |at: usize| Some(u32::from_le_bytes(words.get(at..at + 4)?.try_into().ok()?));
    let text = PtrLen::new(word(0)?, word(4)?).ok()?;
    if text.is_empty() || text.len() > limit {
        return None;
    }
    room::copy(slice(memory, text)?).ok()
}

/// Puts bytes into a buffer that the guest allocates for them.
pub(super) fn place(
    mut ctx: impl AsContextMut<Data = Host>,
    exports: Exports,
    bytes: &[u8],
) -> Result<PtrLen, Stop> {
    let no_buffer = || ProtocolError::NoBuffer { bytes: bytes.len() };
    let len = u32::try_from(bytes.len()).map_err(|_| no_buffer())?;
    run::charge_bytes(&mut ctx, u64::from(len))?;
    ctx.as_context_mut().data_mut().usage.bytes_in += u64::from(len);
    let allocated = run::call(&mut ctx, exports.allocate, len.cast_signed());
    let ptr = allocated
        .map_err(|stop| stop.inside(export::ALLOCATE))?
        .cast_unsigned();
    if ptr == 0 {
        return Err(no_buffer().into());
    }
    // Only now: allocating may have grown the memory, and moved it.
    if !write(&mut ctx, exports.memory, ptr, bytes) {
        return Err(ProtocolError::BufferOutOfBounds {
            ptr,
            bytes: bytes.len(),
            memory: exports.memory.data_size(&ctx) as u64,
        }
        .into());
    }
    PtrLen::new(ptr, len).map_err(|_| no_buffer().into())
}

/// Writes into guest memory, which is how the host writes there while a guest runs. Returns whether all of it
/// exists.
pub(crate) fn write(
    mut ctx: impl AsContextMut<Data = Host>,
    memory: Memory,
    ptr: u32,
    bytes: &[u8],
) -> bool {
    let start = usize::try_from(ptr).unwrap_or(usize::MAX);
    let (guest, host) = memory.data_and_store_mut(&mut ctx);
    let target = guest.get_mut(start..);
    let Some(target) = target.and_then(|rest| rest.get_mut(..bytes.len())) else {
        return false;
    };
    target.copy_from_slice(bytes);
    let notes = host.notes;
    if let Some(notes) = notes {
        notes.mark(&mut ctx, start, bytes.len());
    }
    true
}

/// Why a request could not be read. The guest gets this as an error reply, and goes on.
pub(crate) enum BadRequest {
    OutOfBounds,
    TooLarge { limit: u32 },
}

/// One call of a host function: copies the request out, has it answered, and places the answer in
/// a buffer of the guest's. The answer's own `allocate` may call host functions again.
pub(crate) fn call_host_function(
    caller: &mut Caller<'_, Host>,
    packed: i64,
    answer: impl FnOnce(&mut Host, Result<&[u8], BadRequest>) -> Vec<u8>,
) -> Result<PtrLen, Stop> {
    let exports = enter(caller)?;
    let reply = read_packed(caller, exports.memory, packed, answer)?;
    let range = place(&mut *caller, exports, &reply)?;
    caller.data_mut().depth -= 1;
    Ok(range)
}

/// One call of a host function that answers nothing.
pub(crate) fn read_request(
    caller: &mut Caller<'_, Host>,
    packed: i64,
    take: impl FnOnce(&mut Host, Result<&[u8], BadRequest>),
) -> Result<(), Stop> {
    let exports = enter(caller)?;
    read_packed(caller, exports.memory, packed, take)?;
    caller.data_mut().depth -= 1;
    Ok(())
}

/// One call of a host function that finds its way in guest memory by itself.
pub(crate) fn enter_memory(caller: &mut Caller<'_, Host>) -> Result<Memory, Stop> {
    Ok(count(caller)?.memory)
}

/// Counts a call that may lead to others. An instance that fails is never entered again, so
/// nothing is undone then.
fn enter(caller: &mut Caller<'_, Host>) -> Result<Exports, Stop> {
    let exports = count(caller)?;
    let host = caller.data_mut();
    if host.depth >= HOST_DEPTH {
        return Err(ProtocolError::Reentrancy { limit: HOST_DEPTH }.into());
    }
    host.depth += 1;
    Ok(exports)
}

/// Counts a call; the exports that it needs.
fn count(caller: &mut Caller<'_, Host>) -> Result<Exports, Stop> {
    if caller.data().gate.needs_fuel() {
        let fuel = run::burnt(&*caller)?;
        caller.data_mut().gate.at(fuel);
        if let Some(notes) = caller.data().notes {
            let running = notes.running(&*caller);
            caller.data_mut().gate.called_from(running);
        }
    }
    let host = caller.data_mut();
    host.usage.host_calls += 1;
    let limit = host.limits.host_calls;
    if host.usage.host_calls > limit {
        return Err(Fault::TooManyHostCalls { limit }.into());
    }
    host.exports
        .ok_or_else(|| Fault::Host("called before the instance was ready".into()).into())
}

fn read_packed<T>(
    caller: &mut Caller<'_, Host>,
    memory: Memory,
    packed: i64,
    read_request: impl FnOnce(&mut Host, Result<&[u8], BadRequest>) -> T,
) -> Result<T, Stop> {
    let limit = caller.data().limits.request_bytes;
    let range = PtrLen::unpack(packed.cast_unsigned());
    let answer = match range {
        Ok(range) if range.len() > limit => {
            read_request(caller.data_mut(), Err(BadRequest::TooLarge { limit }))
        }
        Ok(range) => {
            run::charge_bytes(&mut *caller, u64::from(range.len()))?;
            let (memory, host) = memory.data_and_store_mut(&mut *caller);
            match slice(memory, range) {
                Some(request) => {
                    room::check_reading(request)?;
                    host.usage.bytes_out += u64::from(range.len());
                    read_request(host, Ok(request))
                }
                None => read_request(host, Err(BadRequest::OutOfBounds)),
            }
        }
        Err(NullPointer { .. }) => read_request(caller.data_mut(), Err(BadRequest::OutOfBounds)),
    };
    let owed = core::mem::take(&mut caller.data_mut().owed);
    run::charge_bytes(&mut *caller, owed)?;
    run::check_interrupt(&*caller)?;
    Ok(answer)
}
