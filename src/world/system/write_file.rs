//! Writing a whole file at once, so that at any moment either all of the new content is there or
//! all of the old.

use super::{
    failure,
    files::{judge, not_a_file, without_waiting},
    limits::Limits,
    names::{self, Entry, Found, Look},
};
use crate::{
    effect::{Answer, Refusal, WriteMode},
    gate::{Checkpoint, Permitted},
    world::file_error::FileError,
};
use std::{
    fs::{self, File, Metadata},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// Writes a whole file.
pub(super) fn write_file(
    path: &str,
    content: &[u8],
    mode: WriteMode,
    gate: &Checkpoint<'_>,
) -> Result<Permitted, Refusal> {
    // Another process may make, move or remove the file between two steps; then they are repeated.
    for _ in 0..8 {
        if let Some(permitted) = write_once(path, content, mode, gate)? {
            return Ok(permitted);
        }
    }
    Err(FileError::Changing.failure(path).into())
}

/// The same, or nothing if something was made, moved or removed meanwhile.
fn write_once(
    path: &str,
    content: &[u8],
    mode: WriteMode,
    gate: &Checkpoint<'_>,
) -> Result<Option<Permitted>, Refusal> {
    let failed = |error: io::Error| Refusal::from(failure(path, &error));
    let (old, entry, permit) = match names::look(Path::new(path), true).map_err(failed)? {
        Look::Found(found) => {
            let permit = judge(gate, &[(&found.real, false)])?;
            if !found.metadata.is_file() {
                return Err(not_a_file(path, &found.metadata).into());
            }
            match names::entry(&found.real) {
                Ok(entry) if entry.real == found.real => (Some(found), entry, permit),
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => return Ok(None),
            }
        }
        Look::Vacant(entry) => {
            let permit = judge(gate, &[(&entry.real, false)])?;
            (None, entry, permit)
        }
        Look::Nowhere(place, error) => {
            judge(gate, &[(&place, false)])?;
            return Err(failed(error));
        }
    };
    let limits = Limits::of_this_process().map_err(failed)?;
    limits.allows_file(content.len() as u64).map_err(failed)?;
    match (mode, old) {
        (WriteMode::CreateNew, Some(_)) => return Err(failed(io::ErrorKind::AlreadyExists.into())),
        (WriteMode::Append, Some(old)) => append(&old, content, limits).map_err(failed)?,
        (WriteMode::Replace, old) => {
            let old = old.map(|old| old.metadata);
            let new = aside(&entry, content, old.as_ref()).map_err(failed)?;
            let moved = fs::rename(&new, entry.path());
            moved
                .inspect_err(|_| drop(fs::remove_file(&new)))
                .map_err(failed)?;
        }
        (WriteMode::CreateNew | WriteMode::Append, None) => {
            // A second name appears only if the first is free, which renaming does not promise.
            let new = aside(&entry, content, None).map_err(failed)?;
            let linked = fs::hard_link(&new, entry.path());
            let _ = fs::remove_file(&new);
            match linked {
                Err(error)
                    if mode == WriteMode::Append
                        && error.kind() == io::ErrorKind::AlreadyExists =>
                {
                    return Ok(None);
                }
                linked => linked.map_err(failed)?,
            }
        }
    }
    let written = Answer::Written(content.len() as u64);
    Ok(Some(permit.answer(written)))
}

/// Writes the content to a new file beside the one it is meant for.
fn aside(entry: &Entry, content: &[u8], old: Option<&Metadata>) -> io::Result<PathBuf> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = entry.sibling(&format!(".tollgate-{}-{number}", std::process::id()));
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        if old.is_some() {
            private(&mut options);
        }
        let mut file = match options.open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        };
        // Before there is anything to read in it.
        let permitted = old.map_or(Ok(()), |old| take_after(&file, old));
        let written = permitted.and_then(|()| file.write_all(content));
        return match written {
            Ok(()) => Ok(path),
            Err(error) => {
                let _ = fs::remove_file(&path);
                Err(error)
            }
        };
    }
}

/// For nobody else, until the file has the permissions that it shall have.
#[cfg(unix)]
fn private(options: &mut fs::OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn private(_options: &mut fs::OpenOptions) {}

/// Gives a file the owner, group and mode of the one that it replaces, as far as the system allows.
/// With another owner or group it is neither set-user-ID nor set-group-ID, and another group may do
/// no more than others may.
#[cfg(unix)]
fn take_after(file: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
    let new = file.metadata()?;
    let owner = new.uid() == old.uid() || fchown(file, Some(old.uid()), None).is_ok();
    let group = new.gid() == old.gid() || fchown(file, None, Some(old.gid())).is_ok();
    let mut mode = old.mode() & 0o7777;
    if !(owner && group) {
        mode &= 0o1777;
    }
    if !group {
        mode &= 0o1707 | (mode & 0o7) << 3;
    }
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn take_after(file: &File, old: &Metadata) -> io::Result<()> {
    file.set_permissions(old.permissions())
}

/// Appends, or leaves the file as it was.
fn append(old: &Found, content: &[u8], limits: Limits) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.append(true);
    without_waiting(&mut options);
    let mut file = options.open(old.path())?;
    let before = file.metadata()?.len();
    limits.allows_file(before.saturating_add(content.len() as u64))?;
    file.write_all(content)
        .inspect_err(|_| drop(file.set_len(before)))
}
