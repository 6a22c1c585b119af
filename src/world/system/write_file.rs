//! Writing a whole file in one step, so that at any moment it has either all of the new content or
//! all of the old.

use super::{
    failure,
    files::without_waiting,
    limits::Limits,
    names::{Entry, FILES, Object},
};
use crate::{
    effect::{Answer, FileKind, Refusal, WriteMode},
    gate::{Checkpoint, Permitted},
    world::{
        file_error::{FileError, not_a_file},
        judged::judged,
        resolve::{self, Asked, Last, Resolved},
    },
};
use std::{
    fs::{self, File, Metadata},
    io::{self, Write as _},
    path::PathBuf,
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

/// Does this once; `None` if another process created, moved or removed the file in the meantime.
fn write_once(
    path: &str,
    content: &[u8],
    mode: WriteMode,
    gate: &Checkpoint<'_>,
) -> Result<Option<Permitted>, Refusal> {
    let failed = |error: io::Error| Refusal::from(failure(path, &error));
    let (resolved, permit) = judged(&FILES, &Asked::absolute(path.as_bytes()), true, gate)?;
    let (old, entry) = match resolved {
        Resolved::Object(found) => {
            if found.kind != FileKind::File {
                return Err(not_a_file(path, found.kind, gate));
            }
            match resolve::entry(&FILES, &found.real) {
                Ok(entry) if entry.real == found.real => (Some(found), entry),
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => return Ok(None),
            }
        }
        Resolved::Vacant(entry) if entry.last == Last::Slashed => {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        Resolved::Vacant(entry) => (None, entry),
        Resolved::Unreachable { error, .. } => return Err(failed(error)),
    };
    let limits = Limits::of_this_process().map_err(failed)?;
    limits.allows_file(content.len() as u64).map_err(failed)?;
    match (mode, old) {
        (WriteMode::CreateNew, Some(_)) => return Err(failed(io::ErrorKind::AlreadyExists.into())),
        (WriteMode::Append, Some(old)) => append(&old, content, limits).map_err(failed)?,
        (WriteMode::Replace, old) => {
            let old = old.map(|old| old.handle.metadata);
            let new = write_beside(&entry, content, old.as_ref()).map_err(failed)?;
            let moved = fs::rename(&new, entry.path());
            moved
                .inspect_err(|_| drop(fs::remove_file(&new)))
                .map_err(failed)?;
        }
        (WriteMode::CreateNew | WriteMode::Append, None) => {
            // Linking fails if the name is taken, which renaming would not.
            let new = write_beside(&entry, content, None).map_err(failed)?;
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

/// Writes the content to a new file in the directory of the one that it is for.
fn write_beside(entry: &Entry, content: &[u8], old: Option<&Metadata>) -> io::Result<PathBuf> {
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
        let permitted = old.map_or(Ok(()), |old| copy_permissions(&file, old));
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

/// Only the owner may open the file until it has its final permissions.
#[cfg(unix)]
fn private(options: &mut fs::OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn private(_options: &mut fs::OpenOptions) {}

/// Copies the owner, group and mode of the replaced file, as far as the system allows. With another
/// owner or group the new file is neither set-user-ID nor set-group-ID, and another group gets no
/// more permissions than others have.
#[cfg(unix)]
fn copy_permissions(file: &File, old: &Metadata) -> io::Result<()> {
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
fn copy_permissions(file: &File, old: &Metadata) -> io::Result<()> {
    file.set_permissions(old.permissions())
}

/// Appends, or leaves the file as it was.
fn append(old: &Object, content: &[u8], limits: Limits) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.append(true);
    without_waiting(&mut options);
    let mut file = options.open(old.handle.path())?;
    let before = file.metadata()?.len();
    limits.allows_file(before.saturating_add(content.len() as u64))?;
    file.write_all(content)
        .inspect_err(|_| drop(file.set_len(before)))
}
