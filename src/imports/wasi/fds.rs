//! Descriptors: closing, renumbering, and what is reported about them.

use super::{
    call::Call,
    errno::{Errno, Halt},
    layout::{self, filetype, rights},
};
use crate::{
    effect::Effect,
    guest::descriptors::{Descriptor, Kind, OpenDirectory, OpenFile, flags},
};

/// The one directory that is open from the start.
const ROOT: &str = "/";

/// The directory where relative paths begin; `None` for the root.
pub(super) fn base(descriptor: &Descriptor) -> Result<Option<&OpenDirectory>, Errno> {
    match &descriptor.kind {
        Kind::Root => Ok(None),
        Kind::Directory(directory) => Ok(Some(directory)),
        Kind::File(_) | Kind::Input | Kind::Output | Kind::Errors => Err(Errno::NOTDIR),
    }
}

pub(super) fn file(descriptor: &Descriptor) -> Result<OpenFile, Errno> {
    match &descriptor.kind {
        Kind::File(file) => Ok(*file),
        Kind::Root | Kind::Directory(_) => Err(Errno::ISDIR),
        Kind::Input | Kind::Output | Kind::Errors => Err(Errno::SPIPE),
    }
}

pub(super) fn close(call: &mut Call<'_, '_>, fd: u32) -> Result<(), Halt> {
    let closed = call.state().fds.remove(fd).ok_or(Errno::BADF)?;
    if let Some(handle) = closed.handle() {
        call.pass(&Effect::Close { handle })?;
    }
    Ok(())
}

pub(super) fn renumber(call: &mut Call<'_, '_>, from: u32, to: u32) -> Result<(), Halt> {
    call.fd(from)?;
    call.fd(to)?;
    if from == to {
        return Ok(());
    }
    let table = &mut call.state().fds;
    let moved = table.remove(from).ok_or(Errno::BADF)?;
    let replaced = table.insert(to, moved);
    if let Some(handle) = replaced.and_then(|replaced| replaced.handle()) {
        call.pass(&Effect::Close { handle })?;
    }
    Ok(())
}

pub(super) fn fdstat_get(call: &mut Call<'_, '_>, fd: u32, out: u32) -> Result<(), Halt> {
    let descriptor = call.fd(fd)?;
    let (filetype, base, inheriting) = match &descriptor.kind {
        // Without the rights to seek, C libraries take a character device for a terminal, and
        // print line by line.
        Kind::Input => (
            filetype::CHARACTER_DEVICE,
            rights::ALL & !rights::WRITING & !rights::FD_SEEK & !rights::FD_TELL,
            0,
        ),
        Kind::Output | Kind::Errors => (
            filetype::CHARACTER_DEVICE,
            rights::ALL & !rights::FD_READ & !rights::FD_SEEK & !rights::FD_TELL,
            0,
        ),
        // C libraries ask for no more than what a directory hands down.
        Kind::Root | Kind::Directory(_) => (
            filetype::DIRECTORY,
            rights::ALL & !rights::FD_SEEK & !rights::FD_TELL,
            rights::ALL,
        ),
        Kind::File(file) => {
            let mut base = rights::ALL;
            if !file.read {
                base &= !rights::FD_READ;
            }
            if !file.write {
                base &= !rights::WRITING;
            }
            (filetype::REGULAR_FILE, base, rights::ALL)
        }
    };
    let record = layout::fdstat(filetype, descriptor.flags, base, inheriting);
    Ok(call.put(out, &record)?)
}

pub(super) fn fdstat_set_flags(call: &mut Call<'_, '_>, fd: u32, new: u32) -> Result<(), Halt> {
    let descriptor = call.state().fds.get_mut(fd).ok_or(Errno::BADF)?;
    match u16::try_from(new) {
        Ok(new) if new & !flags::ALL == 0 => {
            descriptor.flags = new;
            Ok(())
        }
        _ => Err(Errno::INVAL.into()),
    }
}

/// What may be done with a file was settled when it was opened, and cannot be given away.
pub(super) fn fdstat_set_rights(
    call: &mut Call<'_, '_>,
    fd: u32,
    _base: u64,
    _inheriting: u64,
) -> Result<(), Halt> {
    call.fd(fd)?;
    Err(Errno::NOSYS.into())
}

pub(super) fn prestat_get(call: &mut Call<'_, '_>, fd: u32, out: u32) -> Result<(), Halt> {
    preopened(call, fd)?;
    let name = u32::try_from(ROOT.len()).unwrap_or(0);
    let record = layout::Record::<8>::new().u32(4, name);
    Ok(call.put(out, &record.0)?)
}

pub(super) fn prestat_dir_name(
    call: &mut Call<'_, '_>,
    fd: u32,
    out: u32,
    len: u32,
) -> Result<(), Halt> {
    preopened(call, fd)?;
    if u64::from(len) < ROOT.len() as u64 {
        return Err(Errno::NAMETOOLONG.into());
    }
    Ok(call.put(out, ROOT.as_bytes())?)
}

/// Guests count up from 3 until "bad file number".
fn preopened(call: &mut Call<'_, '_>, fd: u32) -> Result<(), Errno> {
    match call.fd(fd)?.kind {
        Kind::Root => Ok(()),
        _ => Err(Errno::BADF),
    }
}
