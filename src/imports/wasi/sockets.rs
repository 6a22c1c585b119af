//! Sockets of preview 1, of which there are none: no descriptor is one. The network is reached through `reglet_host`.

use super::{
    call::Call,
    errno::{Errno, Halt},
};

fn no_socket(call: &mut Call<'_, '_>, fd: u32) -> Result<(), Halt> {
    call.fd(fd)?;
    Err(Errno::NOTSOCK.into())
}

pub(super) fn accept(call: &mut Call<'_, '_>, fd: u32, _flags: u32, _out: u32) -> Result<(), Halt> {
    no_socket(call, fd)
}

pub(super) fn recv(
    call: &mut Call<'_, '_>,
    fd: u32,
    _iovecs: u32,
    _count: u32,
    _flags: u32,
    _size: u32,
    _out_flags: u32,
) -> Result<(), Halt> {
    no_socket(call, fd)
}

pub(super) fn send(
    call: &mut Call<'_, '_>,
    fd: u32,
    _iovecs: u32,
    _count: u32,
    _flags: u32,
    _size: u32,
) -> Result<(), Halt> {
    no_socket(call, fd)
}

pub(super) fn shutdown(call: &mut Call<'_, '_>, fd: u32, _how: u32) -> Result<(), Halt> {
    no_socket(call, fd)
}
