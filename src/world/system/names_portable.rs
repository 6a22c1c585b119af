//! What a path really leads to, on systems without handles to objects: the name is resolved, the
//! gate judges it, the resolved name is opened, and after that the name must still resolve to
//! the same object. A window remains in which a link swapped twice could go unnoticed; only Linux
//! closes it.

use super::failure;
use crate::{
    effect::Refusal,
    gate::{Checkpoint, Permit},
};
use std::{
    fs::{self, File, Metadata},
    io,
    path::{Path, PathBuf},
};

/// An object that the gate agreed to.
pub(super) struct Found {
    real: PathBuf,
    pub(super) metadata: Metadata,
    /// Where it points, if it is a link that was not followed.
    pub(super) target: Option<String>,
    pub(super) permit: Permit,
}

/// Finds what `path` leads to and asks the gate about it.
pub(super) fn find(path: &str, follow: bool, gate: &Checkpoint<'_>) -> Result<Found, Refusal> {
    let real = match resolve(Path::new(path), follow) {
        Ok(real) => real,
        Err(error) => return Err(missing(path, &error, gate)),
    };
    let permit = gate.real_name(&real.to_string_lossy())?;
    let failed = |error: io::Error| failure(path, &error);
    let metadata = fs::symlink_metadata(&real).map_err(failed)?;
    let target = if metadata.is_symlink() {
        Some(
            fs::read_link(&real)
                .map_err(failed)?
                .to_string_lossy()
                .into_owned(),
        )
    } else {
        None
    };
    Ok(Found {
        real,
        metadata,
        target,
        permit,
    })
}

impl Found {
    /// Opens the object for reading, and makes sure that it still has the name that was judged.
    pub(super) fn open(&self) -> io::Result<File> {
        let file = File::open(&self.real)?;
        if resolve(&self.real, true)? != self.real {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(file)
    }
}

fn resolve(path: &Path, follow: bool) -> io::Result<PathBuf> {
    match (follow, path.parent(), path.file_name()) {
        (false, Some(parent), Some(name)) => {
            let real = parent.canonicalize()?.join(name);
            fs::symlink_metadata(&real)?;
            Ok(real)
        }
        _ => path.canonicalize(),
    }
}

/// Whether the place where a missing object would be is granted decides what is said of it.
fn missing(path: &str, error: &io::Error, gate: &Checkpoint<'_>) -> Refusal {
    let mut rest = PathBuf::new();
    for ancestor in Path::new(path).ancestors() {
        if let Ok(real) = ancestor.canonicalize() {
            return match gate.real_name(&real.join(&rest).to_string_lossy()) {
                Err(denial) => denial.into(),
                Ok(_) => failure(path, error).into(),
            };
        }
        if let Some(name) = ancestor.file_name() {
            rest = if rest.as_os_str().is_empty() {
                name.into()
            } else {
                Path::new(name).join(&rest)
            };
        }
    }
    failure(path, error).into()
}
