//! What a path really leads to, on Linux: a handle to the object itself is taken first (without
//! opening the object: no device wakes up, no FIFO blocks), its real name is read back from the
//! handle, the gate judges that name, and only then is that same object used through the handle.
//! Nobody can swap a link between the check and the use.

use super::proc::{self, through};
use crate::world::file_error::FileError;
use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::{self, File, Metadata, OpenOptions},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
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
    let error = match find(path, follow) {
        Ok(found) => return Ok(Look::Found(found)),
        Err(error) if proc::is_to_blame(&error) => return Err(error),
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

/// Whether an error may mean only that `/proc` is missing.
pub(super) fn is_doubtful(error: &io::Error) -> Option<io::Error> {
    let by_the_kernel = error.kind() == io::ErrorKind::NotFound && error.raw_os_error().is_some();
    by_the_kernel.then(proc::look)?.err()
}

/// The name at the end of a path, in the directory that the rest of the path leads to.
pub(super) fn entry(path: &Path) -> io::Result<Entry> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        // The root is in no directory.
        return Err(io::ErrorKind::PermissionDenied.into());
    };
    let parent = find(parent, true)?;
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
    /// The object as it is now.
    pub(super) fn examine(&self) -> io::Result<Metadata> {
        self.handle.metadata()
    }

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
        let now = proc::name_of(&self.parent)?;
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

/// How often to retry a path whose object has another name by the time that is read.
const ROUNDS: usize = 32;

/// Takes what a path leads to, by its real name. What was moved, removed or replaced meanwhile is
/// looked for again: there may always have been something of that name.
fn find(path: &Path, follow: bool) -> io::Result<Found> {
    proc::check()?;
    let mut lost = BTreeSet::new();
    let mut links = 0;
    for _ in 0..ROUNDS {
        let handle = take(path, follow)?;
        let metadata = handle.metadata()?;
        let real = proc::name_of(&handle)?;
        // The kernel marks the name of a removed file with a suffix that a file could also have.
        let named = match fs::symlink_metadata(&real) {
            Ok(named) => Some((named.dev(), named.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let identity = (metadata.dev(), metadata.ino());
        if named == Some(identity) {
            return Ok(Found {
                handle,
                metadata,
                real,
            });
        }
        lost.insert(identity);
        links = metadata.nlink();
    }
    // Always the same one: a link of the kernel's leads to it, and no name does.
    Err(match (lost.len(), links) {
        (1, 0) => io::ErrorKind::NotFound.into(),
        (1, _) => FileError::Nameless.into(),
        _ => FileError::Changing.into(),
    })
}

/// The real name that a path without an object would have.
fn place(path: &Path) -> io::Result<PathBuf> {
    super::paths::place(path, &|ancestor| {
        find(ancestor, true).map(|found| found.real)
    })
}
