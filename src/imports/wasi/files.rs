//! Open files and directories: reading, writing, listing, and their metadata. Effects carry offsets;
//! where a file is read next is the state of its descriptor.

use super::{
    call::{Call, total},
    errno::{Errno, Halt},
    fds,
    layout::{self, filetype},
};
use crate::{
    effect::{DirectoryEntry, Effect, FileKind, Handle, OpenOptions, Stat, Written},
    guest::descriptors::{Descriptor, Kind, OpenFile, flags},
    imports::price_of_listing,
};
use alloc::{borrow::ToOwned, vec::Vec};

/// The last offset that a file can have.
const MAX_OFFSET: u64 = i64::MAX as u64;

pub(super) fn read(
    call: &mut Call<'_, '_>,
    fd: u32,
    iovecs: u32,
    count: u32,
    out: u32,
) -> Result<(), Halt> {
    let kind = call.fd(fd)?.kind.clone();
    let file = match kind {
        // Standard input is at its end.
        Kind::Input => None,
        Kind::File(file) => Some(file),
        Kind::Root | Kind::Directory(_) => return Err(Errno::ISDIR.into()),
        Kind::Output | Kind::Errors => return Err(Errno::BADF.into()),
    };
    let position = file.map_or(0, |file| file.position);
    let read = read_at(call, file, position, iovecs, count, out)?;
    call.state()
        .fds
        .set_position(fd, position.saturating_add(read));
    Ok(())
}

pub(super) fn pread(
    call: &mut Call<'_, '_>,
    fd: u32,
    iovecs: u32,
    count: u32,
    offset: u64,
    out: u32,
) -> Result<(), Halt> {
    let file = fds::file(call.fd(fd)?)?;
    read_at(call, Some(file), offset, iovecs, count, out)?;
    Ok(())
}

/// Checks that a file was opened to be written. Its grants may allow more than that.
fn check_written(file: OpenFile) -> Result<(), Errno> {
    file.write.then_some(()).ok_or(Errno::BADF)
}

/// Reads at an offset and says how much; without a file there is nothing to read.
fn read_at(
    call: &mut Call<'_, '_>,
    file: Option<OpenFile>,
    offset: u64,
    iovecs: u32,
    count: u32,
    out: u32,
) -> Result<u64, Halt> {
    let most = call.host().limits.reply_bytes;
    let buffers = call.buffers(iovecs, count, most)?;
    call.check(out, 4)?;
    if offset > MAX_OFFSET {
        return Err(Errno::INVAL.into());
    }
    let bytes = match file {
        Some(file) if !file.read => return Err(Errno::BADF.into()),
        Some(file) => call.ask(&Effect::ReadAt {
            handle: file.handle,
            offset,
            limit: total(&buffers).into(),
        })?,
        None => Vec::new(),
    };
    call.scatter(&buffers, &bytes)?;
    let read = u32::try_from(bytes.len()).map_err(|_| Errno::IO)?;
    call.put_u32(out, read)?;
    Ok(read.into())
}

pub(super) fn write(
    call: &mut Call<'_, '_>,
    fd: u32,
    iovecs: u32,
    count: u32,
    out: u32,
) -> Result<(), Halt> {
    let descriptor = call.fd(fd)?;
    let (kind, flags) = (descriptor.kind.clone(), descriptor.flags);
    match kind {
        Kind::Output | Kind::Errors => print(call, &kind, iovecs, count, out),
        Kind::File(file) => {
            let at = (flags & flags::APPEND == 0).then_some(file.position);
            let written = write_at(call, file, flags, at, iovecs, count, out)?;
            let next = match at {
                Some(position) => position.saturating_add(written),
                // A guest that may not read the file does not learn where its end is.
                None => match call.host().gate.examine_if_granted(file.handle)? {
                    Some(stat) => stat.size,
                    None => file.position.saturating_add(written),
                },
            };
            call.state().fds.set_position(fd, next);
            Ok(())
        }
        Kind::Root | Kind::Directory(_) => Err(Errno::ISDIR.into()),
        Kind::Input => Err(Errno::BADF.into()),
    }
}

pub(super) fn pwrite(
    call: &mut Call<'_, '_>,
    fd: u32,
    iovecs: u32,
    count: u32,
    offset: u64,
    out: u32,
) -> Result<(), Halt> {
    let descriptor = call.fd(fd)?;
    let (file, flags) = (fds::file(descriptor)?, descriptor.flags);
    write_at(call, file, flags, Some(offset), iovecs, count, out)?;
    Ok(())
}

/// Writes at an offset, or at the end, and says how much.
fn write_at(
    call: &mut Call<'_, '_>,
    file: OpenFile,
    flags: u16,
    offset: Option<u64>,
    iovecs: u32,
    count: u32,
    out: u32,
) -> Result<u64, Halt> {
    let most = call.host().limits.request_bytes;
    let buffers = call.buffers(iovecs, count, most)?;
    call.check(out, 4)?;
    if offset.is_some_and(|offset| offset > MAX_OFFSET) {
        return Err(Errno::INVAL.into());
    }
    check_written(file)?;
    let handle = file.handle;
    let bytes = call.gather(&buffers)?;
    let effect = Effect::WriteAt {
        handle,
        offset,
        bytes,
    };
    let Written(written) = call.ask(&effect)?;
    if flags & (flags::DSYNC | flags::SYNC) != 0 {
        call.pass(&Effect::Sync { handle })?;
    }
    call.put_u32(out, u32::try_from(written).map_err(|_| Errno::IO)?)?;
    Ok(written)
}

fn print(
    call: &mut Call<'_, '_>,
    stream: &Kind,
    iovecs: u32,
    count: u32,
    out: u32,
) -> Result<(), Halt> {
    let most = call.host().limits.request_bytes;
    let buffers = call.buffers(iovecs, count, most)?;
    call.check(out, 4)?;
    let bytes = call.gather(&buffers)?;
    let host = call.host();
    let stream = match stream {
        Kind::Errors => &mut host.wasi.errors,
        _ => &mut host.wasi.output,
    };
    stream.write(&bytes, &mut host.gate);
    Ok(call.put_u32(out, total(&buffers))?)
}

pub(super) fn seek(
    call: &mut Call<'_, '_>,
    fd: u32,
    offset: i64,
    whence: u32,
    out: u32,
) -> Result<(), Halt> {
    let descriptor = call.fd(fd)?;
    if let Kind::Input = descriptor.kind {
        // As `/dev/null`, which has one place.
        return match whence {
            0..=2 => Ok(call.put_u64(out, 0)?),
            _ => Err(Errno::INVAL.into()),
        };
    }
    let (present, file) = position(descriptor)?;
    call.check(out, 8)?;
    let from = match (whence, file) {
        (0, _) => 0,
        (1, _) => present,
        (2, Some(file)) => examine(call, file.handle)?.size,
        // A directory has no end.
        _ => return Err(Errno::INVAL.into()),
    };
    let position = from.checked_add_signed(offset);
    let position = position.filter(|position| *position <= MAX_OFFSET);
    let position = position.ok_or(Errno::INVAL)?;
    call.state().fds.set_position(fd, position);
    Ok(call.put_u64(out, position)?)
}

pub(super) fn tell(call: &mut Call<'_, '_>, fd: u32, out: u32) -> Result<(), Halt> {
    let (present, _) = position(call.fd(fd)?)?;
    Ok(call.put_u64(out, present)?)
}

/// Where a descriptor is used next, and the file that it is, unless it is a directory. The root stays at its
/// beginning.
fn position(descriptor: &Descriptor) -> Result<(u64, Option<OpenFile>), Errno> {
    match &descriptor.kind {
        Kind::Root | Kind::Input => Ok((0, None)),
        Kind::Directory(directory) => Ok((directory.position, None)),
        Kind::File(file) => Ok((file.position, Some(*file))),
        Kind::Output | Kind::Errors => Err(Errno::SPIPE),
    }
}

/// Advice about later reading, which changes nothing.
pub(super) fn advise(
    call: &mut Call<'_, '_>,
    fd: u32,
    _offset: u64,
    _len: u64,
    advice: u32,
) -> Result<(), Halt> {
    fds::file(call.fd(fd)?)?;
    if advice > 5 {
        return Err(Errno::INVAL.into());
    }
    Ok(())
}

/// Makes a file at least so long.
pub(super) fn allocate(
    call: &mut Call<'_, '_>,
    fd: u32,
    offset: u64,
    len: u64,
) -> Result<(), Halt> {
    let file = fds::file(call.fd(fd)?)?;
    if len == 0 || offset > MAX_OFFSET || len > MAX_OFFSET {
        return Err(Errno::INVAL.into());
    }
    let size = offset.checked_add(len).filter(|size| *size <= MAX_OFFSET);
    let size = size.ok_or(Errno::FBIG)?;
    check_written(file)?;
    if examine(call, file.handle)?.size < size {
        let handle = file.handle;
        call.pass(&Effect::SetSize { handle, size })?;
    }
    Ok(())
}

pub(super) fn sync(call: &mut Call<'_, '_>, fd: u32) -> Result<(), Halt> {
    match call.fd(fd)?.kind.clone() {
        Kind::File(OpenFile { handle, .. }) => {
            call.pass(&Effect::Sync { handle })?;
            Ok(())
        }
        Kind::Directory(_) | Kind::Root => Ok(()),
        Kind::Input | Kind::Output | Kind::Errors => Err(Errno::INVAL.into()),
    }
}

pub(super) fn filestat_get(call: &mut Call<'_, '_>, fd: u32, out: u32) -> Result<(), Halt> {
    let kind = call.fd(fd)?.kind.clone();
    call.check(out, 64)?;
    let record = match kind {
        Kind::File(file) => layout::filestat(&examine(call, file.handle)?),
        Kind::Directory(directory) => layout::filestat(&examine(call, directory.handle)?),
        Kind::Root => layout::filestat(&call.ask(&root())?),
        Kind::Input | Kind::Output | Kind::Errors => {
            layout::Record::new().u8(16, filetype::CHARACTER_DEVICE).0
        }
    };
    Ok(call.put(out, &record)?)
}

fn root() -> Effect {
    Effect::Stat {
        path: "/".to_owned(),
        follow: true,
    }
}

pub(super) fn examine(call: &mut Call<'_, '_>, handle: Handle) -> Result<Stat, Halt> {
    call.ask(&Effect::StatOpen { handle })
}

pub(super) fn filestat_set_size(call: &mut Call<'_, '_>, fd: u32, size: u64) -> Result<(), Halt> {
    let file = fds::file(call.fd(fd)?)?;
    if size > MAX_OFFSET {
        return Err(Errno::INVAL.into());
    }
    check_written(file)?;
    let handle = file.handle;
    call.pass(&Effect::SetSize { handle, size })?;
    Ok(())
}

pub(super) fn filestat_set_times(
    call: &mut Call<'_, '_>,
    fd: u32,
    accessed: u64,
    modified: u64,
    which: u32,
) -> Result<(), Halt> {
    let handle = call.fd(fd)?.handle();
    let times = layout::times(accessed, modified, which)?;
    let handle = handle.ok_or(Errno::BADF)?;
    call.pass(&Effect::SetTimesOpen { handle, times })?;
    Ok(())
}

/// Lists a directory from the entry of this number on. The last entry may be cut by the end of
/// the buffer; the guest then asks for it again.
pub(super) fn readdir(
    call: &mut Call<'_, '_>,
    fd: u32,
    buffer: u32,
    len: u32,
    cookie: u64,
    out: u32,
) -> Result<(), Halt> {
    let known = call.fd(fd)?.listing.is_some();
    call.check(buffer, len)?;
    call.check(out, 4)?;
    if cookie == 0 || !known {
        let listing = list(call, fd)?;
        if !call.state().fds.set_listing(fd, listing) {
            return Err(Errno::NOMEM.into());
        }
    }
    let most = usize::try_from(len).unwrap_or(usize::MAX);
    let mut bytes = Vec::new();
    let listing = call.fd(fd)?.listing.as_deref();
    let first = usize::try_from(cookie).unwrap_or(usize::MAX);
    let rest = listing.and_then(|listing| listing.get(first..));
    // Straight to the entry: a guest with a small buffer comes once for each.
    let mut number = cookie;
    for entry in rest.unwrap_or_default() {
        number = number.saturating_add(1);
        let name = entry.name.as_bytes();
        let header = layout::dirent(number, entry.inode, name.len(), layout::of_kind(entry.kind));
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(name);
        if bytes.len() >= most {
            break;
        }
    }
    bytes.truncate(most);
    call.put(buffer, &bytes)?;
    Ok(call.put_u32(out, u32::try_from(bytes.len()).map_err(|_| Errno::IO)?)?)
}

/// What a directory holds now, itself and its parent first.
fn list(call: &mut Call<'_, '_>, fd: u32) -> Result<Vec<DirectoryEntry>, Halt> {
    let (entries, inode) = match call.fd(fd)?.kind.clone() {
        Kind::Directory(directory) if !directory.list => return Err(Errno::BADF.into()),
        Kind::Directory(directory) => (list_open(call, directory.handle)?, directory.inode),
        Kind::Root => {
            let options = OpenOptions {
                read: true,
                directory: true,
                ..OpenOptions::default()
            };
            let path = "/".to_owned();
            let effect = Effect::Open { path, options };
            let (handle, stat): (Handle, Stat) = call.ask(&effect)?;
            let entries = list_open(call, handle);
            call.pass(&Effect::Close { handle })?;
            (entries?, stat.inode)
        }
        Kind::File(_) | Kind::Input | Kind::Output | Kind::Errors => {
            return Err(Errno::NOTDIR.into());
        }
    };
    let near = |name: &str, inode| DirectoryEntry {
        name: name.to_owned(),
        kind: FileKind::Directory,
        inode,
    };
    let mut listing = vec![near(".", inode), near("..", 0)];
    call.owe(listing.iter().map(|near| near.name.len() as u64).sum());
    listing.extend(entries);
    Ok(listing)
}

fn list_open(call: &mut Call<'_, '_>, handle: Handle) -> Result<Vec<DirectoryEntry>, Halt> {
    let reply = call.host().gate.pass(&Effect::List { handle });
    call.owe(price_of_listing(&reply));
    Ok(reply?.take()?)
}
