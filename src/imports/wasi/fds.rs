//! Descriptors: closing, renumbering, and what is reported about them.

use super::{
    call::Call,
    errno::{Errno, Halt},
    layout::{self, filetype, rights},
};
use crate::{
    effect::{Access, Effect, FileKind},
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
    let flags = descriptor.flags;
    let (filetype, base, inheriting) = match &descriptor.kind {
        // As `/dev/null`: with the rights to seek, C libraries take it for no terminal.
        Kind::Input => (filetype::CHARACTER_DEVICE, rights::file(true, false), 0),
        // Without the rights to seek, C libraries take a character device for a terminal, and
        // print line by line.
        Kind::Output | Kind::Errors => (filetype::CHARACTER_DEVICE, rights::stream(), 0),
        Kind::Root | Kind::Directory(_) => {
            let write = call.host().gate.access_below(ROOT).write;
            let below = handed_down(call, fd);
            let inheriting = rights::handed_down(below.read, below.write);
            (filetype::DIRECTORY, rights::directory(write), inheriting)
        }
        Kind::File(file) => {
            let base = rights::file(file.read, file.write);
            (layout::of_kind(file.kind), base, 0)
        }
    };
    let record = layout::fdstat(filetype, flags, base, inheriting);
    Ok(call.put(out, &record)?)
}

/// What may be done below a directory: reading is judged when a path is opened, and writing follows
/// from all grants together, since where the directory's path leads is not known here.
///
/// C libraries answer `access` in two steps: they examine the path, and then read what the directory
/// hands down. So right after a path was examined this is what may be done with that path, if it
/// leads through no link.
fn handed_down(call: &mut Call<'_, '_>, fd: u32) -> Access {
    let examined = call.examined.take().filter(|examined| examined.fd == fd);
    let gate = &call.host().gate;
    let own = examined.and_then(|examined| {
        let directory = examined.kind == FileKind::Directory;
        gate.access_to(&examined.path, directory)
    });
    own.unwrap_or_else(|| Access {
        read: true,
        write: gate.access_below(ROOT).write,
    })
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
    Err(Errno::NOTSUP.into())
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
