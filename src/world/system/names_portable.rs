//! What a path really leads to, on systems without handles to objects: the name is resolved, the
//! gate judges it, and the resolved name is used. A window remains in which a link that appears
//! in the resolved name could go unnoticed; only Linux closes it.

use std::{
    ffi::OsString,
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
};

/// An object that exists.
pub(super) struct Found {
    pub(super) metadata: Metadata,
    /// Its real name: absolute, without links.
    pub(super) real: PathBuf,
}

/// A name in a directory that exists, whether or not something has the name.
pub(super) struct Entry {
    parent: PathBuf,
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
    let resolved = if follow {
        path.canonicalize()
    } else {
        entry(path)
            .map(|entry| entry.real)
            .or_else(|error| match path.parent() {
                None => Ok(path.to_path_buf()),
                Some(_) => Err(error),
            })
    };
    let resolved = resolved.and_then(|real| Ok((fs::symlink_metadata(&real)?, real)));
    let error = match resolved {
        Ok((metadata, real)) => return Ok(Look::Found(Found { metadata, real })),
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

/// Nothing but the file system is asked, and what it says is missing is missing.
pub(super) fn is_doubtful(_error: &io::Error) -> Option<io::Error> {
    None
}

/// The name at the end of a path, in the directory that the rest of the path leads to.
pub(super) fn entry(path: &Path) -> io::Result<Entry> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::PermissionDenied.into());
    };
    let parent = parent.canonicalize()?;
    if !fs::metadata(&parent)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(Entry {
        real: parent.join(name),
        name: name.to_owned(),
        parent,
    })
}

impl Found {
    /// The object as it is now.
    pub(super) fn examine(&self) -> io::Result<Metadata> {
        fs::symlink_metadata(&self.real)
    }

    /// A path that names the object.
    pub(super) fn path(&self) -> PathBuf {
        self.real.clone()
    }
}

impl Entry {
    /// A path to the name in the directory.
    pub(super) fn path(&self) -> PathBuf {
        self.parent.join(&self.name)
    }

    /// Whether that directory still has the name that it was found by.
    pub(super) fn stands(&self) -> io::Result<bool> {
        Ok(self.parent.canonicalize()? == self.parent)
    }

    /// Another name in the same directory.
    pub(super) fn sibling(&self, name: &str) -> PathBuf {
        self.parent.join(name)
    }
}

/// The real name that a path without an object would have.
fn place(path: &Path) -> io::Result<PathBuf> {
    super::paths::place(path, &|ancestor| ancestor.canonicalize())
}
