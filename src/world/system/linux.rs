//! Resolving paths on Linux without a moment at which a link could be exchanged: a descriptor of the
//! object is taken first (with `O_PATH`, which opens no device and waits for no FIFO), the real name
//! is read from the descriptor, the gate judges that name, and the object is used through the same
//! descriptor.

use super::{
    names::Reach,
    proc::{self, through},
};
use crate::world::file_error::FileError;
use std::{
    collections::BTreeSet,
    fs::{self, File, Metadata, OpenOptions},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// A descriptor of the object that gives no access to its content.
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
/// Do not wait for the other end of a FIFO.
pub(super) const O_NONBLOCK: i32 = if cfg!(any(target_arch = "mips", target_arch = "mips64")) {
    0o200
} else {
    0o4_000
};

/// How often to repeat the search for an object that was renamed in the meantime.
const ROUNDS: usize = 32;

/// A descriptor of an object.
#[derive(Debug)]
pub(super) struct Handle(File);

impl Reach for Handle {
    /// An object that was moved, removed or replaced before its name was read is searched again:
    /// there may always have been something with that name.
    fn find(path: &Path, follow: bool) -> io::Result<(Handle, Metadata, PathBuf)> {
        proc::check()?;
        let mut lost = BTreeSet::new();
        let mut links = 0;
        for _ in 0..ROUNDS {
            let file = take(path, follow)?;
            let metadata = file.metadata()?;
            let real = proc::name_of(&file)?;
            // The kernel marks the name of a removed file with a suffix that a file could also have.
            let named = match fs::symlink_metadata(&real) {
                Ok(named) => Some((named.dev(), named.ino())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            };
            let identity = (metadata.dev(), metadata.ino());
            if named == Some(identity) {
                return Ok((Handle(file), metadata, real));
            }
            lost.insert(identity);
            links = metadata.nlink();
        }
        // Always the same object: a link of the kernel's leads to it, and it has no name.
        Err(match (lost.len(), links) {
            (1, 0) => io::ErrorKind::NotFound.into(),
            (1, _) => FileError::Nameless.into(),
            _ => FileError::Changing.into(),
        })
    }

    fn path(&self) -> PathBuf {
        through(&self.0)
    }

    fn metadata(&self) -> io::Result<Metadata> {
        self.0.metadata()
    }

    fn present_name(&self) -> io::Result<PathBuf> {
        proc::name_of(&self.0)
    }

    fn is_inconclusive(error: &io::Error) -> bool {
        proc::is_to_blame(error)
    }
}

fn take(path: &Path, follow: bool) -> io::Result<File> {
    let flags = if follow { O_PATH } else { O_PATH | O_NOFOLLOW };
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// The error that is behind this one if it only seems that a file is missing, because `/proc` is.
pub(super) fn cause(error: &io::Error) -> Option<io::Error> {
    let by_the_kernel = error.kind() == io::ErrorKind::NotFound && error.raw_os_error().is_some();
    by_the_kernel.then(proc::check_anew)?.err()
}
