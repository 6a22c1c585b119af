//! Names: opening, examining, making and removing what a path leads to. The world resolves paths,
//! and the gate decides.

use super::{
    call::Call,
    errno::{Errno, Halt},
    fds,
    layout::{self, rights},
};
use crate::{
    effect::{
        Answer, Effect, FileKind, Handle, OpenOptions, Stat, absolute_path, clean_path,
        relative_path, without_end,
    },
    guest::descriptors::{Descriptor, Examined, Kind, OpenDirectory, OpenFile, flags},
};
use alloc::{borrow::ToOwned, string::String};

/// The longest path, in bytes, as the guest writes it.
const MAX_PATH: u32 = 4096;
/// The longest path as effects carry it, in bytes, with the directory in which it begins.
const MOST_NAMED: usize = 2 * MAX_PATH as usize;
/// The one flag of looking up: follow a link at the end of the path.
const FOLLOW: u32 = 1;

mod oflags {
    pub(super) const CREAT: u32 = 1;
    pub(super) const DIRECTORY: u32 = 2;
    pub(super) const EXCL: u32 = 4;
    pub(super) const TRUNC: u32 = 8;
}

/// A path as effects carry it, and the open directory in which it begins.
struct Named {
    path: String,
    directory: Option<Handle>,
    /// The end of the path, from that directory on.
    rest: String,
}

impl Named {
    fn start(&self) -> Option<(Handle, &str)> {
        Some((self.directory?, &self.rest))
    }
}

/// Reads a path, which is relative to a directory if it does not begin with a slash.
fn named(call: &mut Call<'_, '_>, fd: u32, ptr: u32, len: u32) -> Result<Named, Halt> {
    let base = fds::base(call.fd(fd)?)?;
    let base = base.map(|directory| (directory.handle, directory.path.clone()));
    let path = text(call, ptr, len)?;
    Ok(match base.filter(|_| !path.starts_with('/')) {
        Some((handle, base)) => {
            let rest = relative_path(&path);
            if base.len().saturating_add(rest.len()) > MOST_NAMED {
                return Err(Errno::NAMETOOLONG.into());
            }
            Named {
                path: format!("{}/{rest}", base.trim_end_matches('/')),
                directory: Some(handle),
                rest,
            }
        }
        None => Named {
            path: absolute_path("/", &path),
            directory: None,
            rest: String::new(),
        },
    })
}

/// Reads a path and lets an effect on it happen.
fn pass_named(
    call: &mut Call<'_, '_>,
    (fd, path, len): (u32, u32, u32),
    effect: impl FnOnce(String) -> Effect,
) -> Result<Answer, Halt> {
    let named = named(call, fd, path, len)?;
    let effect = effect(named.path.clone());
    call.pass_from([named.start(), None], &effect)
}

fn text(call: &mut Call<'_, '_>, ptr: u32, len: u32) -> Result<String, Halt> {
    if len > MAX_PATH {
        return Err(Errno::NAMETOOLONG.into());
    }
    let bytes = call.get(ptr, len)?;
    if bytes.contains(&0) {
        return Err(Errno::INVAL.into());
    }
    match core::str::from_utf8(bytes) {
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
    let named = named(call, request.fd, request.path, request.path_len)?;
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
        directory: has(oflags::DIRECTORY),
        no_follow: request.dirflags & FOLLOW == 0,
    };
    let limit = call.host().limits.open_files;
    let Some(fd) = call.state().fds.free(limit) else {
        call.host().gate.report_too_many_open(limit);
        return Err(Errno::MFILE.into());
    };
    let effect = Effect::Open {
        path: named.path.clone(),
        options,
    };
    let opened = call.pass_from([named.start(), None], &effect)?;
    let (handle, stat): (Handle, Stat) = opened.take()?;
    let kind = match stat.kind {
        FileKind::Directory => Kind::Directory(OpenDirectory {
            handle,
            // For reports only, so it is kept short: it would grow from each directory to the next.
            path: clean_path("/", &named.path),
            inode: stat.inode,
            position: 0,
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
    let effect = Effect::Stat {
        path: named.path.clone(),
        follow: lookup & FOLLOW != 0,
    };
    let stat: Stat = call.pass_from([named.start(), None], &effect)?.take()?;
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
    let named = named(call, fd, path, path_len)?;
    let effect = Effect::SetTimes {
        path: named.path.clone(),
        follow: lookup & FOLLOW != 0,
        times: layout::times(accessed, modified, which)?,
    };
    call.pass_from([named.start(), None], &effect)?;
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
    let named = named(call, fd, path, path_len)?;
    call.check(buffer, len)?;
    call.check(out, 4)?;
    let effect = Effect::ReadLink {
        path: named.path.clone(),
    };
    let target: String = call.pass_from([named.start(), None], &effect)?.take()?;
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
    pass_named(call, (fd, path, path_len), |path| Effect::MakeDirectory {
        path,
    })?;
    Ok(())
}

pub(super) fn remove_directory(
    call: &mut Call<'_, '_>,
    fd: u32,
    path: u32,
    path_len: u32,
) -> Result<(), Halt> {
    pass_named(call, (fd, path, path_len), |path| Effect::RemoveDirectory {
        path,
    })?;
    Ok(())
}

pub(super) fn unlink_file(
    call: &mut Call<'_, '_>,
    fd: u32,
    path: u32,
    path_len: u32,
) -> Result<(), Halt> {
    pass_named(call, (fd, path, path_len), |path| Effect::RemoveFile {
        path,
    })?;
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
    let effect = Effect::Rename {
        from: from.path.clone(),
        to: to.path.clone(),
    };
    call.pass_from([from.start(), to.start()], &effect)?;
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
    let effect = Effect::HardLink {
        from: from.path.clone(),
        to: to.path.clone(),
    };
    call.pass_from([from.start(), to.start()], &effect)?;
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
    let named = named(call, fd, path, path_len)?;
    let parent = without_end(&named.path).rsplit_once('/');
    let leads_to = clean_path(parent.map_or("", |(parent, _)| parent), &target);
    let effect = Effect::Symlink {
        path: named.path.clone(),
        target,
        leads_to,
    };
    call.pass_from([named.start(), None], &effect)?;
    Ok(())
}
