//! One call of a preview 1 function: guest memory with every range checked, the toll for what is
//! moved, and the way to the gate.

use super::{
    errno::{Errno, Halt},
    layout::{Fields, IOVEC},
};
use crate::{
    effect::{Answer, Effect, Output},
    gate::Starts,
    guest::{
        Host, Stop, charge_bytes, check_interrupt,
        descriptors::{Descriptor, Examined, WasiState},
        enter_memory, write_memory,
    },
    room,
};
use alloc::vec::Vec;
use wasmi::{Caller, Memory};

/// As many buffers as one call may name; what POSIX systems take, too.
const MAX_BUFFERS: u32 = 1024;

/// A range of guest memory: where, and how many bytes.
pub(super) type Range = (u32, u32);

pub(super) struct Call<'a, 'c> {
    caller: &'a mut Caller<'c, Host>,
    memory: Memory,
    /// Fuel for bytes moved and for time, not paid yet.
    owed: u64,
    /// What the function before this one examined.
    pub(super) examined: Option<Examined>,
}

/// Runs the body of a function, and pays for what it moved.
pub(super) fn serve(
    caller: &mut Caller<'_, Host>,
    body: impl FnOnce(&mut Call<'_, '_>) -> Result<(), Halt>,
) -> Result<i32, Stop> {
    let memory = enter_memory(caller)?;
    let examined = caller.data_mut().wasi.examined.take();
    let mut call = Call {
        caller,
        memory,
        owed: 0,
        examined,
    };
    let errno = match body(&mut call) {
        Ok(()) => 0,
        Err(Halt::Errno(Errno(number))) => {
            call.host().denial = None;
            number.into()
        }
        Err(Halt::Denied(denial)) => {
            call.host().denial = Some(denial);
            Errno::ACCES.0.into()
        }
        Err(Halt::Stop(stop)) => return Err(stop),
    };
    call.settle()?;
    check_interrupt(&*call.caller)?;
    Ok(errno)
}

impl Call<'_, '_> {
    pub(super) fn host(&mut self) -> &mut Host {
        self.caller.data_mut()
    }

    pub(super) fn state(&mut self) -> &mut WasiState {
        &mut self.host().wasi
    }

    pub(super) fn fd(&mut self, fd: u32) -> Result<&Descriptor, Errno> {
        self.state().fds.get(fd).ok_or(Errno::BADF)
    }

    pub(super) fn pass(&mut self, effect: &Effect) -> Result<Answer, Halt> {
        Ok(self.host().gate.pass(effect)?)
    }

    /// The same for an effect whose paths begin in open directories.
    pub(super) fn pass_from(
        &mut self,
        starts: Starts<'_>,
        effect: &Effect,
    ) -> Result<Answer, Halt> {
        Ok(self.host().gate.pass_from(starts, effect)?)
    }

    /// Lets an effect happen, and takes what its answer holds.
    pub(super) fn ask<T: Output>(&mut self, effect: &Effect) -> Result<T, Halt> {
        Ok(self.pass(effect)?.take()?)
    }

    /// Pays for what was moved so far, before more is done.
    pub(super) fn settle(&mut self) -> Result<(), Stop> {
        let owed = core::mem::take(&mut self.owed);
        charge_bytes(&mut *self.caller, owed)
    }

    /// Owes for what the host moved and the guest may never fetch.
    pub(super) fn owe(&mut self, bytes: u64) {
        self.owed = self.owed.saturating_add(bytes);
    }

    /// Whether a range lies in guest memory, for what will be written there later.
    pub(super) fn check(&self, ptr: u32, len: u32) -> Result<(), Errno> {
        let end = u64::from(ptr) + u64::from(len);
        if end <= self.memory.data_size(&*self.caller) as u64 {
            Ok(())
        } else {
            Err(Errno::FAULT)
        }
    }

    /// Bytes out of guest memory.
    pub(super) fn get(&mut self, ptr: u32, len: u32) -> Result<&[u8], Errno> {
        self.check(ptr, len)?;
        self.owed = self.owed.saturating_add(len.into());
        self.caller.data_mut().usage.bytes_out += u64::from(len);
        let (ptr, len) = (index(ptr), index(len));
        let memory = self.memory.data(&*self.caller);
        let bytes = memory.get(ptr..).and_then(|rest| rest.get(..len));
        bytes.ok_or(Errno::FAULT)
    }

    /// Bytes into guest memory.
    pub(super) fn put(&mut self, ptr: u32, bytes: &[u8]) -> Result<(), Errno> {
        if !write_memory(&mut *self.caller, self.memory, ptr, bytes) {
            return Err(Errno::FAULT);
        }
        let moved = bytes.len() as u64;
        self.owed = self.owed.saturating_add(moved);
        self.caller.data_mut().usage.bytes_in += moved;
        Ok(())
    }

    pub(super) fn put_u32(&mut self, ptr: u32, value: u32) -> Result<(), Errno> {
        self.put(ptr, &value.to_le_bytes())
    }

    pub(super) fn put_u64(&mut self, ptr: u32, value: u64) -> Result<(), Errno> {
        self.put(ptr, &value.to_le_bytes())
    }

    /// The buffers that an array of iovecs names, all inside guest memory, cut to `most` bytes
    /// together: buffers may overlap, so their sum is not bounded by the memory.
    pub(super) fn buffers(
        &mut self,
        iovecs: u32,
        count: u32,
        most: u32,
    ) -> Result<Vec<Range>, Errno> {
        if count > MAX_BUFFERS {
            return Err(Errno::INVAL);
        }
        let array = self.get(iovecs, count * IOVEC)?;
        let mut buffers: Vec<Range> = array
            .chunks_exact(index(IOVEC))
            .map(|iovec| (Fields(iovec).u32(0), Fields(iovec).u32(4)))
            .collect();
        let mut left = most;
        for (ptr, len) in &mut buffers {
            self.check(*ptr, *len)?;
            *len = left.min(*len);
            left -= *len;
        }
        Ok(buffers)
    }

    /// What lies in the buffers, paid for.
    pub(super) fn gather(&mut self, buffers: &[Range]) -> Result<Vec<u8>, Halt> {
        let mut bytes = room::reserved(index(total(buffers))).map_err(Stop::from)?;
        for (ptr, len) in buffers {
            bytes.extend_from_slice(self.get(*ptr, *len)?);
        }
        self.settle()?;
        Ok(bytes)
    }

    /// Fills the buffers in their order, as far as `bytes` goes.
    pub(super) fn scatter(&mut self, buffers: &[Range], bytes: &[u8]) -> Result<(), Errno> {
        let mut rest = bytes;
        for (ptr, len) in buffers {
            let (part, more) = rest.split_at(rest.len().min(index(*len)));
            self.put(*ptr, part)?;
            rest = more;
        }
        Ok(())
    }
}

/// The length of all buffers together, which `buffers` has bounded.
pub(super) fn total(buffers: &[Range]) -> u32 {
    buffers.iter().fold(0, |sum, (_, len)| sum + len)
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
