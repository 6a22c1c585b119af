//! What a path really leads to, on Linux: a handle to the object itself is taken first (without
//! opening the object: no device wakes up, no FIFO blocks), its real name is read back from the
//! handle, the gate judges that name, and only then is that same object opened through the handle.
//! Nobody can swap a link between the check and the use.

use super::{ELOOP, failure};
use crate::{
    effect::Refusal,
    gate::{Checkpoint, Permit},
};
use std::{
    fs::{self, File, Metadata, OpenOptions},
    io,
    os::{
        fd::AsRawFd as _,
        unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    },
    path::{Path, PathBuf},
};

/// A handle to the object, not to its content.
const O_PATH: i32 = 0o10_000_000;
/// Do not follow a link at the end of the path.
const O_NOFOLLOW: i32 = if cfg!(any(
    target_arch = "arm",
    target_arch = "aarch64",
    target_arch = "m68k",
    target_arch = "powerpc",
    target_arch = "powerpc64"
)) {
    0o100_000
} else {
    0o400_000
};
/// Never wait for the other end of a FIFO, should one slip in.
const O_NONBLOCK: i32 = if cfg!(any(target_arch = "mips", target_arch = "mips64")) {
    0o200
} else {
    0o4_000
};

/// As many links as the kernel follows.
const MAX_LINKS: u32 = 40;

/// An object that the gate agreed to.
pub(super) struct Found {
    handle: File,
    pub(super) metadata: Metadata,
    /// Where it points, if it is a link that was not followed.
    pub(super) target: Option<String>,
    pub(super) permit: Permit,
}

/// Finds what `path` leads to and asks the gate about it.
pub(super) fn find(path: &str, follow: bool, gate: &Checkpoint<'_>) -> Result<Found, Refusal> {
    let handle = match take(Path::new(path), follow) {
        Ok(handle) => handle,
        Err(error) => return Err(missing(path, &error, gate)),
    };
    let metadata = handle.metadata().map_err(|error| failure(path, &error))?;
    let real = real_name(&handle, &metadata).map_err(|error| failure(path, &error))?;
    let permit = gate.real_name(&real.to_string_lossy())?;
    let target = if metadata.is_symlink() {
        let target = fs::read_link(&real).map_err(|error| failure(path, &error))?;
        Some(target.to_string_lossy().into_owned())
    } else {
        None
    };
    Ok(Found {
        handle,
        metadata,
        target,
        permit,
    })
}

impl Found {
    /// Opens the object itself for reading.
    pub(super) fn open(&self) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .custom_flags(O_NONBLOCK)
            .open(through(&self.handle))
    }
}

fn take(path: &Path, follow: bool) -> io::Result<File> {
    let flags = if follow { O_PATH } else { O_PATH | O_NOFOLLOW };
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// The path by which the kernel reaches the object behind a handle.
fn through(handle: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", handle.as_raw_fd()))
}

/// The real name of an object, read back from the handle and checked to name that object still:
/// the kernel marks the name of a removed file with a suffix that a file could also have.
fn real_name(handle: &File, metadata: &Metadata) -> io::Result<PathBuf> {
    let real = fs::read_link(through(handle))?;
    let named = fs::symlink_metadata(&real)?;
    if (named.dev(), named.ino()) != (metadata.dev(), metadata.ino()) {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(real)
}

/// What to say when nothing could be taken hold of: whether the place where it would be is
/// granted decides first, so that nobody learns what exists elsewhere.
fn missing(path: &str, error: &io::Error, gate: &Checkpoint<'_>) -> Refusal {
    let place = match place(Path::new(path)) {
        Ok(place) => place,
        Err(error) => return failure(path, &error).into(),
    };
    match gate.real_name(&place.to_string_lossy()) {
        Err(denial) => denial.into(),
        Ok(_) => failure(path, error).into(),
    }
}

/// The real name that a path without an object would have: the real name of its deepest existing
/// ancestor and the rest, with dangling links followed by hand.
fn place(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    'links: for _ in 0..MAX_LINKS {
        let mut rest = PathBuf::new();
        let mut ancestor = path.as_path();
        while let Some(parent) = ancestor.parent() {
            let name = ancestor.file_name().ok_or(io::ErrorKind::InvalidInput)?;
            rest = if rest.as_os_str().is_empty() {
                name.into()
            } else {
                Path::new(name).join(rest)
            };
            ancestor = parent;
            let Ok(handle) = take(ancestor, true) else {
                continue;
            };
            let metadata = handle.metadata()?;
            let real = real_name(&handle, &metadata)?;
            let mut names = rest.components();
            let first = names.next().map(|name| real.join(name)).unwrap_or_default();
            if let Ok(target) = fs::read_link(&first) {
                // A dangling link (or one into a loop): go on from where it points.
                path = clean(&real.join(target).join(names.as_path()));
                continue 'links;
            }
            return Ok(real.join(rest));
        }
        return Err(io::ErrorKind::NotFound.into());
    }
    Err(io::Error::from_raw_os_error(ELOOP))
}

/// Removes `.` and `..` by name. A `..` behind a link would mean another directory to the kernel,
/// but behind a dangling link there is none.
fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::from("/");
    for component in path.components() {
        match component {
            std::path::Component::ParentDir => {
                cleaned.pop();
            }
            std::path::Component::Normal(name) => cleaned.push(name),
            _ => {}
        }
    }
    cleaned
}
