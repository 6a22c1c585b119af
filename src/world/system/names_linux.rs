//! What a path really leads to, on Linux: a handle to the object itself is taken first (without
//! opening the object: no device wakes up, no FIFO blocks), its real name is read back from the
//! handle, the gate judges that name, and only then is that same object used through the handle.
//! Nobody can swap a link between the check and the use.

use std::{
    ffi::OsString,
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
pub(super) const O_NOFOLLOW: i32 = if cfg!(any(
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
pub(super) const O_NONBLOCK: i32 = if cfg!(any(target_arch = "mips", target_arch = "mips64")) {
    0o200
} else {
    0o4_000
};

/// An object that exists.
pub(super) struct Found {
    handle: File,
    pub(super) metadata: Metadata,
    /// Its real name: absolute, without links.
    pub(super) real: PathBuf,
}

/// A name in a directory that exists, whether or not something has the name.
pub(super) struct Entry {
    parent: File,
    name: OsString,
    /// The real name of the directory, and the name.
    pub(super) real: PathBuf,
}

/// What a path leads to.
pub(super) enum Look {
    Found(Found),
    /// Nothing is there, but the directory is where it would be.
    Vacant(Entry),
    /// Nothing is there and nothing could be: the real name it would have, and why not.
    Nowhere(PathBuf, io::Error),
}

/// Finds what a path leads to; a link at its end is followed if `follow`.
pub(super) fn look(path: &Path, follow: bool) -> io::Result<Look> {
    // An object that has no name any more is as good as none.
    let error = match take(path, follow).and_then(found) {
        Ok(found) => return Ok(Look::Found(found)),
        Err(error) => error,
    };
    let place = place(path)?;
    if error.kind() == io::ErrorKind::NotFound
        && let Ok(entry) = entry(&place)
        && entry.real == place
    {
        return Ok(Look::Vacant(entry));
    }
    Ok(Look::Nowhere(place, error))
}

/// The name at the end of a path, in the directory that the rest of the path leads to.
pub(super) fn entry(path: &Path) -> io::Result<Entry> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        // The root is in no directory.
        return Err(io::ErrorKind::PermissionDenied.into());
    };
    let parent = found(take(parent, true)?)?;
    if !parent.metadata.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(Entry {
        real: parent.real.join(name),
        name: name.to_owned(),
        parent: parent.handle,
    })
}

impl Found {
    /// A path that names the object itself, whatever happens to its name.
    pub(super) fn path(&self) -> PathBuf {
        through(&self.handle)
    }
}

impl Entry {
    /// A path to the name in that very directory, whatever happens to the directory's name.
    pub(super) fn path(&self) -> PathBuf {
        through(&self.parent).join(&self.name)
    }

    /// Whether that directory still has the name that it was found by.
    pub(super) fn stands(&self) -> io::Result<bool> {
        let now = fs::read_link(through(&self.parent))?;
        Ok(self.real.parent() == Some(&now))
    }

    /// Another name in the same directory.
    pub(super) fn sibling(&self, name: &str) -> PathBuf {
        through(&self.parent).join(name)
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

/// Reads the real name of an object back from its handle, and checks that it names that object
/// still: the kernel marks the name of a removed file with a suffix that a file could also have.
fn found(handle: File) -> io::Result<Found> {
    let metadata = handle.metadata()?;
    let real = fs::read_link(through(&handle))?;
    let named = fs::symlink_metadata(&real)?;
    if (named.dev(), named.ino()) != (metadata.dev(), metadata.ino()) {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(Found {
        handle,
        metadata,
        real,
    })
}

/// The real name that a path without an object would have.
fn place(path: &Path) -> io::Result<PathBuf> {
    super::paths::place(path, &|ancestor| {
        found(take(ancestor, true)?).map(|found| found.real)
    })
}
