//! Files and directories of the operating system. Each function resolves a path, has the gate judge
//! the real name, and uses the very object that was judged.

use super::{
    failure,
    names::{FILES, Object},
    opened::{Opened, set_file_times},
    stat::{is_null, stat},
};
use crate::{
    effect::{Answer, Failure, FileKind, OpenOptions, Refusal, Times},
    gate::{Checkpoint, Permit, Permitted},
    world::{
        file_error::{FileError, check_open, not_a_file, not_a_link},
        judged::{judged, judged_entry, judged_object},
        resolve::{FileSystem as _, Resolved, entry},
    },
};
use std::{
    fs::{self, File, Metadata},
    io,
    path::Path,
};

pub(super) fn open(
    path: &str,
    options: OpenOptions,
    gate: &Checkpoint<'_>,
) -> Result<(Opened, Metadata, Permit), Refusal> {
    let failed = |error: io::Error| Refusal::from(failure(path, &error));
    // Another process may create or remove the file between two steps; then they are repeated.
    for _ in 0..8 {
        let (resolved, permit) = judged(&FILES, path, !options.no_follow, gate)?;
        match resolved {
            Resolved::Object(found) => {
                let (opened, metadata) = open_found(path, found, options, gate)?;
                return Ok((opened, metadata, permit));
            }
            Resolved::Vacant(entry) if options.create && !options.directory => {
                match reading_and_writing(options)
                    .create_new(true)
                    .open(entry.path())
                {
                    Ok(file) => {
                        let metadata = file.metadata().map_err(failed)?;
                        return Ok((Opened::File(file), metadata, permit));
                    }
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(failed(error)),
                }
            }
            Resolved::Vacant(_) => return Err(failed(io::ErrorKind::NotFound.into())),
            Resolved::Unreachable { error, .. } => return Err(failed(error)),
        }
    }
    Err(FileError::Changing.failure(path).into())
}

fn open_found(
    path: &str,
    found: Object,
    options: OpenOptions,
    gate: &Checkpoint<'_>,
) -> Result<(Opened, Metadata), Refusal> {
    let failed = |error: io::Error| Refusal::from(failure(path, &error));
    let metadata = found.handle.metadata.clone();
    let is_null = is_null(&metadata);
    check_open(path, (found.kind, is_null), options, gate)?;
    if found.is_directory() {
        return Ok((Opened::Directory(Box::new(found.handle)), metadata));
    }
    let file = reading_and_writing(options)
        .open(found.handle.path())
        .map_err(failed)?;
    // As with the system's own flag, a device stays as it is.
    if options.truncate && !is_null {
        file.set_len(0).map_err(failed)?;
    }
    let metadata = file.metadata().map_err(failed)?;
    Ok((Opened::File(file), metadata))
}

fn reading_and_writing(options: OpenOptions) -> fs::OpenOptions {
    let access = options.access();
    let mut system = fs::OpenOptions::new();
    system.read(access.read).write(access.write);
    without_waiting(&mut system);
    system
}

/// Keeps an open from waiting for the other end of a FIFO.
#[cfg(target_os = "linux")]
pub(super) fn without_waiting(options: &mut fs::OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.custom_flags(super::linux::O_NONBLOCK);
}

#[cfg(not(target_os = "linux"))]
pub(super) fn without_waiting(_options: &mut fs::OpenOptions) {}

pub(super) fn examine(
    path: &str,
    follow: bool,
    gate: &Checkpoint<'_>,
) -> Result<Permitted, Refusal> {
    let (found, permit) = judged_object(&FILES, path, follow, gate)?;
    let target = match found.handle.metadata.is_symlink() {
        true => Some(target(path, &found)?),
        false => None,
    };
    Ok(permit.answer(Answer::Stat(stat(&found.handle.metadata, target))))
}

pub(super) fn read_link(path: &str, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
    let (found, permit) = judged_object(&FILES, path, false, gate)?;
    if !found.handle.metadata.is_symlink() {
        return Err(not_a_link(path).into());
    }
    Ok(permit.answer(Answer::Target(target(path, &found)?)))
}

fn target(path: &str, link: &Object) -> Result<String, Failure> {
    // A descriptor of a link cannot be used to read it. So the link is read by its name, in the very
    // directory that was judged.
    let read = entry(&FILES, &link.real).and_then(|entry| match entry.real == link.real {
        true => FILES.target(&entry.directory.handle, entry.name()),
        false => Err(FileError::Changing.into()),
    });
    let target = read.map_err(|error| failure(path, &error))?;
    Ok(String::from_utf8_lossy(&target).into_owned())
}

/// Changes the name at the end of a path.
pub(super) fn at_entry(
    path: &str,
    gate: &Checkpoint<'_>,
    act: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<Permitted, Refusal> {
    let (entry, permit) = judged_entry(&FILES, path, gate)?;
    act(&entry.path()).map_err(|error| failure(path, &error))?;
    Ok(permit.answer(Answer::Done))
}

pub(super) fn set_times(
    path: &str,
    follow: bool,
    times: Times,
    gate: &Checkpoint<'_>,
) -> Result<Permitted, Refusal> {
    let (found, permit) = judged_object(&FILES, path, follow, gate)?;
    if !matches!(found.kind, FileKind::File | FileKind::Directory) {
        return Err(not_a_file(path, found.kind, gate));
    }
    let file = File::open(found.handle.path()).map_err(|error| failure(path, &error))?;
    set_file_times(&file, times).map_err(|error| failure(path, &error))?;
    Ok(permit.answer(Answer::Done))
}
