//! Symbolic links, and what gives links new names: moving and doubling. Each link is checked as if
//! it were made at its new place, also those inside a directory that is moved.

use super::{
    failure,
    files::{judge, place, real_name},
    names::{self, Entry, Look},
    opened::names_in,
};
use crate::{
    effect::{Answer, Refusal},
    gate::{Checkpoint, NewLink, Permitted},
    world::file_error::{FileError, MOST_MOVED},
};
use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

/// What has a name.
#[derive(PartialEq, Eq)]
enum What {
    Nothing,
    Directory,
    /// A symbolic link, and its content.
    Link(PathBuf),
    Other,
}

fn what(entry: &Entry) -> io::Result<What> {
    let kind = match fs::symlink_metadata(entry.path()) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(What::Nothing),
        Err(error) => return Err(error),
    };
    Ok(if kind.is_dir() {
        What::Directory
    } else if kind.is_symlink() {
        What::Link(fs::read_link(entry.path())?)
    } else {
        What::Other
    })
}

/// Moves a name, or gives what it names another one.
pub(super) struct Renaming<'a> {
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    pub(super) act: fn(&Path, &Path) -> io::Result<()>,
    /// How many more names may be searched for links in moved directories.
    pub(super) budget: &'a mut u32,
}

impl Renaming<'_> {
    pub(super) fn perform(self, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        let Renaming {
            from,
            to,
            act,
            budget,
        } = self;
        let failed = |error: io::Error| Refusal::from(failure(from, &error));
        let entries = (names::entry(Path::new(from)), names::entry(Path::new(to)));
        let (old, new) = match entries {
            (Ok(old), Ok(new)) => (old, new),
            (old, new) => {
                let real = |entry: &io::Result<Entry>, path: &str| match entry {
                    Ok(entry) => Ok(entry.real.clone()),
                    Err(_) => place(path),
                };
                let (real_old, real_new) = (real(&old, from)?, real(&new, to)?);
                judge(gate, &[(&real_old, false), (&real_new, false)])?;
                let error = old.err().or(new.err());
                return Err(failed(error.unwrap_or(io::ErrorKind::NotFound.into())));
            }
        };
        let found = what(&old);
        let directory = matches!(found, Ok(What::Directory));
        let permit = judge(gate, &[(&old.real, directory), (&new.real, false)])?;
        let found = found.map_err(failed)?;
        match &found {
            What::Link(target) => leads(&new.real, target).map_err(failed)?.judge(gate)?,
            What::Directory => inside(&old, &new.real, budget, from, gate)?,
            What::Nothing | What::Other => {}
        }
        act(&old.path(), &new.path()).map_err(failed)?;
        if let Err(refusal) = still(&found, &new, from, gate) {
            let undone = match what(&new) {
                Ok(What::Directory) => fs::rename(new.path(), old.path()),
                Ok(What::Link(_)) => fs::remove_file(new.path()),
                Ok(What::Nothing | What::Other) | Err(_) => Ok(()),
            };
            undone.map_err(failed)?;
            return Err(refusal);
        }
        Ok(permit.answer(Answer::Done))
    }
}

/// Whether what has its new name is what was judged, and is where it was judged to be: another
/// process may have exchanged it, or put another link in it, after that.
fn still(found: &What, new: &Entry, path: &str, gate: &Checkpoint<'_>) -> Result<(), Refusal> {
    let failed = |error: io::Error| Refusal::from(failure(path, &error));
    match (found, what(new).map_err(failed)?) {
        (What::Directory, What::Directory) => {
            inside(new, &new.real, &mut { MOST_MOVED }, path, gate)?;
        }
        (_, now @ (What::Directory | What::Link(_))) if now != *found => {
            return Err(FileError::Changing.failure(path).into());
        }
        (What::Nothing | What::Other, _) => return Ok(()),
        _ => {}
    }
    stands(new, path)
}

/// Whether a name is still in the directory in which it was judged.
fn stands(entry: &Entry, path: &str) -> Result<(), Refusal> {
    match entry.stands() {
        Ok(true) => Ok(()),
        Ok(false) => Err(FileError::Changing.failure(path).into()),
        Err(error) => Err(failure(path, &error).into()),
    }
}

/// Judges each link in a directory as it will be when the directory has its new name.
fn inside(
    old: &Entry,
    new: &Path,
    budget: &mut u32,
    path: &str,
    gate: &Checkpoint<'_>,
) -> Result<(), Refusal> {
    let failed = |error: io::Error| Refusal::from(failure(path, &error));
    let mut directories = vec![old.path()];
    while let Some(directory) = directories.pop() {
        let found = match names::look(&directory, false).map_err(failed)? {
            Look::Found(found) if found.metadata.is_dir() => found,
            _ => continue,
        };
        let most = usize::try_from(*budget).unwrap_or(usize::MAX);
        let mut names = names_in(&found.path(), most)
            .map_err(failed)?
            .ok_or_else(|| FileError::TooManyMoved.failure(path))?;
        *budget = budget.saturating_sub(u32::try_from(names.len()).unwrap_or(MOST_MOVED));
        names.sort_by(|a, b| a.name.cmp(&b.name));
        for entry in names {
            if entry.kind.is_dir() {
                directories.push(directory.join(&entry.name));
            } else if entry.kind.is_symlink() {
                let target = fs::read_link(found.path().join(&entry.name)).map_err(failed)?;
                let link = leads(&found.real.join(&entry.name), &target).map_err(failed)?;
                link.moved(&old.real, new).judge(gate)?;
            }
        }
    }
    Ok(())
}

/// A link, and where it leads.
struct Leading {
    place: PathBuf,
    target: OsString,
    named: Option<PathBuf>,
    end: PathBuf,
}

/// Where a link of this real name leads.
fn leads(place: &Path, target: &Path) -> io::Result<Leading> {
    let meant = place.parent().unwrap_or(Path::new("/")).join(target);
    Ok(Leading {
        place: place.to_owned(),
        target: target.as_os_str().to_owned(),
        named: names::entry(&meant).ok().map(|entry| entry.real),
        end: real_name(&meant, true)?,
    })
}

impl Leading {
    /// The same link when what was called `old` is called `new`.
    fn moved(self, old: &Path, new: &Path) -> Leading {
        let moved = |path: PathBuf| match path.strip_prefix(old) {
            Ok(rest) if rest.as_os_str().is_empty() => new.to_owned(),
            Ok(rest) => new.join(rest),
            Err(_) => path,
        };
        let absolute = Path::new(&self.target).is_absolute();
        Leading {
            place: moved(self.place),
            named: if absolute {
                self.named
            } else {
                self.named.map(moved)
            },
            end: if absolute { self.end } else { moved(self.end) },
            ..self
        }
    }

    fn judge(&self, gate: &Checkpoint<'_>) -> Result<(), Refusal> {
        let named = self.named.as_ref().map(|named| named.to_string_lossy());
        Ok(gate.link(NewLink {
            place: &self.place.to_string_lossy(),
            target: &self.target.to_string_lossy(),
            named: named.as_deref(),
            end: &self.end.to_string_lossy(),
        })?)
    }
}

/// Makes a symbolic link whose target, too, must be granted.
pub(super) fn symlink(
    path: &str,
    target: &str,
    leads_to: &str,
    gate: &Checkpoint<'_>,
) -> Result<Permitted, Refusal> {
    let failed = |error: io::Error| Refusal::from(failure(path, &error));
    let entry = match names::entry(Path::new(path)) {
        Ok(entry) => entry,
        Err(error) => {
            judge(
                gate,
                &[(&place(path)?, false), (Path::new(leads_to), false)],
            )?;
            return Err(failed(error));
        }
    };
    // Relative to the real place of the link, which its path may reach through links.
    let link = leads(&entry.real, Path::new(target)).map_err(failed)?;
    let permit = judge(gate, &[(&entry.real, false), (&link.end, false)])?;
    link.judge(gate)?;
    make_link(target, &entry.path()).map_err(failed)?;
    if let Err(refusal) = stands(&entry, path) {
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
