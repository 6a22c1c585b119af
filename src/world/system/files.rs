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
        judged::{judged, judged_entry, judged_new_directory, judged_object},
        resolve::{Asked, FileSystem as _, Last, Resolved, entry},
    },
};
use std::{
    fs::{self, File, Metadata},
    io,
    path::Path,
};

pub(super) fn open(
    asked: &Asked<'_>,
    options: OpenOptions,
    gate: &Checkpoint<'_>,
) -> Result<(Opened, Metadata, Permit), Refusal> {
    let path = &*asked.shown();
    let failed = |error: io::Error| Refusal::from(failure(path, &error));
    if options.create && asked.is_slashed() {
        // Whatever is there: only a directory has such a name.
        judged_entry(&FILES, asked, gate)?;
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    // Another process may create or remove the file between two steps; then they are repeated.
    for _ in 0..8 {
        let (resolved, permit) = judged(&FILES, asked, options.follows(), gate)?;
        match resolved {
            Resolved::Object(found) => {
                let (opened, metadata) = open_found(path, found, options, gate)?;
                return Ok((opened, metadata, permit));
            }
            Resolved::Vacant(entry) if options.create && entry.last == Last::Slashed => {
                return Err(failed(io::ErrorKind::IsADirectory.into()));
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
    asked: &Asked<'_>,
    follow: bool,
    gate: &Checkpoint<'_>,
) -> Result<Permitted, Refusal> {
    let path = &*asked.shown();
    let (found, permit) = judged_object(&FILES, asked, follow, gate)?;
    let target = match found.handle.metadata.is_symlink() {
        true => Some(target(path, &found)?),
        false => None,
    };
    Ok(permit.answer(Answer::Stat(stat(&found.handle.metadata, target))))
}

pub(super) fn read_link(asked: &Asked<'_>, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
    let path = &*asked.shown();
    let (found, permit) = judged_object(&FILES, asked, false, gate)?;
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

pub(super) fn make_directory(
    asked: &Asked<'_>,
    gate: &Checkpoint<'_>,
) -> Result<Permitted, Refusal> {
    let (entry, permit) = judged_new_directory(&FILES, asked, gate)?;
    let made = fs::create_dir(entry.path());
    made.map_err(|error| failure(&asked.shown(), &error))?;
    Ok(permit.answer(Answer::Done))
}

/// Sets the times of a link by its name, in the very directory that was judged: its descriptor cannot be
/// used for this.
fn set_times_of_link(link: &Object, times: Times) -> io::Result<()> {
    let entry = entry(&FILES, &link.real)?;
    if entry.real != link.real {
        return Err(FileError::Changing.into());
    }
    times_of_link::set(&entry.path(), times)
}

#[cfg(all(unix, feature = "exec"))]
mod times_of_link {
    use crate::effect::{SetTime, Times};
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, utimensat};
    use std::{io, path::Path};

    pub(super) fn set(link: &Path, times: Times) -> io::Result<()> {
        let timespec = |time: Option<SetTime>| match time {
            None => Timespec {
                tv_sec: 0,
                tv_nsec: UTIME_OMIT,
            },
            Some(SetTime::Now) => Timespec {
                tv_sec: 0,
                tv_nsec: UTIME_NOW,
            },
            Some(SetTime::To(moment)) => Timespec {
                tv_sec: moment.seconds,
                tv_nsec: moment.nanos.into(),
            },
        };
        let times = Timestamps {
            last_access: timespec(times.accessed),
            last_modification: timespec(times.modified),
        };
        Ok(utimensat(CWD, link, &times, AtFlags::SYMLINK_NOFOLLOW)?)
    }
}

/// The standard library sets the times of open files only, and a link cannot be opened.
#[cfg(not(all(unix, feature = "exec")))]
mod times_of_link {
    use crate::effect::Times;
    use std::{io, path::Path};

    pub(super) fn set(_link: &Path, _times: Times) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Changes the name at the end of a path.
pub(super) fn at_entry(
    asked: &Asked<'_>,
    gate: &Checkpoint<'_>,
    act: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<Permitted, Refusal> {
    let (entry, permit) = judged_entry(&FILES, asked, gate)?;
    act(&entry.path()).map_err(|error| failure(&asked.shown(), &error))?;
    Ok(permit.answer(Answer::Done))
}

pub(super) fn set_times(
    asked: &Asked<'_>,
    follow: bool,
    times: Times,
    gate: &Checkpoint<'_>,
) -> Result<Permitted, Refusal> {
    let path = &*asked.shown();
    let (found, permit) = judged_object(&FILES, asked, follow, gate)?;
    if found.kind == FileKind::Symlink {
        set_times_of_link(&found, times).map_err(|error| failure(path, &error))?;
        return Ok(permit.answer(Answer::Done));
    }
    if !matches!(found.kind, FileKind::File | FileKind::Directory) {
        return Err(not_a_file(path, found.kind, gate));
    }
    let file = File::open(found.handle.path()).map_err(|error| failure(path, &error))?;
    set_file_times(&file, times).map_err(|error| failure(path, &error))?;
    Ok(permit.answer(Answer::Done))
}
