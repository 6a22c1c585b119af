//! Symbolic links that an effect leaves behind: those that it makes, and those that it moves or
//! gives a second name, including all inside a moved directory. Each is judged as if it were made
//! at its new place.

use super::{
    file_error::FileError,
    judged::{both, judge, placed},
    resolve::{Asked, Entry, FileSystem, Object, Placed, entry, follow, join, split, text},
};
use crate::{
    capability::path,
    effect::{FileKind, Refusal},
    gate::{Checkpoint, NewLink, Permit},
};
use alloc::vec::Vec;

/// The most names that one instance may search for links in the directories that it moves.
pub(super) const MOST_MOVED: u32 = 100_000;

/// What has a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    Nothing,
    Directory,
    /// A symbolic link with this target.
    Link(Vec<u8>),
    Other,
}

pub(super) fn named<F: FileSystem>(files: &F, entry: &Entry<F::Handle>) -> Result<Named, F::Error> {
    Ok(match files.kind(&entry.directory.handle, entry.name())? {
        None => Named::Nothing,
        Some(FileKind::Directory) => Named::Directory,
        Some(FileKind::Symlink) => {
            Named::Link(files.target(&entry.directory.handle, entry.name())?)
        }
        Some(_) => Named::Other,
    })
}

/// An effect that gives an object another name, judged and not yet done.
pub(super) struct Renaming<H> {
    pub(super) old: Entry<H>,
    pub(super) new: Entry<H>,
    pub(super) moved: Named,
    pub(super) permit: Permit,
}

/// Judges an effect that moves what is at `from` to `to`, or gives it that second name.
///
/// `budget` is how many more names may be searched for links.
pub(super) fn judge_renaming<F: FileSystem>(
    files: &F,
    [from, to]: [&Asked<'_>; 2],
    budget: &mut u32,
    gate: &Checkpoint<'_>,
) -> Result<Renaming<F::Handle>, Refusal> {
    let from_text = from.shown();
    let failed = |error: F::Error| Refusal::from(F::failure(&from_text, &error));
    let (old, left_old) = placed(files, from, gate)?;
    let (new, left_new) = match placed(files, to, gate) {
        Ok(placed) => placed,
        Err(error) => return Err(left_old.err().unwrap_or(error)),
    };
    let moved = match (&old, &new) {
        // `.`, `..` and the root are neither moved nor given.
        (Placed::Entry(old), Placed::Entry(new)) if old.last.is_name() && new.last.is_name() => {
            named(files, old)
        }
        _ => Ok(Named::Nothing),
    };
    let is_directory = matches!(moved, Ok(Named::Directory));
    let names = both(both(left_old, || left_new), || {
        judge(gate, &[(old.real(), is_directory), (new.real(), false)])
    });
    let (names, permit) = match names {
        Ok(permit) => (Ok(()), Some(permit)),
        Err(refusal) => (Err(refusal), None),
    };
    let (old, new) = match (&names, old.into_entry(), new.into_entry()) {
        (_, Ok(old), Ok(new)) => (old, new),
        (Ok(()), Err(error), _) | (Ok(()), _, Err(error)) => return Err(failed(error)),
        (Err(_), ..) => {
            return Err(names
                .err()
                .unwrap_or_else(|| failed(FileError::Missing.into())));
        }
    };
    // With names that are denied, the links are judged for the operator only.
    both(names, || match &moved {
        Ok(Named::Link(target)) => Link::at(files, &new.real, target)
            .map_err(failed)?
            .judge(gate),
        Ok(Named::Directory) => judge_links_below(files, &old, &new.real, budget, &from_text, gate),
        Ok(Named::Nothing | Named::Other) | Err(_) => Ok(()),
    })?;
    let moved = moved.map_err(failed)?;
    let permit = permit.ok_or_else(|| failed(FileError::Missing.into()))?;
    Ok(Renaming {
        old,
        new,
        moved,
        permit,
    })
}

/// Judges each link in a directory as it will be when the directory has the name `new`.
pub(super) fn judge_links_below<F: FileSystem>(
    files: &F,
    old: &Entry<F::Handle>,
    new: &[u8],
    budget: &mut u32,
    path: &str,
    gate: &Checkpoint<'_>,
) -> Result<(), Refusal> {
    let failed = |error: F::Error| Refusal::from(F::failure(path, &error));
    let mut judged = Ok(());
    let walked = each_link_below(files, old, budget, path, |directory, name| {
        let target = files.target(&directory.handle, name).map_err(failed)?;
        let place = join(&directory.real, name);
        let link = Link::at(files, &place, &target).map_err(failed)?;
        let before = core::mem::replace(&mut judged, Ok(()));
        judged = both(before, || link.moved(&old.real, new).judge(gate));
        Ok(())
    });
    both(judged, || walked)
}

/// Calls `visit` with each symbolic link in the directory of this name and in all directories below
/// it, each time with the directory that the link is in and its name.
///
/// A directory that cannot be read is an error, but only after all others were visited.
pub(super) fn each_link_below<F: FileSystem>(
    files: &F,
    top: &Entry<F::Handle>,
    budget: &mut u32,
    path: &str,
    mut visit: impl FnMut(&Object<F::Handle>, &[u8]) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut unreadable = None;
    // Paths and not handles, of which a process has few.
    let mut directories = vec![top.name().to_vec()];
    while let Some(below) = directories.pop() {
        let limit = usize::try_from(*budget).unwrap_or(usize::MAX);
        let listed = files.find_below(&top.directory, &below);
        let listed = listed.and_then(|found| match found.is_directory() {
            true => Ok((files.list(&found.handle, limit)?, found)),
            // Another process has replaced it.
            false => Ok((Some(Vec::new()), found)),
        });
        let (names, directory) = match listed {
            Ok(listed) => listed,
            // Another process has removed it.
            Err(error) if F::is_missing(&error) => continue,
            Err(error) => {
                unreadable.get_or_insert(error);
                continue;
            }
        };
        let names = names.ok_or_else(|| FileError::TooManyMoved.failure(path))?;
        *budget = budget.saturating_sub(u32::try_from(names.len()).unwrap_or(u32::MAX));
        for (name, kind) in names {
            match kind {
                FileKind::Directory => directories.push(join(&below, &name)),
                FileKind::Symlink => visit(&directory, &name)?,
                _ => {}
            }
        }
    }
    match unreadable {
        Some(error) => Err(F::failure(path, &error).into()),
        None => Ok(()),
    }
}

/// Judges an effect that makes a symbolic link at `asked`. `leads_to` is where its target leads if
/// the path has no directory.
pub(super) fn judge_symlink<F: FileSystem>(
    files: &F,
    asked: &Asked<'_>,
    target: &str,
    leads_to: &str,
    gate: &Checkpoint<'_>,
) -> Result<(Entry<F::Handle>, Permit), Refusal> {
    let failed = |error: F::Error| Refusal::from(F::failure(&asked.shown(), &error));
    let (placed, left) = placed(files, asked, gate)?;
    let entry = match placed {
        Placed::Entry(entry) => entry,
        Placed::Nowhere { real, error } => {
            let end = path::cleaned(leads_to);
            let names = [(real.as_slice(), false), (end.as_bytes(), false)];
            both(left, || judge(gate, &names))?;
            return Err(failed(error));
        }
    };
    let link = match Link::at(files, &entry.real, target.as_bytes()) {
        Ok(link) => link,
        Err(error) => return Err(left.err().unwrap_or_else(|| failed(error))),
    };
    let names = both(left, || {
        judge(gate, &[(&entry.real, false), (&link.end, false)])
    });
    let (names, permit) = match names {
        Ok(permit) => (Ok(()), Some(permit)),
        Err(refusal) => (Err(refusal), None),
    };
    both(names, || match entry.last.is_name() {
        true => link.judge(gate),
        false => Ok(()),
    })?;
    let permit = permit.ok_or_else(|| failed(FileError::Missing.into()))?;
    Ok((entry, permit))
}

/// A symbolic link and where it leads, as [`NewLink`] describes it.
struct Link {
    place: Vec<u8>,
    target: Vec<u8>,
    named: Option<Vec<u8>>,
    end: Vec<u8>,
}

impl Link {
    /// A link with this real name. Its target is relative to the real directory that it is in, which
    /// the path of the effect may reach through links.
    fn at<F: FileSystem>(files: &F, place: &[u8], target: &[u8]) -> Result<Link, F::Error> {
        let directory = split(place).map_or(&b"/"[..], |(directory, _)| directory);
        let path = join(directory, target);
        Ok(Link {
            place: place.to_vec(),
            target: target.to_vec(),
            named: entry(files, &path).ok().map(|entry| entry.real),
            end: follow(files, &path)?.real().to_vec(),
        })
    }

    /// The same link when the directory `old` is called `new`.
    fn moved(self, old: &[u8], new: &[u8]) -> Link {
        let moved = |path: Vec<u8>| match path.strip_prefix(old) {
            Some(rest) if rest.is_empty() || rest.starts_with(b"/") => [new, rest].concat(),
            _ => path,
        };
        let place = moved(self.place);
        if self.target.starts_with(b"/") {
            return Link { place, ..self };
        }
        Link {
            place,
            target: self.target,
            named: self.named.map(moved),
            end: moved(self.end),
        }
    }

    fn judge(&self, gate: &Checkpoint<'_>) -> Result<(), Refusal> {
        Ok(gate.link(NewLink {
            place: &text(&self.place),
            target: &text(&self.target),
            named: self.named.as_deref().map(text).as_deref(),
            end: &text(&self.end),
        })?)
    }
}
