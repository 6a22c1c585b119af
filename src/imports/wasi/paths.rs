//! Names: opening, examining, making and removing what a path leads to. The world resolves paths,
//! and the gate decides.

use super::{
    call::Call,
    errno::{Errno, Halt},
    fds,
    layout::{self, rights},
};
use crate::{
    effect::{Effect, FileKind, Handle, OpenOptions, Stat, clean_path},
    guest::descriptors::{Descriptor, Examined, Kind, OpenDirectory, OpenFile, flags},
};

/// The longest path, in bytes, as the guest writes it.
const MAX_PATH: u32 = 4096;
/// The one flag of looking up: follow a link at the end of the path.
const FOLLOW: u32 = 1;

mod oflags {
    pub(super) const CREAT: u32 = 1;
    pub(super) const DIRECTORY: u32 = 2;
    pub(super) const EXCL: u32 = 4;
    pub(super) const TRUNC: u32 = 8;
}

/// A path as effects carry it.
struct Named {
    path: String,
    /// Written with a slash at its end, or the like: it must name a directory.
    directory: bool,
}

/// Reads a path, and makes it absolute by the directory that it is relative to.
fn named(call: &mut Call<'_, '_>, fd: u32, ptr: u32, len: u32) -> Result<Named, Halt> {
    let base = fds::base(call.fd(fd)?)?.to_owned();
    let path = text(call, ptr, len)?;
    Ok(Named {
        path: clean_path(&base, &path),
        directory: matches!(path.rsplit('/').next(), Some("" | "." | "..")),
    })
}

fn text(call: &mut Call<'_, '_>, ptr: u32, len: u32) -> Result<String, Halt> {
    if len > MAX_PATH {
        return Err(Errno::NAMETOOLONG.into());
    }
    let bytes = call.get(ptr, len)?;
    if bytes.contains(&0) {
        return Err(Errno::INVAL.into());
    }
    match std::str::from_utf8(bytes) {
        Ok("") => Err(Errno::NOENT.into()),
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(Errno::ILSEQ.into()),
    }
}

/// The arguments of `path_open`, in its order.
pub(super) struct Open {
    pub(super) fd: u32,
    pub(super) dirflags: u32,
    pub(super) path: u32,
    pub(super) path_len: u32,
    pub(super) oflags: u32,
    pub(super) rights_base: u64,
    pub(super) fdflags: u32,
    pub(super) out: u32,
}

pub(super) fn open(call: &mut Call<'_, '_>, request: &Open) -> Result<(), Halt> {
    let Named { path, directory } = named(call, request.fd, request.path, request.path_len)?;
    call.check(request.out, 4)?;
    let has = |flag| request.oflags & flag != 0;
    let fdflags = u16::try_from(request.fdflags).map_err(|_| Errno::INVAL)?;
    if fdflags & !flags::ALL != 0 || (has(oflags::CREAT) && has(oflags::DIRECTORY)) {
        return Err(Errno::INVAL.into());
    }
    let asks = |rights| request.rights_base & rights != 0;
    // Guests ask for nearly every right whatever they mean to do, so only these words of theirs
    // mean writing. The right to allocate is what is left where C libraries leave the right to write
    // out, because the directory does not hand it down.
    let options = OpenOptions {
        read: asks(rights::FD_READ | rights::FD_READDIR),
        write: asks(rights::FD_WRITE | rights::FD_ALLOCATE) || fdflags & flags::APPEND != 0,
        create: has(oflags::CREAT),
        exclusive: has(oflags::EXCL),
        truncate: has(oflags::TRUNC),
        directory: has(oflags::DIRECTORY) || directory,
        no_follow: request.dirflags & FOLLOW == 0 && !directory,
    };
    let limit = call.host().limits.open_files;
    let Some(fd) = call.state().fds.free(limit) else {
        call.host().gate.report_too_many_open(limit);
        return Err(Errno::MFILE.into());
    };
    let effect = Effect::Open {
        path: path.clone(),
        options,
    };
    let (handle, stat): (Handle, Stat) = call.ask(&effect)?;
    let kind = match stat.kind {
        FileKind::Directory => Kind::Directory(OpenDirectory {
            handle,
            path,
            inode: stat.inode,
            list: options.read,
        }),
        kind => Kind::File(OpenFile {
            handle,
            kind,
            position: 0,
            read: asks(rights::FD_READ),
            write: options.write,
        }),
    };
    call.state().fds.insert(fd, Descriptor::new(kind, fdflags));
    Ok(call.put_u32(request.out, fd)?)
}

pub(super) fn filestat_get(
    call: &mut Call<'_, '_>,
    fd: u32,
    lookup: u32,
    path: u32,
    path_len: u32,
    out: u32,
) -> Result<(), Halt> {
    let named = named(call, fd, path, path_len)?;
    call.check(out, 64)?;
    let stat = examine(call, &named, lookup & FOLLOW != 0)?;
    call.put(out, &layout::filestat(&stat))?;
    if lookup & FOLLOW != 0 {
        call.state().examined = Some(Examined {
            fd,
            path: named.path,
            kind: stat.kind,
        });
    }
    Ok(())
}

fn examine(call: &mut Call<'_, '_>, named: &Named, follow: bool) -> Result<Stat, Halt> {
    let effect = Effect::Stat {
        path: named.path.clone(),
        follow: follow || named.directory,
    };
    let stat: Stat = call.ask(&effect)?;
    match named.directory && stat.kind != FileKind::Directory {
        true => Err(Errno::NOTDIR.into()),
        false => Ok(stat),
    }
}

#[expect(clippy::too_many_arguments, reason = "preview 1 has so many")]
pub(super) fn filestat_set_times(
    call: &mut Call<'_, '_>,
    fd: u32,
    lookup: u32,
    path: u32,
    path_len: u32,
    accessed: u64,
    modified: u64,
    which: u32,
) -> Result<(), Halt> {
    let Named { path, directory } = named(call, fd, path, path_len)?;
    let times = layout::times(accessed, modified, which)?;
    call.pass(&Effect::SetTimes {
        path,
        follow: lookup & FOLLOW != 0 || directory,
        times,
    })?;
    Ok(())
}

pub(super) fn readlink(
    call: &mut Call<'_, '_>,
    fd: u32,
    path: u32,
    path_len: u32,
    buffer: u32,
    len: u32,
    out: u32,
) -> Result<(), Halt> {
    let Named { path, directory } = named(call, fd, path, path_len)?;
    call.check(buffer, len)?;
    call.check(out, 4)?;
    if directory {
        return Err(Errno::INVAL.into());
    }
    let target: String = call.ask(&Effect::ReadLink { path })?;
    // A guest whose buffer is full asks again with a larger one.
    let fits = target.len().min(usize::try_from(len).unwrap_or(usize::MAX));
    let cut = target.as_bytes().get(..fits).unwrap_or_default();
    call.put(buffer, cut)?;
    Ok(call.put_u32(out, u32::try_from(fits).map_err(|_| Errno::IO)?)?)
}

pub(super) fn create_directory(
    call: &mut Call<'_, '_>,
    fd: u32,
    path: u32,
    path_len: u32,
) -> Result<(), Halt> {
    let Named { path, .. } = named(call, fd, path, path_len)?;
    call.pass(&Effect::MakeDirectory { path })?;
    Ok(())
}

pub(super) fn remove_directory(
    call: &mut Call<'_, '_>,
    fd: u32,
    path: u32,
    path_len: u32,
) -> Result<(), Halt> {
    let Named { path, .. } = named(call, fd, path, path_len)?;
    call.pass(&Effect::RemoveDirectory { path })?;
    Ok(())
}

pub(super) fn unlink_file(
    call: &mut Call<'_, '_>,
    fd: u32,
    path: u32,
    path_len: u32,
) -> Result<(), Halt> {
    let Named { path, directory } = named(call, fd, path, path_len)?;
    if directory {
        return Err(Errno::NOTDIR.into());
    }
    call.pass(&Effect::RemoveFile { path })?;
    Ok(())
}

pub(super) fn rename(
    call: &mut Call<'_, '_>,
    fd: u32,
    old: u32,
    old_len: u32,
    new_fd: u32,
    new: u32,
    new_len: u32,
) -> Result<(), Halt> {
    let from = named(call, fd, old, old_len)?;
    let to = named(call, new_fd, new, new_len)?;
    if from.directory || to.directory {
        let directory = Named {
            path: from.path.clone(),
            directory: true,
        };
        examine(call, &directory, false)?;
    }
    call.pass(&Effect::Rename {
        from: from.path,
        to: to.path,
    })?;
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "preview 1 has so many")]
pub(super) fn link(
    call: &mut Call<'_, '_>,
    fd: u32,
    lookup: u32,
    old: u32,
    old_len: u32,
    new_fd: u32,
    new: u32,
    new_len: u32,
) -> Result<(), Halt> {
    let from = named(call, fd, old, old_len)?;
    let to = named(call, new_fd, new, new_len)?;
    if lookup & FOLLOW != 0 {
        return Err(Errno::INVAL.into());
    }
    if from.directory || to.directory {
        return Err(Errno::NOTDIR.into());
    }
    call.pass(&Effect::HardLink {
        from: from.path,
        to: to.path,
    })?;
    Ok(())
}

pub(super) fn symlink(
    call: &mut Call<'_, '_>,
    target: u32,
    target_len: u32,
    fd: u32,
    path: u32,
    path_len: u32,
) -> Result<(), Halt> {
    let target = text(call, target, target_len)?;
    let Named { path, directory } = named(call, fd, path, path_len)?;
    if directory {
        return Err(Errno::NOTDIR.into());
    }
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let leads_to = clean_path(parent, &target);
    call.pass(&Effect::Symlink {
        path,
        target,
        leads_to,
    })?;
    Ok(())
}
