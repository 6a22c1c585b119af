//! Files and directories of the operating system: each function finds what a path really leads
//! to, has the gate judge that, and acts on the very object that was judged.

use super::{
    failure,
    names::{self, Entry, Found, Look},
    opened::{Opened, set_file_times},
    stat::stat,
};
use crate::{
    effect::{Answer, Failure, OpenOptions, Refusal, Times},
    gate::{Checkpoint, Permit, Permitted, RealName},
    world::file_error::{FileError, NEVER_OPENED},
};
use std::{
    fs::{self, File, Metadata},
    io,
    path::{Path, PathBuf},
};
use tollgate_abi::host::kinds;

pub(super) fn judge(gate: &Checkpoint<'_>, real: &[(&Path, bool)]) -> Result<Permit, Refusal> {
    // A name that is not UTF-8 is judged with U+FFFD in place of what is not.
    let texts: Vec<_> = real
        .iter()
        .map(|(path, _)| path.to_string_lossy())
        .collect();
    let names: Vec<_> = texts
        .iter()
        .zip(real)
        .map(|(path, (_, directory))| RealName {
            path,
            directory: *directory,
        })
        .collect();
    Ok(gate.real_names(&names)?)
}

/// Finds what must exist. Whether the place where it would be is granted decides first, so that
/// nobody learns what exists elsewhere.
fn existing(path: &str, follow: bool, gate: &Checkpoint<'_>) -> Result<(Found, Permit), Refusal> {
    let failed = |error: &io::Error| Refusal::from(failure(path, error));
    match names::look(Path::new(path), follow).map_err(|error| failed(&error))? {
        Look::Found(found) => {
            let permit = judge(gate, &[(&found.real, found.metadata.is_dir())])?;
            Ok((found, permit))
        }
        Look::Vacant(entry) => {
            judge(gate, &[(&entry.real, false)])?;
            Err(failed(&io::ErrorKind::NotFound.into()))
        }
        Look::Nowhere(place, error) => {
            judge(gate, &[(&place, false)])?;
            Err(failed(&error))
        }
    }
}

pub(super) fn open(
    path: &str,
    options: OpenOptions,
    gate: &Checkpoint<'_>,
) -> Result<(Opened, Metadata, Permit), Refusal> {
    let failed = |error: &io::Error| Refusal::from(failure(path, error));
    // Somebody else may make or remove the file between two steps; then they are taken again.
    for _ in 0..8 {
        match names::look(Path::new(path), !options.no_follow).map_err(|error| failed(&error))? {
            Look::Found(found) => {
                let permit = judge(gate, &[(&found.real, found.metadata.is_dir())])?;
                let (opened, metadata) = open_found(path, found, options)?;
                return Ok((opened, metadata, permit));
            }
            Look::Vacant(entry) => {
                let permit = judge(gate, &[(&entry.real, false)])?;
                if !options.create || options.directory {
                    return Err(failed(&io::ErrorKind::NotFound.into()));
                }
                match reading_and_writing(options)
                    .create_new(true)
                    .open(entry.path())
                {
                    Ok(file) => {
                        let metadata = file.metadata().map_err(|error| failed(&error))?;
                        return Ok((Opened::File(file), metadata, permit));
                    }
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(failed(&error)),
                }
            }
            Look::Nowhere(place, error) => {
                judge(gate, &[(&place, false)])?;
                return Err(failed(&error));
            }
        }
    }
    Err(FileError::Changing.failure(path).into())
}

fn open_found(
    path: &str,
    found: Found,
    options: OpenOptions,
) -> Result<(Opened, Metadata), Refusal> {
    let failed = |error: io::Error| Refusal::from(failure(path, &error));
    let metadata = found.metadata.clone();
    let refuse = |code: &'static str, what: &str| {
        Err(Failure::new(kinds::FS, code, format!("{path}: {what}")).into())
    };
    if options.exclusive && options.create {
        return refuse("EEXIST", "exists already");
    }
    if metadata.is_symlink() {
        return refuse("ELOOP", "is a symbolic link");
    }
    if metadata.is_dir() {
        if options.access().write {
            return refuse("EISDIR", "is a directory");
        }
        if !options.directory && !options.read {
            return refuse("EISDIR", "is a directory");
        }
        return Ok((Opened::Directory(Box::new(found)), metadata));
    }
    if options.directory {
        return refuse("ENOTDIR", "not a directory");
    }
    if !metadata.is_file() {
        return Err(not_a_file(path, &metadata).into());
    }
    let file = reading_and_writing(options)
        .open(found.path())
        .map_err(failed)?;
    if options.truncate {
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

#[cfg(target_os = "linux")]
pub(super) fn without_waiting(options: &mut fs::OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.custom_flags(names::O_NONBLOCK);
}

#[cfg(not(target_os = "linux"))]
pub(super) fn without_waiting(_options: &mut fs::OpenOptions) {}

pub(super) fn not_a_file(path: &str, metadata: &Metadata) -> Failure {
    let (code, what) = if metadata.is_dir() {
        ("EISDIR", "is a directory")
    } else {
        ("EACCES", NEVER_OPENED)
    };
    Failure::new(kinds::FS, code, format!("{path}: {what}"))
}

pub(super) fn examine(
    path: &str,
    follow: bool,
    gate: &Checkpoint<'_>,
) -> Result<Permitted, Refusal> {
    let (found, permit) = existing(path, follow, gate)?;
    let target = if found.metadata.is_symlink() {
        Some(target(path, &found)?)
    } else {
        None
    };
    Ok(permit.answer(Answer::Stat(stat(&found.metadata, target))))
}

pub(super) fn read_link(path: &str, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
    let (found, permit) = existing(path, false, gate)?;
    if !found.metadata.is_symlink() {
        let message = format!("{path}: not a symbolic link");
        return Err(Failure::new(kinds::FS, "EINVAL", message).into());
    }
    Ok(permit.answer(Answer::Target(target(path, &found)?)))
}

fn target(path: &str, link: &Found) -> Result<String, Failure> {
    // A handle to a link gives the link's own name. So the link is read by that name, in the very
    // directory that was judged, which nobody can exchange meanwhile.
    let read = names::entry(&link.real).and_then(|entry| {
        if entry.real == link.real {
            fs::read_link(entry.path())
        } else {
            Err(FileError::Changing.into())
        }
    });
    let target = read.map_err(|error| failure(path, &error))?;
    Ok(target.to_string_lossy().into_owned())
}

/// Finds the name that an effect is about to make, remove or replace, and asks the gate.
fn named(path: &str, gate: &Checkpoint<'_>) -> Result<(Entry, Permit), Refusal> {
    match names::entry(Path::new(path)) {
        Ok(entry) => {
            let permit = judge(gate, &[(&entry.real, false)])?;
            Ok((entry, permit))
        }
        // The place is judged before the failure is told.
        Err(error) => {
            judge(gate, &[(&place(path)?, false)])?;
            Err(failure(path, &error).into())
        }
    }
}

/// The real name that a path would have whose directory cannot be reached, or could not be a
/// moment ago.
pub(super) fn place(path: &str) -> Result<PathBuf, Failure> {
    real_name(Path::new(path), false).map_err(|error| failure(path, &error))
}

/// The real name of what a path leads to, or would have to.
pub(super) fn real_name(path: &Path, follow: bool) -> io::Result<PathBuf> {
    Ok(match names::look(path, follow)? {
        Look::Found(found) => found.real,
        Look::Vacant(entry) => entry.real,
        Look::Nowhere(place, _) => place,
    })
}

/// Does something to the name at the end of a path.
pub(super) fn at_name(
    path: &str,
    gate: &Checkpoint<'_>,
    act: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<Permitted, Refusal> {
    let (entry, permit) = named(path, gate)?;
    act(&entry.path()).map_err(|error| failure(path, &error))?;
    Ok(permit.answer(Answer::Done))
}

pub(super) fn set_times(
    path: &str,
    follow: bool,
    times: Times,
    gate: &Checkpoint<'_>,
) -> Result<Permitted, Refusal> {
    let (found, permit) = existing(path, follow, gate)?;
    if !found.metadata.is_file() && !found.metadata.is_dir() {
        return Err(not_a_file(path, &found.metadata).into());
    }
    let file = File::open(found.path()).map_err(|error| failure(path, &error))?;
    set_file_times(&file, times).map_err(|error| failure(path, &error))?;
    Ok(permit.answer(Answer::Done))
}
