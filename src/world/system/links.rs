//! Making symbolic links and giving objects other names. What another process exchanged after it was
//! judged is detected afterwards and undone.

use super::{
    failure,
    names::{Entry, FILES},
};
use crate::{
    effect::{Answer, Refusal},
    gate::{Checkpoint, Permitted},
    world::{
        file_error::FileError,
        links::{
            MOST_MOVED, Named, each_link_below, judge_links_below, judge_renaming, judge_symlink,
            named,
        },
        resolve::Asked,
    },
};
use std::{fs, io, path::Path};

/// Moves what is at `from` to `to`, or gives it that second name, as `act` does.
///
/// `budget` is how many more names may be searched for links in moved directories.
pub(super) fn rename(
    [from, to]: [&Asked<'_>; 2],
    act: fn(&Path, &Path) -> io::Result<()>,
    budget: &mut u32,
    gate: &Checkpoint<'_>,
) -> Result<Permitted, Refusal> {
    let renaming = judge_renaming(&FILES, [from, to], budget, gate)?;
    let from = &*from.shown();
    let failed = |error: io::Error| Refusal::from(failure(from, &error));
    let (old, new) = (&renaming.old, &renaming.new);
    act(&old.path(), &new.path()).map_err(failed)?;
    if let Err(refusal) = check_renamed(&renaming.moved, new, from, gate) {
        match named(&FILES, new) {
            // Another directory may have its old name now.
            Ok(Named::Directory) => {
                fs::rename(new.path(), old.path()).or_else(|_| remove_links(new, from))?;
            }
            Ok(Named::Link(_)) => fs::remove_file(new.path()).map_err(failed)?,
            Ok(Named::Nothing | Named::Other) | Err(_) => {}
        }
        return Err(refusal);
    }
    Ok(renaming.permit.answer(Answer::Done))
}

/// Checks that what has the new name is what was judged, in the directory that was judged. Another
/// process may have exchanged it, or put another link into it.
fn check_renamed(
    judged: &Named,
    new: &Entry,
    path: &str,
    gate: &Checkpoint<'_>,
) -> Result<(), Refusal> {
    let present = named(&FILES, new).map_err(|error| failure(path, &error))?;
    match (judged, present) {
        (Named::Directory, Named::Directory) => {
            judge_links_below(&FILES, new, &new.real, &mut { MOST_MOVED }, path, gate)?;
        }
        (_, present @ (Named::Directory | Named::Link(_))) if present != *judged => {
            return Err(FileError::Changing.failure(path).into());
        }
        (Named::Nothing | Named::Other, _) => return Ok(()),
        _ => {}
    }
    check_in_place(new, path)
}

/// Checks that a name is still in the directory that was judged.
fn check_in_place(entry: &Entry, path: &str) -> Result<(), Refusal> {
    match entry.is_in_place() {
        Ok(true) => Ok(()),
        Ok(false) => Err(FileError::Changing.failure(path).into()),
        Err(error) => Err(failure(path, &error).into()),
    }
}

/// Removes all symbolic links in a directory whose new name they were not judged for.
fn remove_links(moved: &Entry, path: &str) -> Result<(), Refusal> {
    each_link_below(
        &FILES,
        moved,
        &mut { u32::MAX },
        path,
        |directory, name| match fs::remove_file(directory.handle.below(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failure(path, &error).into())
            }
            _ => Ok(()),
        },
    )
}

/// Makes a symbolic link whose target must be granted, too.
pub(super) fn symlink(
    asked: &Asked<'_>,
    target: &str,
    leads_to: &str,
    gate: &Checkpoint<'_>,
) -> Result<Permitted, Refusal> {
    let path = &*asked.shown();
    let failed = |error: io::Error| Refusal::from(failure(path, &error));
    let (entry, permit) = judge_symlink(&FILES, asked, target, leads_to, gate)?;
    make_link(target, &entry.path()).map_err(failed)?;
    if let Err(refusal) = check_in_place(&entry, path) {
        fs::remove_file(entry.path()).map_err(failed)?;
        return Err(refusal);
    }
    Ok(permit.answer(Answer::Done))
}

#[cfg(unix)]
fn make_link(target: &str, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(not(unix))]
fn make_link(_target: &str, _link: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
